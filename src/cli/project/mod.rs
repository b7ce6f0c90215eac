//! `tuffet project`: what the operator of the index does about authors' projects.

mod list;

use crate::cli::args::{Common, Format, ProjectAccept, ProjectCommand, ProjectRevoke};
use crate::cli::failure::{Failure, REFUSED};
use crate::cli::settings::Settings;
use crate::cli::terminal::Terminal;
use crate::cli::{clock, passphrase, question, show, signer};
use std::collections::{BTreeMap, BTreeSet};
use tuffet::disk::lock::WhenHeld;
use tuffet::model::{KeyId, Moment, ProjectName};
use tuffet::runs::build::{Removals, TargetFiles};
use tuffet::runs::project::accept::{self, Keys, Outcome, Taking};
use tuffet::runs::project::revoke;
use tuffet::runs::project::{self as runs, Freeze, Place};
use tuffet::state::State;
use tuffet::submission::Claim;

pub(crate) fn run(common: &Common, command: &ProjectCommand) -> Result<u8, Failure> {
    match command {
        ProjectCommand::List => list::listed(common),
        ProjectCommand::Accept(args) => accepted(common, args, Keys::Stay),
        ProjectCommand::Rekey(args) => accepted(common, args, Keys::Change),
        ProjectCommand::Revoke(args) => revoked(common, args),
    }
}

pub(crate) fn place(settings: &Settings, now: Moment) -> Place<'_> {
    Place {
        site: &settings.site,
        state: &settings.state,
        tough_alias: settings.tough_alias,
        compress: &settings.compress,
        lives: &settings.lives,
        now,
    }
}

fn name(text: &str) -> Result<ProjectName, Failure> {
    ProjectName::normalise(text).map_err(|e| Failure::usage(e.to_string()))
}

/// Whose keys are whose, and how many of several must sign.
type Registrations = (BTreeMap<ProjectName, BTreeSet<KeyId>>, BTreeMap<ProjectName, u32>);

/// `--register NAME=KEYID` and `--register NAME=N`, as often as given.
fn registrations(given: &[String]) -> Result<Registrations, Failure> {
    let (mut keys, mut thresholds) = Registrations::default();
    for text in given {
        let wrong = || {
            Failure::usage(format!(
                "--register {text}: NAME=KEYID is wanted, with the 64 hex digits that `tuffet key show` prints, or \
                 NAME=N for how many of several keys must sign"
            ))
        };
        let (project, what) = text.split_once('=').ok_or_else(wrong)?;
        let project = name(project)?;
        if let Some(keyid) = KeyId::given(what) {
            keys.entry(project).or_default().insert(keyid);
            continue;
        }
        let threshold: u32 = what.parse().map_err(|_| wrong())?;
        if thresholds.insert(project.clone(), threshold).is_some_and(|other| other != threshold) {
            return Err(Failure::usage(format!(
                "--register {text}: another number is given for {project}, too"
            )));
        }
    }
    if let Some(project) = thresholds.keys().find(|project| !keys.contains_key(*project)) {
        return Err(Failure::usage(format!(
            "--register says how many keys of {project} must sign, and not which: give --register {project}=KEYID for \
             each"
        )));
    }
    Ok((keys, thresholds))
}

