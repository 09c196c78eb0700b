//! Whether a text reads as language: how many of its words are common ones.
//!
//! Decoders of letters (shifted, reversed, split) have many possible outcomes, nearly all of them
//! noise. A reading counts only where it turns noise into words.

/// How many words a text has, and how many of them are common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub words: u32,
    pub known: u32,
    /// Common words of three or more letters.
    pub long: u32,
}

/// Words looked at; enough to tell language from noise wherever it starts repeating.
const SAMPLE: usize = 2_000;

impl Reads {
    pub fn of(text: &str) -> Self {
        let mut reads = Reads::default();
        for (_, word) in words(text).take(SAMPLE) {
            reads.words += 1;
            if is_known(word) {
                reads.known += 1;
                reads.long += u32::from(word.len() > 2);
            }
        }
        reads
    }

    /// Whether `self`, read out of `before`, has clearly more words in it: two at the least, and a
    /// sixth of all.
    pub fn better_than(self, before: Reads) -> bool {
        let gain = self.known.saturating_sub(before.known);
        gain >= 2 && gain.saturating_mul(6) >= self.words
    }

    /// The same for ways to read that could turn any noise into some word by chance: three words,
    /// a third of all, and not only the shortest.
    pub fn surely_better_than(self, before: Reads) -> bool {
        self.better_than(before)
            && self.known >= 3
            && self.long >= 2
            && self.known.saturating_mul(3) >= self.words
    }
}

/// Words of two or more ASCII letters with their places. A word with digits or letters of other
/// scripts in it is none.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += bytes.get(at..)?.iter().position(|b| part(*b) != NO_PART)?;
            let start = at;
            let mut parts = 0;
            let word = bytes.get(at..)?.iter().map(|b| part(*b)).take_while(|part| *part != NO_PART);
            at += word.inspect(|part| parts |= part).count();
            if parts == LETTER && at - start > 1 {
                return Some((start, text.get(start..at)?));
            }
        }
    })
}

const NO_PART: u8 = 0;
const LETTER: u8 = 1;
/// A digit, or a byte of another script.
const OTHER: u8 = 2;

/// What each byte is to a word.
static PARTS: [u8; 256] = parts();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn parts() -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut b = 0u8;
    while b.is_ascii() {
        table[b as usize] = match b {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => OTHER,
            _ => NO_PART,
        };
        b += 1;
    }
    table
}

fn part(b: u8) -> u8 {
    PARTS.get(usize::from(b)).copied().unwrap_or(NO_PART)
}

/// Longest word in the list.
pub(super) const LONGEST: usize = 16;

/// For each first letter the lengths of the words in the list, as bits: most words are told from
/// these alone.
static LENGTHS: [u32; 26] = lengths();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn lengths() -> [u32; 26] {
    let mut table = [0; 26];
    let mut at = 0;
    while at < COMMON.len() {
        let word = COMMON[at].as_bytes();
        table[(word[0] - b'a') as usize] |= 1 << word.len();
        at += 1;
    }
    table
}

/// Where in the list the words of each first letter begin, and where the last of them end.
static STARTS: [usize; 27] = starts();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn starts() -> [usize; 27] {
    let mut table = [COMMON.len(); 27];
    let mut at = COMMON.len();
    let mut letter = 26;
    while letter > 0 {
        letter -= 1;
        while at > 0 && (COMMON[at - 1].as_bytes()[0] - b'a') as usize >= letter {
            at -= 1;
        }
        table[letter] = at;
    }
    table
}

/// Whether a word is common; case does not count.
pub(super) fn is_known(word: &str) -> bool {
    let first = word.bytes().next().map_or(u8::MAX, |b| (b | 0x20).wrapping_sub(b'a'));
    let lengths = LENGTHS.get(usize::from(first)).copied().unwrap_or(0);
    // What ends in a filler would read as the word in front of it.
    if word.len() > LONGEST || lengths & 1 << word.len() == 0 || word.as_bytes().last() == Some(&FILLER) {
        return false;
    }
    let lower = number(word.as_bytes());
    let from = STARTS.get(usize::from(first)).copied().unwrap_or(0);
    let to = STARTS.get(usize::from(first) + 1).copied().unwrap_or(0);
    NUMBERS.get(from..to).is_some_and(|alike| alike.binary_search(&lower).is_ok())
}

