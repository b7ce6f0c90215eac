//! What is to come into the site, how, and what came of it.

use crate::disk::FileStamp;
use crate::disk::stage::Bring;
use crate::model::{Entry, Moment};
use std::path::Path;

/// A file of the source that is to get its names.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// What metadata will say of it.
    pub entry: &'a Entry,
    /// Where its bytes are.
    pub content: Content<'a>,
    /// Whether its plain name may pass from other bytes to these.
    pub plain: PlainName,
}

/// The bytes of an incoming file.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// In a file of the source, and what that looked like when it was hashed.
    File(&'a Path, &'a FileStamp),
    /// Made by us; published with this time of modification.
    Made(&'a [u8], Moment),
}

/// What to do with a plain name that other bytes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainName {
    /// Leave it with them: a name that was public keeps its bytes.
    Keep,
    /// Give it to the new bytes, in one step.
    Pass,
}

/// What came of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has its names; the stamp is the source file's now, where there is one (a link moves its
    /// time of change).
    New(Option<FileStamp>),
    /// It had them already.
    AlreadyThere,
    /// The source file is no longer what was hashed.
    Changed,
    /// Its plain name is that of other bytes, and may not pass.
    NameTaken,
    /// Something that is no file stands under its name, or a file where its path needs a folder.
    NameBlocked,
}

/// How files get in.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Copied or linked.
    pub bring: Bring,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
}