fn accepted(common: &Common, args: &ProjectAccept, keys: Keys) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let (register, thresholds) = registrations(&args.register)?;
    let only = args.only.iter().map(|text| name(text)).collect::<Result<BTreeSet<_>, _>>()?;
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let _lock = state.lock(when_held)?;
    let reporter = Terminal::new(common);
    let now = clock::settled(common, &settings.site, &reporter)?;
    passphrase::warn_if_open(common, &reporter)?;
    let online = signer::online(common, &settings, &state)?;
    let confirm = |project: &ProjectName, claim: &Claim| {
        // Whose key it is is never taken for granted: --yes does not answer this.
        question::can_ask() && {
            let mut text = format!("{project} is to be held by {}:\n", any_of(claim));
            claim.keys.keys().for_each(|keyid| text += &format!("  {keyid}\n"));
            text += match claim.keys.len() {
                1 => "Did its author tell you so, on another way than the ZIP came?",
                _ => "Did its author tell you so, the number too, on another way than the ZIP came?",
            };
            question::ask(&text)
        }
    };
    let request = accept::Request {
        place: place(&settings, now),
        layout: settings.layout,
        carries_files: settings.target_files != TargetFiles::Elsewhere,
        zips: &args.zips,
        register: &register,
        thresholds: &thresholds,
        only: &only,
        removals: if args.allow_removals { Removals::Allowed } else { Removals::Guarded },
        keys,
        freeze: Freeze::Holds,
        confirm: &confirm,
    };
    let outcome = match accept::accept(&request, &*online, &reporter) {
        Err(runs::Error::Claimed(_) | runs::Error::Frozen(_)) if keys == Keys::Change => {
            let waiting = accept::queued::queue(&request, &reporter);
            reporter.finish();
            return waits(common, &waiting?);
        }
        outcome => outcome,
    };
    reporter.finish();
    let outcome = match outcome {
        Err(runs::Error::Refused(refused)) if common.format == Format::Json => {
            let refused: Vec<_> = refused
                .iter()
                .map(|(zip, refusals)| serde_json::json!({"zip": zip, "refusals": refusals}))
                .collect();
            let json = serde_json::json!({"accepted": [], "refused": refused, "exit": REFUSED});
            show::print(&format!("{json}\n"));
            return Ok(REFUSED);
        }
        outcome => outcome?,
    };
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome))),
        _ if common.quiet => {}
        _ => show::print(&human(&outcome)),
    }
    Ok(0)
}

