//! A disk that is really full: a tmpfs, and an ext4 in a file. Whatever room there is left, a run that does not have enough
//! says so, clients verify what is there, and once there is room the next run ends where it would have.

use super::support::scenes::{Names, Scene, at, copy_into};
use super::support::{Repo, clients};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk, for as long as this lives.
struct Disk {
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// Of so many bytes. Mounting takes root, as in CI; a test without it says that nothing was tried.
    fn of(kind: &str, bytes: u64) -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        assert!(
            is_root || std::env::var("CI").as_deref() != Ok("true"),
            "this test needs root, to mount a disk"
        );
        if !is_root {
            println!("not root: no disk was mounted, and nothing was tried");
            return None;
        }
        let folder = tempfile::TempDir::new().unwrap();
        let at = folder.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        if kind == "tmpfs" {
            mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]);
        } else {
            let image = folder.path().join("image");
            std::fs::File::create(&image).unwrap().set_len(bytes).unwrap();
            let mut mkfs = Command::new("mkfs.ext4");
            clients::run(
                mkfs.args(["-q", "-F", "-m", "0", "-N", "4096"]).arg(&image),
                "mkfs.ext4, from e2fsprogs",
            );
            mount.args(["-o", "loop"]).arg(&image);
        }
        clients::run(mount.arg(&at), "mount, with loop devices");
        Some(Self { at, _folder: folder })
    }

    /// Bytes that a file can still have.
    fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.at).unwrap();
        found.f_bavail * found.f_frsize
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

/// Leaves `room` on the disk, by a file that takes all other.
fn fill(disk: &Disk, room: u64) -> PathBuf {
    let ballast = disk.at.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    // To the last block, whatever the file system needs of them for itself.
    while file.write_all(&[7; 4096]).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(room)).unwrap();
    ballast
}

fn names_the_reason(said: &str) -> bool {
    said.contains("cannot") && said.contains("No space left on device")
}

fn on_a_full_disk(kind: &str, scene: &Scene) {
    let undisturbed = scene.undisturbed().all_targets();
    let (mut refused, mut done) = (0, 0);
    for room in (0..).map(|step| step * 4096) {
        let Some(disk) = Disk::of(kind, 24 << 20) else { return };
        let repo: Repo = copy_into(&disk.at, &scene.base);
        let mut names = Names::default();
        assert_eq!(names.changed(&repo), None);
        let ballast = fill(&disk, room);
        let ran = repo.run(&scene.args());
        let check = |repo: &Repo, names: &mut Names| {
            let verified = repo.run(&[&["verify"], &at(1)[..]].concat());
            assert_eq!(verified.code, 0, "{kind}, {room} bytes free: {}", verified.stdout);
            assert_eq!(names.changed(repo), None, "{kind}, {room} bytes free");
        };
        check(&repo, &mut names);
        if ran.code != 0 {
            assert!(names_the_reason(&ran.stderr), "{kind}, {room} bytes free: {ran:?}");
            refused += 1;
        }
        std::fs::remove_file(&ballast).unwrap();
        scene.again(&repo).ok();
        check(&repo, &mut names);
        assert_eq!(repo.all_targets(), undisturbed, "{kind}, {room} bytes free");
        if ran.code == 0 {
            done += 1;
            // There was room enough; a little more is no other case.
            if done == 2 {
                break;
            }
        }
    }
    println!("{}: {kind}: {refused} disks were too full, and said so; {done} were not", scene.name);
    assert!(refused >= 5, "{}: {kind}: only {refused} disks were too full", scene.name);
}

#[test]
fn a_build_on_a_full_tmpfs() {
    on_a_full_disk("tmpfs", &Scene::build(4, 6));
}

#[test]
fn a_build_on_a_full_ext4() {
    on_a_full_disk("ext4", &Scene::build(4, 6));
}

#[test]
fn an_accept_on_a_full_ext4() {
    on_a_full_disk("ext4", &Scene::accept());
}

#[test]
fn a_sweep_makes_room_on_a_disk_that_has_none() {
    let scene = Scene::sweep();
    let undisturbed = scene.undisturbed().all_targets();
    for kind in ["tmpfs", "ext4"] {
        let Some(disk) = Disk::of(kind, 24 << 20) else { return };
        let repo = copy_into(&disk.at, &scene.base);
        let before = disk.free();
        let ballast = fill(&disk, 0);
        let ran = repo.run(&scene.args());
        assert!(ran.code == 0, "{kind}: what makes room needs none: {ran:?}");
        std::fs::remove_file(ballast).unwrap();
        assert!(disk.free() > before && Path::new(&repo.site()).exists(), "{kind}");
        assert_eq!(repo.all_targets(), undisturbed);
    }
}
