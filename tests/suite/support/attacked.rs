//! Trees that somebody tampered with, and what the real clients take from them.

use super::clients;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tuffet::keys::Signer;
use tuffet::model::{Sha256, TargetPath, canonical};

/// A site, but for some names.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) site: PathBuf,
    pub(crate) over: BTreeMap<String, Option<Vec<u8>>>,
}

impl Served {
    pub(crate) fn of(site: &Path) -> Self {
        Self { site: site.to_owned(), over: BTreeMap::new() }
    }

    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        match self.over.get(name) {
            Some(held) => held.clone(),
            None => std::fs::read(self.site.join(name)).ok(),
        }
    }

    pub(crate) fn signed(&self, file: &str) -> Value {
        let bytes = self.read(&format!("metadata/{file}")).unwrap_or_else(|| panic!("{file} is not there"));
        serde_json::from_slice::<Value>(&bytes).unwrap()["signed"].take()
    }
}

/// The bytes that a client must never take.
pub(crate) const EVIL: &[u8] = b"signed by nobody who may";

/// Their digest, which a client answers with that took them.
pub(crate) fn evil() -> String {
    Sha256::of(EVIL).to_string()
}

/// The forged release of a project.
pub(crate) fn evil_path(project: &str) -> String {
    format!("packages/{project}/{project}-6.6.6.tar.gz")
}

/// What a role says of the forged file.
pub(crate) fn evil_file() -> Value {
    json!({"length": EVIL.len(), "hashes": {"sha256": evil()}})
}

/// A file of metadata with these signatures.
pub(crate) fn seal(signed: &Value, keys: &[&dyn Signer]) -> Vec<u8> {
    let covered = canonical::to_canonical(signed).unwrap();
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(&covered).unwrap()).collect();
    canonical::to_canonical(&json!({"signatures": signatures, "signed": signed})).unwrap()
}

/// A tree that is being tampered with.
#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) served: Served,
    pub(crate) snapshot: Value,
    pub(crate) timestamp: Value,
}

impl Forgery {
    /// On what is published.
    pub(crate) fn on(site: &Path) -> Self {
        let served = Served::of(site);
        let timestamp = served.signed("timestamp.json");
        let snapshot =
            served.signed(&format!("{}.snapshot.json", timestamp["meta"]["snapshot.json"]["version"]));
        Self { served, snapshot, timestamp }
    }

    /// The version of a role that the snapshot lists.
    pub(crate) fn version(&self, role: &str) -> u64 {
        self.snapshot["meta"][format!("{role}.json")]["version"].as_u64().unwrap_or(0)
    }

    /// What a role says.
    pub(crate) fn role(&self, role: &str) -> Value {
        self.served.signed(&format!("{}.{role}.json", self.version(role)))
    }

    /// Other bytes under the version that is listed.
    pub(crate) fn replace(&mut self, role: &str, signed: &Value, keys: &[&dyn Signer]) {
        let file = format!("metadata/{}.{role}.json", self.version(role));
        self.served.over.insert(file, Some(seal(signed, keys)));
    }

    /// Lists a version of a role.
    pub(crate) fn list(&mut self, role: &str, version: u64) {
        self.snapshot["meta"][format!("{role}.json")] = json!({"version": version});
    }

    /// Leaves a role out.
    pub(crate) fn leave_out(&mut self, role: &str) {
        self.snapshot["meta"].as_object_mut().unwrap().remove(&format!("{role}.json"));
    }

    /// A version of a role above every one that was ever there, and lists it.
    pub(crate) fn publish(&mut self, role: &str, mut signed: Value, keys: &[&dyn Signer]) {
        let version = self.version(role) + 100;
        signed["version"] = version.into();
        self.served.over.insert(format!("metadata/{version}.{role}.json"), Some(seal(&signed, keys)));
        self.list(role, version);
    }

    /// Serves the forged releases of these projects.
    pub(crate) fn carry(&mut self, projects: &[&str]) {
        for project in projects {
            self.file(&evil_path(project), EVIL);
        }
    }

    /// Serves a file as clients ask for it.
    pub(crate) fn file(&mut self, path: &str, bytes: &[u8]) {
        let (path, digest): (TargetPath, _) = (path.parse().unwrap(), Sha256::of(bytes).to_string());
        for name in [path.hashed(&digest), path.tough_alias(&digest)] {
            self.served.over.insert(name, Some(bytes.to_vec()));
        }
    }

