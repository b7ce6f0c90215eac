//! What happens to the source, and the builds that follow: whole, told what changed, two at once, and killed.

use super::world::{Dist, Model, World};
use crate::support::Ran;
use crate::support::calls::stopped_before;
use std::process::Stdio;
use std::time::Instant;

/// So many projects nobody claims, and so many distributions of theirs there are at most.
const PROJECTS: usize = 48;
const DISTRIBUTIONS: usize = 240;

impl World {
    /// One to ten distributions more: new projects, and new versions.
    pub(super) fn add(&mut self) {
        let most = if self.source.len() < DISTRIBUTIONS { 10 } else { 1 };
        for _ in 0..=self.dice.below(most) {
            let project = format!("p{}", self.dice.below(PROJECTS));
            if self.model.claims.contains_key(&project) {
                continue;
            }
            let version = self.version();
            self.put(Dist { project, version, edition: 0 });
        }
    }

    pub(super) fn put(&mut self, dist: Dist) {
        let (name, bytes) = dist.wheel();
        self.repo.add(&name, &bytes);
        self.dirty.insert(name.clone());
        self.source.insert(name, dist);
    }

    /// Files of the source that nobody claims and that are published, as they are or with other bytes.
    fn listed(&self) -> Vec<(String, Dist)> {
        let nobodys = self.source.iter().filter(|(_, dist)| !self.model.claims.contains_key(&dist.project));
        let listed = nobodys.filter(|(_, dist)| self.model.bins.contains_key(&dist.entry().0));
        listed.map(|(name, dist)| (name.clone(), dist.clone())).collect()
    }

    /// How many published distributions the source does not have any more.
    fn removed(&self) -> usize {
        self.model.bins.len() - self.listed().len()
    }

    /// Some fewer, below a tenth of what is published.
    pub(super) fn remove(&mut self) {
        let mut listed = self.listed();
        let most = (self.model.bins.len() / 10).saturating_sub(self.removed() + 1).min(10);
        self.dice.shuffle(&mut listed);
        let many = if most == 0 { 0 } else { 1 + self.dice.below(most) };
        for (name, dist) in listed.into_iter().filter(|(_, dist)| dist.project != "anchor").take(many) {
            self.repo.remove(&name);
            self.source.remove(&name);
            let (path, sha256) = dist.entry();
            // A name comes back with the bytes that it was known by.
            if self.model.bins.get(&path) == Some(&sha256) {
                self.gone.push(dist);
            }
            self.dirty.insert(name);
        }
    }

    /// What was removed comes back.
    pub(super) fn bring_back(&mut self) {
        if self.gone.is_empty() {
            return self.add();
        }
        let index = self.dice.below(self.gone.len());
        let dist = self.gone.swap_remove(index);
        if !self.model.claims.contains_key(&dist.project) {
            self.put(dist);
        }
    }

    /// A file of the source gets other bytes under its name.
    pub(super) fn replace(&mut self) {
        let listed = self.listed();
        if let Some((_, mut dist)) = self.dice.pick(&listed) {
            dist.edition += 1;
            self.put(dist);
        }
    }

    /// Names whose bytes in the source are not the published ones.
    fn replaced(&self) -> Vec<String> {
        let differs = |dist: &Dist| {
            let (path, sha256) = dist.entry();
            self.model.bins.get(&path).is_some_and(|published| *published != sha256)
        };
        self.listed().into_iter().filter(|(_, dist)| differs(dist)).map(|(name, _)| name).collect()
    }

    /// What a build publishes, that takes the new bytes of these.
    fn after_build(&self, replace: &[String]) -> Model {
        let mut after = Model { bins: Default::default(), claims: self.model.claims.clone() };
        for (name, dist) in &self.source {
            if after.claims.contains_key(&dist.project) {
                continue;
            }
            let (path, sha256) = dist.entry();
            let held = self.model.bins.get(&path).filter(|_| !replace.contains(name)).cloned();
            after.bins.insert(path, held.unwrap_or(sha256));
        }
        after
    }

    /// The arguments of a build: most take the new bytes of what was replaced, some hold it.
    fn build_args(&mut self) -> (Vec<String>, Model) {
        let replace = if self.dice.one_in(4) { Vec::new() } else { self.replaced() };
        self.build_args_with(replace)
    }

    fn build_args_with(&self, replace: Vec<String>) -> (Vec<String>, Model) {
        let mut args = vec!["build".to_owned(), "--format".to_owned(), "json".to_owned()];
        replace.iter().for_each(|name| args.extend(["--replace".to_owned(), name.clone()]));
        // What was adopted meanwhile is not in the bins any more, of which a tenth may go.
        if self.removed() * 10 >= self.model.bins.len() {
            args.push("--allow-removals".to_owned());
        }
        (args, self.after_build(&replace))
    }

    /// A build that nobody disturbs.
    pub(super) fn build_now(&mut self, more: &[&str]) -> i32 {
        let planned = self.build_args();
        self.build_as(planned, more)
    }

    fn build_as(&mut self, (args, after): (Vec<String>, Model), more: &[&str]) -> i32 {
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let begun = Instant::now();
        let ran = self.run(&args, &after).ok();
        self.whole = (self.whole * 3 + begun.elapsed()) / 4;
        self.built(after);
        ran.code
    }

    fn built(&mut self, after: Model) {
        self.model = after;
        self.dirty.clear();
        self.settle();
    }

    pub(super) fn build(&mut self) -> String {
        exit(self.build_now(&[]))
    }

    /// One that takes the new bytes of a file.
    pub(super) fn build_replacing(&mut self) -> String {
        self.replace();
        let planned = self.build_args_with(self.replaced());
        exit(self.build_as(planned, &[]))
    }

