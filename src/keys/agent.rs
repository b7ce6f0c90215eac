//! Signing through a running ssh-agent (draft-miller-ssh-agent): the key never leaves it.

use super::remote::{Remote, Silent};
use super::{CannotSign, Signer, openssh, p256};
use crate::model::{Key, KeyId};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// The agent is silent.
    #[error("the ssh-agent at {}: {silent}", socket.display())]
    Silent {
        /// Its socket.
        socket: PathBuf,
        /// How.
        silent: Silent,
    },
    /// The agent does not hold the key.
    #[error("{}: the ssh-agent does not hold this key; add its other half with `ssh-add`", .0.display())]
    NotThere(PathBuf),
    /// The key is of another kind.
    #[error("{}: only Ed25519 and P-256 keys sign in an ssh-agent", .0.display())]
    Kind(PathBuf),
}

/// A key in an agent.
pub struct AgentKey {
    agent: Remote<Option<UnixStream>>,
    blob: Vec<u8>,
    key: Key,
    keyid: KeyId,
}

impl AgentKey {
    /// The key whose public part stands in the file at `path`, in the agent at `socket`, which is waited for so long.
    ///
    /// # Errors
    /// [`Error`].
    pub fn find(key: Key, path: &Path, socket: Option<&Path>, patience: Duration) -> Result<Self, Error> {
        let socket = socket.ok_or_else(|| Error::NoAgent(path.to_owned()))?.to_owned();
        let (Some(blob), Ok(keyid)) = (openssh::blob(&key), key.id()) else {
            return Err(Error::Kind(path.to_owned()));
        };
        let unreachable = |source| Error::Unreachable { socket: socket.clone(), source };
        let agent = Remote::start(patience).map_err(unreachable)?;
        let place = socket.clone();
        let answer = agent.ask(move |held: &mut Option<UnixStream>| {
            let mut connection = UnixStream::connect(&place)?;
            let answer = ask(&mut connection, &[REQUEST_IDENTITIES])?;
            *held = Some(connection);
            Ok(answer)
        });
        let answer = answer.map_err(|silent| Error::Silent { socket: socket.clone(), silent })?;
        if !identities(&answer.map_err(unreachable)?).any(|one| one == blob) {
            return Err(Error::NotThere(path.to_owned()));
        }
        Ok(Self { agent, blob, key, keyid })
    }
}

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AgentKey({})", self.keyid)
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

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
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
        let answer = self.agent.ask(move |held| match held {
            Some(connection) => ask(connection, &request),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        });
        let answer = answer.map_err(|silent| refuse(format!("the ssh-agent: {silent}")))?;
        let answer = answer.map_err(|e| refuse(format!("the ssh-agent went away: {e}")))?;
        let signature = match answer.split_first() {
            Some((&SIGN_RESPONSE, rest)) => signature(rest),
            _ => return Err(refuse("the ssh-agent refused. Is it locked (`ssh-add -X`)?".to_owned())),
        };
        signature.ok_or_else(|| refuse("the ssh-agent answered with no signature of this kind".to_owned()))
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

/// The signature in an answer, as TUF has it (RFC 8709 section 6, RFC 5656 section 3.1.2).
fn signature(mut answer: &[u8]) -> Option<Vec<u8>> {
    let mut inner = take(&mut answer)?;
    let kind = take(&mut inner)?;
    let mut bytes = take(&mut inner)?;
    match kind {
        b"ssh-ed25519" => (bytes.len() == 64).then(|| bytes.to_vec()),
        b"ecdsa-sha2-nistp256" => {
            let mut numbers = [0; 64];
            for place in numbers.chunks_exact_mut(32) {
                let number = take(&mut bytes)?;
                let zeros = number.iter().take_while(|byte| **byte == 0).count();
                let begin = 32_usize.checked_sub(number.len() - zeros)?;
                place[begin..].copy_from_slice(&number[zeros..]);
            }
            p256::der(&numbers)
        }
        _ => None,
    }
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
