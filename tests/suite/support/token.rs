//! A token: SoftHSM's, in a folder of its own, with keys that OpenSC's pkcs11-tool makes in it.

use super::clients::run;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where Debian puts SoftHSM's module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The PIN; nothing may say it.
pub(crate) const PIN: &str = "2468013579";

/// A token with the label `tuffet`.
pub(crate) struct Token {
    dir: TempDir,
}

impl Token {
    /// A token without keys.
    pub(crate) fn new() -> Self {
        let token = Self { dir: TempDir::new().unwrap() };
        std::fs::create_dir(token.dir.path().join("tokens")).unwrap();
        let tokens = token.dir.path().join("tokens");
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(token.conf(), text).unwrap();
        token.init("tuffet");
        token
    }

    /// One more token, with this label.
    pub(crate) fn init(&self, label: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", label, "--so-pin", "987654321", "--pin", PIN]);
        run(command.env("SOFTHSM2_CONF", self.conf()), "softhsm2-util, from Debian's softhsm2");
    }

    /// The file that SOFTHSM2_CONF names.
    pub(crate) fn conf(&self) -> PathBuf {
        self.dir.path().join("softhsm2.conf")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a key of this kind (`edwards25519`, `prime256v1`, …).
    pub(crate) fn key(&self, label: &str, id: &str, curve: &str) {
        self.tool(&["--keypairgen", "--key-type", &format!("EC:{curve}"), "--label", label, "--id", id]);
    }

    pub(crate) fn tool(&self, args: &[&str]) {
        let mut command = Command::new("pkcs11-tool");
        command.args(["--module", MODULE, "--token-label", "tuffet", "--login", "--pin", PIN]).args(args);
        run(command.env("SOFTHSM2_CONF", self.conf()), "pkcs11-tool, from Debian's opensc");
    }

    /// Gives a command the way to the token.
    pub(crate) fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SOFTHSM2_CONF", self.conf()).env("TUFFET_PKCS11_MODULE", MODULE).env("TUFFET_PIN", PIN)
    }

    /// A module that is SoftHSM's but for a fault, which its environment says.
    pub(crate) fn faulty_module(&self) -> PathBuf {
        let module = self.dir.path().join("faulty.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/support/faulty.c");
        let mut cc = Command::new("cc");
        run(
            cc.args(["-shared", "-fPIC", "-std=c17", "-o"]).arg(&module).arg(source),
            "cc, from Debian's gcc",
        );
        module
    }
}

/// The URI of a key.
pub(crate) fn uri(object: &str) -> String {
    format!("pkcs11:token=tuffet;object={object}")
}
