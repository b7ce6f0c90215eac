//! Everything that must hold before a submission is taken, but what its archives and pages say: PEP 480's
//! list and ours. Pure: it is given what is published, and gives what the project would be, or every reason
//! against it.

mod files;
mod holders;

use crate::model::{
    Envelope, Key, KeyId, Metadata, Moment, ProjectRole, RoleKeys, RoleMeta, RoleName, Snapshot, TargetFile,
    TargetPath, Targets, Version, project_role,
};
use crate::site::projects::Project;
use crate::submission::{Claim, Refusal, Submission};
use crate::trust::judge::{self, Expectation};
use crate::trust::{Fault, claim, verified};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY: u64 = 86_400;

/// A role that is submitted lives at least this long.
pub const SHORTEST_LIFE: Duration = Duration::from_secs(180 * DAY);

/// A role that is submitted lives at most this long.
pub const LONGEST_LIFE: Duration = Duration::from_secs(730 * DAY);

/// The clock of an author may be ahead of ours by this much.
const CLOCKS_APART: Duration = Duration::from_secs(3600);

/// So many role names of one project are ever listed.
const MOST_NAMES: usize = 200;

/// What to say of a submission that was made on something else than is published.
const SIGN_AGAIN: &str = "sign again with --from";

/// What is published, as far as a submission is held against it.
pub struct Published<'a> {
    /// The snapshot, which lists the version of every role that ever was.
    pub snapshot: &'a Snapshot,
    /// The project, where a list delegates to it.
    pub project: Option<&'a Project>,
    /// How long a role that is not in the submission must still live.
    pub outlive: Duration,
    /// What the bins list of it, or what its author had signed before it was suspended.
    pub besides: BTreeMap<TargetPath, TargetFile>,
}

/// Who may hold the project from now on.
#[derive(Clone, Copy, Debug)]
pub enum Binding<'a> {
    /// Whoever the list delegates to now.
    AsPublished,
    /// These keys: the operator decided so.
    Registered(&'a BTreeSet<KeyId>),
}

/// A submission that passed, and what the project is with it.
#[derive(Debug)]
pub struct Checked {
    /// The roles to publish.
    pub roles: Vec<(RoleName, Version, Vec<u8>)>,
    /// The keys that are to hold the project, if that is another than is published.
    pub binds: Option<Claim>,
    /// Every distribution and every METADATA of the project as it is to be, with the role that lists it.
    pub files: BTreeMap<TargetPath, (RoleName, TargetFile)>,
    /// The pages, as a role of the project lists them.
    pub pages: BTreeMap<TargetPath, (RoleName, TargetFile)>,
    /// Published targets of it that are not published any more.
    pub dropped: Vec<TargetPath>,
    /// Everything of it that is published, or was until it was suspended.
    pub before: BTreeMap<TargetPath, TargetFile>,
}

/// The roles of the project as they are to be.
struct Resulting<'a> {
    own: &'a Envelope<Targets>,
    parts: BTreeMap<ProjectRole, &'a Envelope<Targets>>,
}

/// Checks `submission` at `now`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(
    submission: &Submission,
    published: &Published<'_>,
    binding: Binding<'_>,
    now: Moment,
) -> Result<Checked, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let (keys, threshold, binds) = match holders::holders(submission, published, binding) {
        Ok(holders) => holders,
        Err(refusal) => return Err(vec![refusal]),
    };
    let Some(own) = own(submission, published) else {
        let what = "the project has no role of its own yet, and none is submitted";
        let role = format!("project.{}", submission.project);
        return Err(vec![Refusal::new("registration", role, what, "its author signs first")]);
    };
    for role in submission.roles.values() {
        version(role.version, &role.name, &role.file(), published.snapshot, &mut refusals);
        life(&role.envelope, &role.file(), now, &mut refusals);
        form(&role.envelope, &role.file(), &mut refusals);
    }
    let own_role = submission.roles.get(&ProjectRole::Own);
    match own_role {
        Some(role) => {
            let signers = RoleKeys::new(keys.keys().cloned().collect(), threshold);
            signatures(&role.bytes, &role.name, &role.file(), &keys, &signers, role.version, &mut refusals);
        }
        None if binds.is_some() => {
            let what = "new keys are to hold the project, and its own role is not signed by them";
            refusals.push(Refusal::new("registration", "metadata/", what, SIGN_AGAIN));
        }
        None => {}
    }
    let at = own_role.map_or_else(|| format!("project.{}", submission.project), |role| role.file());
    for fault in claim::faults(own.signed(), &submission.project, &keys) {
        refusals.push(Refusal::new(fault.rule, &at, fault.what, "make it with `tuffet author delegate`"));
    }
    let result = result(submission, published, own, now, &mut refusals);
    names_used(submission, published, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    files::check(submission, published, &result, binds, refusals)
}

