//! Inclusion and consistency proofs: made from tiles, checked from nothing but themselves.

use action::Digest;

use super::{HashError, ReadTiles, TileHashes, empty_root, node_hash};

/// No path in a tree of a 64-bit size is longer.
pub const MAX_PATH: usize = 64;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("the proof is for sizes or positions that no tree has")]
    Outside,
    #[error("the proof has {got} hashes, not {want}")]
    Length { want: usize, got: usize },
    #[error("the proof leads to another root")]
    Root,
}

/// The roots of the full subtrees that make up the first `size` leaves, the largest first.
pub fn left_of<T: ReadTiles + ?Sized>(
    size: u64,
    hashes: &TileHashes<'_, T>,
) -> Result<Vec<Digest>, HashError> {
    cover(0, size, hashes)
}

/// The path from leaf `index` to the root of the tree, the leaf's sibling first.
pub fn inclusion<T: ReadTiles + ?Sized>(
    index: u64,
    hashes: &TileHashes<'_, T>,
) -> Result<Vec<Digest>, HashError> {
    let size = hashes.size();
    if index >= size {
        return Err(HashError::Outside { height: 0, position: index, size });
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(middle, end, hashes)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, hashes)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Shows that the tree of the `old` size is the beginning of this one. Empty for an old size of
/// zero and for the same size.
pub fn consistency<T: ReadTiles + ?Sized>(
    old: u64,
    hashes: &TileHashes<'_, T>,
) -> Result<Vec<Digest>, HashError> {
    let size = hashes.size();
    if old > size {
        return Err(HashError::Outside { height: 0, position: old, size });
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    // Down to the node whose right end is the old size; `start == 0` then means that it is the whole
    // old tree, whose root the reader has.
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_root(middle, end, hashes)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, hashes)?);
            start = middle;
        }
    }
    if start != 0 {
        path.push(range_root(start, end, hashes)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether the path leads from the leaf to the root.
pub fn check_inclusion(
    index: u64,
    size: u64,
    leaf: &Digest,
    path: &[Digest],
    root: &Digest,
) -> Result<(), Bad> {
    if index >= size {
        return Err(Bad::Outside);
    }
    // RFC 9162, 2.1.3.2: how often the node is a right child decides on which side each hash stands.
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    let mut steps = path.iter();
    let mut used = 0;
    while last > 0 {
        if node % 2 == 1 || node == last {
            let Some(step) = steps.next() else {
                return Err(Bad::Length { want: used + 1, got: path.len() });
            };
            used += 1;
            hash = node_hash(step, &hash);
            // A last node without sibling rises to where it is a right child.
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            let Some(step) = steps.next() else {
                return Err(Bad::Length { want: used + 1, got: path.len() });
            };
            used += 1;
            hash = node_hash(&hash, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    finish(used, path.len(), hash == *root)
}

/// Whether the path shows that the old tree is the beginning of the new one.
pub fn check_consistency(old: (u64, &Digest), new: (u64, &Digest), path: &[Digest]) -> Result<(), Bad> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(Bad::Outside);
    }
    if old_size == 0 || old_size == new_size {
        let same = if old_size == new_size { old_root == new_root } else { *old_root == empty_root() };
        return finish(0, path.len(), same);
    }
    // RFC 9162, 2.1.4.2.
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node % 2 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let mut steps = path.iter();
    let mut used = 0;
    let first = if old_size.is_power_of_two() {
        *old_root
    } else {
        used += 1;
        *steps.next().ok_or(Bad::Length { want: 1, got: 0 })?
    };
    let (mut of_old, mut of_new) = (first, first);
    while last > 0 {
        let Some(step) = steps.next() else { return Err(Bad::Length { want: used + 1, got: path.len() }) };
        used += 1;
        if node % 2 == 1 || node == last {
            of_old = node_hash(step, &of_old);
            of_new = node_hash(step, &of_new);
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            of_new = node_hash(&of_new, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    finish(used, path.len(), of_old == *old_root && of_new == *new_root)
}

fn finish(want: usize, got: usize, same: bool) -> Result<(), Bad> {
    match (want == got, same) {
        (false, _) => Err(Bad::Length { want, got }),
        (true, false) => Err(Bad::Root),
        (true, true) => Ok(()),
    }
}

/// The largest power of two below a length of at least two.
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

/// Roots of the full subtrees over a range, left to right. The range starts where a subtree may start.
fn cover<T: ReadTiles + ?Sized>(
    mut start: u64,
    end: u64,
    hashes: &TileHashes<'_, T>,
) -> Result<Vec<Digest>, HashError> {
    let mut roots = Vec::new();
    while start < end {
        let height = u64::BITS - 1 - (end - start).leading_zeros();
        roots.push(hashes.subtree(u8::try_from(height).unwrap_or(u8::MAX), start >> height)?);
        start += 1 << height;
    }
    Ok(roots)
}

fn range_root<T: ReadTiles + ?Sized>(
    start: u64,
    end: u64,
    hashes: &TileHashes<'_, T>,
) -> Result<Digest, HashError> {
    let mut roots = cover(start, end, hashes)?.into_iter().rev();
    let last = roots.next().unwrap_or_else(empty_root);
    Ok(roots.fold(last, |right, left| node_hash(&left, &right)))
}
