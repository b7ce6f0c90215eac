//! Where the PIN of a token comes from: the file that its URI names, the environment, or the person at the terminal.

use super::passphrase;
use std::io::IsTerminal as _;
use tuffet::keys::pem::Passphrase;
use tuffet::keys::token::Uri;
use tuffet::report::Silent;

/// The environment variable.
const VARIABLE: &str = "TUFFET_PIN";

/// The PIN of the token that `uri` names.
pub(crate) fn ask(uri: &Uri) -> Result<Passphrase, String> {
    if let Some(path) = &uri.pin_source {
        if passphrase::is_open(path).map_err(|e| e.to_string())? {
            let path = path.display();
            return Err(format!("others may read {path}, which pin-source names; run: chmod 600 {path}"));
        }
        return passphrase::from_file(path, &Silent).map_err(|failure| failure.message);
    }
    if let Some(pin) = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()) {
        return Ok(Passphrase::new(pin));
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!("add pin-source=FILE to its URI, or set {VARIABLE}"));
    }
    let prompt = format!("PIN for {uri}: ");
    rpassword::prompt_password(prompt).map(Passphrase::new).map_err(|e| e.to_string())
}