/// The project's own role as it is to be.
fn own<'a>(submission: &'a Submission, published: &Published<'a>) -> Option<&'a Envelope<Targets>> {
    match submission.roles.get(&ProjectRole::Own) {
        Some(role) => Some(&role.envelope),
        None => published.project.filter(|project| !project.is_suspended()).map(|p| p.own.envelope()),
    }
}

/// A version is exactly one above what the snapshot lists, so that none is skipped and none said twice.
fn version(version: Version, role: &RoleName, file: &str, snapshot: &Snapshot, refusals: &mut Vec<Refusal>) {
    let wanted = match snapshot.meta.get(role) {
        Some(meta) => meta.version.next(),
        None => Version::FIRST,
    };
    if version.number() >= Version::CEILING {
        let what = format!("version {version} is above 2^31, after which a name is burnt");
        refusals.push(Refusal::new("version", file, what, SIGN_AGAIN));
    } else if version < wanted {
        let what = format!("version {version} was used before; the next of {role} is {wanted}");
        refusals.push(Refusal::new("version", file, what, SIGN_AGAIN));
    } else if version > wanted {
        let what = format!("version {version} leaves some out; the next of {role} is {wanted}");
        refusals.push(Refusal::new("version", file, what, SIGN_AGAIN));
    }
}

fn life(envelope: &Envelope<Targets>, file: &str, now: Moment, refusals: &mut Vec<Refusal>) {
    let expires = envelope.signed().expires();
    let again = "sign again; the default life is 730 days";
    if expires <= now {
        refusals.push(Refusal::new("expiry", file, format!("it expired on {expires}"), again));
    } else if expires < now.plus(SHORTEST_LIFE) {
        let left = expires.since(now).as_secs();
        let left =
            if left < 2 * DAY { format!("{} minutes", left / 60) } else { format!("{} days", left / DAY) };
        let what = format!("it ends on {expires}, {left} from now, and 180 days are the least");
        refusals.push(Refusal::new("expiry", file, what, again));
    } else if expires > now.plus(LONGEST_LIFE + CLOCKS_APART) {
        let what = format!("it ends on {expires}, and 730 days are the most");
        refusals.push(Refusal::new("expiry", file, what, again));
    }
}

/// Fields beside the ones that every client reads, and re-serialises, alike.
fn form(envelope: &Envelope<Targets>, file: &str, refusals: &mut Vec<Refusal>) {
    let signed = envelope.signed();
    if !envelope.is_stable() {
        let what =
            "a client that reads it and writes it again does not get what was signed (a null, perhaps)";
        refusals.push(Refusal::new("metadata", file, what, SIGN_AGAIN));
    }
    if let Some(field) = signed.extra.keys().next() {
        let what = format!("it has the field {field:?}, which is no part of a targets role");
        refusals.push(Refusal::new("metadata", file, what, "leave it out"));
    }
    if let Some((path, _)) = signed.targets.iter().find(|(_, target)| !target.extra.is_empty()) {
        let what = format!("{path} has more than a length and hashes");
        refusals.push(Refusal::new("metadata", file, what, "leave it out"));
    }
}

/// What a client would say of the file, signatures and all.
fn signatures(
    bytes: &[u8],
    role: &RoleName,
    file: &str,
    keys: &BTreeMap<KeyId, Key>,
    signers: &RoleKeys,
    version: Version,
    refusals: &mut Vec<Refusal>,
) {
    let meta = RoleMeta { version, length: None, hashes: None, extra: BTreeMap::new() };
    let expected = Expectation { role, keys, signers, meta: Some(&meta) };
    match judge::judge::<Targets>(bytes, &expected) {
        Err(fault) => refusals.push(Refusal::new("metadata", file, fault, SIGN_AGAIN)),
        Ok(judged) => {
            for signature in judged.envelope.signatures() {
                let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                // 64 bytes of Ed25519; of P-256 two numbers in DER, the longest of which are 33 bytes.
                let of = keys.get(&signature.keyid).map_or("", |key| &key.keytype);
                let digits = if of == "ecdsa" { 16..=144 } else { 128..=128 };
                let well = digits.contains(&signature.sig.len()) && signature.sig.bytes().all(is_hex);
                if !signers.keyids.contains(&signature.keyid) {
                    let what = format!("key {} signed it and has no say here", signature.keyid.short());
                    refusals.push(Refusal::new("signature", file, what, SIGN_AGAIN));
                } else if !well || !signature.extra.is_empty() {
                    let what = format!("the signature of key {} has another form", signature.keyid.short());
                    refusals.push(Refusal::new("signature", file, what, SIGN_AGAIN));
                }
            }
            for fault in judged.faults {
                let (check, way_out) = match &fault {
                    Fault::Unsigned(_) => {
                        ("signature", "have every holder that is missing sign: `tuffet author sign --add-to`")
                    }
                    Fault::SignedTwice(_) | Fault::BrokenSignature { .. } | Fault::SignatureForm(_) => {
                        ("signature", SIGN_AGAIN)
                    }
                    Fault::Version { .. } => ("version", SIGN_AGAIN),
                    _ => ("metadata", SIGN_AGAIN),
                };
                refusals.push(Refusal::new(check, file, fault, way_out));
            }
        }
    }
}

