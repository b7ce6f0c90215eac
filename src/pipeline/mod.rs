//! The stages of a build, in the order in which the data flows: [`collect`] (source → candidates),
//! [`digest`] (SHA-256); or [`inventory`] (lists → the same); [`partition`] (what changes, and in which bin), [`inspect`] (what archives say),
//! [`index`] (pages, which are targets too), [`sign`] (roles →
//! envelopes). No stage knows another: they share the types of [`source`], and `runs` hands the data
//! on.

mod archive;
pub mod collect;
pub mod digest;
pub mod index;
pub mod inspect;
pub mod inventory;
pub mod partition;
pub mod sign;
pub mod source;
