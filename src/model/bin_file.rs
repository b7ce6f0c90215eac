//! The one form that the file of a bin has: written straight from targets in order, and read back without a tree of
//! values between, which is what seventeen million of them need (TUF 1.0.34 section 4.5; canonical JSON).
//!
//! What is read here is what [`super::canonical`] would make of the same metadata, byte for byte, or it is refused.

use super::catalogue::EntryRef;
use super::metadata::SPEC_VERSION;
use super::{KeyId, Moment, Sha256, TargetPath, Version};
use std::ops::Range;

/// Hex digits of an Ed25519 signature, for which room is left; others have some more.
const SIGNATURE: usize = 128;

/// Where in a file that was written the parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The signature, in hex; zeros until somebody puts one in their place, of whatever length.
    pub signature: Range<usize>,
    /// What it covers.
    pub covered: Range<usize>,
}

/// Writes a bin's file into `out`, in place of what is there, with room for one signature of `signer`.
///
/// `targets` must be in the order of their paths, each of them a [`TargetPath`].
pub fn write<'a>(
    out: &mut Vec<u8>,
    signer: &KeyId,
    version: Version,
    expires: Moment,
    targets: impl Iterator<Item = EntryRef<'a>>,
) -> Parts {
    out.clear();
    out.extend_from_slice(b"{\"signatures\":[{\"keyid\":\"");
    out.extend_from_slice(signer.as_str().as_bytes());
    out.extend_from_slice(b"\",\"sig\":\"");
    let at = out.len();
    out.resize(at + SIGNATURE, b'0');
    out.extend_from_slice(b"\"}],\"signed\":");
    let begin = out.len();
    out.extend_from_slice(b"{\"_type\":\"targets\",\"expires\":\"");
    out.extend_from_slice(expires.to_string().as_bytes());
    out.extend_from_slice(b"\",\"spec_version\":\"");
    out.extend_from_slice(SPEC_VERSION.as_bytes());
    out.extend_from_slice(b"\",\"targets\":{");
    let mut digits = itoa::Buffer::new();
    let mut first = true;
    for target in targets {
        out.extend_from_slice(if first { b"\"" } else { b",\"" });
        first = false;
        out.extend_from_slice(target.path.as_bytes());
        out.extend_from_slice(b"\":{\"hashes\":{\"sha256\":\"");
        let mut hex = [0; 64];
        write_hex(target.digest.as_bytes(), &mut hex);
        out.extend_from_slice(&hex);
        out.extend_from_slice(b"\"},\"length\":");
        out.extend_from_slice(digits.format(target.length).as_bytes());
        out.push(b'}');
    }
    out.extend_from_slice(b"},\"version\":");
    out.extend_from_slice(digits.format(version.number()).as_bytes());
    out.push(b'}');
    let covered = begin..out.len();
    out.push(b'}');
    Parts { signature: at..at + SIGNATURE, covered }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_hex(bytes: &[u8; 32], out: &mut [u8; 64]) {
    for (byte, digits) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        digits[0] = HEX[usize::from(byte >> 4)];
        digits[1] = HEX[usize::from(byte & 15)];
    }
}

/// A bin's file, read; nothing is verified.
#[derive(Clone, Debug)]
pub struct BinFile<'a> {
    /// Who signed it.
    pub keyid: &'a str,
    /// The signature, in lower-case hex.
    pub signature: &'a str,
    /// What it covers.
    pub covered: &'a [u8],
    /// When it ends.
    pub expires: Moment,
    /// Its version.
    pub version: Version,
    /// How many targets there are.
    pub count: usize,
    targets: &'a [u8],
}

impl<'a> BinFile<'a> {
    /// Reads a file of exactly this form; `None` for any other, whatever it may mean.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        rest.skip(b"{\"signatures\":[{\"keyid\":\"")?;
        let keyid = rest.until_quote()?;
        rest.skip(b",\"sig\":\"")?;
        let signature = rest.until_quote()?;
        if keyid.len() != 64 || !is_hex(keyid) || !is_hex(signature) {
            return None;
        }
        rest.skip(b"}],\"signed\":")?;
        let covered = rest.0.strip_suffix(b"}")?;
        let mut rest = Rest(covered);
        rest.skip(b"{\"_type\":\"targets\",\"expires\":\"")?;
        let written = rest.until_quote()?;
        let expires: Moment = written.parse().ok()?;
        if expires.to_string() != written {
            return None;
        }
        rest.skip(b",\"spec_version\":\"")?;
        if rest.until_quote()? != SPEC_VERSION {
            return None;
        }
        rest.skip(b",\"targets\":{")?;
        let begin = rest.0;
        let (mut count, mut last) = (0, "");
        while rest.0.first() != Some(&b'}') {
            if count > 0 {
                rest.skip(b",")?;
            }
            let target = rest.target()?;
            if target.path <= last || TargetPath::check(target.path).is_err() {
                return None;
            }
            last = target.path;
            count += 1;
        }
        let targets = &begin[..begin.len() - rest.0.len()];
        rest.skip(b"},\"version\":")?;
        let version = Version::new(rest.number()?)?;
        (rest.0 == b"}").then_some(Self { keyid, signature, covered, expires, version, count, targets })
    }

    /// The targets, in the order of their paths.
    pub fn targets(&self) -> impl Iterator<Item = EntryRef<'a>> + Clone + use<'a> {
        let mut rest = Rest(self.targets);
        std::iter::from_fn(move || {
            // Between two there is a comma; the whole was read once before.
            let _ = rest.skip(b",");
            rest.target()
        })
    }
}

/// Whether these are bytes in lower-case hex: of an Ed25519 signature 64, of an ECDSA one some 71.
pub(super) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|b| VALUE[usize::from(b)] < 16)
}

