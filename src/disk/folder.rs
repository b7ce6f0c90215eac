//! A folder and the names below it, which cannot leave it.

use super::call::FileType;
use super::{Context as _, Error, FileStamp, call, sync};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// A folder that the program reads or writes as a whole: the site, the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: a file can get the name.
    Nothing,
    /// A regular file.
    File(FileStamp),
    /// A folder, a link, a device, or a file where its path needs a folder.
    Other,
}

impl Folder {
    /// The folder at `root`; nothing is opened yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `name`, relative and joined by `/`, is below it.
    ///
    /// # Panics
    /// If `name` is absolute or climbs: such a name was never parsed as what it should be.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(stays, "{name:?} would leave {}", self.root.display());
        self.root.join(name)
    }

    /// The stamp of the regular file `name`, `None` if there is none.
    ///
    /// # Errors
    /// If the file system refuses to say.
    pub fn stamp(&self, name: &str) -> Result<Option<FileStamp>, Error> {
        Ok(match self.standing(name)? {
            Standing::File(stamp) => Some(stamp),
            Standing::Nothing | Standing::Other => None,
        })
    }

    /// What stands under `name`.
    ///
    /// # Errors
    /// If the file system refuses to say.
    pub fn standing(&self, name: &str) -> Result<Standing, Error> {
        let path = self.path(name);
        match call::link_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Standing::File(FileStamp::of(&metadata))),
            Ok(_) => Ok(Standing::Other),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Standing::Nothing),
            // Something that is no folder stands where its path needs one.
            Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Ok(Standing::Other),
            Err(e) => Err(Error::new("look at", &path, e)),
        }
    }

    /// The names of the regular files directly in the folder `name` (`""` for this one), sorted;
    /// none if it is not there.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn file_names(&self, name: &str) -> Result<Vec<String>, Error> {
        self.names(name, FileType::is_file)
    }

    /// The names of the folders directly in the folder `name`, likewise.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn folder_names(&self, name: &str) -> Result<Vec<String>, Error> {
        self.names(name, FileType::is_dir)
    }

    fn names(&self, name: &str, are_wanted: fn(&FileType) -> bool) -> Result<Vec<String>, Error> {
        let path = if name.is_empty() { self.root.clone() } else { self.path(name) };
        let entries = match call::names_in(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::new("list", &path, e)),
        };
        let wanted = entries.into_iter().filter(|(_, file_type)| are_wanted(file_type));
        let mut names: Vec<String> = wanted.filter_map(|(name, _)| name.into_string().ok()).collect();
        names.sort();
        Ok(names)
    }
}

/// Whether there is anything at `path`.
///
/// # Errors
/// If the system refuses to say.
pub fn is_there(path: &Path) -> Result<bool, Error> {
    match call::link_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if is_absent(&e) => Ok(false),
        Err(e) => Err(Error::new("look at", path, e)),
    }
}

/// Whether nothing can be under such a name.
pub(super) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// The size of the file at `path` in bytes, `None` if there is none.
///
/// # Errors
/// If it cannot be looked at.
pub fn size(path: &Path) -> Result<Option<u64>, Error> {
    match call::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::new("look at", path, e)),
    }
}

/// Whether `path` is a folder, through links too.
///
/// # Errors
/// If the system refuses to say.
pub fn is_folder(path: &Path) -> Result<bool, Error> {
    match call::metadata(path) {
        Ok(found) => Ok(found.is_dir()),
        Err(e) if is_absent(&e) => Ok(false),
        Err(e) => Err(Error::new("look at", path, e)),
    }
}

/// Whether the folder at `path` holds nothing.
///
/// # Errors
/// If it cannot be listed.
pub fn is_empty(path: &Path) -> Result<bool, Error> {
    call::is_empty(path).context("list", path)
}

/// `path` without links and without `..`.
///
/// # Errors
/// If it is not there.
pub fn resolve(path: &Path) -> Result<PathBuf, Error> {
    call::resolve(path).context("find", path)
}

/// `path` made absolute, links resolved as far as it exists.
#[must_use]
pub fn resolve_as_far_as_there(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut head = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    loop {
        if let Ok(found) = call::resolve(&head) {
            return rest.into_iter().rev().fold(found, |path, name| path.join(name));
        }
        match (head.file_name().map(ToOwned::to_owned), head.parent().map(Path::to_owned)) {
            (Some(name), Some(parent)) => {
                rest.push(name);
                head = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

/// The folder that `path` is in.
pub(super) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates the folder at `path` and its parents, as far as they are not there; durable when this returns.
///
/// # Errors
/// If one of them cannot be created.
pub fn create(path: &Path) -> Result<(), Error> {
    create_with(path, None)
}

/// The same, with a mode for those that are created, where it is given.
pub(super) fn create_with(path: &Path, mode: Option<u32>) -> Result<(), Error> {
    let made = call::make_folders(path, mode).context("create the folder", path)?;
    for folder in made {
        match sync::path(parent_of(folder)) {
            // A folder that may be written to and not be read cannot be waited for.
            Err(e) if e.source.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}
