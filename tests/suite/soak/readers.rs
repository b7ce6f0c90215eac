//! Who reads a site while it changes: python-tuf and pip in processes of their own, tough in a thread, each through a real
//! HTTP server, from the index pages to the files.

use super::tally::Dice;
use crate::support::clients;
use crate::support::nginx::Nginx;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tough::{IntoVec as _, RepositoryLoader, TargetName};
use tuffet::model::Sha256;

/// Something that a reader did not get.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) reader: &'static str,
    /// The project whose pages and files it read.
    pub(super) project: Option<String>,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) error: String,
}

type Counts = BTreeMap<String, u64>;

/// What is counted of each reader.
pub(super) const COUNTED: [&str; 6] = ["reads", "refreshes", "fresh starts", "files", "bytes", "errors"];

/// Readers at work.
pub(super) struct Readers {
    faults: Arc<Mutex<Vec<Fault>>>,
    processes: Vec<(&'static str, Child, JoinHandle<Counts>)>,
    stop: Arc<AtomicBool>,
    tough: JoinHandle<Counts>,
}

impl Readers {
    /// Lets them begin.
    pub(super) fn begin(nginx: &Nginx, root: &Path, work: &Path, seed: u64) -> Self {
        let faults = Arc::<Mutex<Vec<Fault>>>::default();
        let processes = [("python-tuf", "tuf"), ("pip", "pip")];
        let processes =
            processes.map(|(reader, kind)| process(reader, kind, nginx, root, work, seed, &faults));
        let stop = Arc::<AtomicBool>::default();
        let reader = Tough {
            base: url::Url::parse(&format!("{}/", nginx.base())).unwrap(),
            root: std::fs::read(root).unwrap(),
            datastore: work.join("tough"),
            dice: Dice::of(seed, 1),
            counts: Counts::new(),
            project: None,
        };
        let (stopped, list) = (Arc::clone(&stop), Arc::clone(&faults));
        let tough = std::thread::spawn(move || reader.read_until(&stopped, &list));
        Self { faults, processes: processes.into(), stop, tough }
    }

    /// What went wrong since this was asked last.
    pub(super) fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut *self.faults.lock().unwrap())
    }

    /// Lets them end; gives what each of them read.
    pub(super) fn end(self) -> (BTreeMap<&'static str, Counts>, Vec<Fault>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::from([("tough", self.tough.join().unwrap())]);
        for (reader, mut child, lines) in self.processes {
            drop(child.stdin.take());
            all.insert(reader, lines.join().unwrap());
            assert!(child.wait().unwrap().success(), "{reader}");
        }
        let faults = std::mem::take(&mut *self.faults.lock().unwrap());
        (all, faults)
    }
}

