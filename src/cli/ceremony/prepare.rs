//! `tuffet ceremony prepare`.

use super::{names, span};
use crate::cli::args::{CeremonyPrepare, Common, Format};
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::terminal::Terminal;
use crate::cli::{build, clock, passphrase, project, show, signer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tuffet::disk::lock::WhenHeld;
use tuffet::disk::{folder, write};
use tuffet::keys::{Kind, file};
use tuffet::model::{BinCount, KeyId, Moment, ProjectName, RoleName, Version};
use tuffet::pipeline::partition::Became;
use tuffet::runs::ceremony::prepare::{self, Goes, Lapsing, Outcome};
use tuffet::runs::ceremony::{Back, Custodian, NewKey, Rotation};
use tuffet::state::State;

pub(super) fn prepared(common: &Common, args: &CeremonyPrepare) -> Result<u8, Failure> {
    let settings = Settings::load(common)?;
    let older_than = span(args.older_than.as_deref())?;
    if folder::is_there(&args.out)? {
        return Err(Failure::usage(format!(
            "--out {} is there already; name another file",
            args.out.display()
        )));
    }
    let free = args.free.iter().map(|name| ProjectName::normalise(name)).collect::<Result<BTreeSet<_>, _>>();
    let free = free.map_err(|e| Failure::usage(format!("--free: {e}")))?;
    let bins = args.bins.map(BinCount::new).transpose();
    let bins = bins.map_err(|e| Failure::usage(format!("--bins: {e}")))?;
    let state = State::new(&settings.state);
    let _lock = state.lock(WhenHeld::GiveUp)?;
    let back = back(args, &settings)?;
    prepare::check(&settings.site, &settings.state, if back.is_some() { Goes::Back } else { Goes::On })?;
    let rotate = rotations(common, args, &settings, &state)?;
    let reporter = Terminal::new(common);
    let now = clock::settled(common, &settings.site, &reporter)?;
    let request = prepare::Request {
        place: project::place(&settings, now),
        layout: settings.layout,
        older_than,
        lapsing: if args.suspend_lapsing { Lapsing::Suspended } else { Lapsing::Named },
        free: &free,
        bins,
        rotate: &rotate,
        back: back.as_ref().map(|(snapshot, copy)| Back { snapshot: *snapshot, copy }),
        source: &build::request(&settings, now),
        out: &args.out,
    };
    let outcome = prepare::prepare(&request, &reporter);
    reporter.finish();
    let outcome = outcome?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&outcome, &args.out))),
        _ if common.quiet => {}
        _ => show::print(&human(&outcome, &args.out, now)),
    }
    Ok(0)
}

/// `--compromised-since SNAPSHOT`, with the copy that it is read from.
fn back(args: &CeremonyPrepare, settings: &Settings) -> Result<Option<(Version, PathBuf)>, Failure> {
    let Some(number) = args.compromised_since else { return Ok(None) };
    let snapshot = Version::new(number)
        .ok_or_else(|| Failure::usage("--compromised-since 0: snapshots count from 1"))?;
    let copy = args.copy.clone().unwrap_or_else(|| settings.site.clone());
    Ok(Some((snapshot, folder::resolve(&copy)?)))
}

/// `--rotate ROLE`, with the keys and thresholds that go with it.
fn rotations(
    common: &Common,
    args: &CeremonyPrepare,
    settings: &Settings,
    state: &State,
) -> Result<Vec<Rotation>, Failure> {
    let whose = |flag: &str, word: &str| {
        Custodian::parse(word).ok_or_else(|| {
            Failure::usage(format!(
                "{flag} {word}: root, targets, claimed, unclaimed, admin or online is wanted"
            ))
        })
    };
    let mut all: BTreeMap<Custodian, Rotation> = BTreeMap::new();
    // Whoever held the machine has its key.
    let online = args.compromised_since.map(|_| "online".to_owned());
    for word in args.rotate.iter().chain(&online) {
        let whose = whose("--rotate", word)?;
        all.insert(whose, Rotation { whose, keys: Vec::new(), plain: BTreeSet::new(), threshold: None });
    }
    if args.next_online.is_some() && !all.contains_key(&Custodian::Online) {
        return Err(Failure::usage("--next-online: give --rotate online, too"));
    }
    let parted = |flag: &str, text: &str| -> Result<(Custodian, String), Failure> {
        let (word, value) =
            text.split_once('=').ok_or_else(|| Failure::usage(format!("{flag} {text}: ROLE=… is wanted")))?;
        let whose = whose(flag, word)?;
        if !all.contains_key(&whose) {
            return Err(Failure::usage(format!("{flag} {text}: give --rotate {word}, too")));
        }
        Ok((whose, value.to_owned()))
    };
    let keys = args.keys.iter().map(|text| parted("--keys", text)).collect::<Result<Vec<_>, _>>()?;
    let as_it_is =
        args.as_it_is.iter().map(|text| parted("--as-it-is", text)).collect::<Result<Vec<_>, _>>()?;
    let thresholds =
        args.threshold.iter().map(|text| parted("--threshold", text)).collect::<Result<Vec<_>, _>>()?;
    let given = keys.into_iter().map(|one| (one, false)).chain(as_it_is.into_iter().map(|one| (one, true)));
    for ((whose, key), is_plain) in given {
        let key = new_key(common, &key)?;
        all.entry(whose).and_modify(|rotation| {
            if is_plain {
                rotation.plain.insert(key.id().clone());
            }
            rotation.keys.push(key);
        });
    }
    for (whose, threshold) in thresholds {
        let threshold = threshold
            .parse()
            .map_err(|_| Failure::usage(format!("--threshold {threshold}: a number is wanted")))?;
        all.entry(whose).and_modify(|rotation| rotation.threshold = Some(threshold));
    }
    for rotation in all.values_mut().filter(|rotation| rotation.keys.is_empty()) {
        if rotation.whose == Custodian::Online {
            if args.compromised_since.is_some() {
                set_aside(state)?;
            }
            let key = next_online(common, args, settings, state)?;
            rotation.keys.push(key);
        } else if rotation.threshold.is_none() {
            return Err(Failure::usage(
                "--rotate: whose keys? Give --keys ROLE=FILE.pub for each that is to hold it, or --threshold ROLE=N",
            ));
        }
    }
    Ok(all.into_values().collect())
}

