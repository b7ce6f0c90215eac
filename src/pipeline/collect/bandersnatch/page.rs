//! A page of a mirror, as installers read it: PEP 503 with its later attributes in HTML, PEP 691 in
//! JSON. Takes bytes from a stranger, gives what they offer; links that lead nowhere in the mirror are
//! passed over.

use crate::model::Sha256;
use crate::pipeline::source::{ProjectStatus, one_line};
use html5gum::emitters::default::StartTag;
use html5gum::{Token, Tokenizer};
use serde::Deserialize;
use serde_json::Value;

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The state of the mirror that it shows; 0 if it does not say.
    pub(super) serial: u64,
    pub(super) files: Vec<Link>,
    pub(super) status: Option<ProjectStatus>,
}

/// A file that a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its path below the mirror's `packages/`, decoded.
    pub(super) path: String,
    pub(super) sha256: Option<Sha256>,
    /// Why it is yanked, `""` without a reason; `None` if it is not (PEP 592).
    pub(super) yanked: Option<String>,
    /// When it was uploaded, as PEP 700 writes it.
    pub(super) uploaded: Option<String>,
}

/// Reads a page of HTML.
pub(super) fn html(bytes: &[u8]) -> Page {
    let mut page = Page::default();
    let (mut status, mut reason) = (None, None);
    for Ok(token) in Tokenizer::new(bytes) {
        match token {
            Token::StartTag(tag) if **tag.name == *b"a" => {
                let Some((url, fragment)) = attribute(&tag, b"href").map(|href| split_fragment(&href)) else {
                    continue;
                };
                let Some(path) = below_packages(&url) else { continue };
                let sha256 = fragment.strip_prefix("sha256=").and_then(|digest| digest.parse().ok());
                page.files.push(Link {
                    path,
                    sha256,
                    yanked: attribute(&tag, b"data-yanked").map(|reason| one_line(&reason)),
                    uploaded: None,
                });
            }
            Token::StartTag(tag) if **tag.name == *b"meta" => match attribute(&tag, b"name").as_deref() {
                Some("pypi:project-status") => status = attribute(&tag, b"content"),
                Some("pypi:project-status-reason") => reason = attribute(&tag, b"content"),
                _ => {}
            },
            Token::Comment(comment) => {
                let text = String::from_utf8_lossy(&comment).into_owned();
                let serial =
                    text.trim().strip_prefix("SERIAL ").and_then(|serial| serial.trim().parse().ok());
                page.serial = serial.unwrap_or(page.serial);
            }
            _ => {}
        }
    }
    page.status = status.and_then(|status| ProjectStatus::new(&status, reason));
    page
}

/// The value of an attribute.
fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let found = tag.attributes.iter().find(|(attribute, _)| ***attribute == *name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// Reads a document of JSON, or says why it is none.
pub(super) fn json(bytes: &[u8]) -> Result<Page, serde_json::Error> {
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
        hashes: std::collections::BTreeMap<String, String>,
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
    let document: Document = serde_json::from_slice(bytes)?;
    let serial = match &document.meta.serial {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_u64().unwrap_or(0),
    };
    let files = document.files.into_iter().filter_map(|file| {
        let path = below_packages(&split_fragment(&file.url).0)?;
        let sha256 = file.hashes.get("sha256").and_then(|digest| digest.parse().ok());
        let yanked = yanked(&file.yanked);
        Some(Link { path, sha256, yanked, uploaded: file.uploaded.filter(|time| is_time(time)) })
    });
    let status = document.status.and_then(|s| ProjectStatus::new(s.status.as_deref()?, s.reason));
    Ok(Page { serial, files: files.collect(), status })
}

/// `yanked` of PEP 691: a flag, or a reason.
pub(super) fn yanked(value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some(String::new()),
        Value::String(reason) => Some(one_line(reason)),
        _ => None,
    }
}

