//! The command line. Help, completions and manual pages all come from these definitions.

mod author;
mod ceremony;
mod compromise;

pub(crate) use author::{
    AuthorCommand, AuthorDelegate, AuthorJoin, AuthorShow, AuthorSign, From, ProjectAccept, ProjectCommand,
    ProjectRevoke,
};
pub(crate) use ceremony::{CeremonyApply, CeremonyCommand, CeremonyPrepare, CeremonySign};
pub(crate) use compromise::Compromise;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:
  0   done
  1   a check found something
  2   wrong usage, or a mistake in pipeline.toml
  3   a key, the published tree or two files of the source stand in the way;
      nothing was signed
  4   the source looks like a disaster: missing, empty, or a tenth of it gone
  5   a file could not be read or written
  75  another run holds the lock

To begin:  tuffet build --init    in a folder with a pipeline.toml
           tuffet init            elsewhere: it writes one";

/// Turn a directory of Python distributions into a TUF-signed static repository
#[derive(Debug, Parser)]
#[command(name = "tuffet", version, max_term_width = 80, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// Read the configuration from FILE; paths in it are relative to its folder
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml", global = true)]
    pub(crate) config: PathBuf,
    /// What to print on standard output: text for people, exactly one JSON document, or (of
    /// `status` alone) metrics
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    pub(crate) format: Format,
    /// Take this moment for now (else SOURCE_DATE_EPOCH, else the system's clock)
    #[arg(long, value_name = "RFC3339", global = true)]
    pub(crate) now: Option<String>,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Name everything: every skipped file, the seconds of each stage
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Take passphrases of keys from the first line of FILE (else TUFFET_PASSPHRASE, else ask)
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Wait so long for a signature of an ssh-agent or a token (90s, 15m), and give up
    #[arg(long, value_name = "SPAN", default_value = "60s", global = true)]
    pub(crate) signer_timeout: String,
}

/// The form of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
    Prometheus,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the keys and version 1 of every role
    Init(Init),
    /// Publish what is new in the source
    Build(Build),
    /// Write what a scan of the source finds as a list, for `build --inventory`
    Inventory(InventoryOut),
    /// Check every role and every file of a site as the strictest client would
    Verify(Verify),
    /// Say what is published, how long it holds, and what waits for somebody
    Status(Status),
    /// Say which roles and keys stand behind a project or a target, and who could forge it
    Explain(Explain),
    /// Say what somebody could do to each project who holds these keys and the web server
    Compromise(Compromise),
    /// Remove old files that no reader can still want
    Sweep(Sweep),
    /// Sign releases of your own project, and let members in (on your own machine)
    #[command(subcommand)]
    Author(AuthorCommand),
    /// Take in what authors submit, and say whose key is whose (on the index's machine)
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Have what waits signed by keys that are not on this machine: one file to the safe and back
    #[command(subcommand)]
    Ceremony(CeremonyCommand),
    /// Make a key, or show which one a file holds
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page of tuffet, or of one of its commands
    Man {
        /// Which command
        command: Option<String>,
    },
}

/// `tuffet init`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Init {
    /// Where the offline keys go [default: offline-keys beside pipeline.toml]
    #[arg(long, value_name = "DIR")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// How many root keys to make
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "root_key")]
    pub(crate) root_keys: u32,
    /// How many of them must sign a new root
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) root_threshold: u32,
    /// How many administrators' keys to make
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "admin_key")]
    pub(crate) admin_keys: u32,
    /// How many of them must sign targets, claimed and unclaimed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) admin_threshold: u32,
    /// A root key that is there already, in place of making any: a key file, a public key whose other
    /// half is in a running ssh-agent, or the pkcs11: URI of a key in a token (repeatable)
    #[arg(long, value_name = "KEY")]
    pub(crate) root_key: Vec<PathBuf>,
    /// The same for an administrator's key (repeatable)
    #[arg(long, value_name = "KEY")]
    pub(crate) admin_key: Vec<PathBuf>,
    /// The same for the online key: of a key in a token its URI goes into the state folder, of
    /// another a copy of the file
    #[arg(long, value_name = "KEY")]
    pub(crate) online_key: Option<PathBuf>,
    /// Take the passphrase of the offline keys from the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) offline_passphrase_file: Option<PathBuf>,
    /// Write the keys without a passphrase (for trying things out)
    #[arg(long)]
    pub(crate) insecure_plain_keys: bool,
}

impl Default for Init {
    fn default() -> Self {
        Self {
            keys_dir: None,
            root_keys: 3,
            root_threshold: 2,
            admin_keys: 2,
            admin_threshold: 1,
            root_key: Vec::new(),
            admin_key: Vec::new(),
            online_key: None,
            offline_passphrase_file: None,
            insecure_plain_keys: false,
        }
    }
}

