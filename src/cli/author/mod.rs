//! `tuffet author`: what an author and the members do on their own machines. Needs no configuration.

mod members;
mod show;
mod sign;

use super::args::{AuthorCommand, Common, From};
use super::failure::{Failure, REFUSED};
use super::show as text;
use super::{question, terminal};
use std::path::Path;
use tuffet::disk::{folder, read};
use tuffet::keys::Signer;
use tuffet::model::page::ProjectStatus;
use tuffet::model::project_role::NotAMember;
use tuffet::model::{Envelope, KeyId, MemberName, ProjectName, Root};
use tuffet::runs::author::{Adopted, Member, Published, Unseen};
use tuffet::site::Site;
use tuffet::site::chain::Origin;
use tuffet::submission::Submission;

pub(crate) fn run(common: &Common, command: &AuthorCommand) -> Result<u8, Failure> {
    match command {
        AuthorCommand::Sign(args) => match &args.add_to {
            Some(zip) => sign::add_signature(common, args, zip),
            None => sign::signed(common, args),
        },
        AuthorCommand::Join(args) => members::joined(common, args),
        AuthorCommand::Delegate(args) => members::delegated(common, args),
        AuthorCommand::Show(args) => show::shown(common, args),
    }
}

/// A tree to read, opened as far as that needs no connection.
struct Tree {
    origin: Box<dyn Origin>,
    shown: String,
    root: Vec<u8>,
}

impl Tree {
    fn open(from: &str, root: &Path) -> Result<Self, Failure> {
        let Some(root_bytes) = read::bytes_if_there(root)? else {
            let what = format!(
                "--root {}: there is no such file; the operator of the index hands it out",
                root.display()
            );
            return Err(Failure::usage(what));
        };
        if let Err(error) = Envelope::<Root>::parse(&root_bytes) {
            let what = format!("--root {} is no root metadata of a repository ({error})", root.display());
            return Err(Failure::usage(what));
        }
        let origin: Box<dyn Origin> = if from.starts_with("http://") || from.starts_with("https://") {
            served(from)?
        } else {
            if !folder::is_folder(Path::new(from))? {
                return Err(Failure::usage(format!(
                    "--from {from}: there is no such folder, and an address begins with http:// or https://"
                )));
            }
            Box::new(Site::new(Path::new(from)))
        };
        Ok(Self { origin, shown: from.to_owned(), root: root_bytes })
    }

    fn given(from: &From) -> Result<Option<Self>, Failure> {
        from.from.as_deref().zip(from.root.as_deref()).map(|(from, root)| Self::open(from, root)).transpose()
    }

    fn published(&self) -> Published<'_> {
        Published { origin: &*self.origin, shown: &self.shown, root: &self.root }
    }
}

#[cfg(feature = "http")]
fn served(base: &str) -> Result<Box<dyn Origin>, Failure> {
    Ok(Box::new(tuffet::site::http::Served::at(base)))
}

#[cfg(not(feature = "http"))]
fn served(base: &str) -> Result<Box<dyn Origin>, Failure> {
    Err(Failure::usage(format!("--from {base}: this tuffet was built without `http`; name a folder")))
}

fn project(name: &str) -> Result<ProjectName, Failure> {
    ProjectName::normalise(name).map_err(|e| Failure::usage(e.to_string()))
}

fn member(name: &str) -> Result<MemberName, Failure> {
    name.parse().map_err(|e: NotAMember| Failure::usage(e.to_string()))
}

fn as_signers(signers: &[Box<dyn Signer>]) -> Vec<&dyn Signer> {
    signers.iter().map(|signer| &**signer).collect()
}

fn paragraph(text: &str) -> String {
    format!("{}\n", text::wrap(text, terminal::width().min(80), ""))
}

/// Whether a submission of `project` can be written there: into a folder that is there, over nothing but an
/// older submission of the same project.
fn check_out(out: &Path, project: &ProjectName) -> Result<(), Failure> {
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder::is_folder(folder)?
    {
        let what = format!("--out {}: the folder is not there; make it, or name another", out.display());
        return Err(Failure::usage(what));
    }
    let is_its = || Submission::open(out).is_ok_and(|submission| submission.project == *project);
    if folder::is_there(out)? && !is_its() {
        let what =
            format!("--out {} is there, and is no submission of {project}; name another file", out.display());
        return Err(Failure::usage(what));
    }
    Ok(())
}

/// Whether it is said of files that they lie here, too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    Said,
    NotSaid,
}

