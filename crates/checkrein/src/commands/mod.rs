//! The commands: each one file, each a function from arguments to how it ended.

mod bench;
mod check;
mod decide;
mod demo;
mod documents;
pub mod ledger;
mod mcp;
mod mock;
mod records;
mod redact;
mod report;
mod rules;
mod scan;
mod serve;
mod tour;
mod train;
mod witness;

use anyhow::Result;

use crate::cli::{Args, Command};
use crate::exit::Exit;

pub fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::Decide(args) => decide::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Redact(args) => redact::redact(&args),
        Command::Restore(args) => redact::restore(&args),
        Command::TrainInjection(args) => train::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Ledger(command) => ledger::run(&command),
        Command::Witness(args) => witness::run(&args),
        Command::MockProvider(args) => mock::run(&args),
        Command::Mcp(args) => mcp::run(&args),
        Command::Tour => tour::run(),
        Command::Providers => documents::providers(),
        Command::Demo(args) => demo::run(&args),
        Command::Schema { contract } => documents::schema(contract),
        Command::Completions { shell } => documents::completions(shell),
        Command::Man => documents::man(),
    }
}