/// What is still to be read of a file in the one form.
#[derive(Clone)]
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn skip(&mut self, words: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(words)?;
        Some(())
    }

    /// The text up to a quote, which is skipped. There is no escape in anything of this form.
    pub(super) fn until_quote(&mut self) -> Option<&'a str> {
        let end = memchr::memchr(b'"', self.0)?;
        let text = std::str::from_utf8(&self.0[..end]).ok()?;
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    /// An integer as canonical JSON writes it.
    pub(super) fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.0[..digits]).ok()?;
        if digits == 0 || (digits > 1 && text.starts_with('0')) {
            return None;
        }
        self.0 = &self.0[digits..];
        text.parse().ok()
    }

    fn target(&mut self) -> Option<EntryRef<'a>> {
        self.skip(b"\"")?;
        let path = self.until_quote()?;
        self.skip(b":{\"hashes\":{\"sha256\":\"")?;
        let (hex, rest) = self.0.split_at_checked(64)?;
        self.0 = rest;
        let digest = Sha256::from_bytes(read_hex(hex)?);
        self.skip(b"\"},\"length\":")?;
        let length = self.number()?;
        self.skip(b"}")?;
        Some(EntryRef { path, length, digest })
    }
}

/// What each lower-case hex digit is worth; 255 for whatever is none.
const VALUE: [u8; 256] = {
    let mut table = [255; 256];
    let mut at = 0;
    while at < 16 {
        table[HEX[at] as usize] = at as u8;
        at += 1;
    }
    table
};

/// The digest that 64 lower-case hex digits write.
#[must_use]
pub fn read_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    let mut bad = 0;
    for (byte, digits) in out.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (VALUE[usize::from(digits[0])], VALUE[usize::from(digits[1])]);
        bad |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (bad < 16).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entry, Envelope, Signature, Targets, canonical};
    use proptest::prelude::*;

    fn edition() -> (Version, Moment) {
        (Version::new(7).unwrap(), "2030-01-01T00:00:00Z".parse().unwrap())
    }

    fn written(entries: &[Entry]) -> (Vec<u8>, Parts) {
        let (version, expires) = edition();
        let mut out = b"left over".to_vec();
        let keyid = KeyId::new(&"ab".repeat(32));
        let parts = write(&mut out, &keyid, version, expires, entries.iter().map(EntryRef::from));
        (out, parts)
    }

    proptest! {
        #[test]
        fn it_is_the_canonical_form_of_the_same_metadata(
            names in proptest::collection::btree_set("[a-zA-Z0-9é!+ ._-]{1,12}", 0..20),
            length in any::<u64>(),
        ) {
            let entries: Vec<Entry> = names
                .iter()
                .filter_map(|name| Some(Entry {
                    path: format!("packages/{name}").parse().ok()?,
                    length: length.rotate_left(u32::try_from(name.len()).unwrap()),
                    digest: Sha256::of(name.as_bytes()),
                }))
                .collect();
            let (out, parts) = written(&entries);
            let (version, expires) = edition();
            let files = entries.iter().map(|e| (e.path.clone(), e.target_file())).collect();
            let targets = Targets::new(version, expires, files, None);
            prop_assert_eq!(&out[parts.covered.clone()], canonical::to_canonical(&targets).unwrap());
            let seal = |_: &[u8]| {
                Ok::<_, canonical::Error>(vec![Signature::new(KeyId::new(&"ab".repeat(32)), &[0; 64])])
            };
            prop_assert_eq!(&out, &Envelope::seal(targets, seal).unwrap().to_bytes().unwrap());
            prop_assert!(out[parts.signature].iter().all(|b| *b == b'0'));
            let read = BinFile::parse(&out).unwrap();
            prop_assert!(read.targets().eq(entries.iter().map(EntryRef::from)));
            prop_assert_eq!(
                (read.version, read.expires, read.count, read.covered),
                (version, expires, entries.len(), &out[parts.covered])
            );
        }

        #[test]
        fn a_changed_byte_is_refused_or_is_what_it_says(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let entries = ["a/b", "a/c", "b!x"].map(|path| Entry {
                path: path.parse().unwrap(),
                length: 10,
                digest: Sha256::of(path.as_bytes()),
            });
            let (mut out, _) = written(&entries);
            let at = at.index(out.len());
            out[at] = byte;
            if let Some(read) = BinFile::parse(&out) {
                // What is taken is canonical, and means the same to the general reader.
                let general = Envelope::<Targets>::parse(&out).unwrap();
                prop_assert_eq!(general.covered(), read.covered);
                prop_assert_eq!(general.to_bytes().unwrap(), out.clone());
                let files: Vec<Entry> = read.targets().map(|t| t.to_entry().unwrap()).collect();
                let same = general.signed().targets.iter().zip(&files).all(|((path, file), entry)| {
                    *path == entry.path && file.length == entry.length
                        && file.hashes.sha256() == Some(entry.digest) && file.extra.is_empty()
                });
                prop_assert!(same && files.len() == general.signed().targets.len());
                prop_assert!(general.signed().extra.is_empty() && general.signed().delegations.is_none());
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let (out, _) = written(&[]);
        let text = String::from_utf8(out).unwrap();
        assert!(BinFile::parse(text.as_bytes()).is_some());
        for (from, to) in [
            ("\"targets\":{}", "\"targets\": {}"),
            ("\"version\":7", "\"version\":07"),
            ("\"version\":7", "\"version\":7,\"x\":1"),
            ("1.0.31", "1.0.30"),
            ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00.0Z"),
            ("}}", "}} "),
            ("abab", "ABab"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(BinFile::parse(other.as_bytes()).is_none(), "{to}");
        }
    }
}
