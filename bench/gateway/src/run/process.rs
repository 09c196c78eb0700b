//! What the kernel says of a process and everything that it started.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Of `/proc`'s clock ticks; the same on every Linux that people run.
const TICKS_PER_SECOND: u64 = 100;

#[derive(Clone, Copy, Default)]
pub struct Used {
    /// In user and kernel mode.
    pub cpu: Duration,
    /// Resident bytes.
    pub memory: u64,
}

/// The process and its descendants, together.
pub fn tree(root: u32) -> Used {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut all: HashMap<u32, Used> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that ends while we look is none.
        let Some((parent, used)) = one(id) else { continue };
        children.entry(parent).or_default().push(id);
        all.insert(id, used);
    }
    let (mut sum, mut open) = (Used::default(), vec![root]);
    while let Some(id) = open.pop() {
        let used = all.get(&id).copied().unwrap_or_default();
        sum.cpu += used.cpu;
        sum.memory += used.memory;
        open.extend(children.remove(&id).unwrap_or_default());
    }
    sum
}

fn one(id: u32) -> Option<(u32, Used)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold blanks; it ends at the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)?;
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    // A process that has ended and was not fetched has none.
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0);
    let cpu = Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
    Some((u32::try_from(number(1)?).ok()?, Used { cpu, memory: kilobytes << 10 }))
}

/// On Linux tasks share time by session: without this the bench's loops share theirs with everything
/// that the session was started from. Only a session of our own is raised.
pub fn raise_own_session() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let session =
        stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(3)?.parse::<u32>().ok());
    session == Some(std::process::id()) && fs::write("/proc/self/autogroup", "-10").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_counts_with_its_parent() {
        let alone = tree(std::process::id()).memory;
        let mut child = std::process::Command::new("sleep").arg("20").spawn().unwrap();
        let both = tree(std::process::id()).memory;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(alone > 0 && both > alone, "{alone} {both}");
    }
}
