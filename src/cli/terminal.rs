//! The reporter of the binary: events in, a bar a stage out on a terminal, warnings kept for the
//! end, and the seconds of each stage.

use super::args::Common;
use super::clock::Watch;
use super::show;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use tuffet::disk::memory;
use tuffet::report::{Code, Event, Reporter, Stage, Warning};

/// So many files are named under a warning; the rest are counted.
const NAMED: usize = 5;

/// The width of standard error in columns; without a terminal, text is for a log and 80 suit it.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.map_or(80, |size| usize::from(size.ws_col)).clamp(40, 120)
}

/// Collects events, and draws what goes on.
pub(crate) struct Terminal {
    bars: bool,
    quiet: bool,
    verbose: bool,
    total: Watch,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    bar: Option<ProgressBar>,
    began: BTreeMap<&'static str, Watch>,
    seconds: BTreeMap<&'static str, f64>,
    /// The most memory that each stage took, in bytes.
    memory: BTreeMap<&'static str, u64>,
    warnings: Vec<Warning>,
}

/// What a run was like.
pub(crate) struct Finished {
    /// What somebody should know.
    pub(crate) warnings: Vec<Warning>,
    /// The seconds of each stage, and `total`.
    pub(crate) seconds: BTreeMap<&'static str, f64>,
    /// The most memory that was resident in each stage, in bytes, and `peak`; nothing where the system does not say.
    pub(crate) memory: BTreeMap<&'static str, u64>,
}

impl Terminal {
    pub(crate) fn new(common: &Common) -> Self {
        Self {
            bars: std::io::stderr().is_terminal() && !common.quiet,
            quiet: common.quiet,
            verbose: common.verbose,
            total: Watch::start(),
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn begin(&self, stage: Stage, items: Option<u64>) {
        let mut inner = self.inner();
        inner.note_peak();
        memory::forget_peak();
        inner.began.insert(stage.name(), Watch::start());
        if self.bars {
            let bar = ProgressBar::with_draw_target(items, ProgressDrawTarget::stderr());
            let template = match items {
                Some(_) => "{prefix:>9} [{bar:40}] {pos}/{len}",
                None => "{prefix:>9} {spinner}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(stage.name());
            inner.bar = Some(bar);
        }
    }

    fn end(&self, stage: Stage) {
        let mut inner = self.inner();
        if let Some(bar) = inner.bar.take() {
            bar.finish_and_clear();
        }
        if let Some(watch) = inner.began.remove(stage.name()) {
            *inner.seconds.entry(stage.name()).or_default() += watch.seconds();
        }
        let peak = inner.note_peak();
        if let Some(peak) = peak {
            let most = inner.memory.entry(stage.name()).or_default();
            *most = peak.max(*most);
        }
    }

    /// Prints the warnings, grouped, and with `-v` the seconds and the memory; gives what the JSON shows.
    pub(crate) fn finish(&self) -> Finished {
        let mut inner = self.inner();
        inner.note_peak();
        let mut warnings = std::mem::take(&mut inner.warnings);
        warnings.sort();
        let mut seconds = std::mem::take(&mut inner.seconds);
        seconds.insert("total", self.total.seconds());
        if !self.quiet {
            let mut out = std::io::stderr().lock();
            let _ = out.write_all(grouped(&warnings, self.verbose, width()).as_bytes());
            if self.verbose {
                let shown: Vec<String> = seconds.iter().map(|(stage, s)| format!("{stage} {s:.3}")).collect();
                let _ =
                    writeln!(out, "{}", show::wrap(&format!("seconds: {}", shown.join(", ")), width(), "  "));
                let shown =
                    inner.memory.iter().map(|(stage, bytes)| format!("{stage} {}", show::size(*bytes)));
                let shown = format!("memory: {}", shown.collect::<Vec<_>>().join(", "));
                let _ = writeln!(out, "{}", show::wrap(&shown, width(), "  "));
            }
        }
        Finished { warnings, seconds, memory: std::mem::take(&mut inner.memory) }
    }
}

impl Inner {
    /// Notes the most memory that was resident since the peak was last forgotten.
    fn note_peak(&mut self) -> Option<u64> {
        let peak = memory::resident()?.peak;
        let most = self.memory.entry("peak").or_default();
        *most = peak.max(*most);
        Some(peak)
    }
}

impl Reporter for Terminal {
    fn event(&self, event: Event) {
        match event {
            Event::Begin(stage, items) => self.begin(stage, items),
            Event::Done(items) => {
                if self.bars
                    && let Some(bar) = &self.inner().bar
                {
                    bar.inc(items);
                }
            }
            Event::End(stage) => self.end(stage),
            Event::Warning(warning) => self.inner().warnings.push(warning),
        }
    }
}

/// One heading for all warnings of a kind, and the first few of them by name.
fn grouped(warnings: &[Warning], all: bool, width: usize) -> String {
    let mut groups: BTreeMap<Code, Vec<&Warning>> = BTreeMap::new();
    warnings.iter().for_each(|warning| groups.entry(warning.code).or_default().push(warning));
    let mut out = String::new();
    for (code, group) in groups {
        let files = group.iter().filter(|warning| warning.path.is_some()).count();
        let heading = match files {
            0 => format!("warning[{}]: {}", code.name(), code.heading()),
            files => format!(
                "warning[{}]: {} ({})",
                code.name(),
                code.heading(),
                show::count(files as u64, "file")
            ),
        };
        out.push_str(&show::wrap(&heading, width, "  "));
        out.push('\n');
        let named = if all { group.len() } else { NAMED.min(group.len()) };
        for warning in &group[..named] {
            let line = match &warning.path {
                // The heading says it all.
                Some(path) if code == Code::NotADistribution => show::one_line(path),
                Some(path) => format!("{}: {}", show::one_line(path), warning.message),
                None => warning.message.clone(),
            };
            out.push_str("  ");
            out.push_str(&show::wrap(&line, width - 2, "    "));
            out.push('\n');
        }
        if named < group.len() {
            out.push_str(&format!("  and {} more (-v names them)\n", group.len() - named));
        }
    }
    out
}
