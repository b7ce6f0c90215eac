//! `tuffet author show`.

use super::asked::{said_of, said_of_link};
use crate::cli::args::{AuthorShow, Common, Format};
use crate::cli::failure::Failure;
use crate::cli::show;
use std::collections::BTreeMap;
use tuffet::runs::author;

pub(super) fn shown(common: &Common, args: &AuthorShow) -> Result<u8, Failure> {
    let shown = author::show::show(&args.file)?;
    if common.format == Format::Json {
        let role = |role: &author::show::Role| {
            serde_json::json!({
                "role": role.role,
                "version": role.version,
                "expires": role.expires,
                "signatures": role.signatures.iter().map(|(keyid, _)| keyid).collect::<Vec<_>>(),
                "delegates": role.delegates.iter().map(|(role, keys, paths)| serde_json::json!({"role": role, "keys": keys, "paths": paths})).collect::<Vec<_>>(),
                "targets": role.targets.iter().map(|(path, length, sha256)| serde_json::json!({"path": path, "length": length, "sha256": sha256})).collect::<Vec<_>>(),
            })
        };
        let json = serde_json::json!({
            "project": shown.project,
            "roles": shown.roles.iter().map(role).collect::<Vec<_>>(),
            "keys": shown.claim.as_ref().map(|claim| claim.keys.keys().collect::<Vec<_>>()),
            "threshold": shown.claim.as_ref().map(|claim| claim.threshold),
            "member": shown.member.as_ref().map(|(name, _)| name),
            "yanked": shown.page.files.iter().filter_map(|link| Some(serde_json::json!({"file": link.name, "reason": link.yanked.as_ref()?}))).collect::<Vec<_>>(),
            "status": shown.page.status,
            "requires_python": shown.page.files.iter().filter_map(|link| Some((&link.name, link.requires_python.as_ref()?))).collect::<BTreeMap<_, _>>(),
            "upload_time": shown.page.files.iter().filter_map(|link| Some((&link.name, link.uploaded.as_ref()?))).collect::<BTreeMap<_, _>>(),
            "files": shown.files.iter().map(|(path, size)| (path.to_string(), size)).collect::<BTreeMap<_, _>>(),
        });
        show::print(&format!("{json}\n"));
    } else {
        show::print(&describe(&shown));
    }
    Ok(0)
}

/// What stands in a submission, in words.
pub(super) fn describe(shown: &author::show::Shown) -> String {
    let mut out = format!("Project {}\n", shown.project);
    if let Some((name, key)) = &shown.member {
        let keyid = key.id().map(|keyid| keyid.to_string()).unwrap_or_default();
        out += &format!("\n{name} wants to join, with key\n  {keyid}\n");
    }
    if let Some(claim) = &shown.claim {
        out += &format!("\nTo be held by any {} of these keys:\n", claim.threshold);
        for keyid in claim.keys.keys() {
            out += &format!("  {keyid}\n");
        }
    }
    for role in &shown.roles {
        out += &format!("\n{}, version {}, ends {}\n", role.role, role.version, role.expires);
        for (keyid, verifies) in &role.signatures {
            let said = match verifies {
                Some(true) => "signed by ",
                Some(false) => "signature of this key, WHICH DOES NOT VERIFY:\n    ",
                None => "signature of this key, not verified, for the key is not in the file:\n    ",
            };
            out += &format!("  {said}{}\n", show::one_line(keyid.as_str()));
        }
        for (child, keys, paths) in &role.delegates {
            out += &format!("  delegates {} to {child}\n", show::one_line(&paths.join(", ")));
            keys.iter().for_each(|keyid| out += &format!("    {}\n", show::one_line(keyid.as_str())));
        }
        for (path, length, digest) in &role.targets {
            let inside = if shown.files.contains_key(path) { "" } else { ", published" };
            out += &format!(
                "  {}
    {}{inside}
    sha256 {digest}
",
                show::one_line(path.as_str()),
                show::size(*length)
            );
        }
    }
    if let Some(status) = &shown.page.status {
        out += &format!("\nStatus: {}\n", said_of(status));
    }
    let said: Vec<String> = shown.page.files.iter().filter_map(said_of_link).collect();
    if !said.is_empty() {
        out += "\nWhat its pages say:\n";
        said.iter().for_each(|said| out += said);
    }
    out
}