/// A file with a public key, or the id of a key.
fn new_key(common: &Common, text: &str) -> Result<NewKey, Failure> {
    let path = Path::new(text);
    if let Some(id) = KeyId::given(text)
        && !folder::is_there(path)?
    {
        return Ok(NewKey::Known(id));
    }
    let key = signer::public(common, path)?;
    let id = key.id().map_err(|e| Failure::usage(e.to_string()))?;
    Ok(NewKey::Public(id, key))
}

/// After a break-in no key is taken that lay on the machine: whoever was there may have put it there.
fn set_aside(state: &State) -> Result<(), Failure> {
    let path = state.next_online_key();
    if !folder::is_there(&path)? {
        return Ok(());
    }
    let mut number = 1;
    let aside = |number: u32| state.root().join(format!("online.next.{number}.set-aside.key"));
    while folder::is_there(&aside(number))? {
        number += 1;
    }
    Ok(write::rename(&path, &aside(number))?)
}

/// The online key that is to come: the one that is named, or one made here, where it is to sign; one that was made before
/// and not used is taken. It must be able to sign.
fn next_online(
    common: &Common,
    args: &CeremonyPrepare,
    settings: &Settings,
    state: &State,
) -> Result<NewKey, Failure> {
    let path = state.next_online_key();
    let is_there = folder::is_there(&path)?;
    if let Some(name) = &args.next_online {
        let key = signer::load_with(common, Some(settings), name)?;
        let text = signer::text(name)?;
        if !is_there {
            write::write_secret(&path, text.as_bytes())?;
        } else if file::text(&path)? != text {
            return Err(Failure::usage(format!(
                "--next-online: {} is there already, and is another key: move it away, or leave the flag out to take it",
                path.display()
            )));
        }
        return Ok(NewKey::Public(key.keyid().clone(), key.key().clone()));
    }
    if !is_there && signer::is_online_in_token(settings, state) {
        return Err(Failure::usage(
            "--rotate online: the online key lies in a token; name the one that is to come with --next-online KEY",
        ));
    }
    if !is_there {
        let phrase = match settings.insecure_plain {
            true => None,
            false => Some(passphrase::choose(common, "the new online key")?),
        };
        file::create(&path, Kind::Ed25519, phrase.as_ref().map(|phrase| phrase.as_str()))?;
    }
    let key = signer::load_with(common, Some(settings), &path)?;
    Ok(NewKey::Public(key.keyid().clone(), key.key().clone()))
}

fn json(outcome: &Outcome, out: &Path) -> serde_json::Value {
    let lapsing = outcome
        .lapsing
        .iter()
        .map(|(name, role, expires)| serde_json::json!({"project": name, "role": role, "expires": expires}));
    let stale = outcome.stale.iter();
    let stale = stale.map(|(name, why)| serde_json::json!({"project": name, "why": why}));
    let roles = outcome.roles.iter().map(|(role, version)| (role.to_string(), *version));
    serde_json::json!({
        "out": (!outcome.roles.is_empty()).then_some(out),
        "promoted": names(&outcome.promoted),
        "rekeyed": names(&outcome.rekeyed),
        "suspended": names(&outcome.suspended),
        "freed": names(&outcome.freed),
        "young": names(&outcome.young),
        "emptied": names(&outcome.emptied),
        "newer": outcome.newer.iter().map(|(role, was, is)| {
            serde_json::json!({"role": role, "then": was, "version": is})
        }).collect::<Vec<_>>(),
        "set_aside": outcome.set_aside,
        "differences": outcome.differences.iter().map(|(became, path)| {
            serde_json::json!({"target": path, "became": became_word(*became)})
        }).collect::<Vec<_>>(),
        "lapsing": lapsing.collect::<Vec<_>>(),
        "stale": stale.collect::<Vec<_>>(),
        "roles": roles.collect::<BTreeMap<_, _>>(),
    })
}

