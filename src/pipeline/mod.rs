//! The stages of a build, in the order in which the data flows: [`collect`] (source → candidates),
//! [`digest`] (SHA-256), [`partition`] (what changes, and in which bin), [`sign`] (roles →
//! envelopes). No stage knows another: they share the types of [`source`], and `runs` hands the data
//! on.

pub mod collect;
pub mod digest;
pub mod partition;
pub mod sign;
pub mod source;
