//! The command line. Help, completions and manual pages all come from these definitions.

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
    /// Check every role and every file of a site as the strictest client would
    Verify(Verify),
    /// Say what is published, how long it holds, and what waits for somebody
    Status(Status),
    /// Say which roles and keys stand behind a project or a target, and who could forge it
    Explain(Explain),
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
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) root_keys: u32,
    /// How many of them must sign a new root
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) root_threshold: u32,
    /// How many administrators' keys to make
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) admin_keys: u32,
    /// How many of them must sign targets, claimed and unclaimed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) admin_threshold: u32,
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
    /// Hash every file again, and put back published files that are gone or damaged
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Take the new bytes of this file although it is published with others (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) replace: Vec<String>,
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
    /// Write the key without a passphrase (for trying things out)
    #[arg(long)]
    pub(crate) insecure_plain_keys: bool,
}

/// `tuffet key show`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct KeyShow {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
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

/// `tuffet author`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AuthorCommand {
    /// Sign a release, and write what the index is to get
    Sign(AuthorSign),
    /// As a member: make the signed role that the author's delegation is to carry
    Join(AuthorJoin),
    /// As the author: let a member in, or take one out
    Delegate(AuthorDelegate),
    /// Show what stands in a submission, or in a member's file
    Show(AuthorShow),
}

/// Where what is published can be read, and from which root on it is trusted.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct From {
    /// What is published: a folder, or an address with http:// or https://
    #[arg(long, value_name = "SITE", requires = "root")]
    pub(crate) from: Option<String>,
    /// The root to trust: a root.json that you got from the index's operator
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) root: Option<PathBuf>,
}

/// `tuffet author sign`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct AuthorSign {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The folder with the distributions of this release
    #[arg(long, value_name = "DIR")]
    pub(crate) dist: Option<PathBuf>,
    /// Your key: a private key (of ours, or of OpenSSH's), or a public one whose other half is in
    /// a running ssh-agent (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) from: From,
    /// Where the submission goes
    #[arg(long, value_name = "ZIP")]
    pub(crate) out: PathBuf,
    /// Sign as this member
    #[arg(long = "as", value_name = "NAME", conflicts_with_all = ["holder", "threshold", "rekey", "add_to"])]
    pub(crate) member: Option<String>,
    /// A public key that is to hold the project beside yours (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) holder: Vec<PathBuf>,
    /// How many of the keys must sign every release [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) threshold: Option<u32>,
    /// Let these keys take the place of those that hold the project; the operator must agree
    #[arg(long)]
    pub(crate) rekey: bool,
    /// Leave out a published file or release: `x-1.0.tar.gz`, `x==1.0` (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) without: Vec<String>,
    /// Yank a file or a release: `x-1.0.tar.gz`, `x==1.0`, `x==1.0: reason` (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) yank: Vec<String>,
    /// Take that back (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) unyank: Vec<String>,
    /// Add your signature to a submission that another holder made
    #[arg(long, value_name = "ZIP", conflicts_with_all = ["dist", "holder", "threshold", "rekey", "without", "yank", "unyank"])]
    pub(crate) add_to: Option<PathBuf>,
    /// Vouch for published files without being asked
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `tuffet author join`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct AuthorJoin {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// What you are to be called in it
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) member: String,
    /// Your key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) from: From,
    /// Where the file for the author goes; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `tuffet author delegate`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct AuthorDelegate {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The file that a member made with `author join` (repeatable)
    #[arg(long, value_name = "FILE", required_unless_present = "remove")]
    pub(crate) member: Vec<PathBuf>,
    /// What the member may sign: a file name, with or without a * at its end [default: every file]
    #[arg(long, value_name = "PATTERN", requires = "member")]
    pub(crate) paths: Vec<String>,
    /// Take this member out (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) remove: Vec<String>,
    /// Vouch for the files of members who are taken out, or join again; without this they go
    #[arg(long)]
    pub(crate) keep_files: bool,
    /// Your key (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// What is published: a folder, or an address with http:// or https://
    #[arg(long, value_name = "SITE")]
    pub(crate) from: String,
    /// The root to trust: a root.json that you got from the index's operator
    #[arg(long, value_name = "FILE")]
    pub(crate) root: PathBuf,
    /// Where the submission goes
    #[arg(long, value_name = "ZIP")]
    pub(crate) out: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `tuffet author show`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct AuthorShow {
    /// A submission, or a member's file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `tuffet project`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Show every project that has an author: standing, keys, since when, until when, files held
    List,
    /// Check submissions, take them in and publish them: all of them, or none
    Accept(ProjectAccept),
    /// Take a project's keys away; the name stays reserved, and nothing of it is published
    Revoke(ProjectRevoke),
    /// Take in a submission that is signed by new keys, which hold the project from then on
    Rekey(ProjectAccept),
}

/// `tuffet project accept` and `tuffet project rekey`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ProjectAccept {
    /// The submissions
    #[arg(value_name = "ZIP", required = true)]
    pub(crate) zips: Vec<PathBuf>,
    /// Whose key it is: let this key hold this project (repeatable, once for each key)
    #[arg(long, value_name = "NAME=KEYID")]
    pub(crate) register: Vec<String>,
    /// Take in nothing but submissions for this project (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Take in a first submission that leaves out published files: they are not published any more
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Do not ask; that binds no key
    #[arg(long)]
    pub(crate) yes: bool,
    /// Wait while another run holds the lock
    #[arg(long)]
    pub(crate) wait: bool,
}

/// `tuffet project revoke`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ProjectRevoke {
    /// The project
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Wait while another run holds the lock
    #[arg(long)]
    pub(crate) wait: bool,
}

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
