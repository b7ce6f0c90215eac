//! `tuffet compromise`.

use super::args::{Common, Compromise, Format};
use super::failure::{FILES, Failure};
use super::settings::Settings;
use super::terminal::{self, Terminal};
use super::{clock, show};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tuffet::disk::folder;
use tuffet::model::{KeyId, Moment};
use tuffet::pipeline::collect::Layout;
use tuffet::runs::compromise::{self, Judged, Outcome, Request, Weights, WeightsError};
use tuffet::trust::{Lives, Standing};

/// So many projects of a group are named; the rest are counted.
const NAMED: usize = 8;

pub(crate) fn run(common: &Common, args: &Compromise) -> Result<u8, Failure> {
    let now = clock::now(common)?;
    let settings = match args.site {
        Some(_) => Settings::load_if_there(common)?,
        None => Some(Settings::load(common)?),
    };
    let configured = settings.as_ref().map(|settings| settings.site.clone());
    let site = args.site.clone().or(configured).unwrap_or_else(|| PathBuf::from("site"));
    // The ledger knows of the site that is built here, and of no other.
    let own = settings.as_ref().filter(|own| folder::resolve(&own.site).ok() == folder::resolve(&site).ok());
    if own.is_some_and(|settings| settings.layout == Layout::Tree) {
        return Err(Failure::usage(
            "layout tree has no projects to judge; `tuffet explain PATH` says who could forge a file",
        ));
    }
    let weights = args.weights.as_deref().map(Weights::load).transpose()?;
    let default = Lives::default();
    let request = Request {
        site: &site,
        state: own.map(|settings| settings.state.as_path()),
        lives: own.map_or(&default, |settings| &settings.lives),
        now,
        holding: &args.holding,
        weights: weights.as_ref(),
    };
    let reporter = Terminal::new(common);
    let outcome = compromise::compromise(&request, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome))),
        _ => show::print(&human(common, &outcome)),
    }
    Ok(0)
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        match error {
            WeightsError::Disk(_) => Self::new(FILES, error.to_string()),
            WeightsError::Line { .. } | WeightsError::Empty(_) => Self::usage(error.to_string()),
        }
    }
}

fn json(outcome: &Outcome) -> serde_json::Value {
    let project = |judged: &Judged| {
        let verdict = &judged.verdict;
        serde_json::json!({
            "name": judged.name.as_str(),
            "standing": judged.standing,
            "malicious_update": verdict.malicious_update(),
            "freeze": verdict.freeze(),
            "mix": verdict.new.mix || verdict.returning.mix,
            "why": verdict.why(),
            "new": verdict.new,
            "returning": verdict.returning,
            "tough": verdict.tough,
            "waits": verdict.waits,
            "until": verdict.route.as_ref().and_then(|route| route.until()),
            "limited_by": verdict.limited_by,
        })
    };
    let at_risk = outcome.at_risk();
    let mut json = serde_json::json!({
        "holding": outcome.holding.iter().collect::<Vec<_>>(),
        "projects": outcome.projects.iter().map(project).collect::<Vec<_>>(),
        "at_risk": at_risk,
        "safe": outcome.projects.len() - at_risk,
    });
    if let Some(shares) = outcome.shares {
        json["weights"] = serde_json::json!(shares);
    }
    json
}

fn human(common: &Common, outcome: &Outcome) -> String {
    let width = terminal::width();
    let keys: Vec<&str> = outcome.holding.iter().map(KeyId::short).collect();
    let key = if keys.len() == 1 { "key" } else { "keys" };
    let who = format!("Somebody holds the {key} {}, and the web server.", keys.join(" "));
    let mut out = format!("{}\n\n", show::wrap(&who, width, ""));
    let (at_risk, all) = (outcome.at_risk(), outcome.projects.len());
    out += &format!("{} could be forged, {} could not.\n", projects(at_risk), all - at_risk);
    if let Some(shares) = outcome.shares {
        out += &format!(
            "By downloads: {:.2} % could be forged, {:.2} % could not.\n",
            shares.at_risk * 100.0,
            shares.safe * 100.0
        );
    }
    out += "\n                    clients that start empty  clients that were here before\n";
    for standing in [Standing::Unclaimed, Standing::RecentlyClaimed, Standing::Claimed] {
        let of = |is: &dyn Fn(&Judged) -> bool| {
            outcome.projects.iter().filter(|judged| judged.standing == standing && is(judged)).count()
        };
        let all = of(&|_| true);
        let cell = |count: usize| format!("{count} of {all}");
        let new = cell(of(&|judged| judged.verdict.new.malicious_update));
        let returning = cell(of(&|judged| judged.verdict.returning.malicious_update));
        if all > 0 {
            out += &format!("  {standing:<16}  {new:<24}  {returning}\n");
        }
    }
    let of_tough = |judged: &&Judged| {
        judged.verdict.tough.malicious_update && !judged.verdict.returning.malicious_update
    };
    let of_tough = outcome.projects.iter().filter(of_tough).count();
    if of_tough > 0 {
        let line = format!("tough keeps no root: where it was here before, {} more.", projects(of_tough));
        out += &format!("\n{}\n", show::wrap(&line, width, ""));
    }
    out += &format!("\n{}", show::wrap(&withheld(outcome), width, ""));
    out += "\n";
    let mut groups: BTreeMap<(bool, String), Vec<&Judged>> = BTreeMap::new();
    for judged in &outcome.projects {
        let is_safe = !judged.verdict.malicious_update();
        groups.entry((is_safe, judged.verdict.why())).or_default().push(judged);
    }
    let most = if common.verbose { usize::MAX } else { NAMED };
    for ((_, why), members) in groups {
        let names: Vec<String> = members.iter().take(most).map(|judged| judged.name.to_string()).collect();
        let more = members.len() - names.len();
        let more = if more > 0 { format!(", and {more} more (-v names them)") } else { String::new() };
        let line = format!("  {}: {}{more}", projects(members.len()), names.join(", "));
        out +=
            &format!("\n{}\n  {}\n", show::wrap(&why, width, ""), show::wrap(line.trim(), width - 4, "    "));
    }
    out
}

fn projects(number: usize) -> String {
    show::count(number as u64, "project")
}

/// What can be kept from clients, and what they can be shown that never was.
fn withheld(outcome: &Outcome) -> String {
    let frozen: Vec<&Judged> = outcome.projects.iter().filter(|judged| judged.verdict.freeze()).collect();
    let ends: Option<Vec<Moment>> =
        frozen.iter().map(|judged| judged.verdict.limited_by.as_ref().map(|limit| limit.expires)).collect();
    let until = match ends.and_then(|ends| ends.into_iter().max()) {
        Some(last) => format!("until {last} at the latest"),
        None => "for ever".to_owned(),
    };
    let freeze = match frozen.len() {
        0 => "New releases can be withheld no longer than the timestamp lives.".to_owned(),
        many => format!("New releases of {} can be withheld, {until}.", projects(many)),
    };
    let mixed = |judged: &&Judged| judged.verdict.new.mix || judged.verdict.returning.mix;
    match outcome.projects.iter().find(mixed) {
        Some(_) => format!("{freeze} Roles can be shown together that were never published together."),
        None => freeze,
    }
}
