//! Every target file, under every name that somebody asks for.

use super::walked::Walked;
use super::{Request, TargetFiles};
use crate::disk::folder::Standing;
use crate::disk::read::OpenFile;
use crate::disk::{self, FileStamp, Folder};
use crate::model::{RoleName, TargetFile, TargetPath};
use crate::report::{Event, Reporter};
use crate::trust::Finding;
use rayon::prelude::*;

/// Checks all of them; gives the bytes read.
pub(super) fn check(
    request: &Request<'_>,
    consistent: bool,
    walked: &Walked,
    findings: &mut Vec<Finding>,
    reporter: &dyn Reporter,
) -> u64 {
    let folder = Folder::new(request.targets);
    let plain_too = request.target_files == TargetFiles::HashedAndPlain;
    let checked: Vec<Checked<'_>> = walked
        .targets
        .par_iter()
        .flat_map(|(role, targets)| targets.targets.par_iter().map(move |(path, file)| (role, path, file)))
        .map(|(role, path, file)| {
            let mut checked = Checked { folder: &folder, role, path, file, bytes: 0, findings: Vec::new() };
            if consistent {
                let hashed = checked.hashed();
                checked.plain(plain_too, hashed);
                checked.alias(hashed);
            } else {
                checked.plain(true, None);
            }
            reporter.event(Event::Done(1));
            checked
        })
        .collect();
    let bytes = checked.iter().map(|checked| checked.bytes).sum();
    findings.extend(checked.into_iter().flat_map(|checked| checked.findings));
    bytes
}

struct Checked<'a> {
    folder: &'a Folder,
    role: &'a RoleName,
    path: &'a TargetPath,
    file: &'a TargetFile,
    bytes: u64,
    findings: Vec<Finding>,
}

impl Checked<'_> {
    fn found(&mut self, what: String) {
        self.findings.push(Finding::target(self.role, self.path, what));
    }

    /// The names with a digest, for TUF clients. The one with the SHA-256 must be there, for every
    /// client can ask for it; another that is there must be right too.
    fn hashed(&mut self) -> Option<FileStamp> {
        let digest = self.file.hashes.sha256()?.to_string();
        let others: Vec<String> = self
            .file
            .hashes
            .digests()
            .filter(|other| **other != digest)
            .map(|other| self.path.hashed(other))
            .collect();
        for name in others {
            self.compare(&name, "a hashed copy");
        }
        let what = "the copy that TUF clients fetch, under its sha256,";
        let seen = self.compare(&self.path.hashed(&digest), what);
        if seen.is_none() && !self.findings.iter().any(|finding| finding.what.starts_with(what)) {
            self.found(format!("{what} is not there"));
        }
        seen
    }

    /// The plain name, which pip fetches. Often it is the very file of the hashed name.
    fn plain(&mut self, required: bool, hashed: Option<FileStamp>) {
        let what = "the copy under its plain name";
        let standing = self.folder.standing(self.path.as_str());
        match (standing, hashed) {
            (Ok(Standing::File(plain)), Some(hashed)) if plain.is_same_file(&hashed) => return,
            (Ok(Standing::Nothing), _) if !required => return,
            (Ok(Standing::Nothing), _) => return self.found(format!("{what} is not there")),
            _ => {}
        }
        let before = self.findings.len();
        self.compare(self.path.as_str(), what);
        // A run that did not end may have left the plain name with the bytes of a version that
        // lies beside it: pip gets a whole file, only not the one that is published.
        if hashed.is_some() && self.findings.len() > before && self.is_another_version() {
            self.findings.truncate(before);
            let what = format!("{what} has the bytes of another version that lies beside it");
            self.findings.push(Finding::target(self.role, self.path, what).warning());
        }
    }

    /// The name that stock tough asks for, where it was given one.
    fn alias(&mut self, hashed: Option<FileStamp>) {
        let Some(digest) = self.file.hashes.sha256() else { return };
        let name = self.path.tough_alias(&digest.to_string());
        if name == self.path.hashed(&digest.to_string()) {
            return;
        }
        match (self.folder.standing(&name), hashed) {
            (Ok(Standing::Nothing), _) => {}
            (Ok(Standing::File(alias)), Some(hashed)) if alias.is_same_file(&hashed) => {}
            _ => {
                self.compare(&name, "the copy that stock tough fetches");
            }
        }
    }

    fn is_another_version(&self) -> bool {
        let digest = || -> Result<String, disk::Error> {
            Ok(OpenFile::open(&self.folder.path(self.path.as_str()))?.digest()?.0.to_string())
        };
        digest().is_ok_and(|digest| {
            matches!(self.folder.standing(&self.path.hashed(&digest)), Ok(Standing::File(_)))
        })
    }

    /// Compares one file with what is listed; `None` if it is not there or cannot be read.
    fn compare(&mut self, name: &str, what: &str) -> Option<FileStamp> {
        let wants_sha512 = self.file.hashes.wants_sha512();
        let read = || {
            let file = OpenFile::open(&self.folder.path(name))?;
            let (sha256, length, sha512) = if wants_sha512 {
                file.both_digests().map(|(sha256, length, sha512)| (sha256, length, Some(sha512)))?
            } else {
                file.digest().map(|(sha256, length)| (sha256, length, None))?
            };
            Ok((sha256, length, sha512, file.stamp()?))
        };
        let (sha256, length, sha512, stamp) = match read() {
            Ok(read) => read,
            Err(error) => {
                let error: disk::Error = error;
                if !error.is_not_found() {
                    self.found(format!("{what} cannot be read: {}", error.source));
                }
                return None;
            }
        };
        self.bytes += length;
        if length == self.file.length {
            for fault in self.file.hashes.faults(sha256, sha512.as_deref()) {
                self.found(format!("{what} is another file: {fault}"));
            }
        } else {
            self.found(format!("{what} has {length} bytes, and {} are listed", self.file.length));
        }
        Some(stamp)
    }
}
