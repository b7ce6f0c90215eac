//! Lists as text: JSON lines, CSV with a header, lines of tabs, and RSTUF's semicolons.

use super::{Error, Row};
use crate::disk;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A line longer than this is none of a list.
pub(super) const LONGEST_LINE: u64 = 1024 * 1024;

/// Gives each row.
pub(super) fn each(
    path: &Path,
    reader: impl Read,
    take: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut lines = Lines { path, reader: BufReader::with_capacity(1 << 20, reader), number: 0 };
    let Some(first) = lines.next()? else { return Ok(()) };
    let form = Form::of(&first).ok_or_else(|| Error::Form(path.to_owned()))?;
    let header = match form {
        Form::Json | Form::Semicolons | Form::Tabs => {
            take(form.row(path, 1, &first)?)?;
            None
        }
        Form::Csv(delimiter) => Some((delimiter, first)),
    };
    match header {
        Some((delimiter, header)) => csv(path, delimiter, &header, lines.reader, take),
        None => {
            while let Some(line) = lines.next()? {
                if !line.trim().is_empty() {
                    take(form.row(path, lines.number, &line)?)?;
                }
            }
            Ok(())
        }
    }
}

/// Lines, without their ends.
struct Lines<'a, R> {
    path: &'a Path,
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<String>, Error> {
        let mut line = Vec::new();
        let failed = |e| disk::Error::new("read", self.path, e);
        self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let damaged = |what: &str| Error::Damaged {
            path: self.path.to_owned(),
            row: self.number,
            what: what.to_owned(),
        };
        if line.len() as u64 == LONGEST_LINE {
            return Err(damaged("the line is longer than a megabyte"));
        }
        let mut line = String::from_utf8(line).map_err(|_| damaged("it is not UTF-8"))?;
        line.truncate(without_end(&line).len());
        Ok(Some(line))
    }
}

/// A line without what ends it.
pub(super) fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

/// How the rows of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv(u8),
    Semicolons,
    Tabs,
}

/// A row of JSON lines; numbers may be texts, as BigQuery writes them.
#[derive(Deserialize)]
struct Line {
    name: Option<String>,
    version: Option<String>,
    filename: Option<String>,
    path: Option<String>,
    #[serde(alias = "length")]
    size: Option<Number>,
    #[serde(alias = "sha256")]
    sha256_digest: Option<String>,
    upload_time: Option<String>,
    requires_python: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(serde_json::Number),
    Text(String),
}

impl Form {
    /// What a list that begins with this line is.
    pub(super) fn of(line: &str) -> Option<Self> {
        if line.trim_start().starts_with('{') {
            return Some(Self::Json);
        }
        for delimiter in [b',', b'\t', b';'] {
            let names: Vec<String> = line.split(char::from(delimiter)).map(column).collect();
            let has = |all: &[&str]| all.iter().any(|name| names.iter().any(|there| there == name));
            if has(&["path", "filename"]) && has(&["size", "length"]) && has(&["sha256", "sha256_digest"]) {
                return Some(Self::Csv(delimiter));
            }
        }
        let cells = |by: char| line.split(by).count();
        if line.rsplitn(4, ';').count() == 4 {
            return Some(Self::Semicolons);
        }
        (cells('\t') == 3).then_some(Self::Tabs)
    }

    /// A line that is no header, as a row.
    pub(super) fn row(self, path: &Path, number: u64, line: &str) -> Result<Row, Error> {
        let damaged = |what: String| Error::Damaged { path: path.to_owned(), row: number, what };
        let some = |text: &str| Some(text.to_owned());
        match self {
            Self::Json => {
                let line: Line =
                    serde_json::from_str(line).map_err(|e| damaged(format!("it is no such JSON: {e}")))?;
                let size = line.size.map(|size| match size {
                    Number::Number(number) => number.to_string(),
                    Number::Text(text) => text,
                });
                Ok(Row {
                    name: line.name,
                    version: line.version,
                    filename: line.filename,
                    path: line.path,
                    size,
                    kind: None,
                    sha256: line.sha256_digest,
                    upload_time: line.upload_time,
                    requires_python: line.requires_python,
                })
            }
            // A path may hold the sign that parts, and nothing after it does.
            Self::Semicolons => match line.rsplitn(4, ';').collect::<Vec<_>>()[..] {
                [hash, kind, size, path] => Ok(Row {
                    path: some(path),
                    size: some(size),
                    kind: some(kind),
                    sha256: some(hash),
                    ..Row::default()
                }),
                _ => Err(damaged("it is not path;size;hash-type;hash".to_owned())),
            },
            Self::Tabs | Self::Csv(_) => match line.split('\t').collect::<Vec<_>>()[..] {
                [path, size, hash] => {
                    Ok(Row { path: some(path), size: some(size), sha256: some(hash), ..Row::default() })
                }
                _ => Err(damaged("it has not three cells, path, size and SHA-256".to_owned())),
            },
        }
    }
}

