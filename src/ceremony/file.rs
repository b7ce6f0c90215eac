//! The file of a ceremony.

use crate::disk::{self, place, read};
use crate::model::{Envelope, RoleName, Root, Sha256, Targets, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The form of the file; another form, another number.
const FORM: &str = "tuffet ceremony 1";

/// No such file is larger.
const LARGEST: u64 = 512 << 20;

/// A role that is to be signed.
#[derive(Clone, Debug)]
pub struct Step {
    /// The role.
    pub role: RoleName,
    /// The version that is published, with its signatures; none for a role that never was.
    pub before: Option<Envelope<Targets>>,
    /// The version to be signed, with the signatures that it has so far.
    pub after: Envelope<Targets>,
}

/// A list that `targets` is not to delegate to any more.
#[derive(Clone, Debug)]
pub struct Retired {
    /// The list.
    pub role: RoleName,
    /// What it said last: all of that must stand somewhere else.
    pub last: Envelope<Targets>,
}

/// A ceremony.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// The root that is published: it names the keys of `targets`.
    pub root: Envelope<Root>,
    /// `targets` as it is published: it names the keys of the lists.
    pub targets: Envelope<Targets>,
    /// Lists that give way to others.
    pub retired: Vec<Retired>,
    /// What is to be signed, parents before children.
    pub steps: Vec<Step>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    form: String,
    root: Value,
    targets: Value,
    retired: Vec<WrittenRetired>,
    steps: Vec<WrittenStep>,
    /// The SHA-256 of all of the above but signatures, so that a damaged copy is noticed at once.
    digest: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    role: RoleName,
    before: Option<Value>,
    after: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRetired {
    role: RoleName,
    last: Value,
}

/// Why a file is no ceremony.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has another form.
    #[error("{} is no file of `tuffet ceremony prepare`: {what}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Bytes of it were changed.
    #[error("{} was changed since it was made: copy it again, or have it prepared anew", .0.display())]
    Changed(PathBuf),
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Ceremony {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let form = |what: String| Error::Form { path: path.to_owned(), what };
        let bytes = read::bounded(path, LARGEST)?.ok_or_else(|| form("there is no such file".to_owned()))?;
        let written: Written = serde_json::from_slice(&bytes).map_err(|e| form(e.to_string()))?;
        if written.form != FORM {
            return Err(form(format!("its form is {:?}, and this release reads {FORM:?}", written.form)));
        }
        let digest = written.digest.clone();
        let envelope = |value: &Value| {
            let bytes = serde_json::to_vec(value).map_err(|e| form(e.to_string()))?;
            Envelope::<Targets>::parse(&bytes).map_err(|e| form(e.to_string()))
        };
        let root = serde_json::to_vec(&written.root).map_err(|e| form(e.to_string()))?;
        let root = Envelope::<Root>::parse(&root).map_err(|e| form(e.to_string()))?;
        let steps = written.steps.iter().map(|step| {
            let before = step.before.as_ref().map(envelope).transpose()?;
            Ok(Step { role: step.role.clone(), before, after: envelope(&step.after)? })
        });
        let steps = steps.collect::<Result<_, Error>>()?;
        let retired = written
            .retired
            .iter()
            .map(|retired| Ok(Retired { role: retired.role.clone(), last: envelope(&retired.last)? }));
        let retired = retired.collect::<Result<_, Error>>()?;
        let ceremony = Self { root, targets: envelope(&written.targets)?, retired, steps };
        let found = ceremony.digest().map_err(|e| form(e.to_string()))?;
        if digest != Some(found) { Err(Error::Changed(path.to_owned())) } else { Ok(ceremony) }
    }

    /// Writes it to `path`, in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let form = |what: String| Error::Form { path: path.to_owned(), what };
        let value = |bytes: Result<Vec<u8>, canonical::Error>| -> Result<Value, Error> {
            let bytes = bytes.map_err(|e| form(e.to_string()))?;
            serde_json::from_slice(&bytes).map_err(|e| form(e.to_string()))
        };
        let steps = self.steps.iter().map(|step| {
            Ok(WrittenStep {
                role: step.role.clone(),
                before: step.before.as_ref().map(|before| value(before.to_bytes())).transpose()?,
                after: value(step.after.to_bytes())?,
            })
        });
        let retired = self.retired.iter().map(|retired| {
            Ok(WrittenRetired { role: retired.role.clone(), last: value(retired.last.to_bytes())? })
        });
        let written = Written {
            retired: retired.collect::<Result<_, Error>>()?,
            form: FORM.to_owned(),
            root: value(self.root.to_bytes())?,
            targets: value(self.targets.to_bytes())?,
            steps: steps.collect::<Result<_, Error>>()?,
            digest: Some(self.digest().map_err(|e| form(e.to_string()))?),
        };
        let mut bytes = serde_json::to_vec_pretty(&written).map_err(|e| form(e.to_string()))?;
        bytes.push(b'\n');
        use std::io::Write as _;
        let failed = |e| disk::Error::new("write", path, e);
        place::write_atomic_with(path, |file| file.write_all(&bytes).map_err(failed))?;
        Ok(())
    }

    /// What the bytes to be signed, their predecessors and the chain hash to; signatures to come do not count.
    fn digest(&self) -> Result<String, canonical::Error> {
        let mut all = self.root.to_bytes()?;
        all.extend(self.targets.to_bytes()?);
        for retired in &self.retired {
            all.extend(retired.role.as_str().as_bytes());
            all.extend(retired.last.to_bytes()?);
        }
        for step in &self.steps {
            all.extend(step.role.as_str().as_bytes());
            if let Some(before) = &step.before {
                all.extend(before.to_bytes()?);
            }
            all.extend(step.after.covered());
        }
        Ok(Sha256::of(&all).to_string())
    }
}
