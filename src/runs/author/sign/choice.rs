//! What the signer chooses of the files of a role: which are yanked, which are left out, and which cannot be
//! signed for at all.

use super::super::Error;
use super::super::content::Content;
use super::Request;
use crate::model::page::Link;
use crate::model::{Distribution, ProjectName, ProjectRole, TargetPath};

/// Marks what is yanked, and what is not any more.
pub(super) fn yank(content: &mut Content, request: &Request<'_>, part: &ProjectRole) -> Result<(), Error> {
    let paths: Vec<TargetPath> =
        content.files.get(part).into_iter().flat_map(|files| files.keys().cloned()).collect();
    for path in paths.iter().filter(|path| !path.as_str().ends_with(".metadata")) {
        let name = path.split().1;
        let reason = request.yank.reason(request.project, name).map(str::to_owned);
        let off = request.unyank.reason(request.project, name).is_some();
        if reason.is_none() && !off {
            continue;
        }
        match content.told.files.iter_mut().find(|link| link.name == name) {
            Some(link) => link.yanked = reason,
            None => {
                content.told.files.push(Link { name: name.to_owned(), yanked: reason, ..Link::default() })
            }
        }
    }
    match request.yank.unused().chain(request.unyank.unused()).next() {
        Some(unused) => Err(Error::NoSuchFile(unused.to_owned())),
        None => Ok(()),
    }
}

/// Gives the project another status.
pub(super) fn status(content: &mut Content, request: &Request<'_>, part: &ProjectRole) -> Result<(), Error> {
    let Some(status) = &request.status else { return Ok(()) };
    if *part != ProjectRole::Own {
        return Err(Error::Standing("--status is the author's to say, and no member's".to_owned()));
    }
    content.told.status.clone_from(status);
    Ok(())
}

/// Leaves out what the signer wants to be gone.
pub(super) fn leave_out(
    content: &mut Content,
    request: &Request<'_>,
    part: &ProjectRole,
) -> Result<(), Error> {
    let paths: Vec<TargetPath> =
        content.files.get(part).into_iter().flat_map(|files| files.keys().cloned()).collect();
    for path in paths.iter().filter(|path| !path.as_str().ends_with(".metadata")) {
        if request.without.reason(request.project, path.split().1).is_some() {
            content.leave_out(path.split().1, part)?;
        }
    }
    match request.without.unused().next() {
        Some(unused) => Err(Error::NoSuchFile(unused.to_owned())),
        None => Ok(()),
    }
}

/// Files whose names do not say that they are the project's: a build asks the archive, and a client cannot.
pub(super) fn settled(content: &Content, project: &ProjectName, part: &ProjectRole) -> Result<(), Error> {
    let files = content.files.get(part).into_iter().flatten();
    let names = files.map(|(path, _)| path.split().1).filter(|name| !name.ends_with(".metadata"));
    for name in names {
        let is_its = match Distribution::from_file_name(name) {
            Distribution::Settled(of) => of == *project,
            Distribution::Unsettled(may_be) => may_be.contains(project),
            Distribution::Other => false,
        };
        if !is_its {
            let what = format!(
                "{name} is published, and its name does not say that it is of {project}: no author can sign for it. \
                 Leave it out with --without {name}, and release it again under a name that does"
            );
            return Err(Error::Standing(what));
        }
    }
    Ok(())
}