/// The name of a column, as it is compared.
fn column(text: &str) -> String {
    text.trim().trim_start_matches('\u{feff}').trim_matches('"').to_ascii_lowercase()
}

/// The rest of a CSV file (RFC 4180) behind its header.
fn csv(
    path: &Path,
    delimiter: u8,
    header: &str,
    rest: impl Read,
    take: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let names: Vec<String> = header.split(char::from(delimiter)).map(column).collect();
    let place = |all: &[&str]| names.iter().position(|name| all.contains(&name.as_str()));
    let (name, version, filename) = (place(&["name"]), place(&["version"]), place(&["filename"]));
    let (target, size, hash) =
        (place(&["path"]), place(&["size", "length"]), place(&["sha256", "sha256_digest"]));
    let (time, python) = (place(&["upload_time"]), place(&["requires_python"]));
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(rest);
    let mut record = csv::StringRecord::new();
    let mut row = 1;
    loop {
        row += 1;
        let damaged = |what: String| Error::Damaged { path: path.to_owned(), row, what };
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) if record.len() != names.len() => {
                return Err(damaged(format!(
                    "it has {} cells, and the header {}",
                    record.len(),
                    names.len()
                )));
            }
            Ok(true) => {}
            Err(error) => return Err(damaged(error.to_string())),
        }
        let cell = |at: Option<usize>| record.get(at?).filter(|text| !text.is_empty()).map(str::to_owned);
        take(Row {
            name: cell(name),
            version: cell(version),
            filename: cell(filename),
            path: cell(target),
            size: cell(size),
            kind: None,
            sha256: cell(hash),
            upload_time: cell(time),
            requires_python: cell(python),
        })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        each(Path::new("list"), text.as_bytes(), &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn one_row_in_every_form() {
        let hash = "a".repeat(64);
        let forms = [
            format!("{{\"path\":\"p;q\",\"size\":7,\"sha256\":\"{hash}\"}}\n"),
            format!("{{\"size\":\"7\",\"path\":\"p;q\",\"sha256_digest\":\"{hash}\",\"more\":[1]}}\n\n"),
            format!("sha256_digest,path,size\n{hash},\"p;q\",7\n"),
            format!("\u{feff}\"Path\";\"Length\";\"SHA256\"\r\n\"p;q\";7;{hash}\r\n"),
            format!("path\tsize\tsha256\np;q\t7\t{hash}"),
            format!("p;q\t7\t{hash}\n"),
            format!("p;q;7;sha256;{hash}\n"),
        ];
        for text in forms {
            let rows = read(&text).unwrap();
            assert_eq!(rows.len(), 1, "{text}");
            let row = &rows[0];
            assert_eq!(
                (row.path.as_deref(), row.size.as_deref(), row.sha256.as_deref()),
                (Some("p;q"), Some("7"), Some(hash.as_str())),
                "{text}"
            );
        }
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_is_cut_short_or_of_no_form_is_refused() {
        let hash = "a".repeat(64);
        let json = format!("{{\"path\":\"p\",\"size\":7,\"sha256\":\"{hash}\"}}\n");
        for text in [
            format!("{json}{}", &json[..20]),
            format!("path,size,sha256\np,7,{hash}\np,7"),
            format!("p\t7\t{hash}\np\t7"),
            format!("p;7;sha256;{hash}\np;7"),
        ] {
            assert!(matches!(read(&text), Err(Error::Damaged { row: 2.., .. })), "{text}");
        }
        for text in ["hello\n", "path,size\np,7\n", "<html>"] {
            assert!(matches!(read(text), Err(Error::Form(_))), "{text}");
        }
    }
}
