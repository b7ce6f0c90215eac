//! `tuffet build`.

use super::args::{Build, Common, Format, Init};
use super::failure::{Failure, USAGE};
use super::settings::Settings;
use super::terminal::Terminal;
use super::{clock, init, passphrase, show};
use std::collections::BTreeMap;
use tuffet::disk::lock::WhenHeld;
use tuffet::keys::file;
use tuffet::report::Warning;
use tuffet::runs::build::{self, Digests, Mode, Outcome, Removals};
use tuffet::site::Site;
use tuffet::site::read;
use tuffet::state::State;

pub(crate) fn run(common: &Common, args: &Build) -> Result<u8, Failure> {
    if let Some(jobs) = args.jobs {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.get()).build_global();
        pool.map_err(|e| Failure::new(USAGE, format!("--jobs: {e}")))?;
    }
    let settings = Settings::load(common)?;
    let now = clock::now(common)?;
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let reporter = Terminal::new(common);
    let begun = read::is_begun(&Site::new(&settings.site))?;
    if !begun && !args.init {
        return Err(build::Error::NotBegun(settings.site.display().to_string()).into());
    }
    let _lock = state.lock(when_held)?.ok_or_else(|| Failure::locked(&settings.state))?;
    let mut made = None;
    if args.init && !begun {
        let init = Init::default();
        made = Some(init::make(common, &init, &settings, &reporter)?);
    }
    let online = file::load(&state.online_key(), &|path| passphrase::ask(common, path))?;
    let request = build::Request {
        source: &settings.source,
        layout: settings.layout,
        selection: &settings.selection,
        site: &settings.site,
        target_files: settings.target_files,
        tough_alias: settings.tough_alias,
        state: &settings.state,
        lives: &settings.lives,
        now,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Publish },
        removals: if args.allow_removals { Removals::Allowed } else { Removals::Guarded },
        digests: if args.rehash { Digests::Anew } else { Digests::Remembered },
        replace: &args.replace,
    };
    let outcome = build::build(&request, &online, &reporter);
    if let (Some(made), Format::Human, false) = (&made, common.format, common.quiet) {
        show::print(&format!("{}\n", init::human(&Init::default(), made, &settings)));
    }
    let (warnings, seconds) = reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome, &warnings, &seconds))),
        Format::Human if common.quiet => {}
        Format::Human => show::print(&human(args, &outcome, &settings)),
    }
    Ok(0)
}

fn json(outcome: &Outcome, warnings: &[Warning], seconds: &BTreeMap<&'static str, f64>) -> serde_json::Value {
    serde_json::json!({
        "snapshot": outcome.snapshot,
        "published": outcome.published,
        "targets": outcome.targets,
        "projects": outcome.projects,
        "bins": {"total": outcome.bins, "signed": outcome.bins_signed, "renewed": outcome.bins_renewed},
        "files": {
            "seen": outcome.seen,
            "hashed": outcome.hashed.0,
            "bytes_hashed": outcome.hashed.1,
            "added": outcome.added,
            "changed": outcome.changed,
            "removed": outcome.removed,
            "held": outcome.held,
        },
        "written": {"files": outcome.written.files, "bytes": outcome.written.bytes},
        "seconds": seconds,
        "warnings": warnings,
    })
}

fn human(args: &Build, outcome: &Outcome, settings: &Settings) -> String {
    let site = settings.site.display();
    let version = outcome.snapshot.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let mut what = show::count(outcome.targets, "target");
    if outcome.projects > 0 {
        what += &format!(" of {}", show::count(outcome.projects, "project"));
    }
    let changes = format!(
        "  {} added, {} changed, {} removed, {} held; {} hashed ({})\n",
        outcome.added,
        outcome.changed,
        outcome.removed,
        outcome.held,
        show::count(outcome.hashed.0, "file"),
        show::size(outcome.hashed.1),
    );
    let bins = format!("  {} of {} signed", outcome.bins_signed, show::count(outcome.bins, "bin"));
    let renewed = match outcome.bins_renewed {
        0 => String::new(),
        renewed => format!(", {renewed} more renewed"),
    };
    if args.dry_run {
        return format!(
            "Dry run, nothing was written; a build would publish {what}.\n{changes}{bins}{renewed}\n"
        );
    }
    if !outcome.published {
        return format!("Nothing new: snapshot {version} stays, with {what}.\n");
    }
    format!(
        "Published snapshot {version} in {site}: {what}.\n{changes}{bins}{renewed}\n\n\
         Any web server or CDN can serve {site}. To check it as a client would:\n  tuffet verify {site}\n"
    )
}
