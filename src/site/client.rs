//! Reading a published tree as a client does that wants to know of one project: from a root that it was
//! given, no more than a look-up opens, and nothing that has expired (TUF 1.0.34 section 5).

use super::chain::{self, Origin, Top};
use super::outline;
use super::projects::{self, List, Project};
use crate::disk;
use crate::model::{
    BinCount, Envelope, Metadata, Moment, ProjectName, ProjectRole, RoleName, TargetFile, TargetPath,
    Targets, Version,
};
use crate::trust::{Fault, Verified, judge};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Why a tree cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role fails a rule of the specification.
    #[error("{shown}: {path} is refused: {fault}")]
    Refused {
        /// The tree.
        shown: String,
        /// The file, below the site.
        path: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Something that must be there is not.
    #[error(
        "{shown}: {path} is not there; what is wanted is the address, or the folder, of the site itself: without \
         simple/ or metadata/ behind it"
    )]
    Missing {
        /// The tree.
        shown: String,
        /// The file, below the site.
        path: String,
    },
    /// It has another shape than tuffet's.
    #[error("{shown}: {what}: this is no tree of tuffet's")]
    Shape {
        /// The tree.
        shown: String,
        /// What is other.
        what: String,
    },
    /// A file is not what a role says.
    #[error("{shown}: {path} is not the file that {role} vouches for")]
    OtherBytes {
        /// The tree.
        shown: String,
        /// The file, below the site.
        path: String,
        /// The role.
        role: RoleName,
    },
    /// A file cannot be had.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// A published tree, as far as one project needs it.
pub struct Client<'a> {
    origin: &'a dyn Origin,
    shown: String,
    now: Moment,
    top: Top,
    unclaimed: Verified<Targets>,
    bin_count: BinCount,
    bins: RefCell<BTreeMap<u32, Verified<Targets>>>,
    /// The lists that a look-up for the project opens.
    pub lists: BTreeMap<RoleName, List>,
    /// The project, where one of them delegates to it.
    pub project: Option<Project>,
    /// Its name.
    pub name: ProjectName,
}

