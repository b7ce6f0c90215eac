//! `tuffet build`.

use super::args::{Build, Common, Format, Init};
use super::failure::{Failure, USAGE};
use super::settings::Settings;
use super::terminal::{self, Finished, Terminal};
use super::{clock, init, passphrase, show, signer};
use std::num::NonZeroUsize;
use std::path::Path;
use tuffet::disk::folder;
use tuffet::disk::lock::WhenHeld;
use tuffet::model::{Moment, TargetPath};
use tuffet::pipeline::collect::Layout;
use tuffet::pipeline::inventory;
use tuffet::pipeline::partition::Became;
use tuffet::runs::build::{self, Digests, Mode, Outcome, Removals, TargetFiles};
use tuffet::site::Site;
use tuffet::site::read;
use tuffet::state::State;

pub(crate) fn run(common: &Common, args: &Build) -> Result<u8, Failure> {
    threads(args.jobs)?;
    if args.no_sync {
        tuffet::disk::sync::never_wait();
    }
    let settings = Settings::load(common)?;
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let reporter = Terminal::new(common);
    let site = Site::new(&settings.site);
    if !args.init {
        build::not_begun(&site, &state)?;
    } else if args.dry_run && !read::is_begun(&site)? {
        return Err(Failure::usage(
            "--dry-run shows what a build would change, and nothing is published yet",
        ));
    }
    refuse_manifest(args, &settings).map_err(Failure::usage)?;
    let changed = args.changed.as_deref().map(changed).transpose()?;
    let _lock = state.lock(when_held)?;
    let now = clock::settled(common, &settings.site, &reporter)?;
    passphrase::warn_if_open(common, &reporter)?;
    let mut made = None;
    // Asked under the lock: another run may have made the repository meanwhile.
    if args.init && !read::is_begun(&site)? {
        let count = match args.inventory.is_empty() {
            true => None,
            false => Some(listed(args, &settings)?),
        };
        if count.is_none() {
            init::refuse_unusable_source(&settings, args.allow_removals)?;
        }
        made = Some(init::make(common, &Init::default(), &settings, count, &reporter)?);
    }
    let online = signer::online(common, &settings, &state)?;
    let request = build::Request {
        mode: if args.dry_run { Mode::DryRun } else { Mode::Publish },
        removals: if args.allow_removals { Removals::Allowed } else { Removals::Guarded },
        digests: if args.rehash { Digests::Anew } else { Digests::Remembered },
        manifest: args.manifest.as_deref(),
        replace: &args.replace,
        decided: args.decided,
        inventory: &args.inventory,
        changed: changed.as_deref(),
        target_files: if args.inventory.is_empty() { settings.target_files } else { TargetFiles::Elsewhere },
        ..request(&settings, now)
    };
    let outcome = build::build(&request, &*online, &reporter);
    if let (Some(made), Format::Human, false) = (&made, common.format, common.quiet) {
        show::print(&format!("{}\n", init::human(&Init::default(), made, &settings)));
    }
    let finished = reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome, &finished))),
        _ if common.quiet => {}
        _ => show::print(&human(common, args, &outcome, &settings, made.is_some())),
    }
    Ok(0)
}

