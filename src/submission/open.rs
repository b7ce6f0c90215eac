//! Opening a ZIP that a stranger wrote. Nothing is unpacked here but metadata, and of that a bounded part;
//! every form that two readers could take for two things is refused.

use super::{
    Claim, KEYS, LARGEST_FILE, LARGEST_ROLE, LARGEST_SUBMISSION, METADATA, MOST_ENTRIES, Refusal, TARGETS,
};
use crate::disk;
use crate::disk::read::OpenFile;
use crate::model::metadata::parse_file_name;
use crate::model::{Envelope, ProjectName, ProjectRole, RoleName, TargetPath, Targets, Version};
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// What is unpacked may be so many times larger than what is packed, and this many bytes more.
const RATIO: (u64, u64) = (200, 1 << 20);

/// No submission holds more roles.
const MOST_ROLES: usize = 128;

/// Nor more bytes of them.
const LARGEST_METADATA: u64 = 16 << 20;

/// No more than this of `keys.json` is read.
const LARGEST_KEYS: u64 = 1 << 16;

/// A submission whose form is in order. What it says has not been judged.
#[derive(Debug)]
pub struct Submission {
    file: OpenFile,
    path: PathBuf,
    /// The project that its roles are for.
    pub project: ProjectName,
    /// Its roles.
    pub roles: BTreeMap<ProjectRole, SubmittedRole>,
    /// The keys that are to hold the project, if it carries any.
    pub claim: Option<Claim>,
    /// Its target files, with their size in bytes.
    pub targets: BTreeMap<TargetPath, u64>,
}

/// A role as it was submitted.
#[derive(Clone, Debug)]
pub struct SubmittedRole {
    /// Its name.
    pub name: RoleName,
    /// The version in the name of its file.
    pub version: Version,
    /// The file, in canonical form.
    pub bytes: Vec<u8>,
    /// What it says.
    pub envelope: Envelope<Targets>,
}

impl SubmittedRole {
    /// Its name inside the submission.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{METADATA}{}.{}.json", self.version, self.name)
    }
}

/// Why a submission could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its form is not in order.
    #[error("{}: {}", path.display(), refusals.first().map(ToString::to_string).unwrap_or_default())]
    Refused {
        /// The ZIP.
        path: PathBuf,
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// An entry of the ZIP, by its name.
struct Listed {
    index: usize,
    size: u64,
}

impl Submission {
    /// Opens the ZIP at `path`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenFile::open(path)?;
        if !disk::read::begins_with(path, b"PK")? {
            let what = "it is no ZIP; what `author join` makes is for the author, who runs `author delegate`";
            let refusal = Refusal::new("archive", "the ZIP", what, "make it with `tuffet author sign`");
            return Err(Error::Refused { path: path.to_owned(), refusals: vec![refusal] });
        }
        let refused = |refusals| Error::Refused { path: path.to_owned(), refusals };
        let archive = archive(file.reader()?).map_err(|refusal| refused(vec![refusal]))?;
        let (listed, mut archive) = list(archive).map_err(refused)?;
        let mut claim = None;
        let mut targets = BTreeMap::new();
        let mut roles: BTreeMap<RoleName, SubmittedRole> = BTreeMap::new();
        let mut refusals = Vec::new();
        for (name, entry) in &listed {
            let one = if name == KEYS {
                bytes_of(&mut archive, entry.index, name, LARGEST_KEYS).and_then(|bytes| {
                    claim = Some(parse_claim(&bytes)?);
                    Ok(())
                })
            } else if let Some(target) = name.strip_prefix(TARGETS) {
                parse_target(name, target).map(|target| _ = targets.insert(target, entry.size))
            } else if let Some(role) = name.strip_prefix(METADATA) {
                bytes_of(&mut archive, entry.index, name, LARGEST_ROLE)
                    .and_then(|bytes| parse_role(name, role, &bytes))
                    .and_then(|role| match roles.insert(role.name.clone(), role) {
                        None => Ok(()),
                        Some(other) => Err(Refusal::new(
                            "duplicate",
                            name,
                            format!("{} is the same role", other.file()),
                            "leave one version of each role",
                        )),
                    })
            } else {
                Err(Refusal::new("stray", name, "it is neither in metadata/ nor in targets/", "leave it out"))
            };
            refusals.extend(one.err());
        }
        if !refusals.is_empty() {
            return Err(refused(refusals));
        }
        let (project, roles) = of_one_project(roles).map_err(|refusal| refused(vec![refusal]))?;
        drop(archive);
        Ok(Self { file, path: path.to_owned(), project, roles, claim, targets })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The archive once more, from its start.
    pub(super) fn archive(&self) -> Result<ZipArchive<impl Read + Seek + '_>, disk::Error> {
        archive(self.file.reader()?).map_err(|refusal| self.changed("the ZIP", &refusal.what))
    }

    fn changed(&self, name: &str, why: &dyn std::fmt::Display) -> disk::Error {
        disk::Error::new("unpack", &self.path, std::io::Error::other(format!("{name}: {why}")))
    }

    /// Hands the bytes of each target file to `sink`, in the order of the ZIP; no more of any than it was
    /// found to hold.
    ///
    /// # Errors
    /// What `sink` returns, or that the ZIP is no longer what was opened.
    pub fn unpack<E: From<disk::Error>>(
        &self,
        mut sink: impl FnMut(&TargetPath, &mut dyn Read) -> Result<(), E>,
    ) -> Result<(), E> {
        let changed = |name: &str, why: &dyn std::fmt::Display| {
            let source = std::io::Error::other(format!("{name}: {why}"));
            disk::Error::new("unpack", &self.path, source)
        };
        let mut archive =
            archive(self.file.reader()?).map_err(|refusal| changed("the ZIP", &refusal.what))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|e| changed("an entry", &e))?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let target = name.strip_prefix(TARGETS).and_then(|target| target.parse::<TargetPath>().ok());
            if let Some((target, size)) = target.and_then(|target| self.targets.get_key_value(&target)) {
                sink(target, &mut entry.take(*size + 1))?;
            }
        }
        Ok(())
    }
}

