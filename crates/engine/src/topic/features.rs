//! What of a text is counted: its words, pairs of words next to each other, and pieces of words.

/// What each kind of feature counts. Pieces find the other forms of a word, and are many.
const WORD: u64 = 3;
const PAIR: u64 = 2;
const PIECE: u64 = 2;
/// Letters of a piece.
const LETTERS: usize = 4;
/// Letters of a word that are looked at; nobody's word is longer.
const LONGEST: usize = 64;

/// Words that stand in any text.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "arrived", "as", "at", "be", "because", "been",
    "before", "being", "but", "by", "can", "cannot", "come", "could", "did", "do", "does", "doesn", "doing", "don", "down", "during",
    "each", "else", "few", "for", "from", "further", "get", "go", "going", "got", "had", "has", "have", "having", "he", "hello", "her",
    "here", "hers", "hey", "hi", "him", "his", "how", "if", "in", "into", "is", "isn", "it", "its", "itself", "just", "know", "let",
    "like", "ll", "long", "make", "many", "may", "me", "might", "more", "most", "much", "must", "my", "need", "new", "no", "nor", "not",
    "now", "of", "off", "on", "once", "one", "only", "or", "other", "our", "out", "over", "own", "please", "re", "same", "say", "says",
    "see", "shall", "she", "should", "show", "shows", "so", "some", "still", "such", "tell", "than", "thank", "thanks", "that", "the",
    "their", "them", "then", "there", "these", "they", "thing", "things", "this", "those", "through", "to", "too", "two", "under",
    "until", "up", "us", "use", "used", "using", "ve", "very", "want", "was", "way", "we", "were", "what", "when", "where", "which",
    "while", "who", "whom", "why", "will", "with", "without", "won", "work", "works", "would", "yes", "you", "your",
];

/// The features of a text with how often they count, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(Vec<(u32, u64)>);

impl Features {
    pub fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| tells(word));
        let mut found: Vec<(u32, u64)> = Vec::new();
        let mut last: Option<&str> = None;
        for word in words {
            found.push((hash(b'w', [word.as_bytes()]), WORD));
            pieces(word, &mut found);
            if let Some(last) = last {
                found.push((hash(b'p', [last.as_bytes(), word.as_bytes()]), PAIR));
            }
            last = Some(word);
        }
        found.sort_unstable();
        let same = found.chunk_by(|a, b| a.0 == b.0);
        Features(
            same.filter_map(|same| Some((same.first()?.0, same.iter().map(|(_, count)| count).sum())))
                .collect(),
        )
    }

    pub fn counts(&self) -> &[(u32, u64)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn tells(word: &str) -> bool {
    word.chars().nth(1).is_some() && COMMON.binary_search(&word).is_err()
}

/// Every run of letters of a word, its beginning and end marked.
fn pieces(word: &str, found: &mut Vec<(u32, u64)>) {
    let letters: Vec<char> = std::iter::once('^').chain(word.chars().take(LONGEST)).chain(['$']).collect();
    if letters.len() < LETTERS + 2 {
        return;
    }
    for run in letters.windows(LETTERS) {
        let text: String = run.iter().collect();
        found.push((hash(b'c', [text.as_bytes()]), PIECE));
    }
}

/// FNV-1a over the kind and the parts, each ended.
fn hash<const N: usize>(kind: u8, parts: [&[u8]; N]) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let bytes = parts.into_iter().flat_map(|part| part.iter().copied().chain([0]));
    bytes.fold(step(0x811c_9dc5, kind), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_in_order_and_tell_nothing() {
        assert!(COMMON.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(Features::of("What do you want me to do?").is_empty());
        assert!(!Features::of("Where is my parcel?").is_empty());
    }

    #[test]
    fn order_and_case_of_words_change_little() {
        let (a, b) = (Features::of("Return the broken valve"), Features::of("the BROKEN valve, return"));
        let shared = a.counts().iter().filter(|f| b.counts().contains(f)).count();
        assert!(shared * 3 > a.counts().len() * 2, "{shared} of {}", a.counts().len());
    }
}
