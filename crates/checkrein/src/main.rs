//! The program. All of it is in the library beside it, where fuzzing reaches what it reads.

use std::process::ExitCode;

/// What is known of thousands of agents is taken and given back in small pieces by many threads. The
/// system's allocator kept several times as much of it as was in use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    checkrein::main()
}
