//! `pipeline.toml`: read, checked, and turned into what the runs take. A mistake is named with its
//! file, its line and its key.

mod file;

use super::args::Common;
use super::failure::Failure;
use file::{CopyForm, Expiry, File, IndexFormat, LayoutName, Targets};
use std::path::{Path, PathBuf};
use tuffet::disk::{folder, read};
use tuffet::keys::token::Uri;
use tuffet::model::{BinCount, Compression};
use tuffet::pipeline::collect::{Layout, Selection};
use tuffet::pipeline::index::Yanked;
use tuffet::runs::build::{Pages, TargetFiles};
use tuffet::trust::Lives;

/// What `init` writes where there is no `pipeline.toml`.
pub(crate) const TEMPLATE: &str = include_str!("../pipeline.toml");

/// Settings, checked, with paths that can be used from here.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The folder of pipeline.toml.
    pub(crate) base: PathBuf,
    pub(crate) source: PathBuf,
    pub(crate) layout: Layout,
    pub(crate) selection: Selection,
    pub(crate) site: PathBuf,
    pub(crate) target_files: TargetFiles,
    pub(crate) tough_alias: bool,
    pub(crate) compress: Vec<Compression>,
    pub(crate) state: PathBuf,
    pub(crate) bins: Option<BinCount>,
    pub(crate) pages: Pages,
    pub(crate) yanked: Yanked,
    pub(crate) files_url: Option<String>,
    pub(crate) insecure_plain: bool,
    /// The online key, where it lies in a token and not in the state folder.
    pub(crate) online: Option<Uri>,
    /// The module that knows the tokens.
    pub(crate) pkcs11_module: Option<PathBuf>,
    pub(crate) lives: Lives,
}

impl Settings {
    /// Reads the configuration that `common` names.
    pub(crate) fn load(common: &Common) -> Result<Self, Failure> {
        match Self::load_if_there(common)? {
            Some(settings) => Ok(settings),
            None => {
                let config = common.config.display();
                Err(Failure::usage(format!(
                    "there is no {config}; `tuffet init --config {config}` writes one"
                )))
            }
        }
    }

    /// The same; `None` if the file is not there.
    pub(crate) fn load_if_there(common: &Common) -> Result<Option<Self>, Failure> {
        let path = &common.config;
        let Some(bytes) = read::bytes_if_there(path)? else { return Ok(None) };
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?;
        let file = File::parse(path, &text).map_err(Failure::usage)?;
        Self::check(path, file).map(Some)
    }

    fn check(path: &Path, file: File) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::usage(format!("{}: {what}", path.display()));
        let layout = match file.source.layout {
            LayoutName::Auto => Layout::Auto,
            LayoutName::Flat => Layout::Flat,
            LayoutName::Bandersnatch => Layout::Bandersnatch,
            LayoutName::Tree => Layout::Tree,
        };
        let selection = Selection::new(&file.source.include, &file.source.exclude);
        let selection = selection.map_err(|e| wrong(format!("source.include or source.exclude: {e}")))?;
        let yanked = Yanked::new(&file.source.yanked).map_err(|e| wrong(format!("source.yanked: {e}")))?;
        let base = path.parent().unwrap_or(Path::new(""));
        let settings = Self {
            source: base.join(&file.source.path),
            site: base.join(&file.site.path),
            state: base.join(&file.state.path),
            layout,
            selection,
            target_files: match file.site.targets {
                Targets::Copy => TargetFiles::Copy,
                Targets::Hardlink => TargetFiles::Link,
                Targets::None => TargetFiles::Elsewhere,
            },
            tough_alias: file.site.tough_alias,
            compress: compress(&file.site.compress),
            bins: file.bins.count,
            yanked,
            files_url: file.index.files_url,
            pages: Pages {
                html: file.index.formats.contains(&IndexFormat::Html),
                json: file.index.formats.contains(&IndexFormat::Json),
                root: file.index.root,
            },
            insecure_plain: file.keys.insecure_plain,
            online: file.keys.online.map(|uri| uri.within(base)),
            pkcs11_module: file.keys.pkcs11_module.map(|path| base.join(path)),
            lives: lives(&file.expiry),
            base: base.to_owned(),
        };
        settings.check_folders().map_err(wrong)?;
        Ok(settings)
    }

    /// The offline keys must not come to lie where they are published or served.
    pub(crate) fn check_keys_dir(&self, keys_dir: &Path) -> Result<(), String> {
        let [source, site, keys] =
            [&self.source, &self.site, &keys_dir.to_owned()].map(|p| folder::resolve_as_far_as_there(p));
        if keys.starts_with(source) || keys.starts_with(site) {
            let shown = keys_dir.display();
            return Err(format!(
                "the keys folder {shown} lies inside the source or the site: name another with --keys-dir"
            ));
        }
        Ok(())
    }

    /// The source must not hold the site, nor any of them the state.
    fn check_folders(&self) -> Result<(), String> {
        let [source, site, state] =
            [&self.source, &self.site, &self.state].map(|p| folder::resolve_as_far_as_there(p));
        let table = [
            (&site, &source, "site.path lies inside source.path, and the site would be published in itself"),
            (&source, &site, "source.path lies inside site.path, and would be served as it is"),
            (&state, &source, "state.path lies inside source.path, and the online key could be published"),
            (&state, &site, "state.path lies inside site.path, and the online key would be served"),
        ];
        match table.into_iter().find(|(inner, outer, _)| inner.starts_with(outer)) {
            Some((.., what)) => Err(format!("{what}; name another folder")),
            None => Ok(()),
        }
    }
}

/// Each form once, in one order.
fn compress(forms: &[CopyForm]) -> Vec<Compression> {
    let is_named = |form: &Compression| {
        forms.contains(&match form {
            Compression::Gzip => CopyForm::Gz,
            Compression::Brotli => CopyForm::Br,
            Compression::Zstandard => CopyForm::Zst,
        })
    };
    Compression::ALL.into_iter().filter(is_named).collect()
}

fn lives(expiry: &Expiry) -> Lives {
    let default = Lives::default();
    Lives {
        root: expiry.root.unwrap_or(default.root),
        targets: expiry.targets.unwrap_or(default.targets),
        claimed: expiry.claimed.unwrap_or(default.claimed),
        recently_claimed: expiry.recently_claimed.unwrap_or(default.recently_claimed),
        unclaimed: expiry.unclaimed.unwrap_or(default.unclaimed),
        bins: expiry.bins.unwrap_or(default.bins),
        snapshot: expiry.snapshot.unwrap_or(default.snapshot),
        timestamp: expiry.timestamp.unwrap_or(default.timestamp),
    }
}
