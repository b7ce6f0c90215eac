//! The form of a key file: PKCS#8 version 1 in PEM (RFC 5958, RFC 8410, RFC 5915), plain or encrypted
//! with PBES2 (scrypt and AES-256-CBC, RFC 8018 and RFC 7914). OpenSSH's own form is read as it is.

use super::{Ed25519, KeyPair, Kind, P256, cost, openssh, p256};
use crate::model::Key;
use pkcs8::der::asn1::{OctetString, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::{
    AlgorithmIdentifierRef, EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, LineEnding, ObjectIdentifier,
    PrivateKeyInfoRef, SecretDocument,
};
use zeroize::Zeroizing;

/// id-Ed25519 (RFC 8410 section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// id-ecPublicKey, and secp256r1 beside it (RFC 5480 section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// N = 2^17, r = 8, p = 1: 128 MiB and about a third of a second for each guess.
const SCRYPT: (u8, u32, u32) = (17, 8, 1);

/// A passphrase, wiped when it is dropped.
pub type Passphrase = Zeroizing<String>;

/// Why a text is no usable key file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not PEM, or not PKCS#8.
    #[error("it is no PKCS#8 key in PEM (cut short, or another kind of file): is there a copy?")]
    NotPkcs8,
    /// It says that it is OpenSSH's, and cannot be read.
    #[error("it is no key that OpenSSH wrote (cut short, or damaged): is there a copy?")]
    NotOpenSsh,
    /// An OpenSSH key of another kind.
    #[error(
        "it is an {0} key, and ssh-ed25519 or ecdsa-sha2-nistp256 is wanted: make one with `ssh-keygen -t ed25519`"
    )]
    OtherSshAlgorithm(String),
    /// A key in a FIDO token.
    #[error(
        "it is a key in a security token (sk-), which signs a counter and flags along, so that no TUF client \
         accepts its signatures: use a plain ssh-ed25519 key, or a token through PKCS#11"
    )]
    SecurityKey,
    /// A key of another kind.
    #[error("it holds a key of another kind than Ed25519 and P-256 (algorithm {0})")]
    OtherAlgorithm(ObjectIdentifier),
    /// The passphrase does not open it.
    #[error("the passphrase does not open it: it is another one's, or the file was damaged")]
    WrongPassphrase,
    /// To open it would take longer, or more memory, than anybody asks for.
    #[error("to open it takes {cost}, and {most}: write it again with `{again}`, and give that")]
    Cost {
        /// What it says that it takes.
        cost: String,
        /// What may be taken.
        most: String,
        /// The command that writes it again.
        again: &'static str,
    },
    /// A key could not be encrypted.
    #[error("the key could not be encrypted: {0}")]
    Encrypt(String),
}

/// What stands in a key file.
pub enum Contents {
    /// A key.
    Plain(Box<KeyPair>),
    /// A key that needs a passphrase.
    Encrypted(Locked),
}

/// A key that needs a passphrase.
pub struct Locked(Form);

enum Form {
    Pkcs8(SecretDocument),
    OpenSsh(Box<openssh::Locked>),
}

impl Locked {
    /// Opens it.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], or that there is no key of ours inside.
    pub fn open(&self, passphrase: &str) -> Result<KeyPair, Error> {
        let document = match &self.0 {
            Form::OpenSsh(locked) => return locked.open(passphrase),
            Form::Pkcs8(document) => document,
        };
        let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| Error::NotPkcs8)?;
        let plain = info.decrypt(passphrase).map_err(|_| Error::WrongPassphrase)?;
        from_der(plain.as_bytes())
    }

    /// The public part, where it can be had without a passphrase.
    #[must_use]
    pub fn public(&self) -> Option<Key> {
        match &self.0 {
            Form::Pkcs8(_) => None,
            Form::OpenSsh(locked) => locked.public().ok(),
        }
    }
}

