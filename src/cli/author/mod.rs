//! `tuffet author`: what an author and the members do on their own machines. Needs no configuration.

mod asked;
mod members;
mod show;
mod sign;

use super::args::{AuthorCommand, Common, From};
use super::failure::Failure;
use super::show as text;
use super::terminal;
use std::path::Path;
use tuffet::disk::{folder, read};
use tuffet::keys::Signer;
use tuffet::model::project_role::NotAMember;
use tuffet::model::{Envelope, MemberName, ProjectName, Root};
use tuffet::runs::author::Published;
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

fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}
