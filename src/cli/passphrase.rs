//! Where passphrases come from: a file, the environment, or the person at the terminal.

use super::args::Common;
use super::failure::{Failure, REFUSED};
use std::io::IsTerminal as _;
use std::path::Path;
use tuffet::disk::folder::resolve_as_far_as_there;
use tuffet::disk::read::{self, Readers};
use tuffet::keys::pem::Passphrase;
use tuffet::report::{Code, Reporter, Silent, Warning};

/// The environment variable.
const VARIABLE: &str = "TUFFET_PASSPHRASE";

/// The passphrase of the key file at `key`.
pub(crate) fn ask(common: &Common, key: &Path) -> Result<Passphrase, String> {
    if let Some(given) = given(common).map_err(|failure| failure.message)? {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!("give --passphrase-file, or set {VARIABLE}"));
    }
    let prompt = format!("Passphrase for {}: ", key.display());
    rpassword::prompt_password(prompt).map(Passphrase::new).map_err(|e| e.to_string())
}

/// A passphrase for new keys, asked for twice.
pub(crate) fn choose(common: &Common, what: &str) -> Result<Passphrase, Failure> {
    if let Some(given) = given(common)? {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "new keys are encrypted and there is nobody to ask for a passphrase: give --passphrase-file, set \
             {VARIABLE}, or give --insecure-plain-keys to try things out"
        )));
    }
    let read = |prompt: String| rpassword::prompt_password(prompt).map(Passphrase::new);
    let failed = |e: std::io::Error| Failure::new(REFUSED, format!("no passphrase could be read: {e}"));
    let first = read(format!("New passphrase for {what}: ")).map_err(failed)?;
    let second = read("Again: ".to_owned()).map_err(failed)?;
    match (first.is_empty(), first == second) {
        (true, _) => Err(Failure::usage(
            "an empty passphrase protects nothing; give --insecure-plain-keys to mean that",
        )),
        (_, false) => Err(Failure::usage("the two passphrases differ; nothing was made")),
        _ => Ok(first),
    }
}

/// Warns if others may read the file that passphrases are taken from.
pub(crate) fn warn_if_open(common: &Common, reporter: &dyn Reporter) -> Result<(), Failure> {
    match &common.passphrase_file {
        Some(path) => from_file(path, reporter).map(|_| ()),
        None => Ok(()),
    }
}

fn given(common: &Common) -> Result<Option<Passphrase>, Failure> {
    if let Some(path) = &common.passphrase_file {
        return from_file(path, &Silent).map(Some);
    }
    Ok(std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(Passphrase::new))
}

/// Whether others may read a file with a secret. systemd lets the user of a unit read its credentials by an access list,
/// which the mode shows as a right of the group.
pub(crate) fn is_open(path: &Path) -> Result<bool, tuffet::disk::Error> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    let is_credential = || {
        let folder = credentials.map(|folder| resolve_as_far_as_there(Path::new(&folder)));
        folder.is_some_and(|folder| resolve_as_far_as_there(path).parent() == Some(&folder))
    };
    Ok(match read::readers(path)? {
        Readers::Owner => false,
        Readers::Group => !is_credential(),
        Readers::All => true,
    })
}

/// The first line of a file; it may be a link or a pipe, as secrets are often mounted.
pub(crate) fn from_file(path: &Path, reporter: &dyn Reporter) -> Result<Passphrase, Failure> {
    let text = read::secret_through_links(path)?;
    let text = text.ok_or_else(|| Failure::usage(format!("{} is no text file", path.display())))?;
    let line = Passphrase::new(text.lines().next().unwrap_or_default().to_owned());
    if line.is_empty() {
        return Err(Failure::usage(format!("the first line of {} is empty", path.display())));
    }
    if is_open(path)? {
        let message = format!("others may read {}; run: chmod 600 {}", path.display(), path.display());
        reporter.warn(Warning::of_run(Code::Passphrase, message));
    }
    Ok(line)
}
