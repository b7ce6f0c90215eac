//! Lists of millions: read by every thread, straight into a catalogue. Rows of the common kind are taken as they stand;
//! whatever is unusual about one goes the way of [`super::row`], and gets its words.

use super::row::Said;
use super::text::{Form, LONGEST_LINE};
use super::{Error, Left, Names, Row, each, text};
use crate::disk::{self, read::OpenFile};
use crate::model::catalogue::{Heap, Twice};
use crate::model::target_path::{self, is_plain, looks_hashed};
use crate::model::{BinCount, Catalogue, Gather, Sha256, TargetPath, bin_file};
use crate::report::{Code, Reporter, Warning};
use rayon::prelude::*;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// So much is read of a list at a time.
const BLOCK: usize = 32 << 20;

/// Into so many parts a block is cut, for threads to take.
const PARTS: usize = 32;

/// What lists say of bins.
#[derive(Debug)]
pub struct Counted {
    /// Every file that is to be a target.
    pub catalogue: Catalogue,
    /// How many rows there were.
    pub rows: u64,
}

/// Reads lists of targets and nothing else that they say; they may overlap where they agree.
///
/// # Errors
/// [`Error`]; rows that no client could fetch, or that say nothing sound, are warned of and left out.
pub fn catalogue(
    paths: &[PathBuf],
    names: Names,
    bins: BinCount,
    reporter: &dyn Reporter,
) -> Result<Counted, Error> {
    let threads = rayon::current_num_threads();
    let gathers: Vec<Mutex<Gather>> = (0..=threads).map(|_| Mutex::new(Gather::new(bins))).collect();
    let mut reading =
        Reading { names, gathers: &gathers, left: Left::default(), rows: 0, rivals: Vec::new() };
    paths.iter().try_for_each(|path| reading.list(path))?;
    let Reading { left, rows, rivals, .. } = reading;
    let gathered = gathers.into_iter().map(|g| g.into_inner().unwrap_or_else(PoisonError::into_inner));
    let sorted: Vec<_> = Gather::heaps(gathered.collect()).into_par_iter().map(Heap::sorted).collect();
    let (shelves, twice): (Vec<_>, Vec<Twice>) = sorted.into_iter().unzip();
    if let Some(target) = twice.iter().flat_map(|twice| &twice.conflicts).min() {
        return Err(conflict(paths, names, target));
    }
    let mut catalogue = Catalogue::of(bins, shelves);
    let is_rival = |path: &&TargetPath| {
        let rival =
            path.rivals().find(|rival| rival.parse().is_ok_and(|path| catalogue.find(&path).is_some()));
        if let Some(rival) = rival {
            let message = format!("beside {rival}, tough would sort its name differently and refuse both");
            reporter.warn(Warning::of_file(Code::NameSkipped, path.as_str(), message));
        }
        rival.is_some()
    };
    let mut rivals: Vec<TargetPath> = rivals.iter().filter(is_rival).cloned().collect();
    rivals.sort();
    catalogue.remove(&rivals);
    left.tell(reporter);
    let again: u64 = twice.iter().map(|twice| twice.alike).sum();
    if again > 0 {
        let message = format!("{again} rows say what another row said, and count once");
        reporter.warn(Warning::of_run(Code::RowSkipped, message));
    }
    if catalogue.is_empty() { Err(Error::Empty { rows }) } else { Ok(Counted { catalogue, rows }) }
}

/// How many files lists name that are to be targets.
///
/// # Errors
/// As [`catalogue`].
pub fn count(paths: &[PathBuf], names: Names) -> Result<u64, Error> {
    let bins = BinCount::for_targets(0);
    Ok(catalogue(paths, names, bins, &crate::report::Silent)?.catalogue.len() as u64)
}

struct Reading<'a> {
    names: Names,
    /// One for each thread, and one for whoever is none of them.
    gathers: &'a [Mutex<Gather>],
    left: Left,
    rows: u64,
    /// Targets whose name holds a character by which tough sorts otherwise.
    rivals: Vec<TargetPath>,
}

