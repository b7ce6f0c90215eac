//! `tuffet author join` and `tuffet author delegate`.

use super::asked::{Asked, Here, confirm, said_of, tell_of_pages};
use super::sign::hand_on;
use super::{Tree, as_signers, check_out, eprint, member, paragraph, project};
use crate::cli::args::{AuthorDelegate, AuthorJoin, Common, Format};
use crate::cli::failure::{Failure, REFUSED};
use crate::cli::{clock, question, show, signer};
use std::collections::BTreeMap;
use tuffet::disk::folder;
use tuffet::runs::author::{self, delegate, join};
use tuffet::submission::{Joining, pack};

pub(super) fn joined(common: &Common, args: &AuthorJoin) -> Result<u8, Failure> {
    let (project, member) = (project(&args.project)?, member(&args.member)?);
    if folder::is_there(&args.out)? {
        return Err(Failure::usage(format!("{} is there already; name another file", args.out.display())));
    }
    let tree = Tree::given(&args.from)?;
    let signer = signer::load(common, &args.key)?;
    let from = tree.as_ref().map(Tree::published);
    let version = join::join(&project, &member, &*signer, from, clock::to_sign_here(common)?, &args.out)?;
    if common.format == Format::Json {
        let json = serde_json::json!({
            "project": project.as_str(),
            "member": member.as_str(),
            "keyid": signer.keyid(),
            "version": version,
            "out": args.out,
        });
        show::print(&format!("{json}\n"));
    } else if !common.quiet {
        show::print(&format!(
            "{}\nkey id  {}\n",
            show::wrap(
                &format!(
                    "Wrote {}. Hand it to the author of {project}, and tell them your key id on another way:",
                    args.out.display()
                ),
                80,
                ""
            ),
            signer.keyid()
        ));
    }
    Ok(0)
}

pub(super) fn delegated(common: &Common, args: &AuthorDelegate) -> Result<u8, Failure> {
    let project = project(&args.project)?;
    check_out(&args.out, &project)?;
    let joining: Vec<Joining> = args
        .member
        .iter()
        .map(|path| Joining::read(path).map_err(author::Error::from))
        .collect::<Result<_, _>>()?;
    let remove = args.remove.iter().map(|name| member(name)).collect::<Result<Vec<_>, _>>()?;
    let tree = Tree::open(&args.from, &args.root)?;
    let request = delegate::Request {
        project: &project,
        from: tree.published(),
        join: &joining,
        paths: &args.paths,
        remove: &remove,
        files: if args.keep_files { delegate::Files::Keep } else { delegate::Files::Go },
        now: clock::to_sign_here(common)?,
    };
    // Asked for a passphrase first: nobody types one into a question.
    let signers = signer::load_all(common, &args.key)?;
    let signers = as_signers(&signers);
    let draft = delegate::draft(&request, &signers)?;
    let (unseen, strangers) = (draft.unseen(&signers), draft.strangers(&signers));
    let is_asked = unseen.as_ref().is_some_and(|unseen| unseen.is_asked);
    let asked = Asked {
        unseen: unseen.as_ref(),
        status: draft.status(),
        files: if is_asked { &draft.listed } else { &[] },
        here: Here::NotSaid,
        what: "published, and for which you would vouch from now on",
        members: if is_asked { &draft.stay } else { &[] },
        strangers: &strangers,
        question: "Do you vouch for all of them?",
    };
    tell_of_pages(draft.pages(&signers).as_ref(), unseen.as_ref());
    confirm(args.yes, &asked)?;
    for one in &joining {
        let keyid = one.key.id().map(|keyid| keyid.to_string()).unwrap_or_default();
        let what = if args.paths.is_empty() { "any file".to_owned() } else { args.paths.join(", ") };
        let text = format!(
            "{} is to release {what} of {project} with key
  {keyid}
",
            one.member
        );
        eprint(&text);
        if !args.yes {
            if !question::can_ask() {
                return Err(Failure::usage(
                    "there is nobody to ask: compare the key id with the member, and give --yes",
                ));
            }
            if !question::ask("Is that the key id that they told you?") {
                return Err(Failure::new(REFUSED, "nothing was signed"));
            }
        }
    }
    if !draft.of_removed.is_empty() {
        let (what, asked) = match args.keep_files {
            true => (
                "signed by members who leave or join again, and for which you would vouch",
                "Do you vouch for all of them?",
            ),
            false => (
                "signed by members who leave or join again, and that go",
                "Are they to go? (--keep-files keeps them)",
            ),
        };
        let files = &draft.of_removed;
        let asked = Asked {
            unseen: None,
            files,
            here: Here::NotSaid,
            what,
            status: None,
            members: &[],
            strangers: &[],
            question: asked,
        };
        confirm(args.yes, &asked)?;
    }
    let (members, lacks) = (draft.members(), draft.lacks(&signers));
    let (status, yanked) = (draft.status().cloned(), draft.yanked());
    let of_removed: Vec<String> = draft.of_removed.iter().map(|file| file.path.to_string()).collect();
    let pack = draft.sign(&signers)?;
    pack::write(&pack, &args.out)?;
    if common.format == Format::Json {
        let json = serde_json::json!({
            "project": project.as_str(),
            "out": args.out,
            "members": members,
            "roles": pack.roles.iter().map(|(role, (version, _))| (role.to_string(), version.number())).collect::<BTreeMap<_, _>>(),
            "files_of_removed": of_removed,
            "signatures_missing": lacks,
        });
        show::print(&format!("{json}\n"));
    } else if !common.quiet {
        let there = match members.is_empty() {
            true => "no members any more".to_owned(),
            false => format!("these members now: {}", members.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let mut out = paragraph(&format!("Signed: {project} has {there}. Wrote {}.", args.out.display()));
        if !yanked.is_empty() {
            let names: Vec<String> = yanked.iter().map(|name| show::one_line(name)).collect();
            out += &paragraph(&format!("Yanked: {}.", names.join(", ")));
        }
        if let Some(status) = &status {
            out += &paragraph(&format!("Status: {} (`author sign --status` changes it).", said_of(status)));
        }
        out += &match lacks {
            0 => format!(
                "\nNext: hand the ZIP to the operator of the index:\n  tuffet project accept {}\n",
                args.out.display()
            ),
            lacks => hand_on(&project, lacks, &args.out),
        };
        show::print(&out);
    }
    Ok(0)
}
