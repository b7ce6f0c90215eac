//! Layout `flat`: wheels and sdists, nested in any way, each under its project's name.

use super::{Naming, archive};
use crate::disk::{self, FileStamp};
use crate::model::target_path::looks_hashed;
use crate::model::{Distribution, ProjectName, TargetPath};
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
    if distribution != Distribution::Other && stamp.size == 0 {
        return Ok(Naming::Skip(Code::PartialDownload, "it is empty".to_owned()));
    }
    let project = match distribution {
        Distribution::Other => {
            return Ok(Naming::Skip(
                Code::NotADistribution,
                "its name is not that of a wheel or an sdist".to_owned(),
            ));
        }
        Distribution::Settled(project) => project,
        Distribution::Unsettled(names) => {
            if let Some(target) = known() {
                return Ok(Naming::Target(target));
            }
            match settle(path, name, &names)? {
                Ok(project) => project,
                Err(why) => return Ok(Naming::Skip(Code::ProjectUnknown, why)),
            }
        }
    };
    if looks_hashed(name) {
        let why = "its name begins as the hashed copies do (64 hex digits and a dot)";
        return Ok(Naming::Skip(Code::NameSkipped, why.to_owned()));
    }
    Ok(match format!("packages/{project}/{name}").parse() {
        Ok(target) => Naming::Target(target),
        Err(e) => Naming::Skip(Code::NameSkipped, e.to_string()),
    })
}

/// Asks the archive which of the readings of its name is right.
fn settle(
    path: &Path,
    name: &str,
    readings: &[ProjectName],
) -> Result<Result<ProjectName, String>, disk::Error> {
    let inside = match archive::name_of_sdist(path, name)? {
        Ok(inside) => inside,
        Err(why) => return Ok(Err(format!("its name can be read in {} ways, and {why}", readings.len()))),
    };
    let Ok(project) = ProjectName::normalise(&inside) else {
        return Ok(Err(format!("its PKG-INFO names the project {inside:?}, which no installer accepts")));
    };
    // An sdist that says it is another project must not get into that project's folder.
    let fits = readings.contains(&project) || (readings.is_empty() && starts_with_project(name, &project));
    Ok(if fits { Ok(project) } else { Err(format!("its PKG-INFO names another project, {inside:?}")) })
}

fn starts_with_project(name: &str, project: &ProjectName) -> bool {
    name.match_indices('-')
        .any(|(at, _)| ProjectName::normalise(&name[..at]).is_ok_and(|prefix| prefix == *project))
}