/// The archive, if it is one that every reader reads alike.
fn archive<R: Read + Seek>(reader: R) -> Result<ZipArchive<R>, Refusal> {
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let refuse = |what: String| Refusal::new("archive", "the ZIP", what, "make it with `tuffet author sign`");
    let mut archive = ZipArchive::with_config(config, reader)
        .map_err(|e| refuse(format!("it cannot be read as a ZIP: {e}")))?;
    if archive.len() > MOST_ENTRIES {
        return Err(refuse(format!("it has {} entries, and {MOST_ENTRIES} are read at most", archive.len())));
    }
    if archive.has_duplicate_names() {
        return Err(Refusal::new(
            "duplicate",
            "the ZIP",
            "two entries have one name",
            "make it with `tuffet author sign`",
        ));
    }
    if archive.has_overlapping_files().map_err(|e| refuse(e.to_string()))? {
        return Err(Refusal::new(
            "bomb",
            "the ZIP",
            "entries share their bytes",
            "make it with `tuffet author sign`",
        ));
    }
    archive
        .validate_header_consistency()
        .map_err(|e| refuse(format!("its two lists of entries differ: {e}")))?;
    Ok(archive)
}

/// The files of an archive, and the archive.
type Contents<R> = (BTreeMap<String, Listed>, ZipArchive<R>);

/// Every file in the archive, or everything that is wrong with their names and kinds.
fn list<R: Read + Seek>(mut archive: ZipArchive<R>) -> Result<Contents<R>, Vec<Refusal>> {
    let mut listed = BTreeMap::new();
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    let mut refusals = Vec::new();
    let mut total: u64 = 0;
    let mut roles: (usize, u64) = (0, 0);
    for index in 0..archive.len() {
        let entry = match archive.by_index_raw(index) {
            Ok(entry) => entry,
            Err(e) => {
                refusals.push(Refusal::new("archive", format!("entry {index}"), e, "make the ZIP again"));
                continue;
            }
        };
        let Ok(name) = std::str::from_utf8(entry.name_raw()).map(str::to_owned) else {
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            refusals.push(Refusal::new("entry-name", name, "its name is not UTF-8", "rename it"));
            continue;
        };
        let folder = name.strip_suffix('/');
        if let Some(why) = name_fault(folder.unwrap_or(&name)) {
            refusals.push(Refusal::new("entry-name", name, why, "leave it out, or rename it"));
            continue;
        }
        let kind = entry.unix_mode().map(|mode| mode & 0o170_000).filter(|kind| *kind != 0);
        let wanted = if folder.is_some() { 0o040_000 } else { 0o100_000 };
        if kind.is_some_and(|kind| kind != wanted) || entry.is_symlink() {
            refusals.push(Refusal::new(
                "entry-kind",
                name,
                "it is a link, a device, or no file",
                "leave it out",
            ));
            continue;
        }
        if let Some(other) = folded.insert(name.to_lowercase(), name.clone()) {
            let what = format!("it and {other} are one name where case does not count");
            refusals.push(Refusal::new("case-clash", name, what, "rename one of them"));
            continue;
        }
        if folder.is_some() {
            continue;
        }
        let method = entry.compression();
        if entry.encrypted() || !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            let what = "it is encrypted, or packed in a way that is not read";
            refusals.push(Refusal::new("entry-kind", name, what, "store it, or deflate it"));
            continue;
        }
        let (size, packed) = (entry.size(), entry.compressed_size());
        total = total.saturating_add(size);
        if name.starts_with(METADATA) {
            roles.0 += 1;
            roles.1 = roles.1.saturating_add(size);
        }
        if size > LARGEST_FILE {
            let what = format!("it has {size} bytes, and {LARGEST_FILE} are taken at most");
            refusals.push(Refusal::new("size", name, what, "leave it out"));
        } else if size > packed.saturating_mul(RATIO.0).saturating_add(RATIO.1) {
            let what = format!("{packed} bytes would become {size}");
            refusals.push(Refusal::new("bomb", name, what, "store it instead of packing it"));
        } else {
            listed.insert(name, Listed { index, size });
        }
    }
    if total > LARGEST_SUBMISSION {
        let what = format!("it holds {total} bytes, and {LARGEST_SUBMISSION} are taken at most");
        refusals.push(Refusal::new("size", "the ZIP", what, "submit the release in several parts"));
    }
    if roles.0 > MOST_ROLES || roles.1 > LARGEST_METADATA {
        let what = format!(
            "it holds {} roles of {} bytes together, which is more than any project needs",
            roles.0, roles.1
        );
        refusals.push(Refusal::new("size", "metadata/", what, "leave out what is not signed anew"));
    }
    if refusals.is_empty() { Ok((listed, archive)) } else { Err(refusals) }
}

