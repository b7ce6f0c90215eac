//! The one form that the file of a snapshot has: read without a tree of values, asked for single roles, and written again
//! with other versions of some of them (TUF 1.0.34 section 4.4; canonical JSON). It lists sixteen thousand bins, of which a
//! small change touches one.
//!
//! What is read here is what [`super::Snapshot`] would write of the same metadata, byte for byte, or it is refused.

use super::bin_file::{Rest, is_hex};
use super::metadata::SPEC_VERSION;
use super::{Listing, Moment, RoleMeta, RoleName, Version};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

const HEAD: &[u8] = b"{\"_type\":\"snapshot\",\"expires\":\"";
const META: &[u8] = b"\",\"meta\":{";
const ENDING: &[u8] = b".json";

/// A snapshot's file, read; nothing is verified.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    bytes: Vec<u8>,
    /// Where each entry is, in the order of the names of files.
    entries: Vec<Range<u32>>,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
}

/// An entry of it.
struct Line<'a> {
    file: &'a str,
    length: Option<u64>,
    version: Version,
}

impl SnapshotFile {
    /// Reads a file of exactly this form, with one signature; `None` for any other, whatever it may mean.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = Rest(&bytes);
        rest.skip(b"{\"signatures\":[{\"keyid\":\"")?;
        let keyid = rest.until_quote()?;
        rest.skip(b",\"sig\":\"")?;
        let signature = rest.until_quote()?;
        if keyid.len() != 64 || !is_hex(keyid) || !is_hex(signature) {
            return None;
        }
        rest.skip(b"}],\"signed\":")?;
        rest.skip(HEAD)?;
        let written = rest.until_quote()?;
        let expires: Moment = written.parse().ok()?;
        if expires.to_string() != written {
            return None;
        }
        rest.skip(&META[1..])?;
        let (mut entries, mut last) = (Vec::new(), "");
        let whole = bytes.len();
        while rest.0.first() != Some(&b'}') {
            if !entries.is_empty() {
                rest.skip(b",")?;
            }
            let begin = whole - rest.0.len();
            let line = Line::read(&mut rest)?;
            let name = line.file.strip_suffix(".json")?;
            if line.file <= last || RoleName::check(name).is_err() {
                return None;
            }
            last = line.file;
            let end = whole - rest.0.len();
            entries.push(u32::try_from(begin).ok()?..u32::try_from(end).ok()?);
        }
        rest.skip(b"},\"spec_version\":\"")?;
        if rest.until_quote()? != SPEC_VERSION {
            return None;
        }
        rest.skip(b",\"version\":")?;
        let version = Version::new(rest.number()?)?;
        (rest.0 == b"}}").then_some(Self { bytes, entries, version, expires })
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it lists of a role.
    #[must_use]
    pub fn get(&self, role: &RoleName) -> Option<RoleMeta> {
        let at = self.place(role).ok()?;
        let line = Line::read(&mut Rest(self.entry(at)))?;
        Some(RoleMeta { version: line.version, length: line.length, hashes: None, extra: BTreeMap::new() })
    }

