//! The files of a project as its author sees them: what is published, what lies here, and the pages that
//! follow from both.

use super::adopted::Adopted;
use super::{Error, member, unseen};
use crate::disk::walk::{self, Kind};
use crate::disk::{self, read::OpenFile};
use crate::keys::Signer;
use crate::model::page::{self, Page};
use crate::model::{Distribution, Entry, ProjectName, ProjectRole, RoleName, Sha256, TargetFile, TargetPath};
use crate::pipeline::source::Facts;
use crate::pipeline::{index, inspect};
use crate::site::client::Client;
use crate::submission::pack::Content as Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A distribution in the author's folder.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
    pub(super) facts: Facts,
    pub(super) metadata: Option<Vec<u8>>,
}

/// The files of each role of a project, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The distributions and METADATA that each role lists.
    pub(super) files: BTreeMap<ProjectRole, BTreeMap<TargetPath, TargetFile>>,
    /// What archives say of themselves.
    pub(super) facts: BTreeMap<Sha256, Facts>,
    /// What the published page says beside that.
    pub(super) told: Page,
    /// Files that the signer is asked to vouch for.
    pub(super) adopted: Vec<Adopted>,
    /// Whether there were members before the project was suspended.
    pub(super) lost_members: bool,
    /// Bytes that go into the submission.
    pub(super) bytes: BTreeMap<TargetPath, Bytes>,
}

/// Every distribution of `project` in `folder`, and the names of files that are none of its.
pub(super) fn here(folder: &Path, project: &ProjectName) -> Result<(Vec<Here>, Vec<String>), Error> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for one in walk::below(&disk::folder::resolve(folder)?)? {
        let shown = one.relative.to_string_lossy().into_owned();
        let name = shown.rsplit('/').next().unwrap_or(&shown);
        let is_its = match Distribution::from_file_name(name) {
            Distribution::Settled(of) => of == *project,
            Distribution::Unsettled(may_be) => may_be.contains(project),
            Distribution::Other => false,
        };
        let target = format!("packages/{project}/{name}").parse::<TargetPath>();
        let (true, Kind::File(_), Ok(target)) = (is_its, &one.kind, target) else {
            others.push(shown);
            continue;
        };
        let path = disk::folder::resolve(folder)?.join(&one.relative);
        let (digest, length) = OpenFile::open(&path)?.digest()?;
        let twin = found.iter().find(|other: &&Here| other.entry.path == target);
        if let Some(twin) = twin {
            if twin.entry.digest == digest {
                continue;
            }
            let [one, other] = [&twin.path, &path].map(|path| path.display().to_string());
            return Err(Error::Twice { one, other });
        }
        if let Some(why) = inspect::fault(&path, name, project)? {
            return Err(Error::Broken { path: path.display().to_string(), why });
        }
        let (facts, metadata) = inspect::inspect(&path, name)?;
        found.push(Here { path, entry: Entry { path: target, length, digest }, facts, metadata });
    }
    Ok((found, others))
}

impl Content {
    /// What is published of a project, for these to sign.
    pub(super) fn published(client: &Client<'_>, signers: &[&dyn Signer]) -> Result<Self, Error> {
        let mut content = Self::default();
        let mut pages = BTreeMap::new();
        let mut sort = |part: &ProjectRole,
                        role: &RoleName,
                        targets: &BTreeMap<TargetPath, TargetFile>,
                        content: &mut Self| {
            for (path, file) in targets {
                unseen::form(&client.name, role, path, file)?;
                if path.as_str().starts_with("simple/") {
                    pages.insert(path.clone(), file.clone());
                } else {
                    content.files.entry(part.clone()).or_default().insert(path.clone(), file.clone());
                }
            }
            Ok::<(), Error>(())
        };
        match &client.project {
            None => {
                let all = client.all_in_bins()?;
                sort(&ProjectRole::Own, &RoleName::unclaimed(), &all, &mut content)?;
                let adopted = content.files.get(&ProjectRole::Own).cloned().unwrap_or_default();
                content.adopt(&adopted, None);
            }
            Some(project) if project.is_suspended() => {
                for (part, role, last) in client.before_suspension() {
                    let is_verified = unseen::has_signed(&last, signers);
                    let targets = &last.signed().targets;
                    sort(&ProjectRole::Own, &role, targets, &mut content)?;
                    let first = content.adopted.len();
                    content.adopt(targets, Some(&role));
                    content.adopted[first..].iter_mut().for_each(|adopted| adopted.is_verified = is_verified);
                    content.lost_members |= member(&part).is_some();
                }
            }
            Some(project) => {
                sort(&ProjectRole::Own, &project.delegation.name, &project.own.targets, &mut content)?;
                for (part, metadata) in &project.parts {
                    sort(part, &super::name_of(part, &client.name)?, &metadata.targets, &mut content)?;
                }
            }
        }
        content.read_pages(client, &pages)?;
        Ok(content)
    }

