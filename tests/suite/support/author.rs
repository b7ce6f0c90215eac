//! Authors, on machines of their own: a folder with a key, distributions and submissions, and the program.

use super::{Ran, Repo, known};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tuffet::keys::{Signer as _, pem};
use tuffet::model::{Sha256, canonical};
use zip::write::SimpleFileOptions;

/// A small wheel that pip installs.
pub(crate) fn wheel(project: &str, version: &str) -> (String, Vec<u8>) {
    wheel_with(project, version, "")
}

/// The same with these lines more in its module: other bytes under the same name.
pub(crate) fn wheel_with(project: &str, version: &str, lines: &str) -> (String, Vec<u8>) {
    let name = project.replace('-', "_");
    let info = format!("{name}-{version}.dist-info");
    let metadata =
        format!("Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nRequires-Python: >=3.8\n");
    let tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let files = [
        (format!("{name}.py"), format!("VERSION = {version:?}\n{lines}")),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), tags.to_owned()),
        (
            format!("{info}/RECORD"),
            format!("{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ),
    ];
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    (format!("{name}-{version}-py3-none-any.whl"), zip_of(files))
}

/// A ZIP of these files.
pub(crate) fn zip_of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Somebody who signs.
pub(crate) struct Author {
    dir: TempDir,
    /// The file of the key.
    pub(crate) key: PathBuf,
}

impl Author {
    /// An author whose key everybody knows; see [`known::key`].
    pub(crate) fn known(number: u8) -> Self {
        let dir = TempDir::new().unwrap();
        let key = dir.path().join("author.key");
        let text = pem::write(&known::key(number).into(), None).unwrap();
        tuffet::disk::write::write_secret(&key, text.as_bytes()).unwrap();
        Self { dir, key }
    }

