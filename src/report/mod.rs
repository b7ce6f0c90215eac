//! Reporting: the library emits [`Event`]s and never prints; the binary turns them into bars,
//! lines or JSON. Since all of them come from the same events, they cannot disagree.

pub mod amount;
pub mod event;
pub mod warning;

pub use event::{Event, Reporter, Silent, Stage};
pub use warning::{Code, Warning};
