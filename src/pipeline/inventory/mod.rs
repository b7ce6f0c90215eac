//! inventory: takes lists that say of files what they are called, how long they are and what they hash to; gives what
//! the source would have given, with nothing walked and nothing hashed. The columns are those of PyPI's public
//! `distribution_metadata` table, or RSTUF's `path;size;hash-type;hash`.

mod bulk;
mod parquet;
mod row;
mod text;

pub use bulk::{Counted, catalogue, count};
pub use parquet::write;
pub use row::Row;

use crate::disk::read::OpenFile;
use crate::disk::{self, FileStamp};
use crate::model::{Sha256, TargetPath};
use crate::pipeline::source::{Candidate, Facts, Mark, SourceFile};
use crate::report::{Code, Reporter, Warning};
use row::{Fault, Said};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// So many rows of one kind are named; more are only counted.
const NAMED: usize = 20;

/// What paths in the lists mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Distributions, which have a place of their own under the name of their project.
    Distributions,
    /// Targets as they are.
    Targets,
}

/// What the lists say.
#[derive(Debug, Default)]
pub struct Listed {
    /// Every file that is to be a target, in the order of the rows; none twice.
    pub files: Vec<SourceFile>,
    /// What is said of files beside their bytes.
    pub marks: BTreeMap<TargetPath, Mark>,
    /// What is said of their metadata.
    pub facts: BTreeMap<Sha256, Facts>,
    /// How many rows there were.
    pub rows: u64,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is none of the forms.
    #[error(
        "{}: this is neither Parquet, nor JSON lines, nor CSV with a header that names path (or filename), size and \
         sha256_digest, nor lines of path;size;hash-type;hash", .0.display()
    )]
    Form(PathBuf),
    /// A column is missing.
    #[error("{}: there is no column {what}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What it would be called.
        what: &'static str,
    },
    /// Two columns are of one kind.
    #[error("{}: two columns say {what}; leave one of them out", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// What both say.
        what: &'static str,
    },
    /// A row is damaged, so that others may be missing.
    #[error("{}{}: {what}. The file is damaged, or was cut short: make it anew", path.display(), of_row(*row))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which row, from 1; 0 for the file itself.
        row: u64,
        /// What is wrong.
        what: String,
    },
    /// It is packed in a way that is not read.
    #[error("{}: it is packed with {how}: write it with Zstandard, Snappy or gzip", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// The way, with the reason.
        how: &'static str,
    },
    /// It holds nothing that could be published.
    #[error(
        "the inventory holds no file that could be published, in {rows} rows; if it is meant to be empty, give --allow-removals"
    )]
    Empty {
        /// How many rows there are.
        rows: u64,
    },
    /// Two rows say different things of one file.
    #[error(
        "two rows say different things of {target}: {first} and {second}; one of these lists is wrong or old"
    )]
    Conflict {
        /// The target.
        target: TargetPath,
        /// Where the first stands.
        first: String,
        /// Where the second does.
        second: String,
    },
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Where in a file a row is.
fn of_row(row: u64) -> String {
    if row == 0 { String::new() } else { format!(" row {row}") }
}

/// Reads the lists, which may overlap where they agree.
///
/// # Errors
/// [`Error`]; rows that no client could fetch, or that say nothing sound, are warned of and left out.
pub fn read(paths: &[PathBuf], names: Names, reporter: &dyn Reporter) -> Result<Listed, Error> {
    let mut reading =
        Reading { names, listed: Listed::default(), known: HashMap::new(), left: Left::default(), again: 0 };
    for path in paths {
        let mut row = 0;
        each(path, &mut |one| {
            row += 1;
            reading.take(path, row, one)
        })?;
    }
    let Reading { mut listed, known, left, again, .. } = reading;
    refuse_rivals(&mut listed, &known, reporter);
    left.tell(reporter);
    if again > 0 {
        let message = format!("{again} rows say what another row said, and count once");
        reporter.warn(Warning::of_run(Code::RowSkipped, message));
    }
    if listed.files.is_empty() { Err(Error::Empty { rows: listed.rows }) } else { Ok(listed) }
}

/// Gives each row of a list.
fn each(path: &Path, take: &mut dyn FnMut(Row) -> Result<(), Error>) -> Result<(), Error> {
    let file = OpenFile::open(path)?;
    let mut begin = [0; 4];
    let mut reader = file.reader()?;
    let failed = |e| disk::Error::new("read", path, e);
    let mut got = 0;
    while got < begin.len() {
        match reader.read(&mut begin[got..]).map_err(failed)? {
            0 => break,
            more => got += more,
        }
    }
    reader.seek(SeekFrom::Start(0)).map_err(failed)?;
    if &begin == b"PAR1" {
        drop(reader);
        parquet::each(path, file, take)
    } else {
        text::each(path, reader, take)
    }
}

