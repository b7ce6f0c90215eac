//! The file of a ceremony.

use crate::disk::{self, read, write};
use crate::model::{Envelope, Metadata, ProjectName, RoleName, Root, Sha256, Targets, canonical, strict};
use crate::trust::Consent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
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
    /// What [`Ceremony::identity`] gave when it was prepared. Nobody who signs goes by it: it lets the index
    /// tell its own files apart.
    pub prepared: String,
    /// Every published root, the oldest first: the last names the keys of `targets`.
    pub roots: Vec<Envelope<Root>>,
    /// The root to be signed, where its keys change or its end is near.
    pub root: Option<Envelope<Root>>,
    /// `targets` as it is published: it names the keys of the lists.
    pub targets: Envelope<Targets>,
    /// Lists that give way to others.
    pub retired: Vec<Retired>,
    /// What is to be signed, parents before children.
    pub steps: Vec<Step>,
    /// What holders of projects said to a change of their keys.
    pub consents: BTreeMap<ProjectName, Consent>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    form: String,
    prepared: String,
    roots: Vec<Value>,
    root: Option<Value>,
    targets: Value,
    retired: Vec<WrittenRetired>,
    steps: Vec<WrittenStep>,
    consents: BTreeMap<ProjectName, Consent>,
    /// [`Ceremony::identity`], so that a damaged copy is noticed at once.
    digest: String,
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
        let written: Written = strict::from_slice(&bytes).map_err(|e| form(e.to_string()))?;
        if written.form != FORM {
            return Err(form(format!("its form is {:?}, and this release reads {FORM:?}", written.form)));
        }
        let ceremony = Self::of(&written).map_err(form)?;
        let found = ceremony.identity().map_err(|e| form(e.to_string()))?;
        if written.digest != found { Err(Error::Changed(path.to_owned())) } else { Ok(ceremony) }
    }

    fn of(written: &Written) -> Result<Self, String> {
        let roots = written.roots.iter().map(envelope::<Root>).collect::<Result<Vec<_>, _>>()?;
        if roots.is_empty() {
            return Err("it holds no root".to_owned());
        }
        let step = |step: &WrittenStep| {
            let before = step.before.as_ref().map(envelope::<Targets>).transpose()?;
            Ok(Step { role: step.role.clone(), before, after: envelope(&step.after)? })
        };
        let retired = |retired: &WrittenRetired| {
            Ok(Retired { role: retired.role.clone(), last: envelope(&retired.last)? })
        };
        Ok(Self {
            prepared: written.prepared.clone(),
            roots,
            root: written.root.as_ref().map(envelope::<Root>).transpose()?,
            targets: envelope(&written.targets)?,
            retired: written.retired.iter().map(retired).collect::<Result<_, String>>()?,
            steps: written.steps.iter().map(step).collect::<Result<_, String>>()?,
            consents: written.consents.clone(),
        })
    }

    /// Writes it to `path`, in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let form = |what: canonical::Error| Error::Form { path: path.to_owned(), what: what.to_string() };
        let written = self.written().map_err(form)?;
        // Texts and values always have a form in JSON.
        let mut bytes = serde_json::to_vec_pretty(&written).unwrap_or_default();
        bytes.push(b'\n');
        use std::io::Write as _;
        let failed = |e| disk::Error::new("write", path, e);
        write::write_atomic_with(path, |file| file.write_all(&bytes).map_err(failed))?;
        Ok(())
    }

    fn written(&self) -> Result<Written, canonical::Error> {
        let step = |step: &Step| {
            Ok(WrittenStep {
                role: step.role.clone(),
                before: step.before.as_ref().map(value).transpose()?,
                after: value(&step.after)?,
            })
        };
        let retired = |retired: &Retired| {
            Ok(WrittenRetired { role: retired.role.clone(), last: value(&retired.last)? })
        };
        Ok(Written {
            form: FORM.to_owned(),
            prepared: self.prepared.clone(),
            roots: self.roots.iter().map(value).collect::<Result<_, canonical::Error>>()?,
            root: self.root.as_ref().map(value).transpose()?,
            targets: value(&self.targets)?,
            retired: self.retired.iter().map(retired).collect::<Result<_, canonical::Error>>()?,
            steps: self.steps.iter().map(step).collect::<Result<_, canonical::Error>>()?,
            consents: self.consents.clone(),
            digest: self.identity()?,
        })
    }

    /// What the bytes to be signed, their predecessors and the chain hash to; signatures to come do not count.
    ///
    /// # Errors
    /// If a signature has no canonical form.
    pub fn identity(&self) -> Result<String, canonical::Error> {
        let mut all = Vec::new();
        for root in &self.roots {
            all.extend(root.to_bytes()?);
        }
        all.extend(self.root.iter().flat_map(Envelope::covered));
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
        all.extend(canonical::to_canonical(&self.consents)?);
        Ok(Sha256::of(&all).to_string())
    }

    /// The step for a role, if it is to be signed.
    #[must_use]
    pub fn step(&self, role: &RoleName) -> Option<&Step> {
        self.steps.iter().find(|step| step.role == *role)
    }

    /// `targets` as it is to be, or as it is published.
    #[must_use]
    pub fn top(&self) -> &Targets {
        self.step(&RoleName::targets()).map_or(self.targets.signed(), |step| step.after.signed())
    }

    /// Whether there is anything to sign.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.root.is_none()
    }
}

fn envelope<T: Metadata>(value: &Value) -> Result<Envelope<T>, String> {
    let bytes = serde_json::to_vec(value).map_err(|e| e.to_string())?;
    Envelope::parse(&bytes).map_err(|e| e.to_string())
}

fn value<T: Metadata>(envelope: &Envelope<T>) -> Result<Value, canonical::Error> {
    // What has a canonical form is JSON.
    Ok(serde_json::from_slice(&envelope.to_bytes()?).unwrap_or_default())
}
