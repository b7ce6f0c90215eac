//! `tuffet explain`.

use super::args::{Common, Explain, Format};
use super::failure::Failure;
use super::settings::Settings;
use super::show;
use super::terminal::{self, Terminal};
use tuffet::pipeline::collect::Layout;
use tuffet::runs::explain::{self, Outcome, Request};
use tuffet::trust::Custody;

/// So many targets, and so many bins, are named; the rest are counted.
const NAMED: usize = 8;

pub(crate) fn run(common: &Common, args: &Explain) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let reporter = Terminal::new(common);
    let request = Request {
        site: &settings.site,
        state: &settings.state,
        projects: settings.layout != Layout::Tree,
        name: &args.name,
    };
    let outcome = explain::explain(&request, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome))),
        _ => show::print(&human(common, &outcome)),
    }
    Ok(0)
}

fn json(outcome: &Outcome) -> serde_json::Value {
    let custody =
        |role| outcome.forgers.iter().find(|forger| forger.role == role).map(|forger| forger.custody);
    let chain = outcome.chain.iter().map(|role| {
        serde_json::json!({
            "role": role.role,
            "version": role.version,
            "expires": role.expires,
            "custody": custody(role.role.clone()),
            "threshold": role.keys.threshold,
            "keys": role.keys.keyids,
        })
    });
    let targets = outcome.targets.iter().map(|(entry, role)| {
        serde_json::json!({"path": entry.path, "length": entry.length, "sha256": entry.digest, "role": role})
    });
    serde_json::json!({
        "name": outcome.name,
        "standing": outcome.standing,
        "suspended": outcome.suspended,
        "chain": chain.collect::<Vec<_>>(),
        "targets": targets.collect::<Vec<_>>(),
        "held": outcome.held,
        "who_could_forge": outcome.forgers,
        "verdict": outcome.verdict,
    })
}

fn human(common: &Common, outcome: &Outcome) -> String {
    let width = terminal::width();
    let mut out = match outcome.standing {
        Some(standing) if outcome.suspended => format!("{}: {standing}, suspended\n\n", outcome.name),
        Some(standing) => format!("{}: {standing}\n\n", outcome.name),
        None => format!("{}\n\n", outcome.name),
    };
    out += "A client looks for it in these roles, in this order:\n";
    let most = if common.verbose { usize::MAX } else { NAMED };
    let lists = |role| outcome.targets.iter().filter(|(_, by)| *by == role).count() as u64;
    let names = outcome.chain.iter().map(|role| role.role.as_str().len());
    let column = names.max().unwrap_or_default().clamp(16, 32);
    let mut bins = 0;
    for role in &outcome.chain {
        let is_bin = role.role.as_str().starts_with("bin-");
        bins += usize::from(is_bin);
        if is_bin && bins > most {
            continue;
        }
        let custody = outcome.forgers.iter().find(|forger| forger.role == role.role);
        let custody = custody.map_or(Custody::Offline, |forger| forger.custody);
        let says = match lists(role.role.clone()) {
            0 => String::new(),
            many => format!("  lists {}", show::count(many, "target")),
        };
        let keys =
            format!("{} of {}", role.keys.threshold, show::count(role.keys.keyids.len() as u64, "key"));
        let ids: Vec<&str> = role.keys.keyids.iter().map(|id| id.short()).collect();
        let name = role.role.as_str();
        out += &format!("  {name:<column$}  {custody:<7}  {keys:<11}  {}{says}\n", ids.join(" "));
    }
    if bins > most {
        out += &format!("  and {} more bins (-v names them)\n", bins - most);
    }
    if outcome.targets.is_empty() {
        out += "\nNothing of it is published.\n";
    } else {
        out += "\nThey vouch for these, each with its SHA-256:\n";
    }
    for (entry, _) in outcome.targets.iter().take(most) {
        let path = show::printable(entry.path.as_str());
        out += &format!("  {path}\n    {}  {}\n", entry.digest, show::size(entry.length));
    }
    if outcome.targets.len() > most {
        out += &format!("  and {} more (-v names them)\n", outcome.targets.len() - most);
    }
    for held in &outcome.held {
        out += &format!(
            "  held: {}\n",
            show::wrap(&format!("{}: {}", show::one_line(&held.file), held.why), width - 2, "    ")
        );
    }
    out += &format!("\n{}\n", show::wrap(&outcome.verdict, width, ""));
    out
}
