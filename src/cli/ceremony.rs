//! `tuffet ceremony`: one file to the safe and back.

use super::args::{CeremonyApply, CeremonyCommand, CeremonyPrepare, CeremonySign, Common, Format};
use super::failure::{Failure, REFUSED};
use super::settings::Settings;
use super::terminal::Terminal;
use super::{clock, passphrase, question, show, signer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tuffet::ceremony::{Ceremony, Ledger};
use tuffet::disk::folder;
use tuffet::disk::lock::WhenHeld;
use tuffet::keys::{Signer, file};
use tuffet::model::{KeyId, Moment, ProjectName, moment};
use tuffet::runs::ceremony::sign::{self, Confirmed, Outcome};
use tuffet::runs::ceremony::{self as runs, apply, prepare};
use tuffet::state::State;

pub(crate) fn run(common: &Common, command: &CeremonyCommand) -> Result<u8, Failure> {
    match command {
        CeremonyCommand::Prepare(args) => prepared(common, args),
        CeremonyCommand::Show(args) => signed(common, args, Act::Show),
        CeremonyCommand::Sign(args) => signed(common, args, Act::Sign),
        CeremonyCommand::Apply(args) => applied(common, args),
        CeremonyCommand::Abandon => abandoned(common),
    }
}

fn prepared(common: &Common, args: &CeremonyPrepare) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let older_than = span(args.older_than.as_deref())?;
    if folder::is_there(&args.out) {
        return Err(Failure::usage(format!(
            "--out {} is there already; name another file",
            args.out.display()
        )));
    }
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?.ok_or_else(|| Failure::locked(&settings.state))?;
    let reporter = Terminal::new(common);
    let request = prepare::Request {
        site: &settings.site,
        state: &settings.state,
        lives: &settings.lives,
        older_than,
        now: clock::now(common)?,
        out: &args.out,
    };
    let outcome = prepare::prepare(&request, &reporter);
    reporter.finish();
    let outcome = outcome?;
    if common.format == Format::Json {
        let names = |names: &[ProjectName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let json = serde_json::json!({
            "out": (!outcome.roles.is_empty()).then_some(&args.out),
            "promoted": names(&outcome.promoted),
            "young": names(&outcome.young),
            "roles": outcome.roles.iter().map(|(role, version)| (role.to_string(), *version)).collect::<BTreeMap<_, _>>(),
        });
        show::print(&format!("{json}\n"));
        return Ok(0);
    }
    if common.quiet {
        return Ok(0);
    }
    let young = match outcome.young.len() {
        0 => String::new(),
        many => format!(" {} wait on, for their keys are too young.", show::count(many as u64, "project")),
    };
    let text = if outcome.roles.is_empty() {
        format!("Nothing waits for a ceremony, and no file was written.{young}")
    } else {
        let roles: Vec<String> =
            outcome.roles.iter().map(|(role, version)| format!("{role} {version}")).collect();
        format!(
            "Prepared {}: {} to be signed over; to be signed: {}.{young} Take it to the safe, and run `tuffet \
             ceremony sign` there. Until what comes back is applied, or the ceremony abandoned, keys of these projects \
             do not change.",
            args.out.display(),
            show::count(outcome.promoted.len() as u64, "project"),
            roles.join(", ")
        )
    };
    show::print(&format!("{}\n", show::wrap(&text, 80, "")));
    Ok(0)
}

fn span(text: Option<&str>) -> Result<Duration, Failure> {
    let span = text.map(moment::parse_duration).transpose();
    Ok(span.map_err(|e| Failure::usage(format!("--older-than: {e}")))?.unwrap_or_default())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Show,
    Sign,
}

fn signed(common: &Common, args: &CeremonySign, act: Act) -> Result<u8, Failure> {
    let ceremony = Ceremony::read(&args.file).map_err(runs::Error::from)?;
    if act == Act::Sign && args.key.is_empty() {
        return Err(Failure::usage("--key FILE: whose signature?"));
    }
    let signers = signer::load_all(common, &args.key)?;
    let signers: Vec<&dyn Signer> = signers.iter().map(|signer| &**signer).collect();
    let path = match (&args.ledger, args.key.first()) {
        (Some(path), _) => path.clone(),
        (None, Some(key)) => beside(key),
        (None, None) => {
            return Err(Failure::usage(
                "--ledger FILE, or --key FILE: what is shown is compared with the ledger",
            ));
        }
    };
    let mut ledger = Ledger::read(&path).map_err(runs::Error::from)?;
    let mut confirmed = Confirmed {
        all: args.confirm_all,
        abandoned: args.abandoned,
        older_than: span(args.older_than.as_deref())?,
        ..Confirmed::default()
    };
    for (name, keys) in super::project::registrations("--confirm", &args.confirm)? {
        confirmed.projects.insert(name, keys.into_iter().collect());
    }
    let now = clock::now(common)?;
    // Looked at first, with nothing written down and nothing signed.
    let looked = sign::sign(&ceremony, &[], &mut ledger.clone(), &confirmed, now)?;
    if common.format != Format::Json && !common.quiet {
        show::print(&human(&looked, &path, &confirmed, now, common.verbose));
    }
    if act == Act::Show {
        if common.format == Format::Json {
            show::print(&format!("{}\n", json(&looked, None)));
        }
        return Ok(0);
    }
    let asks = !args.yes && question::can_ask();
    if asks && !question::ask("Do you sign this?") {
        return Err(Failure::new(REFUSED, "nothing was signed"));
    }
    let outcome = sign::sign(&ceremony, &signers, &mut ledger, &confirmed, now)?;
    // The ledger knows before anybody else does.
    ledger.save().map_err(runs::Error::from)?;
    let out = args.out.clone().unwrap_or_else(|| args.file.clone());
    outcome.ceremony.write(&out).map_err(runs::Error::from)?;
    if common.format == Format::Json {
        show::print(&format!("{}\n", json(&outcome, Some(&out))));
    } else if !common.quiet {
        show::print(&missing(&outcome, &out));
    }
    Ok(0)
}

/// `KEY.ledger`.
fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".ledger");
    name.into()
}