struct Reading {
    names: Names,
    listed: Listed,
    /// Where each target stands among the files.
    known: HashMap<TargetPath, usize>,
    left: Left,
    again: u64,
}

impl Reading {
    fn take(&mut self, path: &Path, number: u64, row: Row) -> Result<(), Error> {
        self.listed.rows += 1;
        let place = || format!("{}:{number}", path.display());
        let said = match row.said(self.names) {
            Ok(said) => said,
            Err(fault) => {
                self.left.note(fault, place);
                return Ok(());
            }
        };
        let Said { target, length, digest, uploaded, requires_python } = said;
        if let Some(&at) = self.known.get(&target) {
            let first = &self.listed.files[at];
            if (first.digest, first.candidate.stamp.size) != (digest, length) {
                let first = first.candidate.relative.clone();
                return Err(Error::Conflict { target, first, second: place() });
            }
            let told = self.listed.facts.get(&digest).and_then(|facts| facts.requires_python.clone());
            let marked = self.listed.marks.get(&target).and_then(|mark| mark.uploaded.clone());
            let differ = |one: &Option<String>, other: &Option<String>| {
                one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
            };
            if differ(&told, &requires_python) || differ(&marked, &uploaded) {
                let first = first.candidate.relative.clone();
                return Err(Error::Conflict { target, first, second: place() });
            }
            // One list may say what the other leaves out.
            self.tell(target, digest, uploaded.or(marked), requires_python.or(told));
            self.again += 1;
            return Ok(());
        }
        self.known.insert(target.clone(), self.listed.files.len());
        self.tell(target.clone(), digest, uploaded, requires_python);
        let stamp = FileStamp { size: length, ..FileStamp::NONE };
        let candidate = Candidate { relative: place(), path: PathBuf::new(), stamp, target, told: None };
        self.listed.files.push(SourceFile { candidate, digest });
        Ok(())
    }

    /// Notes what a row says beside what a file is.
    fn tell(
        &mut self,
        target: TargetPath,
        digest: Sha256,
        uploaded: Option<String>,
        requires_python: Option<String>,
    ) {
        if uploaded.is_some() {
            self.listed.marks.insert(target, Mark { yanked: None, uploaded });
        }
        if requires_python.is_some() {
            self.listed.facts.insert(digest, Facts { requires_python, is_told: true, ..Facts::default() });
        }
    }
}

/// tough sorts the members of an object otherwise than others do: a target beside which it would refuse both is left
/// out.
fn refuse_rivals(listed: &mut Listed, known: &HashMap<TargetPath, usize>, reporter: &dyn Reporter) {
    listed.files.retain(|file| {
        let is_there = |path: &&str| path.parse().is_ok_and(|path: TargetPath| known.contains_key(&path));
        let rival = file.candidate.target.rivals().find(is_there).map(str::to_owned);
        if let Some(rival) = &rival {
            let message = format!("beside {rival}, tough would sort its name differently and refuse both");
            reporter.warn(Warning::of_file(Code::NameSkipped, file.candidate.target.as_str(), message));
        }
        rival.is_none()
    });
}

/// Rows that are left out, each with its place.
struct Left<P = String> {
    named: BTreeMap<Code, Vec<(P, String)>>,
    counted: BTreeMap<Code, u64>,
}

impl<P> Default for Left<P> {
    fn default() -> Self {
        Self { named: BTreeMap::new(), counted: BTreeMap::new() }
    }
}

impl<P> Left<P> {
    /// Of as many as are named it asks for the place.
    fn note(&mut self, fault: Fault, place: impl FnOnce() -> P) {
        *self.counted.entry(fault.code).or_default() += 1;
        let named = self.named.entry(fault.code).or_default();
        if named.len() < NAMED {
            named.push((place(), fault.why));
        }
    }
}

impl Left {
    /// Takes over what another noted further on in the lists.
    fn absorb<P>(&mut self, other: Left<P>, place: &dyn Fn(P) -> String) {
        for (code, count) in other.counted {
            *self.counted.entry(code).or_default() += count;
        }
        for (code, named) in other.named {
            let room = NAMED.saturating_sub(self.named.get(&code).map_or(0, Vec::len));
            let more = named.into_iter().take(room).map(|(at, why)| (place(at), why));
            self.named.entry(code).or_default().extend(more);
        }
    }

    fn tell(self, reporter: &dyn Reporter) {
        for (code, named) in self.named {
            let all = self.counted.get(&code).copied().unwrap_or_default();
            let more = all - named.len() as u64;
            named.into_iter().for_each(|(place, why)| reporter.warn(Warning::of_file(code, place, why)));
            if more > 0 {
                reporter.warn(Warning::of_run(code, format!("and {more} more rows, {all} in all")));
            }
        }
    }
}
