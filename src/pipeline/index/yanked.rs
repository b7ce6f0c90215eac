//! Yanked files (PEP 592) of a source that has no pages of its own to say so: `source.yanked`.

use crate::model::page::one_line;
use crate::model::{ProjectName, distribution};
use pep440_rs::Version;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is yanked, and why.
#[derive(Debug, Default)]
pub struct Yanked {
    entries: Vec<Yank>,
}

#[derive(Debug)]
struct Yank {
    text: String,
    what: What,
    reason: String,
    used: AtomicBool,
}

#[derive(Debug)]
enum What {
    File(String),
    Release(ProjectName, Version),
}

/// An entry of the list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is neither a file name nor NAME==VERSION, with or without \": reason\" behind it")]
pub struct BadYank(String);

impl Yanked {
    /// Reads entries such as `x-1.0.tar.gz`, `x==1.0` and `x==1.0: reason`.
    ///
    /// # Errors
    /// [`BadYank`].
    pub fn new(entries: &[String]) -> Result<Self, BadYank> {
        let read = |text: &String| {
            let bad = || BadYank(text.clone());
            let (what, reason) = text.split_once(": ").unwrap_or((text, ""));
            let what = match what.trim().split_once("==") {
                Some((name, version)) => {
                    let name = ProjectName::normalise(name.trim()).map_err(|_| bad())?;
                    What::Release(name, Version::from_str(version.trim()).map_err(|_| bad())?)
                }
                None if what.trim().contains(['/', ' ']) || what.trim().is_empty() => return Err(bad()),
                None => What::File(what.trim().to_owned()),
            };
            Ok(Yank { text: text.clone(), what, reason: one_line(reason), used: AtomicBool::new(false) })
        };
        Ok(Self { entries: entries.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// What was given to [`Self::new`].
    #[must_use]
    pub fn entries(&self) -> Vec<&str> {
        self.entries.iter().map(|yank| yank.text.as_str()).collect()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Why a file of a project is yanked, `""` if no reason is given; `None` if it is not.
    #[must_use]
    pub fn reason(&self, project: &ProjectName, file: &str) -> Option<&str> {
        let version = || Version::from_str(distribution::version_text(file, project)?).ok();
        let found = self.entries.iter().find(|yank| match &yank.what {
            What::File(name) => name == file,
            What::Release(name, yanked) => name == project && version().as_ref() == Some(yanked),
        })?;
        found.used.store(true, Ordering::Relaxed);
        Some(&found.reason)
    }

    /// Entries that no file was asked about: a slip of the pen, or a file that is gone.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|yank| !yank.used.load(Ordering::Relaxed)).map(|yank| yank.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_a_whole_release_is_yanked() {
        let entries = ["X==1.0: broken: badly", "x-2.0.tar.gz", "y==1"].map(str::to_owned);
        let yanked = Yanked::new(&entries).unwrap();
        let x = ProjectName::normalise("x").unwrap();
        for (file, reason) in [
            ("x-1.0.tar.gz", Some("broken: badly")),
            ("x-1.0.0-py3-none-any.whl", Some("broken: badly")),
            ("x-2.0.tar.gz", Some("")),
            ("x-2.0-py3-none-any.whl", None),
        ] {
            assert_eq!(yanked.reason(&x, file), reason, "{file}");
        }
        assert_eq!(yanked.unused().collect::<Vec<_>>(), ["y==1"]);
        for bad in ["", "x==", "a/b.whl", "x==one"] {
            assert!(Yanked::new(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
    }
}