fn json(outcome: &Outcome, out: Option<&Path>) -> serde_json::Value {
    let project = |project: &sign::Project| {
        serde_json::json!({
            "project": project.name.to_string(),
            "keys": project.held.keys,
            "threshold": project.held.threshold,
            "since": project.since,
            "instead_of": project.instead_of,
            "approved": project.approved,
        })
    };
    let role = |role: &sign::Seen| {
        serde_json::json!({
            "role": role.role,
            "before": role.before,
            "version": role.version,
            "expires": role.expires,
            "projects": role.projects.iter().map(project).collect::<Vec<_>>(),
            "lists": role.lists,
            "known": role.is_known,
            "signed": role.signed,
            "threshold": role.threshold,
        })
    };
    serde_json::json!({
        "out": out,
        "ledger_is_new": outcome.ledger_is_new,
        "roles": outcome.roles.iter().map(role).collect::<Vec<_>>(),
    })
}

/// So many projects of a role are always named one by one.
const NAMED: usize = 40;

/// A key that the ledger has known for so long needs no line of its own among many.
const LONG_KNOWN: Duration = Duration::from_secs(14 * 86_400);

/// What is about to be signed, in plain words.
fn human(outcome: &Outcome, ledger: &Path, confirmed: &Confirmed, now: Moment, all: bool) -> String {
    let mut out = String::new();
    if outcome.ledger_is_new {
        let text = format!(
            "There is no ledger at {}: this is the first ceremony with it. Whatever is signed here before is not \
             known, and every key is seen for the first time.",
            ledger.display()
        );
        out += &format!("{}\n\n", show::wrap(&text, 80, ""));
    }
    if outcome.roles.is_empty() {
        return out + "The file holds nothing to sign.\n";
    }
    for role in &outcome.roles {
        let follows = match role.before {
            Some(before) => format!("follows version {before}"),
            None => "is new".to_owned(),
        };
        out += &format!(
            "{}, version {}: {follows}, ends {} (in {})\n",
            role.role,
            role.version,
            role.expires.to_string().get(..10).unwrap_or_default(),
            show::span(role.expires.since(now))
        );
        if !role.lists.is_empty() {
            out += &format!("  {}\n", show::wrap(&role.lists.join(", "), 78, "  "));
        }
        let (approved, others): (Vec<_>, Vec<_>) = role.projects.iter().partition(|one| one.approved);
        if !approved.is_empty() {
            out += &format!("  signs over {}:\n", show::count(approved.len() as u64, "project"));
        }
        // Where they are many, those that the ledger has known for long are counted; -v names them, too.
        let (old, fresh): (Vec<_>, Vec<_>) = approved.into_iter().partition(|one| {
            !all && role.projects.len() > NAMED
                && one.since.is_some_and(|since| now.since(since) >= LONG_KNOWN)
        });
        if !old.is_empty() {
            let youngest = old.iter().filter_map(|one| one.since).max().map(|since| now.since(since));
            let span = show::span(youngest.unwrap_or_default());
            out += &format!(
                "    {} with keys seen {span} ago or earlier (-v)\n",
                show::count(old.len() as u64, "project")
            );
        }
        for project in fresh {
            let how = match (project.since, confirmed.all) {
                (Some(since), _) => format!("key seen {} ago", show::span(now.since(since))),
                (None, true) => "SEEN FOR THE FIRST TIME, believed".to_owned(),
                (None, false) => "confirmed".to_owned(),
            };
            out += &line(project, &how);
        }
        if !others.is_empty() {
            out += &format!(
                "  does not sign over {} yet; the keys are written down now, and wait for the next\n  ceremony, or for \
                 --confirm NAME=KEYID:\n",
                show::count(others.len() as u64, "project")
            );
        }
        for project in others {
            let how = match &project.instead_of {
                Some(_) => "ANOTHER KEY than was seen before",
                None => "seen for the first time",
            };
            out += &line(project, how);
        }
    }
    out
}

