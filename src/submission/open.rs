//! Opening a ZIP that a stranger wrote. Nothing is unpacked here but metadata, and of that a bounded part;
//! every form that two readers could take for two things is refused.

use super::archive::{archive, bytes_of, list};
use super::{Claim, KEYS, LARGEST_ROLE, METADATA, Refusal, TARGETS};
use crate::disk;
use crate::disk::read::OpenFile;
use crate::model::metadata::parse_file_name;
use crate::model::{Envelope, ProjectName, ProjectRole, RoleName, TargetPath, Targets, Version, strict};
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

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

/// The roles, the registration and the files in a ZIP.
type Inside = (BTreeMap<RoleName, SubmittedRole>, Option<Claim>, BTreeMap<TargetPath, u64>);

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
        let read = Self::read(&file);
        file.was_readable()?;
        let (roles, claim, targets) = read?.map_err(refused)?;
        let (project, roles) = of_one_project(roles).map_err(|refusal| refused(vec![refusal]))?;
        Ok(Self { file, path: path.to_owned(), project, roles, claim, targets })
    }

    /// What is in the ZIP, or why it is not in order.
    fn read(file: &OpenFile) -> Result<Result<Inside, Vec<Refusal>>, disk::Error> {
        let archive = match archive(file.reader()?) {
            Ok(archive) => archive,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        let (listed, mut archive) = match list(archive) {
            Ok(listed) => listed,
            Err(refusals) => return Ok(Err(refusals)),
        };
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
        Ok(if refusals.is_empty() { Ok((roles, claim, targets)) } else { Err(refusals) })
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

fn parse_claim(bytes: &[u8]) -> Result<Claim, Refusal> {
    let refuse =
        |what: String| Refusal::new("registration", KEYS, what, "make the ZIP with `tuffet author sign`");
    let claim: Claim = strict::from_slice(bytes).map_err(|e| refuse(e.to_string()))?;
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