impl Reading<'_> {
    fn list(&mut self, path: &Path) -> Result<(), Error> {
        let file = OpenFile::open(path)?;
        let mut reader = file.reader()?;
        let mut block = Vec::new();
        let mut form = None;
        let (mut lines, mut rows) = (0, 0);
        loop {
            let kept = block.len();
            let got = reader.by_ref().take(BLOCK as u64).read_to_end(&mut block);
            let is_end = got.map_err(|e| disk::Error::new("read", path, e))? == 0;
            let whole = match memchr::memrchr(b'\n', &block) {
                _ if is_end => block.len(),
                Some(at) => at + 1,
                None => 0,
            };
            let form = match form {
                Some(form) => form,
                None => match first_line(&block[..whole])
                    .filter(|_| !block.starts_with(b"PAR1"))
                    .map(Form::of)
                {
                    Some(Some(known @ (Form::Json | Form::Semicolons | Form::Tabs))) => *form.insert(known),
                    // CSV has lines that go on, Parquet has none; the rest is told what it is not.
                    _ => return self.row_by_row(path),
                },
            };
            if whole == 0 && block.len() - kept > LONGEST_LINE as usize {
                return Err(damaged(path, lines + 1, "the line is longer than a megabyte"));
            }
            let results: Vec<Part> = cut(&block[..whole])
                .into_par_iter()
                .map(|part| take(path, form, self.names, part, self.gathers))
                .collect();
            for part in results {
                let Part { lines: more, rows: rows_here, left, rivals, failed } = part;
                if let Some((line, what)) = failed {
                    return Err(damaged(path, lines + line, &what));
                }
                self.left.absorb(left, &|row| format!("{}:{}", path.display(), rows + row));
                self.rivals.extend(rivals);
                lines += more;
                rows += rows_here;
            }
            if is_end {
                self.rows += rows;
                return Ok(());
            }
            block.drain(..whole);
        }
    }

    fn row_by_row(&mut self, path: &Path) -> Result<(), Error> {
        let mut rows = 0;
        let names = self.names;
        let gathers = self.gathers;
        let mut taken = Part::default();
        each(path, &mut |row| {
            rows += 1;
            taken.rows += 1;
            taken.said(row.said(names), gathers);
            Ok(())
        })?;
        self.rows += rows;
        self.left.absorb(taken.left, &|row| format!("{}:{row}", path.display()));
        self.rivals.extend(taken.rivals);
        Ok(())
    }
}

fn damaged(path: &Path, row: u64, what: &str) -> Error {
    Error::Damaged { path: path.to_owned(), row, what: what.to_owned() }
}

fn first_line(block: &[u8]) -> Option<&str> {
    let end = memchr::memchr(b'\n', block).unwrap_or(block.len());
    std::str::from_utf8(&block[..end]).ok().map(text::without_end)
}

