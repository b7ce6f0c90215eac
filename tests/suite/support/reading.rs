//! The parsers by the names that the monsters call them, each by the nearest way in.

use std::path::Path;
use tuffet::keys::pem;
use tuffet::model::{
    BinCount, BinFile, Compression, Envelope, Root, Snapshot, SnapshotFile, Targets, Timestamp, page,
};
use tuffet::pipeline::inspect::inspect;
use tuffet::pipeline::inventory::{self, Names};
use tuffet::report::Silent;

/// One reading of these bytes, which lie in a file too; what judges nothing but itself, `other` runs.
pub(crate) fn read(parser: &str, path: &Path, bytes: &[u8], other: fn(&str, &[u8])) -> Result<(), String> {
    let text = || std::str::from_utf8(bytes).unwrap();
    let as_file = |name: &str| {
        let to = path.with_file_name(name);
        std::fs::rename(path, &to).unwrap();
        to
    };
    fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
        result.map(drop).map_err(|e| e.to_string())
    }
    match parser {
        "root" => done(Envelope::<Root>::parse(bytes)),
        "targets" => done(Envelope::<Targets>::parse(bytes)),
        "timestamp" => done(Envelope::<Timestamp>::parse(bytes)),
        "snapshot" => done(Envelope::<Snapshot>::parse(bytes)),
        "bin" => done(BinFile::parse(bytes).ok_or("another form")),
        "snapshot-file" => done(SnapshotFile::parse(bytes.to_vec()).ok_or("another form")),
        "page-html" => {
            let _ = page::html(bytes);
            Ok(())
        }
        "page-json" => done(page::json(bytes)),
        "inventory-text" | "inventory-parquet" => {
            done(inventory::read(&[path.to_owned()], Names::Distributions, &Silent))
        }
        "inventory-at-once" => {
            let (paths, bins) = ([path.to_owned()], BinCount::for_targets(0));
            done(inventory::catalogue(&paths, Names::Distributions, bins, &Silent))
        }
        "wheel" | "sdist" => {
            let name = if parser == "wheel" { "x-1.0-py3-none-any.whl" } else { "x-1.0.tar.gz" };
            let (facts, _) = inspect(&as_file(name), name).map_err(|e| e.to_string())?;
            facts.broken.map_or(Ok(()), Err)
        }
        "submission" => done(tuffet::submission::Submission::open(path)),
        "ceremony" => done(tuffet::ceremony::Ceremony::read(path)),
        "joining" => done(tuffet::submission::Joining::read(path)),
        "ledger" => done(tuffet::ceremony::Ledger::read(path)),
        "key-file" => done(pem::read(text())),
        "public-key" => {
            done(pem::public(text()).ok_or("no public key").and_then(|key| key.map_err(|_| "no public key")))
        }
        "copies" => {
            let unpacked = Compression::ALL
                .map(|form| form.decompress(bytes, 4 * super::monsters::SIZE + (1 << 20)).is_some());
            if unpacked.contains(&true) { Ok(()) } else { Err("it is none, or holds more".to_owned()) }
        }
        name => {
            other(name, bytes);
            Ok(())
        }
    }
}
