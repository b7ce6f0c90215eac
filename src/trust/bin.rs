//! Judging the file of a bin: by the rules of [`super::judge`], and without a tree of values where it has the form
//! that we write.

use super::judge::{self, Expectation, Fault};
use super::signature::PublicKey;
use super::verified::Verified;
use crate::model::{BinFile, EntryRef, Key, KeyId, Moment, RoleKeys, RoleMeta, RoleName, Targets, Version};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A bin whose signature, version and form a client takes.
#[derive(Debug)]
pub struct VerifiedBin<'a>(Form<'a>);

#[derive(Debug)]
enum Form<'a> {
    Ours(BinFile<'a>),
    Other(Box<Verified<Targets>>),
}

/// A bin lists a target without a SHA-256.
#[derive(Debug, thiserror::Error)]
#[error("{0} is listed without a sha256")]
pub struct NoDigest(pub String);

/// The first bin without a target that was accepted. A new tree has thousands of them, equal to the last byte, for a bin
/// does not say which one it is: the signature of one is that of all.
#[derive(Debug, Default)]
pub struct Empty(OnceLock<(Key, Vec<u8>)>);

impl Empty {
    /// Whether these bytes were accepted as signed by this key.
    fn is(&self, bytes: &[u8], key: &Key) -> bool {
        self.0.get().is_some_and(|(by, accepted)| by == key && accepted == bytes)
    }
}

/// The same for bins that are read whole, all of which are found by `keys`.
#[derive(Debug)]
pub struct EmptyWhole<'a> {
    keys: &'a BTreeMap<KeyId, Key>,
    first: OnceLock<(Vec<u8>, RoleKeys, Verified<Targets>)>,
}

impl<'a> EmptyWhole<'a> {
    /// None was accepted yet.
    #[must_use]
    pub fn new(keys: &'a BTreeMap<KeyId, Key>) -> Self {
        Self { keys, first: OnceLock::new() }
    }

    /// [`judge::accept`] for one of them, which `signers` must sign.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn accept(
        &self,
        bytes: &[u8],
        role: &RoleName,
        signers: &RoleKeys,
        meta: &RoleMeta,
    ) -> Result<Verified<Targets>, Fault> {
        let is_listed = |bin: &Targets| {
            meta.version == bin.version
                && meta.length.is_none_or(|length| length == bytes.len() as u64)
                && meta.hashes.as_ref().is_none_or(|hashes| hashes.faults_of(bytes).is_empty())
        };
        if let Some((accepted, by, bin)) = self.first.get()
            && (accepted == bytes && by == signers && is_listed(bin))
        {
            return Ok(bin.clone());
        }
        let bin = judge::accept::<Targets>(
            bytes,
            &Expectation { role, keys: self.keys, signers, meta: Some(meta) },
        )?;
        if bin.targets.is_empty() {
            let _ = self.first.set((bytes.to_owned(), signers.clone(), bin.clone()));
        }
        Ok(bin)
    }
}

/// [`judge::accept`] for a bin, one of those of a tree that share `empty`.
///
/// # Errors
/// The first [`Fault`].
pub fn accept<'a>(
    bytes: &'a [u8],
    expected: &Expectation<'_>,
    empty: &Empty,
) -> Result<VerifiedBin<'a>, Fault> {
    let ours = BinFile::parse(bytes).filter(|file| is_as_expected(file, bytes, expected, empty));
    match ours {
        Some(file) => Ok(VerifiedBin(Form::Ours(file))),
        // Whatever is wrong with it, the general judge says; and it reads other forms.
        None => Ok(VerifiedBin(Form::Other(Box::new(judge::accept(bytes, expected)?)))),
    }
}

/// The same of a bin in the form that we write; `None` for any other, and for one that a client does not take.
#[must_use]
pub fn straight<'a>(bytes: &'a [u8], expected: &Expectation<'_>) -> Option<BinFile<'a>> {
    BinFile::parse(bytes).filter(|file| is_as_expected(file, bytes, expected, &Empty::default()))
}

