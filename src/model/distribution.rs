//! What the file name of a distribution says (PEP 427 for wheels, PEP 625 and the older free
//! form for sdists). Pure: the archive itself is asked elsewhere, where the name does not settle
//! the project.

use super::ProjectName;
use pep440_rs::Version;
use std::str::FromStr;

/// What a file name says about the project it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// It is a wheel or an sdist of this project.
    Settled(ProjectName),
    /// It is an sdist whose name can be read in several ways, or in none: the archive knows.
    /// The projects that the name allows, the longest first; empty if no version was found.
    Unsettled(Vec<ProjectName>),
    /// It is no wheel and no sdist.
    Other,
}

/// The endings of sdists that installers read, old ones included.
const SDIST_ENDINGS: [&str; 7] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.Z", ".tar"];

/// No file system has longer names by far; and where a version begins in one is tried at each dash.
const LONGEST: usize = 1024;

impl Distribution {
    /// Reads a file name.
    #[must_use]
    pub fn from_file_name(name: &str) -> Self {
        if name.len() > LONGEST {
            return Self::Other;
        }
        if let Some(stem) = name.strip_suffix(".whl") {
            return from_wheel(stem);
        }
        match SDIST_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) {
            Some(stem) => from_sdist(stem),
            None => Self::Other,
        }
    }
}

/// The version in the file name of a wheel or sdist of this project, as it is written there; `None`
/// if there is none to be seen.
#[must_use]
pub fn version_text<'a>(name: &'a str, project: &ProjectName) -> Option<&'a str> {
    if let Some(stem) = name.strip_suffix(".whl") {
        return stem.split('-').nth(1);
    }
    let stem = SDIST_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    let mut dashes = stem.match_indices('-').map(|(at, _)| at).take(LONGEST);
    let at = dashes.find(|&at| ProjectName::normalise(&stem[..at]).is_ok_and(|name| name == *project))?;
    Some(&stem[at + 1..])
}

/// `name-version(-build)?-python-abi-platform`.
fn from_wheel(stem: &str) -> Distribution {
    let parts: Vec<&str> = stem.split('-').collect();
    let build_ok =
        parts.len() == 5 || (parts.len() == 6 && parts[2].starts_with(|c: char| c.is_ascii_digit()));
    if !build_ok || parts.iter().any(|part| part.is_empty()) {
        return Distribution::Other;
    }
    ProjectName::normalise(parts[0]).map_or(Distribution::Other, Distribution::Settled)
}

/// `name-version`, where an old name or an old version may itself hold dashes.
fn from_sdist(stem: &str) -> Distribution {
    let candidates: Vec<ProjectName> = stem
        .rmatch_indices('-')
        .filter(|(at, _)| Version::from_str(&stem[at + 1..]).is_ok())
        .filter_map(|(at, _)| ProjectName::normalise(&stem[..at]).ok())
        .collect();
    match <[ProjectName; 1]>::try_from(candidates) {
        Ok([project]) => Distribution::Settled(project),
        Err(candidates) => Distribution::Unsettled(candidates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(name: &str) -> Distribution {
        Distribution::Settled(ProjectName::normalise(name).unwrap())
    }

    #[test]
    fn names_settle_their_project_where_they_can() {
        let table = [
            ("zope.interface-7.2-cp311-cp311-linux_x86_64.whl", settled("zope-interface")),
            ("ruamel.yaml-0.18.6-py3-none-any.whl", settled("ruamel-yaml")),
            ("x-1.0-1-py3-none-any.whl", settled("x")),
            ("jaraco.text-4.0.0.tar.gz", settled("jaraco-text")),
            ("my-old-name-1.0b2.zip", settled("my-old-name")),
            ("local-1.0+ubuntu.1.tar.gz", settled("local")),
            ("numpy-2.0.0.tar.bz2", settled("numpy")),
        ];
        for (name, expected) in table {
            assert_eq!(Distribution::from_file_name(name), expected, "{name}");
        }
    }

    #[test]
    fn names_that_do_not_settle_it_are_left_to_the_archive() {
        // 1.0-1 is a post release, and "thing-1.0" is a name that could have a version 1.
        let Distribution::Unsettled(names) = Distribution::from_file_name("thing-1.0-1.tar.gz") else {
            panic!("two readings");
        };
        assert_eq!(names.iter().map(ProjectName::as_str).collect::<Vec<_>>(), ["thing-1-0", "thing"]);
        assert_eq!(Distribution::from_file_name("thing-latest.tar.gz"), Distribution::Unsettled(vec![]));
    }

    #[test]
    fn the_version_is_what_follows_the_project() {
        for (name, project, version) in [
            ("zope.interface-7.2-cp311-cp311-linux_x86_64.whl", "zope-interface", Some("7.2")),
            ("my-old-name-1.0b2.zip", "my-old-name", Some("1.0b2")),
            ("thing-1.0-1.tar.gz", "thing", Some("1.0-1")),
            ("other-1.0.tar.gz", "thing", None),
        ] {
            assert_eq!(version_text(name, &ProjectName::normalise(project).unwrap()), version, "{name}");
        }
    }

    #[test]
    fn other_files_are_no_distributions() {
        for name in [
            "README.md",
            "x.whl",
            "x-1.0.egg",
            "a-b-c.whl",
            "x-1.0-py3-none-any.whl.asc",
            "-1-py3-none-any.whl",
        ] {
            assert_eq!(Distribution::from_file_name(name), Distribution::Other, "{name}");
        }
    }
}
