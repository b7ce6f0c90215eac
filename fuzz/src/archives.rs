//! What strangers pack: submissions, distributions, compressed copies; and the files of ceremonies and of members.

use super::scratch;
use std::io::{Cursor, Write as _};
use tuffet::ceremony::file::Ceremony;
use tuffet::disk;
use tuffet::model::{Compression, Envelope, Targets};
use tuffet::pipeline::inspect::{fault, inspect};
use tuffet::submission::{Joining, Submission};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A ZIP as it is, or one of these files: so that what is in it can be changed without its checksums.
fn zip(bytes: &[u8]) -> Vec<u8> {
    let files = scratch::files(bytes);
    if files.is_empty() {
        return bytes.to_vec();
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        if zip.start_file(name, options).is_ok() {
            zip.write_all(content).expect("memory");
        }
    }
    zip.finish().map(Cursor::into_inner).unwrap_or_default()
}

pub(crate) fn submission(bytes: &[u8]) {
    let path = scratch::file("submission.zip", &zip(bytes));
    let Ok(submission) = Submission::open(&path) else { return };
    for role in submission.roles.values() {
        let again = Envelope::<Targets>::parse(&role.bytes).expect("it is published as it is here");
        assert_eq!(again.covered(), role.envelope.covered());
        assert!(role.name.as_str().starts_with(&format!("project.{}", submission.project)));
    }
    let mut unpacked = 0;
    let all = submission.unpack(|target, reader| {
        let mut content = Vec::new();
        // What is torn in the middle is found here.
        if reader.read_to_end(&mut content).is_ok() {
            assert!(content.len() as u64 <= submission.targets[target] + 1);
        }
        unpacked += 1;
        Ok::<_, disk::Error>(())
    });
    assert!(all.is_err() || unpacked == submission.targets.len());
}

/// Wheels and sdists: a ZIP, a tar, or either made of these files.
pub(crate) fn distribution(bytes: &[u8]) {
    let packed = zip(bytes);
    let wheel = scratch::file("x-1.0-py3-none-any.whl", &packed);
    if let Ok((facts, Some(metadata))) = inspect(&wheel, "x-1.0-py3-none-any.whl") {
        assert_eq!(facts.metadata.map(|(_, length)| length), Some(metadata.len() as u64));
        assert!(facts.requires_python.is_none_or(|text| !text.contains(char::is_control)));
    }
    let project = tuffet::model::ProjectName::normalise("x").expect("a name");
    let _ = fault(&wheel, "x-1.0-py3-none-any.whl", &project);
    let _ = inspect(&wheel, "x-1.0.zip");
    let tar = tar(bytes).unwrap_or_else(|| bytes.to_vec());
    let path = scratch::file("x-1.0.tar", &tar);
    let _ = inspect(&path, "x-1.0.tar");
    let gz =
        if bytes.starts_with(b"\x1f\x8b") { Some(bytes.to_vec()) } else { Compression::Gzip.compress(&tar) };
    let path = scratch::file("x-1.0.tar.gz", &gz.unwrap_or_default());
    let _ = inspect(&path, "x-1.0.tar.gz");
}

fn tar(bytes: &[u8]) -> Option<Vec<u8>> {
    let files = scratch::files(bytes);
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let _ = tar.append_data(&mut header, name, *content);
    }
    (!files.is_empty()).then(|| tar.into_inner().ok()).flatten()
}

/// Compressed copies, which `verify` unpacks.
pub(crate) fn copies(bytes: &[u8]) {
    const MOST: usize = 1 << 20;
    for form in Compression::ALL {
        if let Some(inside) = form.decompress(bytes, MOST) {
            assert!(inside.len() <= MOST && form.is_copy(bytes, &inside));
        }
    }
}

pub(crate) fn ceremony(bytes: &[u8]) {
    let path = scratch::file("ceremony.json", bytes);
    let Ok(ceremony) = Ceremony::read(&path) else { return };
    let written = scratch::free("again.json");
    ceremony.write(&written).expect("what was read can be written");
    let again = Ceremony::read(&written).expect("what was written can be read");
    assert_eq!(again.identity().ok(), ceremony.identity().ok());
}

/// What a member hands to an author.
pub(crate) fn joining(bytes: &[u8]) {
    let path = scratch::file("joining.json", bytes);
    if let Ok(joining) = Joining::read(&path) {
        assert!(joining.role.signed().targets.is_empty() && joining.role.signed().delegations.is_none());
    }
}