/// What waits for a ceremony, or for the end of one.
fn waits(common: &Common, names: &[ProjectName]) -> Result<u8, Failure> {
    let names: Vec<&str> = names.iter().map(ProjectName::as_str).collect();
    match common.format {
        Format::Json => {
            let json = serde_json::json!({"accepted": [], "refused": [], "queued": names});
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => {
            let text = format!(
                "{}: waits for the next ceremony, with its submission: the administrators sign such a change. Until then \
                 everything stays as it is.",
                names.join(", ")
            );
            show::print(&format!("{}\n", show::wrap(&text, 80, "")));
        }
    }
    Ok(0)
}

/// How many of how many keys.
fn any_of(claim: &Claim) -> String {
    match claim.keys.len() {
        1 => "this key".to_owned(),
        many => format!("any {} of these {many} keys", claim.threshold),
    }
}

fn json(outcome: &Outcome) -> serde_json::Value {
    let taken = outcome.taken.iter().map(|taken| {
        serde_json::json!({
            "project": taken.project.as_str(),
            "already": taken.taking == Taking::Before,
            "standing": taken.standing,
            "roles": taken.roles.iter().map(|(role, version)| (role.to_string(), version.number())).collect::<BTreeMap<_, _>>(),
            "files": taken.files,
            "dropped": taken.dropped,
            "joined": taken.joined,
            "left": taken.left,
            "registered": taken.binds.as_ref().map(|claim| claim.keys.keys().collect::<Vec<_>>()),
        })
    });
    serde_json::json!({
        "accepted": taken.collect::<Vec<_>>(),
        "refused": [],
        "queued": [],
        "snapshot": outcome.snapshot,
        "written": {"files": outcome.written.files, "bytes": outcome.written.bytes},
    })
}

fn human(outcome: &Outcome) -> String {
    let mut out = String::new();
    for taken in &outcome.taken {
        let roles: Vec<String> =
            taken.roles.iter().map(|(role, version)| format!("{role} {version}")).collect();
        if taken.taking == Taking::Before {
            let text = format!("{}: is taken in already ({})", taken.project, roles.join(", "));
            out += &format!("{}\n", show::wrap(&text, 80, "  "));
            continue;
        }
        out += &format!(
            "{}: {}, {} new\n",
            taken.project,
            taken.standing,
            show::count(taken.files.len() as u64, "file")
        );
        out += &format!("  {}\n", show::wrap(&format!("roles: {}", roles.join(", ")), 78, "    "));
        for (what, names) in [("joined", &taken.joined), ("left", &taken.left)] {
            if !names.is_empty() {
                let text = format!("{what}: {}", names.join(", "));
                out += &format!("  {}\n", show::wrap(&text, 78, "    "));
            }
        }
        if let Some(claim) = &taken.binds {
            out += &format!("  held from now on by {}:\n", any_of(claim));
            claim.keys.keys().for_each(|keyid| out += &format!("    {keyid}\n"));
        }
        if !taken.dropped.is_empty() {
            let names: Vec<&str> = taken.dropped.iter().map(|path| path.split().1).collect();
            let text = format!("not published any more: {}", names.join(", "));
            out += &format!("  {}\n", show::wrap(&text, 78, "    "));
        }
    }
    if outcome.taken.iter().all(|taken| taken.taking == Taking::Before) {
        return out + &format!("Nothing was published: snapshot {} is current.\n", outcome.snapshot);
    }
    out + &format!("Published snapshot {}.\n", outcome.snapshot)
}

fn revoked(common: &Common, args: &ProjectRevoke) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let project = name(&args.name)?;
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let _lock = state.lock(when_held)?;
    let reporter = Terminal::new(common);
    let now = clock::settled(common, &settings.site, &reporter)?;
    if !args.yes {
        let asked = format!(
            "Nothing of {project} will be published until its author, or another, registers a key again. Revoke it?"
        );
        if !question::can_ask() {
            return Err(Failure::usage(format!("{asked} There is nobody to ask: give --yes")));
        }
        if !question::ask(&asked) {
            return Err(Failure::new(REFUSED, "nothing was revoked"));
        }
    }
    let online = signer::online(common, &settings, &state)?;
    let outcome = match revoke::revoke(place(&settings, now), &project, Freeze::Holds, &*online, &reporter) {
        Err(error @ (runs::Error::Claimed(_) | runs::Error::Frozen(_))) => {
            let queued = revoke::queue(place(&settings, now), &project, &reporter);
            reporter.finish();
            let claimed = matches!(error, runs::Error::Claimed(_));
            let waits = match (queued?, claimed) {
                (false, _) => None,
                (true, true) => Some(
                    "the next ceremony, for the administrators have signed its keys over. Until then clients trust \
                     them; hold one soon: `tuffet ceremony prepare`",
                ),
                (true, false) => Some(
                    "the end of the ceremony that is under way. `tuffet ceremony abandon` carries it out at once; \
                     `apply` signs the project over first, and the next ceremony revokes it",
                ),
            };
            return revocation_waits(common, &project, waits);
        }
        outcome => outcome,
    };
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => {
            let json = serde_json::json!({
                "project": project.as_str(),
                "removed": outcome.removed,
                "snapshot": outcome.snapshot,
            });
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => show::print(&format!(
            "{}\n",
            show::wrap(
                &format!(
                    "{project} is revoked: {} not published any more, and the name stays reserved. Published snapshot {}.",
                    show::count(outcome.removed, "target"),
                    outcome.snapshot
                ),
                80,
                ""
            )
        )),
    }
    Ok(0)
}

fn revocation_waits(common: &Common, project: &ProjectName, waits: Option<&str>) -> Result<u8, Failure> {
    if common.format == Format::Json {
        let json = serde_json::json!({"project": project.as_str(), "removed": 0, "queued": waits.is_some()});
        show::print(&format!("{json}\n"));
        return Ok(0);
    }
    let text = match waits {
        Some(what) => format!("{project}: the revocation waits for {what}."),
        None => format!("{project} is suspended, and nothing of it is published: its keys are revoked now."),
    };
    if !common.quiet {
        show::print(&format!("{}\n", show::wrap(&text, 80, "")));
    }
    Ok(0)
}
