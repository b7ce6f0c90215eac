//! The binary's own: arguments and settings in, reports and an exit code out. One file a command.

mod args;
mod author;
mod build;
mod ceremony;
mod clock;
mod compromise;
mod explain;
mod failure;
mod init;
mod inventory;
mod key;
mod passphrase;
mod pin;
mod project;
mod prometheus;
mod question;
mod settings;
mod show;
mod signer;
mod status;
mod sweep;
mod terminal;
mod verify;

use args::{Args, Command, Format};
use clap::{CommandFactory as _, Parser as _};
use failure::Failure;
use std::io::Write as _;
use std::process::ExitCode;

/// Parses the command line, runs the command, and gives its exit code.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    let format = args.common.format;
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if format == Format::Json {
                let error = serde_json::json!({"error": failure.message, "exit": failure.code});
                show::print(&format!("{error}\n"));
            }
            let width = terminal::width();
            let text = show::wrap(&format!("error: {}", failure.message), width, "  ");
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: &Args) -> Result<u8, Failure> {
    if args.common.format == Format::Prometheus && !matches!(args.command, Command::Status(_)) {
        return Err(Failure::usage("--format prometheus is for `tuffet status` alone"));
    }
    match &args.command {
        Command::Init(init) => init::run(&args.common, init),
        Command::Build(build) => build::run(&args.common, build),
        Command::Inventory(inventory) => inventory::run(&args.common, inventory),
        Command::Verify(verify) => verify::run(&args.common, verify),
        Command::Status(status) => status::run(&args.common, status),
        Command::Explain(explain) => explain::run(&args.common, explain),
        Command::Compromise(compromise) => compromise::run(&args.common, compromise),
        Command::Sweep(sweep) => sweep::run(&args.common, sweep),
        Command::Author(command) => author::run(&args.common, command),
        Command::Ceremony(command) => ceremony::run(&args.common, command),
        Command::Project(command) => project::run(&args.common, command),
        Command::Key(command) => key::run(&args.common, command),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "tuffet", &mut out);
            show::print(&String::from_utf8_lossy(&out));
            Ok(0)
        }
        Command::Man { command } => man(command.as_deref()),
    }
}

/// The manual page of the program, or of one of its commands.
fn man(name: Option<&str>) -> Result<u8, Failure> {
    let mut command = Args::command();
    command.build();
    let page = match name {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let found = found
                .ok_or_else(|| Failure::usage(format!("there is no command {name:?}; see tuffet --help")))?;
            found.display_name(format!("tuffet-{name}"))
        }
    };
    let mut out = Vec::new();
    clap_mangen::Man::new(page).render(&mut out).map_err(|e| Failure::new(failure::FILES, e.to_string()))?;
    show::print(&String::from_utf8_lossy(&out));
    Ok(0)
}
