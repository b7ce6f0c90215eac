//! What came of it, for people: a table, and `docs/performance.md`.

use crate::Wanted;
use crate::measure::Side;
use crate::rows::Row;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Every row, as a Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| row | work | who | wall, median (least to most) | CPU | memory | tuffet's share | goal |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let first = row.sides[0].wall().0;
        for (number, side) in row.sides.iter().enumerate() {
            let (name, work) = if number == 0 { (row.name, row.work.as_str()) } else { ("", "") };
            let goal = if number == 0 { row.goals.join("; ") } else { String::new() };
            let (median, least, most) = side.wall();
            let share = if number == 0 { String::new() } else { format!("{:.2}", first / median) };
            let _ = writeln!(
                out,
                "| {name} | {work} | {} | {} ({} to {}) | {} | {:.0} MiB | {share} | {goal} |",
                side.name,
                seconds(median),
                seconds(least),
                seconds(most),
                seconds(side.cpu()),
                side.memory(),
            );
        }
    }
    out
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 20.0 => format!("{s:.2} s"),
        s => format!("{s:.0} s"),
    }
}

/// Writes `docs/performance.md`.
pub(crate) fn write(wanted: &Wanted, rows: &[Row]) {
    let runs: Vec<usize> =
        rows.iter().flat_map(|row| &row.sides).map(|side: &Side| side.runs.len()).collect();
    let (fewest, most) = (runs.iter().min().copied().unwrap_or(0), runs.iter().max().copied().unwrap_or(0));
    let text = format!(
        "# Performance\n\n\
         Written by `cargo bench --bench scale` ({}). Whole processes, wall clock, medians of {fewest} to {most} runs; the sides \
         of a row take turns. Lists come from a generator with PyPI's names; trees have 16,384 bins, a plain online key and no \
         index pages. A floor does the bare work and nothing else: no check, no state, no old tree; its time is that of \
         loading, ordering, signing and writing, by the faster of its two signers. *tuffet's share* is its time as a part \
         of the other's.\n\n{}\n\n{}\n\
         File systems differ most of all: the same run can take several times as long an hour later. Look at ratios of \
         one run, not at seconds of two.\n",
        rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", "),
        machine(wanted),
        table(rows),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    std::fs::write(&path, text).unwrap();
    println!("wrote {}", path.display());
}

/// On what it was measured.
fn machine(wanted: &Wanted) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let flags = field("flags").unwrap_or_default();
    let has: Vec<&str> = ["sha_ni", "avx2", "avx512f"]
        .into_iter()
        .filter(|flag| flags.split(' ').any(|f| f == *flag))
        .collect();
    let memory = read("/proc/meminfo");
    let memory: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0);
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().trim().to_owned())
    };
    let dir = wanted.dir.to_str().unwrap_or("/");
    format!(
        "Machine: {} processors ({}; {}), {} GiB of memory, Linux {}, {}. On {}.",
        std::thread::available_parallelism().map_or(1, usize::from),
        field("model name").unwrap_or_else(|| "unknown".to_owned()),
        has.join(", "),
        memory / 1024 / 1024,
        said("uname", &["-r"]).unwrap_or_default(),
        said("df", &["--output=fstype", dir]).unwrap_or_default(),
        said("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default(),
    )
}
