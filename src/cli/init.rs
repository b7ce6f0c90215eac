//! `tuffet init`.

use super::args::{Common, Format, Init};
use super::failure::Failure;
use super::settings::{Settings, TEMPLATE};
use super::terminal::Terminal;
use super::{clock, passphrase, show, signer};
use std::path::PathBuf;
use tuffet::disk::lock::WhenHeld;
use tuffet::disk::{folder, write};
use tuffet::model::BinCount;
use tuffet::pipeline::collect;
use tuffet::report::{Code, Reporter, Silent, Warning};
use tuffet::runs::init::{self, Quorum, Source};
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
    let quorum = |given: &[PathBuf], made: u32, threshold: u32| {
        let given = u32::try_from(given.len()).unwrap_or(u32::MAX);
        match given {
            0 => Quorum { keys: made, threshold, source: Source::Made },
            keys => Quorum { keys, threshold, source: Source::Given },
        }
    };
    let root_keys = quorum(&args.root_key, args.root_keys, args.root_threshold);
    let admin_keys = quorum(&args.admin_key, args.admin_keys, args.admin_threshold);
    init::refuse(&settings.site, &keys_dir, &online, root_keys, admin_keys)?;
    settings.check_keys_dir(&keys_dir).map_err(Failure::usage)?;
    let bins = match settings.bins {
        Some(bins) => bins,
        None => BinCount::for_targets(count.map_or_else(|| count_source(settings), Ok)?),
    };
    let given = given(common, args, settings)?;
    let plain = args.insecure_plain_keys || settings.insecure_plain;
    let mut passphrases = init::Passphrases::default();
    if !plain {
        if given.online.is_none() {
            passphrases.online = Some(passphrase::choose(common, "the online key, which every build needs")?);
        }
        if given.root.is_empty() || given.admin.is_empty() {
            passphrases.offline = Some(match &args.offline_passphrase_file {
                Some(path) => passphrase::from_file(path, reporter)?,
                None => passphrase::choose(common, "the offline keys")?,
            });
        }
        if passphrases.offline.is_some() && passphrases.offline == passphrases.online {
            let message = "the offline keys have the online key's passphrase, which this machine keeps: \
                           change it where they go, or make them with --offline-passphrase-file";
            reporter.warn(Warning::of_run(Code::Passphrase, message));
        }
    }
    let request = init::Request {
        site: &settings.site,
        state: &settings.state,
        keys_dir: &keys_dir,
        root_keys,
        admin_keys,
        bins,
        compress: &settings.compress,
        lives: &settings.lives,
        now: clock::to_sign(common, reporter)?,
    };
    Ok(init::init(&request, &passphrases, given, reporter)?)
}

/// The keys that are there already.
fn given(common: &Common, args: &Init, settings: &Settings) -> Result<init::GivenKeys, Failure> {
    let one = |name: &PathBuf| -> Result<init::Given, Failure> {
        Ok(init::Given { name: name.clone(), signer: signer::load_with(common, Some(settings), name)? })
    };
    let all = |names: &[PathBuf]| names.iter().map(one).collect::<Result<Vec<_>, _>>();
    let online = match (&args.online_key, &settings.online) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("--online-key: pipeline.toml names the online key, as keys.online"));
        }
        (Some(name), None) => Some((one(name)?, Some(signer::text(name)?))),
        (None, Some(uri)) => {
            let signer = signer::online(common, settings, &State::new(&settings.state))?;
            Some((init::Given { name: uri.to_string().into(), signer }, None))
        }
        (None, None) => None,
    };
    Ok(init::GivenKeys { root: all(&args.root_key)?, admin: all(&args.admin_key)?, online })
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
        may_be_empty: false,
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
        args.root_threshold,
        outcome.root_keys.len()
    );
    out += &list(&outcome.root_keys);
    out += &format!(
        "  Administrators' keys: any {} of these {} sign targets, claimed and unclaimed.\n",
        args.admin_threshold,
        outcome.admin_keys.len()
    );
    out += &list(&outcome.admin_keys);
    let stays = args.online_key.is_none() && settings.online.is_none();
    let stays = if stays { ", and stays on this machine" } else { "" };
    out += &format!("  Online key: signs every build{stays}.\n");
    out += &list(std::slice::from_ref(&outcome.online_key));
    let are_made = [args.root_key.is_empty(), args.admin_key.is_empty()];
    if args.insecure_plain_keys || settings.insecure_plain {
        out += "\nNone of these files has a passphrase: that is for trying things out.\n";
    }
    let carry = format!(
        "Now carry the files in {} away: give each to the person who is to hold it, on a medium that goes into \
         a safe, with a copy in another place. Then remove them here: as long as they lie on this machine, \
         whoever takes it over is the repository. No build ever needs them.",
        keys_dir(args, settings).display()
    );
    let clients = format!(
        "Clients start from {}: hand it to them in a way that does not pass through this machine.",
        settings.site.join("metadata").join("1.root.json").display()
    );
    if are_made.contains(&true) {
        out += &format!("\n{}\n", show::wrap(&carry, 80, ""));
    }
    out += &format!("\n{}\n", show::wrap(&clients, 80, ""));
    out
}
