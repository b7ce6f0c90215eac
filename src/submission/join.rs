//! What a member hands to an author: an empty role, signed, and the key that signed it. The author's
//! delegation carries both into the repository.

use crate::disk::{self, read, write};
use crate::model::project_role::NotAMember;
use crate::model::{Envelope, Key, MemberName, ProjectName, RoleKeys, Targets, envelope, strict};
use crate::trust::claim::key_fault;
use crate::trust::verified;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// No such file is larger.
const LARGEST: u64 = 1 << 16;

/// The file, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The project. What a targets role is for stands in no targets role itself.
    project: String,
    /// What the member is called in it.
    member: String,
    /// The member's public key.
    key: Key,
    /// The signed role.
    role: Value,
}

/// A member who wants to join a project.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The project.
    pub project: ProjectName,
    /// What the member is called in it.
    pub member: MemberName,
    /// The member's key.
    pub key: Key,
    /// The empty role.
    pub role: Envelope<Targets>,
}

/// Why a file is none that a member handed over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has another form.
    #[error("{} was not made by `tuffet author join`: {what}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Joining {
    /// Writes it to `path`, where nothing may be yet.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(
        project: &ProjectName,
        member: &MemberName,
        key: &Key,
        role: &[u8],
        path: &Path,
    ) -> Result<(), disk::Error> {
        let role = serde_json::from_slice(role).unwrap_or_default();
        let (project, member) = (project.to_string(), member.to_string());
        // A key and what was canonical JSON a moment ago always have a form.
        let mut bytes =
            serde_json::to_vec_pretty(&File { project, member, key: key.clone(), role }).unwrap_or_default();
        bytes.push(b'\n');
        write::write_new(path, &bytes)
    }

    /// Reads the file at `path`, which a stranger wrote.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let form = |what: String| Error::Form { path: path.to_owned(), what };
        let bytes = read::bounded(path, LARGEST)?.ok_or_else(|| form("it is not there".to_owned()))?;
        let file: File = strict::from_slice(&bytes).map_err(|e| form(e.to_string()))?;
        let role = serde_json::to_vec(&file.role).map_err(|e| form(e.to_string()))?;
        let role = Envelope::<Targets>::parse(&role).map_err(|e: envelope::Error| form(e.to_string()))?;
        let keyid = file.key.id().map_err(|e| form(e.to_string()))?;
        if let Some(what) = key_fault(&keyid, &file.key) {
            return Err(form(what));
        }
        let keys = BTreeMap::from([(keyid.clone(), file.key.clone())]);
        verified::check(&role, &keys, &RoleKeys::new(vec![keyid], 1)).map_err(|e| form(e.to_string()))?;
        if !role.signed().targets.is_empty() || role.signed().delegations.is_some() {
            return Err(form("its role is not empty".to_owned()));
        }
        let project = ProjectName::normalise(&file.project).map_err(|e| form(e.to_string()))?;
        let member = file.member.parse().map_err(|e: NotAMember| form(e.to_string()))?;
        Ok(Self { project, member, key: file.key, role })
    }
}
