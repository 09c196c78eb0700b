//! Gzip with one form: a fixed header, one member, nothing behind it.

use std::io::{self, BufRead, Read, Write};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// No name, no time, no flags, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff];

/// Why a bundle cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("cannot read the bundle")]
    Io(#[source] io::Error),
    #[error("the file is no bundle: it does not begin like one")]
    NotGzip,
    #[error("the compressed file is damaged or incomplete, or something follows it")]
    Transport,
    #[error("the archive is not one that this product writes: {0}")]
    Archive(&'static str),
}

/// Reads what was compressed, and at its end makes sure that it was all of it.
pub struct Inflate<R: BufRead> {
    from: DeflateDecoder<R>,
    crc: Crc,
    /// Length and checksum agreed, and nothing followed.
    whole: bool,
}

impl<R: BufRead> Inflate<R> {
    pub fn new(mut from: R) -> Result<Self, Broken> {
        let mut header = [0; HEADER.len()];
        let mut got = 0;
        while let Some(free) = header.get_mut(got..).filter(|free| !free.is_empty()) {
            match from.read(free).map_err(Broken::Io)? {
                0 => break,
                n => got += n,
            }
        }
        if header.get(..2) != HEADER.get(..2) || got < 2 {
            return Err(Broken::NotGzip);
        }
        if got < HEADER.len() || header != HEADER {
            return Err(Broken::Transport);
        }
        Ok(Inflate { from: DeflateDecoder::new(from), crc: Crc::new(), whole: false })
    }

    /// Some bytes; none at the end, which has then been checked.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        if self.whole || into.is_empty() {
            return Ok(0);
        }
        let got = self.from.read(into).map_err(sorted)?;
        self.crc.update(into.get(..got).unwrap_or_default());
        if got == 0 {
            self.end()?;
        }
        Ok(got)
    }

    fn end(&mut self) -> Result<(), Broken> {
        let mut trailer = [0; 8];
        let (sum, length) = (self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes());
        let from = self.from.get_mut();
        from.read_exact(&mut trailer).map_err(sorted)?;
        let rest = from.fill_buf().map_err(sorted)?;
        self.whole = trailer.iter().eq(sum.iter().chain(&length)) && rest.is_empty();
        if self.whole { Ok(()) } else { Err(Broken::Transport) }
    }

    /// Reads on to the end, at most `most` bytes: whether the file was whole comes before what stood in it.
    pub fn drain(&mut self, most: u64) -> Result<(), Broken> {
        let mut buffer = vec![0; 64 << 10];
        let mut left = most;
        while left > 0 {
            match self.read(&mut buffer)? {
                0 => break,
                got => left = left.saturating_sub(got as u64),
            }
        }
        Ok(())
    }
}

/// The decoder's own complaints have no number of the system; the disk's have.
fn sorted(error: io::Error) -> Broken {
    if error.raw_os_error().is_some() { Broken::Io(error) } else { Broken::Transport }
}

/// Writes the one form.
pub(super) struct Deflate<W: Write> {
    into: DeflateEncoder<W>,
    crc: Crc,
}

impl<W: Write> Deflate<W> {
    pub fn new(mut into: W) -> io::Result<Self> {
        into.write_all(&HEADER)?;
        Ok(Deflate { into: DeflateEncoder::new(into, flate2::Compression::new(6)), crc: Crc::new() })
    }

    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.into.write_all(bytes)
    }

    pub fn finish(self) -> io::Result<W> {
        let mut into = self.into.finish()?;
        into.write_all(&self.crc.sum().to_le_bytes())?;
        into.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut deflate = Deflate::new(Vec::new()).unwrap();
        deflate.write_all(content).unwrap();
        deflate.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut inflate = Inflate::new(bytes)?;
        let (mut out, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match inflate.read(&mut buffer)? {
                0 => return Ok(out),
                got => out.extend_from_slice(buffer.get(..got).unwrap()),
            }
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        for content in [b"".as_slice(), b"a", &[b'x'; 100_000]] {
            assert_eq!(unpacked(&packed(content)).unwrap(), content);
        }
    }

    #[test]
    fn other_gzip_readers_take_it() {
        let mut out = String::new();
        flate2::read::GzDecoder::new(packed(b"hello").as_slice()).read_to_string(&mut out).unwrap();
        assert_eq!(out, "hello");
    }

    #[test]
    fn nothing_may_be_cut_off_put_behind_or_changed() {
        let whole = packed(b"some text, some text");
        for end in 0..whole.len() {
            assert!(unpacked(whole.get(..end).unwrap()).is_err(), "cut at {end}");
        }
        assert!(matches!(unpacked(&[whole.as_slice(), b"x"].concat()), Err(Broken::Transport)));
        assert!(matches!(unpacked(&[whole.as_slice(), &whole].concat()), Err(Broken::Transport)));
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(unpacked(&changed).is_err(), "bit at {place}");
        }
    }
}
