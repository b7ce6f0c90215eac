//! What a Parquet file says of itself at its end, before the reader builds anything of it: that the reader will find each
//! thing where it looks, and that the tree of columns is one that a list could have.

use super::forms::{COLUMN_CHUNK, FILE_META_DATA, KEY_VALUE, ROW_GROUP, SCHEMA_ELEMENT};
use super::thrift::{Met, damaged, walk};
use std::io::{Read, Result, Seek, SeekFrom};

/// No footer is longer: a list of all that PyPI has ends in a few megabytes.
const LONGEST: u64 = 128 << 20;

/// There are no more columns and groups of them: the reader keeps half a kilobyte for each.
const MOST_COLUMNS: u64 = 10_000;

/// No group stands in more of them.
const DEEPEST: usize = 32;

/// So many groups of rows there may be beside one for each kilobyte of the file: for each of them a reader of each column is
/// made.
const GROUPS: u64 = 1000;

/// So many columns of groups there may be beside one for each 64 bytes: the reader keeps half a kilobyte for each.
const CHUNKS: u64 = 10_000;

/// So many pairs of a key and a value.
const PAIRS: u64 = 10_000;

/// So many bytes the paths of all columns may have: the reader writes each out, with the names of the groups it is in.
const LONGEST_PATHS: u64 = 4 << 20;

/// Walks the footer of a file of `size` bytes. One that ends in other bytes than `PAR1` or is too short is left to the
/// reader, which says so.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check(reader: &mut (impl Read + Seek), size: u64) -> Result<()> {
    let Some(before) = size.checked_sub(8) else { return Ok(()) };
    reader.seek(SeekFrom::Start(before))?;
    let mut length = [0; 4];
    let mut magic = [0; 4];
    reader.read_exact(&mut length)?;
    reader.read_exact(&mut magic)?;
    let length = u64::from(u32::from_le_bytes(length));
    let Some(begin) = before.checked_sub(length).filter(|_| magic == *b"PAR1") else { return Ok(()) };
    if length > LONGEST {
        return damaged(format!("its footer has {length} bytes, and {LONGEST} are read at most"));
    }
    reader.seek(SeekFrom::Start(begin))?;
    let mut columns = Columns::default();
    let mut footer = reader.take(length);
    let (mut groups, mut chunks, mut pairs) = (GROUPS + size / 1024, CHUNKS + size / 64, PAIRS);
    walk(&mut footer, &FILE_META_DATA, LONGEST, &mut |form, met| {
        if std::ptr::eq(form, &raw const SCHEMA_ELEMENT) {
            return columns.met(met);
        }
        if met == Met::End {
            let room = [(&ROW_GROUP, &mut groups), (&COLUMN_CHUNK, &mut chunks), (&KEY_VALUE, &mut pairs)];
            for (counted, left) in room.into_iter().filter(|(counted, _)| std::ptr::eq(form, *counted)) {
                let Some(less) = left.checked_sub(1) else {
                    return damaged(format!("it has more {}s than a file of {size} bytes may", counted.name));
                };
                *left = less;
            }
        }
        Ok(())
    })
    .or_else(|e| damaged(format!("its footer: {e}")))
    .map(drop)
}

/// The tree of columns, as its elements come: each says how many of the next stand in it.
#[derive(Debug, Default)]
struct Columns {
    seen: u64,
    /// The element that is being read: the length of its name, and how many stand in it.
    name: u64,
    children: i64,
    /// The groups that are open: how many have yet to come in each, and how long its name is.
    open: Vec<(u64, u64)>,
    paths: u64,
}

impl Columns {
    fn met(&mut self, met: Met) -> Result<()> {
        match met {
            Met::Text(4, length) => self.name = length,
            Met::Number(5, children) => self.children = children,
            Met::End => return self.element(),
            _ => {}
        }
        Ok(())
    }

