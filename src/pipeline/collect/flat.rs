//! Layout `flat`: wheels and sdists, nested in any way, each under its project's name.

use super::{Naming, Skipped};
use crate::disk::read::OpenFile;
use crate::disk::{self, FileStamp};
use crate::model::target_path::looks_hashed;
use crate::model::{Distribution, ProjectName, TargetPath};
use crate::pipeline::archive;
use crate::report::Code;
use std::path::Path;

/// The target of the file `name` at `path`. `known` says what it was before, and spares opening
/// the archive.
pub(super) fn target(
    name: &str,
    path: &Path,
    stamp: &FileStamp,
    known: impl FnOnce() -> Option<TargetPath>,
) -> Result<Naming, disk::Error> {
    let distribution = Distribution::from_file_name(name);
    if distribution == Distribution::Other {
        return Ok(Naming::skip(Code::NotADistribution, "its name is not that of a wheel or an sdist"));
    }
    if looks_hashed(name) {
        let why = "its name begins as the hashed copies do (64 hex digits and a dot)";
        return Ok(Naming::skip(Code::NameSkipped, why));
    }
    let readings = readings(&distribution, name);
    let may_be = |readings: &[ProjectName]| readings.iter().filter_map(|p| target_of(p, name).ok()).collect();
    if stamp.size == 0 {
        let (code, why) = (Code::PartialDownload, "it is empty".to_owned());
        return Ok(Naming::Skip(Skipped { code, why, may_be: may_be(&readings) }));
    }
    let project = match distribution {
        Distribution::Settled(project) => project,
        _ => {
            if let Some(target) = known().filter(|known| may_be(&readings).contains(known)) {
                return Ok(Naming::Target(target));
            }
            match settle(path, name, &readings)? {
                Ok(project) => project,
                Err(why) => {
                    let code = Code::ProjectUnknown;
                    return Ok(Naming::Skip(Skipped { code, why, may_be: may_be(&readings) }));
                }
            }
        }
    };
    Ok(match target_of(&project, name) {
        Ok(target) => Naming::Target(target),
        Err(e) => Naming::skip(Code::NameSkipped, e.to_string()),
    })
}

fn target_of(
    project: &ProjectName,
    name: &str,
) -> Result<TargetPath, crate::model::target_path::NotATargetPath> {
    format!("packages/{project}/{name}").parse()
}

/// Asks the archive which of the readings of its name is right.
fn settle(
    path: &Path,
    name: &str,
    readings: &[ProjectName],
) -> Result<Result<ProjectName, String>, disk::Error> {
    if readings.is_empty() {
        return Ok(Err("its name has no version".to_owned()));
    }
    let inside = archive::metadata(&OpenFile::open(path)?, name)?;
    let inside = match inside.and_then(|info| archive::field(&info, "Name").ok_or("its PKG-INFO has no Name"))
    {
        Ok(inside) => inside,
        Err(why) => {
            return Ok(Err(format!(
                "its name does not say where the project ends and the version begins, and {why}"
            )));
        }
    };
    let Ok(project) = ProjectName::normalise(&inside) else {
        return Ok(Err(format!("its PKG-INFO names the project {inside:?}, which no installer accepts")));
    };
    // An sdist that says it is another project must not get into that project's folder.
    let other = || format!("its PKG-INFO names another project, {inside:?}, than its file name can");
    Ok(if readings.contains(&project) { Ok(project) } else { Err(other()) })
}

/// The projects that a name allows.
fn readings(distribution: &Distribution, name: &str) -> Vec<ProjectName> {
    match distribution {
        Distribution::Settled(project) => vec![project.clone()],
        Distribution::Unsettled(readings) if readings.is_empty() => every_prefix(name),
        Distribution::Unsettled(readings) => readings.clone(),
        Distribution::Other => Vec::new(),
    }
}

/// The targets that a file of this name may be.
pub(super) fn may_be(name: &str) -> Vec<TargetPath> {
    let readings = readings(&Distribution::from_file_name(name), name);
    readings.iter().filter_map(|project| target_of(project, name).ok()).collect()
}

/// Every project that the name can begin with, where no version is to be seen in it.
fn every_prefix(name: &str) -> Vec<ProjectName> {
    name.match_indices('-').filter_map(|(at, _)| ProjectName::normalise(&name[..at]).ok()).collect()
}