    /// A new snapshot by `snapshot`, where there is one, and a new timestamp by `timestamp`.
    pub(crate) fn serve(mut self, snapshot: Option<&dyn Signer>, timestamp: Option<&dyn Signer>) -> Served {
        let far = super::author::days_from_now(5);
        if let Some(key) = snapshot {
            let version = self.snapshot["version"].as_u64().unwrap() + 1000;
            self.snapshot["version"] = version.into();
            self.snapshot["expires"] = far.clone().into();
            let bytes = seal(&self.snapshot, &[key]);
            self.timestamp["meta"]["snapshot.json"] = json!({
                "version": version,
                "length": bytes.len(),
                "hashes": {"sha256": Sha256::of(&bytes).to_string()},
            });
            self.served.over.insert(format!("metadata/{version}.snapshot.json"), Some(bytes));
        }
        if let Some(key) = timestamp {
            let version = self.timestamp["version"].as_u64().unwrap() + 1000;
            self.timestamp["version"] = version.into();
            self.timestamp["expires"] = far.into();
            let bytes = seal(&self.timestamp, &[key]);
            self.served.over.insert("metadata/timestamp.json".to_owned(), Some(bytes));
        }
        self.served
    }
}

/// Adds a delegation before all others.
pub(crate) fn delegate(signed: &mut Value, role: &str, key: &dyn Signer, paths: &[String]) {
    let child = json!({
        "name": role, "keyids": [key.keyid()], "threshold": 1, "terminating": true, "paths": paths,
    });
    let delegations = &mut signed["delegations"];
    if delegations.is_null() {
        *delegations = json!({"keys": {}, "roles": []});
    }
    delegations["keys"][key.keyid().as_str()] = json!(key.key());
    delegations["roles"].as_array_mut().unwrap().insert(0, child);
}

/// An empty role that lists the forged releases of these projects, and one for a decoy.
pub(crate) fn evil_role(projects: &[&str]) -> Value {
    let mut signed = json!({
        "_type": "targets", "spec_version": "1.0.31", "version": 1,
        "expires": super::author::days_from_now(20), "targets": {},
    });
    for project in projects {
        signed["targets"][evil_path(project)] = evil_file();
    }
    signed
}

/// One session of a client.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) served: Served,
    /// The root that the client starts from.
    pub(crate) root: PathBuf,
    /// The site that the client has been to before, if it has.
    pub(crate) knows: Option<PathBuf>,
    /// What it looks up.
    pub(crate) ask: Vec<String>,
}

/// Clients that have been somewhere: their caches, by site.
pub(crate) struct Caches {
    dir: tempfile::TempDir,
    known: BTreeMap<PathBuf, usize>,
}

impl Caches {
    /// Both clients look all of this up in each site, and keep what they have seen. python-tuf has then seen the
    /// roles that it was led to, and no others: a bin that it never opened is new to it.
    pub(crate) fn of(sites: &[(&Path, Vec<String>)]) -> Self {
        let known = |answer: &String| answer.len() == 64 || answer == "none";
        let mut caches = Self { dir: tempfile::TempDir::new().unwrap(), known: BTreeMap::new() };
        for (index, (site, ask)) in sites.iter().enumerate() {
            caches.known.insert(site.to_path_buf(), index);
            let root = site.join("metadata/1.root.json");
            let case = Case { served: Served::of(site), root, knows: None, ask: ask.clone() };
            let kept = caches.dir.path().join(format!("python-{index}"));
            let answers = python_tuf_keeping(&caches, std::slice::from_ref(&case), &[Some(&kept)]);
            assert!(answers[0].iter().all(known), "{answers:?}");
            let folder = caches.dir.path().join(format!("tough-{index}"));
            std::fs::create_dir(&folder).unwrap();
            let answers = tough_in(&case, &folder);
            assert!(answers.iter().all(known), "{answers:?}");
        }
        caches
    }

