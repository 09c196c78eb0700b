//! The archive in the bundle: plain ustar, read as strictly as it is written.
//!
//! A header is accepted only if it is, byte for byte, the one that the writer makes for that name
//! and size. So there are no links, no second names, no paths that lead elsewhere, no times.

use std::io::{self, BufRead, Write};

use super::container::{Broken, Deflate, Inflate};

const BLOCK: usize = 512;
/// What eleven octal digits can say.
pub const MAX_RECORDS_MEMBER: u64 = 0o77_777_777_777;
/// Most bytes of all checkpoints of a bundle; they are held while the records are read.
const MAX_CHECKPOINTS: u64 = 16 << 20;

/// What a member is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Readme,
    /// A signed head that covers everything below this sequence.
    Checkpoint(u64),
    LogKey,
    Rotations,
    Witnesses,
    Manifest,
    ManifestNote,
    FirstProof,
    LastProof,
    Left,
    /// Records from this sequence on.
    Records(u64),
    Verifier,
}

/// Members that every bundle has, with the most bytes that each may have.
const FIXED: &[(&str, Role, u64)] = &[
    ("README", Role::Readme, 1 << 20),
    ("keys/log", Role::LogKey, 4 << 10),
    ("keys/rotations.jsonl", Role::Rotations, 1 << 20),
    ("keys/witnesses", Role::Witnesses, 64 << 10),
    ("manifest.json", Role::Manifest, 16 << 20),
    ("manifest.note", Role::ManifestNote, 64 << 10),
    ("proofs/first.tlog-proof", Role::FirstProof, 128 << 10),
    ("proofs/last.tlog-proof", Role::LastProof, 128 << 10),
    ("proofs/left", Role::Left, 4 << 10),
    ("verify.py", Role::Verifier, 1 << 20),
];

impl Role {
    /// The role of a name, and the most bytes of such a member.
    pub fn of(name: &str) -> Option<(Role, u64)> {
        if let Some((_, role, most)) = FIXED.iter().find(|(fixed, ..)| *fixed == name) {
            return Some((*role, *most));
        }
        if let Some(digits) = name.strip_prefix("checkpoints/") {
            return Some((Role::Checkpoint(number(digits)?), 64 << 10));
        }
        let digits = name.strip_prefix("records/")?.strip_suffix(".jsonl")?;
        Some((Role::Records(number(digits)?), MAX_RECORDS_MEMBER))
    }

    pub fn name(self) -> String {
        match self {
            Role::Checkpoint(end) => format!("checkpoints/{end:020}"),
            Role::Records(sequence) => format!("records/{sequence:020}.jsonl"),
            fixed => {
                let row = FIXED.iter().find(|(_, role, _)| *role == fixed);
                row.map(|(name, ..)| (*name).to_owned()).unwrap_or_default()
            }
        }
    }
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// The only header that a name and a size can have.
fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in block.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0" as &[u8]);
    put(108, b"0000000\x000000000\x00");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\x00        0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\x00");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *to = from;
    }
    block
}

fn padding(size: u64) -> usize {
    usize::try_from((512 - size % 512) % 512).unwrap_or(0)
}

/// Writes members, compressed.
pub struct TarWriter<W: Write> {
    into: Deflate<W>,
    size: u64,
    left: u64,
}

impl<W: Write> TarWriter<W> {
    pub fn new(into: W) -> io::Result<Self> {
        Ok(TarWriter { into: Deflate::new(into)?, size: 0, left: 0 })
    }

    /// Begins a member whose content follows in pieces.
    pub fn begin(&mut self, role: Role, size: u64) -> io::Result<()> {
        self.end_member()?;
        (self.size, self.left) = (size, size);
        self.into.write_all(&header(&role.name(), size))
    }

    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| io::Error::other("a member got more bytes than were announced"))?;
        self.into.write_all(bytes)
    }

    pub fn member(&mut self, role: Role, content: &[u8]) -> io::Result<()> {
        self.begin(role, content.len() as u64)?;
        self.content(content)
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.end_member()?;
        self.into.write_all(&[0; 2 * BLOCK])?;
        self.into.finish()
    }

    fn end_member(&mut self) -> io::Result<()> {
        if self.left != 0 {
            return Err(io::Error::other("a member got fewer bytes than were announced"));
        }
        let zeros = [0; BLOCK];
        self.into.write_all(zeros.get(..padding(self.size)).unwrap_or_default())?;
        self.size = 0;
        Ok(())
    }
}

