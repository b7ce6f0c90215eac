//! What authors and members hand in, and what is decided of their keys.

use super::source::exit;
use super::world::{Claim, Files, Model, World};
use crate::support::author::{Forge, places};
use std::path::{Path, PathBuf};

/// So many names are there for authors alone.
const NAMES: usize = 24;

/// Nobody's key.
const STRANGER: u8 = 200;

/// A submission that is to be taken in, with what else it takes, and what is to be published then.
struct Submission {
    zip: PathBuf,
    more: Vec<String>,
    after: Model,
}

/// The distributions that a submission lists.
fn listed(zip: &Path) -> Files {
    let roles = Forge::open(zip, STRANGER).roles;
    let targets = roles.values().flat_map(|(_, signed)| signed["targets"].as_object().unwrap().clone());
    let digest = |file: &serde_json::Value| file["hashes"]["sha256"].as_str().unwrap().to_owned();
    targets
        .filter(|(path, _)| path.starts_with("packages/") && !path.ends_with(".metadata"))
        .map(|(path, file)| (path, digest(&file)))
        .collect()
}

/// Where a release lies, with the digest that a model holds it to.
fn release(project: &str, version: &str) -> (String, String) {
    let (project, version) = (project.to_owned(), version.to_owned());
    super::world::Dist { project, version, edition: 0 }.entry()
}

impl World {
    /// Takes a submission in.
    fn accept(&mut self, submission: Submission) -> String {
        let Submission { zip, more, after } = submission;
        let args = ["project", "accept", zip.to_str().unwrap(), "--format", "json"];
        let args: Vec<&str> = args.into_iter().chain(more.iter().map(String::as_str)).collect();
        let ran = self.run(&args, &after).ok();
        self.model = after;
        exit(ran.code)
    }

    /// A project that satisfies this, drawn at random, with what is known of it.
    fn claim(&mut self, is_wanted: impl Fn(&Claim) -> bool) -> Option<(String, Claim)> {
        let wanted = self.model.claims.iter().filter(|(_, claim)| is_wanted(claim));
        let wanted: Vec<_> = wanted.map(|(name, claim)| (name.clone(), claim.clone())).collect();
        self.dice.pick(&wanted)
    }

    /// The same, of one in which releases are taken in. If there is none, somebody is registered first.
    fn open_claim(&mut self, is_wanted: impl Fn(&Claim) -> bool) -> (String, Claim) {
        loop {
            let found = self.claim(|claim| !claim.is_revoked && claim.waits.is_none() && is_wanted(claim));
            match found {
                Some(found) => return found,
                None => _ = self.register(),
            }
        }
    }

    /// A first release, of a project that is nobody's or of which the keys were taken away; `None` if all names are taken.
    fn registration(&mut self) -> Option<Submission> {
        let free: Vec<String> = (0..NAMES).map(|number| format!("a{number}")).collect();
        let free: Vec<String> =
            free.into_iter().filter(|name| !self.model.claims.contains_key(name)).collect();
        let back = self.claim(|claim| claim.is_revoked && !claim.is_claimed && !claim.in_ceremony);
        let back = back.filter(|_| free.is_empty() || self.dice.one_in(2)).map(|(name, _)| name);
        let name = back.or_else(|| self.dice.pick(&free))?;
        Some(self.registration_of(&name))
    }

    fn registration_of(&mut self, name: &str) -> Submission {
        let author = self.dice.below(self.authors.len());
        let version = self.version();
        // What was ever published goes on from there.
        let is_known = self.known.contains(name) || self.model.bins.keys().any(|path| is_of(path, name));
        let (from, more): (_, &[&str]) = if is_known { (Some(&self.repo), &["--yes"]) } else { (None, &[]) };
        let zip = self.authors[author].sign(name, &[&version], from, more);
        let mut after = self.model.clone();
        let mut files = if self.known.contains(name) { listed(&zip) } else { Files::new() };
        let (path, sha256) = release(name, &version);
        files.insert(path, sha256);
        let (adopted, bins) =
            std::mem::take(&mut after.bins).into_iter().partition(|(path, _)| is_of(path, name));
        after.bins = bins;
        let adopted: Files = adopted;
        files.extend(adopted);
        after.claims.insert(name.to_owned(), Claim { author, files, ..Claim::default() });
        self.known.insert(name.to_owned());
        let more = vec!["--register".to_owned(), format!("{name}={}", self.authors[author].keyid())];
        Submission { zip, more, after }
    }

    pub(super) fn register(&mut self) -> String {
        match self.registration() {
            Some(submission) => self.accept(submission),
            None => format!("all names taken, one revoked: {}", self.revoke()),
        }
    }

