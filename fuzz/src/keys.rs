//! Key files, public keys, and what an ssh-agent answers.

use super::scratch;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;
use tuffet::keys::agent::AgentKey;
use tuffet::keys::pem::{self, Contents};
use tuffet::keys::{Ed25519, Signer as _};
use tuffet::model::Key;
use tuffet::trust::signature::PublicKey;

/// How long an agent has to answer; whoever plays it here does at once, or never.
const PATIENCE: Duration = Duration::from_secs(10);

/// PKCS#8 and OpenSSH, as far as no passphrase is needed.
pub(crate) fn file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match pem::read(text) {
        Ok(Contents::Plain(key)) => {
            let written = pem::write(&key, None).expect("no randomness is needed");
            let Ok(Contents::Plain(again)) = pem::read(&written) else { panic!("what is written is read") };
            assert_eq!(again.keyid(), key.keyid());
        }
        Ok(Contents::Encrypted(locked)) => drop(locked.public()),
        Err(error) => drop(error.to_string()),
    }
}

/// OpenSSH's line and PEM; and what stands in metadata as the public part of a key.
pub(crate) fn public(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(Ok(key)) = pem::public(text) {
        assert!(PublicKey::read(&key).is_ok_and(|public| [32, 65].contains(&public.bytes().len())));
        key.id().expect("it has a canonical form");
    }
    for (keytype, scheme) in
        [("ed25519", "ed25519"), ("ecdsa", "ecdsa-sha2-nistp256"), ("rsa", "rsassa-pss-sha256")]
    {
        let mut key = Key::ed25519(&[0; 32]);
        (key.keytype, key.scheme) = (keytype.to_owned(), scheme.to_owned());
        text.clone_into(&mut key.keyval.public);
        if let Ok(public) = PublicKey::read(&key) {
            // A point of small order takes some of these.
            let _ = public.verify(b"a message", &"00".repeat(64));
            let _ = public.verify(b"a message", text);
        }
    }
}

/// Both answers that an agent gives, one behind the other.
pub(crate) fn agent(bytes: &[u8]) {
    let socket = scratch::free("agent");
    let listener = UnixListener::bind(&socket).expect("a free path");
    let key = Ed25519::from_seed(&[7; 32]).key().clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let Ok((mut connection, _)) = listener.accept() else { return };
            // Whoever asked may have gone.
            let _ = connection.write_all(bytes).and_then(|()| connection.shutdown(Shutdown::Write));
            let _ = connection.read_to_end(&mut Vec::new());
        });
        if let Ok(key) = AgentKey::find(key, Path::new("key.pub"), Some(&socket), PATIENCE)
            && let Ok(signature) = key.sign(b"a message")
        {
            assert_eq!(signature.sig.len(), 128);
        }
    });
}
