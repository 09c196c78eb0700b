//! The tree over the records, as RFC 6962 has it and without a line of the server's own code: what an
//! outsider computes from the records that it was given.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub type Hash = [u8; 32];

pub fn leaf(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root over these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node(&root(left), &root(right))
        }
    }
}

pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signed head, without its signatures: those are for the verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub size: usize,
    pub root: Hash,
}

impl Head {
    pub fn parse(note: &str) -> Result<Head> {
        let mut lines = note.lines().skip(1);
        let size = lines.next().and_then(|line| line.parse().ok()).context("a head without a size")?;
        Ok(Head { size, root: hash(lines.next().unwrap_or_default())? })
    }
}

fn hash(line: &str) -> Result<Hash> {
    let bytes = STANDARD.decode(line).context("a hash that is not base64")?;
    bytes.try_into().ok().context("a hash that has not 32 bytes")
}

/// Checks a proof in text form for one leaf; gives back the head that it leads to.
pub fn check_proof(text: &str, leaf: &Hash) -> Result<Head> {
    let (proof, note) = text.split_once("\n\n").context("a proof without a head")?;
    let head = Head::parse(note)?;
    let mut lines = proof.lines().filter(|line| !line.starts_with("extra ")).skip(1);
    let mut index: usize = lines
        .next()
        .and_then(|line| line.strip_prefix("index ")?.parse().ok())
        .context("a proof without an index")?;
    let mut last = head.size.checked_sub(1).context("a head over nothing")?;
    ensure!(index <= last, "the index lies outside the tree");
    let mut at = *leaf;
    for line in lines {
        let sibling = hash(line)?;
        if last == 0 {
            bail!("the path is too long");
        }
        if index % 2 == 1 || index == last {
            at = node(&sibling, &at);
            while index.is_multiple_of(2) && index != 0 {
                (index, last) = (index / 2, last / 2);
            }
        } else {
            at = node(&at, &sibling);
        }
        (index, last) = (index / 2, last / 2);
    }
    ensure!(last == 0 && at == head.root, "the path leads to another root");
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_root_and_a_changed_leaf_does_not() {
        let leaves: Vec<Hash> = (0..3u8).map(|n| leaf(&[n])).collect();
        let root = root(&leaves);
        let text = |hash: &Hash| STANDARD.encode(hash);
        let path = [leaves[2]];
        let below = node(&leaves[0], &leaves[1]);
        let note = format!("log\n3\n{}\n\nsignature", text(&root));
        let last = format!("c2sp.org/tlog-proof@v1\nindex 2\n{}\n\n{note}", text(&below));
        assert!(check_proof(&last, &leaves[2]).is_ok());
        assert!(check_proof(&last, &leaves[1]).is_err());
        let first =
            format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n{}\n\n{note}", text(&leaves[1]), text(&path[0]));
        assert!(check_proof(&first, &leaves[0]).is_ok());
        assert!(check_proof(&first, &leaves[2]).is_err());
    }
}
