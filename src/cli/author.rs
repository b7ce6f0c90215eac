//! `tuffet author`: what an author and the members do on their own machines. Needs no configuration.

use super::args::{AuthorCommand, AuthorDelegate, AuthorJoin, AuthorShow, AuthorSign, Common, Format, From};
use super::failure::{Failure, REFUSED, USAGE};
use super::{clock, passphrase, question, show, signer, terminal};
use std::collections::BTreeMap;
use std::path::Path;
use tuffet::disk::{folder, read};
use tuffet::keys::{Signer, file};
use tuffet::model::project_role::NotAMember;
use tuffet::model::{MemberName, ProjectName};
use tuffet::pipeline::index::Yanked;
use tuffet::runs::author::{self, Adopted, Published, delegate, join, sign};
use tuffet::site::Site;
use tuffet::site::chain::Origin;
use tuffet::submission::{Claim, Joining, pack};

pub(crate) fn run(common: &Common, command: &AuthorCommand) -> Result<u8, Failure> {
    match command {
        AuthorCommand::Sign(args) => match &args.add_to {
            Some(zip) => add_signature(common, args, zip),
            None => signed(common, args),
        },
        AuthorCommand::Join(args) => joined(common, args),
        AuthorCommand::Delegate(args) => delegated(common, args),
        AuthorCommand::Show(args) => shown(common, args),
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
        let origin: Box<dyn Origin> = if from.starts_with("http://") || from.starts_with("https://") {
            served(from)?
        } else {
            if !folder::is_folder(Path::new(from)) {
                return Err(Failure::usage(format!("--from {from}: there is no such folder")));
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

fn yanked(entries: &[String]) -> Result<Yanked, Failure> {
    Yanked::new(entries).map_err(|e| Failure::usage(e.to_string()))
}

fn signed(common: &Common, args: &AuthorSign) -> Result<u8, Failure> {
    let project = project(&args.project)?;
    let as_member = args.member.as_deref().map(member).transpose()?;
    let tree = Tree::given(&args.from)?;
    if args.dist.is_none() && tree.is_none() {
        return Err(Failure::usage(
            "there is nothing to sign: give --dist DIR, or --from SITE for what is published",
        ));
    }
    let mut holders = BTreeMap::new();
    for path in &args.holder {
        let key = file::public(path, &|path| passphrase::ask(common, path))?;
        holders.insert(key.id().map_err(|e| Failure::new(USAGE, e.to_string()))?, key);
    }
    let (yank, unyank) = (yanked(&args.yank)?, yanked(&args.unyank)?);
    let signers = signer::load_all(common, &args.key)?;
    let signers = as_signers(&signers);
    let request = sign::Request {
        project: &project,
        dist: args.dist.as_deref(),
        from: tree.as_ref().map(Tree::published),
        member: as_member.as_ref(),
        holders: &holders,
        threshold: args.threshold,
        rekey: args.rekey,
        without: &args.without,
        yank: &yank,
        unyank: &unyank,
        now: clock::now(common)?,
    };
    let draft = sign::draft(&request, &signers)?;
    if !draft.adopted.is_empty() {
        let what = "published, and for which you would vouch from now on";
        confirm(
            args.yes,
            &draft.adopted,
            &format!("{what} as {}", draft.role()),
            "Do you vouch for all of them?",
        )?;
    }
    let (role, lacks, claim, listed) =
        (draft.role(), draft.lacks(&signers), draft.claim.clone(), draft.listed);
    let (new, others) = (draft.new.clone(), draft.others.clone());
    let (adopted, lost) = (draft.adopted.len(), draft.lost_members);
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
    if lost {
        out += &paragraph("The project was suspended: its members have to join again.");
    }
    if lacks > 0 {
        out += &paragraph(&format!(
            "{lacks} more of the holders must sign: hand the ZIP on, and let each run `tuffet author sign {project} --add-to {}`.",
            args.out.display()
        ));
    }
    out += &next_step(&project, claim.as_ref(), args);
    show::print(&out);
    Ok(0)
}

fn paragraph(text: &str) -> String {
    format!("{}\n", show::wrap(text, terminal::width().min(80), ""))
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
    out.push('\n');
    out
}

/// Shows files, and asks whether to go on.
fn confirm(yes: bool, files: &[Adopted], what: &str, asked: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let mut out = format!("{}\n", show::wrap(&format!("Files that are {what}:"), 80, ""));
    for file in files {
        let here = if file.is_here { "the same file is here" } else { "not here" };
        out += &format!(
            "  {}  {}, {here}\n    sha256 {}\n",
            show::one_line(file.path.split().1),
            show::size(file.length),
            file.digest
        );
    }
    eprint(&out);
    if !question::can_ask() {
        let message = format!(
            "{} would be signed that you did not name, and there is nobody to ask: look at them, and give --yes",
            show::count(files.len() as u64, "published file")
        );
        return Err(Failure::usage(message));
    }
    if question::ask(asked) { Ok(()) } else { Err(Failure::new(REFUSED, "nothing was signed")) }
}

fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn add_signature(common: &Common, args: &AuthorSign, zip: &Path) -> Result<u8, Failure> {
    let project = project(&args.project)?;
    let shown = author::show::show(zip)?;
    if !args.yes && question::can_ask() {
        eprint(&describe(&shown));
        if !question::ask("Do you sign this?") {
            return Err(Failure::new(REFUSED, "nothing was signed"));
        }
    }
    let signers = signer::load_all(common, &args.key)?;
    let added = author::add_signature(&project, zip, &as_signers(&signers), &args.out)?;
    if common.format == Format::Json {
        let json = serde_json::json!({
            "project": project.as_str(),
            "out": args.out,
            "role": added.role,
            "version": added.version,
            "signatures": added.signed.map(|(signed, _)| signed),
            "threshold": added.signed.map(|(_, threshold)| threshold),
        });
        show::print(&format!("{json}\n"));
    } else if !common.quiet {
        let so_far = match added.signed {
            Some((signed, threshold)) => format!(" {signed} of the {threshold} signatures needed are there."),
            None => String::new(),
        };
        show::print(&paragraph(&format!(
            "Signed {}, version {}, too.{so_far} Wrote {}.",
            added.role,
            added.version,
            args.out.display()
        )));
    }
    Ok(0)
}

fn joined(common: &Common, args: &AuthorJoin) -> Result<u8, Failure> {
    let (project, member) = (project(&args.project)?, member(&args.member)?);
    if folder::is_there(&args.out) {
        return Err(Failure::usage(format!("{} is there already; name another file", args.out.display())));
    }
    let tree = Tree::given(&args.from)?;
    let signer = signer::load(common, &args.key)?;
    let from = tree.as_ref().map(Tree::published);
    let version = join::join(&project, &member, &*signer, from, clock::now(common)?, &args.out)?;
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

fn delegated(common: &Common, args: &AuthorDelegate) -> Result<u8, Failure> {
    let project = project(&args.project)?;
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
        now: clock::now(common)?,
    };
    let draft = delegate::draft(&request)?;
    for one in &joining {
        let keyid = one.key.id().map(|keyid| keyid.to_string()).unwrap_or_default();
        let text = format!("{} is to release files of {project} with key {keyid}.\n", one.member);
        if !args.yes && question::can_ask() {
            eprint(&text);
            if !question::ask("Is that the key id that they told you?") {
                return Err(Failure::new(REFUSED, "nothing was signed"));
            }
        }
    }
    if !draft.of_removed.is_empty() {
        let (what, asked) = match args.keep_files {
            true => (
                "signed by whom you take out, and for which you would vouch",
                "Do you vouch for all of them?",
            ),
            false => {
                ("signed by whom you take out, and that go", "Are they to go? (--keep-files keeps them)")
            }
        };
        confirm(args.yes, &draft.of_removed, what, asked)?;
    }
    let signers = signer::load_all(common, &args.key)?;
    let signers = as_signers(&signers);
    let (members, lacks) = (draft.members(), draft.lacks(&signers));
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
            false => format!("the members {}", members.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let mut out = paragraph(&format!("Signed: {project} has {there}. Wrote {}.", args.out.display()));
        if lacks > 0 {
            out += &paragraph(&format!(
                "{lacks} more of the holders must sign: `tuffet author sign {project} --add-to`."
            ));
        }
        out += &format!(
            "\nNext: hand the ZIP to the operator of the index:\n  tuffet project accept {}\n",
            args.out.display()
        );
        show::print(&out);
    }
    Ok(0)
}

fn shown(common: &Common, args: &AuthorShow) -> Result<u8, Failure> {
    let shown = author::show::show(&args.file)?;
    if common.format == Format::Json {
        let role = |role: &author::show::Role| {
            serde_json::json!({
                "role": role.role,
                "version": role.version,
                "expires": role.expires,
                "signatures": role.signatures,
                "delegates": role.delegates.iter().map(|(role, keys)| serde_json::json!({"role": role, "keys": keys})).collect::<Vec<_>>(),
                "targets": role.targets.iter().map(|(path, length, sha256)| serde_json::json!({"path": path, "length": length, "sha256": sha256})).collect::<Vec<_>>(),
            })
        };
        let json = serde_json::json!({
            "project": shown.project,
            "roles": shown.roles.iter().map(role).collect::<Vec<_>>(),
            "keys": shown.claim.as_ref().map(|claim| claim.keys.keys().collect::<Vec<_>>()),
            "threshold": shown.claim.as_ref().map(|claim| claim.threshold),
            "member": shown.member.as_ref().map(|(name, _)| name),
            "files": shown.files.iter().map(|(path, size)| (path.to_string(), size)).collect::<BTreeMap<_, _>>(),
        });
        show::print(&format!("{json}\n"));
    } else {
        show::print(&describe(&shown));
    }
    Ok(0)
}

/// What stands in a submission, in words.
fn describe(shown: &author::show::Shown) -> String {
    let mut out = format!("Project {}\n", shown.project);
    if let Some((name, key)) = &shown.member {
        let keyid = key.id().map(|keyid| keyid.to_string()).unwrap_or_default();
        out += &format!("\n{name} wants to join, with key\n  {keyid}\n");
    }
    if let Some(claim) = &shown.claim {
        out += &format!("\nTo be held by {} of these keys:\n", claim.threshold);
        for keyid in claim.keys.keys() {
            out += &format!("  {keyid}\n");
        }
    }
    for role in &shown.roles {
        out += &format!("\n{}, version {}, ends {}\n", role.role, role.version, role.expires);
        for keyid in &role.signatures {
            out += &format!("  signed by {}\n", show::one_line(keyid.as_str()));
        }
        for (child, keys) in &role.delegates {
            let keys: Vec<&str> = keys.iter().map(tuffet::model::KeyId::short).collect();
            out += &format!("  delegates to {child} ({})\n", keys.join(", "));
        }
        for (path, length, digest) in &role.targets {
            let inside = if shown.files.contains_key(path) { "" } else { ", published already" };
            out += &format!(
                "  {}  {}{inside}\n    sha256 {digest}\n",
                show::one_line(path.as_str()),
                show::size(*length)
            );
        }
    }
    out
}
