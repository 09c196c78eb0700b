//! What the disk takes by itself, for comparison: durable answers cannot be faster.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::figures::Times;

const ROUNDS: usize = 300;

/// Writes a block and waits for the disk, again and again, into a file of its full length.
pub fn raw(folder: &Path) -> Result<Times> {
    use std::os::unix::fs::FileExt as _;
    let path = folder.join("raw");
    let mut file = File::create(&path)?;
    let block = [7u8; 4096];
    for _ in 0..ROUNDS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(ROUNDS);
    for n in 0..ROUNDS {
        let start = Instant::now();
        file.write_all_at(&block, n as u64 * 4096)?;
        file.sync_data()?;
        times.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    std::fs::remove_file(path)?;
    Ok(Times::of(times))
}
