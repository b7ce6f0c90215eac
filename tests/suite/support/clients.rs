//! The real clients: python-tuf in a virtual environment that the tests make, tough as a crate.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Where tests keep what may be kept from run to run.
pub(crate) fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned()
}

/// The Python that has python-tuf, installed on first use.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/requirements.txt");
        let venv = target_folder().join("test-venv");
        let python = venv.join("bin").join("python");
        let stamp = venv.join("requirements.txt");
        let wanted = std::fs::read(&requirements).unwrap();
        if std::fs::read(&stamp).ok().as_ref() != Some(&wanted) {
            run(
                Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv),
                "python3 with its venv module",
            );
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements);
            run(&mut pip, "python-tuf from PyPI");
            std::fs::write(&stamp, wanted).unwrap();
        }
        python
    })
}

/// Runs a tool that a test cannot do without, and names it where it is missing.
#[track_caller]
pub(crate) fn run(command: &mut Command, what: &str) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("this test needs {what}: {command:?}: {e}"));
    assert!(
        output.status.success(),
        "this test needs {what}: {command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Lets python-tuf download every target and compare it; `work` holds its cache. Gives the number
/// verified.
#[track_caller]
pub(crate) fn python_tuf(site: &Path, work: &Path, targets: &BTreeMap<String, String>) -> u64 {
    ngclient(&[], site, work, targets)
}

/// The same of a site that is served at `base`.
#[track_caller]
pub(crate) fn python_tuf_at(base: &str, site: &Path, work: &Path, targets: &BTreeMap<String, String>) -> u64 {
    ngclient(&["--base", base], site, work, targets)
}

/// Whether python-tuf verifies all of these; what it says if it does not.
pub(crate) fn python_tuf_verifies(
    site: &Path,
    work: &Path,
    targets: &BTreeMap<String, String>,
) -> Result<u64, String> {
    ask_ngclient(&[], site, work, targets)
}

#[track_caller]
fn ngclient(more: &[&str], site: &Path, work: &Path, targets: &BTreeMap<String, String>) -> u64 {
    ask_ngclient(more, site, work, targets).unwrap_or_else(|said| panic!("python-tuf refused:\n{said}"))
}

fn ask_ngclient(
    more: &[&str],
    site: &Path,
    work: &Path,
    targets: &BTreeMap<String, String>,
) -> Result<u64, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ngclient.py");
    let mut command = Command::new(python());
    command.arg(script).arg(site).arg(work).args(more);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (path, sha256) in targets {
        writeln!(stdin, "{path} {sha256}").unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(json["verified"].as_u64().unwrap())
}

/// Finds files as an HTTP server does, by the decoded path: tough's own transport for files takes
/// `%20` in a URL to be part of the name.
#[derive(Clone, Debug)]
struct AsAServer;

#[async_trait::async_trait]
impl tough::Transport for AsAServer {
    async fn fetch(&self, url: url::Url) -> Result<tough::TransportStream, tough::TransportError> {
        let bytes = std::fs::read(url.to_file_path().unwrap()).map_err(|e| {
            tough::TransportError::new_with_cause(tough::TransportErrorKind::FileNotFound, url.as_str(), e)
        })?;
        Ok(Box::pin(futures::stream::once(async move { Ok(bytes::Bytes::from(bytes)) })))
    }
}

/// Whether tough verifies all of these; what it says if it does not.
pub(crate) fn tough_verifies(site: &Path, targets: &BTreeMap<String, String>) -> Result<u64, String> {
    match tough_or_missing(site, targets).map_err(|error| format!("{error}: {error:?}"))? {
        Ok(verified) => Ok(verified),
        Err(missing) => Err(format!("tough does not find {missing}")),
    }
}

/// Lets tough download every target and compare it. Gives the number verified.
pub(crate) fn tough(
    site: &Path,
    targets: &BTreeMap<String, String>,
) -> Result<u64, Box<tough::error::Error>> {
    Ok(tough_or_missing(site, targets)?.unwrap_or_else(|missing| panic!("tough does not find {missing}")))
}

/// The number verified, or the first target that is nowhere.
fn tough_or_missing(
    site: &Path,
    targets: &BTreeMap<String, String>,
) -> Result<Result<u64, String>, Box<tough::error::Error>> {
    use tough::{IntoVec as _, RepositoryLoader, TargetName};
    let url = |path: &Path| url::Url::from_directory_path(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let root = std::fs::read(site.join("metadata/1.root.json")).unwrap();
        let loader = RepositoryLoader::new(&root, url(&site.join("metadata")), url(site));
        let repository = loader.transport(AsAServer).load().await.map_err(Box::new)?;
        let mut verified = 0;
        for (path, sha256) in targets {
            let stream = repository.read_target(&TargetName::new(path).unwrap()).await.map_err(Box::new)?;
            let Some(stream) = stream else { return Ok(Err(path.clone())) };
            let bytes = stream.into_vec().await.map_err(Box::new)?;
            assert_eq!(tuffet::model::Sha256::of(&bytes).to_string(), *sha256, "{path}");
            verified += 1;
        }
        Ok(Ok(verified))
    })
}
