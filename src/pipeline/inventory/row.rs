//! One row of a list: what it says, and of which target.

use super::Names;
use crate::model::target_path::{self, looks_hashed};
use crate::model::{Distribution, ProjectName, Sha256, TargetPath, page};
use crate::report::Code;

/// A row, as it is written: nothing in it is known to be sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The project.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The file's name.
    pub filename: Option<String>,
    /// Where it lies, where it is served from; or the target, for files that are no distributions.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: Option<String>,
    /// What kind of hash there is, where the list says it.
    pub kind: Option<String>,
    /// Its SHA-256, in hex.
    pub sha256: Option<String>,
    /// When it was uploaded.
    pub upload_time: Option<String>,
    /// `Requires-Python`, as its metadata has it.
    pub requires_python: Option<String>,
}

/// What a sound row says.
pub(super) struct Said {
    pub(super) target: TargetPath,
    pub(super) length: u64,
    pub(super) digest: Sha256,
    pub(super) uploaded: Option<String>,
    pub(super) requires_python: Option<String>,
}

/// Why a row is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) why: String,
}

fn fault<T>(code: Code, why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { code, why: why.into() })
}

impl Row {
    pub(super) fn said(&self, names: Names) -> Result<Said, Fault> {
        let text = |cell: &Option<String>| {
            cell.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let target = match names {
            Names::Distributions => self.distribution()?,
            Names::Targets => self.target()?,
        };
        let size = text(&self.size).unwrap_or_default();
        let Some(length) = size.parse::<u64>().ok().filter(|length| *length > 0 || names == Names::Targets)
        else {
            return fault(Code::RowSkipped, format!("{size:?} is no size in bytes of {target}"));
        };
        let kind = text(&self.kind).unwrap_or_else(|| "sha256".to_owned()).to_ascii_lowercase();
        if !["sha256", "sha-256"].contains(&kind.as_str()) {
            return fault(
                Code::RowSkipped,
                format!("{target} has a hash of the kind {kind:?}, and SHA-256 is wanted"),
            );
        }
        let hex = text(&self.sha256).unwrap_or_default().to_ascii_lowercase();
        let Ok(digest) = hex.parse::<Sha256>() else {
            return fault(Code::RowSkipped, format!("{hex:?} is no SHA-256 of {target}"));
        };
        let uploaded = text(&self.upload_time).and_then(|text| uploaded(&text));
        Ok(Said { target, length, digest, uploaded, requires_python: text(&self.requires_python) })
    }

    /// The target of a distribution: the name decides, and the project is asked where that leaves it open.
    fn distribution(&self) -> Result<TargetPath, Fault> {
        let last = self.path.as_deref().and_then(|path| path.rsplit('/').next());
        let Some(file) = self.filename.as_deref().or(last).filter(|name| !name.is_empty()) else {
            return fault(Code::RowSkipped, "it names no file");
        };
        if looks_hashed(file) {
            return fault(
                Code::NameSkipped,
                format!("{file} begins as the hashed copies do (64 hex digits and a dot)"),
            );
        }
        let said = self.name.as_deref().or_else(|| self.folder());
        let said = match said.map(ProjectName::normalise).transpose() {
            Ok(said) => said,
            Err(_) => {
                return fault(
                    Code::RowSkipped,
                    format!("{:?} is no name of a project", said.unwrap_or_default()),
                );
            }
        };
        let project = match (Distribution::from_file_name(file), said) {
            (Distribution::Other, _) => {
                return fault(
                    Code::NotADistribution,
                    format!("{file} is not the name of a wheel or an sdist"),
                );
            }
            (Distribution::Settled(project), None) => project,
            (Distribution::Settled(project), Some(said)) if project == said => project,
            (Distribution::Unsettled(readings), Some(said))
                if readings.is_empty() || readings.contains(&said) =>
            {
                said
            }
            (Distribution::Unsettled(_), None) => {
                return fault(
                    Code::ProjectUnknown,
                    format!("{file} does not say where the project ends, and there is no name"),
                );
            }
            (_, Some(said)) => {
                return fault(Code::ProjectUnknown, format!("{file} cannot be a file of {said}"));
            }
        };
        sound(&format!("packages/{project}/{file}"))
    }

    /// The project's folder, in a path of ours or of an index's.
    fn folder(&self) -> Option<&str> {
        let mut segments = self.path.as_deref()?.split('/');
        let (first, project, _file, end) =
            (segments.next()?, segments.next()?, segments.next()?, segments.next());
        (["packages", "simple"].contains(&first) && end.is_none()).then_some(project)
    }

    fn target(&self) -> Result<TargetPath, Fault> {
        let Some(path) = self.path.as_deref().filter(|path| !path.is_empty()) else {
            return fault(Code::RowSkipped, "it has no path");
        };
        match target_path::of_file(path) {
            Ok(target) => Ok(target),
            Err(why) => fault(Code::NameSkipped, format!("{path}: {why}")),
        }
    }
}

fn sound(path: &str) -> Result<TargetPath, Fault> {
    path.parse().or_else(|e: target_path::NotATargetPath| fault(Code::NameSkipped, format!("{path}: {e}")))
}

/// A moment as PEP 700 writes it, from that or from how databases write it: `2024-05-01 10:11:12.5 UTC`.
fn uploaded(text: &str) -> Option<String> {
    let text = text.trim();
    let utc =
        ["Z", " UTC", "+00:00", "+00"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text).trim();
    let (day, time) = utc.split_once(['T', ' '])?;
    let time = match time.split_once('.') {
        // No more than microseconds, and no zeros that say nothing.
        Some((whole, fraction)) => {
            let fraction = fraction.get(..6).unwrap_or(fraction).trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        None => time.to_owned(),
    };
    Some(format!("{day}T{time}Z")).filter(|time| page::is_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, filename: &str) -> Row {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (size, sha256) = (Some("7".to_owned()), Some("a".repeat(64)));
        Row { name: some(name), filename: some(filename), size, sha256, ..Row::default() }
    }

    #[test]
    fn the_name_of_a_file_and_its_project_say_where_it_goes_or_that_it_goes_nowhere() {
        let target =
            |row: Row| row.said(Names::Distributions).map(|said| said.target.to_string()).map_err(|f| f.code);
        assert_eq!(
            target(row("Big.Lib", "big_lib-1.0-py3-none-any.whl")).unwrap(),
            "packages/big-lib/big_lib-1.0-py3-none-any.whl"
        );
        assert_eq!(
            target(row("", "big_lib-1.0-py3-none-any.whl")).unwrap(),
            "packages/big-lib/big_lib-1.0-py3-none-any.whl"
        );
        let placed = Row { path: Some("packages/x-1/x-1-2.zip".to_owned()), ..row("", "") };
        assert_eq!(target(placed).unwrap(), "packages/x-1/x-1-2.zip");
        let indexed = Row { path: Some("simple/x/x-1-2.zip".to_owned()), ..row("", "") };
        assert_eq!(target(indexed).unwrap(), "packages/x/x-1-2.zip");
        for (name, file, code) in [
            ("other", "big_lib-1.0-py3-none-any.whl", Code::ProjectUnknown),
            ("", "x-1-2.zip", Code::ProjectUnknown),
            ("x", "x-1.0.exe", Code::NotADistribution),
            ("-", "x-1.0.zip", Code::RowSkipped),
            ("", "", Code::RowSkipped),
            ("x", &format!("{}.x-1.0.zip", "a".repeat(64)), Code::NameSkipped),
            ("x", &format!("x-{}.zip", "1".repeat(250)), Code::NameSkipped),
        ] {
            assert_eq!(target(row(name, file)), Err(code), "{name} {file}");
        }
    }

    #[test]
    fn sizes_and_hashes_that_are_none_are_told() {
        let ok = row("x", "x-1.0.zip");
        assert!(ok.said(Names::Distributions).is_ok());
        for size in ["", "-1", "1.5", "0", "x", "99999999999999999999"] {
            let row = Row { size: Some(size.to_owned()), ..ok.clone() };
            assert_eq!(row.said(Names::Distributions).err().unwrap().code, Code::RowSkipped, "{size}");
        }
        for hash in ["", "abc", &"g".repeat(64), &"a".repeat(63)] {
            let row = Row { sha256: Some(hash.to_owned()), ..ok.clone() };
            assert_eq!(row.said(Names::Distributions).err().unwrap().code, Code::RowSkipped, "{hash}");
        }
        let other = Row { kind: Some("blake2b-256".to_owned()), ..ok };
        assert!(other.said(Names::Distributions).err().unwrap().why.contains("blake2b-256"));
    }

    #[test]
    fn moments_are_written_as_pages_have_them() {
        for (text, expected) in [
            ("2024-05-01 10:11:12 UTC", Some("2024-05-01T10:11:12Z")),
            ("2024-05-01 10:11:12.120000 UTC", Some("2024-05-01T10:11:12.12Z")),
            ("2024-05-01T10:11:12.123456789Z", Some("2024-05-01T10:11:12.123456Z")),
            ("2024-05-01T10:11:12+00:00", Some("2024-05-01T10:11:12Z")),
            ("2024-05-01", None),
            ("yesterday", None),
        ] {
            assert_eq!(uploaded(text).as_deref(), expected, "{text}");
        }
    }
}
