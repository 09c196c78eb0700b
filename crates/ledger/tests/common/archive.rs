//! Bundles taken apart and put together again, without the product's own reader and writer.

use std::io::{Read, Write};

use ledger::bundle::{FileEntry, Manifest, manifest_note};
use ledger::hash;
use ledger::note::{SignedNote, SigningKey};

/// A bundle as members, in their order.
#[derive(Clone)]
pub struct Parts(pub Vec<(String, Vec<u8>)>);

impl Parts {
    pub fn of(bundle: &[u8]) -> Self {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bundle));
        let mut parts = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            parts.push((entry.path().unwrap().to_str().unwrap().to_owned(), content));
        }
        Parts(parts)
    }

    pub fn pack(&self) -> Vec<u8> {
        gzip(&self.tar())
    }

    pub fn tar(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, content) in &self.0 {
            out.extend(header(name, content.len() as u64, b'0', ""));
            out.extend(padded(content));
        }
        out.extend([0; 1024]);
        out
    }

    pub fn get(&self, name: &str) -> &[u8] {
        &self.0.iter().find(|(other, _)| other == name).unwrap().1
    }

    pub fn get_mut(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(other, _)| other == name).unwrap().1
    }

    pub fn names(&self, start: &str) -> Vec<String> {
        self.0.iter().map(|(name, _)| name).filter(|name| name.starts_with(start)).cloned().collect()
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    /// Puts a member where its name belongs.
    pub fn put(&mut self, name: &str, content: Vec<u8>) {
        self.remove(name);
        let at = self.0.iter().position(|(other, _)| other.as_str() > name).unwrap_or(self.0.len());
        self.0.insert(at, (name.to_owned(), content));
    }

    /// Every record with the member that it stands in.
    pub fn records(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for name in self.names("records/") {
            let content = self.get(&name);
            let lines = content.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
            all.extend(lines.map(|line| (name.clone(), line.to_vec())));
        }
        all
    }

    /// The records anew; each stays in the member that it names.
    pub fn set_records(&mut self, records: &[(String, Vec<u8>)]) {
        for name in self.names("records/") {
            let lines = records.iter().filter(|(of, _)| *of == name);
            let content: Vec<u8> = lines.flat_map(|(_, line)| [line.as_slice(), b"\n"].concat()).collect();
            *self.get_mut(&name) = content;
        }
    }

    pub fn manifest(&self) -> Manifest {
        serde_json::from_slice(self.get("manifest.json")).unwrap()
    }

    /// Makes the table of contents say what there is, and signs it if there is a key. Without one
    /// the old signature stays, which is then about something else.
    pub fn list_again(&mut self, signer: Option<&SigningKey>) {
        let mut manifest = self.manifest();
        let listed = self.0.iter().filter(|(name, _)| !name.starts_with("manifest."));
        manifest.files = listed
            .map(|(name, content)| FileEntry {
                bytes: content.len() as u64,
                name: name.clone(),
                sha256: hash::plain(content),
            })
            .collect();
        self.set_manifest(&manifest, signer);
    }

    pub fn set_manifest(&mut self, manifest: &Manifest, signer: Option<&SigningKey>) {
        let bytes = manifest.to_bytes().unwrap();
        if let Some(signer) = signer {
            let note = SignedNote::sign(&manifest_note(&manifest.log, &bytes), signer).unwrap();
            *self.get_mut("manifest.note") = note.to_string().into_bytes();
        }
        *self.get_mut("manifest.json") = bytes;
    }
}

pub fn padded(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    out.resize(content.len().next_multiple_of(512), 0);
    out
}

/// A ustar header with any name, kind and target.
pub fn header(name: &str, size: u64, kind: u8, target: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, std::str::from_utf8(&[kind]).unwrap());
    put(157, target);
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    sum(&mut block);
    block
}

/// Makes the checksum of a header right again.
pub fn sum(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The form that bundles have, with little effort spent on size.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(GZIP_HEADER.to_vec(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    let mut out = encoder.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    out
}

pub fn gunzip(bundle: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bundle).read_to_end(&mut out).ok()?;
    Some(out)
}