    /// An author with a key of OpenSSH's, made by `ssh-keygen`.
    pub(crate) fn openssh(passphrase: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let key = dir.path().join("id_ed25519");
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", passphrase, "-C", "author", "-f"]).arg(&key);
        super::clients::run(&mut command, "ssh-keygen, from Debian's openssh-client");
        Self { dir, key }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn key(&self) -> &str {
        self.key.to_str().unwrap()
    }

    /// The id of the key.
    pub(crate) fn keyid(&self) -> String {
        let public = self.key.with_extension("pub");
        let file = if public.exists() { &public } else { &self.key };
        let shown = self.run(&["key", "show", file.to_str().unwrap(), "--format", "json"]).ok().json();
        shown["keyid"].as_str().unwrap().to_owned()
    }

    /// A folder with these releases of a project.
    pub(crate) fn dist(&self, project: &str, versions: &[&str]) -> PathBuf {
        let folder = self.path().join(format!("dist-{project}-{}", versions.join("-")));
        std::fs::create_dir_all(&folder).unwrap();
        for version in versions {
            let (name, bytes) = wheel(project, version);
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        folder
    }

    /// The program, ready to be started in the author's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuffet"));
        command.args(args).current_dir(self.path()).stdin(std::process::Stdio::null());
        for variable in ["SOURCE_DATE_EPOCH", "TUFFET_PASSPHRASE", "SSH_AUTH_SOCK"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Signs these releases; gives the submission. With a repository, from what it publishes.
    #[track_caller]
    pub(crate) fn sign(
        &self,
        project: &str,
        versions: &[&str],
        from: Option<&Repo>,
        more: &[&str],
    ) -> PathBuf {
        let out = self.path().join(format!("{project}-{}.zip", versions.join("-")));
        let dist = self.dist(project, versions);
        let mut args = vec!["author", "sign", project, "--key", self.key(), "--out", out.to_str().unwrap()];
        if !versions.is_empty() {
            args.extend(["--dist", dist.to_str().unwrap()]);
        }
        let (site, root) = places(from);
        if from.is_some() {
            args.extend(["--from", &site, "--root", &root]);
        }
        self.run(&[&args, more].concat()).ok();
        out
    }

    /// Lets members into a project, or takes them out; gives the submission.
    #[track_caller]
    pub(crate) fn delegate(&self, project: &str, from: &Repo, what: &[&str]) -> PathBuf {
        let zip = self.path().join(format!("{project}-delegation.zip"));
        let (site, root) = places(Some(from));
        let out = ["--key", self.key(), "--out", zip.to_str().unwrap(), "--from", &site, "--root", &root];
        self.run(&[&["author", "delegate", project, "--yes"], what, &out].concat()).ok();
        zip
    }
}

/// The site of a repository, and the root that clients start from.
pub(crate) fn places(from: Option<&Repo>) -> (String, String) {
    let Some(repo) = from else { return Default::default() };
    let root = repo.site().join("metadata/1.root.json");
    (repo.site().display().to_string(), root.display().to_string())
}

impl Repo {
    /// Takes submissions in, and gives the JSON of it.
    #[track_caller]
    pub(crate) fn accept(&self, zips: &[&Path], more: &[&str]) -> Value {
        let zips: Vec<&str> = zips.iter().map(|zip| zip.to_str().unwrap()).collect();
        let args = [&["project", "accept", "--format", "json"], &zips[..], more].concat();
        self.run(&args).ok().json()
    }

    /// Registers the author's key with a first release.
    #[track_caller]
    pub(crate) fn register(&self, author: &Author, project: &str, versions: &[&str]) {
        let zip = author.sign(project, versions, None, &[]);
        self.accept(&[&zip], &["--register", &format!("{project}={}", author.keyid())]);
    }

    /// A ceremony over all that waits, confirmed whole, by the administrators' first key.
    pub(crate) fn ceremony(&self, now: &[&str]) {
        let (out, signed) = (self.path().join("ceremony.json"), self.path().join("signed.json"));
        let (out, signed) = (out.to_str().unwrap(), signed.to_str().unwrap());
        for file in [out, signed] {
            let _ = std::fs::remove_file(file);
        }
        self.run(&[&["ceremony", "prepare", "--out", out][..], now].concat()).ok();
        let key = ["--key", "offline-keys/admin-1.key", "--confirm-all", "--out", signed];
        self.run(&[&["ceremony", "sign", out][..], &key, now].concat()).ok();
        self.run(&[&["ceremony", "apply", signed][..], now].concat()).ok();
    }

    /// Every target that any role lists, with its SHA-256: what a client can ask for.
    pub(crate) fn all_targets(&self) -> BTreeMap<String, String> {
        let mut targets = BTreeMap::new();
        let mut waiting = vec!["targets".to_owned()];
        let versions = self.versions();
        while let Some(role) = waiting.pop() {
            let signed = self.signed(&format!("{}.{role}.json", versions[&role]));
            for (path, file) in signed["targets"].as_object().unwrap() {
                targets.insert(path.clone(), file["hashes"]["sha256"].as_str().unwrap().to_owned());
            }
            for child in signed["delegations"]["roles"].as_array().into_iter().flatten() {
                waiting.push(child["name"].as_str().unwrap().to_owned());
            }
        }
        targets
    }

    /// The targets of one project.
    pub(crate) fn of_project(&self, project: &str) -> BTreeMap<String, String> {
        let is_its = |path: &String| path.split('/').nth(1) == Some(project);
        self.all_targets().into_iter().filter(|(path, _)| is_its(path)).collect()
    }
}

/// A submission taken apart, to be changed as a hostile author would.
pub(crate) struct Forge {
    /// Roles by name: version in the file name, and the signed part.
    pub(crate) roles: BTreeMap<String, (u64, Value)>,
    /// Who signs which role, by number; see [`known::key`].
    pub(crate) signers: BTreeMap<String, Vec<u8>>,
    /// Everything but the roles, by name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Forge {
    /// Takes a submission apart; every role is signed by `signer` again.
    pub(crate) fn open(zip: &Path, signer: u8) -> Self {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
        let mut forge = Self { roles: BTreeMap::new(), signers: BTreeMap::new(), files: BTreeMap::new() };
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let name = String::from_utf8(entry.name_raw().to_vec()).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            match name.strip_prefix("metadata/") {
                None => _ = forge.files.insert(name, bytes),
                Some(file) => {
                    let (version, role) = file.strip_suffix(".json").unwrap().split_once('.').unwrap();
                    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
                    forge.roles.insert(role.to_owned(), (version.parse().unwrap(), value["signed"].take()));
                    forge.signers.insert(role.to_owned(), vec![signer]);
                }
            }
        }
        forge
    }

    /// The signed part of a role.
    pub(crate) fn role(&mut self, name: &str) -> &mut Value {
        &mut self.roles.get_mut(name).unwrap().1
    }

    /// Adds a role.
    pub(crate) fn add_role(&mut self, name: &str, version: u64, signed: Value, signers: &[u8]) {
        self.roles.insert(name.to_owned(), (version, signed));
        self.signers.insert(name.to_owned(), signers.to_vec());
    }

    /// Lists a target in a role, and puts it into the ZIP.
    pub(crate) fn list(&mut self, role: &str, path: &str, bytes: &[u8]) {
        self.role(role)["targets"][path] = file(bytes);
        self.files.insert(format!("targets/{path}"), bytes.to_vec());
    }

    /// A copy of a role's file under these bytes.
    pub(crate) fn sealed(&self, name: &str) -> Vec<u8> {
        let (_, signed) = &self.roles[name];
        let covered = canonical::to_canonical(signed).unwrap();
        let signatures: Vec<_> =
            self.signers[name].iter().map(|number| known::key(*number).sign(&covered).unwrap()).collect();
        canonical::to_canonical(&json!({"signatures": signatures, "signed": signed})).unwrap()
    }

    /// Every entry as it goes into the ZIP.
    pub(crate) fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let roles = self
            .roles
            .iter()
            .map(|(name, (version, _))| (format!("metadata/{version}.{name}.json"), self.sealed(name)));
        roles.chain(self.files.clone()).collect()
    }

    /// The ZIP.
    pub(crate) fn zip(&self) -> Vec<u8> {
        let entries = self.entries();
        zip_of(entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
    }
}

/// What a role says of a file.
fn file(bytes: &[u8]) -> Value {
    json!({"length": bytes.len(), "hashes": {"sha256": Sha256::of(bytes).to_string()}})
}

/// Puts a role and its files into the tree, with a snapshot and a timestamp that lead to it.
pub(crate) fn force(repo: &Repo, role: &str, version: u64, bytes: &[u8], files: &[(&str, &[u8])]) {
    use tuffet::keys::{Signer as _, file};
    use tuffet::model::{Sha256, canonical};
    let site = repo.site();
    for (path, bytes) in files {
        let path: tuffet::model::TargetPath = path.parse().unwrap();
        let digest = Sha256::of(bytes).to_string();
        for name in [path.to_string(), path.hashed(&digest), path.tough_alias(&digest)] {
            std::fs::create_dir_all(site.join(&name).parent().unwrap()).unwrap();
            std::fs::write(site.join(name), bytes).unwrap();
        }
    }
    std::fs::write(site.join(format!("metadata/{version}.{role}.json")), bytes).unwrap();
    let key = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let seal = |signed: &Value| {
        let signature = key.sign(&canonical::to_canonical(signed).unwrap()).unwrap();
        canonical::to_canonical(&json!({"signatures": [signature], "signed": signed})).unwrap()
    };
    let mut timestamp = repo.signed("timestamp.json");
    let current = timestamp["meta"]["snapshot.json"]["version"].as_u64().unwrap();
    let mut snapshot = repo.signed(&format!("{current}.snapshot.json"));
    snapshot["version"] = (current + 1).into();
    snapshot["meta"][format!("{role}.json")] = json!({"version": version});
    let sealed = seal(&snapshot);
    std::fs::write(site.join(format!("metadata/{}.snapshot.json", current + 1)), &sealed).unwrap();
    let next = timestamp["version"].as_u64().unwrap() + 1;
    timestamp["version"] = next.into();
    timestamp["meta"]["snapshot.json"] = json!({"version": current + 1, "length": sealed.len(), "hashes": {"sha256": Sha256::of(&sealed).to_string()}});
    std::fs::write(site.join("metadata/timestamp.json"), seal(&timestamp)).unwrap();
}

/// Lets alice into the author's project `cheese`.
pub(crate) fn with_member(repo: &Repo, author: &Author, alice: &Author, paths: &str) {
    let joining = alice.path().join("alice.json");
    let joining = joining.to_str().unwrap();
    alice.run(&["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining]).ok();
    let zip = author.delegate("cheese", repo, &["--member", joining, "--paths", paths]);
    repo.accept(&[&zip], &[]);
}

/// Where a release of a project lies.
pub(crate) fn released(project: &str, version: &str) -> String {
    format!("packages/{project}/{project}-{version}-py3-none-any.whl")
}

/// `days` from now, as `--now` takes it.
pub(crate) fn days_from_now(days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let moment = i64::try_from(now).unwrap() + days * 86_400;
    tuffet::model::Moment::from_unix(moment).unwrap().to_string()
}