    /// All that it lists.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let line = |at| {
            let line = Line::read(&mut Rest(self.entry(at)))?;
            let meta =
                RoleMeta { version: line.version, length: line.length, hashes: None, extra: BTreeMap::new() };
            Some((line.file.strip_suffix(".json")?.parse().ok()?, meta))
        };
        (0..self.entries.len()).filter_map(line).collect()
    }

    /// What a signature covers of a snapshot of this version with `changes` in place of what is listed of those roles, or
    /// beside it; `None` where one of them has another form.
    #[must_use]
    pub fn with(&self, version: Version, expires: Moment, changes: &Listing) -> Option<Vec<u8>> {
        let mut changed: Vec<(Result<usize, usize>, &RoleName, &RoleMeta)> =
            changes.iter().map(|(role, meta)| (self.place(role), role, meta)).collect();
        changed.sort_by(|a, b| by_file(a.1.as_str().as_bytes(), b.1.as_str().as_bytes()));
        let mut out = Vec::with_capacity(self.bytes.len() + 64 * changes.len());
        out.extend_from_slice(HEAD);
        out.extend_from_slice(expires.to_string().as_bytes());
        out.extend_from_slice(META);
        let (mut done, mut is_first) = (0, true);
        for (place, role, meta) in changed {
            if meta.hashes.is_some() || !meta.extra.is_empty() {
                return None;
            }
            let (upto, next) = match place {
                Ok(at) => (at, at + 1),
                Err(at) => (at, at),
            };
            is_first &= !self.copy(done..upto, is_first, &mut out);
            meta.write_straight(role, is_first, &mut out);
            (done, is_first) = (next, false);
        }
        self.copy(done..self.entries.len(), is_first, &mut out);
        super::snapshot::write_tail(SPEC_VERSION, version, &mut out);
        Some(out)
    }

    /// Writes these entries as they are; says whether there was any.
    fn copy(&self, which: Range<usize>, is_first: bool, out: &mut Vec<u8>) -> bool {
        let [Some(first), Some(last)] = [self.entries[which.clone()].first(), self.entries[which].last()]
        else {
            return false;
        };
        if !is_first {
            out.push(b',');
        }
        out.extend_from_slice(&self.bytes[first.start as usize..last.end as usize]);
        true
    }

    fn entry(&self, at: usize) -> &[u8] {
        let Range { start, end } = self.entries[at];
        &self.bytes[start as usize..end as usize]
    }

    /// Where a role is listed, or would be.
    fn place(&self, role: &RoleName) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| {
            // Behind the quote comes the name of the file, up to the next.
            let text = &self.bytes[entry.start as usize + 1..entry.end as usize];
            let end = memchr::memchr(b'"', text).unwrap_or(text.len());
            let name = text[..end].strip_suffix(ENDING).unwrap_or(&text[..end]);
            by_file(name, role.as_str().as_bytes())
        })
    }
}

/// The order of the files of two roles: `a-b.json` comes before `a.json`.
pub(super) fn by_file(one: &[u8], other: &[u8]) -> Ordering {
    let both = one.len().min(other.len());
    let tail = |name: &[u8]| name[both..].iter().chain(ENDING).copied().collect::<Vec<u8>>();
    one[..both].cmp(&other[..both]).then_with(|| match one.len() == other.len() {
        true => Ordering::Equal,
        false => tail(one).cmp(&tail(other)),
    })
}