    /// A build that is told what changed, and some files that did not.
    pub(super) fn build_changed(&mut self) -> String {
        if self.dirty.is_empty() {
            self.add();
        }
        let (args, after) = self.build_args();
        let more: Vec<&str> = args.iter().skip(3).map(String::as_str).collect();
        let mut told: Vec<String> = self.dirty.iter().cloned().collect();
        // What is to be replaced must be among what it looks at.
        told.extend(self.replaced());
        let all: Vec<String> = self.source.keys().cloned().collect();
        told.extend(self.dice.pick(&all));
        self.unsettle(&after);
        let ran = self.repo.told(&told.join("\n"), &more).ok();
        self.warnings(&ran);
        self.built(after);
        exit(ran.code)
    }

    /// Two builds at once: one does its work, the other as well, or it says that somebody is at work.
    pub(super) fn two_builds(&mut self) -> String {
        let (args, after) = self.build_args();
        self.unsettle(&after);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let begin = |more: &[&str]| {
            let mut command = self.repo.command(&[&args, more].concat());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [begin(&[]), begin(if self.dice.one_in(2) { &["--wait"] } else { &[] })];
        let mut codes = both.map(|child| {
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert!(
                ran.code == 0 || (ran.code == 75 && ran.stderr.contains("another run holds the lock")),
                "{ran:?}"
            );
            ran.code
        });
        codes.sort_unstable();
        assert_eq!(codes[0], 0, "somebody does the work");
        self.built(after);
        format!("exit {} and {}", codes[0], codes[1])
    }

    /// A source that has lost too much: nothing is published.
    pub(super) fn shrink(&mut self) -> String {
        let aside = self.aside("aside");
        std::fs::create_dir_all(&aside).unwrap();
        let names: Vec<String> = self.source.keys().cloned().collect();
        let half: Vec<&String> = names.iter().step_by(2).collect();
        half.iter()
            .for_each(|name| std::fs::rename(self.repo.source().join(name), aside.join(name)).unwrap());
        let ran = self.repo.run(&["build"]);
        half.iter()
            .for_each(|name| std::fs::rename(aside.join(name), self.repo.source().join(name)).unwrap());
        assert_eq!(ran.code, 4, "{ran:?}");
        exit(ran.code)
    }

    /// `kill -9` at a random moment of a build.
    pub(super) fn build_killed(&mut self) -> String {
        self.add();
        let (args, after) = self.build_args();
        self.unsettle(&after);
        let before = self.timestamp();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = self.repo.command(&args);
        let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let share = u32::try_from(self.dice.below(1000)).unwrap();
        std::thread::sleep(self.whole * share / 1000);
        let _ = build.kill();
        if let Some(code) = build.wait().unwrap().code() {
            assert_eq!(code, 0, "a build that ended before it was killed");
            self.built(after);
            return "had ended".to_owned();
        }
        let wrote = self.repo.path().join(".tuffet/staging").exists();
        let has_published = self.timestamp() != before;
        self.adopt(after);
        match (has_published, wrote) {
            (true, _) => "killed after the timestamp",
            (false, true) => "killed between the first write and the timestamp",
            (false, false) => "killed before the first write",
        }
        .to_owned()
    }

    pub(super) fn timestamp(&self) -> Vec<u8> {
        std::fs::read(self.repo.site().join("metadata/timestamp.json")).unwrap()
    }

    /// A build that is killed before one of its calls of the file system, drawn at random.
    pub(super) fn build_stopped(&mut self) -> String {
        self.add();
        let (args, after) = self.build_args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (is_over, came_to) = self.stopped("build", &args, &after);
        if is_over {
            self.built(after);
        } else {
            self.adopt(after);
        }
        came_to
    }

    /// Runs a command that is killed before a call drawn at random; gives whether it ended before that, and where it was
    /// killed.
    pub(super) fn stopped(&mut self, what: &'static str, args: &[&str], after: &Model) -> (bool, String) {
        let longest = *self.calls.get(what).unwrap_or(&1500);
        let at = 1 + self.dice.below(longest + longest / 8);
        self.tally.note(format!("{what}: killed before call {at} of about {longest}"));
        self.unsettle(after);
        let (output, last) = stopped_before(&self.repo, args, at);
        let after = last.as_ref().map_or("nothing", |last| last.op.group());
        if let Some(code) = output.status.code() {
            assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output.stderr));
            self.calls.insert(what, last.unwrap().call);
            return (true, "had ended".to_owned());
        }
        self.calls.insert(what, longest.max(at));
        (false, format!("killed after: {after}"))
    }

    /// What no reader can still want goes.
    pub(super) fn sweep(&mut self) -> String {
        let ran = self.repo.run(&["sweep", "--grace", super::world::GRACE, "--format", "json"]).ok();
        self.warnings(&ran);
        let removed = ran.json()["removed"].as_array().unwrap().len();
        self.tally.swept += removed;
        exit(ran.code)
    }

    pub(super) fn sweep_stopped(&mut self) -> String {
        let as_it_is = self.model.clone();
        self.stopped("sweep", &["sweep", "--grace", super::world::GRACE], &as_it_is).1
    }

    /// The state folder loses all but keys and ledger.
    pub(super) fn forget(&mut self) -> String {
        for entry in std::fs::read_dir(self.repo.path().join(".tuffet")).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("ledger") => {}
                true => std::fs::remove_dir_all(path).unwrap(),
                false if path.extension().is_some_and(|end| end == "key" || end == "pub") => {}
                false => std::fs::remove_file(path).unwrap(),
            }
        }
        "caches deleted".to_owned()
    }
}

pub(super) fn exit(code: i32) -> String {
    format!("exit {code}")
}
