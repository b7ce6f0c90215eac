//! One page for each command: what it does, in order, in terms of stages. These are the only
//! files that know two of them.

pub mod author;
pub mod build;
pub mod ceremony;
pub mod compromise;
pub mod explain;
pub mod init;
pub mod inventory;
pub mod project;
pub mod status;
pub mod sweep;
pub mod verify;

mod elsewhere;
pub mod guard;
mod lapse;
pub mod lists;
pub mod now;
mod placement;
pub mod publish;
mod roles;
mod suspend;
