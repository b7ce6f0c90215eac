//! digest: takes candidates, gives their SHA-256, in parallel. What is known already is not read
//! again; a file that changes while it is read is tried once more, then left for the next run, and so is one that
//! somebody is still writing.

use crate::disk::read::OpenFile;
use crate::disk::{self, FileStamp, writers};
use crate::model::Sha256;
use crate::pipeline::source::{Candidate, SourceFile};
use crate::report::{Code, Event, Reporter, Warning};
use rayon::prelude::*;

/// How often a file is read before it is left for the next run.
const TRIES: usize = 2;

/// Whether files may be half written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Somebody may be writing them: looked for, where the system says it.
    Looked,
    /// Whoever named them says that they are whole.
    Never,
}

/// What came of digesting.
#[derive(Debug, Default)]
pub struct Digested {
    /// Every candidate whose digest is known, in the order given.
    pub files: Vec<SourceFile>,
    /// Those that were read for it, by place in `files`.
    pub fresh: Vec<usize>,
    /// Candidates that changed while they were read.
    pub unstable: Vec<Candidate>,
    /// Bytes read.
    pub bytes_hashed: u64,
}

/// A file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}; give this user the right to read it, or name it in source.exclude")]
pub struct Error(#[from] disk::Error);

enum Outcome {
    Known(SourceFile),
    Read(SourceFile),
    Unstable(Candidate),
}

/// Digests `candidates`; `known` gives the digest of a file that still looks as it did.
///
/// # Errors
/// If a file is there and cannot be read.
pub fn digest(
    candidates: Vec<Candidate>,
    known: &(dyn Fn(&str, &FileStamp) -> Option<Sha256> + Sync),
    half: Half,
    reporter: &dyn Reporter,
) -> Result<Digested, Error> {
    let outcomes: Vec<Outcome> = candidates
        .into_par_iter()
        .map(|candidate| {
            let outcome = match known(&candidate.relative, &candidate.stamp) {
                Some(digest) => Ok(Outcome::Known(SourceFile { candidate, digest })),
                None => read(candidate),
            };
            reporter.event(Event::Done(1));
            outcome
        })
        .collect::<Result<_, Error>>()?;
    // After they were read: what was half written then, and is closed by now, has changed, and is seen when it is copied.
    let looks = half == Half::Looked && outcomes.iter().any(|outcome| matches!(outcome, Outcome::Read(_)));
    let written = if looks { writers::open_for_writing() } else { Default::default() };
    let is_written = |file: &SourceFile| {
        let stamp = &file.candidate.stamp;
        written.contains(&(stamp.device, stamp.inode))
    };
    let mut digested = Digested::default();
    for outcome in outcomes {
        match outcome {
            Outcome::Read(file) if is_written(&file) => {
                let message = "a program has it open for writing; the next build takes it";
                reporter.warn(Warning::of_file(Code::Unstable, file.candidate.relative.clone(), message));
                digested.unstable.push(file.candidate);
            }
            Outcome::Known(file) => digested.files.push(file),
            Outcome::Read(file) => {
                digested.bytes_hashed += file.candidate.stamp.size;
                digested.fresh.push(digested.files.len());
                digested.files.push(file);
            }
            Outcome::Unstable(candidate) => {
                reporter.warn(unstable(&candidate));
                digested.unstable.push(candidate);
            }
        }
    }
    Ok(digested)
}

/// The warning about a file that kept changing.
#[must_use]
pub fn unstable(candidate: &Candidate) -> Warning {
    let message = "it changed while it was read; the next build takes it";
    Warning::of_file(Code::Unstable, candidate.relative.clone(), message)
}

fn read(mut candidate: Candidate) -> Result<Outcome, Error> {
    for _ in 0..TRIES {
        let file = match OpenFile::open(&candidate.path) {
            Ok(file) => file,
            Err(e) if e.is_not_found() => return Ok(Outcome::Unstable(candidate)),
            Err(e) => return Err(e.into()),
        };
        let before = file.first_stamp();
        let (digest, length) = file.digest()?;
        if file.stamp()? == before && length == before.size {
            candidate.stamp = before;
            return Ok(Outcome::Read(SourceFile { candidate, digest }));
        }
    }
    Ok(Outcome::Unstable(candidate))
}
