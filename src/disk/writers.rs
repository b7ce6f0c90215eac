//! Which files somebody is writing right now, where the system says it: on Linux, of the processes that this one may look
//! at, which are those of the same user, and all for root.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The files that a process has open for writing, by device and inode; none where there is no `/proc`.
#[must_use]
pub fn open_for_writing() -> BTreeSet<(u64, u64)> {
    let this = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_other = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != this;
    let mut files = BTreeSet::new();
    for process in processes.filter(|process| process.file_name().to_str().is_some_and(is_other)) {
        // A process that has ended meanwhile, or that is another user's, says nothing.
        for descriptor in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(file) =
                fs::metadata(descriptor.path()).map(|found| (found.is_file(), found.dev(), found.ino()))
            else {
                continue;
            };
            if file.0 && writes(&process.path().join("fdinfo").join(descriptor.file_name())) {
                files.insert((file.1, file.2));
            }
        }
    }
    files
}

/// Whether a descriptor was opened for writing (`man 5 proc`, `fdinfo`: flags in octal, as of `open`).
fn writes(information: &Path) -> bool {
    let text = fs::read_to_string(information).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
    let accesses = rustix::fs::OFlags::from_bits_retain(flags) & rustix::fs::OFlags::RWMODE;
    accesses != rustix::fs::OFlags::RDONLY
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_file_that_another_process_writes_is_seen_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let [written, read] = ["written", "read"].map(|name| folder.path().join(name));
        [&written, &read].iter().for_each(|path| fs::write(path, "x").unwrap());
        let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).unwrap();
        let mut writer = Command::new("sh");
        writer.arg("-c").arg("exec 3>>\"$0\" 4<\"$1\"; echo ready; read line").args([&written, &read]);
        let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
        let open = open_for_writing();
        assert!(open.contains(&id(&written)) && !open.contains(&id(&read)), "{open:?}");
        drop(writer.stdin.take());
        writer.wait().unwrap();
        assert!(!open_for_writing().contains(&id(&written)));
    }
}
