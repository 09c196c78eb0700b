//! What the kernel says of the server's process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Of `/proc`'s clock ticks; the same on every Linux that people run.
const TICKS_PER_SECOND: u64 = 100;

pub struct Process(PathBuf);

#[derive(Clone, Copy)]
pub struct Used {
    /// Of all cores, in user and kernel mode.
    pub cpu: Duration,
    /// Resident bytes.
    pub memory: u64,
    pub files: usize,
}

impl Process {
    pub fn of(id: u32) -> Self {
        Process(PathBuf::from(format!("/proc/{id}")))
    }

    pub fn now(&self) -> Result<Used> {
        let stat = std::fs::read_to_string(self.0.join("stat"))?;
        // The name may hold blanks; it ends at the last parenthesis.
        let (_, fields) = stat.rsplit_once(") ").context("no stat of the server")?;
        let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
        let status = std::fs::read_to_string(self.0.join("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no memory")?;
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse()?;
        let files = std::fs::read_dir(self.0.join("fd"))?.count();
        let cpu = Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
        Ok(Used { cpu, memory: kilobytes << 10, files })
    }
}
