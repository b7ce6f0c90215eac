//! Pages for installers and for people: PEP 503, with `data-requires-python`, PEP 592's `data-yanked`,
//! PEP 714's `data-core-metadata` and the status of PEP 792. Every link of a project's page is a file of
//! it. Readable on a phone, in light and dark, without a script.

use super::{API_VERSION, Page, PageFile};
use crate::model::ProjectName;
use crate::model::page::is_unseen;
use crate::report::amount;
use pep440_rs::Version;
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark;--soft:#57606a;--line:#d0d7de;--link:#0550ae;--warn:#fff3d6}\
@media(prefers-color-scheme:dark){:root{--soft:#9aa4af;--line:#3d444d;--link:#79b8ff;--warn:#4a3a10}}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\
h1{font-size:1.5rem;margin:.5rem 0 1rem}\
h2{font-size:1.05rem;margin:1.5rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}\
p{margin:.4rem 0}small{display:block;color:var(--soft)}\
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\
nav{columns:14rem}nav a{display:block;padding:.15rem 0}\
strong{background:var(--warn);padding:0 .3em;border-radius:.2em}";

/// The page of a project, the newest version first.
#[must_use]
pub fn project(page: &Page<'_>) -> Vec<u8> {
    let Page { project, status, files } = *page;
    let mut out = String::new();
    head(&mut out, project.as_str(), status.map(|status| (&*status.status, status.reason.as_deref())));
    if let Some(status) = status {
        let _ = write!(out, "<p><strong>This project is {}.</strong>", escaped(&status.status));
        if let Some(reason) = &status.reason {
            let _ = write!(out, " {}", escaped(reason));
        }
        out.push_str("</p>\n");
    }
    if files.is_empty() {
        out.push_str("<p>No files.</p>\n");
    }
    // Files are sorted by version, so that those of one stand together.
    let mut versions: Vec<(Option<Version>, Vec<&PageFile<'_>>)> = Vec::new();
    for file in files {
        let version = file.version(project);
        match versions.last_mut() {
            Some((last, files)) if *last == version => files.push(file),
            _ => versions.push((version, vec![file])),
        }
    }
    for (version, files) in versions.iter().rev() {
        match version {
            Some(version) => _ = writeln!(out, "<h2>{version}</h2>"),
            None => out.push_str("<h2>Other files</h2>\n"),
        }
        files.iter().for_each(|file| link(&mut out, file));
    }
    out.push_str("</body>\n</html>\n");
    out.into_bytes()
}

/// One file: the link with everything that installers read, and below it what a person asks first.
fn link(out: &mut String, file: &PageFile<'_>) {
    let _ = write!(out, "<p><a href=\"{}#sha256={}\"", escaped(&file.url()), file.entry.digest);
    if let Some(requires) = &file.facts.requires_python {
        let _ = write!(out, " data-requires-python=\"{}\"", escaped(requires));
    }
    if let Some(reason) = file.yanked {
        let _ = write!(out, " data-yanked=\"{}\"", escaped(reason));
    }
    if let Some((digest, _)) = &file.facts.metadata {
        // The second name is what installers from before PEP 714 read.
        let _ = write!(
            out,
            " data-core-metadata=\"sha256={digest}\" data-dist-info-metadata=\"sha256={digest}\""
        );
    }
    let _ = write!(out, ">{}</a><small>{}", escaped(file.name()), amount::size(file.entry.length));
    if let Some(day) = file.uploaded.and_then(|uploaded| uploaded.get(..10)) {
        let _ = write!(out, " · {}", escaped(day));
    }
    if let Some(requires) = &file.facts.requires_python {
        let _ = write!(out, " · Python {}", escaped(requires));
    }
    if let Some(reason) = file.yanked {
        out.push_str(" · <strong>yanked</strong>");
        if !reason.is_empty() {
            let _ = write!(out, " {}", escaped(reason));
        }
    }
    out.push_str("</small></p>\n");
}

/// The page of all projects; `names` are sorted.
pub fn root<'a>(names: impl ExactSizeIterator<Item = &'a ProjectName>) -> Vec<u8> {
    let mut out = String::new();
    head(&mut out, "Simple index", None);
    let _ = match names.len() {
        1 => write!(out, "<p>1 project</p>\n<nav>\n"),
        count => write!(out, "<p>{count} projects</p>\n<nav>\n"),
    };
    for name in names {
        let _ = writeln!(out, "<a href=\"{name}/\">{name}</a>");
    }
    out.push_str("</nav>\n</body>\n</html>\n");
    out.into_bytes()
}

fn head(out: &mut String, title: &str, status: Option<(&str, Option<&str>)>) {
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n"
    );
    if let Some((status, reason)) = status {
        let _ = writeln!(out, "<meta name=\"pypi:project-status\" content=\"{}\">", escaped(status));
        if let Some(reason) = reason {
            let _ =
                writeln!(out, "<meta name=\"pypi:project-status-reason\" content=\"{}\">", escaped(reason));
        }
    }
    let _ = write!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
}

/// Text in an attribute or between tags. A character that nobody sees is replaced: a reason or a version range is never
/// to look like another.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c if is_unseen(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_stranger_wrote_never_becomes_markup() {
        assert_eq!(
            escaped(">=3.8,<\"4\" & '<script>'"),
            "&gt;=3.8,&lt;&quot;4&quot; &amp; &#x27;&lt;script&gt;&#x27;"
        );
        assert_eq!(escaped("a\u{202e}b\u{0}"), "a\u{fffd}b\u{fffd}");
    }
}
