//! Signing through a running ssh-agent (draft-miller-ssh-agent): the key never leaves it.

use super::{CannotSign, Signer};
use crate::model::{Key, KeyId, Signature};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// An agent reads messages of at most 256 KiB; a request to sign has 64 bytes beside what is signed.
const MOST: usize = 256 * 1024 - 64;

/// No answer is longer.
const LARGEST_ANSWER: u32 = 256 * 1024;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Why a key in an agent cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No agent is known.
    #[error(
        "{}: this is a public key, and no ssh-agent is running that could hold its other half (SSH_AUTH_SOCK is \
         not set). Name the private key, or start an agent and `ssh-add` it", .0.display()
    )]
    NoAgent(PathBuf),
    /// The agent does not answer.
    #[error("the ssh-agent at {} does not answer: {source}", socket.display())]
    Unreachable {
        /// Its socket.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The agent does not hold the key.
    #[error("{}: the ssh-agent does not hold this key; add its other half with `ssh-add`", .0.display())]
    NotThere(PathBuf),
    /// The key is of another kind.
    #[error("{}: only Ed25519 keys sign in an ssh-agent", .0.display())]
    Kind(PathBuf),
}

/// A key in an agent.
#[derive(Debug)]
pub struct AgentKey {
    connection: Mutex<UnixStream>,
    blob: Vec<u8>,
    key: Key,
    keyid: KeyId,
}

impl AgentKey {
    /// The key whose public part stands in the file at `path`, in the agent at `socket`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn find(key: Key, path: &Path, socket: Option<&Path>) -> Result<Self, Error> {
        let socket = socket.ok_or_else(|| Error::NoAgent(path.to_owned()))?;
        let unreachable = |source| Error::Unreachable { socket: socket.to_owned(), source };
        let public: Option<[u8; 32]> =
            hex::decode(&key.keyval.public).ok().and_then(|bytes| bytes.try_into().ok());
        let (Some(public), Ok(keyid)) = (public.filter(|_| key.keytype == "ed25519"), key.id()) else {
            return Err(Error::Kind(path.to_owned()));
        };
        // 32 bytes always have a form there.
        let blob = ssh_key::PublicKey::from(KeyData::Ed25519(Ed25519PublicKey(public)));
        let blob = blob.to_bytes().unwrap_or_default();
        let mut connection = UnixStream::connect(socket).map_err(unreachable)?;
        let answer = ask(&mut connection, &[REQUEST_IDENTITIES]).map_err(unreachable)?;
        if !identities(&answer).any(|one| one == blob) {
            return Err(Error::NotThere(path.to_owned()));
        }
        Ok(Self { connection: Mutex::new(connection), blob, key, keyid })
    }
}

impl Signer for AgentKey {
    fn key(&self) -> &Key {
        &self.key
    }

    fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    fn most(&self) -> Option<usize> {
        Some(MOST)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CannotSign> {
        let refuse = |reason: String| CannotSign { keyid: self.keyid.clone(), reason };
        if message.len() > MOST {
            return Err(refuse(format!(
                "an ssh-agent takes {MOST} bytes at most, and this has {}",
                message.len()
            )));
        }
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &self.blob);
        put(&mut request, message);
        request.extend([0; 4]);
        let mut connection = self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let answer = ask(&mut connection, &request).map_err(|e| refuse(format!("the ssh-agent: {e}")))?;
        let signature = match answer.split_first() {
            Some((&SIGN_RESPONSE, rest)) => signature(rest),
            _ => return Err(refuse("the ssh-agent refused".to_owned())),
        };
        let bytes =
            signature.ok_or_else(|| refuse("the ssh-agent answered with no Ed25519 signature".to_owned()))?;
        Ok(Signature::new(self.keyid.clone(), bytes))
    }
}

/// One request and its answer.
fn ask(connection: &mut UnixStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::with_capacity(request.len() + 4);
    put(&mut message, request);
    connection.write_all(&message)?;
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST_ANSWER {
        return Err(std::io::Error::other("its answer is longer than any"));
    }
    let mut answer = vec![0; length as usize];
    connection.read_exact(&mut answer)?;
    Ok(answer)
}

/// The public keys in an answer.
fn identities(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = match answer.split_first() {
        Some((&IDENTITIES_ANSWER, rest)) => rest.get(4..).unwrap_or_default(),
        _ => &[],
    };
    std::iter::from_fn(move || {
        let blob = take(&mut rest)?;
        take(&mut rest)?;
        Some(blob)
    })
}

/// The 64 bytes of an Ed25519 signature in an answer (RFC 8709 section 6).
fn signature(mut answer: &[u8]) -> Option<&[u8]> {
    let mut inner = take(&mut answer)?;
    let kind = take(&mut inner)?;
    let bytes = take(&mut inner)?;
    (kind == b"ssh-ed25519" && bytes.len() == 64).then_some(bytes)
}

/// Appends a string as SSH writes it: its length in four bytes, then it.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes());
    out.extend(bytes);
}

/// Takes such a string off the front.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (bytes, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = tail;
    Some(bytes)
}