/// Whether it is signed by the one key that must sign it, and is what is listed.
fn is_as_expected(file: &BinFile<'_>, bytes: &[u8], expected: &Expectation<'_>, empty: &Empty) -> bool {
    let is_listed = expected.meta.is_none_or(|meta| {
        meta.version == file.version
            && meta.length.is_none_or(|length| length == bytes.len() as u64)
            && meta.hashes.as_ref().is_none_or(|hashes| hashes.faults_of(bytes).is_empty())
    });
    let signers = expected.signers;
    let key = signers.keyids.iter().find(|id| id.as_str() == file.keyid).and_then(|id| expected.keys.get(id));
    let is_signed = || {
        let Some(key) = key else { return false };
        if file.count == 0 && empty.is(bytes, key) {
            return true;
        }
        let holds = PublicKey::read(key).is_ok_and(|key| key.verify(file.covered, file.signature).is_ok());
        if holds && file.count == 0 {
            let _ = empty.0.set((key.clone(), bytes.to_owned()));
        }
        holds
    };
    is_listed && signers.threshold <= 1 && is_signed()
}

impl VerifiedBin<'_> {
    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        match &self.0 {
            Form::Ours(file) => file.version,
            Form::Other(targets) => targets.version,
        }
    }

    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> Moment {
        match &self.0 {
            Form::Ours(file) => file.expires,
            Form::Other(targets) => targets.expires,
        }
    }

    /// How many targets it lists.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.0 {
            Form::Ours(file) => file.count,
            Form::Other(targets) => targets.targets.len(),
        }
    }

    /// Its targets, in the order of their paths.
    ///
    /// # Errors
    /// [`NoDigest`].
    pub fn targets(&self) -> Result<Vec<EntryRef<'_>>, NoDigest> {
        match &self.0 {
            Form::Ours(file) => Ok(file.targets().collect()),
            Form::Other(targets) => targets
                .targets
                .iter()
                .map(|(path, file)| {
                    let digest = file.hashes.sha256().ok_or_else(|| NoDigest(path.to_string()))?;
                    Ok(EntryRef { path: path.as_str(), length: file.length, digest })
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BinCount, Entry, Envelope, Sha256, Signature, canonical};

    /// The file of a bin, and what accepting it needs.
    fn bin(version: u64) -> (Vec<u8>, BTreeMap<KeyId, Key>, RoleKeys) {
        let entry = Entry { path: "p/a".parse().unwrap(), length: 3, digest: Sha256::of(b"abc") };
        bin_of(version, &[entry])
    }

    fn bin_of(version: u64, entries: &[Entry]) -> (Vec<u8>, BTreeMap<KeyId, Key>, RoleKeys) {
        use ed25519_dalek::Signer as _;
        let secret = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let key = Key::ed25519(secret.verifying_key().as_bytes());
        let keyid = key.id().unwrap();
        let files = entries.iter().map(|entry| (entry.path.clone(), entry.target_file())).collect();
        let expires = "2030-01-01T00:00:00Z".parse().unwrap();
        let targets = Targets::new(Version::new(version).unwrap(), expires, files, None);
        let seal = |covered: &[u8]| {
            let signature = secret.sign(covered).to_bytes();
            Ok::<_, canonical::Error>(vec![Signature::new(keyid.clone(), &signature)])
        };
        let bytes = Envelope::seal(targets, seal).unwrap().to_bytes().unwrap();
        (bytes, BTreeMap::from([(keyid.clone(), key)]), RoleKeys::new(vec![keyid], 1))
    }

    #[test]
    fn it_says_what_the_general_judge_says() {
        let (bytes, keys, signers) = bin(2);
        let role = BinCount::new(16).unwrap().role(3);
        let meta = |version, length| RoleMeta {
            version: Version::new(version).unwrap(),
            length,
            hashes: None,
            extra: BTreeMap::new(),
        };
        let text = String::from_utf8(bytes.clone()).unwrap();
        let spaced = text.replacen("\"p/a\":", "\"p/a\" : ", 1).into_bytes();
        let longer = text.replacen("\"length\":3", "\"length\":4", 1).into_bytes();
        let other_keys = RoleKeys::new(vec![KeyId::new(&"00".repeat(32))], 1);
        let two = RoleKeys::new(signers.keyids.clone(), 2);
        let size = bytes.len() as u64;
        for (what, bytes, signers, meta, is_ours) in [
            ("as it is", &bytes, &signers, meta(2, None), Some(true)),
            ("with its length", &bytes, &signers, meta(2, Some(size)), Some(true)),
            ("in another form", &spaced, &signers, meta(2, None), Some(false)),
            ("of another version", &bytes, &signers, meta(3, None), None),
            ("of another length", &bytes, &signers, meta(2, Some(size + 1)), None),
            ("with a changed target", &longer, &signers, meta(2, None), None),
            ("by a stranger", &bytes, &other_keys, meta(2, None), None),
            ("by too few", &bytes, &two, meta(2, None), None),
        ] {
            let expected = Expectation { role: &role, keys: &keys, signers, meta: Some(&meta) };
            let [ours, general] = [
                accept(bytes, &expected, &Empty::default())
                    .map(|bin| (bin.version(), bin.expires(), bin.count())),
                judge::accept::<Targets>(bytes, &expected)
                    .map(|bin| (bin.version, bin.expires, bin.targets.len())),
            ];
            assert_eq!(ours.as_ref().ok(), general.as_ref().ok(), "{what}");
            assert_eq!(ours.is_ok(), is_ours.is_some(), "{what}");
            if let Ok(bin) = accept(bytes, &expected, &Empty::default()) {
                assert_eq!(Some(matches!(bin.0, Form::Ours(_))), is_ours, "{what}");
                let targets = bin.targets().unwrap();
                assert_eq!((targets[0].path, targets[0].digest), ("p/a", Sha256::of(b"abc")));
            }
            assert_eq!(
                accept(bytes, &expected, &Empty::default()).err().map(|fault| fault.to_string()),
                judge::accept::<Targets>(bytes, &expected).err().map(|fault| fault.to_string())
            );
        }
    }

    #[test]
    fn an_empty_bin_is_taken_for_another_only_where_it_is_signed_by_the_same_key() {
        let (bytes, keys, signers) = bin_of(1, &[]);
        let role = BinCount::new(16).unwrap().role(3);
        let meta = |version| RoleMeta {
            version: Version::new(version).unwrap(),
            length: None,
            hashes: None,
            extra: BTreeMap::new(),
        };
        let (listed, other) = (meta(1), meta(2));
        let expected = Expectation { role: &role, keys: &keys, signers: &signers, meta: Some(&listed) };
        let empty = Empty::default();
        accept(&bytes, &expected, &empty).unwrap();
        accept(&bytes, &expected, &empty).unwrap();
        let whole = EmptyWhole::new(&keys);
        for _ in 0..2 {
            assert_eq!(whole.accept(&bytes, &role, &signers, &listed).unwrap().version, Version::FIRST);
        }
        assert!(whole.accept(&bytes, &role, &signers, &other).is_err());
        let longer = RoleMeta { length: Some(bytes.len() as u64 + 1), ..listed.clone() };
        assert!(whole.accept(&bytes, &role, &signers, &longer).is_err());
        assert!(accept(&bytes, &Expectation { meta: Some(&other), ..expected }, &empty).is_err());
        let keyid = signers.keyids[0].clone();
        let forged = BTreeMap::from([(keyid.clone(), Key::ed25519(&[7; 32]))]);
        assert!(accept(&bytes, &Expectation { keys: &forged, ..expected }, &empty).is_err());
        let two = RoleKeys::new(vec![keyid, KeyId::new(&"00".repeat(32))], 2);
        assert!(accept(&bytes, &Expectation { signers: &two, ..expected }, &empty).is_err());
        assert!(whole.accept(&bytes, &role, &two, &listed).is_err());
        let text = String::from_utf8(bytes).unwrap();
        let sig = text.find("\"sig\":\"").unwrap() + 7;
        for at in [sig, text.find("2030").unwrap() + 3] {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'1' { b'2' } else { b'1' };
            assert!(accept(&damaged, &expected, &empty).is_err());
            assert!(whole.accept(&damaged, &role, &signers, &listed).is_err());
        }
    }
}
