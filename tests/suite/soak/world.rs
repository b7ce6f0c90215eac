//! The repository of a soak, and what must be published there by all that was done to it.

use super::tally::{Dice, Tally};
use crate::ceremonies::Safe;
use crate::support::author::{Author, wheel_with};
use crate::support::scenes::Names;
use crate::support::{Ran, Repo};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tuffet::model::{Moment, Sha256};

/// Roles of the online key live so shortly that all of them are renewed within an hour, and some within minutes.
const CONFIG: &str = "[source]\npath = \"dists\"\nlayout = \"flat\"\n[site]\ntough_alias = true\ncompress = [\"gz\"]\n\
                      [bins]\ncount = 16\n[keys]\ninsecure_plain = true\n\
                      [expiry]\nbins = \"20m\"\nrecently-claimed = \"20m\"\nsnapshot = \"5m\"\ntimestamp = \"2m\"\n";

/// A sweep keeps what was current within this span: longer than any read takes, and as short as the life of the timestamp
/// allows.
pub(super) const GRACE: &str = "2m";

/// The number of the first author's key.
pub(super) const FIRST_KEY: u8 = 11;

/// Distributions by their target path, with their SHA-256.
pub(super) type Files = BTreeMap<String, String>;

/// A distribution in the source.
#[derive(Clone)]
pub(super) struct Dist {
    pub(super) project: String,
    pub(super) version: String,
    /// How often its bytes were replaced.
    pub(super) edition: u32,
}

impl Dist {
    pub(super) fn wheel(&self) -> (String, Vec<u8>) {
        let lines = (0..self.edition).map(|edition| format!("EDITION = {edition}\n")).collect::<String>();
        wheel_with(&self.project, &self.version, &lines)
    }

    pub(super) fn entry(&self) -> (String, String) {
        let (name, bytes) = self.wheel();
        (format!("packages/{}/{name}", self.project), Sha256::of(&bytes).to_string())
    }
}

/// A project that has an author.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    /// Whose key holds it.
    pub(super) author: usize,
    /// Who was let in.
    pub(super) member: Option<usize>,
    /// Whether the administrators have signed it over.
    pub(super) is_claimed: bool,
    /// Whether its keys were taken away.
    pub(super) is_revoked: bool,
    /// Whether it is in the ceremony that is under way.
    pub(super) in_ceremony: bool,
    /// A change of its keys that waits: to these, or to nobody's.
    pub(super) waits: Option<Option<usize>>,
    /// What its author and members signed.
    pub(super) files: Files,
}

/// What must be published.
#[derive(Clone, Default)]
pub(super) struct Model {
    /// What the bins list.
    pub(super) bins: Files,
    /// Projects of authors.
    pub(super) claims: BTreeMap<String, Claim>,
}

impl Model {
    pub(super) fn files(&self) -> Files {
        let signed =
            self.claims.values().filter(|claim| !claim.is_revoked).flat_map(|claim| claim.files.clone());
        self.bins.clone().into_iter().chain(signed).collect()
    }

    /// Projects of which something that was published is not, or has other bytes, in `after`.
    fn unsettled(&self, after: &Self) -> BTreeSet<String> {
        let new = after.files();
        let lost = self.files().into_iter().filter(|(path, sha256)| new.get(path) != Some(sha256));
        lost.map(|(path, _)| path.split('/').nth(1).unwrap().to_owned()).collect()
    }
}

/// All that a soak works on.
pub(super) struct World {
    pub(super) repo: Repo,
    pub(super) dice: Dice,
    pub(super) tally: Tally,
    pub(super) model: Model,
    /// The source, by file name.
    pub(super) source: BTreeMap<String, Dist>,
    /// What was taken out of it, and may come back.
    pub(super) gone: Vec<Dist>,
    /// Files of the source that changed since the last build that ended well.
    pub(super) dirty: BTreeSet<String>,
    pub(super) authors: Vec<Author>,
    pub(super) safe: Safe,
    pub(super) ceremony: Option<super::ceremony::Ceremony>,
    /// Ceremonies that were signed and then given up.
    pub(super) abandoned: Vec<String>,
    /// Projects of which something was signed in those, that is not published.
    pub(super) doubted: BTreeSet<String>,
    /// How many calls of the file system the longest run of a command took.
    pub(super) calls: BTreeMap<&'static str, usize>,
    /// How long a build takes.
    pub(super) whole: Duration,
    /// Where plain names do not say what the page beside them says, and since when; pip may notice.
    open: BTreeMap<String, SystemTime>,
    /// The same that is over.
    pub(super) unsettled: Vec<(String, SystemTime, SystemTime)>,
    names: Names,
    seed: u64,
    /// How many events there were.
    pub(super) steps: u64,
    /// Projects that ever had an author, and those that ever had a member: their roles go on from where they were.
    pub(super) known: BTreeSet<String>,
    pub(super) joined: BTreeSet<String>,
    pub(super) releases: u32,
}

