//! Warnings: each has a stable code, so that a script can tell them apart, and a section of its own in
//! `docs/troubleshooting.md`.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $name:literal $heading:literal;)*) => {
        /// What a warning is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as text, which never changes.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// One line for several warnings of this kind.
            #[must_use]
            pub fn heading(self) -> &'static str {
                match self { $(Self::$code => $heading,)* }
            }
        }
    };
}

codes! {
    /// A file of the source is no wheel and no sdist.
    NotADistribution "not-a-distribution" "skipped: not a wheel or an sdist";
    /// A file of the source is still being downloaded.
    PartialDownload "partial-download" "skipped: looks like an unfinished download";
    /// A link that leads out of the source, to a folder, or to nothing; a device or socket.
    LinkSkipped "link-skipped" "skipped: not a file of this folder";
    /// A name that some client could not fetch.
    NameSkipped "name-skipped" "skipped: a name that clients cannot fetch";
    /// The project of an sdist could not be told.
    ProjectUnknown "project-unknown" "skipped: which project it belongs to cannot be told";
    /// A row of an inventory that says nothing sound, or nothing new.
    RowSkipped "row-skipped" "rows of the inventory that do not count";
    /// A path of `--changed` at which nothing is and nothing was.
    NotThere "not-there" "paths given to --changed at which nothing is, or was";
    /// A page of a mirror cannot be read.
    PageUnreadable "page-unreadable" "a page cannot be read: what is published of its project stays";
    /// A page of a mirror offers a file that is not there.
    NotMirrored "not-mirrored" "not there, though the mirror's page offers it";
    /// A file of a mirror that no page offers.
    NotOffered "not-offered" "left out: no page of the mirror offers it";
    /// A file of a mirror that is not what its page says.
    Garbled "garbled" "left out: its bytes are not those that the mirror's page names";
    /// An archive that says nothing of itself.
    BrokenArchive "broken-archive" "published without metadata: a broken archive";
    /// An entry of `source.yanked` that yanks nothing.
    Yanked "yanked" "an entry of source.yanked that yanks nothing";
    /// A file kept changing while it was read.
    Unstable "unstable" "left for the next run: changed while it was read";
    /// A published file has other bytes in the source now.
    Held "held" "other bytes than published; the published ones stay";
    /// A file of an author's project that the author has not signed.
    NotSigned "not-signed" "held: the author of the project has not signed it";
    /// What came, changed or left since a state that was gone back to.
    Undecided "undecided" "held: it came or changed after a break-in, and nobody has decided";
    /// An author's role ends soon.
    AuthorExpiry "author-expiry" "a role of an author ends soon, or has ended";
    /// An author's role was about to lapse, and an empty one stands in for it.
    Suspended "suspended" "suspended, for a role of its author was about to lapse";
    /// Another number of bins would serve better.
    BinCount "bin-count" "another number of bins would do better, or is configured";
    /// A role that only offline keys can renew ends soon, or has ended.
    OfflineExpiry "offline-expiry" "an offline role ends soon, or has ended";
    /// An administrator's key that signs every role as it is.
    AsItIs "as-it-is" "a key signs several roles as it is";
    /// The grace period was shorter than a client may hold a timestamp.
    GraceRaised "grace-raised" "a longer grace period was used";
    /// A published file was gone or damaged, and was put back.
    Restored "restored" "a published file was gone or damaged, and was put back";
    /// The bytes of a published file are nowhere in the site.
    Lost "lost" "published bytes that clients will ask for are gone";
    /// A file cannot get its name, for something else stands there.
    NameBlocked "name-blocked" "left out: something else has its name in the site";
    /// The clock and what is published, or what was given for now, are far apart.
    Clock "clock" "the clock, what is published, or what was given for now disagree";
    /// A passphrase may be read by others, or opens more than it should.
    Passphrase "passphrase" "a passphrase that others may come by";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
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
