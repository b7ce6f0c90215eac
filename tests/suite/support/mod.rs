//! What the tests share: a repository in a folder of its own, and the real clients.

pub(crate) mod attacked;
pub(crate) mod author;
pub(crate) mod calls;
pub(crate) mod clients;
pub(crate) mod deflated;
pub(crate) mod known;
pub(crate) mod monsters;
pub(crate) mod nginx;
pub(crate) mod pages;
pub(crate) mod parquets;
pub(crate) mod reading;
pub(crate) mod rekeyed;
pub(crate) mod repo;
pub(crate) mod scenes;
pub(crate) mod token;
pub(crate) mod undurable;
pub(crate) mod zips;

pub(crate) use repo::{Ran, Repo, files_below, snapshot_of};
