//! What stops a command: a message, and the exit code that goes with it.

use tuffet::disk::lock::NotTaken;
use tuffet::pipeline::collect;
use tuffet::runs::guard::Refusal;
use tuffet::runs::{
    author, build, ceremony, compromise, explain, init, now, project, publish, status, sweep,
};
use tuffet::site::{self, client, read};

/// A check found something.
pub(crate) const FOUND: u8 = 1;
/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// A key, the tree or two files of the source stand in the way.
pub(crate) const REFUSED: u8 = 3;
/// The source looks like a disaster.
pub(crate) const DISASTER: u8 = 4;
/// A file could not be read or written.
pub(crate) const FILES: u8 = 5;
/// Another run holds the lock.
pub(crate) const LOCKED: u8 = 75;

/// What stops a command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }
}

impl From<now::Error> for Failure {
    fn from(error: now::Error) -> Self {
        let code = match &error {
            now::Error::Behind { .. } => REFUSED,
            now::Error::Disk(_) => FILES,
        };
        Self::new(code, error.to_string())
    }
}

impl From<NotTaken> for Failure {
    fn from(error: NotTaken) -> Self {
        let code = match &error {
            NotTaken::Held { .. } | NotTaken::Elsewhere { .. } => LOCKED,
            NotTaken::Disk(_) => FILES,
        };
        Self::new(code, error.to_string())
    }
}

impl From<tuffet::disk::Error> for Failure {
    fn from(error: tuffet::disk::Error) -> Self {
        Self::new(FILES, error.to_string())
    }
}

impl From<tuffet::keys::file::Error> for Failure {
    fn from(error: tuffet::keys::file::Error) -> Self {
        Self::new(REFUSED, error.to_string())
    }
}

impl From<init::Error> for Failure {
    fn from(error: init::Error) -> Self {
        let code = match &error {
            init::Error::Threshold { .. } | init::Error::Exists { .. } | init::Error::Twice(_) => USAGE,
            init::Error::Key(_) | init::Error::Sign(_) => REFUSED,
            init::Error::Disk(_) => FILES,
        };
        Self::new(code, error.to_string())
    }
}

impl From<build::Error> for Failure {
    fn from(error: build::Error) -> Self {
        use collect::Error::{
            Disk, Empty, HalfMirror, Missing, NoDistribution, NoFiles, NoMirror, NothingOffered,
        };
        use tuffet::pipeline::inventory::Error as Listed;
        let code = match &error {
            build::Error::NotBegun(_) | build::Error::NothingToReplace(_) | build::Error::NoPath(_) => USAGE,
            build::Error::SiteGone(_) => REFUSED,
            build::Error::Collect(
                Missing(_)
                | Empty(_)
                | NoDistribution { .. }
                | NoMirror(_)
                | HalfMirror(_)
                | NothingOffered(_)
                | NoFiles { .. },
            ) => DISASTER,
            build::Error::Inventory(Listed::Empty { .. }) => DISASTER,
            build::Error::Inventory(
                Listed::Form(_) | Listed::Column { .. } | Listed::Twice { .. } | Listed::Packed { .. },
            ) => USAGE,
            build::Error::Inventory(Listed::Damaged { .. } | Listed::Conflict { .. }) => REFUSED,
            build::Error::Inventory(Listed::Disk(_)) => FILES,
            build::Error::Refused(Refusal::TooManyGone { .. }) => DISASTER,
            build::Error::Published(read::Error::Disk(_)) | build::Error::Collect(Disk(_)) => FILES,
            build::Error::Digest(_) | build::Error::Disk(_) => FILES,
            build::Error::Publish(publish::Error::Disk(_)) => FILES,
            build::Error::Published(_) | build::Error::Refused(_) | build::Error::Ledger(_) => REFUSED,
            build::Error::Conflict(_) | build::Error::Publish(_) => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<sweep::Error> for Failure {
    fn from(error: sweep::Error) -> Self {
        let code = match &error {
            sweep::Error::NotBegun(_) => USAGE,
            sweep::Error::Published(read::Error::Disk(_)) | sweep::Error::Disk(_) => FILES,
            sweep::Error::Undecided(site::sweep::Error::Disk(_)) => FILES,
            sweep::Error::Published(_) | sweep::Error::Undecided(_) => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<status::Error> for Failure {
    fn from(error: status::Error) -> Self {
        let code = match &error {
            status::Error::NotBegun(_) => USAGE,
            status::Error::Published(read::Error::Disk(_)) | status::Error::Disk(_) => FILES,
            status::Error::Published(_) | status::Error::Ledger(_) => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<explain::Error> for Failure {
    fn from(error: explain::Error) -> Self {
        let code = match &error {
            explain::Error::NotBegun(_) | explain::Error::Unknown { .. } => USAGE,
            explain::Error::Published(read::Error::Disk(_)) | explain::Error::Disk(_) => FILES,
            explain::Error::Published(_) => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<compromise::Error> for Failure {
    fn from(error: compromise::Error) -> Self {
        use compromise::Error::{Disk, Ledger, Nobody, NotBegun, Published, Several};
        let code = match &error {
            NotBegun(_) | Nobody(_) | Several(..) => USAGE,
            Published(read::Error::Disk(_)) | Ledger(_) | Disk(_) => FILES,
            Published(_) => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<author::Error> for Failure {
    fn from(error: author::Error) -> Self {
        let code = match &error {
            author::Error::Disk(_) | author::Error::Client(client::Error::Disk(_)) => FILES,
            author::Error::Nothing(_) | author::Error::NoSuchFile(_) | author::Error::Standing(_) => USAGE,
            _ => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<project::Error> for Failure {
    fn from(error: project::Error) -> Self {
        let code = match &error {
            project::Error::NotBegun(_)
            | project::Error::NoAuthor(_)
            | project::Error::NoFilesHere
            | project::Error::NothingToRegister(_)
            | project::Error::NothingToWaitFor(_)
            | project::Error::NoProjects => USAGE,
            project::Error::Disk(_)
            | project::Error::Published(read::Error::Disk(_))
            | project::Error::Publish(publish::Error::Disk(_)) => FILES,
            _ => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ceremony::Error> for Failure {
    fn from(error: ceremony::Error) -> Self {
        let code = match &error {
            ceremony::Error::NotBegun(_)
            | ceremony::Error::Outstanding
            | ceremony::Error::NoneOutstanding
            | ceremony::Error::AlreadyPublic
            | ceremony::Error::HalfPublic { .. }
            | ceremony::Error::NobodysProject(_)
            | ceremony::Error::NotRevoked(_)
            | ceremony::Error::OneOnlineKey
            | ceremony::Error::Threshold { .. }
            | ceremony::Error::UnknownKey(_)
            | ceremony::Error::File(tuffet::ceremony::file::Error::Form { .. }) => USAGE,
            ceremony::Error::Disk(_)
            | ceremony::Error::Published(read::Error::Disk(_))
            | ceremony::Error::Publish(publish::Error::Disk(_)) => FILES,
            _ => REFUSED,
        };
        Self::new(code, error.to_string())
    }
}
