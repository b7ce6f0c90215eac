//! An open file or folder, whose every use is a call too.

use super::{Op, With, call};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

/// An open file or folder.
#[derive(Debug)]
pub struct File {
    inner: fs::File,
    name: Name,
}

/// By which name it was opened: for faults alone, so that a release build keeps nothing.
#[derive(Debug)]
struct Name(#[cfg(debug_assertions)] std::path::PathBuf);

impl Name {
    #[cfg(debug_assertions)]
    fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }

    #[cfg(not(debug_assertions))]
    fn of(_: &Path) -> Self {
        Self()
    }

    #[cfg(debug_assertions)]
    fn path(&self) -> &Path {
        &self.0
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "debug builds look it up")]
    fn path(&self) -> &Path {
        Path::new("")
    }
}

impl File {
    fn opened(op: Op, path: &Path, open: impl FnOnce() -> io::Result<fs::File>) -> io::Result<Self> {
        let inner = call(op, path, With::Nothing, open)?;
        Ok(Self { inner, name: Name::of(path) })
    }

    /// Opens what stands at `path`, through links, to be read or made durable.
    pub(in crate::disk) fn open(path: &Path) -> io::Result<Self> {
        Self::opened(Op::Open, path, || fs::File::open(path))
    }

    /// Opens what stands at `path` to be read: no link, and without waiting for the other end of a FIFO.
    pub(in crate::disk) fn open_no_link(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Self::opened(Op::Open, path, || Ok(rustix::fs::open(path, flags, Mode::empty())?.into()))
    }

    /// Opens the file at `path` to be cut.
    pub(in crate::disk) fn open_to_cut(path: &Path) -> io::Result<Self> {
        Self::opened(Op::Open, path, || OpenOptions::new().write(true).open(path))
    }

    /// Opens the file at `path` to be locked, made where there is none.
    pub(in crate::disk) fn open_to_lock(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        Self::opened(Op::Open, path, || options.open(path))
    }

    /// Opens the file at `path` to have bytes added, made where there is none.
    pub(in crate::disk) fn open_to_append(path: &Path) -> io::Result<Self> {
        Self::opened(Op::Open, path, || OpenOptions::new().append(true).create(true).open(path))
    }

    /// Makes the file `path`, or empties it.
    pub(in crate::disk) fn create(path: &Path) -> io::Result<Self> {
        Self::opened(Op::Create, path, || fs::File::create(path))
    }

    /// Makes the file `path`, which must not be there; with `mode`, of which the umask takes its part.
    pub(in crate::disk) fn create_new(path: &Path, mode: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        Self::opened(Op::Create, path, || options.open(path))
    }

    fn call<T>(&self, op: Op, make: impl FnOnce(&fs::File) -> io::Result<T>) -> io::Result<T> {
        call(op, self.name.path(), With::Nothing, || make(&self.inner))
    }

    /// What the file is.
    pub(in crate::disk) fn metadata(&self) -> io::Result<Metadata> {
        self.call(Op::Look, fs::File::metadata)
    }

    /// Sets its mode.
    pub(in crate::disk) fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.call(Op::Dress, |file| file.set_permissions(Permissions::from_mode(mode)))
    }

    /// Sets when it was last modified.
    pub(in crate::disk) fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.call(Op::Dress, |file| file.set_modified(time))
    }

    /// Cuts it to a length.
    pub(in crate::disk) fn cut(&self, length: u64) -> io::Result<()> {
        call(Op::Cut, self.name.path(), With::Length(length), || self.inner.set_len(length))
    }

    /// Makes what it holds durable.
    pub(in crate::disk) fn sync(&self) -> io::Result<()> {
        self.call(Op::Sync, fs::File::sync_all)
    }

    /// Makes all that its file system holds durable.
    pub(in crate::disk) fn sync_file_system(&self) -> io::Result<()> {
        self.call(Op::SyncAll, |file| Ok(rustix::fs::syncfs(file)?))
    }

    /// Gives it the content of another, shared until either is written.
    pub(in crate::disk) fn clone_of(&self, other: &Self) -> io::Result<()> {
        call(Op::Clone, self.name.path(), With::Path(other.name.path()), || {
            Ok(rustix::fs::ioctl_ficlone(&self.inner, &other.inner)?)
        })
    }

    /// Gives it, whatever its name leads to by now, the name `to`, which nothing has.
    pub(in crate::disk) fn link_to(&self, to: &Path) -> io::Result<()> {
        call(Op::Link, self.name.path(), With::Path(to), || {
            let descriptor = format!("/proc/self/fd/{}", self.inner.as_raw_fd());
            let (cwd, flags) = (rustix::fs::CWD, rustix::fs::AtFlags::SYMLINK_FOLLOW);
            Ok(rustix::fs::linkat(cwd, descriptor.as_str(), cwd, to, flags)?)
        })
    }

    /// Locks it, unless another process has.
    pub(in crate::disk) fn try_lock(&self) -> Result<(), TryLockError> {
        let locked = self.call(Op::Lock, |file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) => Err(e),
        });
        match locked {
            Ok(true) => Ok(()),
            Ok(false) => Err(TryLockError::WouldBlock),
            Err(e) => Err(TryLockError::Error(e)),
        }
    }

    /// Locks it when no other process has.
    pub(in crate::disk) fn lock(&self) -> io::Result<()> {
        self.call(Op::Lock, fs::File::lock)
    }

    /// Bytes from `at` on.
    pub(in crate::disk) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.reading(buffer, |file, buffer| file.read_at(buffer, at))
    }

    /// All the bytes that `buffer` has room for, from `at` on.
    pub(in crate::disk) fn read_exact_at(&self, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    at += count as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The file itself, for readers that want one; what they do is no call of ours.
    pub(in crate::disk) fn into_inner(self) -> fs::File {
        self.inner
    }

    fn reading(
        &self,
        buffer: &mut [u8],
        read: impl FnOnce(&fs::File, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        #[cfg(debug_assertions)]
        let room = super::fault::room(Op::Read, buffer.len());
        #[cfg(not(debug_assertions))]
        let room = buffer.len();
        self.call(Op::Read, |file| read(file, &mut buffer[..room]))
    }

    fn writing(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(debug_assertions)]
        let (at, room) = (super::fault::offset(&self.inner), super::fault::room(Op::Write, bytes.len()));
        #[cfg(not(debug_assertions))]
        let (at, room) = (0, bytes.len());
        let bytes = &bytes[..room];
        call(Op::Write, self.name.path(), With::Bytes(at, bytes), || (&self.inner).write(bytes))
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reading(buffer, |mut file, buffer| file.read(buffer))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&self.inner).seek(to)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writing(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
