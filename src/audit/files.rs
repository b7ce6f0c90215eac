//! Every target file, under every name that somebody asks for.

use super::roles::Walked;
use super::{Request, TargetFiles};
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
) -> Result<u64, disk::Error> {
    let folder = Folder::new(request.targets);
    let plain_too = request.target_files == TargetFiles::HashedAndPlain;
    let checked: Vec<Checked> = walked
        .targets
        .par_iter()
        .flat_map(|(role, targets)| targets.targets.par_iter().map(move |(path, file)| (role, path, file)))
        .map(|(role, path, file)| {
            let mut checked = Checked { role, path, file, bytes: 0, findings: Vec::new() };
            if consistent {
                let hashed = checked.hashed(&folder)?;
                checked.plain(&folder, plain_too, hashed)?;
            } else {
                checked.plain(&folder, true, None)?;
            }
            reporter.event(Event::Done(1));
            Ok(checked)
        })
        .collect::<Result<_, disk::Error>>()?;
    let bytes = checked.iter().map(|checked| checked.bytes).sum();
    findings.extend(checked.into_iter().flat_map(|checked| checked.findings));
    Ok(bytes)
}

struct Checked<'a> {
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

    /// The names with a digest: clients ask for one of them each, so that each that is there
    /// must be right, and one must be there.
    fn hashed(&mut self, folder: &Folder) -> Result<Option<FileStamp>, disk::Error> {
        let mut seen = None;
        let sha256 = self.file.hashes.sha256().map(|digest| digest.to_string());
        let names: Vec<String> = self.file.hashes.digests().map(|digest| self.path.hashed(digest)).collect();
        for name in &names {
            if let Some(stamp) = self.compare(folder, name)? {
                seen = Some(stamp);
            }
        }
        if seen.is_none() {
            let name =
                sha256.map_or_else(|| names.first().cloned().unwrap_or_default(), |d| self.path.hashed(&d));
            self.found(format!("{name}, which clients fetch, is not there"));
        }
        Ok(seen)
    }

    /// The plain name, which pip fetches. Often it is the very file of the hashed name.
    fn plain(
        &mut self,
        folder: &Folder,
        required: bool,
        hashed: Option<FileStamp>,
    ) -> Result<(), disk::Error> {
        let path = self.path;
        let plain = folder.stamp(path.as_str())?;
        if let (Some(plain), Some(hashed)) = (plain, hashed)
            && plain.is_same_file(&hashed)
        {
            return Ok(());
        }
        let before = self.findings.len();
        let compared =
            (required || plain.is_some()).then(|| self.compare(folder, path.as_str())).transpose()?;
        if let Some(None) = compared {
            self.found("the file is not there under its plain name".to_owned());
        }
        // A run that did not end may have left the plain name with the bytes of a version that
        // lies beside it: pip gets a whole file, only not the one that is published.
        if hashed.is_some() && self.findings.len() > before && self.is_another_version(folder)? {
            self.findings.truncate(before);
            let what = "its plain name has the bytes of another version that lies beside it";
            self.findings.push(Finding::target(self.role, self.path, what).warning());
        }
        Ok(())
    }

    fn is_another_version(&self, folder: &Folder) -> Result<bool, disk::Error> {
        let Some(_) = folder.stamp(self.path.as_str())? else { return Ok(false) };
        let (digest, _) = OpenFile::open(&folder.path(self.path.as_str()))?.digest()?;
        Ok(folder.stamp(&self.path.hashed(&digest.to_string()))?.is_some())
    }

    /// Compares one file with what is listed; `None` if it is not there.
    fn compare(&mut self, folder: &Folder, name: &str) -> Result<Option<FileStamp>, disk::Error> {
        let file = match OpenFile::open(&folder.path(name)) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let (sha256, length, sha512) = if self.file.hashes.wants_sha512() {
            file.both_digests().map(|(sha256, length, sha512)| (sha256, length, Some(sha512)))?
        } else {
            file.digest().map(|(sha256, length)| (sha256, length, None))?
        };
        self.bytes += length;
        if length != self.file.length {
            self.found(format!("{name} has {length} bytes, and {} are listed", self.file.length));
        }
        for fault in self.file.hashes.faults(sha256, sha512.as_deref()) {
            self.found(format!("{name}: {fault}"));
        }
        Ok(Some(file.stamp()?))
    }
}