/// Why a name is none that stays in its folder.
fn name_fault(name: &str) -> Option<&'static str> {
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        Some("its path is absolute")
    } else if name.contains('\\') {
        Some("some readers take '\\' for '/'")
    } else if name.chars().any(char::is_control) {
        Some("it holds a control character")
    } else if name.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("its path climbs")
    } else if name.split('/').any(str::is_empty) {
        Some("it has an empty segment")
    } else {
        None
    }
}

/// The bytes of one entry, at most `most`.
fn bytes_of<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, Refusal> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Refusal::new("archive", name, format!("it cannot be unpacked: {e}"), "make the ZIP again")
    };
    let entry = archive.by_index(index).map_err(|e| unreadable(&e))?;
    let mut bytes = Vec::new();
    entry.take(most + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > most {
        let what = format!("it is larger than {most} bytes");
        return Err(Refusal::new("size", name, what, "delegate, or leave old files out"));
    }
    Ok(bytes)
}

fn parse_claim(bytes: &[u8]) -> Result<Claim, Refusal> {
    let refuse =
        |what: String| Refusal::new("registration", KEYS, what, "make the ZIP with `tuffet author sign`");
    let claim: Claim = serde_json::from_slice(bytes).map_err(|e| refuse(e.to_string()))?;
    match claim.fault() {
        None => Ok(claim),
        Some(what) => Err(refuse(what)),
    }
}

fn parse_target(name: &str, target: &str) -> Result<TargetPath, Refusal> {
    target.parse().map_err(|e| Refusal::new("entry-name", name, e, "rename the file"))
}

fn parse_role(name: &str, file: &str, bytes: &[u8]) -> Result<SubmittedRole, Refusal> {
    let again = "make the ZIP with `tuffet author sign`";
    let (version, role) = parse_file_name(file)
        .ok_or_else(|| Refusal::new("role-name", name, "it is not called <version>.<role>.json", again))?;
    let envelope = Envelope::<Targets>::parse(bytes).map_err(|e| Refusal::new("metadata", name, e, again))?;
    let bytes = envelope.to_bytes().map_err(|e| Refusal::new("metadata", name, e, again))?;
    Ok(SubmittedRole { name: role, version, bytes, envelope })
}

/// The one project that all roles are of.
fn of_one_project(
    roles: BTreeMap<RoleName, SubmittedRole>,
) -> Result<(ProjectName, BTreeMap<ProjectRole, SubmittedRole>), Refusal> {
    let mut project: Option<ProjectName> = None;
    let mut of_it = BTreeMap::new();
    for (name, role) in roles {
        let file = role.file();
        let refuse = |what: String| {
            Refusal::new("role-name", &file, what, "submit the roles of one project, and no others")
        };
        let (of, part) =
            ProjectRole::parse(&name).ok_or_else(|| refuse(format!("{name} is no role of a project")))?;
        match &project {
            Some(project) if *project != of => {
                return Err(refuse(format!("{name} is not in the namespace of {project}")));
            }
            _ => project = Some(of),
        }
        of_it.insert(part, role);
    }
    let none = || {
        Refusal::new("role-name", "metadata/", "it holds no role", "make the ZIP with `tuffet author sign`")
    };
    Ok((project.ok_or_else(none)?, of_it))
}
