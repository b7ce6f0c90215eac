//! Which files of the source count: `source.include` and `source.exclude`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::path::Path;

/// The globs of `source.include` and `source.exclude`.
#[derive(Clone, Debug)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: GlobSet,
    globs: String,
}

/// Globs of more bytes become a machine of hundreds of megabytes.
const MOST_BYTES: usize = 1 << 16;

/// Globs that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadGlob {
    /// One cannot be read.
    #[error("{glob:?} is no glob for the source: {reason}")]
    Form {
        /// Which.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Together they are too long.
    #[error(
        "they are {0} bytes long together, and {MOST_BYTES} are read at most: name folders, or fewer files"
    )]
    Long(usize),
}

impl Selection {
    /// Files that match one of `include` (all, if it is empty) and none of `exclude`. A glob
    /// without a slash is for the file name, one with a slash for the path below the source; `*`
    /// stays within a segment.
    ///
    /// # Errors
    /// [`BadGlob`].
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, BadGlob> {
        let bytes = include.iter().chain(exclude).map(String::len).sum();
        if bytes > MOST_BYTES {
            return Err(BadGlob::Long(bytes));
        }
        let globs = format!("include {include:?} exclude {exclude:?}");
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Self { include, exclude: set(exclude)?, globs })
    }

    /// The globs, in words that can be compared.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.globs
    }

    /// Whether the file at `relative` counts.
    #[must_use]
    pub fn takes(&self, relative: &Path) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(relative))
            && !self.exclude.is_match(relative)
    }
}

fn set(globs: &[String]) -> Result<GlobSet, BadGlob> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        let bad = |e: globset::Error| BadGlob::Form { glob: glob.clone(), reason: e.kind().to_string() };
        // Paths begin below the source, and files end in no slash.
        let never = ["/", "./", "../"].iter().any(|first| glob.starts_with(first)) || glob.ends_with('/');
        if never {
            let reason = "it matches no path below the source: name one as dists/*.whl, and what is in a folder as old/**";
            return Err(BadGlob::Form { glob: glob.clone(), reason: reason.to_owned() });
        }
        let anywhere = if glob.contains('/') { glob.clone() } else { format!("**/{glob}") };
        builder.add(GlobBuilder::new(&anywhere).literal_separator(true).build().map_err(bad)?);
    }
    builder.build().map_err(|e| BadGlob::Form { glob: globs.join(", "), reason: e.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_without_a_slash_is_for_the_name() {
        let some = |globs: &[&str]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let selection = Selection::new(&some(&["*.whl", "old/*"]), &some(&["*-cp27-*"])).unwrap();
        for (path, taken) in [
            ("a/b/x-1.0-py3-none-any.whl", true),
            ("x.tar.gz", false),
            ("old/x.tar.gz", true),
            ("old/deep/x.tar.gz", false),
            ("a/x-1.0-cp27-none-any.whl", false),
        ] {
            assert_eq!(selection.takes(Path::new(path)), taken, "{path}");
        }
        assert!(matches!(Selection::new(&some(&["a["]), &[]), Err(BadGlob::Form { .. })));
        for never in ["/whey*", "./dists/*", "../x", "old/"] {
            assert!(matches!(Selection::new(&[], &some(&[never])), Err(BadGlob::Form { .. })), "{never}");
        }
        let many = vec!["*a*b*".to_owned(); 1 << 14];
        assert!(matches!(Selection::new(&[], &many), Err(BadGlob::Long(81_920))));
    }
}
