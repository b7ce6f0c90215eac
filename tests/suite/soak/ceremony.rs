//! Ceremonies, with whatever happens between their steps.

use super::source::exit;
use super::world::{Model, World};
use crate::ceremonies::prepare;
use crate::support::Ran;
use crate::support::calls::stopped_before;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A ceremony that is under way.
pub(super) struct Ceremony {
    file: PathBuf,
    is_signed: bool,
    /// Which key is to sign online from then on.
    online: Option<String>,
    promoted: Vec<String>,
    rekeyed: Vec<String>,
    suspended: Vec<String>,
    freed: Vec<String>,
}

impl Ceremony {
    /// Whether it has the list of claimed projects signed anew.
    fn changes_claimed(&self) -> bool {
        [&self.promoted, &self.rekeyed, &self.suspended, &self.freed].iter().any(|names| !names.is_empty())
    }
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

impl World {
    /// All that waits goes into a file, and the name of a revoked project is let go of, if there is one.
    pub(super) fn prepare(&mut self) -> String {
        self.end_ceremony();
        // Somebody waits to be signed over.
        if !self.model.claims.values().any(|claim| !claim.is_claimed && !claim.is_revoked) {
            self.register();
        }
        self.prepare_with(&[])
    }

    /// The online key is to change.
    pub(super) fn rotate(&mut self) -> String {
        self.end_ceremony();
        self.prepare_with(&["--rotate", "online"])
    }

    /// One ceremony at a time: one that is under way comes to its end first.
    fn end_ceremony(&mut self) {
        if self.ceremony.is_some() {
            let out = self.aside("another.json");
            let ran = self.repo.run(&["ceremony", "prepare", "--out", out.to_str().unwrap()]);
            assert_eq!(ran.code, 2, "one at a time: {ran:?}");
            let came_to = self.apply();
            self.tally.note(format!("the ceremony before is applied: {came_to}"));
        }
    }

    fn prepare_with(&mut self, more: &[&str]) -> String {
        let revoked = self.model.claims.iter().filter(|(_, claim)| claim.is_revoked);
        let revoked: Vec<String> = revoked.map(|(name, _)| name.clone()).collect();
        let free = self.dice.pick(&revoked);
        let mut args = more.to_vec();
        free.iter().for_each(|name| args.extend(["--free", name]));
        let (out, file) = prepare(&self.repo, &args);
        assert!(!out["out"].is_null(), "something waits: {out}");
        assert_eq!(out["stale"], serde_json::json!([]), "{out}");
        let online = (!more.is_empty()).then(|| {
            let next = self.repo.path().join(".tuffet/online.next.key");
            let shown =
                self.repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
            shown["keyid"].as_str().unwrap().to_owned()
        });
        let [promoted, rekeyed, suspended, freed] =
            ["promoted", "rekeyed", "suspended", "freed"].map(|list| names(&out[list]));
        for name in [&promoted, &rekeyed, &suspended, &freed].into_iter().flatten() {
            self.model.claims.get_mut(name).unwrap().in_ceremony = true;
        }
        self.tally.note(format!("{promoted:?} {rekeyed:?} {suspended:?} {freed:?} online: {online:?}"));
        self.ceremony =
            Some(Ceremony { file, is_signed: false, online, promoted, rekeyed, suspended, freed });
        exit(0)
    }

    /// The file goes to the safe and back.
    pub(super) fn sign(&mut self) -> String {
        if self.ceremony.as_ref().is_none_or(|ceremony| ceremony.is_signed) {
            self.prepare();
        }
        self.sign_prepared()
    }

    fn sign_prepared(&mut self) -> String {
        let ceremony = self.ceremony.as_mut().unwrap();
        let trust = ceremony.online.iter().map(|id| format!("--trust=online={id}"));
        let abandoned = self.abandoned.iter().map(|id| format!("--abandoned={id}"));
        // Each author has told the signer which key is theirs, and each heir.
        let claims = &self.model.claims;
        let id = |author: usize| self.authors[author].keyid();
        let mut known: BTreeMap<&String, String> = BTreeMap::new();
        known.extend(ceremony.promoted.iter().map(|name| (name, id(claims[name].author))));
        let heir = |name: &String| claims[name].waits.flatten().unwrap();
        known.extend(ceremony.rekeyed.iter().map(|name| (name, id(heir(name)))));
        // What was signed and abandoned stands in the ledger of the safe, and what is published says otherwise.
        for name in &self.doubted {
            let published = claims.get(name).filter(|claim| claim.is_claimed).map(|claim| id(claim.author));
            known.entry(name).or_insert(published.unwrap_or_else(|| "freed".to_owned()));
        }
        known.extend(ceremony.freed.iter().map(|name| (name, "freed".to_owned())));
        let known = known.into_iter().map(|(name, said)| format!("--confirm={name}={said}"));
        let more: Vec<String> = trust.chain(known).chain(abandoned).collect();
        let more: Vec<&str> =
            std::iter::once("--suspensions").chain(more.iter().map(String::as_str)).collect();
        let (code, said, signed) = self.safe.sign(&ceremony.file, &more);
        assert_eq!(code, 0, "{said}");
        let projects =
            said["roles"].as_array().unwrap().iter().flat_map(|role| role["projects"].as_array().unwrap());
        let refused: Vec<&Value> = projects.filter(|project| project["approved"] != true).collect();
        assert!(refused.is_empty(), "{refused:?}");
        ceremony.file = signed;
        ceremony.is_signed = true;
        if ceremony.changes_claimed() {
            let stays = |name: &String| {
                let is_claimed = self.model.claims.get(name).is_some_and(|claim| claim.is_claimed);
                let changes = [&ceremony.rekeyed, &ceremony.suspended, &ceremony.freed];
                is_claimed && !changes.iter().any(|names| names.contains(name))
            };
            self.doubted.retain(stays);
        }
        exit(code)
    }

