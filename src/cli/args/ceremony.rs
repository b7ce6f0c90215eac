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
    /// Let an empty role stand in for every claimed project with a role that ends before the
    /// ceremony after next
    #[arg(long)]
    pub(crate) suspend_lapsing: bool,
    /// Let go of the name of a revoked project: it is anybody's again (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) free: Vec<String>,
    /// After a break-in: go back to what was published at this snapshot, the last one that is known
    /// to be good, under another online key; `recently-claimed` is emptied
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["suspend_lapsing", "free"])]
    pub(crate) compromised_since: Option<u64>,
    /// A copy of the site of that time, from a backup or a mirror: what the online key signed is
    /// read there [default: the site, in which whoever broke in could change it]
    #[arg(long, value_name = "SITE", requires = "compromised_since")]
    pub(crate) copy: Option<PathBuf>,
    /// Another number of bins: a power of two
    #[arg(long, value_name = "N")]
    pub(crate) bins: Option<u64>,
    /// Other keys, or another threshold, for a role: root, targets, claimed, unclaimed; admin for
    /// the last three together, online for what this machine signs (repeatable)
    #[arg(long, value_name = "ROLE")]
    pub(crate) rotate: Vec<String>,
    /// A key that is to hold the role from then on: the file with its public part, or the id of
    /// one that holds it now (repeatable; all of them are to be named, and the others go)
    #[arg(long, value_name = "ROLE=KEY", requires = "rotate")]
    pub(crate) keys: Vec<String>,
    /// The same, for a key that lies in an ssh-agent or a token: it signs claimed, its shards and
    /// unclaimed as it is, with no key of its own for each, so that one can be shown for another
    #[arg(long, value_name = "ROLE=KEY", requires = "rotate")]
    pub(crate) as_it_is: Vec<String>,
    /// With --rotate online: the key that is to come, in place of making one: a key file, or the
    /// pkcs11: URI of a key in a token
    #[arg(long, value_name = "KEY")]
    pub(crate) next_online: Option<PathBuf>,
    /// How many of the keys must sign from then on (repeatable)
    #[arg(long, value_name = "ROLE=N", requires = "rotate")]
    pub(crate) threshold: Vec<String>,
}

/// `tuffet ceremony show` and `tuffet ceremony sign`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CeremonySign {
    /// The file that `ceremony prepare` made, or that came from another holder
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Your key: a key file, a public key whose other half is in a running ssh-agent, or the pkcs11:
    /// URI of a key in a token (repeatable)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<PathBuf>,
    /// What was signed before, and which key each project had [default: KEY.ledger, beside a
    /// key file]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// What you know of a project, from its author or from the people who run the index: its key;
    /// of several each, and how many of them must sign; or the word `suspended` or `freed`
    /// (repeatable)
    #[arg(long, value_name = "NAME=KEYID|N")]
    pub(crate) confirm: Vec<String>,
    /// Wait with projects whose key the ledger has known for less than this span (24h, 14d)
    #[arg(long, value_name = "SPAN")]
    pub(crate) older_than: Option<String>,
    /// You know from its holder that this key is to hold ROLE, or with a `-` before its id that it
    /// is not to hold it any more; or that so many are to sign it. ROLE is root, targets, claimed,
    /// unclaimed, admin for these three, or online (repeatable)
    #[arg(long, value_name = "ROLE=KEYID|-KEYID|N")]
    pub(crate) trust: Vec<String>,
    /// Suspend every project that the file wants suspended
    #[arg(long)]
    pub(crate) suspensions: bool,
    /// The ceremony that you signed last was abandoned: this one follows what was published before
    /// it. With `=ID`, which `ceremony abandon` shows, that one and not the last (repeatable)
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, default_missing_value = "last")]
    pub(crate) abandoned: Vec<String>,
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
