//! The `tuffet` program: parse, dispatch, exit.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
