//! `tuffet project list`.

use crate::cli::args::{Common, Format};
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::terminal::Terminal;
use crate::cli::{clock, show};
use tuffet::model::Moment;
use tuffet::runs::project::list::{self as project, Listed};
use tuffet::state::ledger::What;

pub(super) fn listed(common: &Common) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let now = clock::now(common)?;
    let reporter = Terminal::new(common);
    let listed = project::list(&settings.site, &settings.state, &reporter);
    reporter.finish();
    let listed = listed?;
    match common.format {
        Format::Json => {
            let one = |one: &Listed| {
                serde_json::json!({
                    "project": one.project.as_str(),
                    "standing": one.standing,
                    "suspended": one.suspended,
                    "keys": one.keys,
                    "threshold": one.threshold,
                    "since": one.since,
                    "expires": one.expires,
                    "members": one.members,
                    "files": one.files,
                    "held": one.held,
                })
            };
            let all: Vec<_> = listed.iter().map(one).collect();
            show::print(&format!("{}\n", serde_json::json!({"projects": all})));
        }
        _ => show::print(&table(&listed, now)),
    }
    Ok(0)
}

fn table(listed: &[Listed], now: Moment) -> String {
    if listed.is_empty() {
        return "No project has an author's key yet; `tuffet project accept` takes in submissions.\n"
            .to_owned();
    }
    let mut out = String::from("PROJECT               STANDING          FILES  KEY       SINCE       ENDS\n");
    for one in listed {
        let standing = match one.suspended {
            Some(What::Revoked) => "revoked".to_owned(),
            Some(_) => "suspended".to_owned(),
            None => one.standing.to_string(),
        };
        let key = match (&one.keys[..], one.suspended) {
            (_, Some(_)) => "-".to_owned(),
            ([only], None) => only.short().to_owned(),
            (keys, None) => format!("{} of {}", one.threshold, keys.len()),
        };
        let since = one.since.map(|since| since.to_string()).unwrap_or_default();
        let ends = match (one.suspended, one.expires <= now) {
            (Some(_), _) => String::new(),
            (None, true) => "EXPIRED".to_owned(),
            (None, false) => format!("in {}", show::span(one.expires.since(now))),
        };
        out += &format!(
            "{:<20}  {standing:<16}  {:>5}  {key:<8}  {:<10}  {ends}\n",
            one.project.as_str(),
            one.files,
            since.get(..10).unwrap_or("unknown"),
        );
        if !one.members.is_empty() {
            out +=
                &format!("  {}\n", show::wrap(&format!("members: {}", one.members.join(", ")), 78, "    "));
        }
        for held in &one.held {
            out += &format!("  held: {}\n", show::one_line(&held.file));
        }
    }
    out
}
