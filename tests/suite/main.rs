//! Everything that is tested from outside, in one program. Each file is named after what it shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as it should be, and says what it did"
)]

mod adoption;
mod again;
mod architecture;
mod astray;
mod attacks;
mod authors;
mod bandersnatch;
mod budgets;
mod build;
mod ceremonies;
mod changed;
mod churn;
mod clients;
mod clocks;
mod compress;
mod compromise;
mod damage;
mod disaster;
mod documents;
mod errors;
mod faults;
mod foreign;
mod full;
mod fuzzed;
mod golden;
mod half;
mod holders;
mod hostile;
mod index;
mod inventory;
mod keys;
mod kill;
mod lacking;
mod led;
mod manifest;
mod members;
mod monstrous;
mod p256;
mod planted;
mod power;
mod projects;
mod properties;
mod queues;
mod readme;
mod recovery;
mod remembered;
mod reproducible;
mod rotations;
mod sample;
mod secrets;
mod serving;
mod signers;
mod soak;
mod status;
mod strangers;
mod submissions;
mod support;
mod suspension;
mod sweep;
mod table;
mod together;
mod tokens;
mod touched;
mod twice;
mod verified;
