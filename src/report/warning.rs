//! Warnings: each has a stable code, so that a script can tell them apart.

use serde::Serialize;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A file of the source is no wheel and no sdist.
    NotADistribution,
    /// A file of the source is still being downloaded.
    PartialDownload,
    /// A link that leads out of the source, to a folder, or to nothing; a device or socket.
    LinkSkipped,
    /// A name that some client could not fetch.
    NameSkipped,
    /// The project of an sdist could not be told.
    ProjectUnknown,
    /// A page of a mirror cannot be read.
    PageUnreadable,
    /// A page of a mirror offers a file that is not there.
    NotMirrored,
    /// A file of a mirror that no page offers.
    NotOffered,
    /// A file of a mirror that is not what its page says.
    Garbled,
    /// An archive that says nothing of itself.
    BrokenArchive,
    /// An entry of `source.yanked` that yanks nothing.
    Yanked,
    /// A file kept changing while it was read.
    Unstable,
    /// A published file has other bytes in the source now.
    Held,
    /// Another number of bins would serve better.
    BinCount,
    /// A role that only offline keys can renew ends soon, or has ended.
    OfflineExpiry,
    /// The grace period was shorter than a client may hold a timestamp.
    GraceRaised,
    /// A published file was gone or damaged, and was put back.
    Restored,
    /// The bytes of a published file are nowhere in the site.
    Lost,
    /// A file cannot get its name, for something else stands there.
    NameBlocked,
    /// A passphrase may be read by others, or opens more than it should.
    Passphrase,
}

impl Code {
    /// One line for several warnings of this kind.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::NotADistribution => "skipped: not a wheel or an sdist",
            Self::PartialDownload => "skipped: looks like an unfinished download",
            Self::LinkSkipped => "skipped: not a file of this folder",
            Self::NameSkipped => "skipped: a name that clients cannot fetch",
            Self::ProjectUnknown => "skipped: which project it belongs to cannot be told",
            Self::PageUnreadable => "a page cannot be read: what is published of its project stays",
            Self::NotMirrored => "not there, though the mirror's page offers it",
            Self::NotOffered => "left out: no page of the mirror offers it",
            Self::Garbled => "left out: its bytes are not those that the mirror's page names",
            Self::BrokenArchive => "published without metadata: a broken archive",
            Self::Yanked => "yanked",
            Self::Unstable => "left for the next run: changed while it was read",
            Self::Held => "held: other bytes than published; the published ones stay",
            Self::BinCount => "another number of bins",
            Self::OfflineExpiry => "offline role about to end",
            Self::GraceRaised => "a longer grace period was used",
            Self::Restored => "put back: a published file was gone or damaged",
            Self::Lost => "lost: published bytes that clients will ask for",
            Self::NameBlocked => "left out: something else has its name in the site",
            Self::Passphrase => "passphrase",
        }
    }
}

/// Something that somebody should know, and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// What it is about.
    pub code: Code,
    /// The file it is about, below the source or the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is the matter, and what to do about it.
    pub message: String,
}

impl Warning {
    /// A warning about a file.
    pub fn of_file(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: Some(path.into()), message: message.into() }
    }

    /// A warning about the run.
    pub fn of_run(code: Code, message: impl Into<String>) -> Self {
        Self { code, path: None, message: message.into() }
    }
}
