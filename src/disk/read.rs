//! Reading: whole small files, and large ones through one open descriptor.

use super::{Context as _, Error, File, FileStamp, call};
use crate::model::Sha256;
use sha2::Digest as _;
use std::cell::Cell;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// How much is read at a time.
const CHUNK: usize = 1 << 18;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The bytes of the file at `path`.
///
/// # Errors
/// If it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    call::read(path).context("read", path)
}

/// All that comes from standard input.
///
/// # Errors
/// If it cannot be read.
pub fn standard_input() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("read", Path::new("standard input"))?;
    Ok(bytes)
}

/// The bytes of the file at `path`, `None` if there is none.
///
/// # Errors
/// If it is there and cannot be read.
pub fn bytes_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match call::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::new("read", path, e)),
    }
}

/// The bytes of the regular file at `path`, `None` if there is none: for files that a stranger may
/// have put there. A FIFO does not make it wait, and no more than `most` bytes are read.
///
/// # Errors
/// If it is no regular file, larger, or cannot be read.
pub fn bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match OpenFile::open(path) {
        Ok(file) => file,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(e),
    };
    let size = file.stamp()?.size.min(most);
    // One byte more, so that the end is seen without room for another piece.
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or_default());
    file.reader()?.take(most + 1).read_to_end(&mut bytes).context("read", path)?;
    if bytes.len() as u64 > most {
        return Err(Error::new(
            "read",
            path,
            std::io::Error::other(format!("it is larger than {most} bytes")),
        ));
    }
    Ok(Some(bytes))
}

/// Whether the regular file at `path` begins with `words`; nothing more of it is read.
///
/// # Errors
/// If it cannot be read.
pub fn begins_with(path: &Path, words: &[u8]) -> Result<bool, Error> {
    let file = OpenFile::open(path)?;
    let mut first = Vec::with_capacity(words.len());
    file.reader()?.take(words.len() as u64).read_to_end(&mut first).context("read", path)?;
    Ok(first == words)
}

/// The text of a file with a secret, wiped when it is dropped; through links, and from a pipe too.
/// `None` if it is longer than any such file, or not UTF-8.
///
/// # Errors
/// If it cannot be read.
pub fn secret_through_links(path: &Path) -> Result<Option<Zeroizing<String>>, Error> {
    let file = File::open(path).context("read", path)?;
    secret(file, path)
}

/// Who else than its owner may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readers {
    /// Nobody.
    Owner,
    /// Its group, or whom an access list names.
    Group,
    /// Everybody.
    All,
}

/// Who may read the regular file at `path`.
///
/// # Errors
/// If it cannot be looked at.
pub fn readers(path: &Path) -> Result<Readers, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = call::metadata(path).context("look at", path)?;
    let mode = if metadata.is_file() { metadata.permissions().mode() } else { 0 };
    Ok(match (mode & 0o040, mode & 0o004) {
        (0, 0) => Readers::Owner,
        (_, 0) => Readers::Group,
        _ => Readers::All,
    })
}

/// Reads an open file, and notes what the system refuses.
struct Reader<'a> {
    file: &'a File,
    refused: &'a OnceLock<i32>,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer).inspect_err(|e| {
            if let Some(errno) = e.raw_os_error() {
                let _ = self.refused.set(errno);
            }
        })
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

fn secret(reader: impl Read, path: &Path) -> Result<Option<Zeroizing<String>>, Error> {
    const MOST: usize = (1 << 16) - 1;
    // Room for all of it at once, so that no copy of a secret is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
    reader.take(MOST as u64).read_to_end(&mut bytes).context("read", path)?;
    if bytes.len() == MOST {
        return Ok(None);
    }
    Ok(std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned())))
}

/// An open regular file: everything that is said of it and taken from it is of one descriptor,
/// whatever happens to its name meanwhile.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    path: PathBuf,
    first: FileStamp,
    /// With which error the system first refused to read it.
    refused: OnceLock<i32>,
}

