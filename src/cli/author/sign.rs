//! `tuffet author sign`.

use super::asked::{Asked, Here, confirm, file_names, said_of, tell_of_pages};
use super::show::describe;
use super::{Tree, as_signers, check_out, eprint, member, paragraph, project};
use crate::cli::args::{AuthorSign, Common, Format};
use crate::cli::failure::{Failure, REFUSED, USAGE};
use crate::cli::{clock, question, show, signer};
use std::collections::BTreeMap;
use std::path::Path;
use tuffet::model::page::ProjectStatus;
use tuffet::model::{KeyId, ProjectName};
use tuffet::pipeline::index::Yanked;
use tuffet::runs::author::{self, Member, sign};
use tuffet::submission::{Claim, pack};

pub(super) fn signed(common: &Common, args: &AuthorSign) -> Result<u8, Failure> {
    let project = project(&args.project)?;
    let as_member = args.member.as_deref().map(member).transpose()?;
    check_out(&args.out, &project)?;
    let tree = Tree::given(&args.from)?;
    if args.dist.is_none() && tree.is_none() {
        return Err(Failure::usage(
            "there is nothing to sign: give --dist DIR, or --from SITE for what is published",
        ));
    }
    let mut holders = BTreeMap::new();
    for path in &args.holder {
        let key = signer::public(common, path)?;
        holders.insert(key.id().map_err(|e| Failure::new(USAGE, e.to_string()))?, key);
    }
    let (yank, unyank, without) = (yanked(&args.yank)?, yanked(&args.unyank)?, yanked(&args.without)?);
    let signers = signer::load_all(common, &args.key)?;
    let signers = as_signers(&signers);
    let agreed = signer::load_all(common, &args.old_key)?;
    let agreed = as_signers(&agreed);
    let request = sign::Request {
        project: &project,
        dist: args.dist.as_deref(),
        from: tree.as_ref().map(Tree::published),
        member: as_member.as_ref(),
        holders: &holders,
        threshold: args.threshold,
        rekey: args.rekey,
        agreed: &agreed,
        without: &without,
        yank: &yank,
        unyank: &unyank,
        status: args.status.as_deref().map(status).transpose()?,
        now: clock::to_sign_here(common)?,
    };
    let draft = sign::draft(&request, &signers)?;
    let is_asked = args.rekey || draft.unseen.as_ref().is_some_and(|unseen| unseen.is_asked);
    let of_others = if is_asked { &draft.members[..] } else { &[] };
    let asked = Asked {
        unseen: draft.unseen.as_ref(),
        // What the signer says themselves they know.
        status: draft.status.as_ref().filter(|_| args.status.is_none()),
        files: &draft.adopted,
        here: if args.dist.is_some() { Here::Said } else { Here::NotSaid },
        what: &format!("published, and for which you would vouch from now on as {}", draft.role()),
        members: of_others,
        strangers: &draft.strangers,
        question: "Do you vouch for all of them?",
    };
    tell_of_pages(draft.pages.as_ref(), draft.unseen.as_ref());
    confirm(args.yes, &asked)?;
    let (role, lacks, claim, listed) =
        (draft.role(), draft.lacks(&signers), draft.claim.clone(), draft.listed);
    let (new, others, yanked) = (draft.new.clone(), draft.others.clone(), draft.yanked.clone());
    let (adopted, lost, members) = (draft.adopted.len(), draft.lost_members, draft.members.clone());
    let standing = draft.status.clone();
    let pack = draft.sign(&signers)?;
    pack::write(&pack, &args.out)?;
    let roles: BTreeMap<String, u64> =
        pack.roles.iter().map(|(role, (version, _))| (role.to_string(), version.number())).collect();
    if common.format == Format::Json {
        let json = serde_json::json!({
            "project": project.as_str(),
            "out": args.out,
            "roles": roles,
            "files": new.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            "adopted": adopted,
            "listed": listed,
            "others": others,
            "yanked": yanked,
            "status": standing,
            "members": members.iter().map(|member| member.name.to_string()).collect::<Vec<_>>(),
            "signatures_missing": lacks,
            "registers": claim.as_ref().map(|claim| claim.keys.keys().collect::<Vec<_>>()),
        });
        show::print(&format!("{json}\n"));
        return Ok(0);
    }
    if common.quiet {
        return Ok(0);
    }
    let mut out = String::new();
    for (path, file) in &new {
        out += &format!("  {}  {}\n", show::one_line(path.split().1), show::size(file.length));
    }
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|name| show::one_line(name)).collect();
        out += &paragraph(&format!("Passed over, for they are no files of {project}: {}.", names.join(", ")));
    }
    let version = roles.get(&role).copied().unwrap_or_default();
    out += &paragraph(&format!(
        "Signed {role}, version {version}: {} new, {listed} in all. Wrote {}.",
        show::count(new.len() as u64, "file"),
        args.out.display()
    ));
    if !yanked.is_empty() {
        let names: Vec<String> = yanked.iter().map(|name| show::one_line(name)).collect();
        out += &paragraph(&format!("Yanked: {}.", names.join(", ")));
    }
    if let Some(status) = &standing {
        out += &paragraph(&format!("Status: {} (--status changes it).", said_of(status)));
    }
    if !members.is_empty() {
        let keys = |one: &Member| one.keys.iter().map(KeyId::short).collect::<Vec<_>>().join(", ");
        let named = members
            .iter()
            .map(|one| format!("{} ({}, key {})", one.name, show::one_line(&file_names(one)), keys(one)));
        out += &paragraph(&format!("Members: {}.", named.collect::<Vec<_>>().join(", ")));
    }
    if lost {
        out += &paragraph("The project was suspended: its members have to join again.");
    }
    out += &match lacks {
        0 => next_step(&project, claim.as_ref(), args),
        lacks => hand_on(&project, lacks, &args.out),
    };
    show::print(&out);
    Ok(0)
}

