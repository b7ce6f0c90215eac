//! `pipeline.toml` as it is written: its tables, its keys, and the forms that their values take. An
//! unknown key is an error.

use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tuffet::keys::token::Uri;
use tuffet::model::{BinCount, moment};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) source: Source,
    pub(super) site: Site,
    pub(super) state: State,
    pub(super) bins: Bins,
    pub(super) index: Index,
    pub(super) keys: Keys,
    pub(super) expiry: Expiry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) layout: LayoutName,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) yanked: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LayoutName {
    #[default]
    Auto,
    Flat,
    Bandersnatch,
    Tree,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Site {
    pub(super) path: PathBuf,
    pub(super) targets: Targets,
    pub(super) tough_alias: bool,
    pub(super) compress: Vec<CopyForm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CopyForm {
    Gz,
    Br,
    Zst,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Targets {
    #[default]
    Copy,
    Hardlink,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    pub(super) path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Bins {
    #[serde(deserialize_with = "bin_count")]
    pub(super) count: Option<BinCount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Index {
    pub(super) formats: Vec<IndexFormat>,
    #[serde(deserialize_with = "index_root")]
    pub(super) root: Option<bool>,
    #[serde(deserialize_with = "files_url")]
    pub(super) files_url: Option<String>,
}

impl Default for Index {
    fn default() -> Self {
        Self { formats: vec![IndexFormat::Html, IndexFormat::Json], root: None, files_url: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum IndexFormat {
    Html,
    Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keys {
    pub(super) insecure_plain: bool,
    #[serde(deserialize_with = "token")]
    pub(super) online: Option<Uri>,
    pub(super) pkcs11_module: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Expiry {
    #[serde(deserialize_with = "life")]
    pub(super) root: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) targets: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) claimed: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) recently_claimed: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) unclaimed: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) bins: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) snapshot: Option<Duration>,
    #[serde(deserialize_with = "life")]
    pub(super) timestamp: Option<Duration>,
}

/// No configuration is longer.
const LARGEST: usize = 1 << 20;

impl File {
    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// What is wrong with it, in words, and where.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            let path = path.display();
            return Err(format!("{path}: it has {} bytes, and {LARGEST} are read at most", text.len()));
        }
        toml::from_str(text).map_err(|error| describe(path, text, &error))
    }
}

impl Default for Source {
    fn default() -> Self {
        Self {
            path: "dists".into(),
            layout: LayoutName::Auto,
            include: Vec::new(),
            exclude: Vec::new(),
            yanked: Vec::new(),
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self { path: "site".into(), targets: Targets::Copy, tough_alias: false, compress: Vec::new() }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { path: ".tuffet".into() }
    }
}

fn life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    moment::parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn bin_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BinCount>, D::Error> {
    use serde::de::Error as _;
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "bins.count is \"auto\" or a power of two from 1 to 65536")]
    enum Count {
        Number(u64),
        Word(String),
    }
    match Count::deserialize(deserializer)? {
        Count::Number(number) => BinCount::new(number).map(Some).map_err(D::Error::custom),
        Count::Word(word) if word == "auto" => Ok(None),
        Count::Word(word) => {
            Err(D::Error::custom(format!("{word:?} is neither \"auto\" nor a power of two")))
        }
    }
}

fn index_root<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    use serde::de::Error as _;
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "index.root is \"auto\", true or false")]
    enum Root {
        Flag(bool),
        Word(String),
    }
    match Root::deserialize(deserializer)? {
        Root::Flag(flag) => Ok(Some(flag)),
        Root::Word(word) if word == "auto" => Ok(None),
        Root::Word(word) => Err(D::Error::custom(format!("{word:?} is neither \"auto\", true nor false"))),
    }
}

fn files_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let strange =
        text.contains(['?', '#', '"', '<', '>']) || text.chars().any(|c| c.is_whitespace() || c.is_control());
    if strange || !(text.starts_with("https://") || text.starts_with("http://")) {
        return Err(serde::de::Error::custom(format!(
            "{text:?} is no base for URLs, such as https://files.example"
        )));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

/// `pipeline.toml, line 3: what`, and the line itself, in which the key stands.
fn describe(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let what = error.message().trim_end_matches('\n');
    let Some(span) = error.span() else { return format!("{}: {what}", path.display()) };
    let start = span.start.min(text.len());
    let line = text[..start].matches('\n').count() + 1;
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    // A comment behind the value is not what is wrong.
    let shown = shown.split_once(" #").map_or(shown, |(value, _)| value.trim_end());
    // Nobody's PIN goes into a log because it was written where it is not taken.
    let shown = if shown.to_ascii_lowercase().contains("pin-value") { "…" } else { shown };
    format!("{}, line {line}: {what}\n  {line} | {shown}", path.display())
}
