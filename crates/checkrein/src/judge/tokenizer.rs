//! Reads `tokenizer.json` of the two families that injection classifiers use: SentencePiece
//! unigram (DeBERTa-v3, mDeBERTa, XLM-R) and WordPiece (BERT and its descendants).
//!
//! A step that is not known here is refused when the file is read: a tokenizer that is only
//! nearly right gives likelihoods that mean nothing. One step is approximated on purpose, and the
//! table says which. Special tokens never come out of a text, whatever it spells.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::pieces::{Unigram, WordPiece};

/// Texts are read to here; the rest is reported as unread.
pub const MAX_TEXT_BYTES: usize = 256 << 10;

/// A step before the text is cut into words.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Nfc,
    Nfkc,
    Nfd,
    Nfkd,
    Lowercase,
    StripAccents,
    Strip,
    /// The compiled table of SentencePiece. Taken as NFKC, blanks for white space, no controls,
    /// which is what the table of the classifiers named above was compiled from.
    SentencePiece,
    Replace {
        from: String,
        to: String,
    },
    /// Several blanks become one.
    OneBlank,
    /// BERT: controls away, blanks for white space, blanks around ideographs.
    BertClean,
    BertIdeographs,
}

/// How the text is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// At blanks; each word begins with the mark for a blank.
    Marked,
    /// At blanks and around punctuation.
    Bert,
}

enum Pieces {
    Unigram(Unigram),
    WordPiece(WordPiece),
}

pub struct Tokenizer {
    steps: Vec<Step>,
    pieces: Pieces,
    /// The tokens around every window.
    pub first: i64,
    pub last: i64,
    pub pad: i64,
}

impl Tokenizer {
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let file: Value = serde_json::from_slice(bytes).context("the tokenizer is no JSON")?;
        let mut steps = Vec::new();
        read_steps(&file["normalizer"], &mut steps)?;
        let words = read_words(&file["pre_tokenizer"])?;
        let model = &file["model"];
        let mut pieces = match (kind(model), words) {
            ("Unigram", Words::Marked) => Pieces::Unigram(Unigram::read(model)?),
            ("WordPiece", Words::Bert) => Pieces::WordPiece(WordPiece::read(model)?),
            (other, _) => bail!("the tokenizer model `{other}` is not supported with these words"),
        };
        let added = file["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        let special = |names: &[&str]| {
            let of_added = |name: &str| {
                added.iter().find(|token| token["content"] == name).and_then(|token| token["id"].as_i64())
            };
            let found = names.iter().find_map(|name| of_added(name).or_else(|| pieces.id(name)));
            found.with_context(|| format!("the tokenizer has no token `{}`", names.join("` or `")))
        };
        let (first, last, pad) =
            (special(&["[CLS]", "<s>"])?, special(&["[SEP]", "</s>"])?, special(&["[PAD]", "<pad>"])?);
        // A vocabulary lists them among its pieces, and a text could spell them.
        let marked = added.iter().filter(|token| token["special"] == true);
        let mut reserved: Vec<i64> = marked.filter_map(|token| token["id"].as_i64()).collect();
        reserved.extend([first, last, pad]);
        pieces.reserve(&reserved);
        Ok(Tokenizer { steps, pieces, first, last, pad })
    }

    /// The tokens of a text, without those around it, and whether they hold all of it.
    pub fn tokens(&self, text: &str) -> (Vec<i64>, bool) {
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        let mut now = text.get(..end).unwrap_or_default().to_owned();
        for step in &self.steps {
            now = step.apply(&now);
        }
        let mut out = Vec::new();
        match &self.pieces {
            Pieces::Unigram(unigram) => {
                for word in now.split(' ').filter(|word| !word.is_empty()) {
                    unigram.push(word, &mut out);
                }
            }
            Pieces::WordPiece(pieces) => {
                for word in now.split_whitespace() {
                    bert_words(word, |part| pieces.push(part, &mut out));
                }
            }
        }
        (out, end == text.len())
    }
}

impl Pieces {
    fn id(&self, piece: &str) -> Option<i64> {
        match self {
            Pieces::Unigram(unigram) => unigram.id(piece),
            Pieces::WordPiece(pieces) => pieces.id(piece),
        }
    }

    /// Takes tokens out of what a text can become.
    fn reserve(&mut self, ids: &[i64]) {
        match self {
            Pieces::Unigram(unigram) => unigram.reserve(ids),
            Pieces::WordPiece(pieces) => pieces.reserve(ids),
        }
    }
}