/// Reads a key file.
///
/// # Errors
/// [`Error::NotPkcs8`] or [`Error::OtherAlgorithm`].
pub fn read(pem: &str) -> Result<Contents, Error> {
    if openssh::is_private(pem) {
        return Ok(match openssh::private(pem)? {
            openssh::Private::Plain(key) => Contents::Plain(key),
            openssh::Private::Encrypted(locked) => Contents::Encrypted(Locked(Form::OpenSsh(locked))),
        });
    }
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| Error::NotPkcs8)?;
    match label {
        PLAIN => from_der(document.as_bytes()).map(|key| Contents::Plain(Box::new(key))),
        ENCRYPTED => {
            let info =
                EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| Error::NotPkcs8)?;
            cost::of_pkcs8(&info.encryption_algorithm)?;
            Ok(Contents::Encrypted(Locked(Form::Pkcs8(document))))
        }
        _ => Err(Error::NotPkcs8),
    }
}

/// Reads a public key: OpenSSH's line, or `SubjectPublicKeyInfo` in PEM as `openssl pkey -pubout` gives
/// it; `None` if `text` is neither.
///
/// # Errors
/// If it is one, and cannot be used.
pub fn public(text: &str) -> Option<Result<Key, Error>> {
    let text = text.trim();
    let is_line = ["ssh-", "ecdsa-", "sk-"].iter().any(|begin| text.starts_with(begin));
    if is_line {
        return Some(openssh::public(text));
    }
    text.starts_with("-----BEGIN PUBLIC KEY-----").then(|| spki(text))
}

/// The key in a PEM `SubjectPublicKeyInfo` (RFC 8410 section 4, RFC 5480 section 2).
fn spki(text: &str) -> Result<Key, Error> {
    let (_, der) = pkcs8::Document::from_pem(text).map_err(|_| Error::NotPkcs8)?;
    let info = pkcs8::spki::SubjectPublicKeyInfoRef::from_der(der.as_bytes()).map_err(|_| Error::NotPkcs8)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(Error::NotPkcs8)?;
    match kind(&info.algorithm)? {
        Kind::Ed25519 => bytes.try_into().ok().map(Key::ed25519),
        Kind::P256 => p256::public(bytes),
    }
    .ok_or(Error::NotPkcs8)
}

/// The point in such a text.
pub(super) fn point(text: &str) -> Option<Vec<u8>> {
    let (_, der) = pkcs8::Document::from_pem(text).ok()?;
    let info = pkcs8::spki::SubjectPublicKeyInfoRef::from_der(der.as_bytes()).ok()?;
    info.subject_public_key.as_bytes().map(<[u8]>::to_vec)
}

/// Which kind of key an algorithm says it is.
fn kind(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Kind, Error> {
    match algorithm.oid {
        ED25519 => Ok(Kind::Ed25519),
        EC => match algorithm.parameters_oid() {
            Ok(P256_CURVE) => Ok(Kind::P256),
            Ok(other) => Err(Error::OtherAlgorithm(other)),
            Err(_) => Err(Error::NotPkcs8),
        },
        other => Err(Error::OtherAlgorithm(other)),
    }
}

/// The key file of `key`, encrypted where there is a passphrase.
///
/// # Errors
/// If the system has no randomness for the salt.
pub fn write(key: &KeyPair, passphrase: Option<&str>) -> Result<Zeroizing<String>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::Encrypt(e.to_string());
    let plain = match key {
        KeyPair::Ed25519(key) => plain(key).map_err(|e| failed(&e))?,
        KeyPair::P256(key) => key.secret().to_pkcs8_der().map_err(|e| failed(&e))?,
    };
    let Some(passphrase) = passphrase else {
        return plain.to_pem(PLAIN, LineEnding::LF).map_err(|e| failed(&e));
    };
    let info = PrivateKeyInfoRef::from_der(plain.as_bytes()).map_err(|e| failed(&e))?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut iv)).map_err(|e| failed(&e))?;
    let cost = scrypt::Params::new(SCRYPT.0, SCRYPT.1, SCRYPT.2).map_err(|e| failed(&e))?;
    let parameters = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(|e| failed(&e))?;
    let document = info.encrypt_with_params(parameters, passphrase).map_err(|e| failed(&e))?;
    document.to_pem(ENCRYPTED, LineEnding::LF).map_err(|e| failed(&e))
}