impl World {
    /// Some dozens of projects, published two hours ago, with changes since: what a sweep takes is there from the start.
    pub(super) fn new(seed: u64) -> Self {
        let repo = Repo::with_config(CONFIG);
        let at = |minutes: i64| {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
            Moment::from_unix(now - minutes * 60).unwrap().to_string()
        };
        repo.add("anchor-1.0-py3-none-any.whl", &wheel_with("anchor", "1.0", "").1);
        repo.run(&["build", "--init", "--now", &at(120)]).ok();
        let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
        let anchor = Dist { project: "anchor".to_owned(), version: "1.0".to_owned(), edition: 0 };
        let mut world = Self {
            dice: Dice::of(seed, 0),
            tally: Tally::new(seed),
            model: Model { bins: Files::from([anchor.entry()]), claims: BTreeMap::new() },
            source: BTreeMap::new(),
            gone: Vec::new(),
            dirty: BTreeSet::new(),
            authors: (0..8).map(|number| Author::known(FIRST_KEY + number)).collect(),
            safe,
            ceremony: None,
            abandoned: Vec::new(),
            doubted: BTreeSet::new(),
            calls: BTreeMap::new(),
            whole: Duration::from_millis(100),
            open: BTreeMap::new(),
            unsettled: Vec::new(),
            names: Names::default(),
            seed,
            steps: 0,
            known: BTreeSet::new(),
            joined: BTreeSet::new(),
            releases: 0,
            repo,
        };
        world.source.insert(anchor.wheel().0, anchor);
        for (minutes, few) in [(110, false), (100, true), (90, true), (80, true), (0, true)] {
            if few {
                world.remove();
            }
            (0..if few { 1 } else { 9 }).for_each(|_| world.add());
            world.build_now(&["--now", &at(minutes)]);
        }
        world
    }

    /// The number of the next event, for which the dice are made anew.
    pub(super) fn step(&mut self) -> u64 {
        self.steps += 1;
        self.dice = Dice::of(self.seed, 1 + self.steps);
        self.steps
    }

    /// A version that was never there.
    pub(super) fn version(&mut self) -> String {
        self.releases += 1;
        format!("1.{}", self.releases)
    }

    /// The distributions that clients can ask for.
    pub(super) fn published(&self) -> Files {
        let is_distribution = |path: &String| path.starts_with("packages/") && !path.ends_with(".metadata");
        self.repo.all_targets().into_iter().filter(|(path, _)| is_distribution(path)).collect()
    }

    /// Runs a command that may change what is published to what `after` says; what does not change is worth a word to pip.
    pub(super) fn run(&mut self, args: &[&str], after: &Model) -> Ran {
        self.unsettle(after);
        let ran = self.repo.run(args);
        self.warnings(&ran);
        ran
    }

    /// From now on until a build has ended well, plain names may differ from what pages say.
    pub(super) fn unsettle(&mut self, after: &Model) {
        let now = SystemTime::now();
        self.model
            .unsettled(after)
            .into_iter()
            .for_each(|project| _ = self.open.entry(project).or_insert(now));
    }

    /// A build has ended well.
    pub(super) fn settle(&mut self) {
        let now = SystemTime::now();
        self.unsettled
            .extend(std::mem::take(&mut self.open).into_iter().map(|(project, since)| (project, since, now)));
    }

    /// Whether something of a project changed while it was read, so that pip may have had the page of one moment and the
    /// file of another.
    pub(super) fn is_unsettled(&self, project: &str, began: SystemTime, ended: SystemTime) -> bool {
        let over = self
            .unsettled
            .iter()
            .any(|(name, since, until)| name == project && *since <= ended && *until >= began);
        over || self.open.get(project).is_some_and(|since| *since <= ended)
    }

    /// Counts the warnings of a run.
    pub(super) fn warnings(&mut self, ran: &Ran) {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&ran.stdout) else { return };
        for warning in json["warnings"].as_array().into_iter().flatten() {
            self.tally.warned("a run", warning["code"].as_str().unwrap());
        }
    }

    /// After a run that did not end: it did all that it was to do, or nothing. Gives whether it did.
    pub(super) fn adopt(&mut self, after: Model) -> bool {
        let is_after = self.published() == after.files();
        if is_after {
            self.model = after;
        }
        is_after
    }

    /// What must hold after every event.
    pub(super) fn check(&mut self) {
        let ran = self.repo.run(&["verify", "--format", "json"]);
        assert_eq!(ran.code, 0, "verify: {}", ran.stdout);
        for finding in ran.json()["findings"].as_array().unwrap() {
            let words = finding["what"].as_str().unwrap().split(' ');
            // Which file it is about is not counted apart.
            let words = words.map(|word| if word.contains('/') { "…" } else { word });
            self.tally.warned("verify", &words.collect::<Vec<_>>().join(" "));
        }
        let (is, must) = (self.published(), self.model.files());
        let differs: Vec<_> = is.iter().filter(|(path, sha256)| must.get(*path) != Some(sha256)).collect();
        let missing: Vec<_> = must.iter().filter(|(path, _)| !is.contains_key(*path)).collect();
        assert!(is == must, "published and not to be: {differs:?}; to be published: {missing:?}");
        assert_eq!(self.names.changed(&self.repo), None, "a name that had other bytes before");
    }

    /// Where files of the soak's own go.
    pub(super) fn aside(&self, name: &str) -> PathBuf {
        self.repo.path().join(name)
    }
}