/// One member that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub role: Role,
    pub size: u64,
}

/// Reads members in their order.
pub struct Members<R: BufRead> {
    from: Inflate<R>,
    last: String,
    size: u64,
    left: u64,
    checkpoints: u64,
    fixed: usize,
}

impl<R: BufRead> Members<R> {
    pub fn new(from: R) -> Result<Self, Broken> {
        let from = Inflate::new(from)?;
        Ok(Members { from, last: String::new(), size: 0, left: 0, checkpoints: 0, fixed: 0 })
    }

    /// The next member; none at the end, when nothing was missing and nothing is left.
    pub fn next_member(&mut self) -> Result<Option<Member>, Broken> {
        let mut zeros = [0; BLOCK];
        let rest = zeros.get_mut(..padding(self.size)).unwrap_or_default();
        fill(&mut self.from, rest)?;
        if zeros != [0; BLOCK] {
            return Err(Broken::Archive("a member is followed by something"));
        }
        let mut block = [0; BLOCK];
        fill(&mut self.from, &mut block)?;
        if block == [0; BLOCK] {
            return self.end();
        }
        let member = read_header(&block)?;
        if member.name <= self.last {
            return Err(Broken::Archive("members are not in order, or come twice"));
        }
        match member.role {
            Role::Checkpoint(_) => self.checkpoints += member.size,
            Role::Records(_) => {}
            _ => self.fixed += 1,
        }
        if self.checkpoints > MAX_CHECKPOINTS {
            return Err(Broken::Archive("too many checkpoints"));
        }
        self.last.clone_from(&member.name);
        (self.size, self.left) = (member.size, member.size);
        Ok(Some(member))
    }

    /// Some bytes of the member; none at its end.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let got = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        if got == 0 && most > 0 {
            return Err(Broken::Archive("it ends within a member"));
        }
        self.left -= got as u64;
        Ok(got)
    }

    /// All of a member that is small by its role.
    pub fn whole(&mut self) -> Result<Vec<u8>, Broken> {
        let mut content = vec![0; usize::try_from(self.left).unwrap_or(0)];
        let mut got = 0;
        while let Some(free) = content.get_mut(got..).filter(|free| !free.is_empty()) {
            got += self.read(free)?;
        }
        Ok(content)
    }

    pub fn into_inflate(self) -> Inflate<R> {
        self.from
    }

    fn end(&mut self) -> Result<Option<Member>, Broken> {
        let mut block = [0; BLOCK];
        fill(&mut self.from, &mut block)?;
        if block != [0; BLOCK] || self.from.read(&mut block)? != 0 {
            return Err(Broken::Archive("something follows its end"));
        }
        if self.fixed != FIXED.len() {
            return Err(Broken::Archive("a member is missing"));
        }
        Ok(None)
    }
}

fn read_header(block: &[u8; BLOCK]) -> Result<Member, Broken> {
    let odd = Broken::Archive("a member has a header of another form");
    let name = block
        .iter()
        .take(100)
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect::<String>();
    let Some((role, most)) = Role::of(&name) else {
        return Err(Broken::Archive("a member has an unknown name"));
    };
    let digits = block.get(124..135).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    let Ok(size) = u64::from_str_radix(digits, 8) else { return Err(odd) };
    if *block != header(&name, size) {
        return Err(odd);
    }
    if size > most {
        return Err(Broken::Archive("a member is larger than such a member may be"));
    }
    Ok(Member { name, role, size })
}

fn fill<R: BufRead>(from: &mut Inflate<R>, into: &mut [u8]) -> Result<(), Broken> {
    let mut got = 0;
    while let Some(free) = into.get_mut(got..).filter(|free| !free.is_empty()) {
        match from.read(free)? {
            0 => return Err(Broken::Archive("it ends too early")),
            n => got += n,
        }
    }
    Ok(())
}