impl<'a> Line<'a> {
    fn read(rest: &mut Rest<'a>) -> Option<Self> {
        rest.skip(b"\"")?;
        let file = rest.until_quote()?;
        rest.skip(b":{\"")?;
        let length = match rest.skip(b"length\":") {
            Some(()) => {
                let length = rest.number()?;
                rest.skip(b",\"")?;
                Some(length)
            }
            None => None,
        };
        rest.skip(b"version\":")?;
        let version = Version::new(rest.number()?)?;
        rest.skip(b"}")?;
        Some(Self { file, length, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Envelope, KeyId, Signature, Snapshot, canonical};
    use proptest::prelude::*;

    const EXPIRES: &str = "2030-01-01T00:00:00Z";

    fn listing(roles: BTreeMap<String, (u64, Option<u64>)>) -> Listing {
        let meta = |(name, (version, length)): (String, (u64, Option<u64>))| {
            let meta =
                RoleMeta { version: Version::new(version)?, length, hashes: None, extra: BTreeMap::new() };
            Some((name.parse().ok()?, meta))
        };
        roles.into_iter().filter_map(meta).collect()
    }

    fn written(version: u64, meta: Listing) -> Vec<u8> {
        let snapshot = Snapshot::new(Version::new(version).unwrap(), EXPIRES.parse().unwrap(), meta);
        let seal = |_: &[u8]| {
            Ok::<_, canonical::Error>(vec![Signature::new(KeyId::new(&"ab".repeat(32)), &[0x5c; 64])])
        };
        Envelope::seal(snapshot, seal).unwrap().to_bytes().unwrap()
    }

    fn roles(most: usize) -> impl Strategy<Value = Listing> {
        // Names that are the beginnings of others, on either side of the dot of `.json`.
        let name = "[ab+._-]{1,4}";
        proptest::collection::btree_map(name, (1_u64..1 << 40, any::<Option<u64>>()), 0..most)
            .prop_map(listing)
    }

    proptest! {
        #[test]
        fn it_says_and_writes_what_the_general_form_does(before in roles(30), changes in roles(6), version in 1_u64..99) {
            let bytes = written(7, before.clone());
            let file = SnapshotFile::parse(bytes.clone()).unwrap();
            prop_assert_eq!((file.version, file.expires, file.bytes()), (Version::new(7).unwrap(), EXPIRES.parse().unwrap(), &bytes[..]));
            prop_assert_eq!(&file.listing(), &before);
            for role in before.keys().chain(changes.keys()) {
                prop_assert_eq!(file.get(role), before.get(role).cloned(), "{}", role);
            }
            let (version, expires) = (Version::new(version).unwrap(), "2031-02-03T04:05:06Z".parse().unwrap());
            let mut after = before;
            after.extend(changes.clone());
            let general = canonical::to_canonical(&Snapshot::new(version, expires, after)).unwrap();
            let edited = file.with(version, expires, &changes).unwrap();
            prop_assert_eq!(String::from_utf8(edited).unwrap(), String::from_utf8(general).unwrap());
        }

        #[test]
        fn a_changed_byte_is_refused_or_is_what_it_says(
            before in roles(5),
            at in any::<prop::sample::Index>(),
            byte in prop_oneof![any::<u8>(), Just(b'0'), Just(b'"'), Just(b',')],
            cut in any::<bool>(),
        ) {
            let mut bytes = written(7, before);
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            if let Some(read) = SnapshotFile::parse(bytes.clone()) {
                let general = Envelope::<Snapshot>::parse(&bytes).unwrap();
                prop_assert_eq!(general.to_bytes().unwrap(), bytes);
                let snapshot = general.signed();
                prop_assert_eq!((snapshot.version, snapshot.expires), (read.version, read.expires));
                prop_assert_eq!(snapshot.meta.len(), read.entries.len());
                for (role, meta) in &snapshot.meta {
                    prop_assert_eq!(read.get(role), Some(meta.clone()));
                }
                let again = read.with(read.version, read.expires, &Listing::new()).unwrap();
                prop_assert_eq!(&again[..], general.covered());
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let text = String::from_utf8(written(7, listing([("a".to_owned(), (2, Some(3)))].into()))).unwrap();
        assert!(SnapshotFile::parse(text.clone().into_bytes()).is_some());
        for (from, to) in [
            ("\"version\":2", "\"version\":02"),
            ("\"version\":2", "\"version\":0"),
            ("\"version\":2", "\"version\":2,\"x\":1"),
            ("\"length\":3,\"version\":2", "\"version\":2,\"length\":3"),
            ("a.json", "a.txt"),
            ("a.json", "12.json"),
            ("1.0.31", "1.0.30"),
            (EXPIRES, "2030-01-01T00:00:00.0Z"),
            ("}}", "}} "),
            ("abab", "ABab"),
            ("\"}],", "\"},{\"keyid\":\"00\",\"sig\":\"\"}],"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(SnapshotFile::parse(other.into_bytes()).is_none(), "{to}");
        }
        let hashed = RoleMeta {
            hashes: Some(crate::model::Hashes::sha256_only(crate::model::Sha256::of(b""))),
            ..RoleMeta::of_role(Version::FIRST, 1)
        };
        let file = SnapshotFile::parse(text.into_bytes()).unwrap();
        let changes = Listing::from([("b".parse().unwrap(), hashed)]);
        assert!(file.with(Version::FIRST, Moment::EPOCH, &changes).is_none());
    }
}
