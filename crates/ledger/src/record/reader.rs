//! Reads canonical JSON and nothing else.
//!
//! What JSON may write in many ways (blanks, escapes, the order of keys, absent values, the digits of a
//! number) has one way here, and any other is refused on the spot. So bytes that were read need not be
//! written again to be known as the ones that this program would have written.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// Bytes are not the canonical form of the type. Why, a general reader tells better.
#[derive(Debug)]
pub(super) struct Odd;

/// Reads a value that is all of the bytes.
pub(super) fn from_canonical<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Odd> {
    let mut reader = Reader { text: std::str::from_utf8(bytes).map_err(|_| Odd)?, at: 0 };
    let value = T::deserialize(&mut reader)?;
    if reader.at == bytes.len() { Ok(value) } else { Err(Odd) }
}

struct Reader<'de> {
    text: &'de str,
    /// What comes next. Only whole characters are stepped over.
    at: usize,
}

impl<'de> Reader<'de> {
    fn next_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Takes one ASCII character if it comes next.
    fn take(&mut self, byte: u8) -> Result<(), Odd> {
        if self.next_byte() != Some(byte) {
            return Err(Odd);
        }
        self.at += 1;
        Ok(())
    }

    /// Takes so many bytes, which end with a character.
    fn split(&mut self, size: usize) -> Result<&'de str, Odd> {
        let end = self.at + size;
        let head = self.text.get(self.at..end).ok_or(Odd)?;
        self.at = end;
        Ok(head)
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Odd> {
        self.take(b'"')?;
        let plain = self.plain()?;
        if self.take(b'"').is_ok() {
            return Ok(Cow::Borrowed(plain));
        }
        self.with_escapes(plain).map(Cow::Owned)
    }

    /// The rest of a string, behind what was plain of it.
    #[cold]
    fn with_escapes(&mut self, plain: &str) -> Result<String, Odd> {
        let mut text = plain.to_owned();
        while self.take(b'"').is_err() {
            text.push(self.escaped()?);
            text.push_str(self.plain()?);
        }
        Ok(text)
    }

    /// Characters that stand for themselves, as far as they go.
    fn plain(&mut self) -> Result<&'de str, Odd> {
        let end = first_special(self.rest()).ok_or(Odd)?;
        self.split(end)
    }

    /// A character that is never written as itself, in the shortest of its forms.
    fn escaped(&mut self) -> Result<char, Odd> {
        self.take(b'\\')?;
        if self.take(b'u').is_err() {
            let (_, meant) = SHORT.iter().find(|(short, _)| Some(*short) == self.next_byte()).ok_or(Odd)?;
            self.split(1)?;
            return Ok(char::from(*meant));
        }
        let (first, last) = self.split(4)?.split_at_checked(3).ok_or(Odd)?;
        let tens = match first {
            "000" => 0,
            "001" => 16,
            _ => return Err(Odd),
        };
        let ones = match last.as_bytes() {
            [digit @ b'0'..=b'9'] => digit - b'0',
            [digit @ b'a'..=b'f'] => digit - b'a' + 10,
            _ => return Err(Odd),
        };
        let meant = tens + ones;
        let has_short = SHORT.iter().any(|(_, other)| *other == meant);
        if has_short { Err(Odd) } else { Ok(char::from(meant)) }
    }

    /// A whole number without a sign; more than this no record has.
    fn number(&mut self) -> Result<u64, Odd> {
        let first = self.at;
        let mut number = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.next_byte() {
            number = number
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
                .ok_or(Odd)?;
            self.at += 1;
        }
        let one_form = match self.at - first {
            0 => false,
            1 => true,
            _ => self.text.as_bytes().get(first) != Some(&b'0'),
        };
        if one_form { Ok(number) } else { Err(Odd) }
    }
}

/// Where a quote, a backslash or a control character stands. Most of a record is looked through here, so
/// eight bytes at a time.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte's top bit is set if the byte was below what is taken off, and perhaps that of bytes
        // behind the first such. Turning one bit puts the quote with the control characters, and the
        // blank in its place.
        let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let found = (quote_or_control | backslash) & !word & TOPS;
        if found != 0 {
            return Some(n * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(special).map(|at| words.len() * 8 + at)
}

/// Escapes of two characters, with what each stands for.
const SHORT: [(u8, u8); 7] =
    [(b'"', b'"'), (b'\\', b'\\'), (b'b', 0x08), (b't', b'\t'), (b'n', b'\n'), (b'f', 0x0C), (b'r', b'\r')];

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Odd;

    /// Records say of every value what it is; nothing is read by its look.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
        Err(Odd)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        visitor.visit_enum(CowStrDeserializer::new(self.string()?))
    }

    /// What is absent is left out, so what is there is there.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Odd> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.take(b'{')?;
        let mut entries = Entries { reader: self, last: None, ended: false };
        let value = visitor.visit_map(&mut entries)?;
        if entries.ended { Ok(value) } else { Err(Odd) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        self.take(b'[')?;
        let mut items = Items { reader: self, begun: false, ended: false };
        let value = visitor.visit_seq(&mut items)?;
        // A visitor that wants so many items stops behind the last of them.
        if items.ended || items.reader.take(b']').is_ok() { Ok(value) } else { Err(Odd) }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_seq(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct tuple_struct
        identifier ignored_any
    }
}

/// The entries of an object, by key. There is at least one: what has none is left out.
struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    last: Option<Cow<'de, str>>,
    ended: bool,
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Odd;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Odd> {
        if self.last.is_some() && self.reader.take(b',').is_err() {
            self.reader.take(b'}')?;
            self.ended = true;
            return Ok(None);
        }
        let key = self.reader.string()?;
        // Canonical JSON compares UTF-16; keys that are not ASCII are refused with the record.
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(Odd);
        }
        self.reader.take(b':')?;
        let read = match &key {
            Cow::Borrowed(text) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Cow::Owned(text) => seed.deserialize(CowStrDeserializer::new(Cow::Borrowed(text))),
        };
        self.last = Some(key);
        read.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Odd> {
        seed.deserialize(&mut *self.reader)
    }
}

/// The items of a list, at least one.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    begun: bool,
    ended: bool,
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Odd;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Odd> {
        if self.begun && self.reader.take(b',').is_err() {
            self.reader.take(b']')?;
            self.ended = true;
            return Ok(None);
        }
        self.begun = true;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl serde::de::Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Odd
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes are not in the canonical form")
    }
}

impl std::error::Error for Odd {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_at_every_place_and_behind_every_other() {
        let special = |byte: u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        for before in [b'a', b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xA2, 0xDC, 0xFF] {
            for byte in 0..=u8::MAX {
                for at in 0..20 {
                    let mut bytes = [before; 20];
                    bytes[at] = byte;
                    let want = bytes.iter().position(|byte| special(*byte));
                    assert_eq!(first_special(&bytes), want, "{byte} at {at} among {before}");
                }
            }
        }
    }
}
