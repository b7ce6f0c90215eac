//! The file that travels to the safe and back, and the ledger that lies there.
//!
//! The file carries bytes to be signed, their predecessors, and the chain that leads to them. It carries no
//! secret, and nothing in it is believed but what signatures and the ledger say.

pub mod file;
pub mod ledger;

pub use file::{Ceremony, Retired, Step};
pub use ledger::Ledger;