/// Starts a reader in Python, and listens to what it says.
fn process(
    reader: &'static str,
    kind: &str,
    nginx: &Nginx,
    root: &Path,
    work: &Path,
    seed: u64,
    faults: &Arc<Mutex<Vec<Fault>>>,
) -> (&'static str, Child, JoinHandle<Counts>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/soak.py");
    let mut command = Command::new(clients::python());
    command.arg(script).args([kind, &nginx.base()]).arg(root).arg(work).arg(seed.to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let faults = Arc::clone(faults);
    let listener = std::thread::spawn(move || {
        let mut counts = Counts::new();
        for line in lines {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if let Some(read) = line.get("counts") {
                counts = serde_json::from_value(read.clone()).unwrap();
                continue;
            }
            let at =
                |name: &str| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(line[name].as_f64().unwrap());
            let project = line["project"].as_str().map(str::to_owned);
            let error = line["error"].as_str().unwrap().to_owned();
            faults.lock().unwrap().push(Fault {
                reader,
                project,
                began: at("began"),
                ended: at("ended"),
                error,
            });
        }
        counts
    });
    (reader, child, listener)
}

/// tough's requests, over HTTP without encryption.
#[derive(Clone, Debug)]
struct Plain;

#[async_trait::async_trait]
impl tough::Transport for Plain {
    async fn fetch(&self, url: url::Url) -> Result<tough::TransportStream, tough::TransportError> {
        use tough::{TransportError, TransportErrorKind};
        let fails = |kind, why: String| TransportError::new_with_cause(kind, url.as_str(), why);
        let answer = crate::support::nginx::get(url.port().unwrap(), url.path(), &[]);
        match answer.status {
            200 => Ok(Box::pin(futures::stream::once(async move { Ok(bytes::Bytes::from(answer.body)) }))),
            404 => Err(fails(TransportErrorKind::FileNotFound, "404".to_owned())),
            other => Err(fails(TransportErrorKind::Other, other.to_string())),
        }
    }
}

struct Tough {
    base: url::Url,
    root: Vec<u8>,
    datastore: PathBuf,
    dice: Dice,
    counts: Counts,
    project: Option<String>,
}

impl Tough {
    fn read_until(mut self, stop: &AtomicBool, faults: &Mutex<Vec<Fault>>) -> Counts {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        self.counts.extend(COUNTED.map(|what| (what.to_owned(), 0)));
        while !stop.load(Ordering::Relaxed) {
            let began = SystemTime::now();
            self.project = None;
            match runtime.block_on(self.read()) {
                Ok(()) => self.count("reads", 1),
                Err(error) => {
                    self.count("errors", 1);
                    let project = self.project.clone();
                    let fault = Fault { reader: "tough", project, began, ended: SystemTime::now(), error };
                    faults.lock().unwrap().push(fault);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.counts
    }

    fn count(&mut self, what: &str, more: usize) {
        *self.counts.get_mut(what).unwrap() += more as u64;
    }

    /// From the root page to a page to a file, all in what one refresh leads to: nothing may be missing there.
    async fn read(&mut self) -> Result<(), String> {
        if self.dice.one_in(10) {
            let _ = std::fs::remove_dir_all(&self.datastore);
            self.count("fresh starts", 1);
        }
        std::fs::create_dir_all(&self.datastore).unwrap();
        let metadata = self.base.join("metadata/").unwrap();
        let loader = RepositoryLoader::new(&self.root, metadata, self.base.clone());
        let loader = loader.transport(Plain).datastore(&self.datastore);
        let repository = loader.load().await.map_err(|error| format!("{error}: {error:?}"))?;
        self.count("refreshes", 1);
        let page = self.target(&repository, "simple/index.html").await?;
        let page = String::from_utf8(page).unwrap();
        let links: Vec<&str> =
            page.split("</a>").filter_map(|part| Some(part.rsplit_once("\">")?.1)).collect();
        for _ in 0..2 {
            let project = self.dice.pick(&links).ok_or("the root page lists nothing")?;
            self.project = Some(project.to_owned());
            let page = self.target(&repository, &format!("simple/{project}/index.v1_json")).await?;
            let page: Value = serde_json::from_slice(&page).unwrap();
            let Some(file) = self.dice.pick(page["files"].as_array().unwrap()) else { continue };
            let path = format!("packages/{project}/{}", file["filename"].as_str().unwrap());
            let bytes = self.target(&repository, &path).await?;
            if file["hashes"]["sha256"] != json!(Sha256::of(&bytes).to_string()) {
                return Err(format!("{path}: the page says another hash"));
            }
        }
        Ok(())
    }

    async fn target(&mut self, repository: &tough::Repository, path: &str) -> Result<Vec<u8>, String> {
        let name = TargetName::new(path).unwrap();
        let stream =
            repository.read_target(&name).await.map_err(|error| format!("{path}: {error}: {error:?}"))?;
        let stream = stream.ok_or_else(|| format!("{path}: listed, and nowhere"))?;
        let bytes = stream.into_vec().await.map_err(|error| format!("{path}: {error}: {error:?}"))?;
        self.count("files", 1);
        self.count("bytes", bytes.len());
        Ok(bytes)
    }
}
