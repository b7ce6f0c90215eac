//! ZIPs of strangers are opened here: what is in one is where it says, and it ends a few times at most.

use std::io::{Read, Result, Seek, SeekFrom};
use zip::read::{ArchiveOffset, Config};
use zip::result::{ZipError, ZipResult};

/// Readers look for the end of a ZIP in so many of its last bytes: one has 22, and a comment after it no more than 64 KiB.
const TAIL: u64 = 22 + (1 << 16);

/// So many ends may stand there. Each has a list of its own, which may be as long as the file, and is read.
const ENDS: usize = 4;

/// The archive, with nothing before it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn open<R: Read + Seek>(mut reader: R) -> ZipResult<zip::ZipArchive<R>> {
    if ends(&mut reader)? > ENDS {
        return Err(ZipError::InvalidArchive("it has many ends".into()));
    }
    // To look for what may stand before it takes hours where the file is made for that.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    zip::ZipArchive::with_config(config, reader)
}

fn ends(reader: &mut (impl Read + Seek)) -> Result<usize> {
    let size = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    reader.take(TAIL).read_to_end(&mut tail)?;
    Ok(memchr::memmem::find_iter(&tail, b"PK\x05\x06").count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn empty_with(ends: usize) -> ZipResult<()> {
        open(Cursor::new([b"PK\x05\x06".as_slice(), &[0; 18]].concat().repeat(ends))).map(drop)
    }

    #[test]
    fn it_ends_a_few_times_at_most() {
        empty_with(1).unwrap();
        empty_with(ENDS).unwrap();
        let error = empty_with(ENDS + 1).unwrap_err().to_string();
        assert!(error.contains("it has many ends"), "{error}");
        assert!(open(Cursor::new(b"")).is_err());
    }
}
