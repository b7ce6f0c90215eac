//! The arguments of `tuffet ceremony`.

use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// `tuffet ceremony`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CeremonyCommand {
    /// On the index's machine: write everything that waits into one file
    Prepare(CeremonyPrepare),
    /// At the safe: show what a file would have signed
    Show(CeremonySign),
    /// At the safe: show it, and sign it
    Sign(CeremonySign),
    /// On the index's machine: check what came back, and publish it
    Apply(CeremonyApply),
    /// On the index's machine: give a ceremony up
    Abandon,
}

/// `tuffet ceremony prepare`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CeremonyPrepare {
    /// Where the file goes; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Leave out projects whose keys were registered within this span (24h, 14d)
    #[arg(long, value_name = "SPAN")]
    pub(crate) older_than: Option<String>,
}

/// `tuffet ceremony show` and `tuffet ceremony sign`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CeremonySign {
    /// The file that `ceremony prepare` made, or that came from another holder
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Your key (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// What was signed before, and which key each project had [default: KEY.ledger]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// You know from its author that this key is the project's (repeatable)
    #[arg(long, value_name = "NAME=KEYID")]
    pub(crate) confirm: Vec<String>,
    /// Wait with projects whose key the ledger has known for less than this span (24h, 14d)
    #[arg(long, value_name = "SPAN")]
    pub(crate) older_than: Option<String>,
    /// The ceremony that you signed last was abandoned: this one follows what was published before it
    #[arg(long)]
    pub(crate) abandoned: bool,
    /// Believe the index in every key that is seen for the first time: whoever has taken it over
    /// could have put there what they like
    #[arg(long)]
    pub(crate) confirm_all: bool,
    /// Where the signed file goes [default: FILE itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `tuffet ceremony apply`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CeremonyApply {
    /// What came back: the file of each holder
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}
