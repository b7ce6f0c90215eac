//! An index page as installers read it: PEP 503 with its later attributes in HTML, PEP 691 in JSON.
//! Takes bytes from a stranger, gives what they say.

mod html;

pub use html::html;

use super::{Moment, Sha256, strict};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The state of the mirror that it shows, as bandersnatch writes it; 0 if it does not say.
    pub serial: u64,
    /// The files that it offers, in its order.
    pub files: Vec<Link>,
    /// The status of the project, where that is not `active`.
    pub status: Option<ProjectStatus>,
}

/// A file that a page offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What it is called; the text of the link in HTML.
    pub name: String,
    /// Where it is, without a fragment and without a query, as it is written.
    pub url: String,
    /// Its digest.
    pub sha256: Option<Sha256>,
    /// Its size in bytes (PEP 700; JSON alone says it).
    pub size: Option<u64>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// The digest of its METADATA, which lies beside it (PEP 658, PEP 714).
    pub metadata: Option<Sha256>,
    /// Why it is yanked, `""` without a reason; `None` if it is not (PEP 592).
    pub yanked: Option<String>,
    /// When it was uploaded, as PEP 700 writes it (JSON alone says it).
    pub uploaded: Option<String>,
}

/// The status of a project (PEP 792), where it is not `active`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// `archived`, `quarantined` or `deprecated`.
    pub status: String,
    /// Why, if that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ProjectStatus {
    /// The status that a page names; `None` for `active`, which is what no status says, and for words
    /// that PEP 792 does not know.
    #[must_use]
    pub fn new(status: &str, reason: Option<String>) -> Option<Self> {
        let known = ["archived", "quarantined", "deprecated"].contains(&status);
        let reason = reason.map(|text| one_line(&text)).filter(|text| !text.is_empty());
        known.then(|| Self { status: status.to_owned(), reason })
    }
}

/// Whether a character does something to the text around it and is not seen itself: it controls a terminal, breaks a line,
/// turns the direction of what follows, or joins what looks apart.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text of a stranger's as one line: white space and control characters become single spaces. What pages
/// of every form say is the same text then.
#[must_use]
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Reads a document of JSON.
///
/// # Errors
/// If it is none, or not of the shape.
pub fn json(bytes: &[u8]) -> Result<Page, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        files: Vec<File>,
        #[serde(default)]
        meta: Meta,
        #[serde(default, rename = "project-status")]
        status: Option<Status>,
    }
    #[derive(Default, Deserialize)]
    struct Meta {
        // bandersnatch writes a text here and an integer on the root page.
        #[serde(default, rename = "_last-serial")]
        serial: Value,
    }
    #[derive(Deserialize)]
    struct File {
        url: String,
        #[serde(default)]
        filename: String,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        size: Option<u64>,
        #[serde(default, rename = "requires-python")]
        requires_python: Option<String>,
        #[serde(default, rename = "core-metadata")]
        metadata: Value,
        #[serde(default)]
        yanked: Value,
        #[serde(default, rename = "upload-time")]
        uploaded: Option<String>,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        reason: Option<String>,
    }
    strict::check_density(bytes).map_err(serde_json::Error::custom)?;
    let document: Document = serde_json::from_slice(bytes)?;
    let serial = match &document.meta.serial {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_u64().unwrap_or(0),
    };
    let files = document.files.into_iter().map(|file| Link {
        name: file.filename,
        url: split_fragment(&file.url).0,
        sha256: file.hashes.get("sha256").and_then(|digest| digest.parse().ok()),
        size: file.size,
        requires_python: file.requires_python,
        metadata: file.metadata.get("sha256").and_then(Value::as_str).and_then(|hex| hex.parse().ok()),
        yanked: yanked(&file.yanked),
        uploaded: file.uploaded.filter(|time| is_time(time)),
    });
    let status = document.status.and_then(|s| ProjectStatus::new(s.status.as_deref()?, s.reason));
    Ok(Page { serial, files: files.collect(), status })
}

/// `yanked` of PEP 691: a flag, or a reason.
#[must_use]
pub fn yanked(value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some(String::new()),
        Value::String(reason) => Some(one_line(reason)),
        _ => None,
    }
}

/// A moment as PEP 700 wants it: UTC with a `Z`, no more than microseconds.
#[must_use]
pub fn is_time(text: &str) -> bool {
    let form = text.len() <= "2026-01-01T00:00:00.000000Z".len() && text.ends_with('Z') && text.contains('T');
    form && text.parse::<Moment>().is_ok()
}

fn split_fragment(url: &str) -> (String, String) {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    (url.split('?').next().unwrap_or(url).to_owned(), fragment.to_owned())
}

/// The text that a path in a URL stands for (RFC 3986 section 2.1); `None` if it is not UTF-8.
#[must_use]
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| byte == b'%').and_then(|digits| hex::decode(digits).ok());
        match digits {
            Some(decoded) => {
                out.extend(decoded);
                rest = &tail[2..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// A path as it stands in a URL (RFC 3986): what is neither unreserved nor harmless is encoded.
#[must_use]
pub fn percent_encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+!".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_nothing_that_means_something_else_in_a_url() {
        assert_eq!(percent_encoded("packages/x/x-1!2+l.whl"), "packages/x/x-1!2+l.whl");
        assert_eq!(percent_encoded("a b\"<é>"), "a%20b%22%3C%C3%A9%3E");
    }
}