/// The `PrivateKeyInfo` of an Ed25519 key (RFC 8410 section 7).
fn plain(key: &Ed25519) -> Result<SecretDocument, pkcs8::der::Error> {
    let seed = key.seed();
    let inner = Zeroizing::new(OctetStringRef::new(seed.as_ref())?.to_der()?);
    let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    SecretDocument::encode_msg(&PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner)?))
}

fn from_der(der: &[u8]) -> Result<KeyPair, Error> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| Error::NotPkcs8)?;
    if kind(&info.algorithm)? == Kind::P256 {
        let secret = ::p256::SecretKey::try_from(info).map_err(|_| Error::NotPkcs8)?;
        return Ok(P256::of(secret).into());
    }
    let inner = OctetString::from_der(info.private_key.as_bytes()).map_err(|_| Error::NotPkcs8)?;
    let inner = Zeroizing::new(inner.into_bytes().to_vec());
    let seed: &[u8; 32] = inner.as_slice().try_into().map_err(|_| Error::NotPkcs8)?;
    Ok(Ed25519::from_seed(seed).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Signer as _;

    fn keys() -> [KeyPair; 2] {
        [Ed25519::from_seed(&[7; 32]).into(), P256::from_secret(&[7; 32]).unwrap().into()]
    }

    #[test]
    fn a_plain_key_goes_round_and_is_version_1() {
        for key in keys() {
            let pem = write(&key, None).unwrap();
            let Contents::Plain(again) = read(&pem).unwrap() else { panic!("plain") };
            assert_eq!(again.keyid(), key.keyid());
            let (_, der) = SecretDocument::from_pem(&pem).unwrap();
            let version = der.as_bytes().windows(3).position(|three| three == [2, 1, 0]);
            assert!(version.is_some_and(|at| at <= 3), "version 1 is the integer 0, and comes first");
        }
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_only() {
        for key in keys() {
            let pem = write(&key, Some("correct horse")).unwrap();
            let Contents::Encrypted(locked) = read(&pem).unwrap() else { panic!("encrypted") };
            assert_eq!(locked.open("correct horse").unwrap().keyid(), key.keyid());
            assert!(matches!(locked.open("wrong"), Err(Error::WrongPassphrase)));
        }
    }

    #[test]
    fn a_public_key_is_read_from_either_form() {
        for key in keys() {
            let line = openssh::public_line(key.key(), "x").unwrap();
            assert_eq!(public(&line).unwrap().unwrap(), *key.key());
        }
        let [_, p256] = keys();
        assert_eq!(public(&p256.key().keyval.public).unwrap().unwrap(), *p256.key());
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let [key, p256] = keys().map(|key| write(&key, None).unwrap());
        assert!(matches!(read(&key[..key.len() / 2]), Err(Error::NotPkcs8)));
        assert!(matches!(read(&p256[..p256.len() / 2]), Err(Error::NotPkcs8)));
        assert!(matches!(read("hello"), Err(Error::NotPkcs8)));
        // id-X25519 is 1.3.101.110, secp256k1 1.3.132.0.10: the last byte of an OID, changed.
        for (key, at, byte) in [(&key, 11, 110), (&p256, 26, 6)] {
            let (_, der) = SecretDocument::from_pem(key).unwrap();
            let mut der = der.as_bytes().to_vec();
            der[at] = byte;
            let other = SecretDocument::try_from(der).unwrap().to_pem(PLAIN, LineEnding::LF).unwrap();
            assert!(matches!(read(&other), Err(Error::OtherAlgorithm(_))), "{at}");
        }
    }
}