/// `tuffet build`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Build {
    /// Run init first where nothing is published yet
    #[arg(long)]
    pub(crate) init: bool,
    /// Publish what this list says, in place of the source: Parquet, CSV or JSON lines with the
    /// columns path (or name and filename), size and sha256_digest, or lines of
    /// path;size;hash-type;hash. Nothing is walked or hashed, and the files are served from
    /// elsewhere (repeatable; lists may overlap where they agree)
    #[arg(long, value_name = "FILE", conflicts_with = "rehash")]
    pub(crate) inventory: Vec<PathBuf>,
    /// Look only at these paths of the source, one a line, added, changed or removed, and keep what
    /// is published of all others; - reads them from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inventory", "rehash"])]
    pub(crate) changed: Option<PathBuf>,
    /// Hash every file again, and put back published files that are gone or damaged
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Take the new bytes of this file although it is published with others (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) replace: Vec<String>,
    /// After a break-in: take the source as it is, with all that came, changed or left since the
    /// state that was gone back to; somebody has looked at it
    #[arg(long)]
    pub(crate) decided: bool,
    /// Build although the source is empty, or has lost more than a tenth of what is published
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Wait while another run holds the lock
    #[arg(long)]
    pub(crate) wait: bool,
    /// Write to FILE what to upload, in order, what to remove after that, and what to purge from
    /// caches. While FILE is there, it has not been carried out, and is written with all that is
    /// still to do
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) manifest: Option<PathBuf>,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not wait for the disk, so that a measurement shows the rest: when the power goes, what was
    /// published may be lost, or be there by half
    #[arg(long)]
    pub(crate) no_sync: bool,
    /// Use N threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

/// `tuffet inventory`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct InventoryOut {
    /// Where the list goes, as Parquet with the columns of PyPI's distribution_metadata table
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Hash every file again
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Wait while another run holds the lock
    #[arg(long)]
    pub(crate) wait: bool,
    /// Use N threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

/// `tuffet verify`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Verify {
    /// The site [default: site.path of pipeline.toml]
    #[arg(value_name = "SITE", conflicts_with_all = ["metadata", "targets"])]
    pub(crate) site: Option<PathBuf>,
    /// Trust this root and what follows from it [default: the oldest one there]
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// The metadata base of a tree in another layout
    #[arg(long, value_name = "DIR")]
    pub(crate) metadata: Option<PathBuf>,
    /// The targets base of a tree in another layout
    #[arg(long, value_name = "DIR", requires = "metadata")]
    pub(crate) targets: Option<PathBuf>,
    /// Check roles only, no target files
    #[arg(long)]
    pub(crate) metadata_only: bool,
    /// Let warnings count as errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check also that a client of this older copy of the site gets here
    #[arg(long, value_name = "OLD_SITE")]
    pub(crate) since: Option<PathBuf>,
}

/// `tuffet status`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Status {
    /// Exit with 1 if an offline or author role ends within this span (90s, 15m, 24h, 30d), or
    /// an online one is past its point of renewal
    #[arg(long, value_name = "SPAN")]
    pub(crate) within: Option<String>,
}

/// `tuffet explain`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Explain {
    /// A project, or a target path such as packages/x/x-1.0.tar.gz
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `tuffet key`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key: FILE for its owner alone, and FILE.pub for everybody
    Generate(KeyGenerate),
    /// Show the id of the key in a file: of ours or of OpenSSH's, private or public
    Show(KeyShow),
}

/// `tuffet key generate`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct KeyGenerate {
    /// Where the key goes; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Which kind of key
    #[arg(long, value_enum, default_value_t = KeyKind::Ed25519)]
    pub(crate) kind: KeyKind,
    /// Write the key without a passphrase (for trying things out)
    #[arg(long)]
    pub(crate) insecure_plain_keys: bool,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    Ed25519,
    P256,
}

/// `tuffet key show`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct KeyShow {
    /// The file, or the pkcs11: URI of a key in a token
    #[arg(value_name = "KEY")]
    pub(crate) file: PathBuf,
    /// Write the public half to FILE, too, in the form that `key generate` gives it
    #[arg(long, value_name = "FILE", conflicts_with = "role")]
    pub(crate) public_out: Option<PathBuf>,
    /// Show the key that its holder has for this role of a repository, as its metadata names it:
    /// claimed, claimed.PREFIX, unclaimed, or project.NAME for what stands in for a project
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
}

/// `tuffet sweep`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Sweep {
    /// Keep what was current at some time within this span (90s, 15m, 24h, 30d)
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) grace: String,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Wait while another run holds the lock
    #[arg(long)]
    pub(crate) wait: bool,
}
