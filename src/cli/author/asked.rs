//! What an author is asked before they sign: what would be vouched for that they did not name.

use super::super::failure::{Failure, REFUSED};
use super::super::question;
use super::super::show as text;
use super::{eprint, paragraph};
use tuffet::model::KeyId;
use tuffet::model::page::{Link, ProjectStatus};
use tuffet::runs::author::{Adopted, Member, Unseen, UnseenPages};

/// Whether it is said of files that they lie here, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Said,
    NotSaid,
}

/// What somebody is asked about.
pub(super) struct Asked<'a> {
    /// The role, if none of those who are about to sign it did so before.
    pub(super) unseen: Option<&'a Unseen>,
    /// What the pages say of the project.
    pub(super) status: Option<&'a ProjectStatus>,
    pub(super) files: &'a [Adopted],
    /// Whether it is said of files that they lie here.
    pub(super) here: Here,
    /// What the files are.
    pub(super) what: &'a str,
    pub(super) members: &'a [Member],
    /// Keys that only the index calls the project's.
    pub(super) strangers: &'a [KeyId],
    pub(super) question: &'a str,
}

/// Shows files and members, if there are any, and asks whether to go on. With `yes` it is shown all the same: whoever looks at
/// it later finds what was signed.
pub(super) fn confirm(yes: bool, asked: &Asked<'_>) -> Result<(), Failure> {
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
        let requires = file.requires_python.as_deref().filter(|_| !file.is_here);
        out += &said_of_file(requires, file.uploaded.as_deref(), file.yanked.as_deref());
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

/// Shows pages that another signed, as whoever signs next says the same of every file. Nobody is asked: those who release take
/// turns. Of a role that is asked about, which is `unseen`, it is said there who signed it.
pub(super) fn tell_of_pages(pages: Option<&UnseenPages>, unseen: Option<&Unseen>) {
    let Some(UnseenPages { role, by, says }) = pages else { return };
    let mut out = String::new();
    if unseen.is_none_or(|unseen| unseen.role != *role) {
        out += &paragraph(&format!("None of your keys signed {role} as it is published. These did:"));
        by.iter().for_each(|keyid| out += &format!("  key id {}\n", text::one_line(keyid.as_str())));
    }
    let said: Vec<String> = says.iter().filter_map(said_of_link).collect();
    if !said.is_empty() {
        out += &paragraph("What the pages say of files, and you would say, too:");
        said.iter().for_each(|said| out += said);
    }
    eprint(&out);
}

/// What a page says of a file that its name does not.
pub(super) fn said_of_link(link: &Link) -> Option<String> {
    let said =
        said_of_file(link.requires_python.as_deref(), link.uploaded.as_deref(), link.yanked.as_deref());
    (!said.is_empty()).then(|| format!("  {}\n{said}", text::one_line(&link.name)))
}

/// What a page says of a file, line by line.
fn said_of_file(requires: Option<&str>, uploaded: Option<&str>, yanked: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(requires) = requires {
        out += &format!("    requires Python {}\n", text::one_line(requires));
    }
    if let Some(uploaded) = uploaded {
        out += &format!("    uploaded {}\n", text::one_line(uploaded));
    }
    if let Some(reason) = yanked {
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", text::one_line(reason)) };
        out += &format!("    yanked{reason}\n");
    }
    out
}

/// A status, with its reason.
pub(super) fn said_of(status: &ProjectStatus) -> String {
    let reason = status.reason.as_ref().map(|reason| format!(" ({})", text::one_line(reason)));
    format!("{}{}", status.status, reason.unwrap_or_default())
}

/// What a member may sign, without the folder.
pub(super) fn file_names(member: &Member) -> String {
    let names = member.paths.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
    names.collect::<Vec<_>>().join(", ")
}