/// The paths that `--changed` gives, a line each.
fn changed(file: &Path) -> Result<Vec<String>, Failure> {
    let bytes = match file.to_str() {
        Some("-") => tuffet::disk::read::standard_input(),
        _ => tuffet::disk::read::bytes(file),
    };
    let bytes = bytes.map_err(|e| Failure::usage(format!("--changed: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().iter().take(e.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        Failure::usage(format!("--changed: line {line} is not UTF-8, and no target has such a name"))
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// `--jobs N`.
pub(super) fn threads(jobs: Option<NonZeroUsize>) -> Result<(), Failure> {
    let Some(jobs) = jobs else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.get()).build_global();
    pool.map_err(|e| Failure::new(USAGE, format!("--jobs: {e}")))
}

/// How many files the lists name, where the number of bins follows it.
fn listed(args: &Build, settings: &Settings) -> Result<u64, Failure> {
    if settings.bins.is_some() {
        return Ok(0);
    }
    match build::count(&args.inventory, settings.layout) {
        Ok(count) => Ok(count),
        Err(inventory::Error::Empty { .. }) if args.allow_removals => Ok(0),
        Err(error) => Err(build::Error::from(error).into()),
    }
}

/// A build as `pipeline.toml` has it, with nothing asked for beside.
pub(super) fn request(settings: &Settings, now: Moment) -> build::Request<'_> {
    build::Request {
        source: &settings.source,
        inventory: &[],
        changed: None,
        layout: settings.layout,
        selection: &settings.selection,
        site: &settings.site,
        target_files: settings.target_files,
        tough_alias: settings.tough_alias,
        compress: &settings.compress,
        state: &settings.state,
        bins: settings.bins,
        pages: settings.pages,
        yanked: &settings.yanked,
        files_url: settings.files_url.as_deref(),
        lives: &settings.lives,
        now,
        mode: Mode::Publish,
        removals: Removals::Guarded,
        digests: Digests::Remembered,
        manifest: None,
        replace: &[],
        decided: false,
    }
}

/// A manifest inside the site would be served, one inside the source taken for a part of it, and whatever
/// is no manifest is not overwritten.
fn refuse_manifest(args: &Build, settings: &Settings) -> Result<(), String> {
    let Some(given) = &args.manifest else { return Ok(()) };
    let [file, source, site, state] = [given, &settings.source, &settings.site, &settings.state]
        .map(|path| folder::resolve_as_far_as_there(path));
    if [source, site, state].iter().any(|folder| file.starts_with(folder)) {
        return Err(
            "--manifest: the file would lie inside the source, the site or the state folder; name another"
                .to_owned(),
        );
    }
    if folder::is_there(&file).map_err(|e| e.to_string())? && !build::is_manifest(&file) {
        let shown = given.display();
        return Err(format!("--manifest: {shown} is there and is no manifest; name another file"));
    }
    Ok(())
}

fn json(outcome: &Outcome, finished: &Finished) -> serde_json::Value {
    serde_json::json!({
        "snapshot": outcome.snapshot,
        "published": outcome.published,
        "targets": outcome.targets,
        "layout": outcome.layout.map(Layout::name),
        "projects": outcome.projects,
        "suspended": outcome.suspended.iter().map(tuffet::model::ProjectName::as_str).collect::<Vec<_>>(),
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
        "manifest": outcome.manifest.map(|manifest| serde_json::json!({
            "upload": manifest.upload,
            "remove": manifest.remove,
            "purge": manifest.purge,
        })),
        "seconds": finished.seconds,
        "memory": finished.memory,
        "warnings": finished.warnings,
    })
}

fn human(common: &Common, args: &Build, outcome: &Outcome, settings: &Settings, first: bool) -> String {
    let site = settings.site.display();
    let version = outcome.snapshot.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let mut what = show::count(outcome.distributions, "file");
    if let Some(projects) = outcome.projects.filter(|projects| *projects > 0) {
        what += &format!(" of {}", show::count(projects, "project"));
    }
    if outcome.targets > outcome.distributions {
        what += &format!("; {} in all", show::count(outcome.targets, "target"));
    }
    let lists: Vec<String> = args.inventory.iter().map(|path| path.display().to_string()).collect();
    let taken = match outcome.layout {
        _ if !lists.is_empty() => format!("  from the inventory {}\n", lists.join(", ")),
        Some(Layout::Bandersnatch) => {
            format!("  from {}, a bandersnatch mirror\n", settings.source.display())
        }
        Some(Layout::Tree) => format!("  from {}, files as they lie\n", settings.source.display()),
        _ => format!("  from {}, a folder of distributions\n", settings.source.display()),
    };
    let counts = format!(
        "{taken}  {} added, {} changed, {} removed, {} held; {} hashed ({})\n",
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
    let changes = outcome.added + outcome.changed + outcome.removed > 0;
    let names = if args.dry_run || common.verbose { names(outcome) } else { String::new() };
    if args.dry_run {
        let would =
            if changes || outcome.bins_renewed > 0 { "would publish" } else { "would change nothing of" };
        let text = format!("Dry run, nothing was written: a build {would} {what}.");
        let text = show::wrap(&text, terminal::width(), "  ");
        return format!("{names}{text}\n{counts}{bins}{renewed}\n");
    }
    let manifest = match (&args.manifest, &outcome.manifest) {
        (Some(file), Some(manifest)) => format!(
            "  {}: {} to upload, {} to remove, {} to purge\n",
            file.display(),
            manifest.upload,
            manifest.remove,
            manifest.purge
        ),
        _ => String::new(),
    };
    if !outcome.published {
        return format!("Nothing new: snapshot {version} stays, with {what}.\n{manifest}");
    }
    let next = if first {
        format!(
            "\nAny web server or CDN can serve {site}: to TUF clients, and to pip with\n  \
             --index-url http://…/simple/\n\
             To check it as a client would:\n  tuffet verify {site}\n"
        )
    } else {
        String::new()
    };
    format!(
        "{names}Published snapshot {version} in {site}: {what}.\n{counts}{bins}{renewed}\n{manifest}{next}"
    )
}

/// What became of which target, a line each.
fn names(outcome: &Outcome) -> String {
    let line = |(became, path): &(Became, TargetPath)| match became {
        Became::Added => format!("+ {path}\n"),
        Became::Changed => format!("~ {path}\n"),
        Became::Removed => format!("- {path}\n"),
    };
    let mut out: String = outcome.names.iter().map(line).collect();
    let all = outcome.added + outcome.changed + outcome.removed;
    let named = outcome.names.len() as u64;
    if all > named {
        out += &format!("and {} more\n", all - named);
    }
    out
}