    /// What came back is published; now and then by a run that is killed, and comes again.
    pub(super) fn apply(&mut self) -> String {
        if self.ceremony.as_ref().is_none_or(|ceremony| !ceremony.is_signed) {
            self.sign();
        }
        let ceremony = self.ceremony.take().unwrap();
        let after = self.after_ceremony(&ceremony);
        self.unsettle(&after);
        let file = ceremony.file.to_str().unwrap();
        let args = ["ceremony", "apply", file, "--format", "json"];
        let came_to = if self.dice.one_in(3) { self.apply_stopped(&args) } else { None };
        let came_to = came_to.unwrap_or_else(|| {
            let ran = self.repo.run(&args).ok();
            self.check_applied(&ceremony, &ran);
            exit(ran.code)
        });
        for name in &ceremony.freed {
            let back = self.source.iter().filter(|(_, dist)| dist.project == *name);
            self.dirty.extend(back.map(|(file, _)| file.clone()));
        }
        self.model = after;
        came_to
    }

    fn check_applied(&self, ceremony: &Ceremony, ran: &Ran) {
        let out = ran.json();
        // Names of the online list are let go of without a word.
        let is_claimed = |name: &&String| self.model.claims[*name].is_claimed;
        let freed = ceremony.freed.iter().filter(is_claimed).cloned().collect();
        let lists = [
            ("claimed", &ceremony.promoted),
            ("rekeyed", &ceremony.rekeyed),
            ("suspended", &ceremony.suspended),
            ("freed", &freed),
        ];
        lists
            .into_iter()
            .for_each(|(list, expected)| assert_eq!(names(&out[list]), *expected, "{list}: {out}"));
    }

    fn after_ceremony(&self, ceremony: &Ceremony) -> Model {
        let mut after = self.model.clone();
        after.claims.values_mut().for_each(|claim| claim.in_ceremony = false);
        for name in &ceremony.promoted {
            after.claims.get_mut(name).unwrap().is_claimed = true;
        }
        for name in &ceremony.rekeyed {
            let claim = after.claims.get_mut(name).unwrap();
            claim.author = claim.waits.take().flatten().unwrap();
        }
        for name in &ceremony.suspended {
            after.claims.get_mut(name).unwrap().revoke();
        }
        for name in &ceremony.freed {
            after.claims.remove(name);
        }
        after
    }

    /// Kills the run before one of its calls. What it left is brought to its end, as the document says: by the same command,
    /// or by a build where everything is published.
    fn apply_stopped(&mut self, args: &[&str]) -> Option<String> {
        let before = self.timestamp();
        let longest = *self.calls.get("apply").unwrap_or(&1500);
        let at = 1 + self.dice.below(longest + longest / 8);
        let (output, last) = stopped_before(&self.repo, args, at);
        if output.status.code() == Some(0) {
            self.calls.insert("apply", last.unwrap().call);
            return Some("had ended".to_owned());
        }
        assert_eq!(output.status.code(), None, "{output:?}");
        let verified = self.repo.run(&["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let is_over =
            self.timestamp() != before && !self.repo.path().join(".tuffet/ledger/ceremony.json").exists();
        if !is_over {
            self.repo.run(args).ok();
        }
        Some(format!("killed after: {}", last.map_or("nothing", |last| last.op.group())))
    }

    /// The ceremony is given up; what waited for its end is done.
    pub(super) fn abandon(&mut self) -> String {
        if self.ceremony.is_none() {
            self.prepare();
        }
        let ceremony = self.ceremony.take().unwrap();
        let mut after = self.model.clone();
        for claim in after.claims.values_mut() {
            let at_once = claim.in_ceremony && !claim.is_claimed;
            claim.in_ceremony = false;
            match claim.waits {
                Some(None) if at_once => claim.revoke(),
                Some(Some(heir)) if at_once => (claim.author, claim.waits) = (heir, None),
                _ => {}
            }
        }
        let ran = self.run(&["ceremony", "abandon", "--format", "json"], &after).ok();
        if ceremony.is_signed {
            self.abandoned.push(ran.json()["id"].as_str().unwrap().to_owned());
            let signed = [&ceremony.promoted, &ceremony.rekeyed, &ceremony.suspended];
            self.doubted.extend(signed.into_iter().flatten().cloned());
        }
        self.model = after;
        format!("exit {}, {}", ran.code, if ceremony.is_signed { "signed" } else { "not signed" })
    }
}