    /// The clients that have been to `site` are as they were when what `later` publishes was all they knew: its
    /// snapshot and timestamp are the same but for their ends.
    pub(crate) fn age(&mut self, site: &Path, later: &Path) {
        let (from, to) = (self.known[site], self.known.len());
        for client in ["python", "tough"] {
            let of = |index| self.dir.path().join(format!("{client}-{index}"));
            let mut cp = Command::new("cp");
            clients::run(cp.arg("-a").arg(of(from)).arg(of(to)), "cp");
            for (file, name) in [("timestamp.json", "timestamp.json"), ("1.snapshot.json", "snapshot.json")] {
                std::fs::copy(later.join("metadata").join(file), of(to).join(name)).unwrap();
            }
        }
        self.known.insert(later.to_owned(), to);
    }

    fn folder(&self, client: &str, case: &Case) -> Option<PathBuf> {
        let index = self.known[case.knows.as_ref()?];
        Some(self.dir.path().join(format!("{client}-{index}")))
    }
}

/// What python-tuf answers in each case.
pub(crate) fn python_tuf(caches: &Caches, cases: &[Case]) -> Vec<Vec<String>> {
    python_tuf_keeping(caches, cases, &vec![None; cases.len()])
}

fn python_tuf_keeping(caches: &Caches, cases: &[Case], keep: &[Option<&PathBuf>]) -> Vec<Vec<String>> {
    let cases: Vec<Value> = cases
        .iter()
        .zip(keep)
        .map(|(case, keep)| {
            let over = case.served.over.iter();
            let over: BTreeMap<&String, Value> = over
                .map(|(name, bytes)| {
                    (name, bytes.as_ref().map_or(Value::Null, |bytes| hex::encode(bytes).into()))
                })
                .collect();
            json!({
                "site": case.served.site, "over": over, "root": case.root,
                "from": caches.folder("python", case), "keep": keep, "ask": case.ask,
            })
        })
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/attacks.py");
    let mut command = Command::new(clients::python());
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = serde_json::to_vec(&cases).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&text).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What tough answers in each case.
pub(crate) fn tough(caches: &Caches, cases: &[Case]) -> Vec<Vec<String>> {
    let answer = |case: &Case| {
        let work = tempfile::TempDir::new().unwrap();
        if let Some(known) = caches.folder("tough", case) {
            for entry in std::fs::read_dir(known).unwrap().map(Result::unwrap) {
                std::fs::copy(entry.path(), work.path().join(entry.file_name())).unwrap();
            }
        }
        tough_in(case, work.path())
    };
    cases.iter().map(answer).collect()
}

/// tough's way to a tree that somebody tampered with.
#[derive(Clone, Debug)]
struct Way(std::sync::Arc<Served>);

#[async_trait::async_trait]
impl ::tough::Transport for Way {
    async fn fetch(&self, url: url::Url) -> Result<::tough::TransportStream, ::tough::TransportError> {
        let bytes = self.0.read(url.path().trim_start_matches('/'));
        let bytes = bytes.ok_or_else(|| {
            ::tough::TransportError::new(::tough::TransportErrorKind::FileNotFound, url.as_str())
        })?;
        Ok(Box::pin(futures::stream::once(async move { Ok(bytes::Bytes::from(bytes)) })))
    }
}

fn tough_in(case: &Case, work: &Path) -> Vec<String> {
    use ::tough::{IntoVec as _, RepositoryLoader, TargetName};
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let url = |path: &str| url::Url::parse(&format!("http://attacked/{path}")).unwrap();
    runtime.block_on(async {
        let root = std::fs::read(&case.root).unwrap();
        let loader = RepositoryLoader::new(&root, url("metadata/"), url(""));
        let loader = loader.transport(Way(std::sync::Arc::new(case.served.clone()))).datastore(work);
        let repository = match loader.load().await {
            Ok(repository) => repository,
            Err(error) => return vec![format!("error: {error}"); case.ask.len()],
        };
        let mut answers = Vec::new();
        for path in &case.ask {
            answers.push(match repository.read_target(&TargetName::new(path).unwrap()).await {
                Ok(None) => "none".to_owned(),
                Ok(Some(stream)) => match stream.into_vec().await {
                    Ok(bytes) => Sha256::of(&bytes).to_string(),
                    Err(error) => format!("error: {error}"),
                },
                Err(error) => format!("error: {error}"),
            });
        }
        answers
    })
}
