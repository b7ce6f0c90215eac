//! Pages for installers and for people: PEP 503, with `data-requires-python` and PEP 714's
//! `data-core-metadata`. Readable on a phone, in light and dark, without a script.

use super::{API_VERSION, PageFile};
use crate::model::ProjectName;
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;\
color-scheme:light dark;overflow-wrap:anywhere}h1{font-size:1.4rem}a{text-decoration:none}a:hover{text-decoration:underline}";

/// The page of a project; `files` are sorted.
#[must_use]
pub fn project(name: &ProjectName, files: &[PageFile<'_>]) -> Vec<u8> {
    let mut out = head(&format!("Links for {name}"));
    for file in files {
        let (url, digest) = (escaped(&file.url()), file.entry.digest);
        let _ = write!(out, "<a href=\"{url}#sha256={digest}\"");
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
        let yanked = if file.yanked.is_some() { " (yanked)" } else { "" };
        let _ = writeln!(out, ">{}</a>{yanked}<br>", escaped(file.name()));
    }
    out.push_str("</body>\n</html>\n");
    out.into_bytes()
}

/// The page of all projects; `names` are sorted.
pub fn root<'a>(names: impl Iterator<Item = &'a ProjectName>) -> Vec<u8> {
    let mut out = head("Simple index");
    for name in names {
        let _ = writeln!(out, "<a href=\"{name}/\">{name}</a><br>");
    }
    out.push_str("</body>\n</html>\n");
    out.into_bytes()
}

fn head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

/// Text in an attribute or between tags.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c if c.is_control() => out.push('\u{fffd}'),
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
    }
}
