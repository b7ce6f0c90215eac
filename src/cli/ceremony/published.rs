//! `tuffet ceremony apply` and `tuffet ceremony abandon`.

use super::names;
use crate::cli::args::{CeremonyApply, Common, Format};
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::terminal::Terminal;
use crate::cli::{build, clock, project, show, signer};
use std::collections::BTreeMap;
use std::path::Path;
use tuffet::disk::folder;
use tuffet::disk::lock::WhenHeld;
use tuffet::keys::Signer;
use tuffet::model::ProjectName;
use tuffet::runs::ceremony::apply::{self, Keys, Outcome};
use tuffet::runs::ceremony::{self as runs, abandon};
use tuffet::state::{State, ceremony};
use tuffet::trust::ceremony::Act;

pub(super) fn applied(common: &Common, args: &CeremonyApply) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?;
    let reporter = Terminal::new(common);
    let now = clock::settled(common, &settings.site, &reporter)?;
    let load = |path: &Path| signer::load_with(common, Some(&settings), path);
    let next_path = state.next_online_key();
    // One that no ceremony brings is none of this run's business: its maker may not have ended.
    let outstanding = ceremony::outstanding(&state).map_err(runs::Error::from)?;
    let brings = outstanding.is_some_and(|one| one.online.is_some());
    let next = (brings && folder::is_there(&next_path)?).then(|| load(&next_path)).transpose()?;
    // A run that died while one key took the place of the other has left the new one alone.
    let is_between = settings.online.is_none() && next.is_some() && !folder::is_there(&state.online_key())?;
    let online = if is_between { load(&next_path)? } else { signer::online(common, &settings, &state)? };
    let request = apply::Request {
        place: project::place(&settings, now),
        layout: settings.layout,
        source: &build::request(&settings, now),
        files: &args.files,
    };
    let keys = Keys { now: &*online, next: next.as_deref() };
    let outcome = apply::apply(&request, keys, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome))),
        _ if common.quiet => {}
        _ => {
            show::print(&human(&outcome));
            if settings.online.is_some() && next.is_some() && !folder::is_there(&next_path)? {
                let text = "The online key is another now, and stands in the state folder: take keys.online out of \
                            pipeline.toml, or let it name the new one.";
                show::print(&format!("{}\n", show::wrap(text, 80, "  ")));
            }
        }
    }
    Ok(0)
}

fn of(outcome: &Outcome, act: Act) -> Vec<ProjectName> {
    outcome.projects.iter().filter(|(other, _)| *other == act).map(|(_, name)| name.clone()).collect()
}

fn json(outcome: &Outcome) -> serde_json::Value {
    let roles = outcome.roles.iter().map(|(role, version)| (role.to_string(), version.number()));
    serde_json::json!({
        "claimed": names(&of(outcome, Act::Claimed)),
        "rekeyed": names(&of(outcome, Act::Rekeyed)),
        "suspended": names(&of(outcome, Act::Suspended)),
        "freed": names(&of(outcome, Act::Freed)),
        "waiting": names(&outcome.waiting),
        "roles": roles.collect::<BTreeMap<_, _>>(),
        "snapshot": outcome.snapshot,
        "retired_key": outcome.retired_key,
        "lost": outcome.lost,
    })
}

fn human(outcome: &Outcome) -> String {
    let paragraph = |what: &str| format!("{}\n", show::wrap(what, 80, "  "));
    let many = |act: Act, what: &str| {
        let many = of(outcome, act).len() as u64;
        (many > 0).then(|| format!("{} {what}", show::count(many, "project")))
    };
    let changes = [
        many(Act::Claimed, "claimed"),
        many(Act::Rekeyed, "with other keys"),
        many(Act::Suspended, "suspended"),
        many(Act::Freed, "whose name is free again"),
    ];
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    let roles: Vec<String> =
        outcome.roles.iter().map(|(role, version)| format!("{role} {version}")).collect();
    let mut out = paragraph(&format!("Published snapshot {}: {}.", outcome.snapshot, roles.join(", ")));
    if !changes.is_empty() {
        out += &paragraph(&format!("From now on: {}.", changes.join(", ")));
    }
    if !outcome.waiting.is_empty() {
        out += &paragraph(&format!(
            "Not signed, and waiting on: the change of keys of {}.",
            names(&outcome.waiting).join(", ")
        ));
    }
    if outcome.gap {
        out += &paragraph(
            "Those who held targets until now have not signed it: readers that came in the moment between the two \
             renames found a root without the rest, and ask again.",
        );
    }
    if !outcome.lost.is_empty() {
        out += &paragraph("Not published, for their bytes are neither in the site nor in the copy:");
        outcome.lost.iter().for_each(|path| out += &format!("  {}\n", show::one_line(path.as_str())));
    }
    if let Some(path) = &outcome.retired_key {
        let place = match signer::token_in(path) {
            Ok(Some(uri)) => uri.to_string(),
            _ => path.display().to_string(),
        };
        out += &paragraph(&format!(
            "The online key that signed until now signs no more; it lies in {place}. Destroy it: clients that have an older root \
             trust it until that ends."
        ));
    }
    out
}

pub(super) fn abandoned(common: &Common) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?;
    let reporter = Terminal::new(common);
    let now = clock::settled(common, &settings.site, &reporter)?;
    let online = || -> Option<Box<dyn Signer>> { signer::online(common, &settings, &state).ok() };
    let outcome = abandon::abandon(project::place(&settings, now), settings.layout, &online, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => {
            let done = outcome.carried.iter().filter(|(_, done)| done.is_ok()).map(|(name, _)| name.as_str());
            let done: Vec<&str> = done.collect();
            let json = serde_json::json!({"abandoned": true, "id": outcome.file, "carried_out": done});
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => show::print(&words(&outcome)),
    }
    Ok(0)
}

fn words(outcome: &abandon::Outcome) -> String {
    let id = outcome.file.get(..16).unwrap_or(&outcome.file);
    let mut out = format!("The ceremony {id} is abandoned: its file is worth nothing any more.\n");
    for (name, done) in &outcome.carried {
        let text = match done {
            Ok(()) => format!("{name}: the change of its keys that waited is carried out."),
            Err(why) => format!("{name}: the change of its keys that waited is not carried out: {why}"),
        };
        out += &format!("{}\n", show::wrap(&text, 80, "  "));
    }
    out
}