/// The parts that `own` delegates to, each as submitted or as published, and signed by whom it names.
fn result<'a>(
    submission: &'a Submission,
    published: &Published<'a>,
    own: &'a Envelope<Targets>,
    now: Moment,
    refusals: &mut Vec<Refusal>,
) -> Resulting<'a> {
    let none = Default::default();
    let delegations = own.signed().delegations.as_ref().unwrap_or(&none);
    let mut parts = BTreeMap::new();
    for child in &delegations.roles {
        let Some((of, part)) = ProjectRole::parse(&child.name) else { continue };
        if of != submission.project || part == ProjectRole::Own {
            continue;
        }
        if let Some(role) = submission.roles.get(&part) {
            let (keys, signers) = (&delegations.keys, child.role_keys());
            signatures(&role.bytes, &role.name, &role.file(), keys, &signers, role.version, refusals);
            parts.insert(part, &role.envelope);
        } else if let Some(role) = published.project.and_then(|project| project.parts.get(&part)) {
            if let Err(shortfall) = verified::check(role.envelope(), &delegations.keys, &child.role_keys()) {
                let what = format!(
                    "as it is published, it is not signed by the keys that it is delegated to: {shortfall}"
                );
                refusals.push(Refusal::new(
                    "signature",
                    child.name.as_str(),
                    what,
                    "have its holder sign it again",
                ));
            }
            if role.expires <= now.plus(published.outlive) {
                let what = format!(
                    "as it is published, it ends on {}: clients would soon refuse the project",
                    role.expires
                );
                let way_out = "have its holder sign again first, or take them out: `tuffet author delegate`";
                refusals.push(Refusal::new("expiry", child.name.as_str(), what, way_out));
            }
            parts.insert(part, role.envelope());
        } else {
            let what = "it is delegated to, and there is none: the repository would not verify";
            refusals.push(Refusal::new(
                "member-missing",
                child.name.as_str(),
                what,
                "put the file that `tuffet author join` made into the submission",
            ));
        }
    }
    for (part, role) in submission.roles.iter().filter(|(part, _)| **part != ProjectRole::Own) {
        if !parts.contains_key(part) {
            let what = format!("project.{} delegates to no role of this name", submission.project);
            refusals.push(Refusal::new(
                "delegation",
                role.file(),
                what,
                "ask the author to delegate: `tuffet author delegate`",
            ));
        }
    }
    Resulting { own, parts }
}

/// A name that was once in the snapshot stays there: one project does not fill it.
fn names_used(submission: &Submission, published: &Published<'_>, refusals: &mut Vec<Refusal>) {
    let prefix = format!("project.{}.", submission.project);
    let used = published.snapshot.meta.keys().filter(|role| role.as_str().starts_with(&prefix));
    let new = submission.roles.values().filter(|role| !published.snapshot.meta.contains_key(&role.name));
    let all = used.count() + new.count();
    if all > MOST_NAMES {
        let what =
            format!("{all} roles of the project would have been listed in all, and {MOST_NAMES} may be");
        refusals.push(Refusal::new(
            "members",
            "metadata/",
            what,
            "let members join under names that were used before",
        ));
    }
}

/// Where the project's pages are listed.
fn page_role(own: &Targets) -> ProjectRole {
    if own.delegations.is_some() { ProjectRole::Pages } else { ProjectRole::Own }
}

/// The two pages of a project.
pub(super) fn page_paths(project: &crate::model::ProjectName) -> [Option<TargetPath>; 2] {
    let folder = project_role::pages_pattern(project);
    let folder = folder.as_str().trim_end_matches('*');
    ["index.html", "index.v1_json"].map(|page| format!("{folder}{page}").parse().ok())
}
