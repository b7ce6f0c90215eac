//! What is asked of a PKCS#11 module (OASIS PKCS #11 version 3.0), on the thread that holds its session.

use super::{Error, Passphrase, Uri};
use crate::keys::{Kind, p256};
use crate::model::Key;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Failed, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use sha2::Digest as _;
use std::path::Path;

/// The curve P-256 as `CKA_EC_PARAMS` has it: the object identifier secp256r1.
const SECP256R1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// How one logs in.
pub(super) enum Login {
    /// Not at all.
    None,
    /// By a PIN that is given to the token itself.
    Elsewhere,
    /// By a PIN.
    Pin,
}

/// A session, and the key that signs in it.
#[derive(Default)]
pub(super) struct Held {
    session: Option<(Session, Pkcs11, Slot)>,
    signs: Option<(ObjectHandle, Kind)>,
}

impl Held {
    /// Opens a session with the token.
    pub(super) fn open(&mut self, path: &Path, uri: &Uri) -> Result<Login, Error> {
        let unusable = |what: String| Error::Module { path: path.to_owned(), what };
        let module = Pkcs11::new(path).map_err(|e| unusable(e.to_string()))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // By another key of this run.
            Ok(()) | Err(Failed::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => {
                let what = format!("it does not start ({error}). Can this user read its configuration?");
                return Err(unusable(what));
            }
        }
        // It stays loaded until the program ends: nobody calls `C_Finalize`, and not every module can be unloaded then.
        std::mem::forget(module.clone());
        let (slot, token) = find_token(&module, uri)?;
        if token.user_pin_locked() {
            return Err(Error::PinLocked(uri.to_string()));
        }
        let session = module.open_ro_session(slot).map_err(|e| refused(uri, &e))?;
        // Another key of this run may have logged in: of a token all sessions are, or none.
        let state = session.get_session_info().map(|session| session.session_state());
        let is_in = matches!(state, Ok(SessionState::RoUser | SessionState::RwUser));
        let login = match (token.login_required() && !is_in, token.protected_authentication_path()) {
            (false, _) => Login::None,
            (true, true) => Login::Elsewhere,
            (true, false) if !token.user_pin_initialized() => return Err(Error::PinNotSet(uri.to_string())),
            (true, false) => Login::Pin,
        };
        self.session = Some((session, module, slot));
        Ok(login)
    }

    pub(super) fn log_in(&mut self, uri: &Uri, pin: Option<&Passphrase>) -> Result<(), Error> {
        let (session, module, slot) = self.session.as_ref().ok_or_else(|| Error::Removed(uri.to_string()))?;
        let pin = pin.map(|pin| AuthPin::from(pin.as_str().to_owned()));
        match session.login(UserType::User, pin.as_ref()) {
            // By another key of this run.
            Ok(()) | Err(Failed::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Failed::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
                let is_last = module.get_token_info(*slot).is_ok_and(|token| token.user_pin_final_try());
                Err(Error::WrongPin { uri: uri.to_string(), file: uri.pin_source.clone(), is_last })
            }
            Err(error) => Err(refused(uri, &error)),
        }
    }

    /// The public key, as far as it can be seen.
    pub(super) fn public(&mut self, uri: &Uri) -> Result<Key, Error> {
        let session = self.session(uri)?;
        let found = find(session, ObjectClass::PUBLIC_KEY, uri)?;
        read_public(session, found, uri).map(|(key, _)| key)
    }

    /// Settles which key signs; gives its public half.
    pub(super) fn choose(&mut self, uri: &Uri) -> Result<Key, Error> {
        let session = self.session(uri)?;
        let private = find(session, ObjectClass::PRIVATE_KEY, uri)?;
        let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
        // The halves of a pair have one id; where there is none, one label.
        let (label, id) = label_and_id(session, private, uri)?;
        template.push(if id.is_empty() { Attribute::Label(label) } else { Attribute::Id(id) });
        let public = session.find_objects(&template).map_err(|e| refused(uri, &e))?;
        let public = public.first().ok_or_else(|| Error::NoPublicHalf(uri.to_string()))?;
        let (key, kind) = read_public(session, *public, uri)?;
        self.signs = Some((private, kind));
        Ok(key)
    }

