//! `tuffet ceremony show` and `tuffet ceremony sign`.

use super::{span, words};
use crate::cli::args::{CeremonySign, Common, Format};
use crate::cli::failure::{Failure, REFUSED};
use crate::cli::{clock, question, show, signer};
use std::path::{Path, PathBuf};
use tuffet::ceremony::{Ceremony, Ledger};
use tuffet::disk::{folder, write};
use tuffet::keys::Signer;
use tuffet::model::{KeyId, ProjectName};
use tuffet::runs::ceremony::sign::{self, Abandoned, Confirmed, Said};
use tuffet::runs::ceremony::{self as runs, Custodian, Known, Turn};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Show,
    Sign,
}

pub(super) fn signed(common: &Common, args: &CeremonySign, act: Act) -> Result<u8, Failure> {
    let ceremony = Ceremony::read(&args.file).map_err(runs::Error::from)?;
    if act == Act::Sign && args.key.is_empty() {
        return Err(Failure::usage("--key FILE: whose signature?"));
    }
    let signers = signer::load_all(common, &args.key)?;
    let signers: Vec<&dyn Signer> = signers.iter().map(|signer| &**signer).collect();
    let path = match (&args.ledger, args.key.first()) {
        (Some(path), _) => path.clone(),
        (None, Some(key)) if signer::uri(key)?.is_some() => {
            return Err(Failure::usage(
                "--ledger FILE: the ledger of a key file lies beside it, and a key in a token has no such place. \
                 Name the file in which it stands what this key has signed; it goes where the token goes",
            ));
        }
        (None, Some(key)) => beside(key, ".ledger"),
        (None, None) => {
            return Err(Failure::usage(
                "--ledger FILE, or --key FILE: what is shown is compared with the ledger",
            ));
        }
    };
    let mut ledger = Ledger::read(&path).map_err(runs::Error::from)?;
    let confirmed = confirmed(args)?;
    let now = match act {
        Act::Show => clock::now(common)?,
        Act::Sign => clock::to_sign_here(common)?,
    };
    // Looked at first, with nothing written down and nothing signed.
    let looked = sign::sign(&ceremony, &[], &mut ledger.clone(), &confirmed, now)?;
    if common.format != Format::Json && !common.quiet {
        show::print(&words::human(&looked, &path, &confirmed, now, common.verbose));
    }
    if act == Act::Show || ceremony.is_empty() {
        if common.format == Format::Json {
            show::print(&format!("{}\n", words::json(&looked, None)));
        }
        return Ok(0);
    }
    let asks = !args.yes && question::can_ask();
    if asks && !question::ask("Do you sign this?") {
        return Err(Failure::new(REFUSED, "nothing was signed"));
    }
    let outcome = sign::sign(&ceremony, &signers, &mut ledger, &confirmed, now)?;
    // The ledger knows before anybody else does.
    ledger.save().map_err(runs::Error::from)?;
    let out = args.out.clone().unwrap_or_else(|| args.file.clone());
    if !outcome.whole && out == args.file {
        // What nobody approved is not in what comes back; another holder may want to see the whole.
        let kept = beside(&args.file, ".before");
        if !folder::is_there(&kept)? {
            write::copy_durable(&args.file, &kept)?;
        }
    }
    outcome.ceremony.write(&out).map_err(runs::Error::from)?;
    if common.format == Format::Json {
        show::print(&format!("{}\n", words::json(&outcome, Some(&out))));
    } else if !common.quiet {
        show::print(&words::missing(&outcome, &out));
    }
    Ok(0)
}

/// `KEY.ledger`.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Which ceremony was given up.
fn abandoned(text: &str) -> Result<Abandoned, Failure> {
    let is_id = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    match text {
        "last" => Ok(Abandoned::Last),
        text if is_id => Ok(Abandoned::Ceremony(text.to_ascii_lowercase())),
        _ => Err(Failure::usage(format!(
            "--abandoned={text}: the id is wanted that `tuffet ceremony abandon` showed, eight hex digits of it at least"
        ))),
    }
}

/// What the signer says, from the flags.
fn confirmed(args: &CeremonySign) -> Result<Confirmed, Failure> {
    let mut confirmed = Confirmed {
        all: args.confirm_all,
        suspensions: args.suspensions,
        abandoned: args.abandoned.iter().map(|text| abandoned(text)).collect::<Result<_, _>>()?,
        older_than: span(args.older_than.as_deref())?,
        ..Confirmed::default()
    };
    for text in &args.confirm {
        let wrong = || {
            Failure::usage(format!(
                "--confirm {text}: NAME=KEYID is wanted, with the 64 hex digits that `tuffet key show` prints, or \
                 NAME=N for how many of several keys must sign, NAME=suspended, or NAME=freed"
            ))
        };
        let (name, what) = text.split_once('=').ok_or_else(wrong)?;
        let name = ProjectName::normalise(name).map_err(|e| Failure::usage(format!("--confirm: {e}")))?;
        let said = match what {
            "suspended" => Said::Suspended,
            "freed" => Said::Freed,
            text => match (KeyId::given(text), text.parse()) {
                (Some(keyid), _) => Said::Keys(vec![keyid], None),
                (None, Ok(threshold)) => Said::Keys(Vec::new(), Some(threshold)),
                _ => return Err(wrong()),
            },
        };
        match (confirmed.projects.get_mut(&name), said) {
            (Some(Said::Keys(keys, threshold)), Said::Keys(more, of_them))
                if threshold.is_none() || of_them.is_none() =>
            {
                *threshold = threshold.or(of_them);
                keys.extend(more);
                keys.sort();
                keys.dedup();
            }
            (Some(_), _) => {
                return Err(Failure::usage(format!("--confirm says two things of {name}")));
            }
            (None, said) => _ = confirmed.projects.insert(name, said),
        }
    }
    for text in &args.trust {
        let wrong = || {
            Failure::usage(format!(
                "--trust {text}: ROLE=KEYID is wanted for a key that comes, with the 64 hex digits that `tuffet key show` \
                 prints, ROLE=KEYID:as-it-is for one that comes to sign every role as it is, ROLE=-KEYID for one that goes, \
                 or ROLE=N for a threshold; ROLE is root, targets, claimed, unclaimed, admin for these three, or online"
            ))
        };
        let (role, what) = text.split_once('=').ok_or_else(wrong)?;
        let whose = Custodian::parse(role).ok_or_else(wrong)?;
        let plain = what.strip_suffix(":as-it-is").map(KeyId::given);
        let known = match (what.strip_prefix('-').map(KeyId::given), KeyId::given(what)) {
            _ if let Some(plain) = plain => Known::AsItIs(plain.ok_or_else(wrong)?),
            (Some(gone), _) => Known::Key(Turn::Goes, gone.ok_or_else(wrong)?),
            (None, Some(id)) => Known::Key(Turn::Comes, id),
            (None, None) => Known::Threshold(what.parse().map_err(|_| wrong())?),
        };
        confirmed.known.extend(whose.parts().iter().map(|part| (*part, known.clone())));
    }
    Ok(confirmed)
}