/// The words of the list as numbers: comparing those takes two instructions.
static NUMBERS: [u128; COMMON.len()] = numbers();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn numbers() -> [u128; COMMON.len()] {
    let mut table = [0; COMMON.len()];
    let mut at = 0;
    while at < COMMON.len() {
        table[at] = number(COMMON[at].as_bytes());
        at += 1;
    }
    table
}

/// A word of at most [`LONGEST`] bytes in small letters, read as one number: in the order of words.
#[allow(clippy::indexing_slicing)] // the index is compared with the length; iterators are not const
const fn number(word: &[u8]) -> u128 {
    let mut number = 0u128;
    let mut at = 0;
    while at < LONGEST {
        let byte = if at < word.len() { word[at].to_ascii_lowercase() } else { FILLER };
        number = number << 8 | byte as u128;
        at += 1;
    }
    number
}

/// Stands behind a short word: below every letter, so that the order holds.
const FILLER: u8 = 0;

/// Most letters in a row that are cut into words.
const MOST_SEGMENTED: usize = 600;

/// Where to cut a run of letters into words, if most of it is common words. Fewest letters left
/// over come first, then fewest words.
pub(super) fn segment(run: &str) -> Option<Vec<usize>> {
    let run = run.get(..run.len().min(MOST_SEGMENTED))?;
    // For every end: least cost, and the start of the last word.
    let mut best: Vec<(u32, usize)> = vec![(0, 0)];
    for end in 1..=run.len() {
        let left_over = best.last()?.0 + 8;
        let mut least = (left_over, end - 1);
        for start in end.saturating_sub(LONGEST)..end.saturating_sub(1) {
            let cost = best.get(start)?.0 + 3;
            if cost < least.0 && is_known(run.get(start..end)?) {
                least = (cost, start);
            }
        }
        best.push(least);
    }
    let (mut cuts, mut covered, mut long, mut end) = (Vec::new(), 0, 0, run.len());
    let mut left_over = false;
    while end > 0 {
        let start = best.get(end)?.1;
        let word = end - start > 1;
        covered += if word { end - start } else { 0 };
        long += usize::from(end - start > 2);
        // Letters left over stay together as one word.
        if end < run.len() && (word || !left_over) {
            cuts.push(end);
        }
        left_over = !word;
        end = start;
    }
    cuts.reverse();
    (cuts.len() >= 3 && long >= 3 && covered * 10 >= run.len() * 8).then_some(cuts)
}