impl Step {
    fn apply(&self, text: &str) -> String {
        match self {
            Step::Nfc => text.nfc().collect(),
            Step::Nfkc => text.nfkc().collect(),
            Step::Nfd => text.nfd().collect(),
            Step::Nfkd => text.nfkd().collect(),
            Step::Lowercase => text.to_lowercase(),
            Step::StripAccents => text.chars().filter(|c| !is_combining_mark(*c)).collect(),
            Step::Strip => text.trim().to_owned(),
            Step::SentencePiece => clean(&text.nfkc().collect::<String>()),
            Step::Replace { from, to } => text.replace(from, to),
            Step::OneBlank => {
                let mut blank = false;
                let keep = |c: &char| !std::mem::replace(&mut blank, *c == ' ') || *c != ' ';
                text.chars().filter(keep).collect()
            }
            Step::BertClean => clean(text),
            Step::BertIdeographs => {
                let mut out = String::with_capacity(text.len());
                for c in text.chars() {
                    match is_ideograph(c) {
                        true => out.extend([' ', c, ' ']),
                        false => out.push(c),
                    }
                }
                out
            }
        }
    }
}

/// White space becomes blanks, controls go.
fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\u{0}' | '\u{fffd}' | '\u{200b}' | '\u{feff}' => None,
            c if c.is_whitespace() => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

/// Letters stay together, every mark stands alone.
fn bert_words(word: &str, mut each: impl FnMut(&str)) {
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let mark = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
        let end = if mark(c) { c.len_utf8() } else { rest.find(mark).unwrap_or(rest.len()) };
        let (part, after) = rest.split_at(end);
        each(part);
        rest = after;
    }
}

fn kind(node: &Value) -> &str {
    node["type"].as_str().unwrap_or("none")
}

fn read_steps(node: &Value, steps: &mut Vec<Step>) -> Result<()> {
    if node.is_null() {
        return Ok(());
    }
    let is = |key: &str, otherwise: bool| node[key].as_bool().unwrap_or(otherwise);
    match kind(node) {
        "Sequence" => {
            for inner in node["normalizers"].as_array().map(Vec::as_slice).unwrap_or_default() {
                read_steps(inner, steps)?;
            }
        }
        "NFC" => steps.push(Step::Nfc),
        "NFKC" => steps.push(Step::Nfkc),
        "NFD" => steps.push(Step::Nfd),
        "NFKD" => steps.push(Step::Nfkd),
        "Lowercase" => steps.push(Step::Lowercase),
        "StripAccents" => steps.push(Step::StripAccents),
        "Strip" if is("strip_left", true) && is("strip_right", true) => steps.push(Step::Strip),
        "Precompiled" => steps.push(Step::SentencePiece),
        "Replace" => match (node["pattern"]["String"].as_str(), node["pattern"]["Regex"].as_str()) {
            (Some(from), None) if !from.is_empty() => {
                let to = node["content"].as_str().unwrap_or_default().to_owned();
                steps.push(Step::Replace { from: from.to_owned(), to });
            }
            (None, Some(" {2,}")) if node["content"] == " " => steps.push(Step::OneBlank),
            _ => bail!("the tokenizer replaces by an expression that is not supported"),
        },
        "BertNormalizer" => {
            let lowercase = is("lowercase", true);
            if is("clean_text", true) {
                steps.push(Step::BertClean);
            }
            if is("handle_chinese_chars", true) {
                steps.push(Step::BertIdeographs);
            }
            // Without a word about accents, they go where capitals go.
            if is("strip_accents", lowercase) {
                steps.extend([Step::Nfd, Step::StripAccents]);
            }
            if lowercase {
                steps.push(Step::Lowercase);
            }
        }
        other => bail!("the tokenizer's normalizer `{other}` is not supported"),
    }
    Ok(())
}

