//! Finding digits, which texts mostly have few of.

/// The next ASCII digit at or after `from`. Looks at sixteen bytes at a time, which takes hardly
/// more than looking at one.
pub fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let has_none = |block: &&[u8; 16]| !block.iter().fold(false, |any, b| any | b.is_ascii_digit());
    let skipped = rest.as_chunks().0.iter().take_while(has_none).count() * 16;
    let found = rest.get(skipped..)?.iter().position(u8::is_ascii_digit)?;
    Some(from + skipped + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_found_wherever_it_stands() {
        for length in 0..50 {
            for at in 0..length {
                let mut text = vec![b'/'; length];
                text[at] = b'7';
                for from in 0..=length + 1 {
                    let wanted = (from <= at).then_some(at);
                    assert_eq!(next_digit(&text, from), wanted, "{length} {at} {from}");
                }
            }
            assert_eq!(next_digit(&vec![b':'; length], 0), None);
        }
    }
}
