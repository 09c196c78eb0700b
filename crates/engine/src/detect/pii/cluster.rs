//! A cluster: groups of digits that may be one number, with what separates them.

/// Most groups of one cluster. Whoever writes more writes no number.
const MOST_GROUPS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub start: usize,
    pub end: usize,
    /// Digits before this group in [`Cluster::digits`].
    pub offset: usize,
}

impl Group {
    pub const fn len(self) -> usize {
        self.end - self.start
    }
}

/// Reused from one number to the next, so that a text full of numbers allocates twice.
#[derive(Debug, Default)]
pub struct Cluster {
    /// With a leading `+` or `(`.
    pub start: usize,
    /// After the last digit.
    pub end: usize,
    pub groups: Vec<Group>,
    /// Values 0 to 9.
    pub digits: Vec<u8>,
    pub plus: bool,
    /// Opens with a bracket.
    pub bracket: bool,
    /// Directly behind letters or digits and one of `-_.:/`: part of a longer identifier.
    pub glued: bool,
    /// The end of an extension such as `x123`.
    pub extension: Option<usize>,
    /// A letter follows without a blank.
    pub letters_follow: bool,
}

impl Cluster {
    /// Reads the cluster whose first digit is at `first`; returns where to go on.
    pub fn read(&mut self, bytes: &[u8], first: usize) -> usize {
        self.groups.clear();
        self.digits.clear();
        self.extension = None;
        self.letters_follow = false;
        self.lead(bytes, first);
        let mut at = first;
        loop {
            let end = at + digits_from(bytes, at);
            self.groups.push(Group { start: at, end, offset: self.digits.len() });
            // A run longer than any number is kept short: its length alone rules it out.
            self.digits.extend(bytes.get(at..end.min(at + 64)).unwrap_or_default().iter().map(|b| b - b'0'));
            self.end = end;
            if bytes.get(end).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
                self.letters(bytes, end);
                break;
            }
            if self.groups.len() >= MOST_GROUPS || self.digits.len() >= 64 {
                break;
            }
            match next_group(bytes, end) {
                Some(next) => at = next,
                None => {
                    self.spaced_extension(bytes, end);
                    break;
                }
            }
        }
        self.extension.unwrap_or(self.end)
    }

    fn lead(&mut self, bytes: &[u8], first: usize) {
        let before = |back: usize| first.checked_sub(back).and_then(|p| bytes.get(p)).copied();
        let (mut back, mut plus, mut bracket) = (0, false, false);
        if before(1) == Some(b'(') {
            (back, bracket) = (1, true);
            if before(2) == Some(b'+') {
                (back, plus) = (2, true);
            }
        } else if before(1) == Some(b'+') {
            (back, plus) = (1, true);
            if before(2) == Some(b'(') {
                (back, bracket) = (2, true);
            }
        }
        self.start = first - back;
        self.plus = plus;
        self.bracket = bracket;
        let joint = before(back + 1)
            .is_some_and(|b| matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'=' | b'#' | b'\\'));
        self.glued = joint
            && before(back + 2).is_some_and(|b| b.is_ascii_alphanumeric())
            && before(back + 1) != Some(b':')
            && before(back + 1) != Some(b'=')
            && before(back + 1) != Some(b'#');
        self.glued |= before(back + 1).is_some_and(|b| b.is_ascii_alphanumeric());
    }

    /// `x123` right behind the last digit is an extension; other letters make it no number.
    fn letters(&mut self, bytes: &[u8], end: usize) {
        if matches!(bytes.get(end), Some(b'x' | b'X')) {
            let digits = digits_from(bytes, end + 1);
            let after = bytes.get(end + 1 + digits);
            if (1..=6).contains(&digits) && !after.is_some_and(u8::is_ascii_alphanumeric) {
                self.extension = Some(end + 1 + digits);
                return;
            }
        }
        self.letters_follow = true;
    }

    fn spaced_extension(&mut self, bytes: &[u8], end: usize) {
        let rest = bytes.get(end..bytes.len().min(end + 16)).unwrap_or_default();
        for word in [" ext. ", " ext ", " ext.", " x", ", ext. ", " extension ", " Ext. ", " Ext "] {
            if rest.starts_with(word.as_bytes()) {
                let digits = digits_from(bytes, end + word.len());
                if (1..=6).contains(&digits) {
                    self.extension = Some(end + word.len() + digits);
                }
                return;
            }
        }
    }

    /// What stands between group `place` and the next one.
    pub fn separator<'b>(&self, bytes: &'b [u8], place: usize) -> &'b [u8] {
        match (self.groups.get(place), self.groups.get(place + 1)) {
            (Some(a), Some(b)) => bytes.get(a.end..b.start).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The lengths of all groups.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().map(|g| g.len())
    }

    pub fn is_grouped(&self, lengths: &[usize]) -> bool {
        self.groups.len() == lengths.len() && self.lengths().eq(lengths.iter().copied())
    }

    /// Whether every separator is the same single byte.
    pub fn separated_by(&self, bytes: &[u8], separator: u8) -> bool {
        (0..self.groups.len().saturating_sub(1)).all(|place| self.separator(bytes, place) == [separator])
    }
}

pub fn digits_from(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Whether nothing but separators stands between `end` and the end of the text, so that the number
/// may go on.
pub fn may_go_on(bytes: &[u8], end: usize) -> bool {
    let mut at = end;
    for _ in 0..4 {
        if at >= bytes.len() {
            return true;
        }
        match separator(bytes, at) {
            Some(length) => at += length,
            None => return false,
        }
    }
    false
}

/// The start of the next group, if only a separator of a number stands between.
fn next_group(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    for _ in 0..3 {
        at += separator(bytes, at)?;
        if bytes.get(at).is_some_and(u8::is_ascii_digit) {
            return Some(at);
        }
    }
    None
}

/// Bytes of the separator at `at`.
fn separator(bytes: &[u8], at: usize) -> Option<usize> {
    // No-break blank and the dashes that word processors write take two and three bytes.
    match bytes.get(at..)? {
        [0xc2, 0xa0, ..] => Some(2),
        [0xe2, 0x80, 0x90..=0x95 | 0xaf, ..] => Some(3),
        [b' ' | b'-' | b'.' | b'/' | b'(' | b')', ..] => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<usize>, &str, Cluster) {
        let first = text.bytes().position(|b| b.is_ascii_digit()).unwrap();
        let mut cluster = Cluster::default();
        cluster.read(text.as_bytes(), first);
        (cluster.lengths().collect(), &text[cluster.start..cluster.end], cluster)
    }

    #[test]
    fn groups_signs_and_extensions_are_read() {
        assert_eq!(read("tel (602)272-9781").0, [3, 3, 4]);
        assert_eq!(read("tel (602)272-9781").1, "(602)272-9781");
        let (lengths, text, cluster) = read("+41 (0)96 471 07 95x12.");
        assert_eq!((lengths.as_slice(), text), ([2, 1, 2, 3, 2, 2].as_slice(), "+41 (0)96 471 07 95"));
        assert!(cluster.plus && cluster.extension.is_some());
        assert_eq!(read("12\u{2013}34\u{a0}56").0, [2, 2, 2]);
    }

    #[test]
    fn parts_of_identifiers_are_marked() {
        assert!(read("ab-1234").2.glued);
        assert!(!read("a: 1234").2.glued);
        assert!(read("1234abc").2.letters_follow);
    }

    #[test]
    fn endless_numbers_are_cut() {
        assert!(read(&"1 ".repeat(9_000)).0.len() <= MOST_GROUPS);
        assert!(read(&"1".repeat(9_000)).2.digits.len() <= 64);
    }
}
