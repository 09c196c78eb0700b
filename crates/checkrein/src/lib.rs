//! The command line: reads arguments, calls one command, turns its outcome into an exit code.

mod bench;
mod cli;
mod client;
mod clock;
mod commands;
mod exit;
mod input;
mod judge;
mod packs;
mod providers_page;
mod reference;
mod report;
mod serve;
mod show;

use std::process::ExitCode;

use clap::Parser;

/// The settings of the server, for whoever reads them in a way of its own.
pub use serve::config::Config;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| eprintln!("{}", exit::panic_note(panic.location()))));
    let args = cli::Args::parse();
    match commands::run(args) {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error),
    }
}