/// What somebody is asked about.
struct Asked<'a> {
    /// The role, if none of those who are about to sign it did so before.
    unseen: Option<&'a Unseen>,
    /// What the pages say of the project.
    status: Option<&'a ProjectStatus>,
    files: &'a [Adopted],
    /// Whether it is said of files that they lie here.
    here: Here,
    /// What the files are.
    what: &'a str,
    members: &'a [Member],
    /// Keys that only the index calls the project's.
    strangers: &'a [KeyId],
    question: &'a str,
}

/// Shows files and members, if there are any, and asks whether to go on. With `yes` it is shown all the same: whoever looks at
/// it later finds what was signed.
fn confirm(yes: bool, asked: &Asked<'_>) -> Result<(), Failure> {
    let &Asked { unseen, status, files, here, what, members, strangers, question } = asked;
    let is_asked = unseen.is_some_and(|unseen| unseen.is_asked);
    if unseen.is_none() && files.is_empty() && members.is_empty() && strangers.is_empty() {
        return Ok(());
    }
    let mut out = String::new();
    if let Some(unseen) = unseen {
        out +=
            &paragraph(&format!("None of your keys signed {} as it is published. These did:", unseen.role));
        // Whole: of eight digits somebody can make a key that has them.
        unseen.by.iter().for_each(|keyid| out += &format!("  key id {}\n", text::one_line(keyid.as_str())));
        out += &paragraph(
            "If nobody whom you let in holds them, do not sign, and tell the operator of the index: somebody may have \
             taken it over.",
        );
    }
    if let Some(status) = status.filter(|_| is_asked || !files.is_empty()) {
        out += &paragraph(&format!("The pages say that the project is {}.", said_of(status)));
    }
    if !files.is_empty() {
        out += &paragraph(&format!("Files that are {what}:"));
    }
    for file in files {
        let by = match (&file.by, file.is_verified) {
            (None, _) => String::new(),
            (Some(role), true) => format!(", signed in {role}"),
            (Some(role), false) => format!(", listed in {role}, signed by none of your keys"),
        };
        let here = match (here, file.is_here) {
            (Here::NotSaid, _) => "",
            (Here::Said, true) => ", the same file is here",
            (Here::Said, false) => ", not here",
        };
        out += &format!(
            "  {}  {}{here}{by}\n    sha256 {}\n",
            text::one_line(file.path.split().1),
            text::size(file.length),
            file.digest
        );
        if let (Some(metadata), false) = (file.metadata, file.is_here) {
            out += &format!("    its METADATA has sha256\n           {metadata}\n");
        }
        if let (Some(requires), false) = (&file.requires_python, file.is_here) {
            out += &format!("    requires Python {}\n", text::one_line(requires));
        }
        if let Some(uploaded) = &file.uploaded {
            out += &format!("    uploaded {}\n", text::one_line(uploaded));
        }
        if let Some(reason) = &file.yanked {
            let reason =
                if reason.is_empty() { String::new() } else { format!(": {}", text::one_line(reason)) };
            out += &format!("    yanked{reason}\n");
        }
    }
    if !members.is_empty() {
        out += &paragraph("Members who could release files by your signature:");
    }
    for member in members {
        out += &format!("  {}  {}\n", member.name, text::one_line(&file_names(member)));
        member
            .keys
            .iter()
            .for_each(|keyid| out += &format!("    key id {}\n", text::one_line(keyid.as_str())));
    }
    if !strangers.is_empty() {
        out += &paragraph(
            "Keys beside yours that hold the project by the word of the index alone, and that could sign its pages by \
             your signature:",
        );
    }
    strangers.iter().for_each(|keyid| out += &format!("  key id {}\n", text::one_line(keyid.as_str())));
    eprint(&out);
    if yes || !is_asked && files.is_empty() && members.is_empty() && strangers.is_empty() {
        return Ok(());
    }
    if !question::can_ask() {
        let counted = [(files.len(), "published file"), (members.len(), "member"), (strangers.len(), "key")];
        let counted = counted.iter().filter(|(many, _)| *many > 0);
        let mut counted: Vec<String> = counted.map(|(many, what)| text::count(*many as u64, what)).collect();
        if counted.is_empty() {
            counted.push("a role".to_owned());
        }
        let message = format!(
            "{} would be signed that you did not name, and there is nobody to ask: look at what is shown, and give --yes",
            counted.join(" and ")
        );
        return Err(Failure::usage(message));
    }
    if question::ask(question) { Ok(()) } else { Err(Failure::new(REFUSED, "nothing was signed")) }
}

/// A status, with its reason.
fn said_of(status: &ProjectStatus) -> String {
    let reason = status.reason.as_ref().map(|reason| format!(" ({})", text::one_line(reason)));
    format!("{}{}", status.status, reason.unwrap_or_default())
}

/// What a member may sign, without the folder.
fn file_names(member: &Member) -> String {
    let names = member.paths.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
    names.collect::<Vec<_>>().join(", ")
}

fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}