    /// What the published pages say, of the files that they agree on with the roles.
    fn read_pages(
        &mut self,
        client: &Client<'_>,
        pages: &BTreeMap<TargetPath, TargetFile>,
    ) -> Result<(), Error> {
        let by = RoleName::targets();
        for (path, file) in pages {
            // The pages of a project that is suspended may be gone.
            let Ok(bytes) = client.fetch(path, file, &by) else { continue };
            let read = match path.split().1 {
                "index.html" => page::html(&bytes),
                _ => page::json(&bytes).unwrap_or_default(),
            };
            let mut names = BTreeSet::new();
            if let Some(twice) = read.files.iter().find(|link| !names.insert(&link.name)) {
                let what = format!("{path} names {} twice", twice.name);
                return Err(Error::Unsound { role: super::name_of(&ProjectRole::Own, &client.name)?, what });
            }
            // JSON comes second, in the order of the names, and says more.
            if !read.files.is_empty() || self.told.files.is_empty() {
                self.told = read;
            }
        }
        let all: BTreeMap<TargetPath, TargetFile> =
            self.files.values().flat_map(|files| files.clone()).collect();
        // Of a file that no role lists, under that name and with those bytes, a page says nothing.
        let folder = format!("packages/{}/", client.name);
        self.told.files.retain(|link| {
            let path = format!("{folder}{}", link.name).parse::<TargetPath>().ok();
            let listed = path.and_then(|path| all.get(&path)?.hashes.sha256());
            listed.is_some() && (link.sha256.is_none() || link.sha256 == listed)
        });
        for link in &self.told.files {
            let Some(digest) = link.sha256 else { continue };
            let beside = format!("packages/{}/{}.metadata", client.name, link.name).parse::<TargetPath>();
            let beside = beside.ok().and_then(|path| all.get(&path));
            let metadata = beside.and_then(|file| Some((file.hashes.sha256()?, file.length)));
            let facts = Facts { requires_python: link.requires_python.clone(), metadata, ..Facts::default() };
            self.facts.insert(digest, facts);
        }
        Ok(())
    }

    /// Every file, whichever role lists it.
    pub(super) fn find(&self, path: &TargetPath) -> Option<(&ProjectRole, &TargetFile)> {
        self.files.iter().find_map(|(part, files)| Some((part, files.get(path)?)))
    }

