//! A page of HTML, as the tokenizer of browsers takes it apart: nothing is kept of it but what a page says.

use super::{Link, Page, ProjectStatus, one_line, split_fragment};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use std::convert::Infallible;

/// Reads a page of HTML.
#[must_use]
pub fn html(bytes: &[u8]) -> Page {
    let mut reading = Reading::default();
    let take = |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        reading.take(event);
        None
    };
    // It gives nothing, and takes all there is.
    Tokenizer::new_with_emitter(bytes, CallbackEmitter::new(take)).for_each(drop);
    let Reading { mut page, status, reason, .. } = reading;
    page.status = status.and_then(|status| ProjectStatus::new(&status, reason));
    page
}

/// The attributes that say something, of whichever tag.
const KNOWN: [&[u8]; 6] =
    [b"href", b"data-core-metadata", b"data-requires-python", b"data-yanked", b"name", b"content"];

/// A start tag that says something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Anchor,
    Meta,
}

/// How far a page is read.
#[derive(Default)]
struct Reading {
    page: Page,
    status: Option<String>,
    reason: Option<String>,
    /// Whether text is that of the last link.
    within: bool,
    /// The start tag that is open.
    tag: Option<Tag>,
    /// Its values, by the place of their names in [`KNOWN`].
    values: [Option<String>; KNOWN.len()],
    /// Whose value comes next.
    next: Option<usize>,
}

impl Reading {
    fn take(&mut self, event: CallbackEvent<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = match name {
                    b"a" => Some(Tag::Anchor),
                    b"meta" => Some(Tag::Meta),
                    _ => None,
                };
                (self.values, self.next) = (Default::default(), None);
            }
            CallbackEvent::AttributeName { name } if self.tag.is_some() => {
                // Of two the first counts, as in browsers.
                let known = KNOWN.iter().position(|known| *known == name);
                self.next = known.filter(|at| self.values[*at].is_none());
                if let Some(at) = self.next {
                    self.values[at] = Some(String::new());
                }
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some(at) = self.next.take() {
                    self.values[at] = Some(text(value));
                }
            }
            CallbackEvent::CloseStartTag { .. } => match self.tag.take() {
                Some(Tag::Anchor) => self.anchor(),
                Some(Tag::Meta) => self.meta(),
                None => {}
            },
            CallbackEvent::EndTag { name: b"a" } => self.within = false,
            CallbackEvent::String { value } if self.within => {
                if let Some(link) = self.page.files.last_mut() {
                    link.name += &String::from_utf8_lossy(value);
                }
            }
            CallbackEvent::Comment { value } => {
                let serial = text(value).trim().strip_prefix("SERIAL ").and_then(|n| n.trim().parse().ok());
                self.page.serial = serial.unwrap_or(self.page.serial);
            }
            _ => {}
        }
    }

    fn anchor(&mut self) {
        let [href, metadata, requires_python, yanked, ..] = std::mem::take(&mut self.values);
        let Some((url, fragment)) = href.map(|href| split_fragment(&href)) else { return };
        let digest = |text: &str| text.strip_prefix("sha256=").and_then(|hex| hex.parse().ok());
        self.page.files.push(Link {
            url,
            sha256: digest(&fragment),
            requires_python,
            metadata: metadata.and_then(|text| digest(&text)),
            yanked: yanked.map(|reason| one_line(&reason)),
            ..Link::default()
        });
        self.within = true;
    }

    fn meta(&mut self) {
        let [.., name, content] = std::mem::take(&mut self.values);
        match name.as_deref() {
            Some("pypi:project-status") => self.status = content,
            Some("pypi:project-status-reason") => self.reason = content,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_attribute_that_is_there_twice_the_first_counts_and_none_of_another_tag() {
        let digest = "a".repeat(64);
        let text = format!(
            "<b href=no><a href='x-1.zip#sha256={digest}' HREF=y data-yanked data-yanked=late>\
             x<i href=z>-1</i>.zip</a data-requires-python=3>after"
        );
        let page = html(text.as_bytes());
        let link = Link {
            name: "x-1.zip".to_owned(),
            url: "x-1.zip".to_owned(),
            sha256: digest.parse().ok(),
            yanked: Some(String::new()),
            ..Link::default()
        };
        assert_eq!(page.files, [link]);
        assert_eq!(html(b"<a><a name=x>text</a><a href=x").files, []);
    }
}
