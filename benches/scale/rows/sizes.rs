//! Time and memory against the number of targets: the curves of the plots.

use super::{Durable, NO_PAGES, Row, build, is_good, repository, thousands};
use crate::measure::{self, Side};
use crate::{Wanted, inventory};

pub(super) fn rows(wanted: &Wanted) -> Vec<Row> {
    let counts: &[usize] = if wanted.quick {
        &[10_000, 20_000]
    } else {
        &[10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 17_000_000]
    };
    let mut rows = Vec::new();
    for &count in counts {
        let list = inventory::of(wanted, count);
        let mut side = Side::new("tuffet");
        for _ in 0..wanted.runs {
            let folder = repository(wanted, "tuffet", "", NO_PAGES);
            side.runs.push(build(&folder, &list, Durable::Yes));
            is_good(&folder);
            measure::discard(wanted, &folder);
        }
        let work = format!("{} targets from a list, durable", thousands(count));
        let name = format!("sizes-{count}");
        rows.push(Row { name, work, sides: vec![side], ..Row::default() });
    }
    rows
}
