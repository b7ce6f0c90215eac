//! Files that are written as a whole, in one step, or have lines added: those of the state folder, keys, what is carried to
//! the safe.

use super::folder::parent_of;
use super::{Context as _, Error, File, FileStamp, call, folder, sync};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a file for its owner's eyes only (0600), in a folder that is theirs alone (0700) where
/// it has to be created; in one step, and durable when this returns.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = parent_of(path);
    folder::create_with(parent, Some(0o700))?;
    let new = beside(path);
    // What a run left there that did not end is half a key.
    match call::remove(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::new("remove", &new, e)),
        _ => {}
    }
    let mut file = File::create_new(&new, 0o600).context("create", &new)?;
    let written =
        file.write_all(bytes).context("write", &new).and_then(|()| file.sync().context("sync", &new));
    let named = written.and_then(|()| call::rename_new(&new, path).context("create", path));
    if named.is_err() {
        let _ = call::remove(&new);
        return named;
    }
    sync::path(parent)
}

/// Replaces the file at `path` by one with these bytes, in one step.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = parent_of(path);
    folder::create(parent)?;
    let new = beside(path);
    File::create(&new).and_then(|mut file| file.write_all(bytes)).context("write", &new)?;
    call::rename(&new, path).context("replace", path)
}

/// Writes the file at `path` by `fill`, in place of what is there, in one step; durable when this returns.
///
/// # Errors
/// What `fill` returns, or that it cannot be written.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), Error>,
) -> Result<(), Error> {
    let parent = parent_of(path);
    let new = beside(path);
    let mut file = File::create(&new).context("create", &new)?;
    let filled = fill(&mut file).and_then(|()| sync::file(&file).context("sync", &new));
    if filled.is_err() {
        let _ = call::remove(&new);
        return filled;
    }
    if let Err(error) = call::rename(&new, path).context("replace", path) {
        let _ = call::remove(&new);
        return Err(error);
    }
    sync::path(parent)
}

/// Replaces the file at `path` by one with these bytes, in one step; durable when this returns. The folder is created
/// where there is none.
///
/// # Errors
/// If it cannot be written.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = parent_of(path);
    folder::create(parent)?;
    write_atomic_with(path, |file| file.write_all(bytes).context("write", path))
}

/// Copies the file `from` to `path`, in place of what is there, in one step; durable when this returns.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy_durable(from: &Path, path: &Path) -> Result<(), Error> {
    let parent = parent_of(path);
    folder::create(parent)?;
    let mut source = File::open(from).context("read", from)?;
    write_atomic_with(path, |file| std::io::copy(&mut source, file).map(|_| ()).context("write", path))
}

/// Gives a file another name, in place of what is there; durable when this returns.
///
/// # Errors
/// If it cannot be renamed.
pub fn rename(from: &Path, path: &Path) -> Result<(), Error> {
    call::rename(from, path).context("rename", from)?;
    sync::path(parent_of(path))
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = File::create_new(path, 0o666).context("create", path)?;
    file.write_all(bytes).context("write", path)
}

/// Removes the file at `path`.
///
/// # Errors
/// If it cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    call::remove(path).context("remove", path)
}

/// Appends one line to the file at `path`, created where there is none; what is left there of a line that a run did not
/// write to its end is taken off.
///
/// # Errors
/// If it cannot be written.
pub fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    cut_torn_line(path)?;
    let mut file = File::open_to_append(path).context("write", path)?;
    file.write_all(format!("{line}\n").as_bytes()).context("write", path)
}

/// Appends lines to the file at `path`, durable when this returns; the folder is created where there is none.
///
/// # Errors
/// If they cannot be written.
pub fn append_durable_lines(path: &Path, lines: &[String]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let parent = parent_of(path);
    folder::create(parent)?;
    append_line(path, &lines.join("\n"))?;
    sync::path(path)?;
    sync::path(parent)
}

/// Takes the end of a file off that is no whole line: a run that did not end left it.
fn cut_torn_line(path: &Path) -> Result<(), Error> {
    if ends_a_line(path)? {
        return Ok(());
    }
    let bytes = super::read::bytes_if_there(path)?.unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole == bytes.len() {
        return Ok(());
    }
    let file = File::open_to_cut(path).context("write", path)?;
    file.cut(whole as u64).context("write", path)
}

/// Whether the file at `path` ends with a whole line, or is none.
fn ends_a_line(path: &Path) -> Result<bool, Error> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(Error::new("read", path, e)),
    };
    if file.metadata().context("look at", path)?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).context("read", path)?;
    Ok(last == *b"\n")
}

/// When the file at `path` was last modified, in whole seconds since 1970.
///
/// # Errors
/// If it cannot be looked at.
pub fn modified(path: &Path) -> Result<i64, Error> {
    let stamp = FileStamp::of(&call::metadata(path).context("look at", path)?);
    Ok(stamp.modified.div_euclid(1_000_000_000))
}

/// Where a file is made that is to get the name `path` in one step.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    parent_of(path).join(name)
}

/// Sets when the file at `path` was last modified, in whole seconds since 1970; durable when this
/// returns.
///
/// # Errors
/// If it cannot be set.
pub fn set_modified(path: &Path, seconds: i64) -> Result<(), Error> {
    let time = super::stage::system_time(seconds);
    File::open(path)
        .and_then(|file| file.set_modified(time).and_then(|()| sync::file(&file)))
        .context("date", path)
}