/// A block in parts of whole lines.
fn cut(block: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = block;
    let size = (block.len() / PARTS).max(1 << 12);
    while !rest.is_empty() {
        let from = size.min(rest.len()) - 1;
        let end = memchr::memchr(b'\n', &rest[from..]).map_or(rest.len(), |at| from + at + 1);
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

/// What came of a part of a list.
#[derive(Default)]
struct Part {
    lines: u64,
    rows: u64,
    left: Left<u64>,
    rivals: Vec<TargetPath>,
    /// In which of its lines the list is damaged, and how.
    failed: Option<(u64, String)>,
}

fn take(path: &Path, form: Form, names: Names, part: &[u8], gathers: &[Mutex<Gather>]) -> Part {
    let mut taken = Part::default();
    let mut target = String::new();
    let mut own = lock(gathers);
    // What comes before the first byte that is none is read; the rest tells in which line it stands.
    let (text, is_text) = match std::str::from_utf8(part) {
        Ok(text) => (text, true),
        Err(e) => {
            let whole = memchr::memrchr(b'\n', &part[..e.valid_up_to()]).map_or(0, |at| at + 1);
            (std::str::from_utf8(&part[..whole]).unwrap_or_default(), false)
        }
    };
    let mut from = 0;
    while from < text.len() {
        let end = memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at + 1);
        let line = text::without_end(&text[from..end]);
        from = end;
        taken.lines += 1;
        if line.len() as u64 >= LONGEST_LINE {
            taken.failed = Some((taken.lines, "the line is longer than a megabyte".to_owned()));
            return taken;
        }
        if let Some((length, digest)) = quick(form, names, line, &mut target) {
            taken.rows += 1;
            own.add(&target, length, &digest);
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        taken.rows += 1;
        match form.row(path, taken.lines, line) {
            Ok(row) => {
                drop(own);
                taken.said(row.said(names), gathers);
                own = lock(gathers);
            }
            Err(Error::Damaged { what, .. }) => {
                taken.failed = Some((taken.lines, what));
                return taken;
            }
            Err(other) => {
                taken.failed = Some((taken.lines, other.to_string()));
                return taken;
            }
        }
    }
    if !is_text {
        taken.failed = Some((taken.lines + 1, "it is not UTF-8".to_owned()));
    }
    taken
}

/// This thread's own.
fn lock(gathers: &[Mutex<Gather>]) -> std::sync::MutexGuard<'_, Gather> {
    let own = rayon::current_thread_index().map_or(0, |index| index + 1);
    gathers[own.min(gathers.len() - 1)].lock().unwrap_or_else(PoisonError::into_inner)
}

impl Part {
    fn said(&mut self, said: Result<Said, super::Fault>, gathers: &[Mutex<Gather>]) {
        match said {
            Ok(Said { target, length, digest, .. }) => {
                lock(gathers).add(target.as_str(), length, &digest);
                if target.rivals().next().is_some() {
                    self.rivals.push(target);
                }
            }
            Err(fault) => self.left.note(fault, || self.rows),
        }
    }
}

/// What a row of the common kind says, its target in `target`; `None` for any other, which is no fault.
fn quick(form: Form, names: Names, line: &str, target: &mut String) -> Option<(u64, Sha256)> {
    let (rest, hash) = line.split_at_checked(line.len().checked_sub(64)?)?;
    let rest = match form {
        Form::Tabs => rest.strip_suffix('\t')?,
        Form::Semicolons => rest.strip_suffix(";sha256;")?,
        Form::Json | Form::Csv(_) => return None,
    };
    let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (path, size) = rest.split_at(rest.len() - digits);
    let path = path.strip_suffix(if form == Form::Tabs { '\t' } else { ';' })?;
    let digest = Sha256::from_bytes(bin_file::read_hex(hash.as_bytes())?);
    let length = size.parse().ok().filter(|_| digits < 20)?;
    target.clear();
    match names {
        Names::Targets => {
            target.push_str(path);
            target_path::check_file(path).ok()?;
        }
        Names::Distributions => {
            let (folder, file) = path.rsplit_once('/')?;
            let project = folder.strip_prefix("simple/").or_else(|| folder.strip_prefix("packages/"))?;
            if length == 0 || looks_hashed(file) || !is_of(project, file) {
                return None;
            }
            for part in ["packages/", project, "/", file] {
                target.push_str(part);
            }
        }
    }
    is_plain(target).then_some((length, digest))
}

/// Whether `file` is a distribution of `project`, which is normalised, beyond doubt.
fn is_of(project: &str, file: &str) -> bool {
    if let Some(stem) = file.strip_suffix(".whl") {
        let mut parts = stem.split('-');
        let name = parts.next().unwrap_or_default();
        let rest = parts.clone().count();
        let is_build = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        let build_ok = rest == 4 || (rest == 5 && parts.clone().nth(1).is_some_and(is_build));
        return build_ok && parts.all(|part| !part.is_empty()) && normalises_to(name, project);
    }
    let stem = [".tar.gz", ".zip"].iter().find_map(|end| file.strip_suffix(end));
    let Some((name, version)) = stem.and_then(|stem| stem.rsplit_once('-')) else { return false };
    // The simplest of versions (PEP 440): numbers with dots between.
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && part.len() < 9;
    version.split('.').all(number) && normalises_to(name, project)
}

/// Whether this name of a project normalises to `normal` (PEP 503).
fn normalises_to(name: &str, normal: &str) -> bool {
    let (mut normal, mut separated, mut begun) = (normal.bytes(), false, false);
    for byte in name.bytes() {
        if matches!(byte, b'-' | b'_' | b'.') {
            if !begun {
                return false;
            }
            separated = true;
        } else if byte.is_ascii_alphanumeric() {
            if std::mem::take(&mut separated) && normal.next() != Some(b'-') {
                return false;
            }
            if normal.next() != Some(byte.to_ascii_lowercase()) {
                return false;
            }
            begun = true;
        } else {
            return false;
        }
    }
    begun && !separated && normal.next().is_none()
}

/// Two rows say different things of `target`: where they stand.
fn conflict(paths: &[PathBuf], names: Names, target: &str) -> Error {
    let mut places: Vec<(Sha256, u64, String)> = Vec::new();
    for path in paths {
        let mut row = 0;
        let read = each(path, &mut |one: Row| {
            row += 1;
            if let Ok(said) = one.said(names)
                && said.target.as_str() == target
                && !places.iter().any(|(digest, length, _)| (*digest, *length) == (said.digest, said.length))
            {
                places.push((said.digest, said.length, format!("{}:{row}", path.display())));
            }
            Ok(())
        });
        if let Err(error) = read {
            return error;
        }
    }
    let mut places = places.into_iter().map(|(_, _, place)| place);
    match (target.parse(), places.next(), places.next()) {
        (Ok(target), Some(first), Some(second)) => Error::Conflict { target, first, second },
        // The lists were others a moment ago.
        _ => Error::Form(paths.first().cloned().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_that_is_taken_as_it_stands_says_what_it_would_say_the_long_way(
            folder in "(simple|packages|files)",
            project in "[a-z0-9]{1,3}(-[a-z0-9]{1,3}){0,2}",
            name in "[a-zA-Z0-9]{1,3}([-_.]{1,2}[a-zA-Z0-9]{1,3}){0,2}",
            version in "(1\\.0|2|1\\.0-1|0\\.1rc1|x)",
            end in "(-py3-none-any\\.whl|-1-py3-none-any\\.whl|\\.tar\\.gz|\\.zip|\\.exe|!\\.zip)",
            same in any::<bool>(),
            size in "(0|7|007|123456|-1|)",
            hash in "(a{64}|A{64}|a{63}|[0-9a-f]{64})",
            rstuf in any::<bool>(),
        ) {
            let name = if same { project.replace('-', "_") } else { name };
            let path = format!("{folder}/{project}/{name}-{version}{end}");
            let (form, line) = if rstuf {
                (Form::Semicolons, format!("{path};{size};sha256;{hash}"))
            } else {
                (Form::Tabs, format!("{path}\t{size}\t{hash}"))
            };
            for names in [Names::Distributions, Names::Targets] {
                let mut target = String::new();
                let Some((length, digest)) = quick(form, names, &line, &mut target) else { continue };
                let said = form.row(Path::new("list"), 1, &line).unwrap().said(names).unwrap();
                prop_assert_eq!((said.target.as_str(), said.length, said.digest), (target.as_str(), length, digest));
            }
        }
    }

    #[test]
    fn common_rows_take_the_short_way() {
        let hash = "a".repeat(64);
        let mut target = String::new();
        for (path, expected) in [
            ("simple/a-b/a_b-1.0-py3-none-any.whl", "packages/a-b/a_b-1.0-py3-none-any.whl"),
            ("packages/a-b/A.b-1.0.3.tar.gz", "packages/a-b/A.b-1.0.3.tar.gz"),
        ] {
            let line = format!("{path}\t7\t{hash}");
            assert!(quick(Form::Tabs, Names::Distributions, &line, &mut target).is_some(), "{path}");
            assert_eq!(target, expected);
        }
        assert!(
            quick(Form::Semicolons, Names::Targets, &format!("a/b;0;sha256;{hash}"), &mut target).is_some()
        );
    }
}