    fn element(&mut self) -> Result<()> {
        let (name, children) = (std::mem::take(&mut self.name), std::mem::take(&mut self.children));
        self.seen += 1;
        if let Some((to_come, _)) = self.open.last_mut() {
            *to_come -= 1;
        }
        let Some(children) = u64::try_from(children).ok().filter(|children| *children <= MOST_COLUMNS) else {
            return damaged(format!("a group of {children} columns, and {MOST_COLUMNS} are read at most"));
        };
        if self.seen > MOST_COLUMNS {
            return damaged(format!("it has more than {MOST_COLUMNS} columns"));
        }
        if children > 0 {
            self.open.push((children, name));
            if self.open.len() > DEEPEST {
                return damaged(format!("its columns stand in more than {DEEPEST} groups, one in the other"));
            }
            return Ok(());
        }
        self.paths += self.open.iter().fold(name, |sum, (_, name)| sum.saturating_add(*name));
        if self.paths > LONGEST_PATHS {
            return damaged(format!("the paths of its columns have more than {LONGEST_PATHS} bytes"));
        }
        while self.open.pop_if(|(to_come, _)| *to_come == 0).is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn said(file: &[u8]) -> Result<()> {
        check(&mut Cursor::new(file), file.len() as u64)
    }

    fn with_footer(footer: &[u8]) -> Vec<u8> {
        [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
    }

    /// A schema of these elements: the name and how many stand in it.
    fn schema(elements: &[(&[u8], u8)]) -> Vec<u8> {
        let mut footer = vec![0x29, 0xfc, elements.len() as u8];
        for (name, children) in elements {
            footer.extend([0x48, name.len() as u8]);
            footer.extend(*name);
            footer.extend([0x15, children * 2, 0]);
        }
        footer.push(0);
        with_footer(&footer)
    }

    #[test]
    fn what_is_no_footer_is_left_to_the_reader() {
        for file in [&b""[..], b"PAR1", b"\x02\x00\x00\x00PAR1", b"\xff\x15\x01\x00\x00\x00PARE"] {
            said(file).unwrap();
        }
    }

    #[test]
    fn a_list_of_flags_ends_the_walk_at_once() {
        // As the fuzzer found it: the reader counts to two thousand million.
        let found = b"PAR1\xaa\xaa\xf2\xff\xff\xff\xaa\x02\xfb\x09\x00\x00\x00PAR1";
        let error = said(found).unwrap_err().to_string();
        assert!(error.starts_with("its footer: "), "{error}");
        let error = said(&with_footer(b"\xa9\xf2\xff\xff\xff\xff\x07\x00")).unwrap_err().to_string();
        assert_eq!(error, "its footer: a list has flags in it");
    }

    #[test]
    fn columns_are_counted_as_the_reader_will_build_them() {
        said(&schema(&[(b"m", 2), (b"a", 0), (b"group", 2), (b"b", 0), (b"c", 0)])).unwrap();
        let deep = |groups: usize| {
            let all: Vec<(&[u8], u8)> = (0..groups).map(|_| (&b"g"[..], 1)).chain([(&b"x"[..], 0)]).collect();
            said(&schema(&all))
        };
        deep(DEEPEST).unwrap();
        let error = deep(DEEPEST + 1).unwrap_err().to_string();
        assert_eq!(error, "its footer: its columns stand in more than 32 groups, one in the other");
        for (children, what) in
            [(&b"\x01"[..], "a group of -1 columns"), (b"\xc2\xb8\x02", "a group of 20001 columns")]
        {
            let many = [b"\x29\x1c\x48\x01m\x15", children, b"\x00\x00"].concat();
            let error = said(&with_footer(&many)).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn what_there_are_many_of_is_counted() {
        // A list of twelve thousand that are empty: in the fourth and the fifth field, and in a group that is in the fourth.
        for (begin, name) in [
            (&b"\x49\xfc\xe0\x5d"[..], "RowGroup"),
            (b"\x59\xfc\xe0\x5d", "KeyValue"),
            (b"\x49\x1c\x19\xfc\xe0\x5d", "ColumnChunk"),
        ] {
            let file = with_footer(&[begin, &[0; 12_000], b"\x00\x00"].concat());
            let error = said(&file).unwrap_err().to_string();
            let size = file.len();
            assert_eq!(error, format!("its footer: it has more {name}s than a file of {size} bytes may"));
        }
    }

    #[test]
    fn paths_count_with_the_groups_that_they_are_in() {
        let mut columns = Columns::default();
        let mut element = |name, children| {
            columns.met(Met::Text(4, name))?;
            columns.met(Met::Number(5, children))?;
            columns.met(Met::End)
        };
        element(1, 2).unwrap();
        element(LONGEST_PATHS / 2, 2).unwrap();
        element(1, 0).unwrap();
        let error = element(1, 0).unwrap_err().to_string();
        assert_eq!(error, "the paths of its columns have more than 4194304 bytes");
    }

    #[test]
    fn a_column_after_a_group_is_in_the_group_above() {
        let mut columns = Columns::default();
        for (name, children) in [(1, 2), (10, 1), (100, 0), (1000, 0)] {
            columns.met(Met::Text(4, name)).unwrap();
            columns.met(Met::Number(5, children)).unwrap();
            columns.met(Met::End).unwrap();
        }
        assert_eq!(columns.paths, 111 + 1001);
        assert!(columns.open.is_empty());
    }
}
