//! A ceremony as it is shown: to the person at the safe, and to a program.

use crate::cli::show;
use std::path::Path;
use std::time::Duration;
use tuffet::model::Moment;
use tuffet::runs::ceremony::sign::{self, Confirmed, Outcome};
use tuffet::runs::ceremony::{Custodian, Known, Turn};
use tuffet::trust::ceremony::{Act, KeysChange};

/// So many projects are always named one by one.
const NAMED: usize = 40;

/// A list of claimed projects lives for 90 days: for so long it can be shown to clients that start empty.
const USUAL_LIFE: Duration = Duration::from_secs(100 * 86_400);

/// A key that the ledger has known for so long needs no line of its own among many.
const LONG_KNOWN: Duration = Duration::from_secs(14 * 86_400);

pub(super) fn json(outcome: &Outcome, out: Option<&Path>) -> serde_json::Value {
    let project = |project: &sign::Project| {
        let after = project.after.as_ref();
        serde_json::json!({
            "project": project.name,
            "act": word(project.act),
            "keys": after.map(|held| &held.keyids),
            "threshold": after.map(|held| held.threshold),
            "since": project.since,
            "instead_of": project.instead_of,
            "consent": project.consent,
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
            "signed": role.signed,
            "missing": role.missing,
            "threshold": role.threshold,
        })
    };
    let keys = |change: &KeysChange| {
        serde_json::json!({
            "role": change.role,
            "added": change.added,
            "removed": change.removed,
            "as_it_is": change.plain,
            "threshold": change.threshold[1].0,
        })
    };
    serde_json::json!({
        "out": out,
        "ledger_is_new": outcome.ledger_is_new,
        "by_others": outcome.by_others,
        "lists": outcome.lists,
        "keys": outcome.keys.changes.iter().map(keys).collect::<Vec<_>>(),
        "bins": outcome.bins.map(|(_, after)| after),
        "roles": outcome.roles.iter().map(role).collect::<Vec<_>>(),
    })
}

fn word(act: Act) -> &'static str {
    match act {
        Act::Claimed => "claimed",
        Act::Rekeyed => "rekeyed",
        Act::Suspended => "suspended",
        Act::Freed => "freed",
    }
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
    let paragraph = |text: &str| format!("{}\n", show::wrap(text, 80, "  "));
    if outcome.ledger_is_new {
        out += &paragraph(&format!(
            "There is no ledger at {}: this is the first ceremony with it. Whatever was signed before is not known, \
             and every key is seen for the first time.",
            ledger.display()
        ));
    }
    if outcome.by_others {
        out += &paragraph(
            "Other holders have signed since this ledger did. What they signed is taken as it is; ask them.",
        );
    }
    if confirmed.all {
        out += &paragraph(
            "--confirm-all: the index is believed in every key that it names. Whoever has taken it over could have put \
             theirs there, and it takes another ceremony to take back what is signed here.",
        );
    }
    if outcome.roles.is_empty() {
        return out + "The file holds nothing to sign.\n";
    }
    out += "\n";
    for role in &outcome.roles {
        let follows = match role.before {
            Some(before) => format!("follows version {before}"),
            None => "is new".to_owned(),
        };
        out += &paragraph(&format!(
            "{}, version {}: {follows}, ends {} (in {}{})",
            role.role,
            role.version,
            role.expires.to_string().get(..10).unwrap_or_default(),
            show::span(role.expires.since(now)),
            if role.role.is_list() && role.expires > now.plus(USUAL_LIFE) {
                ", LONGER than usual"
            } else {
                ""
            }
        ));
    }
    out += &keys(outcome);
    if let Some((before, after)) = outcome.bins {
        out += &paragraph(&format!("  {after} bins instead of {before}, under the online key"));
    }
    if !outcome.lists.is_empty() {
        out += &paragraph(&format!("  targets {}", outcome.lists.join(", ")));
    }
    for act in [Act::Freed, Act::Suspended, Act::Rekeyed, Act::Claimed] {
        let of_it = |one: &&sign::Project| one.act == act;
        let (approved, others): (Vec<_>, Vec<_>) =
            outcome.projects.iter().filter(of_it).partition(|one| one.approved);
        if !approved.is_empty() {
            out += &paragraph(&format!("\n{}:", headline(act, approved.len() as u64)));
        }
        // Where they are many, those that the ledger has known for long are counted; -v names them, too.
        let (old, fresh): (Vec<_>, Vec<_>) = approved.into_iter().partition(|one| {
            !all && act == Act::Claimed
                && outcome.projects.len() > NAMED
                && one.since.is_some_and(|since| now.since(since) >= LONG_KNOWN)
        });
        if !old.is_empty() {
            let youngest = old.iter().filter_map(|one| one.since).max().map(|since| now.since(since));
            out += &format!(
                "  {} with keys seen {} ago or earlier (-v)\n",
                show::count(old.len() as u64, "project"),
                show::span(youngest.unwrap_or_default())
            );
        }
        fresh.into_iter().for_each(|project| out += &line(project, confirmed, now));
        if !others.is_empty() {
            out += &paragraph(&format!("\n{}:", refusal(act, others.len() as u64)));
        }
        others.into_iter().for_each(|project| out += &line(project, confirmed, now));
    }
    out
}

