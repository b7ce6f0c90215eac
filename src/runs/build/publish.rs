//! The second half of a build: what is decided gets signed and becomes public.

use super::{Error, Request};
use crate::disk;
use crate::disk::stage::Staging;
use crate::keys::Signer;
use crate::model::{Inventory, RoleName, Version};
use crate::pipeline::sign::{self, SignedRole};
use crate::report::{Reporter, Stage, event};
use crate::runs::roles::{self, Due, Versions};
use crate::site::read::Published;
use crate::site::swap::{self, Swap, Written};
use crate::site::{Site, layout};
use std::collections::BTreeSet;

/// What is to be published: which bins change, and which roles are due besides.
pub(super) struct Publication<'a> {
    site: &'a Site,
    published: &'a Published,
    after: &'a Inventory,
    changed: &'a BTreeSet<u32>,
    /// Bins that are due and do not change.
    renewed: Vec<u32>,
    due: Due,
}

impl<'a> Publication<'a> {
    pub(super) fn new(
        site: &'a Site,
        published: &'a Published,
        after: &'a Inventory,
        changed: &'a BTreeSet<u32>,
        due: Due,
    ) -> Self {
        let renewed = due.bins.iter().copied().filter(|bin| !changed.contains(bin)).collect();
        Self { site, published, after, changed, renewed, due }
    }

    /// How many bins are signed because they change, and how many because they are due.
    pub(super) fn bins(&self) -> (u64, u64) {
        (self.changed.len() as u64, self.renewed.len() as u64)
    }

    /// Signs and publishes; gives the snapshot and the timestamp that are current then, and what was
    /// written.
    pub(super) fn publish(
        &self,
        request: &Request<'_>,
        staging: &Staging,
        online: &dyn Signer,
        reporter: &dyn Reporter,
    ) -> Result<(Version, Version, Written), Error> {
        let bins = Some(self.changed.len() as u64 + self.renewed.len() as u64);
        let (roles, timestamp) =
            event::stage(reporter, Stage::Sign, bins, || self.sign(request, online, reporter))?;
        let snapshot = roles.iter().find(|role| role.role == RoleName::snapshot()).map(|role| role.version);
        let retires = snapshot.map(|_| self.published.snapshot.version);
        let files: Vec<_> = roles.iter().map(roles::as_file).collect();
        let swap = Swap {
            roles: &files,
            timestamp: &timestamp.bytes,
            compress: request.compress,
            retires,
            now: request.now,
        };
        let written = event::stage(reporter, Stage::Swap, Some(files.len() as u64), || {
            swap::publish(self.site, staging, &swap, reporter)
        })?;
        Ok((snapshot.unwrap_or(self.published.snapshot.version), timestamp.version, written))
    }

    /// Every new role in the order in which a reader could come to them, the snapshot last; and
    /// the timestamp.
    fn sign(
        &self,
        request: &Request<'_>,
        online: &dyn Signer,
        reporter: &dyn Reporter,
    ) -> Result<(Vec<SignedRole>, SignedRole), Error> {
        let (now, lives, published) = (request.now, request.lives, self.published);
        let versions = Versions::of(self.site)?;
        let bins: Vec<u32> = self.changed.iter().chain(&self.renewed).copied().collect();
        let bins = roles::bin_versions(published, &versions, &bins);
        let mut signed = sign::bins(self.after, &bins, now.plus(lives.bins), online, reporter)?;
        if self.due.recently_claimed {
            let expires = now.plus(lives.recently_claimed);
            signed.push(roles::renew_recently_claimed(published, &versions, expires, online)?);
        }
        let mut snapshot = None;
        if !signed.is_empty() || self.due.snapshot {
            let expires = now.plus(lives.snapshot);
            snapshot = Some(roles::next_snapshot(published, &signed, &versions, expires, online)?);
        }
        let timestamp = {
            let expires = now.plus(lives.timestamp);
            match &snapshot {
                Some(new) => roles::next_timestamp(published, (new.version, &new.bytes), expires, online)?,
                None => {
                    let version = published.snapshot.version;
                    let path = layout::role_file(&RoleName::snapshot(), version);
                    let bytes = disk::read::bytes(&self.site.folder().path(&path))?;
                    roles::next_timestamp(published, (version, &bytes), expires, online)?
                }
            }
        };
        signed.extend(snapshot);
        Ok((signed, timestamp))
    }
}
