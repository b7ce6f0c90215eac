//! The arguments of `tuffet author` and `tuffet project`.

use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

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
    /// Your key: a private key (of ours, or of OpenSSH's), a public one whose other half is in a
    /// running ssh-agent, or the pkcs11: URI of a key in a token (repeatable)
    #[arg(long, value_name = "KEY", required = true)]
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
    /// With --rekey: the key that holds the project until now. It agrees, so that nobody has to ask
    /// whether the change is the author's (repeatable)
    #[arg(long, value_name = "FILE", requires = "rekey")]
    pub(crate) old_key: Vec<PathBuf>,
    /// Leave out a published file or release: `x-1.0.tar.gz`, `x==1.0` (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) without: Vec<String>,
    /// Yank a file or a release: `x-1.0.tar.gz`, `x==1.0`, `x==1.0: reason` (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) yank: Vec<String>,
    /// Take that back (repeatable)
    #[arg(long, value_name = "WHAT")]
    pub(crate) unyank: Vec<String>,
    /// Say of the project that it is `archived`, `deprecated`, `quarantined` or `active`, and why: `archived: reason`
    #[arg(long, value_name = "STATUS", conflicts_with = "member")]
    pub(crate) status: Option<String>,
    /// Add your signature to a submission that another holder made
    #[arg(long, value_name = "ZIP", conflicts_with_all = ["dist", "holder", "threshold", "rekey", "without", "yank", "unyank", "status"])]
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
    /// Whose key it is: let this key hold this project (repeatable, once for each key); with several keys also NAME=N,
    /// how many of them must sign
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
