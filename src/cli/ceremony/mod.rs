//! `tuffet ceremony`: one file to the safe and back.

mod words;

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
use tuffet::model::{ProjectName, moment};
use tuffet::runs::ceremony::sign::{self, Confirmed};
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
        show::print(&words::human(&looked, &path, &confirmed, now, common.verbose));
    }
    if act == Act::Show {
        if common.format == Format::Json {
            show::print(&format!("{}\n", words::json(&looked, None)));
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
        show::print(&format!("{}\n", words::json(&outcome, Some(&out))));
    } else if !common.quiet {
        show::print(&words::missing(&outcome, &out));
    }
    Ok(0)
}

/// `KEY.ledger`.
fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".ledger");
    name.into()
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
