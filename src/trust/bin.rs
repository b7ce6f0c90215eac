//! Judging the file of a bin: by the rules of [`super::judge`], and without a tree of values where it has the form
//! that we write.

use super::judge::{self, Expectation, Fault};
use super::signature::PublicKey;
use super::verified::Verified;
use crate::model::{BinFile, EntryRef, Key, Moment, RoleKeys, Targets, Version};

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

/// A bin without a target that was accepted. A new tree has thousands of them, equal to the last byte, for a bin does not
/// say which one it is: the signature of one is that of all.
#[derive(Debug)]
pub struct Empty<T> {
    bytes: Vec<u8>,
    version: Version,
    signers: RoleKeys,
    keys: Vec<Option<Key>>,
    /// As what it was accepted.
    pub bin: T,
}

impl<T> Empty<T> {
    /// The one that was accepted as `bin`, of this version, from these bytes.
    pub fn new(bytes: &[u8], version: Version, expected: &Expectation<'_>, bin: T) -> Self {
        let signers = expected.signers.clone();
        let keys = signers.keyids.iter().map(|id| expected.keys.get(id).cloned()).collect();
        Self { bytes: bytes.to_owned(), version, signers, keys, bin }
    }

    /// Whether a client accepts these bytes as it does this one: they are its own, the same keys must sign them, and it is
    /// what is listed.
    #[must_use]
    pub fn stands_for(&self, bytes: &[u8], expected: &Expectation<'_>) -> bool {
        let keys = self.signers.keyids.iter().map(|id| expected.keys.get(id));
        self.bytes == bytes
            && self.signers == *expected.signers
            && self.keys.iter().map(Option::as_ref).eq(keys)
            && is_listed(self.version, bytes, expected)
    }
}

/// [`judge::accept`] for a bin; `empty` is one of the same tree that was accepted, if any was.
///
/// # Errors
/// The first [`Fault`].
pub fn accept<'a>(
    bytes: &'a [u8],
    expected: &Expectation<'_>,
    empty: Option<&Empty<()>>,
) -> Result<VerifiedBin<'a>, Fault> {
    let is_empty = || empty.is_some_and(|empty| empty.stands_for(bytes, expected));
    let ours = BinFile::parse(bytes).filter(|file| is_empty() || is_as_expected(file, bytes, expected));
    match ours {
        Some(file) => Ok(VerifiedBin(Form::Ours(file))),
        // Whatever is wrong with it, the general judge says; and it reads other forms.
        None => Ok(VerifiedBin(Form::Other(Box::new(judge::accept(bytes, expected)?)))),
    }
}

/// The same of a bin in the form that we write; `None` for any other, and for one that a client does not take.
#[must_use]
pub fn straight<'a>(bytes: &'a [u8], expected: &Expectation<'_>) -> Option<BinFile<'a>> {
    BinFile::parse(bytes).filter(|file| is_as_expected(file, bytes, expected))
}

/// Whether it is signed by the one key that must sign it, and is what is listed.
fn is_as_expected(file: &BinFile<'_>, bytes: &[u8], expected: &Expectation<'_>) -> bool {
    let signers = expected.signers;
    let key = signers.keyids.iter().find(|id| id.as_str() == file.keyid).and_then(|id| expected.keys.get(id));
    let is_signed = || {
        let key = key.and_then(|key| PublicKey::read(key).ok());
        key.is_some_and(|key| key.verify(file.covered, file.signature).is_ok())
    };
    is_listed(file.version, bytes, expected) && signers.threshold <= 1 && is_signed()
}

/// Whether bytes of this version are what is listed.
fn is_listed(version: Version, bytes: &[u8], expected: &Expectation<'_>) -> bool {
    expected.meta.is_none_or(|meta| {
        meta.version == version
            && meta.length.is_none_or(|length| length == bytes.len() as u64)
            && meta.hashes.as_ref().is_none_or(|hashes| hashes.faults_of(bytes).is_empty())
    })
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
    use crate::model::{BinCount, Entry, Envelope, KeyId, RoleMeta, Sha256, Signature, canonical};
    use std::collections::BTreeMap;

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
                accept(bytes, &expected, None).map(|bin| (bin.version(), bin.expires(), bin.count())),
                judge::accept::<Targets>(bytes, &expected)
                    .map(|bin| (bin.version, bin.expires, bin.targets.len())),
            ];
            assert_eq!(ours.as_ref().ok(), general.as_ref().ok(), "{what}");
            assert_eq!(ours.is_ok(), is_ours.is_some(), "{what}");
            if let Ok(bin) = accept(bytes, &expected, None) {
                assert_eq!(Some(matches!(bin.0, Form::Ours(_))), is_ours, "{what}");
                let targets = bin.targets().unwrap();
                assert_eq!((targets[0].path, targets[0].digest), ("p/a", Sha256::of(b"abc")));
            }
            assert_eq!(
                accept(bytes, &expected, None).err().map(|fault| fault.to_string()),
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
        let empty = Empty::new(&bytes, Version::FIRST, &expected, ());
        let accepts = |bytes: &[u8], expected: &Expectation<'_>| {
            let accepted = accept(bytes, expected, Some(&empty)).is_ok();
            assert!(accepted || !empty.stands_for(bytes, expected));
            accepted
        };
        assert!(accepts(&bytes, &expected) && empty.stands_for(&bytes, &expected));
        assert!(!accepts(&bytes, &Expectation { meta: Some(&other), ..expected }));
        let longer = RoleMeta { length: Some(bytes.len() as u64 + 1), ..listed.clone() };
        assert!(!accepts(&bytes, &Expectation { meta: Some(&longer), ..expected }));
        let keyid = signers.keyids[0].clone();
        let forged = BTreeMap::from([(keyid.clone(), Key::ed25519(&[7; 32]))]);
        assert!(!accepts(&bytes, &Expectation { keys: &forged, ..expected }));
        let two = RoleKeys::new(vec![keyid, KeyId::new(&"00".repeat(32))], 2);
        assert!(!accepts(&bytes, &Expectation { signers: &two, ..expected }));
        let text = String::from_utf8(bytes.clone()).unwrap();
        let sig = text.find("\"sig\":\"").unwrap() + 7;
        for at in [sig, text.find("2030").unwrap() + 3] {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'1' { b'2' } else { b'1' };
            assert!(!accepts(&damaged, &expected));
        }
    }
}
