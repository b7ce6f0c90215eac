//! `tuffet status --format prometheus`: text for a textfile collector. Bins are one series, that of
//! the first to end, for a collector has no use for thousands.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use tuffet::runs::status::{Health, Outcome};
use tuffet::trust::Custody;

/// The metrics of a tree. Times are seconds since 1970.
pub(crate) fn metrics(outcome: &Outcome) -> String {
    let mut out = String::new();
    let now = outcome.now.unix();
    let mut ends: BTreeMap<(String, Custody), i64> = BTreeMap::new();
    let mut due = BTreeMap::new();
    for role in &outcome.roles {
        let name = if role.role.as_str().starts_with("bin-") { "bins" } else { role.role.as_str() };
        let end = ends.entry((name.to_owned(), role.custody)).or_insert(i64::MAX);
        *end = role.expires.unix().min(*end);
        if role.custody == Custody::Online {
            *due.entry(name.to_owned()).or_insert(0) +=
                u64::from(matches!(role.health, Health::Due | Health::Expired));
        }
    }
    family(&mut out, "tuffet_role_expires_timestamp_seconds", "When the role ends; of bins, the first.");
    for ((role, custody), end) in &ends {
        let _ = writeln!(
            out,
            "tuffet_role_expires_timestamp_seconds{{role=\"{role}\",custody=\"{custody}\"}} {end}"
        );
    }
    family(
        &mut out,
        "tuffet_role_expires_in_seconds",
        "How long it lasts; of bins, the first. Negative once it has ended.",
    );
    for ((role, custody), end) in &ends {
        let left = end - now;
        let _ =
            writeln!(out, "tuffet_role_expires_in_seconds{{role=\"{role}\",custody=\"{custody}\"}} {left}");
    }
    family(&mut out, "tuffet_roles_due", "Online roles past their point of renewal.");
    for (role, due) in due {
        let _ = writeln!(out, "tuffet_roles_due{{role=\"{role}\"}} {due}");
    }
    let projects = outcome.projects;
    family(&mut out, "tuffet_projects", "Projects by standing.");
    for (standing, count) in [
        ("unclaimed", projects.unclaimed),
        ("recently-claimed", projects.recently_claimed),
        ("claimed", projects.claimed),
    ] {
        let _ = writeln!(out, "tuffet_projects{{standing=\"{standing}\"}} {count}");
    }
    single(&mut out, "tuffet_snapshot_version", "The snapshot that is current.", outcome.snapshot.number());
    single(&mut out, "tuffet_targets", "Targets that are published.", outcome.targets);
    if let Some(held) = &outcome.held {
        single(&mut out, "tuffet_held_files", "Files that the last build held back.", held.len() as u64);
    }
    single(&mut out, "tuffet_queue_length", "Changes that wait for a ceremony.", outcome.queue.len() as u64);
    if let Some(last) = outcome.last_run {
        let last = last.unix();
        let age = now - last;
        single(
            &mut out,
            "tuffet_last_run_timestamp_seconds",
            "The last run that ended well, by its own clock.",
            last,
        );
        let help =
            "How long ago that was, when this was written. Negative where the clock was set back since.";
        single(&mut out, "tuffet_last_run_age_seconds", help, age);
    }
    out
}

fn family(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn single(out: &mut String, name: &str, help: &str, value: impl Display) {
    family(out, name, help);
    let _ = writeln!(out, "{name} {value}");
}