    /// A signature over `message`, in one part.
    pub(super) fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let ((session, ..), (key, kind)) =
            self.session.as_ref().zip(self.signs).ok_or_else(|| "no session is open".to_owned())?;
        let said = |error: Failed| match is_gone(&error) {
            true => "the token was removed, or its session ended".to_owned(),
            false => format!("the token refused: {error}"),
        };
        match kind {
            Kind::Ed25519 => {
                let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
                session.sign(&pure, key, message).map_err(said)
            }
            Kind::P256 => {
                let digest = sha2::Sha256::digest(message);
                let numbers = session.sign(&Mechanism::Ecdsa, key, &digest).map_err(said)?;
                p256::der(&numbers).ok_or_else(|| "the token answered with no ECDSA signature".to_owned())
            }
        }
    }

    fn session(&self, uri: &Uri) -> Result<&Session, Error> {
        self.session.as_ref().map(|(session, ..)| session).ok_or_else(|| Error::Removed(uri.to_string()))
    }
}

/// The one token that fits.
fn find_token(module: &Pkcs11, uri: &Uri) -> Result<(Slot, TokenInfo), Error> {
    let slots = module.get_slots_with_initialized_token().map_err(|e| refused(uri, &e))?;
    let all: Vec<(Slot, TokenInfo)> =
        slots.into_iter().filter_map(|slot| Some((slot, module.get_token_info(slot).ok()?))).collect();
    let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    let fits = |(slot, token): &&(Slot, TokenInfo)| {
        is(&uri.token, token.label())
            && is(&uri.manufacturer, token.manufacturer_id())
            && is(&uri.model, token.model())
            && is(&uri.serial, token.serial_number())
            && uri.slot.is_none_or(|wanted| wanted == slot.id())
    };
    let fitting: Vec<_> = all.iter().filter(fits).cloned().collect();
    let named =
        |(_, token): &(Slot, TokenInfo)| format!("{:?} (serial={})", token.label(), token.serial_number());
    match <[_; 1]>::try_from(fitting) {
        Ok([one]) => Ok(one),
        Err(none) if none.is_empty() => {
            Err(Error::NoToken { uri: uri.to_string(), there: all.iter().map(named).collect() })
        }
        Err(several) => {
            Err(Error::TwoTokens { uri: uri.to_string(), there: several.iter().map(named).collect() })
        }
    }
}

/// The one key of this class that fits.
fn find(session: &Session, class: ObjectClass, uri: &Uri) -> Result<ObjectHandle, Error> {
    let of_class = [Attribute::Class(class)];
    let mut template = of_class.to_vec();
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    let found = session.find_objects(&template).map_err(|e| refused(uri, &e))?;
    let named = |keys: &[ObjectHandle]| -> Result<Vec<String>, Error> {
        keys.iter().map(|key| described(session, *key, uri)).collect()
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let all = session.find_objects(&of_class).map_err(|e| refused(uri, &e))?;
            Err(Error::NoObject { uri: uri.to_string(), there: named(&all)? })
        }
        several => Err(Error::TwoObjects { uri: uri.to_string(), there: named(several)? }),
    }
}

fn label_and_id(session: &Session, key: ObjectHandle, uri: &Uri) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let attributes = session.get_attributes(key, &[AttributeType::Label, AttributeType::Id]);
    let (mut label, mut id) = (Vec::new(), Vec::new());
    for attribute in attributes.map_err(|e| refused(uri, &e))? {
        match attribute {
            Attribute::Label(bytes) => label = bytes,
            Attribute::Id(bytes) => id = bytes,
            _ => {}
        }
    }
    Ok((label, id))
}

/// A key as a URI would name it.
fn described(session: &Session, key: ObjectHandle, uri: &Uri) -> Result<String, Error> {
    let (label, id) = label_and_id(session, key, uri)?;
    let id: String = id.iter().map(|byte| format!("%{byte:02x}")).collect();
    Ok(format!("object={};id={id}", String::from_utf8_lossy(&label)))
}

