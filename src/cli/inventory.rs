//! `tuffet inventory`.

use super::args::{Common, Format, InventoryOut};
use super::failure::Failure;
use super::settings::Settings;
use super::terminal::{Finished, Terminal};
use super::{build, clock, show};
use tuffet::disk::folder;
use tuffet::disk::lock::WhenHeld;
use tuffet::runs::build::{Digests, Request};
use tuffet::runs::inventory;
use tuffet::state::State;

pub(crate) fn run(common: &Common, args: &InventoryOut) -> Result<u8, Failure> {
    build::threads(args.jobs)?;
    let settings = Settings::load(common)?;
    let [out, source, site] =
        [&args.out, &settings.source, &settings.site].map(|path| folder::resolve_as_far_as_there(path));
    if [source, site].iter().any(|folder| out.starts_with(folder)) {
        return Err(Failure::usage("--out: the file would lie inside the source or the site; name another"));
    }
    let state = State::new(&settings.state);
    let when_held = if args.wait { WhenHeld::Wait } else { WhenHeld::GiveUp };
    let _lock = state.lock(when_held)?;
    let reporter = Terminal::new(common);
    let digests = if args.rehash { Digests::Anew } else { Digests::Remembered };
    let request = Request { digests, ..build::request(&settings, clock::now(common)?) };
    let outcome = inventory::inventory(&request, &args.out, &reporter);
    let Finished { warnings, seconds, memory } = reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => {
            let json = serde_json::json!({
                "out": args.out,
                "rows": outcome.rows,
                "unsaid": outcome.unsaid,
                "files": {"seen": outcome.seen, "hashed": outcome.hashed.0, "bytes_hashed": outcome.hashed.1},
                "seconds": seconds,
                "memory": memory,
                "warnings": warnings,
            });
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => {
            let mut text = format!(
                "Wrote {}: {}, {} hashed ({}).\n",
                args.out.display(),
                show::count(outcome.rows, "file"),
                outcome.hashed.0,
                show::size(outcome.hashed.1)
            );
            if outcome.unsaid > 0 {
                let more = format!(
                    "Yanked marks and statuses of projects that are not in it: {}. A list has no column for them, and \
                     a build from it does not know them.",
                    outcome.unsaid
                );
                text += &format!("{}\n", show::wrap(&more, 80, ""));
            }
            show::print(&text);
        }
    }
    Ok(0)
}
