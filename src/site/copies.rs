//! Compressed copies of metadata and pages (`site.compress`), beside the files that they are copies
//! of, for servers that send them as they are. The timestamp has none: it is a few hundred bytes, and
//! the one file that must never be answered with what it was a moment ago.
//!
//! [`plan`] looks and decides, [`carry_out`] acts.

use super::swap::Written;
use super::{Site, layout};
use crate::disk::folder::Standing;
use crate::disk::place::Placer;
use crate::disk::stage::Staging;
use crate::disk::walk::{self, Kind};
use crate::disk::{self, read};
use crate::model::target_path::looks_hashed;
use crate::model::{Compression, Entry};
use rayon::prelude::*;
use std::borrow::Cow;

/// A file that is to have copies, by all its names below the site.
#[derive(Clone, Debug)]
pub struct Original<'a> {
    /// Its names; each gets copies of its own name.
    pub names: Vec<String>,
    /// Its bytes.
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> Original<'a> {
    /// A published page, by both its names.
    #[must_use]
    pub fn of_target(entry: &Entry, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let names = vec![entry.path.hashed(&entry.digest.to_string()), entry.path.to_string()];
        Self { names, bytes: bytes.into() }
    }
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    write: Vec<Pending>,
    remove: Vec<String>,
}

/// A copy that is to be written, and its names.
#[derive(Debug)]
struct Pending {
    names: Vec<String>,
    bytes: Vec<u8>,
}

impl Plan {
    /// The names that are written.
    pub fn writes(&self) -> impl Iterator<Item = &String> {
        self.write.iter().flat_map(|copy| &copy.names)
    }

    /// The names that go.
    #[must_use]
    pub fn removes(&self) -> &[String] {
        &self.remove
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.write.is_empty() && self.remove.is_empty()
    }
}

/// Decides which copies in `forms` are to be written: those that are not there, or of other bytes. In other forms those of
/// other bytes go: a server that sends them as they are would answer with what was there before.
///
/// # Errors
/// If the file system fails.
pub fn plan(site: &Site, originals: &[Original<'_>], forms: &[Compression]) -> Result<Plan, disk::Error> {
    let of = |original| Compression::ALL.into_iter().map(move |form| (original, form));
    let jobs: Vec<(&Original<'_>, Compression)> = originals.iter().flat_map(of).collect();
    let plans: Vec<Plan> = jobs
        .into_par_iter()
        .map(|(original, form)| {
            let names = not_copies(site, original, form, forms.contains(&form))?;
            if !forms.contains(&form) {
                return Ok(Plan { write: Vec::new(), remove: names });
            }
            let bytes = if names.is_empty() { None } else { form.compress(&original.bytes) };
            let write = bytes.map(|bytes| Pending { names, bytes }).into_iter().collect();
            Ok(Plan { write, remove: Vec::new() })
        })
        .collect::<Result<_, disk::Error>>()?;
    let mut all = Plan::default();
    for plan in plans {
        all.write.extend(plan.write);
        all.remove.extend(plan.remove);
    }
    Ok(all)
}

/// The names of copies in this form that hold something else, and if they are wanted those that are free.
fn not_copies(
    site: &Site,
    original: &Original<'_>,
    form: Compression,
    are_wanted: bool,
) -> Result<Vec<String>, disk::Error> {
    let mut names = Vec::new();
    // What a hashed name holds never changes, and so neither does a copy beside it.
    let may_differ = |name: &&String| are_wanted || !looks_hashed(name.rsplit('/').next().unwrap_or(name));
    for name in original.names.iter().filter(may_differ).map(|name| form.copy_of(name)) {
        match site.folder().standing(&name)? {
            Standing::Nothing if are_wanted => names.push(name),
            Standing::File(_) => {
                let bytes = read::bounded(&site.folder().path(&name), LARGEST)?.unwrap_or_default();
                if !form.is_copy(&bytes, &original.bytes) {
                    names.push(name);
                }
            }
            // Whatever stands there is not ours, and no server sends it.
            Standing::Nothing | Standing::Other => {}
        }
    }
    Ok(names)
}

/// No copy is larger, for no metadata file is.
const LARGEST: u64 = 256 << 20;

/// Does what `plan` says; durable when this returns.
///
/// # Errors
/// If the file system fails.
pub fn carry_out(site: &Site, staging: &Staging, plan: &Plan) -> Result<Written, disk::Error> {
    let staged: Vec<_> =
        plan.write.par_iter().map(|copy| staging.write(&copy.bytes, None)).collect::<Result<_, _>>()?;
    staging.sync()?;
    let placer = Placer::new(site.folder());
    let mut written = Written::default();
    for (staged, copy) in staged.into_iter().zip(&plan.write) {
        let mut names = copy.names.iter();
        let Some(first) = names.next() else { continue };
        placer.replace(staged, first)?;
        for further in names {
            placer.link_over(first, further, staging)?;
        }
        written.files += 1;
        written.bytes += copy.bytes.len() as u64;
    }
    for name in &plan.remove {
        placer.remove(name)?;
    }
    placer.sync()?;
    Ok(written)
}

/// Every copy in the site that is not in one of `forms`: what to remove when a form is not wanted
/// any more, for nobody would keep it in step with its page.
///
/// # Errors
/// If the site cannot be listed.
pub fn in_other_forms(site: &Site, forms: &[Compression]) -> Result<Plan, disk::Error> {
    let is_other = |name: &String| layout::copy(name).is_some_and(|(_, form)| !forms.contains(&form));
    Ok(Plan { write: Vec::new(), remove: all(site)?.into_iter().filter(is_other).collect() })
}

/// What is there of a file and its copies, in whatever form, the copies first.
///
/// # Errors
/// If the file system refuses to say.
pub fn with_original(site: &Site, name: String) -> Result<Vec<String>, disk::Error> {
    let mut there = Vec::new();
    let copies = Compression::ALL.map(|form| form.copy_of(&name));
    for name in copies.into_iter().chain([name]) {
        if site.folder().stamp(&name)?.is_some() {
            there.push(name);
        }
    }
    Ok(there)
}

/// The names of all copies in the site.
fn all(site: &Site) -> Result<Vec<String>, disk::Error> {
    let mut names: Vec<String> = Vec::new();
    for name in site.folder().file_names(layout::METADATA)? {
        names.push(format!("{}/{name}", layout::METADATA));
    }
    let pages = site.folder().path(layout::PAGES);
    if disk::folder::is_folder(&pages)? {
        let found = walk::below(&pages)?.into_iter().filter(|found| matches!(found.kind, Kind::File(_)));
        let found = found.filter_map(|found| Some(format!("{}/{}", layout::PAGES, found.relative.to_str()?)));
        names.extend(found);
    }
    names.retain(|name| layout::copy(name).is_some());
    Ok(names)
}
