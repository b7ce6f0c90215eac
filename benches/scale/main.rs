//! tuffet beside its peers and its floors, on the same work and in the same run: whole processes, alternating, medians.
//!
//! `TUFFET_PEERS=DIR cargo bench --bench scale` measures the rows whose peers are in DIR, which `benches/peers.sh` makes,
//! keeps what came of each in `docs/performance/results.json`, and writes `docs/performance.md` from that. `-- --rows NAME,…` takes some rows, `-- --runs N` another
//! number of runs, `-- --dir DIR` another place for the trees; `-- --quick` measures nothing that means anything, in
//! two minutes and with no peer, to show that this program works.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops where something is not as it should be, and says what it found"
)]

mod inventory;
mod measure;
mod plot;
mod report;
mod results;
mod rows;

use std::path::PathBuf;

/// What is asked for.
pub(crate) struct Wanted {
    /// Where peers and floors are, and the table of names.
    pub(crate) peers: Option<PathBuf>,
    /// Where trees are made.
    pub(crate) dir: PathBuf,
    pub(crate) runs: usize,
    pub(crate) quick: bool,
    /// The rows; none for all.
    rows: Vec<String>,
}

impl Wanted {
    fn from_args() -> Self {
        let mut wanted = Self {
            peers: std::env::var_os("TUFFET_PEERS").map(PathBuf::from),
            dir: std::env::temp_dir().join("tuffet-scale"),
            runs: 3,
            quick: false,
            rows: Vec::new(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| panic!("{arg} wants a value"));
            match arg.as_str() {
                "--quick" => (wanted.quick, wanted.runs) = (true, 1),
                "--runs" => wanted.runs = value().parse().expect("a number of runs"),
                "--dir" => wanted.dir = value().into(),
                "--rows" => wanted.rows = value().split(',').map(str::to_owned).collect(),
                // cargo says it to every benchmark.
                "--bench" => {}
                other => panic!("{other} is no argument of this benchmark"),
            }
        }
        wanted
    }

    pub(crate) fn takes(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}

fn main() {
    let wanted = Wanted::from_args();
    if wanted.peers.is_none() && !wanted.quick {
        println!("TUFFET_PEERS names no folder (benches/peers.sh makes one): nothing is measured");
        return;
    }
    let mut measured = Vec::new();
    rows::measure(&wanted, &mut |row| {
        print!("{}", report::table(std::iter::once(&row)));
        if wanted.quick { measured.push(row) } else { results::keep(row) }
    });
    if wanted.quick {
        let plots = plot::plots(&measured);
        assert!(!measured.is_empty() && !report::text(&measured).is_empty(), "no row was measured");
        assert!(!wanted.takes("sizes") || plots.len() == 2, "there are no plots");
        println!("--quick: these figures mean nothing, and docs/performance.md stays as it is");
    }
    let _ = std::fs::remove_dir_all(&wanted.dir);
}
