//! `tuffet sweep`.

use super::args::{Common, Format, Sweep};
use super::failure::Failure;
use super::settings::Settings;
use super::terminal::Terminal;
use super::{clock, show};
use tuffet::disk::lock::WhenHeld;
use tuffet::model::moment;
use tuffet::runs::sweep::{self, Outcome, Request};
use tuffet::state::State;

pub(crate) fn run(common: &Common, args: &Sweep) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let grace = moment::parse_duration(&args.grace).map_err(|e| Failure::usage(format!("--grace: {e}")))?;
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let _lock = state.lock(when_held)?;
    let reporter = Terminal::new(common);
    let request = Request {
        site: &settings.site,
        state: &settings.state,
        grace,
        lives: &settings.lives,
        now: clock::settled(common, &settings.site, &reporter)?,
        dry_run: args.dry_run,
    };
    let outcome = sweep::sweep(&request, &reporter);
    let warnings = reporter.finish().warnings;
    let outcome = outcome?;
    match common.format {
        Format::Json => {
            let json = serde_json::json!({
                "dry_run": args.dry_run,
                "grace": moment::show_duration(outcome.grace),
                "removed": outcome.plan.remove,
                "bytes": outcome.plan.bytes,
                "kept_snapshots": outcome.plan.kept_snapshots,
                "warnings": warnings,
            });
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => show::print(&human(args, &outcome, common.verbose)),
    }
    Ok(0)
}

fn human(args: &Sweep, outcome: &Outcome, verbose: bool) -> String {
    let mut out = String::new();
    let plan = &outcome.plan;
    if args.dry_run || verbose {
        plan.remove.iter().for_each(|name| out += &format!("{name}\n"));
    }
    let verb = if args.dry_run { "Would remove" } else { "Removed" };
    out += &format!(
        "{verb} {} ({}); kept what was current within {}: {}.\n",
        show::count(plan.remove.len() as u64, "file"),
        show::size(plan.bytes),
        show::span(outcome.grace),
        show::count(plan.kept_snapshots.len() as u64, "snapshot")
    );
    out
}
