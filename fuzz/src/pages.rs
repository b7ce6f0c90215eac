//! Pages of an index, and the mirror that bandersnatch keeps.

use super::scratch;
use tuffet::model::page;
use tuffet::pipeline::collect::{Layout, Request, Selection, collect};
use tuffet::report::Silent;

pub(crate) fn html(bytes: &[u8]) {
    look(&page::html(bytes));
}

pub(crate) fn json(bytes: &[u8]) {
    if let Ok(page) = page::json(bytes) {
        look(&page);
    }
}

fn look(page: &page::Page) {
    for link in &page.files {
        assert!(!link.url.contains(['#', '?']), "{link:?}");
        assert!(link.yanked.iter().all(|reason| page::one_line(reason) == *reason), "{link:?}");
    }
}

/// Files of a mirror: its pages, what PyPI said, packages.
pub(crate) fn mirror(bytes: &[u8]) {
    let source = scratch::free("mirror");
    scratch::unpack(&source, &scratch::files(bytes));
    for folder in ["simple", "packages"] {
        let _ = std::fs::create_dir_all(source.join(folder));
    }
    let selection = Selection::new(&[], &[]).expect("no globs");
    let request = Request {
        source: &source,
        layout: Layout::Bandersnatch,
        selection: &selection,
        known: &|_, _| None,
        known_listing: &|_| None,
        may_be_empty: false,
        was_mirror: true,
        is_young: &|_| false,
    };
    if let Ok(collected) = collect(&request, &Silent) {
        let root = source.canonicalize().expect("it is there");
        for candidate in &collected.candidates {
            assert!(candidate.target.as_str().starts_with("packages/"), "{candidate:?}");
            assert!(candidate.path.canonicalize().is_ok_and(|path| path.starts_with(&root)), "{candidate:?}");
        }
    }
}
