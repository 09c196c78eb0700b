//! The tree, its proofs, and bundles that hold.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod common;

use std::collections::BTreeMap;

use action::Digest;
use common::{Dice, Sample, Shape};
use ct_merkle::RootHash;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ledger::hash;
use ledger::tree::*;
use sha2::Sha256;

/// Leaf hashes and all tiles of a tree.
fn grown(size: u64) -> (Vec<Digest>, BTreeMap<TileId, Tile>, Vec<Digest>) {
    let (mut frontier, mut tiles) = (Frontier::new(), BTreeMap::new());
    let (mut leaves, mut roots) = (Vec::new(), vec![frontier.root()]);
    for n in 0..size {
        let leaf = hash::leaf(&n.to_be_bytes());
        leaves.push(leaf);
        for tile in frontier.append(leaf) {
            tiles.insert(tile.id, tile);
        }
        for tile in frontier.partial() {
            tiles.insert(tile.id, tile);
        }
        roots.push(frontier.root());
    }
    (leaves, tiles, roots)
}

fn all_pairs() -> u64 {
    std::env::var("LEDGER_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

/// The definition of RFC 6962, 2.1, as it stands there.
fn by_definition(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => hash::plain(&[]),
        [leaf] => *leaf,
        more => {
            let k = more.len().next_power_of_two() / 2;
            hash::node(&by_definition(&more[..k]), &by_definition(&more[k..]))
        }
    }
}

#[test]
fn vectors_of_the_certificate_transparency_project_hold() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), hash::plain(&[]));
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.append(hash::leaf(leaf));
        assert_eq!(frontier.root().to_string(), root);
    }
}

#[test]
fn every_pair_of_sizes_is_proven_and_nothing_else_passes() {
    let most = all_pairs();
    let (leaves, tiles, roots) = grown(most);
    for size in 0..=most {
        let root = &roots[size as usize];
        assert_eq!(*root, by_definition(&leaves[..size as usize]));
        let hashes = TileHashes::new(&tiles, size);
        for index in 0..size {
            let path = inclusion(index, &hashes).unwrap();
            let leaf = &leaves[index as usize];
            assert_eq!(check_inclusion(index, size, leaf, &path, root), Ok(()));
            assert!(
                check_inclusion(index, size, &leaves[(index as usize + 1) % leaves.len()], &path, root)
                    .is_err()
                    || most == 1
            );
            if index + 1 < size {
                assert!(check_inclusion(index + 1, size, leaf, &path, root).is_err());
            }
        }
        for old in 0..=size {
            let path = consistency(old, &hashes).unwrap();
            let old_root = &roots[old as usize];
            assert_eq!(check_consistency((old, old_root), (size, root), &path), Ok(()));
            if old > 0 && old < size {
                let other = &roots[old as usize - 1];
                assert!(check_consistency((old, other), (size, root), &path).is_err());
                assert!(check_consistency((old, old_root), (size, old_root), &path).is_err());
            }
        }
    }
}

#[test]
fn a_changed_proof_does_not_pass() {
    let size = 200;
    let (leaves, tiles, roots) = grown(size);
    let hashes = TileHashes::new(&tiles, size);
    let root = &roots[size as usize];
    for index in 0..size {
        let path = inclusion(index, &hashes).unwrap();
        let old = index + 1;
        let line = consistency(old, &hashes).unwrap();
        let inclusion_holds =
            |path: &[Digest]| check_inclusion(index, size, &leaves[index as usize], path, root).is_ok();
        let consistency_holds =
            |line: &[Digest]| check_consistency((old, &roots[old as usize]), (size, root), line).is_ok();
        for (proof, holds) in
            [(&path, &inclusion_holds as &dyn Fn(&[Digest]) -> bool), (&line, &consistency_holds)]
        {
            for place in 0..proof.len() {
                let mut changed = proof.clone();
                changed[place] = hash::plain(b"another");
                assert!(!holds(&changed));
                changed.remove(place);
                assert!(!holds(&changed));
            }
            assert!(!holds(&[proof.as_slice(), &[*root]].concat()));
        }
    }
}

