//! Where passphrases come from: a file, the environment, or the person at the terminal.

use super::args::Common;
use super::failure::{Failure, REFUSED};
use std::io::IsTerminal as _;
use std::path::Path;
use tuffet::disk::read::OpenFile;
use tuffet::keys::pem::Passphrase;

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

fn given(common: &Common) -> Result<Option<Passphrase>, Failure> {
    if let Some(path) = &common.passphrase_file {
        let text = OpenFile::open(path)?.secret_text()?;
        let text = text.ok_or_else(|| Failure::usage(format!("{} is no text file", path.display())))?;
        let line = Passphrase::new(text.lines().next().unwrap_or_default().to_owned());
        if line.is_empty() {
            return Err(Failure::usage(format!("the first line of {} is empty", path.display())));
        }
        return Ok(Some(line));
    }
    Ok(std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(Passphrase::new))
}
