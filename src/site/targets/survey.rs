//! What the site holds of files that are to come in, and what has become of the names of those that did.

use super::incoming::{Arrival, Content, Incoming, Manner, PlainName};
use crate::disk;
use crate::disk::folder::Standing;
use crate::disk::read::OpenFile;
use crate::model::Entry;
use crate::site::Site;
use rayon::prelude::*;

/// What a name of a target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Nothing.
    Free,
    /// The target.
    Right,
    /// Other bytes.
    Other,
    /// Something that cannot be replaced by a file.
    Blocked,
}

/// What the site holds of one incoming file.
#[derive(Clone, Copy, Debug)]
pub struct Survey {
    pub(super) plain: Name,
    pub(super) hashed: Name,
    pub(super) alias: Name,
    may_pass: bool,
}

impl Survey {
    /// Whether the file cannot come in, and why.
    #[must_use]
    pub fn refusal(&self) -> Option<Arrival> {
        if [self.plain, self.hashed, self.alias].contains(&Name::Blocked) {
            Some(Arrival::NameBlocked)
        } else if self.plain == Name::Other && !self.may_pass {
            Some(Arrival::NameTaken)
        } else {
            None
        }
    }

    /// Whether something is to be written for it.
    #[must_use]
    pub fn lacks_something(&self) -> bool {
        self.refusal().is_none()
            && [self.plain, self.hashed, self.alias].iter().any(|name| *name != Name::Right)
    }

    /// Whether something is to be written for it, and something was before.
    #[must_use]
    pub fn is_there_in_part(&self) -> bool {
        self.lacks_something() && !self.is_new()
    }

    /// Whether the site has nothing of it.
    pub(super) fn is_new(&self) -> bool {
        [self.plain, self.hashed] == [Name::Free; 2] && self.refusal().is_none()
    }

    /// Whether a name passes to it from other bytes.
    pub(super) fn replaces_something(&self) -> bool {
        self.refusal().is_none() && [self.plain, self.alias].contains(&Name::Other)
    }
}

/// Looks at what the site holds of each file; writes nothing.
///
/// # Errors
/// If the file system fails.
pub fn survey(site: &Site, files: &[Incoming<'_>], manner: Manner) -> Result<Vec<Survey>, disk::Error> {
    files
        .par_iter()
        .map(|file| {
            let (alias, hashed) =
                (file.entry.path.tough_alias(&file.entry.digest.to_string()), hashed_name(file.entry));
            Ok(Survey {
                plain: name(site, file.entry.path.as_str(), file.entry)?,
                hashed: name(site, &hashed, file.entry)?,
                alias: if manner.tough_alias && alias != hashed {
                    name(site, &alias, file.entry)?
                } else {
                    Name::Right
                },
                may_pass: file.plain == PlainName::Pass,
            })
        })
        .collect()
}

/// The same for a file of which one of the site's names may be a link to the source's own: such a name is to get a copy, for
/// whoever writes there in place would write here.
///
/// # Errors
/// If the file system fails.
pub fn apart(
    site: &Site,
    file: &Incoming<'_>,
    survey: Survey,
    manner: Manner,
) -> Result<Survey, disk::Error> {
    let Content::File(_, source) = file.content else { return Ok(survey) };
    if survey.refusal().is_some() {
        return Ok(survey);
    }
    let is_link = |name: &str| Ok(site.folder().stamp(name)?.is_some_and(|stamp| stamp.is_same_file(source)));
    let [hashed, plain, alias] = names(file.entry);
    let mut survey = survey;
    if is_link(&hashed)? {
        survey.hashed = Name::Other;
    }
    if is_link(&plain)? {
        (survey.plain, survey.may_pass) = (Name::Other, true);
    }
    if manner.tough_alias && alias != hashed && is_link(&alias)? {
        survey.alias = Name::Other;
    }
    Ok(survey)
}

/// What has become of the names that pip and stock tough ask for, of a published target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// They have the published bytes.
    Right,
    /// One has other bytes, as a run leaves it that was to replace them and did not end, or is not there; the
    /// published ones lie under another.
    Strayed,
    /// The published bytes are nowhere: they were never brought in, or the file was written in place.
    Lost,
    /// Something that is no file stands under a name, or a file where its path needs a folder.
    Blocked,
}

/// Looks at the names of a published target; what they hold is read only where it is not the hashed file, or if
/// `suspect` says that this file may have been written in place.
///
/// # Errors
/// If the file system fails.
pub fn named(site: &Site, entry: &Entry, manner: Manner, suspect: bool) -> Result<Named, disk::Error> {
    let [hashed, plain, alias] = names(entry);
    let further = [Some(&plain), Some(&alias).filter(|_| manner.tough_alias && alias != hashed)];
    let wanted = [Some(&hashed)].into_iter().chain(further).flatten();
    for name in wanted {
        if site.folder().standing(name)? == Standing::Other {
            return Ok(Named::Blocked);
        }
    }
    let twin = site.folder().stamp(&hashed)?;
    let mut is_right = twin.is_some() && (!suspect || holds(site, &hashed, entry)?);
    for asked_for in further.into_iter().flatten() {
        let stamp = site.folder().stamp(asked_for)?;
        let same = matches!((stamp, twin), (Some(stamp), Some(twin)) if stamp.is_same_file(&twin));
        is_right = is_right && (same || holds(site, asked_for, entry)?);
    }
    Ok(match is_right {
        true => Named::Right,
        false if whole_name(site, entry)?.is_some() => Named::Strayed,
        false => Named::Lost,
    })
}

/// A name of a target under which the published bytes lie.
pub(super) fn whole_name(site: &Site, entry: &Entry) -> Result<Option<String>, disk::Error> {
    for name in names(entry) {
        if holds(site, &name, entry)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn holds(site: &Site, asked_for: &str, entry: &Entry) -> Result<bool, disk::Error> {
    Ok(name(site, asked_for, entry)? == Name::Right)
}

/// Every name that a target can have: the hashed one, the plain one, and the one that stock tough asks for.
#[must_use]
pub fn names(entry: &Entry) -> [String; 3] {
    let hex = entry.digest.to_string();
    [entry.path.hashed(&hex), entry.path.to_string(), entry.path.tough_alias(&hex)]
}

/// Whether one of the names is not there that a target is to have; what lies under the others is not read.
///
/// # Errors
/// If the file system fails.
pub fn lacks_a_name(site: &Site, entry: &Entry, manner: Manner) -> Result<bool, disk::Error> {
    let [hashed, plain, alias] = names(entry);
    for name in [Some(hashed), Some(plain), Some(alias).filter(|_| manner.tough_alias)].into_iter().flatten()
    {
        if site.folder().stamp(&name)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn hashed_name(entry: &Entry) -> String {
    entry.path.hashed(&entry.digest.to_string())
}

/// What the name holds, compared with `entry`.
fn name(site: &Site, name: &str, entry: &Entry) -> Result<Name, disk::Error> {
    Ok(match site.folder().standing(name)? {
        Standing::Nothing => Name::Free,
        Standing::Other => Name::Blocked,
        Standing::File(stamp) if stamp.size != entry.length => Name::Other,
        Standing::File(_) => {
            let found = OpenFile::open(&site.folder().path(name))?.digest()?;
            if found == (entry.digest, entry.length) { Name::Right } else { Name::Other }
        }
    })
}
