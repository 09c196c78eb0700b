//! Measures the gateway from outside, beside a proxy that does nothing and beside other gateways. Shares
//! no line with the product.
//!
//! ```text
//! bench-gateway run --server target/release/checkrein     everything, as one table
//! bench-gateway floor | mock | load                       its parts, each alone
//! bench-gateway soak --server target/release/checkrein    long, over a provider that fails in every way
//! ```

#![allow(
    clippy::indexing_slicing,
    reason = "JSON without a key gives null; arrays of two and three figures are the only others"
)]

mod faults;
mod figures;
mod floor;
mod load;
mod mock;
mod run;
mod soak;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Measures gateways beside a proxy that does nothing")]
enum Args {
    /// Answer like a provider, faster than any gateway asks
    Mock {
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
    /// Pass everything on and do nothing else: what a proxy costs at least
    Floor {
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
        #[arg(long, value_name = "ADDRESS")]
        upstream: SocketAddr,
    },
    /// Ask in a closed loop and print one line of JSON
    Load(load::Plan),
    /// Count where the instructions of one call go, with callgrind
    Cost {
        /// The program, with its symbols in it
        #[arg(long, value_name = "PROGRAM")]
        server: PathBuf,
        #[arg(long, value_enum, default_value_t = load::Shape::Chat)]
        shape: load::Shape,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Ask for long over a provider that fails in every way, and look whether a record is lost or memory grows
    Soak(soak::Plan),
    /// Start everything, one after the other, and print one table
    Run {
        /// The program to measure
        #[arg(long, value_name = "PROGRAM")]
        server: PathBuf,
        /// Only these gateways
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Length of each loop
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// Rounds, of which the medians are printed
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Where other gateways are installed, and where the raw lines go
        #[arg(long, value_name = "FOLDER", default_value = "target/bench-gateway")]
        cache: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse() {
        Args::Mock { listen } => mock::run(listen, None),
        Args::Floor { listen, upstream } => floor::run(listen, upstream),
        Args::Load(plan) => load::run(&plan),
        Args::Cost { server, shape, seconds } => run::cost::run(&server, shape, seconds),
        Args::Soak(plan) => soak::run(&plan),
        Args::Run { server, only, seconds, rounds, cache } => {
            run::run(&run::Plan { server, only, seconds, rounds, cache })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