impl<'a> Client<'a> {
    /// Reads what `root` leads to, as far as `name` needs it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(
        origin: &'a dyn Origin,
        shown: &str,
        root: &[u8],
        name: &ProjectName,
        now: Moment,
    ) -> Result<Self, Error> {
        let of = |error: chain::Error| Error::of(error, shown);
        let top = chain::top(origin, chain::roots(origin, root, None).map_err(of)?).map_err(of)?;
        let (lists, found) =
            projects::lists(origin, &top.targets, &top.snapshot.meta, Some(name)).map_err(of)?;
        let (_, list, unclaimed) = outline::bin_list(origin, &top.targets, &top.snapshot.meta).map_err(of)?;
        let bin_count = list.count;
        // The project's own roles may have lapsed: whoever reads this is about to renew them.
        let project = projects::read_one(origin, &top.snapshot.meta, found, name).map_err(of)?;
        let (shown, bins) = (shown.to_owned(), RefCell::default());
        let name = name.clone();
        let client = Self { origin, shown, now, top, unclaimed, bin_count, bins, lists, project, name };
        client.in_time(RoleName::root(), &client.top.root)?;
        client.in_time(RoleName::timestamp(), &client.top.timestamp)?;
        client.in_time(RoleName::snapshot(), &client.top.snapshot)?;
        client.in_time(RoleName::targets(), &client.top.targets)?;
        client.in_time(RoleName::unclaimed(), &client.unclaimed)?;
        for (role, list) in &client.lists {
            client.in_time(role.clone(), &list.metadata)?;
        }
        Ok(client)
    }

    fn in_time<T: Metadata>(&self, role: RoleName, metadata: &Verified<T>) -> Result<(), Error> {
        let refused = |fault| Error::Refused { shown: self.shown.clone(), path: role.to_string(), fault };
        judge::in_time(&**metadata, self.now).map_err(refused)
    }

    /// The version of a role that the snapshot lists; none if it never was.
    #[must_use]
    pub fn version(&self, role: &RoleName) -> Option<Version> {
        Some(self.top.snapshot.meta.get(role)?.version)
    }

    /// What the bins say of a target.
    ///
    /// # Errors
    /// [`Error`].
    pub fn in_bins(&self, path: &TargetPath) -> Result<Option<TargetFile>, Error> {
        let index = self.bin_count.bin_of(&path.digest());
        self.bin(index)?;
        Ok(self.bins.borrow().get(&index).and_then(|bin| bin.targets.get(path).cloned()))
    }

    /// Everything that the bins list of the project: what its page names, or where it has no page, what all
    /// of the bins hold.
    ///
    /// # Errors
    /// [`Error`].
    pub fn all_in_bins(&self) -> Result<BTreeMap<TargetPath, TargetFile>, Error> {
        let mut found = BTreeMap::new();
        let name = &self.name;
        for page in ["index.v1_json", "index.html"] {
            let Ok(path) = format!("simple/{name}/{page}").parse::<TargetPath>() else { continue };
            let Some(file) = self.in_bins(&path)? else { continue };
            let bytes = self.fetch(&path, &file, &RoleName::unclaimed())?;
            let read = match page {
                "index.html" => crate::model::page::html(&bytes),
                _ => crate::model::page::json(&bytes).unwrap_or_default(),
            };
            found.insert(path, file);
            for link in read.files {
                let file = format!("packages/{name}/{}", link.name);
                for path in [file.clone(), format!("{file}.metadata")] {
                    let Ok(path) = path.parse::<TargetPath>() else { continue };
                    if let Some(file) = self.in_bins(&path)? {
                        found.insert(path, file);
                    }
                }
            }
        }
        if found.is_empty() {
            let folders = [format!("packages/{name}/"), format!("simple/{name}/")];
            for index in 0..self.bin_count.get() {
                self.bin(index)?;
                let bins = self.bins.borrow();
                let all = bins.get(&index).into_iter().flat_map(|bin| &bin.targets);
                let of_it = all.filter(|(path, _)| folders.iter().any(|f| path.as_str().starts_with(f)));
                found.extend(of_it.map(|(path, file)| (path.clone(), file.clone())));
            }
        }
        Ok(found)
    }

    fn bin(&self, index: u32) -> Result<(), Error> {
        if self.bins.borrow().contains_key(&index) {
            return Ok(());
        }
        let delegations = self.unclaimed.delegations.clone().unwrap_or_default();
        let Some(child) = delegations.roles.get(index as usize) else { return Ok(()) };
        let bin = chain::delegated(self.origin, &delegations, child, &self.top.snapshot.meta)
            .map_err(|error| Error::of(error, &self.shown))?;
        self.in_time(child.name.clone(), &bin)?;
        self.bins.borrow_mut().insert(index, bin);
        Ok(())
    }

    /// The bytes of a target, which `role` lists as `file`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn fetch(&self, path: &TargetPath, file: &TargetFile, role: &RoleName) -> Result<Vec<u8>, Error> {
        let other =
            || Error::OtherBytes { shown: self.shown.clone(), path: path.to_string(), role: role.clone() };
        let digest = file.hashes.sha256().ok_or_else(other)?;
        let name = path.hashed(&digest.to_string());
        let missing = || Error::Missing { shown: self.shown.clone(), path: name.clone() };
        let bytes = self.origin.file(&name, file.length)?.ok_or_else(missing)?;
        if bytes.len() as u64 == file.length && file.hashes.faults_of(&bytes).is_empty() {
            Ok(bytes)
        } else {
            Err(other())
        }
    }

    /// What stood of it before it was suspended; empty if it is not. Nobody looked at its signatures.
    #[must_use]
    pub fn before_suspension(&self) -> Vec<(ProjectRole, RoleName, Envelope<Targets>)> {
        match &self.project {
            Some(project) => projects::before_suspension(self.origin, project, &self.top.snapshot.meta),
            None => Vec::new(),
        }
    }
}

impl Error {
    fn of(error: chain::Error, shown: &str) -> Self {
        let shown = shown.to_owned();
        match error {
            chain::Error::Refused { path, fault } => Self::Refused { shown, path, fault },
            chain::Error::Missing { path } => Self::Missing { shown, path },
            chain::Error::HalfMade { path } => Self::Missing { shown, path: path.to_owned() },
            chain::Error::Shape(what) => Self::Shape { shown, what },
            chain::Error::Disk(error) => Self::Disk(error),
        }
    }
}