#[test]
fn proofs_are_those_of_another_implementation() {
    let mut dice = Dice(7);
    let size = 700;
    let (_, tiles, roots) = grown(size);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for n in 0..size {
        other.push(n.to_be_bytes().to_vec());
        assert_eq!(other.root().as_bytes().as_slice(), roots[n as usize + 1].as_bytes());
    }
    let hashes = TileHashes::new(&tiles, size);
    let bytes = |path: Vec<Digest>| path.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
    for index in 0..size {
        let theirs = other.prove_inclusion(index as usize);
        assert_eq!(theirs.as_bytes(), bytes(inclusion(index, &hashes).unwrap()));
    }
    for _ in 0..200 {
        let added = dice.between(1, size);
        let theirs = other.prove_consistency(added as usize);
        assert_eq!(theirs.as_bytes(), bytes(consistency(size - added, &hashes).unwrap()), "{added} added");
    }
    let root = RootHash::<Sha256>::new(other.root().as_bytes().to_owned(), size);
    assert!(root == other.root());
}

#[test]
fn proofs_hold_in_a_tree_of_a_million() {
    let size = 1_000_000;
    let (mut frontier, mut tiles) = (Frontier::new(), BTreeMap::new());
    let mut known = BTreeMap::new();
    let mut dice = Dice(11);
    let olds: Vec<u64> = (0..40).map(|_| dice.between(1, size)).collect();
    for n in 0..size {
        for tile in frontier.append(hash::leaf(&n.to_be_bytes())) {
            tiles.insert(tile.id, tile);
        }
        if olds.contains(&(n + 1)) {
            known.insert(n + 1, frontier.root());
        }
    }
    tiles.extend(frontier.partial().into_iter().map(|tile| (tile.id, tile)));
    let hashes = TileHashes::new(&tiles, size);
    let root = frontier.root();
    for _ in 0..2_000 {
        let index = dice.below(size);
        let path = inclusion(index, &hashes).unwrap();
        assert_eq!(check_inclusion(index, size, &hash::leaf(&index.to_be_bytes()), &path, &root), Ok(()));
    }
    for (old, old_root) in known {
        let path = consistency(old, &hashes).unwrap();
        assert_eq!(check_consistency((old, &old_root), (size, &root), &path), Ok(()));
    }
}

#[test]
fn a_tree_entered_in_the_middle_grows_to_the_same_root() {
    let (leaves, tiles, roots) = grown(600);
    let hashes = TileHashes::new(&tiles, 600);
    for from in [0, 1, 2, 3, 255, 256, 257, 511, 512, 599] {
        let mut frontier = Frontier::entered(from, left_of(from, &hashes).unwrap()).unwrap();
        for leaf in &leaves[from as usize..] {
            frontier.append(*leaf);
        }
        assert_eq!(frontier.root(), roots[600]);
    }
}

#[test]
fn a_missing_tile_is_named() {
    let (_, mut tiles, _) = grown(600);
    tiles.remove(&TileId::full(0, 1));
    let error = inclusion(300, &TileHashes::new(&tiles, 600)).unwrap_err();
    assert!(matches!(error, HashError::Missing { tile } if tile == TileId::full(0, 1)));
    assert!(inclusion(600, &TileHashes::new(&tiles, 600)).is_err());
    assert!(consistency(601, &TileHashes::new(&tiles, 600)).is_err());
}

#[test]
fn a_proof_is_a_text_of_its_own() {
    let sample = Sample::new(&Shape { records: 300, every: 100, eventful: false, seed: 1 });
    let (_, note) = sample.heads.last().unwrap();
    let hashes = TileHashes::new(&sample.tiles[0], 300);
    let proof = TlogProof { index: 17, path: inclusion(17, &hashes).unwrap(), checkpoint: note.clone() };
    let text = proof.to_string();
    assert_eq!(TlogProof::parse(&text).unwrap(), proof);
    assert_eq!(proof.check(&hash::leaf(&sample.lines[17])).unwrap().size, 300);
    assert!(proof.check(&hash::leaf(&sample.lines[18])).is_err());
    let extra = text.replacen("\nindex", "\nextra aGk=\nindex", 1);
    assert_eq!(TlogProof::parse(&extra).unwrap(), proof);
    for (from, to) in
        [("@v1", "@v2"), ("index 17", "index 017"), ("index 17", "index"), ("\n\n", "\n"), ("index 17\n", "")]
    {
        assert!(TlogProof::parse(&text.replacen(from, to, 1)).is_err(), "{from:?} as {to:?}");
    }
    let long = text.replacen(
        "\n\n",
        &format!("\n{}\n\n", vec!["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; 65].join("\n")),
        1,
    );
    assert!(TlogProof::parse(&long).is_err());
}
