//! `tuffet init`.

use super::args::{Common, Format, Init};
use super::failure::Failure;
use super::settings::{Settings, TEMPLATE};
use super::terminal::Terminal;
use super::{clock, passphrase, show};
use std::path::{Path, PathBuf};
use tuffet::disk::lock::WhenHeld;
use tuffet::disk::{folder, write};
use tuffet::model::BinCount;
use tuffet::pipeline::collect;
use tuffet::report::{Code, Reporter, Silent, Warning};
use tuffet::runs::init;
use tuffet::state::State;

pub(crate) fn run(common: &Common, args: &Init) -> Result<u8, Failure> {
    let wrote = match Settings::load_if_there(common)? {
        Some(_) => false,
        None => {
            write::write_new(&common.config, TEMPLATE.as_bytes())?;
            true
        }
    };
    let settings = Settings::load(common)?;
    if wrote && !folder::is_folder(&settings.source)? && settings.bins.is_none() {
        return Err(Failure::usage(format!(
            "{} was not there and has been written. Set source.path in it to the folder with your distributions \
             ({} is not there), and run init again",
            common.config.display(),
            settings.source.display()
        )));
    }
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?;
    let reporter = Terminal::new(common);
    passphrase::warn_if_open(common, &reporter)?;
    let outcome = make(common, args, &settings, None, &reporter)?;
    reporter.finish();
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome, &settings))),
        _ if common.quiet => {}
        _ => {
            let next = "Next: put distributions into the source, and run `tuffet build`.";
            show::print(&format!("{}\n{next}\n", human(args, &outcome, &settings)));
        }
    }
    Ok(0)
}

/// Makes the repository; the caller holds the lock.
pub(crate) fn make(
    common: &Common,
    args: &Init,
    settings: &Settings,
    count: Option<u64>,
    reporter: &dyn Reporter,
) -> Result<init::Outcome, Failure> {
    let keys_dir = keys_dir(args, settings);
    let online = State::new(&settings.state).online_key();
    init::refuse(
        &settings.site,
        &keys_dir,
        &online,
        (args.root_keys, args.root_threshold),
        (args.admin_keys, args.admin_threshold),
    )?;
    settings.check_keys_dir(&keys_dir).map_err(Failure::usage)?;
    let bins = match settings.bins {
        Some(bins) => bins,
        None => BinCount::for_targets(count.map_or_else(|| count_source(settings), Ok)?),
    };
    let plain = args.insecure_plain_keys || settings.insecure_plain;
    let mut passphrases = init::Passphrases::default();
    if !plain {
        passphrases.online = Some(passphrase::choose(common, "the online key, which every build needs")?);
        passphrases.offline = Some(match &args.offline_passphrase_file {
            Some(path) => passphrase::from_file(path, reporter)?,
            None => passphrase::choose(common, "the offline keys")?,
        });
        if passphrases.offline == passphrases.online {
            let message = "the offline keys have the online key's passphrase, which this machine keeps: \
                           change it where they go, or make them with --offline-passphrase-file";
            reporter.warn(Warning::of_run(Code::Passphrase, message));
        }
    }
    let request = init::Request {
        site: &settings.site,
        state: &settings.state,
        keys_dir: &keys_dir,
        root_keys: (args.root_keys, args.root_threshold),
        admin_keys: (args.admin_keys, args.admin_threshold),
        bins,
        compress: &settings.compress,
        lives: &settings.lives,
        now: clock::now(common)?,
    };
    Ok(init::init(&request, &passphrases, reporter)?)
}

pub(crate) fn keys_dir(args: &Init, settings: &Settings) -> PathBuf {
    args.keys_dir.clone().unwrap_or_else(|| settings.base.join("offline-keys"))
}

/// How many targets the source would give today: the number of bins follows it. A new
/// repository may begin empty; a source that is missing is a mistake.
fn count_source(settings: &Settings) -> Result<u64, Failure> {
    match collect::collect(&source(settings), &Silent) {
        Ok(collected) => Ok(collected.candidates.len() as u64),
        Err(error) if error.is_empty() => Ok(0),
        Err(error) => Err(tuffet::runs::build::Error::from(error).into()),
    }
}

/// A repository that is made and published in one go needs something to publish.
pub(crate) fn refuse_unusable_source(settings: &Settings, allow_empty: bool) -> Result<(), Failure> {
    match collect::collect(&source(settings), &Silent) {
        Err(error) if allow_empty && error.is_empty() => Ok(()),
        Err(error) => Err(tuffet::runs::build::Error::from(error).into()),
        Ok(_) => Ok(()),
    }
}

fn source(settings: &Settings) -> collect::Request<'_> {
    collect::Request {
        source: &settings.source,
        layout: settings.layout,
        selection: &settings.selection,
        known: &|_, _| None,
        known_listing: &|_| None,
        was_mirror: false,
        is_young: &|_| true,
    }
}

fn json(outcome: &init::Outcome, settings: &Settings) -> serde_json::Value {
    serde_json::json!({
        "site": settings.site,
        "root_keys": outcome.root_keys,
        "admin_keys": outcome.admin_keys,
        "online_key": outcome.online_key,
        "bins": outcome.bins.get(),
    })
}

/// What was made, which file goes where, and who must carry it away.
pub(crate) fn human(args: &Init, outcome: &init::Outcome, settings: &Settings) -> String {
    let list = |paths: &[PathBuf]| paths.iter().map(|p| format!("    {}\n", p.display())).collect::<String>();
    let mut out =
        format!("Made a new repository in {}, with {} bins.\n\n", settings.site.display(), outcome.bins);
    out += &format!(
        "  Root keys: any {} of these {} can say who signs what.\n",
        args.root_threshold, args.root_keys
    );
    out += &list(&outcome.root_keys);
    out += &format!(
        "  Administrators' keys: any {} of these {} sign targets, claimed and unclaimed.\n",
        args.admin_threshold, args.admin_keys
    );
    out += &list(&outcome.admin_keys);
    out += "  Online key: signs every build, and stays on this machine.\n";
    out += &list(std::slice::from_ref(&outcome.online_key));
    let folder = outcome.root_keys.first().and_then(|path| path.parent()).unwrap_or(Path::new("."));
    if args.insecure_plain_keys || settings.insecure_plain {
        out += "\nNone of these files has a passphrase: that is for trying things out.\n";
    }
    let carry = format!(
        "Now carry the files in {} away: give each to the person who is to hold it, on a medium that goes into \
         a safe, with a copy in another place. Then remove them here: as long as they lie on this machine, \
         whoever takes it over is the repository. No build ever needs them.",
        folder.display()
    );
    let clients = format!(
        "Clients start from {}: hand it to them in a way that does not pass through this machine.",
        settings.site.join("metadata").join("1.root.json").display()
    );
    out += &format!("\n{}\n\n{}\n", show::wrap(&carry, 80, ""), show::wrap(&clients, 80, ""));
    out
}