    /// An author comes for a project that the index has published for nobody.
    pub(super) fn adopt_project(&mut self) -> String {
        let claimed = self.model.claims.keys().filter(|name| name.starts_with('p')).count();
        let mut settled: Vec<String> = self.source.values().map(|dist| dist.project.clone()).collect();
        settled.retain(|name| {
            let of_it = self.source.iter().filter(|(_, dist)| dist.project == *name);
            let is_settled = of_it.into_iter().all(|(file, dist)| {
                let (path, sha256) = dist.entry();
                !self.dirty.contains(file) && self.model.bins.get(&path) == Some(&sha256)
            });
            name != "anchor" && is_settled && !self.model.claims.contains_key(name)
        });
        match self.dice.pick(&settled).filter(|_| claimed < 12) {
            Some(name) => {
                let submission = self.registration_of(&name);
                self.accept(submission)
            }
            None => self.register(),
        }
    }

    /// The next version of an author's project; of many, the oldest goes.
    fn next_release(&mut self) -> Submission {
        let (name, claim) = self.open_claim(|_| true);
        let version = self.version();
        let mut after = self.model.clone();
        let files = &mut after.claims.get_mut(&name).unwrap().files;
        let mut more = Vec::new();
        if claim.member.is_none() && files.len() > 4 {
            let oldest = self.dice.pick(&files.keys().cloned().collect::<Vec<_>>()).unwrap();
            files.remove(&oldest);
            more = vec!["--without".to_owned(), oldest.rsplit('/').next().unwrap().to_owned()];
        }
        files.extend([release(&name, &version)]);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let zip = self.authors[claim.author].sign(&name, &[&version], Some(&self.repo), &more);
        Submission { zip, more: Vec::new(), after }
    }

    pub(super) fn release(&mut self) -> String {
        let submission = self.next_release();
        self.accept(submission)
    }

    /// An accept that is killed before one of its calls, and comes again if it has not published.
    pub(super) fn accept_stopped(&mut self) -> String {
        let registration = if self.dice.one_in(3) { self.registration() } else { None };
        let submission = match registration {
            Some(registration) => registration,
            None => self.next_release(),
        };
        let args = ["project", "accept", submission.zip.to_str().unwrap()];
        let args: Vec<&str> = args.into_iter().chain(submission.more.iter().map(String::as_str)).collect();
        let (is_over, came_to) = self.stopped("accept", &args, &submission.after);
        if is_over {
            self.model = submission.after;
        } else if !self.adopt(submission.after.clone()) {
            self.check();
            self.accept(submission);
        }
        came_to
    }

    /// A member is let in, who may release 2.*.
    pub(super) fn join(&mut self) -> String {
        let (name, claim) = self.open_claim(|claim| claim.member.is_none());
        let member = (claim.author + 1) % self.authors.len();
        let alice = &self.authors[member];
        let joining = alice.path().join("joining.json");
        let _ = std::fs::remove_file(&joining);
        let joining = joining.to_str().unwrap();
        let (site, root) = places(Some(&self.repo));
        let again = ["--from", &site, "--root", &root];
        let from: &[&str] = if self.joined.contains(&name) { &again } else { &[] };
        let args = ["author", "join", &name, "--as", "alice", "--key", alice.key(), "--out", joining];
        alice.run(&[&args, from].concat()).ok();
        let paths = format!("{name}-2.*");
        let what = ["--member", joining, "--paths", &paths, "--keep-files"];
        let zip = self.authors[claim.author].delegate(&name, &self.repo, &what);
        let mut after = self.model.clone();
        after.claims.get_mut(&name).unwrap().member = Some(member);
        self.joined.insert(name);
        self.accept(Submission { zip, more: Vec::new(), after })
    }

    /// She releases.
    pub(super) fn member_releases(&mut self) -> String {
        if self.claim(|claim| claim.member.is_some() && claim.waits.is_none()).is_none() {
            self.join();
        }
        let (name, claim) = self.open_claim(|claim| claim.member.is_some());
        self.releases += 1;
        let version = format!("2.{}", self.releases);
        let alice = &self.authors[claim.member.unwrap()];
        let zip = alice.sign(&name, &[&version], Some(&self.repo), &["--as", "alice"]);
        let mut after = self.model.clone();
        after.claims.get_mut(&name).unwrap().files.extend([release(&name, &version)]);
        self.accept(Submission { zip, more: Vec::new(), after })
    }

    /// She goes, and the author vouches for what she released.
    pub(super) fn leave(&mut self) -> String {
        if self.claim(|claim| claim.member.is_some() && claim.waits.is_none()).is_none() {
            self.join();
        }
        let (name, claim) = self.open_claim(|claim| claim.member.is_some());
        let what = ["--remove", "alice", "--keep-files"];
        let zip = self.authors[claim.author].delegate(&name, &self.repo, &what);
        let mut after = self.model.clone();
        after.claims.get_mut(&name).unwrap().member = None;
        self.accept(Submission { zip, more: Vec::new(), after })
    }

