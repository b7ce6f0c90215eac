//! inspect: takes a distribution, gives what the metadata inside it says. A broken archive is
//! published without, and named.

use crate::disk;
use crate::disk::read::OpenFile;
use crate::model::{ProjectName, Sha256};
use crate::pipeline::archive;
use crate::pipeline::source::Facts;
use std::path::Path;

/// Why the distribution at `path` is none of `project`, as the end of a sentence; `None` for one that is, and
/// for archives of a kind that is not opened. A build publishes what a mirror has; an author can mend it.
///
/// # Errors
/// If the file cannot be read.
pub fn fault(path: &Path, name: &str, project: &ProjectName) -> Result<Option<String>, disk::Error> {
    if ![".whl", ".tar.gz", ".tgz", ".zip"].iter().any(|ending| name.ends_with(ending)) {
        return Ok(None);
    }
    let metadata = match archive::metadata(&OpenFile::open(path)?, name)? {
        Ok(metadata) => metadata,
        Err(why) => return Ok(Some(why.to_owned())),
    };
    let inside = archive::field(&metadata, "Name").unwrap_or_default();
    let is_its = ProjectName::normalise(&inside).is_ok_and(|inside| inside == *project);
    Ok((!is_its).then(|| format!("it says of itself that it is {inside:?}")))
}

/// What the distribution at `path` says of itself, and for a wheel its METADATA.
///
/// # Errors
/// If the file cannot be read.
pub fn inspect(path: &Path, name: &str) -> Result<(Facts, Option<Vec<u8>>), disk::Error> {
    let metadata = match archive::metadata(&OpenFile::open(path)?, name)? {
        Ok(metadata) => metadata,
        Err(why) => return Ok((Facts { broken: Some(why.to_owned()), ..Facts::default() }, None)),
    };
    let requires_python = archive::field(&metadata, "Requires-Python").filter(|text| !text.is_empty());
    if !name.ends_with(".whl") {
        return Ok((Facts { requires_python, ..Facts::default() }, None));
    }
    let listed = Some((Sha256::of(&metadata), metadata.len() as u64));
    Ok((Facts { requires_python, metadata: listed, ..Facts::default() }, Some(metadata)))
}