/// The public key in an object, and its kind.
fn read_public(session: &Session, object: ObjectHandle, uri: &Uri) -> Result<(Key, Kind), Error> {
    let wanted = [AttributeType::KeyType, AttributeType::EcParams, AttributeType::EcPoint];
    let (mut of, mut curve, mut point) = (None, Vec::new(), Vec::new());
    for attribute in session.get_attributes(object, &wanted).map_err(|e| refused(uri, &e))? {
        match attribute {
            Attribute::KeyType(kind) => of = Some(kind),
            Attribute::EcParams(bytes) => curve = bytes,
            Attribute::EcPoint(bytes) => point = bytes,
            _ => {}
        }
    }
    let other = |kind: String| Error::Kind { uri: uri.to_string(), kind };
    let key = match of {
        Some(KeyType::EC_EDWARDS) => ed25519_point(&point).map(|point| (Key::ed25519(&point), Kind::Ed25519)),
        Some(KeyType::EC) if curve == SECP256R1 => {
            let bare = unwrapped(&point).and_then(p256::public).or_else(|| p256::public(&point));
            bare.map(|key| (key, Kind::P256))
        }
        _ => None,
    };
    let named = of.map_or_else(
        || "no kind at all".to_owned(),
        |kind| format!("{kind}, parameters {}", hex::encode(&curve)),
    );
    key.ok_or_else(|| other(named))
}

/// The 32 bytes of an Ed25519 point. The standard has them bare, SoftHSM in an octet string, as older drafts did.
fn ed25519_point(bytes: &[u8]) -> Option<[u8; 32]> {
    bytes.try_into().ok().or_else(|| unwrapped(bytes)?.try_into().ok())
}

/// What stands in a DER octet string of less than 128 bytes (X.690 section 8.7).
fn unwrapped(bytes: &[u8]) -> Option<&[u8]> {
    let ([0x04, length], inside) = bytes.split_first_chunk::<2>()? else { return None };
    (inside.len() == usize::from(*length) && *length < 128).then_some(inside)
}

fn is_gone(error: &Failed) -> bool {
    use RvError::{DeviceRemoved, SessionClosed, SessionHandleInvalid, TokenNotPresent, TokenNotRecognized};
    matches!(
        error,
        Failed::Pkcs11(
            DeviceRemoved | SessionClosed | SessionHandleInvalid | TokenNotPresent | TokenNotRecognized,
            _
        )
    )
}

/// What the module said, where it is nothing that has a name of its own.
fn refused(uri: &Uri, error: &Failed) -> Error {
    match error {
        Failed::Pkcs11(RvError::PinLocked, _) => Error::PinLocked(uri.to_string()),
        Failed::Pkcs11(RvError::UserPinNotInitialized, _) => Error::PinNotSet(uri.to_string()),
        error if is_gone(error) => Error::Removed(uri.to_string()),
        error => Error::Refused { uri: uri.to_string(), what: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn a_point_is_read_bare_and_in_an_octet_string() {
        let point = [7; 32];
        let wrapped = [&[4, 32][..], &point].concat();
        assert_eq!(ed25519_point(&point), Some(point));
        assert_eq!(ed25519_point(&wrapped), Some(point));
        assert_eq!(ed25519_point(&wrapped[..33]), None);
        assert_eq!(ed25519_point(&[]), None);
    }

    /// What SoftHSM cannot be made to say: it locks no PIN, and nobody pulls it out.
    #[test]
    fn a_locked_pin_and_a_token_that_is_gone_are_told_apart() {
        let uri: Uri = "pkcs11:token=x".parse().unwrap();
        let say = |error| refused(&uri, &Failed::Pkcs11(error, Function::Login)).to_string();
        assert!(say(RvError::PinLocked).contains("locked: the token's security officer sets another"));
        assert!(say(RvError::UserPinNotInitialized).contains("no PIN yet"));
        for error in [RvError::DeviceRemoved, RvError::TokenNotPresent, RvError::SessionHandleInvalid] {
            assert!(say(error).ends_with("the token was removed"));
        }
        assert!(say(RvError::DeviceError).contains("the module refused"));
    }
}