    /// A release that somebody has changed on its way: nothing of it is taken in.
    pub(super) fn tampered(&mut self) -> String {
        let submission = self.next_release();
        let zip = self.aside("tampered.zip");
        let number = self.model_author(&submission);
        let way = self.dice.below(4);
        let (mut forge, role) = (Forge::open(&submission.zip, number), self.role_of(&submission));
        let bytes = match way {
            0 => Forge::open(&submission.zip, STRANGER).zip(),
            1 => {
                let version = forge.roles[&role].0 + 5;
                forge.roles.get_mut(&role).unwrap().0 = version;
                forge.role(&role)["version"] = version.into();
                forge.zip()
            }
            2 => {
                let wheel = forge.files.iter_mut().find(|(name, _)| name.ends_with(".whl")).unwrap();
                *wheel.1.last_mut().unwrap() ^= 1;
                forge.zip()
            }
            _ => {
                let whole = std::fs::read(&submission.zip).unwrap();
                whole[..whole.len() / 2].to_vec()
            }
        };
        std::fs::write(&zip, bytes).unwrap();
        let before = self.timestamp();
        let ran = self.repo.run(&["project", "accept", zip.to_str().unwrap()]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(self.timestamp() == before, "a submission that is refused changes nothing");
        let way = ["a stranger's signature", "a version that jumps", "other bytes", "half a ZIP"][way];
        format!("exit {}: {way}", ran.code)
    }

    /// The project that a submission is for: the one whose files it changes.
    fn project_of(&self, submission: &Submission) -> String {
        let differs = |(name, claim): &(&String, &Claim)| {
            self.model.claims.get(*name).is_none_or(|before| before.files != claim.files)
        };
        submission.after.claims.iter().find(differs).unwrap().0.clone()
    }

    fn role_of(&self, submission: &Submission) -> String {
        format!("project.{}", self.project_of(submission))
    }

    /// The number of the key that signed it.
    fn model_author(&self, submission: &Submission) -> u8 {
        let claim = &submission.after.claims[&self.project_of(submission)];
        super::world::FIRST_KEY + u8::try_from(claim.author).unwrap()
    }

    /// Keys are taken away: at once, or in the next ceremony.
    pub(super) fn revoke(&mut self) -> String {
        let (name, _) = self.open_claim(|_| true);
        let mut after = self.model.clone();
        after.claims.get_mut(&name).unwrap().revoke();
        let ran = self.run(&["project", "revoke", &name, "--yes", "--format", "json"], &after).ok();
        self.decided(&name, None, ran.json()["queued"] == true, after)
    }

    /// Other keys take the place of those that hold a project, which agree.
    pub(super) fn rekey(&mut self) -> String {
        let (name, claim) = self.open_claim(|claim| claim.member.is_none());
        let heir = (claim.author + 1 + self.dice.below(self.authors.len() - 1)) % self.authors.len();
        let old = self.authors[claim.author].key().to_owned();
        let zip = self.authors[heir].path().join(format!("{name}-.zip"));
        let _ = std::fs::remove_file(&zip);
        let more = ["--rekey", "--yes", "--old-key", &old];
        let zip = self.authors[heir].sign(&name, &[], Some(&self.repo), &more);
        let register = format!("{name}={}", self.authors[heir].keyid());
        let mut after = self.model.clone();
        after.claims.get_mut(&name).unwrap().author = heir;
        let args = ["project", "rekey", zip.to_str().unwrap(), "--register", &register, "--format", "json"];
        let ran = self.run(&args, &after).ok();
        let waits = ran.json()["queued"].as_array().is_some_and(|queued| !queued.is_empty());
        self.decided(&name, Some(heir), waits, after)
    }

    /// What was decided of keys is done, or waits.
    fn decided(&mut self, name: &str, to: Option<usize>, waits: bool, after: Model) -> String {
        let claim = self.model.claims.get_mut(name).unwrap();
        assert_eq!(waits, claim.is_claimed || claim.in_ceremony, "{name}: what waits, and for what");
        if waits {
            claim.waits = Some(to);
            return "exit 0, waits for a ceremony".to_owned();
        }
        self.model = after;
        exit(0)
    }
}

impl Claim {
    /// Nothing of it is published any more.
    pub(super) fn revoke(&mut self) {
        self.is_revoked = true;
        self.waits = None;
        self.member = None;
        self.files.clear();
    }
}

fn is_of(path: &str, project: &str) -> bool {
    path.split('/').nth(1) == Some(project)
}
