//! `tuffet key`: make a key, and show which one a file holds. Needs no configuration and no repository.

use super::args::{Common, Format, KeyCommand, KeyGenerate, KeyKind, KeyShow};
use super::failure::{Failure, USAGE};
use super::{passphrase, show, signer};
use std::path::{Path, PathBuf};
use tuffet::disk::{folder, write};
use tuffet::keys::{Kind, Signer as _, file, openssh};
use tuffet::model::{Key, KeyId, RoleName};

pub(crate) fn run(common: &Common, command: &KeyCommand) -> Result<u8, Failure> {
    match command {
        KeyCommand::Generate(args) => generate(common, args),
        KeyCommand::Show(args) => shown(common, args),
    }
}

fn generate(common: &Common, args: &KeyGenerate) -> Result<u8, Failure> {
    let public = beside(&args.out);
    // Before anybody chooses a passphrase in vain.
    for path in [&args.out, &public] {
        if folder::is_there(path)? {
            let message = format!("{} is there already, and no key is ever overwritten", path.display());
            return Err(Failure::new(USAGE, message));
        }
    }
    let passphrase = match args.insecure_plain_keys {
        true => None,
        false => Some(passphrase::choose(common, &args.out.display().to_string())?),
    };
    let kind = match args.kind {
        KeyKind::Ed25519 => Kind::Ed25519,
        KeyKind::P256 => Kind::P256,
    };
    let key = file::create(&args.out, kind, passphrase.as_ref().map(|passphrase| passphrase.as_str()))?;
    write_public(&public, key.key(), &args.out)?;
    match common.format {
        Format::Json => {
            let mut json = json(key.key(), key.keyid());
            json["file"] = args.out.display().to_string().into();
            json["public_file"] = public.display().to_string().into();
            show::print(&format!("{json}\n"));
        }
        _ if common.quiet => {}
        _ => {
            let plain = match passphrase {
                Some(_) => "",
                None => " It has no passphrase: that is for trying things out.",
            };
            let text = format!(
                "Made {}, which nobody but you may have, and {}, which everybody may.{plain} Keep a copy of the \
                 first in another place: a key that is lost cannot be made again.",
                args.out.display(),
                public.display()
            );
            show::print(&format!(
                "{}\n\n{}",
                show::wrap(&text, super::terminal::width(), ""),
                human(key.key(), key.keyid())
            ));
        }
    }
    Ok(0)
}

fn shown(common: &Common, args: &KeyShow) -> Result<u8, Failure> {
    let key = signer::public(common, &args.file)?;
    if let Some(out) = &args.public_out {
        write_public(out, &key, out)?;
    }
    let key = match &args.role {
        None => key,
        Some(role) => {
            let name = role.parse::<RoleName>().map_err(|e| Failure::usage(format!("--role {role}: {e}")))?;
            if signer::uri(&args.file)?.is_some() || signer::token_in(&args.file)?.is_some() {
                let message = "a key in a token signs as it is: no other follows from it";
                return Err(Failure::new(USAGE, format!("{}: {message}", args.file.display())));
            }
            key.of_role(&name).ok_or_else(|| {
                let message = "only from Ed25519 keys follows one for each role";
                Failure::new(USAGE, format!("{}: {message}", args.file.display()))
            })?
        }
    };
    // A key made of two texts always has an id.
    let keyid = key.id().map_err(|e| Failure::new(USAGE, format!("{}: {e}", args.file.display())))?;
    match common.format {
        Format::Json => show::print(&format!("{}\n", json(&key, &keyid))),
        _ => show::print(&human(&key, &keyid)),
    }
    Ok(0)
}

/// Writes a public key to `path`, as the key of `file`; nothing is overwritten.
fn write_public(path: &Path, key: &Key, file: &Path) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Keys of both kinds have a line.
    let line = openssh::public_line(key, &name).unwrap_or_default();
    Ok(write::write_new(path, format!("{line}\n").as_bytes())?)
}

/// `FILE.pub`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn json(key: &Key, keyid: &KeyId) -> serde_json::Value {
    serde_json::json!({
        "keyid": keyid,
        "keytype": key.keytype,
        "scheme": key.scheme,
        "public": key.keyval.public,
    })
}

fn human(key: &Key, keyid: &KeyId) -> String {
    let public = key.keyval.public.trim_end().replace('\n', "\n        ");
    format!("key id  {keyid}\npublic  {public}\nkind    {}\n", key.keytype)
}
