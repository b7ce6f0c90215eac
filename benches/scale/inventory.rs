//! Inventories: the generator's where there is one, else a few made-up projects.

use crate::Wanted;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// A list of `count` targets, in lines of path, size and SHA-256; made once.
pub(crate) fn of(wanted: &Wanted, count: usize) -> PathBuf {
    std::fs::create_dir_all(&wanted.dir).unwrap();
    let path = wanted.dir.join(format!("inventory-{count}.tsv"));
    if path.exists() {
        return path;
    }
    match &wanted.peers {
        Some(peers) => {
            let mut command = Command::new(peers.join("invgen"));
            command
                .arg(count.to_string())
                .arg("--names")
                .arg(peers.join("names.tsv"))
                .arg("--out")
                .arg(&path);
            assert!(command.status().expect("invgen").success());
        }
        None => {
            let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
            for number in 0..count {
                let (project, version) = (number / 7, number % 7);
                let name = format!("simple/p{project}/p{project}-{version}.0-py3-none-any.whl");
                let digest = tuffet::model::Sha256::of(name.as_bytes());
                writeln!(out, "{name}\t{}\t{digest}", 1000 + number).unwrap();
            }
        }
    }
    path
}
