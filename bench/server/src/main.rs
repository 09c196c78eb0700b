//! Drives the real server from outside, as its clients do, over HTTP and nothing else.
//!
//! ```text
//! bench-server crash --server target/release/checkrein --kills 1000
//! bench-server load  --server target/release/checkrein
//! ```

#![allow(clippy::indexing_slicing, reason = "JSON without a key gives null; no slice is indexed here")]

mod crash;
mod dice;
mod estate;
mod line;
mod load;
mod server;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Kills a server under load, and measures one")]
enum Args {
    /// Kill the server at random moments and look whether anything that it said is lost
    Crash {
        /// The program to kill
        #[arg(long, value_name = "PROGRAM")]
        server: PathBuf,
        #[arg(long, default_value_t = 1_000)]
        kills: u32,
        /// Kills over one data folder; then a fresh one, so that a start stays short
        #[arg(long, default_value_t = 50)]
        each: u32,
        /// Servers at the same time, each over a folder of its own
        #[arg(long, default_value_t = 2)]
        lanes: u32,
        /// The same seed makes the same choices; when the kill meets what is up to the machine
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Measure how fast a server answers and what it costs
    Load {
        /// The program to measure
        #[arg(long, value_name = "PROGRAM")]
        server: PathBuf,
        /// Agents that ask at once; one closed loop for each number
        #[arg(long, value_delimiter = ',', default_values_t = [64, 1_000, 5_000])]
        agents: Vec<usize>,
        /// Length of each loop
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Minutes of load at a modest rate instead, with the memory after each
        #[arg(long, value_name = "MINUTES")]
        soak: Option<u64>,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse() {
        Args::Crash { server, kills, each, lanes, seed } => {
            crash::run(&server, &crash::Plan { kills, each, lanes, seed })
        }
        Args::Load { server, agents, seconds, soak } => {
            load::run(&server, &load::Plan { agents, seconds, soak })
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