/// A moment as PEP 700 wants it: UTC with a `Z`, no more than microseconds.
pub(super) fn is_time(text: &str) -> bool {
    let form = text.len() <= "2026-01-01T00:00:00.000000Z".len() && text.ends_with('Z') && text.contains('T');
    form && text.parse::<crate::model::Moment>().is_ok()
}

fn split_fragment(url: &str) -> (String, String) {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    (url.split('?').next().unwrap_or(url).to_owned(), fragment.to_owned())
}

/// What stands behind `/packages/` in the path of a URL, decoded: the same in every mode of the
/// mirror, relative or absolute. `None` if there is nothing, or something that climbs.
fn below_packages(url: &str) -> Option<String> {
    let at = url.find("/packages/").map(|at| at + "/packages/".len());
    let path = percent_decoded(&url[at.or_else(|| url.starts_with("packages/").then_some(9))?..])?;
    let stays = path.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    (stays && !path.contains('\0')).then_some(path)
}

/// The text that a path in a URL stands for (RFC 3986 section 2.1); `None` if it is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" content=\"1.0\">\
        <meta name='pypi:project-status' content='archived'>\
        <meta name='pypi:project-status-reason' content='moved &amp; gone'></head><body><h1>Links for x</h1>\
        <a href=\"../../packages/05/6d/ab/x-1.0%2Blocal-py3-none-any.whl#sha256=904cf364728428688841d588f07e368d52ba3dac571fead5ec3599dbec82cac8\" \
        data-yanked=\"Curdled: &quot;off&quot; &amp; &lt;sour&gt;\">x</a><br/>\
        <a HREF='https://files.example/packages/a/b/c/x-1.0.tar.gz'>x</a>\
        <a href=\"../../packages/../../etc/passwd\">no</a><a href=\"https://example.com/\">no</a><a>no</a>\
        </body></html>\n<!--SERIAL 1002-->";

    #[test]
    fn html_pages_give_links_reasons_status_and_serial() {
        let page = html(HTML.as_bytes());
        let paths: Vec<&str> = page.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["05/6d/ab/x-1.0+local-py3-none-any.whl", "a/b/c/x-1.0.tar.gz"]);
        assert_eq!(page.files[0].yanked.as_deref(), Some("Curdled: \"off\" & <sour>"));
        assert!(page.files[0].sha256.is_some() && page.files[1].sha256.is_none());
        assert_eq!((page.files[1].yanked.clone(), page.serial), (None, 1002));
        assert_eq!(page.status, ProjectStatus::new("archived", Some("moved & gone".to_owned())));
    }

    #[test]
    fn json_pages_give_times_too() {
        let text = r#"{"files":[
            {"filename":"a","url":"../../packages/1/2/3/a.whl","hashes":{},"yanked":"why","upload-time":"2024-09-30T11:18:15.957584Z"},
            {"url":"../../packages/1/2/3/b.whl","hashes":{"md5":"x"},"yanked":true,"upload-time":""},
            {"url":"../../packages/1/2/3/c.whl","yanked":false,"upload-time":null},
            {"url":"http://elsewhere/c.whl"}],
            "meta":{"api-version":"1.1","_last-serial":"7"},"project-status":{"status":"quarantined"}}"#;
        let page = json(text.as_bytes()).unwrap();
        let told: Vec<_> =
            page.files.iter().map(|file| (file.yanked.as_deref(), file.uploaded.as_deref())).collect();
        assert_eq!(
            told,
            [(Some("why"), Some("2024-09-30T11:18:15.957584Z")), (Some(""), None), (None, None)]
        );
        assert_eq!((page.serial, page.status), (7, ProjectStatus::new("quarantined", None)));
        assert_eq!(json(br#"{"files":[],"meta":{"_last-serial":9}}"#).unwrap().serial, 9);
        for bad in ["", "[]", "{}", "{\"files\":3}", "{\"files\":[{}]}"] {
            assert!(json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
