//! Durability: every wait for the disk is here, so that a measurement can leave all of them out.

use super::{Context as _, Error, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static WAITS: AtomicBool = AtomicBool::new(true);

/// From now on this process waits for no disk: what it publishes may be lost, or be published by half, when the power
/// goes. For measurements, and for trees that nobody will miss.
pub fn never_wait() {
    WAITS.store(false, Ordering::Relaxed);
}

fn waits() -> bool {
    WAITS.load(Ordering::Relaxed)
}

/// Makes what was written to an open file durable.
pub(super) fn file(file: &File) -> std::io::Result<()> {
    if waits() { file.sync() } else { Ok(()) }
}

/// Makes one file or folder durable.
pub(super) fn path(path: &Path) -> Result<(), Error> {
    if waits() { File::open(path).and_then(|open| file(&open)).context("sync", path) } else { Ok(()) }
}

/// Makes everything on the file system of `folder` durable; it waits for what others wrote, too.
pub(super) fn file_system(folder: &Path) -> Result<(), Error> {
    if !waits() {
        return Ok(());
    }
    let open = File::open(folder).context("sync", folder)?;
    open.sync_file_system().context("sync", folder)
}
