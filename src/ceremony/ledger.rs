//! The signer's ledger: what was last signed for each role, and which key each project had when. It lies beside
//! the key, and is the one memory that the index cannot rewrite.

use crate::disk::{self, read, write};
use crate::model::{KeyId, Moment, ProjectName, RoleName, Sha256, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Signed {
        role: RoleName,
        version: Version,
        /// The SHA-256 of the bytes that were signed.
        sha256: Sha256,
        at: Moment,
        /// The ceremony, by its identity; none for what others signed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    Abandoned {
        role: RoleName,
        abandoned: Version,
        sha256: Sha256,
        at: Moment,
    },
    Claimed {
        claimed: String,
        keys: Vec<KeyId>,
        threshold: u32,
        at: Moment,
    },
    Freed {
        freed: String,
        at: Moment,
    },
    Seen {
        project: String,
        keys: Vec<KeyId>,
        threshold: u32,
        at: Moment,
        /// The ceremony that brought them, by its identity.
        file: String,
    },
}

/// What was last signed for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its version.
    pub version: Version,
    /// The SHA-256 of the bytes that were signed.
    pub sha256: Sha256,
    /// The ceremony in which it was signed with this ledger, by its identity.
    pub file: Option<String>,
}

/// The keys that a project was seen with last, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The keys, sorted.
    pub keys: Vec<KeyId>,
    /// How many must sign.
    pub threshold: u32,
    /// Since when.
    pub since: Moment,
    /// The ceremony that brought them, by its identity, where that is known.
    pub file: Option<String>,
}

/// A ledger that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is damaged.
    #[error("{} line {line}: {source}. Restore the ledger from its copy; without it nothing is known", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// The ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    path: PathBuf,
    signed: BTreeMap<RoleName, Signed>,
    history: BTreeSet<(RoleName, Version, Sha256)>,
    abandoned: BTreeSet<(RoleName, Version, Sha256)>,
    /// The ceremony that was signed last.
    last: Option<String>,
    claimed: BTreeMap<String, Seen>,
    seen: BTreeMap<String, Seen>,
    new: Vec<Line>,
    is_new: bool,
}

impl Ledger {
    /// A ledger that knows nothing and lies nowhere: for whoever looks at a file without being its signer.
    #[must_use]
    pub fn nothing() -> Self {
        Self::empty(Path::new(""), true)
    }

    fn empty(path: &Path, is_new: bool) -> Self {
        Self {
            path: path.to_owned(),
            signed: BTreeMap::new(),
            history: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            last: None,
            claimed: BTreeMap::new(),
            seen: BTreeMap::new(),
            new: Vec::new(),
            is_new,
        }
    }