fn headline(act: Act, many: u64) -> String {
    let many = show::count(many, "project");
    match act {
        Act::Claimed => format!("Signs over {many}"),
        Act::Rekeyed => format!("Gives other keys to {many}"),
        Act::Suspended => format!("SUSPENDS {many}: nothing of it is published any more"),
        Act::Freed => format!("FREES THE NAME of {many}: it is anybody's from then on"),
    }
}

fn refusal(act: Act, many: u64) -> String {
    let many = show::count(many, "project");
    match act {
        Act::Claimed => format!(
            "Does not sign over {many} yet; the keys are written down now, and wait for the next ceremony, or for \
             --confirm NAME=KEYID"
        ),
        Act::Rekeyed => format!(
            "Does not give other keys to {many}: those who hold it have not agreed, only the index asks. If its author \
             told you so, give --confirm NAME=KEYID"
        ),
        Act::Suspended => {
            format!(
                "Does not suspend {many}; give --confirm NAME=suspended, or --suspensions for all of them"
            )
        }
        Act::Freed => format!("WOULD FREE THE NAME of {many}, which needs --confirm NAME=freed"),
    }
}

fn line(project: &sign::Project, confirmed: &Confirmed, now: Moment) -> String {
    let held = project.after.as_ref().filter(|_| matches!(project.act, Act::Claimed | Act::Rekeyed));
    let of = held.map(|held| match held.keyids.len() {
        1 => String::new(),
        many => format!("{} of {many} keys", held.threshold),
    });
    let is_believed = confirmed.all && !confirmed.projects.contains_key(&project.name);
    let how = match (project.act, project.since, project.approved) {
        (Act::Suspended | Act::Freed, ..) => String::new(),
        (Act::Rekeyed, ..) if project.consent => "the key until now agreed".to_owned(),
        (_, Some(since), _) => format!("seen {} ago", show::span(now.since(since))),
        (_, None, true) if is_believed => {
            let ids = held.iter().flat_map(|held| &held.keyids).map(|id| id.short());
            format!("NEVER SEEN, believed: {}", ids.collect::<Vec<_>>().join(" "))
        }
        (_, None, true) => "confirmed".to_owned(),
        (_, None, false) => "never seen before".to_owned(),
    };
    let notes: Vec<String> = of.into_iter().chain([how]).filter(|note| !note.is_empty()).collect();
    let mut out = format!("  {}", show::one_line(project.name.as_str()));
    if !notes.is_empty() {
        out += &format!("  {}", notes.join(", "));
    }
    out += "\n";
    // A key that is new to the signer is to be compared digit by digit.
    let is_new = project.since.is_none() && !(is_believed && project.approved);
    let ids = held.filter(|_| is_new || project.instead_of.is_some());
    for id in ids.iter().flat_map(|held| &held.keyids) {
        out += &format!("    {id}\n");
    }
    for id in project.instead_of.iter().flatten() {
        out += &format!("    instead of {}…\n", id.as_str().get(..32).unwrap_or(id.as_str()));
    }
    out
}

