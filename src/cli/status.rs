//! `tuffet status`: for a person, for a script, and for a collector of metrics.

use super::args::{Common, Format, Status};
use super::failure::{FOUND, Failure};
use super::settings::Settings;
use super::terminal::Terminal;
use super::{clock, prometheus, show, signer};
use tuffet::model::{Moment, moment};
use tuffet::runs::status::{self, Health, Outcome, Request, RoleStatus};
use tuffet::trust::Custody;

pub(crate) fn run(common: &Common, args: &Status) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let now = clock::now(common)?;
    let within = args.within.as_deref().map(moment::parse_duration).transpose();
    let within = within.map_err(|e| Failure::usage(format!("--within: {e}")))?;
    let reporter = Terminal::new(common);
    let request =
        Request { site: &settings.site, state: &settings.state, lives: &settings.lives, now, within };
    let outcome = status::status(&request, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome))),
        Format::Prometheus => show::print(&prometheus::metrics(&outcome)),
        Format::Human if common.quiet => {}
        Format::Human => show::print(&human(common, &outcome, &settings, now)),
    }
    Ok(if within.is_some() && outcome.worst() > Health::Well { FOUND } else { 0 })
}

fn json(outcome: &Outcome) -> serde_json::Value {
    let role = |role: &RoleStatus| {
        serde_json::json!({
            "role": role.role,
            "version": role.version,
            "expires": role.expires,
            "custody": role.custody,
            "threshold": role.threshold,
            "keys": role.keys,
            "renewal": role.due,
            "health": role.health,
        })
    };
    serde_json::json!({
        "snapshot": outcome.snapshot,
        "targets": outcome.targets,
        "roles": outcome.roles.iter().map(role).collect::<Vec<_>>(),
        "projects": outcome.projects,
        "held": outcome.held.as_deref().unwrap_or_default(),
        "held_known": outcome.held.is_some(),
        "queue": outcome.queue,
        "retired_keys": outcome.retired_keys,
        "last_run": outcome.last_run,
    })
}

fn human(common: &Common, outcome: &Outcome, settings: &Settings, now: Moment) -> String {
    let mut out = format!(
        "{}: snapshot {}, {}\n\n",
        settings.site.display(),
        outcome.snapshot,
        show::count(outcome.targets, "target")
    );
    let lines = lines(&outcome.roles, common.verbose);
    let column = lines.iter().map(|line| line.name.len()).max().unwrap_or_default().clamp(16, 28);
    out += &format!("{:<column$}  VERSION  KEYS    CUSTODY  ENDS (UTC)\n", "ROLE");
    for line in &lines {
        out += &row(line, column, now);
    }
    let projects = outcome.projects;
    if projects != status::Projects::default() {
        out += &format!(
            "\nProjects: {} unclaimed, {} recently claimed, {} claimed.\n",
            projects.unclaimed, projects.recently_claimed, projects.claimed
        );
    } else {
        out.push('\n');
    }
    match outcome.held.as_deref() {
        None => out += "Held: not known; the next build says.\n",
        Some([]) => out += "Held: nothing.\n",
        Some(held) => {
            out += &format!("Held, as of the last build: {}.\n", show::count(held.len() as u64, "file"));
            for one in held {
                out += &format!(
                    "  {}\n",
                    show::wrap(&format!("{}: {}", show::one_line(&one.file), one.why), 78, "    ")
                );
            }
        }
    }
    for waiting in &outcome.queue {
        out += &format!("{}\n", show::wrap(&format!("Waiting: {waiting}."), 80, "  "));
    }
    for path in &outcome.retired_keys {
        let shown = path.display();
        let text = match signer::token_in(path) {
            Ok(Some(uri)) => format!(
                "Destroy {uri} in its token, and then remove {shown}, which names it: it is an online key that signs no more."
            ),
            _ => format!("Destroy {shown}: it is an online key that signs no more."),
        };
        out += &format!("{}\n", show::wrap(&text, 80, "  "));
    }
    match outcome.last_run {
        Some(last) if last > now => {
            let ahead = show::span(last.since(now));
            out += &format!("Last run: {last}, {ahead} AHEAD of this clock.\n");
        }
        Some(last) => out += &format!("Last run: {last}, {} ago.\n", show::span(now.since(last))),
        None => {}
    }
    let many = |health: Health| outcome.roles.iter().filter(|role| role.health == health).count() as u64;
    for (health, what) in [
        (Health::Expired, "EXPIRED: clients refuse whatever leads through one"),
        (Health::EndsSoon, "ending soon: the holders must sign a new version"),
        (Health::Due, "due: the next build that publishes renews them"),
    ] {
        if many(health) > 0 {
            out += &format!("{} {what}.\n", show::count(many(health), "role"));
        }
    }
    out
}

/// So many roles of authors are named one by one.
const AUTHORS_NAMED: usize = 12;

/// A row of the table: a role, or all bins together.
struct Line<'a> {
    name: String,
    version: String,
    role: &'a RoleStatus,
}

/// The rows: bins are one, and so are the roles of authors where they are many; its end is that of the first
/// to end and its health the worst. Unless all are wanted.
fn lines(roles: &[RoleStatus], all: bool) -> Vec<Line<'_>> {
    let is_author = |role: &RoleStatus| role.role.as_str().starts_with("project.");
    let many = roles.iter().filter(|role| is_author(role)).count() > AUTHORS_NAMED;
    let group = |role: &RoleStatus| match role.role.as_str() {
        _ if all => None,
        name if name.starts_with("bin-") => Some("bin"),
        // One that needs somebody is named.
        _ if many && is_author(role) && role.health <= Health::Due => Some("author role"),
        _ => None,
    };
    let mut lines = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for role in roles {
        let Some(thing) = group(role) else {
            lines.push(Line { name: role.role.to_string(), version: role.version.to_string(), role });
            continue;
        };
        if shown.contains(&thing) {
            continue;
        }
        shown.push(thing);
        let of_it: Vec<&RoleStatus> = roles.iter().filter(|role| group(role) == Some(thing)).collect();
        let worst = of_it.iter().max_by_key(|one| (one.health, std::cmp::Reverse(one.expires)));
        let versions = of_it.iter().map(|one| one.version);
        let version = match (versions.clone().min(), versions.max()) {
            (Some(least), Some(most)) if least != most => format!("{least}-{most}"),
            (_, most) => most.map(|most| most.to_string()).unwrap_or_default(),
        };
        lines.push(Line {
            name: show::count(of_it.len() as u64, thing),
            version,
            role: worst.unwrap_or(&role),
        });
    }
    lines
}

fn row(line: &Line<'_>, column: usize, now: Moment) -> String {
    let role = line.role;
    let keys = format!("{} of {}", role.threshold, role.keys.len());
    let ends = match role.health {
        Health::Expired => format!("EXPIRED {}", show::span(now.since(role.expires))),
        _ => format!("in {}", show::span(role.expires.since(now))),
    };
    let note = match role.health {
        Health::EndsSoon => "  SOON",
        Health::Due => "  due",
        Health::Well | Health::Expired => "",
    };
    let custody: Custody = role.custody;
    format!(
        "{:<column$}  {:>7}  {keys:<6}  {custody:<7}  {}  {ends}{note}\n",
        line.name,
        line.version,
        role.expires.to_string().replace('T', " ").get(..16).unwrap_or_default(),
    )
}
