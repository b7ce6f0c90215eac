//! What came of it, for people: a table, plots, and `docs/performance.md`.

use crate::Wanted;
use crate::plot;
use crate::rows::Row;
use std::fmt::Write as _;
use std::process::Command;

/// Every row, as a Markdown table.
pub(crate) fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut out = String::from(
        "| row | work | who | runs | wall, median (least to most) | CPU | memory | beside tuffet | goal |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let first = row.sides[0].median().wall;
        for (number, side) in row.sides.iter().enumerate() {
            let is_first = number == 0;
            let (name, work) = if is_first { (row.name.as_str(), row.work.as_str()) } else { ("", "") };
            let goal = if is_first { row.goals.join("; ") } else { String::new() };
            let took = side.median();
            let (least, most) = side.extent();
            let beside = match () {
                // Another part of our own work is nothing to compare with.
                () if is_first || side.name.starts_with("tuffet") => String::new(),
                () if side.name.starts_with("floor") => {
                    format!("tuffet takes {:.2} times its time", first / took.wall)
                }
                () => format!("tuffet is {:.1} times faster", took.wall / first),
            };
            let _ = writeln!(
                out,
                "| {name} | {work} | {} | {} | {} ({} to {}) | {} | {:.0} MiB | {beside} | {goal} |",
                side.name,
                side.runs.len(),
                seconds(took.wall),
                seconds(least),
                seconds(most),
                seconds(took.cpu),
                took.memory,
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

/// `docs/performance.md`, from all that is known.
pub(crate) fn text(rows: &[Row]) -> String {
    let (sizes, table_rows): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| plot::is_point(row));
    let mut machines: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| !row.on.is_empty()) {
        if !machines.contains(&row.on.as_str()) {
            machines.push(&row.on);
        }
    }
    let machines = machines.iter().map(|machine| {
        let names: Vec<&str> =
            rows.iter().filter(|row| row.on == *machine).map(|row| row.name.as_str()).collect();
        format!("{machine}: {}.\n", names.join(", "))
    });
    let notes =
        table_rows.iter().flat_map(|row| row.notes.iter().map(|note| format!("- {}: {note}\n", row.name)));
    let plots = if sizes.is_empty() {
        String::new()
    } else {
        let points = table(sizes.iter().copied());
        format!(
            "\n## Time and memory against targets\n\n![time against targets](performance/time.svg)\n\n\
             ![memory against targets](performance/memory.svg)\n\n{points}"
        )
    };
    format!(
        "# Performance\n\n\
         Written by `cargo bench --bench scale` from `performance/results.json`, which keeps what each row took when it was \
         measured last. Whole processes, wall clock, medians; the sides of a row take turns. Lists come from a generator with \
         PyPI's names; trees have 16,384 bins, a plain online key and, where a row does not say otherwise, no index pages. A \
         floor does the bare work and nothing else: no check, no state, no old tree; that of lists counts loading, ordering, \
         signing and writing, by the faster of its two signers. Before a first tree the kernel forgets the names that other \
         rows left it with.\n\n\
         {}\n{}\n{}{plots}\n\
         File systems differ most of all: the same run can take several times as long an hour later. Look at ratios of \
         one row, not at seconds of two.\n",
        machines.collect::<Vec<_>>().join("\n"),
        table(table_rows.iter().copied()),
        notes.collect::<String>(),
    )
}

/// On what it was measured.
pub(crate) fn machine(wanted: &Wanted) -> String {
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
    let _ = std::fs::create_dir_all(&wanted.dir);
    let dir = wanted.dir.to_str().unwrap_or("/");
    format!(
        "{} processors ({}; {}), {} GiB of memory, Linux {}, {}, {}",
        std::thread::available_parallelism().map_or(1, usize::from),
        field("model name").unwrap_or_else(|| "unknown".to_owned()),
        has.join(", "),
        memory / 1024 / 1024,
        said("uname", &["-r"]).unwrap_or_default(),
        said("df", &["--output=fstype", dir]).unwrap_or_default(),
        said("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default(),
    )
}
