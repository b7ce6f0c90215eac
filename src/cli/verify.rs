//! `tuffet verify`.

use super::args::{Common, Format, Verify};
use super::failure::{FILES, FOUND, Failure};
use super::settings::Settings;
use super::terminal::{self, Terminal};
use super::{clock, show};
use std::path::{Path, PathBuf};
use tuffet::audit::bases_of;
use tuffet::disk::folder;
use tuffet::runs::build::TargetFiles as Published;
use tuffet::runs::verify::{self, Outcome, Request, Since, TargetFiles};
use tuffet::state::{State, journal};
use tuffet::trust::Severity;

pub(crate) fn run(common: &Common, args: &Verify) -> Result<u8, Failure> {
    let now = clock::now(common)?;
    let settings = if args.metadata.is_some() { None } else { Settings::load_if_there(common)? };
    let site = args.site.clone();
    let site =
        site.or_else(|| settings.as_ref().map(|s| s.site.clone())).unwrap_or_else(|| PathBuf::from("site"));
    let (metadata, targets) = match (&args.metadata, &args.targets) {
        (Some(metadata), targets) => (metadata.clone(), targets.clone().unwrap_or_else(|| metadata.clone())),
        (None, _) => bases_of(&site),
    };
    for folder in [&metadata, &targets] {
        if !folder::is_folder(folder)? {
            let message =
                format!("there is no folder {}; name a site, or --metadata and --targets", folder.display());
            return Err(Failure::usage(message));
        }
    }
    // The journal knows of the site that is built here, and of no other.
    let own = settings.as_ref().filter(|settings| {
        args.metadata.is_none() && folder::resolve(&settings.site).ok() == folder::resolve(&site).ok()
    });
    let published = own.and_then(|settings| journal::highest_published(&State::new(&settings.state)));
    let elsewhere = own.is_some_and(|settings| settings.target_files == Published::Elsewhere);
    let no_targets = args.metadata.is_some() && args.targets.is_none();
    let target_files = match () {
        () if args.metadata_only || no_targets || elsewhere => TargetFiles::Ignored,
        () if args.metadata.is_some() => TargetFiles::AsClientsAsk,
        () => TargetFiles::HashedAndPlain,
    };
    let old = args.since.as_ref().map(|site| bases_of(site).0);
    let since = old.as_ref().map(|metadata| Since { metadata });
    let root = args.root.as_deref();
    let request =
        Request { metadata: &metadata, targets: &targets, root, target_files, now, published, since };
    let reporter = Terminal::new(common);
    let outcome = verify::verify(&request, &reporter).map_err(|e| Failure::new(FILES, e.to_string()))?;
    reporter.finish();
    let worst = if args.strict { Severity::Warning } else { Severity::Error };
    let ok = outcome.is_free_of(worst);
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(ok, &outcome))),
        _ => show::print(&human(common, ok, &outcome, &metadata, target_files)),
    }
    Ok(if ok { 0 } else { FOUND })
}

fn json(ok: bool, outcome: &Outcome) -> serde_json::Value {
    serde_json::json!({
        "ok": ok,
        "roles": outcome.roles,
        "targets": outcome.targets,
        "bytes": outcome.bytes,
        "findings": outcome.findings,
    })
}

fn human(common: &Common, ok: bool, outcome: &Outcome, metadata: &Path, target_files: TargetFiles) -> String {
    let width = terminal::width();
    let mut out = String::new();
    let most = if common.verbose { usize::MAX } else { 50 };
    for finding in outcome.findings.iter().take(most) {
        out += &show::wrap(&finding.to_string(), width, "  ");
        out.push('\n');
    }
    if outcome.findings.len() > most {
        out += &format!("and {} more (-v names them)\n", outcome.findings.len() - most);
    }
    if common.quiet && ok {
        return out;
    }
    let errors = outcome.findings.iter().filter(|f| f.severity == Severity::Error).count() as u64;
    let warnings = outcome.findings.len() as u64 - errors;
    let seen = format!(
        "{}, {}, {} of files",
        show::count(outcome.roles, "role"),
        show::count(outcome.targets, "target"),
        show::size(outcome.bytes)
    );
    let unread = match target_files {
        TargetFiles::Ignored => " Target files were not looked at.",
        _ => "",
    };
    let summary = match (errors, warnings) {
        (0, 0) => format!("Verified {}: {seen}; nothing is wrong.{unread}", metadata.display()),
        _ => {
            format!("{seen}: {}, {}.{unread}", show::count(errors, "error"), show::count(warnings, "warning"))
        }
    };
    out += &show::wrap(&summary, width, "");
    out.push('\n');
    if outcome
        .findings
        .iter()
        .any(|f| f.severity == Severity::Error && f.role.is_some() && f.target.is_some())
    {
        out += "In a site that tuffet builds, `tuffet build --rehash` puts back target files.\n";
    }
    out
}
