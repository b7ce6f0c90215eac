//! A ceremony as it is shown: to the person at the safe, and to a program.

use crate::cli::show;
use std::path::Path;
use std::time::Duration;
use tuffet::model::{KeyId, Moment};
use tuffet::runs::ceremony::sign::{self, Confirmed, Outcome};

/// So many projects of a role are always named one by one.
const NAMED: usize = 40;

/// A key that the ledger has known for so long needs no line of its own among many.
const LONG_KNOWN: Duration = Duration::from_secs(14 * 86_400);

pub(super) fn json(outcome: &Outcome, out: Option<&Path>) -> serde_json::Value {
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

/// What is about to be signed, in plain words.
pub(super) fn human(
    outcome: &Outcome,
    ledger: &Path,
    confirmed: &Confirmed,
    now: Moment,
    all: bool,
) -> String {
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
pub(super) fn missing(outcome: &Outcome, out: &Path) -> String {
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