/// Common words of English with those of requests to machines, and the commonest of Spanish,
/// French, German, Italian and Portuguese, in order.
pub(super) const COMMON: &[&str] = &[
    "able",
    "about",
    "above",
    "account",
    "accounts",
    "act",
    "add",
    "added",
    "address",
    "admin",
    "administrator",
    "after",
    "again",
    "against",
    "agent",
    "al",
    "alert",
    "all",
    "alle",
    "als",
    "also",
    "always",
    "an",
    "anche",
    "and",
    "answer",
    "answers",
    "anteriores",
    "anweisungen",
    "any",
    "anyone",
    "anything",
    "ao",
    "api",
    "are",
    "around",
    "as",
    "asking",
    "assistant",
    "at",
    "attention",
    "au",
    "auch",
    "auf",
    "aus",
    "avec",
    "back",
    "bad",
    "bank",
    "bash",
    "be",
    "because",
    "been",
    "before",
    "begin",
    "bei",
    "being",
    "below",
    "best",
    "better",
    "between",
    "big",
    "body",
    "book",
    "both",
    "business",
    "but",
    "by",
    "bypass",
    "call",
    "can",
    "case",
    "cat",
    "ce",
    "ces",
    "change",
    "changed",
    "character",
    "chat",
    "chatbot",
    "che",
    "check",
    "child",
    "children",
    "chmod",
    "click",
    "code",
    "com",
    "come",
    "command",
    "commands",
    "como",
    "company",
    "complete",
    "comply",
    "con",
    "confidential",
    "const",
    "contain",
    "contains",
    "content",
    "contents",
    "context",
    "contrasena",
    "conversation",
    "cookie",
    "copy",
    "could",
    "create",
    "credential",
    "credentials",
    "curl",
    "customer",
    "dans",
    "das",
    "dass",
    "data",
    "database",
    "date",
    "day",
    "de",
    "dear",
    "dei",
    "del",
    "delete",
    "della",
    "dem",
    "den",
    "der",
    "des",
    "describe",
    "developer",
    "di",
    "did",
    "die",
    "different",
    "directive",
    "directives",
    "disable",
    "display",
    "disregard",
    "do",
    "document",
    "does",
    "doing",
    "done",
    "dos",
    "download",
    "drop",
    "during",
    "each",
    "earlier",
    "early",
    "echo",
    "ein",
    "eine",
    "el",
    "elle",
    "email",
    "en",
    "enable",
    "end",
    "entire",
    "er",
    "es",
    "est",
    "esta",
    "et",
    "etc",
    "eval",
    "even",
    "every",
    "everyone",
    "everything",
    "exactly",
    "example",
    "exec",
    "execute",
    "explain",
    "fact",
    "false",
    "few",
    "file",
    "files",
    "filter",
    "filters",
    "find",
    "first",
    "flight",
    "foi",
    "follow",
    "following",
    "for",
    "forget",
    "forward",
    "forwards",
    "free",
    "from",
    "full",
    "function",
    "further",
    "generate",
    "get",
    "getting",
    "give",
    "given",
    "gli",
    "go",
    "going",
    "gone",
    "good",
    "government",
    "great",
    "group",
    "guideline",
    "guidelines",
    "ha",
    "had",
    "hand",
    "has",
    "hat",
    "have",
    "he",
    "hello",
    "help",
    "her",
    "here",
    "hi",
    "hidden",
    "high",
    "him",
    "his",
    "history",
    "home",
    "hotel",
    "house",
    "how",
    "href",
    "http",
    "https",
    "if",
    "iframe",
    "ignora",
    "ignore",
    "ignorez",
    "ignoriere",
    "il",
    "im",
    "img",
    "immediately",
    "import",
    "important",
    "in",
    "include",
    "included",
    "information",
    "initial",
    "insert",
    "inside",
    "instead",
    "instrucciones",
    "instruction",
    "instructions",
    "internal",
    "into",
    "is",
    "ist",
    "it",
    "its",
    "jailbreak",
    "javascript",
    "je",
    "just",
    "keep",
    "kept",
    "key",
    "keys",
    "know",
    "known",
    "la",
    "language",
    "large",
    "las",
    "last",
    "late",
    "le",
    "left",
    "les",
    "let",
    "life",
    "like",
    "limit",
    "limits",
    "link",
    "list",
    "little",
    "lo",
    "long",
    "longer",
    "look",
    "looking",
    "los",
    "low",
    "made",
    "mail",
    "mais",
    "make",
    "making",
    "man",
    "many",
    "mas",
    "may",
    "me",
    "meeting",
    "memories",
    "memory",
    "men",
    "message",
    "messages",
    "might",
    "mit",
    "mode",
    "model",
    "money",
    "month",
    "more",
    "most",
    "mot",
    "move",
    "much",
    "must",
    "my",
    "nach",
    "name",
    "names",
    "ne",
    "need",
    "nel",
    "never",
    "new",
    "next",
    "nicht",
    "no",
    "nobody",
    "non",
    "not",
    "note",
    "nothing",
    "nous",
    "now",
    "null",
    "number",
    "numbers",
    "obey",
    "of",
    "often",
    "old",
    "on",
    "once",
    "one",
    "onerror",
    "onload",
    "only",
    "open",
    "or",
    "order",
    "original",
    "os",
    "other",
    "ou",
    "our",
    "out",
    "output",
    "outside",
    "over",
    "override",
    "own",
    "par",
    "para",
    "paragraph",
    "part",
    "pas",
    "passe",
    "passwd",
    "password",
    "passwords",
    "passwort",
    "paste",
    "pay",
    "payment",
    "people",
    "per",
    "pero",
    "phone",
    "place",
    "play",
    "please",
    "plus",
    "point",
    "policies",
    "policy",
    "por",
    "pour",
    "precedentes",
    "preceding",
    "pretend",
    "pretending",
    "previous",
    "price",
    "print",
    "prior",
    "private",
    "problem",
    "product",
    "program",
    "prompt",
    "prompts",
    "provide",
    "public",
    "put",
    "que",
    "question",
    "questions",
    "qui",
    "quietly",
    "read",
    "real",
    "remove",
    "repeat",
    "report",
    "respond",
    "response",
    "restriction",
    "restrictions",
    "return",
    "reveal",
    "right",
    "role",
    "roleplay",
    "root",
    "rule",
    "rules",
    "run",
    "safety",
    "said",
    "same",
    "say",
    "school",
    "script",
    "se",
    "search",
    "secret",
    "secretly",
    "secrets",
    "security",
    "see",
    "seen",
    "select",
    "send",
    "sensitive",
    "sent",
    "sentence",
    "service",
    "session",
    "set",
    "shall",
    "share",
    "she",
    "shell",
    "short",
    "should",
    "show",
    "sich",
    "sie",
    "silently",
    "since",
    "sistema",
    "small",
    "so",
    "some",
    "someone",
    "something",
    "sono",
    "src",
    "start",
    "still",
    "stop",
    "story",
    "su",
    "such",
    "sudo",
    "summarize",
    "summary",
    "sur",
    "sure",
    "sus",
    "svg",
    "system",
    "systeme",
    "table",
    "take",
    "taken",
    "taking",
    "task",
    "tasks",
    "team",
    "tell",
    "tem",
    "text",
    "than",
    "thank",
    "thanks",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "through",
    "time",
    "to",
    "today",
    "todo",
    "token",
    "tokens",
    "told",
    "tomorrow",
    "toward",
    "transfer",
    "translate",
    "true",
    "trying",
    "turn",
    "two",
    "um",
    "uma",
    "un",
    "una",
    "und",
    "under",
    "une",
    "union",
    "unlock",
    "unrestricted",
    "until",
    "up",
    "update",
    "upload",
    "upon",
    "urgent",
    "url",
    "us",
    "use",
    "used",
    "user",
    "users",
    "using",
    "values",
    "var",
    "verbatim",
    "very",
    "visit",
    "von",
    "vorherigen",
    "vous",
    "want",
    "was",
    "way",
    "we",
    "website",
    "week",
    "well",
    "werden",
    "were",
    "wget",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whole",
    "why",
    "will",
    "wird",
    "with",
    "within",
    "without",
    "woman",
    "women",
    "word",
    "words",
    "work",
    "working",
    "world",
    "would",
    "write",
    "www",
    "ya",
    "year",
    "yes",
    "you",
    "young",
    "your",
    "zu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_short_enough() {
        assert!(COMMON.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(COMMON.iter().all(|word| (2..=LONGEST).contains(&word.len())));
    }

    #[test]
    fn every_word_of_the_list_is_known_and_others_are_not() {
        assert!(COMMON.iter().all(|word| is_known(word) && is_known(&word.to_uppercase())));
        assert!(
            ["", "a", "zzzz", "thez", "notaword", "incomprehensibilities"].iter().all(|word| !is_known(word))
        );
    }

    #[test]
    fn prose_reads_and_noise_does_not() {
        let prose = Reads::of("Please send the report to the whole team today");
        let noise = Reads::of("cyrnfr fraq gur ercbeg gb gur jubyr grnz gbqnl");
        assert!(prose.better_than(noise));
        assert!(!noise.better_than(prose) && !prose.better_than(prose));
    }
}