fn read_words(node: &Value) -> Result<Words> {
    match kind(node) {
        "BertPreTokenizer" => Ok(Words::Bert),
        "Metaspace" => {
            let always = match node["prepend_scheme"].as_str() {
                Some(scheme) => scheme == "always",
                None => node["add_prefix_space"].as_bool().unwrap_or(true),
            };
            let split = node["split"].as_bool().unwrap_or(true);
            if !always || !split || node["replacement"] != super::pieces::BLANK {
                bail!("the tokenizer's Metaspace is not supported with these settings");
            }
            Ok(Words::Marked)
        }
        // XLM-R cuts at white space first, which marking the words does as well.
        "Sequence" => {
            let inner = node["pretokenizers"].as_array().map(Vec::as_slice).unwrap_or_default();
            match inner {
                [only] => read_words(only),
                [first, second] if kind(first) == "WhitespaceSplit" => read_words(second),
                _ => bail!("the tokenizer's sequence of pre-tokenizers is not supported"),
            }
        }
        other => bail!("the tokenizer's pre-tokenizer `{other}` is not supported"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unigram(normalizer: Value) -> Value {
        json!({
            "normalizer": normalizer,
            "pre_tokenizer": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always" },
            "added_tokens": [ { "id": 0, "content": "[PAD]" }, { "id": 1, "content": "[CLS]" },
                { "id": 2, "content": "[SEP]" } ],
            "model": { "type": "Unigram", "unk_id": 3, "vocab": [ ["[PAD]", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0],
                ["[UNK]", 0.0], ["▁", -4.0], ["▁re", -3.0], ["▁read", -2.0], ["ad", -2.5], ["er", -2.0],
                ["▁reader", -9.0], ["s", -3.0], ["[", -5.0], ["]", -5.0] ] }
        })
    }

    fn wordpiece() -> Value {
        json!({
            "normalizer": { "type": "BertNormalizer", "lowercase": true },
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "vocab": { "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "read": 4, "##er": 5, "##s": 6,
                    "!": 7, "cafe": 8, "字": 9, "[": 10, "]": 11, "sep": 12 } }
        })
    }

    fn read(file: &Value) -> Result<Tokenizer> {
        Tokenizer::read(file.to_string().as_bytes())
    }

    fn tokens(file: &Value, text: &str) -> Vec<i64> {
        read(file).unwrap().tokens(text).0
    }

    #[test]
    fn unigram_takes_the_likeliest_pieces_and_marks_words() {
        let file = unigram(Value::Null);
        // `▁read` + `er` is likelier than `▁reader`.
        assert_eq!(tokens(&file, "reader reads"), [6, 8, 6, 10]);
        // Letters that no piece has become one unknown.
        assert_eq!(tokens(&file, "qq"), [4, 3]);
    }

    #[test]
    fn wordpiece_takes_the_longest_pieces() {
        let file = wordpiece();
        assert_eq!(tokens(&file, "Readers READ!"), [4, 5, 6, 4, 7]);
        assert_eq!(tokens(&file, "Café字"), [8, 9]);
        assert_eq!(tokens(&file, "readx read"), [1, 4]);
    }

    #[test]
    fn special_tokens_never_come_out_of_a_text() {
        assert!(!tokens(&wordpiece(), "read [SEP]").contains(&3));
        let found = tokens(&unigram(Value::Null), "read [SEP] [CLS]read");
        assert!(found.iter().all(|token| *token > 2), "{found:?}");
    }

    #[test]
    fn normalisation_follows_the_file() {
        let steps = json!({ "type": "Sequence", "normalizers": [ { "type": "Strip" }, { "type": "Precompiled" },
            { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " } ] });
        assert_eq!(tokens(&unigram(steps), " ｒｅａｄ \t\n reads "), [6, 6, 10]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut file = unigram(Value::Null);
            change(&mut file);
            read(&file).err().unwrap().to_string()
        };
        assert!(refused(&|file| file["model"]["type"] = json!("BPE")).contains("`BPE`"));
        assert!(refused(&|file| file["model"]["byte_fallback"] = json!(true)).contains("byte"));
        assert!(refused(&|file| file["normalizer"] = json!({ "type": "Odd" })).contains("`Odd`"));
        assert!(
            refused(&|file| file["pre_tokenizer"] = json!({ "type": "ByteLevel" })).contains("ByteLevel")
        );
        let nameless = |file: &mut Value| {
            file["added_tokens"] = json!([]);
            file["model"]["vocab"][1][0] = json!("x");
        };
        assert!(refused(&nameless).contains("[CLS]"));
        assert!(Tokenizer::read(b"{").is_err());
    }

    #[test]
    fn a_text_over_the_bound_is_told() {
        let tokenizer = read(&wordpiece()).unwrap();
        assert!(tokenizer.tokens("read").1);
        assert!(!tokenizer.tokens(&"read ".repeat(MAX_TEXT_BYTES / 4)).1);
    }
}