/// What to do with a ZIP that other holders have to sign, too.
pub(super) fn hand_on(project: &ProjectName, lacks: u32, zip: &Path) -> String {
    let text = format!(
        "\nNext: {lacks} more of the holders must sign. Hand the ZIP on; each of them runs this, the last hands what \
         comes out to the operator of the index:"
    );
    let zip = zip.display();
    format!("{}  tuffet author sign {project} --add-to {zip} --key KEY --out ZIP\n", paragraph(&text))
}

/// What to do with the ZIP.
fn next_step(project: &ProjectName, claim: Option<&Claim>, args: &AuthorSign) -> String {
    let zip = args.out.display();
    let Some(claim) = claim else {
        return format!(
            "\nNext: hand the ZIP to the operator of the index:\n  tuffet project accept {zip}\n"
        );
    };
    let mut out = paragraph(
        "\nNext: hand the ZIP to the operator of the index, and tell them your key id in a way that does not pass \
         through the index:",
    );
    let verb = if args.rekey { "rekey" } else { "accept" };
    out += &format!("  tuffet project {verb} {zip}");
    for keyid in claim.keys.keys() {
        out += &format!(" \\\n    --register {project}={keyid}");
    }
    if claim.keys.len() > 1 {
        out += &format!(" \\\n    --register {project}={}", claim.threshold);
    }
    out.push('\n');
    out
}

pub(super) fn add_signature(common: &Common, args: &AuthorSign, zip: &Path) -> Result<u8, Failure> {
    let project = project(&args.project)?;
    check_out(&args.out, &project)?;
    let shown = author::show::show(zip)?;
    let tree = Tree::given(&args.from)?;
    let signers = signer::load_all(common, &args.key)?;
    eprint(&describe(&shown));
    if !args.yes {
        if !question::can_ask() {
            return Err(Failure::usage(
                "there is nobody to ask: look at what would be signed, and give --yes",
            ));
        }
        if !question::ask("Do you sign this?") {
            return Err(Failure::new(REFUSED, "nothing was signed"));
        }
    }
    let request = author::AddTo {
        project: &project,
        zip,
        from: tree.as_ref().map(Tree::published),
        now: clock::to_sign_here(common)?,
    };
    let added = author::add_signature(&request, &as_signers(&signers), &args.out)?;
    if common.format == Format::Json {
        let json = serde_json::json!({
            "project": project.as_str(),
            "out": args.out,
            "role": added.role,
            "version": added.version,
            "signatures": added.signed.0,
            "threshold": added.signed.1,
        });
        show::print(&format!("{json}\n"));
    } else if !common.quiet {
        let (signed, threshold) = added.signed;
        let mut out = paragraph(&format!(
            "Signed {}, version {}, too. Wrote {}.",
            added.role,
            added.version,
            args.out.display()
        ));
        out += &match threshold.saturating_sub(signed) {
            0 => paragraph(&format!(
                "\nNext: all {threshold} signatures are there. Hand the ZIP to the operator of the index, who runs \
                 `tuffet project accept` on it."
            )),
            lacks => hand_on(&project, lacks, &args.out),
        };
        show::print(&out);
    }
    Ok(0)
}

/// `archived: reason`, as `--status` has it; `None` for `active`.
fn status(text: &str) -> Result<Option<ProjectStatus>, Failure> {
    let (word, reason) =
        text.split_once(':').map_or((text, None), |(word, reason)| (word, Some(reason.to_owned())));
    if word.trim() == "active" && reason.is_none() {
        return Ok(None);
    }
    match ProjectStatus::new(word.trim(), reason) {
        Some(status) => Ok(Some(status)),
        None => Err(Failure::usage(format!(
            "--status {text:?}: active, archived, deprecated or quarantined is wanted, with a reason behind a colon if \
             there is one"
        ))),
    }
}

fn yanked(entries: &[String]) -> Result<Yanked, Failure> {
    Yanked::new(entries).map_err(|e| Failure::usage(e.to_string()))
}
