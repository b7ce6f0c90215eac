//! `tuffet ceremony`: one file to the safe and back.

mod prepare;
mod published;
mod sign;
mod words;

use super::args::{CeremonyCommand, Common};
use super::failure::Failure;
use std::time::Duration;
use tuffet::model::{ProjectName, moment};

pub(crate) fn run(common: &Common, command: &CeremonyCommand) -> Result<u8, Failure> {
    match command {
        CeremonyCommand::Prepare(args) => prepare::prepared(common, args),
        CeremonyCommand::Show(args) => sign::signed(common, args, sign::Act::Show),
        CeremonyCommand::Sign(args) => sign::signed(common, args, sign::Act::Sign),
        CeremonyCommand::Apply(args) => published::applied(common, args),
        CeremonyCommand::Abandon => published::abandoned(common),
    }
}

fn span(text: Option<&str>) -> Result<Duration, Failure> {
    let span = text.map(moment::parse_duration).transpose();
    Ok(span.map_err(|e| Failure::usage(format!("--older-than: {e}")))?.unwrap_or_default())
}

fn names(names: &[ProjectName]) -> Vec<&str> {
    names.iter().map(ProjectName::as_str).collect()
}