/// Keys of the index's own roles that come and go: roles that change alike are named together.
fn keys(outcome: &Outcome) -> String {
    let mut alike: Vec<(Vec<&str>, Vec<Custodian>, &KeysChange)> = Vec::new();
    for change in &outcome.keys.changes {
        let is_alike = |other: &KeysChange| {
            other.added == change.added
                && other.removed == change.removed
                && other.threshold == change.threshold
                && other.plain == change.plain
        };
        // Bins are held alike, whichever of them was looked at.
        let role = change.role.as_str();
        let role = if role.starts_with("bin-") { "the bins" } else { role };
        let whose = Custodian::of(&change.role);
        match alike.iter_mut().find(|(.., other)| is_alike(other)) {
            Some((roles, changed, _)) => {
                roles.push(role);
                changed.push(whose);
            }
            None => alike.push((vec![role], vec![whose], change)),
        }
    }
    let mut out = String::new();
    for (roles, changed, change) in alike {
        let [(old, of_old), (new, of_new)] = change.threshold;
        let instead = match (old, of_old) == (new, of_new) {
            true => "as before".to_owned(),
            false => format!("instead of {old} of {of_old}"),
        };
        let what = format!("{}: {new} of {of_new} keys sign, {instead}", roles.join(", "));
        out += &format!("{}\n", show::wrap(&format!("\nCHANGES KEYS of {what}"), 80, "  "));
        let added = change.added.iter().map(|id| ('+', id));
        for (sign, id) in added.chain(change.removed.iter().map(|id| ('-', id))) {
            let plain = sign == '+' && change.plain.contains(id);
            let turn = if sign == '+' { Turn::Comes } else { Turn::Goes };
            let known = if plain { Known::AsItIs(id.clone()) } else { Known::Key(turn, id.clone()) };
            let is_unknown =
                outcome.keys.unknown.iter().any(|(whose, what)| *what == known && changed.contains(whose));
            out += &format!("    {sign} {}{}\n", id.as_str(), if is_unknown { " NOT KNOWN" } else { "" });
            if plain {
                out += "      AS IT IS: shown in the place of another role, it would be believed\n";
            }
        }
    }
    out
}

/// What was signed, and what is still missing.
pub(super) fn missing(outcome: &Outcome, out: &Path) -> String {
    let mut text = format!("\nWrote {}.\n", out.display());
    let names = |roles: &[&sign::Seen]| {
        let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
        names.join(", ")
    };
    if outcome.ceremony.is_empty() {
        let nothing = "Nothing is left in it, and nothing of yours to apply: nothing that the file asked for was approved. Sign \
                       the file as it came again, with --confirm for what you know, or leave it to the other holders. If none \
                       of you approves anything, on the index's machine: tuffet ceremony abandon. What this ledger saw for \
                       the first time is written down.";
        return text + &format!("{}\n", show::wrap(nothing, 80, ""));
    }
    let (done, lacking): (Vec<_>, Vec<_>) = outcome.roles.iter().partition(|role| role.missing == 0);
    if !done.is_empty() {
        let what = format!("All signatures are there: {}.", names(&done));
        text += &format!("{}\n", show::wrap(&what, 80, "  "));
    }
    let mut wanted: Vec<u32> = lacking.iter().map(|role| role.missing).collect();
    wanted.sort_unstable();
    wanted.dedup();
    for many in wanted {
        let of_it: Vec<&sign::Seen> = lacking.iter().filter(|role| role.missing == many).copied().collect();
        let what = format!("To be signed by {}: {}.", show::count(many.into(), "more holder"), names(&of_it));
        text += &format!("{}\n", show::wrap(&what, 80, "  "));
    }
    let next = "Next, on the index's machine: tuffet ceremony apply FILE, with the file of each holder.";
    text + &format!("{}\n", show::wrap(next, 80, ""))
}