fn became_word(became: Became) -> &'static str {
    match became {
        Became::Added => "added",
        Became::Changed => "changed",
        Became::Removed => "removed",
    }
}

/// So many roles are named in a list of them.
const SHOWN: usize = 20;

/// What is gone back from.
fn back_from(outcome: &Outcome) -> String {
    let mut text = String::new();
    for path in &outcome.set_aside {
        text += &show::wrap(
            &format!("set aside, as it was written on that machine: {}", path.display()),
            80,
            "  ",
        );
        text.push('\n');
    }
    let stays = |(role, was, is): &(RoleName, u64, u64)| format!("{role} {is} (then {was})");
    let (authors, ours): (Vec<_>, Vec<_>) =
        outcome.newer.iter().partition(|(role, ..)| role.as_str().starts_with("project."));
    for (whose, newer) in [("administrators", ours), ("authors", authors)] {
        if newer.is_empty() {
            continue;
        }
        let shown: Vec<String> = newer.iter().take(SHOWN).map(|one| stays(one)).collect();
        let more = newer.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(", and {more} more (--format json)") };
        let what =
            format!("Newer than then, and stays, for the {whose} signed it: {}{more}.", shown.join(", "));
        text += &format!("{}\n", show::wrap(&what, 80, "  "));
    }
    for name in &outcome.emptied {
        text += &format!("  {name}: an empty role is to stand in for it until its author submits again\n");
    }
    for (became, path) in &outcome.differences {
        let sign = match became {
            Became::Added => '+',
            Became::Changed => '~',
            Became::Removed => '-',
        };
        text += &format!("  {sign} {}\n", show::one_line(path.as_str()));
    }
    if !outcome.differences.is_empty() {
        let many = show::count(outcome.differences.len() as u64, "file");
        let what = format!(
            "{many} of the source came (+), changed (~) or left (-) since. Once this is applied they stay as they were \
             published then, until you decide: `tuffet build --replace PATH`, or --decided for all of them."
        );
        text += &format!("{}\n", show::wrap(&what, 80, "  "));
    }
    text
}

fn human(outcome: &Outcome, out: &Path, now: Moment) -> String {
    let mut text = String::new();
    let paragraph = |what: &str| format!("{}\n", show::wrap(what, 80, "  "));
    // What cannot wait comes first.
    for (name, role, expires) in &outcome.lapsing {
        let ends = if *expires <= now {
            format!("ended on {expires}")
        } else {
            format!("ends in {}, before the ceremony after next", show::span(expires.since(now)))
        };
        let then = if outcome.suspended.contains(name) {
            "an empty role is to stand in for the project"
        } else {
            "its holder must sign again, or give --suspend-lapsing: past its end clients refuse the project, and \
             tough the whole repository"
        };
        text += &paragraph(&format!("LAPSES: {role} {ends}: {then}."));
    }
    for (name, why) in &outcome.stale {
        text += &paragraph(&format!("Left out: {name}: {why}."));
    }
    text += &back_from(outcome);
    let young = match outcome.young.len() {
        0 => String::new(),
        many => format!(" {} wait on, for their keys are too young.", show::count(many as u64, "project")),
    };
    if outcome.roles.is_empty() {
        return text + &paragraph(&format!("Nothing waits for a ceremony, and no file was written.{young}"));
    }
    let many = |names: &[ProjectName], what: &str| {
        (!names.is_empty()).then(|| format!("{} {what}", show::count(names.len() as u64, "project")))
    };
    let changes = [
        many(&outcome.promoted, "to be signed over"),
        many(&outcome.rekeyed, "to get other keys"),
        many(&outcome.suspended, "to be suspended"),
        many(&outcome.freed, "whose name is to be free"),
    ];
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    let changes = if changes.is_empty() { String::new() } else { format!("{}; ", changes.join(", ")) };
    let roles: Vec<String> =
        outcome.roles.iter().map(|(role, version)| format!("{role} {version}")).collect();
    text += &paragraph(&format!(
        "Prepared {}: {changes}to be signed: {}.{young}",
        out.display(),
        roles.join(", ")
    ));
    let frozen = if changes.is_empty() {
        ""
    } else {
        " Until what comes back is applied, or the ceremony abandoned, the keys of these projects do not change."
    };
    text + &paragraph(&format!("Take it to the safe, and run `tuffet ceremony sign` there.{frozen}"))
}