impl OpenFile {
    /// Opens the regular file at `path`. Its last segment must be no link, and a FIFO or device
    /// does not make it wait.
    ///
    /// # Errors
    /// If it is not there, no regular file, or may not be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open_no_link(path).context("read", path)?;
        let metadata = file.metadata().context("look at", path)?;
        if !metadata.is_file() {
            return Err(Error::new("read", path, std::io::Error::other("it is no regular file")));
        }
        Ok(Self { file, path: path.to_owned(), first: FileStamp::of(&metadata), refused: OnceLock::new() })
    }

    /// Its stamp as it was when it was opened.
    #[must_use]
    pub fn first_stamp(&self) -> FileStamp {
        self.first
    }

    /// The file itself, for readers that want one.
    #[must_use]
    pub fn into_file(self) -> std::fs::File {
        self.file.into_inner()
    }

    /// Its stamp as it is now.
    ///
    /// # Errors
    /// If the file system refuses to say.
    pub fn stamp(&self) -> Result<FileStamp, Error> {
        Ok(FileStamp::of(&self.file.metadata().context("look at", &self.path)?))
    }

    /// The SHA-256 of its content and the number of bytes read, each chunk handed to `sink` too.
    ///
    /// # Errors
    /// If it cannot be read, or `sink` fails.
    pub fn digest_into(
        &self,
        mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(Sha256, u64), Error> {
        let mut hasher = sha2::Sha256::new();
        // Most files are small, and there are many: each thread keeps the one buffer.
        let mut buffer = BUFFER.take();
        buffer.resize(CHUNK, 0);
        let mut total = 0;
        loop {
            let count = match self.file.read_at(&mut buffer, total) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::new("read", &self.path, e)),
            };
            hasher.update(&buffer[..count]);
            sink(&buffer[..count])?;
            total += count as u64;
        }
        BUFFER.set(buffer);
        Ok((Sha256::from_bytes(hasher.finalize().into()), total))
    }

    /// The SHA-256 of its content, and its size.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn digest(&self) -> Result<(Sha256, u64), Error> {
        self.digest_into(|_| Ok(()))
    }

    /// The digests that `hashes` of foreign metadata may ask for: SHA-256, size, SHA-512 in hex.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn both_digests(&self) -> Result<(Sha256, u64, String), Error> {
        let mut sha512 = sha2::Sha512::new();
        let (sha256, length) = self.digest_into(|chunk| {
            sha512.update(chunk);
            Ok(())
        })?;
        Ok((sha256, length, hex::encode(sha512.finalize())))
    }

    /// So many bytes from `at` on.
    ///
    /// # Errors
    /// If they are not there, or cannot be read.
    pub fn part(&self, at: u64, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, at).context("read", &self.path)?;
        Ok(bytes)
    }

    /// The open file, to be read from its start.
    ///
    /// # Errors
    /// If it cannot be rewound.
    pub fn reader(&self) -> Result<impl Read + Seek + '_, Error> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).context("read", &self.path)?;
        Ok(Reader { file, refused: &self.refused })
    }

    /// Whether the system refused to read it to one of its readers: what a parser of such a file says of its form then
    /// is not to be believed.
    ///
    /// # Errors
    /// What the system said.
    pub fn was_readable(&self) -> Result<(), Error> {
        match self.refused.get() {
            Some(errno) => Err(Error::new("read", &self.path, std::io::Error::from_raw_os_error(*errno))),
            None => Ok(()),
        }
    }

    /// Its permission bits.
    ///
    /// # Errors
    /// If the file system refuses to say.
    pub fn mode(&self) -> Result<u32, Error> {
        use std::os::unix::fs::PermissionsExt as _;
        Ok(self.file.metadata().context("look at", &self.path)?.permissions().mode() & 0o7777)
    }

    /// Its content as text that is wiped when it is dropped; `None` if it is longer than any key
    /// file, or not UTF-8.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn secret_text(&self) -> Result<Option<Zeroizing<String>>, Error> {
        secret(self.reader()?, &self.path)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