    /// Takes files of the author's folder into the role `part`; gives those that are new.
    pub(super) fn take(
        &mut self,
        here: Vec<Here>,
        part: &ProjectRole,
    ) -> Result<BTreeSet<TargetPath>, Error> {
        let mut new = BTreeSet::new();
        for Here { path, entry, facts, metadata } in here {
            let told = self.facts.insert(entry.digest, facts.clone());
            if let Some(adopted) = self.adopted.iter_mut().find(|adopted| adopted.path == entry.path) {
                adopted.is_here = adopted.digest == entry.digest;
            }
            if let Some((of, file)) = self.find(&entry.path) {
                let published = file.hashes.sha256();
                if published == Some(entry.digest) {
                    if file.length != entry.length {
                        let what = format!(
                            "it lists {} with {} bytes, and it has {}",
                            entry.path, file.length, entry.length
                        );
                        let project =
                            entry.path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
                        let role =
                            project.and_then(|project| of.of(&project)).unwrap_or_else(RoleName::targets);
                        return Err(Error::Unsound { role, what });
                    }
                    if of == part {
                        self.compare(&entry, part, facts.metadata)?;
                    }
                    let is_its = of == part;
                    self.complete(&entry, part, facts.metadata.zip(metadata));
                    // An index that knows the file from a list has never looked into it.
                    let as_told = |told: Facts| {
                        told.requires_python == facts.requires_python && told.metadata == facts.metadata
                    };
                    if is_its && !told.is_some_and(as_told) {
                        self.bytes.insert(entry.path, Bytes::File(path));
                    }
                    continue;
                }
                let published = published.map(|digest| digest.to_string()).unwrap_or_default();
                return Err(Error::Differs { path: entry.path, published, here: entry.digest.to_string() });
            }
            new.insert(entry.path.clone());
            let files = self.files.entry(part.clone()).or_default();
            if let (Some((digest, length)), Some(bytes)) = (facts.metadata, metadata)
                && let Ok(beside) = format!("{}.metadata", entry.path).parse::<TargetPath>()
            {
                files.insert(beside.clone(), TargetFile::new(length, digest));
                self.bytes.insert(beside, Bytes::Bytes(bytes));
            }
            files.insert(entry.path.clone(), entry.target_file());
            self.bytes.insert(entry.path, Bytes::File(path));
        }
        Ok(new)
    }

    /// Lists the METADATA of a wheel that the signer's role lists without: an index without pages has none.
    fn complete(&mut self, entry: &Entry, part: &ProjectRole, metadata: Option<((Sha256, u64), Vec<u8>)>) {
        let Ok(beside) = format!("{}.metadata", entry.path).parse::<TargetPath>() else { return };
        let files = self.files.entry(part.clone()).or_default();
        if let Some(((digest, length), bytes)) = metadata
            && files.contains_key(&entry.path)
            && !files.contains_key(&beside)
        {
            files.insert(beside.clone(), TargetFile::new(length, digest));
            self.bytes.insert(beside, Bytes::Bytes(bytes));
        }
    }

    /// Leaves a file and its METADATA out of the role `part`.
    pub(super) fn leave_out(&mut self, name: &str, part: &ProjectRole) -> Result<(), Error> {
        let files = self.files.entry(part.clone()).or_default();
        let beside = format!("{name}.metadata");
        let before = files.len();
        files.retain(|path, _| path.split().1 != name && path.split().1 != beside);
        if files.len() == before {
            return Err(Error::NoSuchFile(name.to_owned()));
        }
        self.adopted.retain(|adopted| adopted.path.split().1 != name);
        self.bytes.retain(|path, _| path.split().1 != name && path.split().1 != beside);
        Ok(())
    }

    /// Files that the pages mark as yanked.
    pub(super) fn yanked(&self) -> Vec<String> {
        let names = self.told.files.iter().filter(|link| link.yanked.is_some()).map(|link| link.name.clone());
        let is_there = |name: &String| self.files.values().flatten().any(|(path, _)| path.split().1 == name);
        names.filter(is_there).collect()
    }

    /// The two pages that follow from all files.
    pub(super) fn pages(&self, project: &ProjectName) -> Result<Vec<(TargetPath, Vec<u8>)>, Error> {
        let mut entries = Vec::new();
        for (path, file) in self.files.values().flatten() {
            let Some(digest) = file.hashes.sha256() else { continue };
            if path.as_str().ends_with(".metadata") {
                continue;
            }
            if !self.facts.contains_key(&digest) {
                return Err(Error::Unknown(path.clone()));
            }
            entries.push(Entry { path: path.clone(), length: file.length, digest });
        }
        Ok(index::pages_of(project, &entries, &self.facts, &self.told))
    }
}