    /// Reads the ledger at `path`; one that is not there is empty.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read::bytes_if_there(path)?;
        let mut ledger = Self::empty(path, bytes.is_none());
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        let whole = text.ends_with('\n') || text.is_empty();
        let count = text.lines().count();
        for (index, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(line) => ledger.learn(line),
                Err(_) if index + 1 == count && !whole => {}
                Err(source) => {
                    return Err(Error::Damaged { path: path.to_owned(), line: index + 1, source });
                }
            }
        }
        Ok(ledger)
    }

    fn learn(&mut self, line: Line) {
        match line {
            Line::Signed { role, version, sha256, file, .. } => {
                self.history.insert((role.clone(), version, sha256));
                // What comes again is given up no more.
                self.abandoned.remove(&(role.clone(), version, sha256));
                self.last = file.clone().or(self.last.take());
                self.signed.insert(role, Signed { version, sha256, file });
            }
            Line::Abandoned { role, abandoned, sha256, .. } => {
                self.abandoned.insert((role, abandoned, sha256));
            }
            Line::Claimed { claimed, keys, threshold, at } => {
                self.claimed.insert(claimed, Seen { keys, threshold, since: at, file: None });
            }
            Line::Freed { freed, .. } => _ = self.claimed.remove(&freed),
            Line::Seen { project, keys, threshold, at, file } => {
                self.seen.insert(project, Seen { keys, threshold, since: at, file: Some(file) });
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing was ever written down here.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What was last signed for a role.
    #[must_use]
    pub fn signed(&self, role: &RoleName) -> Option<&Signed> {
        self.signed.get(role)
    }

    /// The ceremony in which something was signed last, by its identity.
    #[must_use]
    pub fn last_ceremony(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Whether what was signed last for a role was given up.
    #[must_use]
    pub fn is_abandoned(&self, role: &RoleName) -> bool {
        self.signed(role)
            .is_some_and(|signed| self.abandoned.contains(&(role.clone(), signed.version, signed.sha256)))
    }

    /// Whether these bytes were signed as this version of a role, lately or before.
    #[must_use]
    pub fn has_signed(&self, role: &RoleName, version: Version, sha256: Sha256) -> bool {
        self.history.contains(&(role.clone(), version, sha256))
    }

    /// Whether these bytes came right before what was signed last for a role, but for what was abandoned. Of several
    /// contents of one version, which different holders signed, any may have been published.
    #[must_use]
    pub fn comes_before_last(&self, role: &RoleName, version: Version, sha256: Sha256) -> bool {
        let Some(last) = self.signed(role) else { return false };
        let of_it = self.history.iter().filter(|(of, at, _)| of == role && *at < last.version);
        let mut kept = of_it.filter(|signed| !self.abandoned.contains(signed));
        let newest = kept.next_back().map(|(_, newest, _)| *newest);
        let signed = (role.clone(), version, sha256);
        newest == Some(version) && self.history.contains(&signed) && !self.abandoned.contains(&signed)
    }

    /// Notes that a ceremony was given up: nothing follows what was signed in it.
    pub fn note_abandoned(&mut self, file: &str, at: Moment) {
        let of_it = self.signed.iter().filter(|(_, signed)| signed.file.as_deref() == Some(file));
        let lines: Vec<Line> = of_it
            .filter(|(role, _)| !self.is_abandoned(role))
            .map(|(role, signed)| Line::Abandoned {
                role: role.clone(),
                abandoned: signed.version,
                sha256: signed.sha256,
                at,
            })
            .collect();
        for line in lines {
            self.learn(line.clone());
            self.new.push(line);
        }
    }

    /// Every project that was signed over with this ledger, with the keys that it got.
    pub fn claimed(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.claimed.iter().map(|(name, seen)| (name.as_str(), seen))
    }

    /// The keys that a project got when it was signed over with this ledger.
    #[must_use]
    pub fn claimed_by(&self, project: &ProjectName) -> Option<&Seen> {
        self.claimed.get(project.as_str())
    }

    /// Notes that a project is signed over, if that is news.
    pub fn note_claimed(&mut self, project: &ProjectName, keys: &[KeyId], threshold: u32, at: Moment) {
        let known = self.claimed_by(project);
        if !known.is_some_and(|seen| seen.keys == keys && seen.threshold == threshold) {
            let line = Line::Claimed { claimed: project.to_string(), keys: keys.to_vec(), threshold, at };
            self.learn(line.clone());
            self.new.push(line);
        }
    }

    /// Notes that a name is nobody's any more.
    pub fn note_freed(&mut self, project: &ProjectName, at: Moment) {
        if self.claimed_by(project).is_some() {
            let line = Line::Freed { freed: project.to_string(), at };
            self.learn(line.clone());
            self.new.push(line);
        }
    }

    /// The keys that a project was seen with last.
    #[must_use]
    pub fn seen(&self, project: &ProjectName) -> Option<&Seen> {
        self.seen.get(project.as_str())
    }

    /// Notes that bytes are about to be signed in the ceremony `file`, or that others have signed them.
    pub fn note_signed(
        &mut self,
        role: &RoleName,
        (version, sha256): (Version, Sha256),
        file: Option<&str>,
        at: Moment,
    ) {
        let line = Line::Signed { role: role.clone(), version, sha256, at, file: file.map(str::to_owned) };
        self.learn(line.clone());
        self.new.push(line);
    }

    /// Notes the keys of a project, if they are others than it was seen with last; `file` is the identity of
    /// the ceremony that brought them.
    pub fn note_seen(
        &mut self,
        project: &ProjectName,
        keys: &[KeyId],
        threshold: u32,
        at: Moment,
        file: &str,
    ) {
        let known = self.seen(project).is_some_and(|seen| seen.keys == keys && seen.threshold == threshold);
        if !known {
            let (project, keys, file) = (project.to_string(), keys.to_vec(), file.to_owned());
            let line = Line::Seen { project, keys, threshold, at, file };
            self.learn(line.clone());
            self.new.push(line);
        }
    }

    /// Writes down what was noted; durable when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&mut self) -> Result<(), Error> {
        // Names, keys and moments always have a form in JSON.
        let lines = std::mem::take(&mut self.new).into_iter();
        let lines: Vec<String> = lines.map(|line| serde_json::to_string(&line).unwrap_or_default()).collect();
        Ok(write::append_durable_lines(&self.path, &lines)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_counts_again_once_it_is_signed_or_published_again() {
        let role = RoleName::targets();
        let (one, two) = (Version::FIRST, Version::FIRST.next());
        let [a, b, c] = [b"a", b"b", b"c"].map(|bytes| Sha256::of(bytes));
        let mut ledger = Ledger::nothing();
        ledger.note_signed(&role, (one, a), None, Moment::EPOCH);
        ledger.note_signed(&role, (two, b), Some("first"), Moment::EPOCH);
        assert!(ledger.comes_before_last(&role, one, a) && !ledger.is_abandoned(&role));
        ledger.note_abandoned("another", Moment::EPOCH);
        assert!(!ledger.is_abandoned(&role));
        ledger.note_abandoned("first", Moment::EPOCH);
        assert!(ledger.is_abandoned(&role));
        ledger.note_signed(&role, (two, b), Some("first"), Moment::EPOCH);
        assert!(!ledger.is_abandoned(&role));
        // Others published another content of version 2: either may be what the next one follows.
        ledger.note_signed(&role, (two, c), None, Moment::EPOCH);
        ledger.note_signed(&role, (two.next(), a), Some("second"), Moment::EPOCH);
        assert_eq!([b, c].map(|sha256| ledger.comes_before_last(&role, two, sha256)), [true, true]);
        assert!(!ledger.comes_before_last(&role, one, a) && !ledger.comes_before_last(&role, two, a));
    }
}
