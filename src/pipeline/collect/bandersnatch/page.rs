//! A page of a mirror: which of its links lead into the mirror, and where.

use crate::model::Sha256;
use crate::model::page::{self, ProjectStatus, percent_decoded};

pub(super) use crate::model::page::{is_time, yanked};

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
    below(page::html(bytes))
}

/// Reads a document of JSON, or says why it is none.
pub(super) fn json(bytes: &[u8]) -> Result<Page, serde_json::Error> {
    page::json(bytes).map(below)
}

/// Links that lead nowhere in the mirror are passed over.
fn below(page: page::Page) -> Page {
    let link = |link: page::Link| {
        let path = below_packages(&link.url)?;
        Some(Link { path, sha256: link.sha256, yanked: link.yanked, uploaded: link.uploaded })
    };
    Page {
        serial: page.serial,
        files: page.files.into_iter().filter_map(link).collect(),
        status: page.status,
    }
}

/// What stands behind `/packages/` in the path of a URL, decoded: the same in every mode of the
/// mirror, relative or absolute. `None` if there is nothing, or something that climbs.
fn below_packages(url: &str) -> Option<String> {
    let at = url.find("/packages/").map(|at| at + "/packages/".len());
    let path = percent_decoded(&url[at.or_else(|| url.starts_with("packages/").then_some(9))?..])?;
    let stays = path.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    (stays && !path.contains('\0')).then_some(path)
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
