//! How a key in a token is named: a `pkcs11:` URI (RFC 7512).

use crate::keys::file::SCHEME;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which key of which token, and the way there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    /// The text without its query, for people.
    shown: String,
    /// The token's label.
    pub token: Option<String>,
    /// Who made the token.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The number of the slot that it is in.
    pub slot: Option<u64>,
    /// The key's label.
    pub object: Option<String>,
    /// The key's id.
    pub id: Option<Vec<u8>>,
    /// The module that knows the token.
    pub module: Option<PathBuf>,
    /// The file whose first line is the PIN.
    pub pin_source: Option<PathBuf>,
}

/// Why a text names no key in a token. A text that holds a PIN is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has another form.
    #[error("{text}: {what} (the form is pkcs11:token=LABEL;object=LABEL?module-path=FILE, RFC 7512)")]
    Form {
        /// The text, or as much of it as may be shown.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// It holds a PIN.
    #[error(
        "a PIN in a pkcs11: URI (pin-value) is not taken: others read command lines and pipeline.toml. Put it into a \
         file of its own that only you may read, and name that with pin-source=FILE; or set TUFFET_PIN"
    )]
    PinValue,
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        // Before anything of it is said.
        if text.to_ascii_lowercase().contains("pin-value") {
            return Err(Error::PinValue);
        }
        let wrong = |what: String| Error::Form { text: path.to_owned(), what };
        let attributes = path.strip_prefix(SCHEME).ok_or_else(|| wrong("it is no pkcs11: URI".to_owned()))?;
        let mut uri = Self { shown: path.to_owned(), ..Self::default() };
        for (part, is_query) in attributes
            .split(';')
            .map(|part| (part, false))
            .chain(query.split('&').map(|part| (part, true)))
            .filter(|(part, _)| !part.is_empty())
        {
            let (name, value) =
                part.split_once('=').ok_or_else(|| wrong(format!("{part:?} has no value")))?;
            let bytes = decoded(value).ok_or_else(|| wrong(format!("{name} is not percent-encoded")))?;
            uri.set(name, bytes, is_query).map_err(wrong)?;
        }
        Ok(uri)
    }
}

impl Uri {
    /// The same with its files found from `folder`, where it is written in a file that lies there.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        for path in self.module.iter_mut().chain(&mut self.pin_source) {
            *path = folder.join(&path);
        }
        self
    }

    fn set(&mut self, name: &str, bytes: Vec<u8>, is_query: bool) -> Result<(), String> {
        if (name, is_query) == ("id", false) {
            return once(&mut self.id, bytes, name);
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))?;
        match (name, is_query) {
            ("token", false) => once(&mut self.token, text, name),
            ("manufacturer", false) => once(&mut self.manufacturer, text, name),
            ("model", false) => once(&mut self.model, text, name),
            ("serial", false) => once(&mut self.serial, text, name),
            ("object", false) => once(&mut self.object, text, name),
            ("slot-id", false) => {
                let slot = text.parse().map_err(|_| format!("slot-id {text:?} is no number"))?;
                once(&mut self.slot, slot, name)
            }
            // Of a key either half is meant.
            ("type", false) if text == "private" || text == "public" => Ok(()),
            ("type", false) => Err(format!("type={text} is no key pair")),
            ("module-path", true) => once(&mut self.module, text.into(), name),
            ("pin-source", true) if text.starts_with('|') => {
                Err("pin-source names a command, and a file is wanted".to_owned())
            }
            ("pin-source", true) => {
                let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:"));
                once(&mut self.pin_source, path.unwrap_or(&text).into(), name)
            }
            (other, _) => Err(format!("the attribute {other:?} is not known")),
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} stands there twice")),
    }
}

/// The bytes that a percent-encoded text stands for (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let (digits, tail) = rest.split_first_chunk::<2>()?;
        out.extend(hex::decode(digits).ok()?);
        rest = tail;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_which_key_and_the_way_there() {
        let text = "pkcs11:token=The%20token;object=online;id=%01%ab;type=private\
                    ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin";
        let uri: Uri = text.parse().unwrap();
        assert_eq!(uri.token.as_deref(), Some("The token"));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("online"), Some(&[1, 0xab][..])));
        assert_eq!(uri.module, Some("/usr/lib/softhsm/libsofthsm2.so".into()));
        assert_eq!(uri.pin_source, Some("/run/pin".into()));
        assert_eq!(uri.to_string(), "pkcs11:token=The%20token;object=online;id=%01%ab;type=private");
    }

    #[test]
    fn what_is_not_understood_is_refused_and_a_pin_is_not_repeated() {
        for (text, said) in [
            ("pkcs12:token=x", "no pkcs11: URI"),
            ("pkcs11:token", "has no value"),
            ("pkcs11:token=%zz", "percent-encoded"),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:tokn=a", "\"tokn\" is not known"),
            ("pkcs11:token=a?module-name=x", "\"module-name\" is not known"),
            ("pkcs11:token=a;type=cert", "no key pair"),
            ("pkcs11:slot-id=one", "no number"),
            ("pkcs11:token=a?pin-source=|cat", "a command"),
        ] {
            let error = text.parse::<Uri>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        for text in ["pkcs11:token=a?pin-value=2468", "pkcs11:pin-value=2468;x", "pkcs11:%?PIN-VALUE=2468"] {
            let error = text.parse::<Uri>().unwrap_err();
            assert_eq!(error, Error::PinValue);
            assert!(!error.to_string().contains("2468"));
        }
    }
}