fn line(project: &sign::Project, how: &str) -> String {
    let keys: Vec<&str> = project.held.keys.iter().map(KeyId::short).collect();
    let of = match keys.len() {
        1 => keys.join(" "),
        many => format!("{} of {many}: {}", project.held.threshold, keys.join(" ")),
    };
    format!("    {:<24}  {of}  {how}\n", project.name.as_str())
}

/// What was signed, and what is still missing.
fn missing(outcome: &Outcome, out: &Path) -> String {
    let mut text = format!("\nWrote {}.\n", out.display());
    let lacks = |role: &sign::Seen| {
        role.threshold.saturating_sub(u32::try_from(role.signed.len()).unwrap_or(u32::MAX))
    };
    let names = |roles: &[&sign::Seen]| {
        let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
        names.join(", ")
    };
    let (unsigned, signed): (Vec<_>, Vec<_>) = outcome.roles.iter().partition(|role| role.signed.is_empty());
    let (done, partly): (Vec<_>, Vec<_>) = signed.into_iter().partition(|role| lacks(role) == 0);
    for (what, roles) in [("All signatures", done), ("Not signed", unsigned)] {
        if !roles.is_empty() {
            text += &format!("{}\n", show::wrap(&format!("{what}: {}.", names(&roles)), 80, "  "));
        }
    }
    if let Some(most) = partly.iter().map(|role| lacks(role)).max() {
        let more = show::count(most.into(), "more holder");
        text +=
            &format!("{}\n", show::wrap(&format!("To be signed by {more}: {}.", names(&partly)), 80, "  "));
    }
    let next = "Next, on the index's machine: tuffet ceremony apply FILE, with the file of each holder.";
    text + &format!("{}\n", show::wrap(next, 80, ""))
}

fn applied(common: &Common, args: &CeremonyApply) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let now = clock::now(common)?;
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?.ok_or_else(|| Failure::locked(&settings.state))?;
    let reporter = Terminal::new(common);
    let online = file::load(&state.online_key(), &|path| passphrase::ask(common, path))?;
    let request = apply::Request {
        site: &settings.site,
        state: &settings.state,
        compress: &settings.compress,
        lives: &settings.lives,
        now,
        files: &args.files,
    };
    let outcome = apply::apply(&request, &online, &reporter);
    reporter.finish();
    let outcome = outcome?;
    if common.format == Format::Json {
        let json = serde_json::json!({
            "claimed": outcome.claimed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "roles": outcome.roles.iter().map(|(role, version)| (role.to_string(), version.number())).collect::<BTreeMap<_, _>>(),
            "snapshot": outcome.snapshot,
        });
        show::print(&format!("{json}\n"));
    } else if !common.quiet {
        let roles: Vec<String> =
            outcome.roles.iter().map(|(role, version)| format!("{role} {version}")).collect();
        let text = format!(
            "{} claimed now; {}. Published snapshot {}.",
            show::count(outcome.claimed.len() as u64, "more project"),
            roles.join(", "),
            outcome.snapshot
        );
        show::print(&format!("{}\n", show::wrap(&text, 80, "")));
    }
    Ok(0)
}

fn abandoned(common: &Common) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?.ok_or_else(|| Failure::locked(&settings.state))?;
    apply::abandon(&settings.state)?;
    if common.format == Format::Json {
        show::print("{\"abandoned\":true}\n");
    } else if !common.quiet {
        show::print("The ceremony is abandoned: its file is worth nothing any more.\n");
    }
    Ok(0)
}
