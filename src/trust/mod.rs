//! Judgements, pure: what a client must believe, given bytes. No file, no clock, no thread.
//!
//! [`judge`] holds the rules that a client applies to one metadata file, [`mod@bin`] applies them to thousands of bins;
//! [`verified`] is the only
//! place where something can become [`verified::Verified`]; [`lookup`] is the search for a
//! target through delegations; [`finding`] is what a verifier reports of a whole tree; [`custody`] says
//! who holds a role, [`claim`] what an author may delegate, [`ceremony`] what is about to be signed changes,
//! [`consent`] what a project's holders say to other keys, [`forger`] who could forge a target, and [`compromise`]
//! what whoever holds some keys could do to every project.

pub mod bin;
pub mod ceremony;
pub mod claim;
pub mod compromise;
pub mod consent;
pub mod custody;
pub mod finding;
pub mod forger;
pub mod judge;
pub mod limits;
pub mod lives;
pub mod lookup;
pub mod renewal;
pub mod signature;
pub mod standing;
pub mod verified;

pub use consent::Consent;
pub use custody::{Custody, OnlineKeys};
pub use finding::{Finding, Severity};
pub use judge::{Expectation, Fault};
pub use lives::Lives;
pub use standing::Standing;
pub use verified::Verified;
