//! The whole-tree verifier over the metadata of all targets.

use super::{Durable, NO_PAGES, Row, build, counts, repository, thousands, tuffet};
use crate::measure::{self, Side};
use crate::{Wanted, inventory};
use std::path::Path;

pub(super) fn row(wanted: &Wanted) -> Vec<Row> {
    let count = counts(wanted).1;
    let list = inventory::of(wanted, count);
    let folder = repository(wanted, "tuffet", "", NO_PAGES);
    build(&folder, &list, Durable::Yes);
    let mut sides = vec![Side::new("tuffet verify"), Side::new("floor: openssl dgst -sha512, two processes")];
    for _ in 0..wanted.runs {
        let args = ["verify", "--metadata-only", "--quiet"];
        sides[0].runs.push(measure::run(&tuffet(), &args, &folder, "").0);
        let hash = "find site/metadata -name '*.bin-*' -print0 | xargs -0 -P2 -n 256 openssl dgst -sha512 > /dev/null";
        sides[1].runs.push(measure::run(Path::new("sh"), &["-c", hash], &folder, "").0);
    }
    measure::discard(wanted, &folder);
    let each = |seconds: f64| (count as f64 / seconds / 1000.0).round();
    let notes = vec![format!(
        "{} thousand targets a second of wall clock, {} thousand a second and a core.",
        each(sides[0].median().wall),
        each(sides[0].median().cpu)
    )];
    let work = format!("verify --metadata-only of {} targets", thousands(count));
    let goals = vec!["targets a second and a core, beside its floor".to_owned()];
    vec![Row { name: "verify".to_owned(), work, sides, goals, notes, ..Row::default() }]
}
