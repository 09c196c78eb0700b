//! Signs: short runs of tokens that no value has by accident, wherever they stand.

use std::ops::Range;

use super::rules;
use super::token::{Kind, Token};
use super::words::{self, Word};
use crate::detect::Rule;

/// One sign, and the tokens that make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub rule: &'static Rule,
    pub span: Range<usize>,
    /// Position of its first token.
    pub at: usize,
    /// It cannot be read as prose or as another language's code.
    pub sure: bool,
}

/// Every sign, in order.
pub fn all<'a>(text: &'a str, tokens: &'a [Token]) -> impl Iterator<Item = Sign> + 'a {
    (0..tokens.len()).filter_map(move |at| sign_at(text, tokens, at))
}

/// Finds the gravest sign; the first one among equals.
pub fn gravest(text: &str, tokens: &[Token]) -> Option<Sign> {
    let mut best: Option<Sign> = None;
    for sign in all(text, tokens) {
        let better =
            best.as_ref().is_none_or(|b| (sign.sure, sign.rule.severity) > (b.sure, b.rule.severity));
        if better {
            best = Some(sign);
        }
    }
    best
}

fn sign_at(text: &str, tokens: &[Token], at: usize) -> Option<Sign> {
    let window = Window { text, tokens, at };
    let found = |rule, length: usize, sure| {
        let first = tokens.get(at)?;
        let last = tokens.get(at + length - 1).or(tokens.last())?;
        Some(Sign { rule, span: first.span.start..last.span.end.max(first.span.end), at, sure })
    };
    let word = match window.kind(0)? {
        Kind::Word(word) => word,
        // `= (select ...`: a query as an operand.
        Kind::Open if window.kind(1) == Some(Kind::Word(Word::Select)) => {
            let operand = matches!(
                window.kind_before(),
                Some(
                    Kind::Compare
                        | Kind::Logic
                        | Kind::Math
                        | Kind::Prefix
                        | Kind::Word(Word::Logic | Word::Compare | Word::Math)
                )
            );
            return (operand && window.begins_list(2)).then(|| found(&rules::SUBQUERY, 3, true))?;
        }
        _ => return None,
    };
    match word {
        Word::Union => {
            let mut ahead = 1;
            while matches!(
                window.kind(ahead),
                Some(Kind::Word(Word::Quantity) | Kind::Open | Kind::Comment { cut: false, .. })
            ) {
                ahead += 1;
                if ahead > 64 {
                    break;
                }
            }
            let selects = window.text(ahead).get(..6).is_some_and(|head| head.eq_ignore_ascii_case("select"));
            // `union all selectchar(`: a space was lost on the way, but nobody says `union all` else.
            let glued = selects && window.kind(ahead + 1) == Some(Kind::Open);
            if window.kind(ahead) != Some(Kind::Word(Word::Select)) {
                return glued.then(|| found(&rules::UNION_SELECT, ahead + 1, true))?;
            }
            let mut list = ahead + 1;
            while matches!(
                window.kind(list),
                Some(Kind::Word(Word::Quantity) | Kind::Comment { cut: false, .. })
            ) {
                list += 1;
            }
            let bracketed = window.kind(ahead - 1) == Some(Kind::Open);
            found(&rules::UNION_SELECT, list + 1, bracketed || window.begins_list(list))
        }
        Word::Delay | Word::Reach | Word::ErrorText => {
            let rule = match word {
                Word::Delay => &rules::SLEEP,
                Word::Reach => &rules::REACH,
                _ => &rules::ERROR_TEXT,
            };
            let name = window.text(0);
            // `dbms_pipe.receive_message(`, `master..xp_cmdshell 'dir'`.
            let package = name.contains('_') && window.kind(1) == Some(Kind::Dot);
            let extended = name.len() > 3 && matches!(name.get(..3), Some("xp_" | "sp_" | "XP_" | "SP_"));
            let call = window.kind(1) == Some(Kind::Open);
            if !(call || package || extended) {
                return None;
            }
            // "sleep (8 hours)": an argument has an operator or an end behind it, not a noun.
            let noun = matches!(window.kind(3), Some(Kind::Word(Word::Bare)))
                || window.kind(2) == Some(Kind::Word(Word::Bare))
                    && window.kind(3) == Some(Kind::Close)
                    && !name.contains('_');
            let method = window.kind_before() == Some(Kind::Dot) && !name.contains('_');
            let unmistakable = package || extended || name.contains('_') && !name.starts_with('_');
            (!method && !noun).then(|| found(rule, 2, unmistakable || window.in_expression()))?
        }
        Word::Waitfor => {
            let what = window.text(1);
            let timed = what.eq_ignore_ascii_case("delay") || what.eq_ignore_ascii_case("time");
            let clock = matches!(window.kind(2), Some(Kind::Text { .. } | Kind::Variable | Kind::Number));
            timed.then(|| found(&rules::SLEEP, 3, clock))?
        }
        Word::Catalog => {
            let name = window.text(0);
            let listed =
                matches!(window.kind_before(), Some(Kind::Word(Word::From | Word::Join) | Kind::Comma));
            let qualified = window.kind(1) == Some(Kind::Dot) || window.kind_before() == Some(Kind::Dot);
            (listed || qualified).then(|| found(&rules::CATALOG, 1, listed || name.contains('_')))?
        }
        Word::Into if window.kind(1) == Some(Kind::Word(Word::Outfile)) => {
            let target =
                matches!(window.kind(2), Some(Kind::Text { .. } | Kind::Open | Kind::Other | Kind::Word(_)));
            found(&rules::INTO_FILE, 2, target)
        }
        Word::Procedure if window.text(1).eq_ignore_ascii_case("analyse") => {
            found(&rules::ERROR_TEXT, 2, window.kind(2) == Some(Kind::Open))
        }
        Word::From | Word::Join => {
            let schema = window.text(1).trim_matches('`');
            let table = window.text(3).trim_matches('`');
            let qualified = window.kind(2) == Some(Kind::Dot) && words::is_account_table(schema, table);
            let quoted = matches!(window.kind(1), Some(Kind::Name)) && words::class(schema) == Word::Catalog;
            (qualified || quoted).then(|| found(&rules::CATALOG, 4, true))?
        }
        _ => None,
    }
}

struct Window<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Window<'_> {
    fn kind(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|t| t.kind)
    }

    fn kind_before(&self) -> Option<Kind> {
        self.tokens.get(self.at.checked_sub(1)?).map(|t| t.kind)
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).and_then(|t| self.text.get(t.span.clone())).unwrap_or_default()
    }

    /// Whether what stands at `ahead` begins a select list rather than a noun of prose.
    fn begins_list(&self, ahead: usize) -> bool {
        match self.kind(ahead) {
            Some(
                Kind::Number
                | Kind::Text { .. }
                | Kind::Variable
                | Kind::Name
                | Kind::Open
                | Kind::Math
                | Kind::Prefix
                | Kind::Dot
                | Kind::Word(Word::Quantity | Word::Const | Word::Info | Word::Case | Word::Select),
            ) => true,
            Some(Kind::Word(_)) => matches!(
                self.kind(ahead + 1),
                Some(
                    Kind::Open
                        | Kind::Comma
                        | Kind::Dot
                        | Kind::Logic
                        | Kind::Word(Word::From)
                        | Kind::Comment { .. }
                )
            ),
            _ => false,
        }
    }

    /// Whether the word stands where an operand of SQL would.
    fn in_expression(&self) -> bool {
        match self.kind_before() {
            None => true,
            Some(
                Kind::Tail
                | Kind::Compare
                | Kind::Math
                | Kind::Logic
                | Kind::Open
                | Kind::Comma
                | Kind::Semicolon
                | Kind::Prefix
                | Kind::Close,
            ) => true,
            Some(Kind::Word(word)) => matches!(
                word,
                Word::Logic
                    | Word::Not
                    | Word::Select
                    | Word::By
                    | Word::Where
                    | Word::Having
                    | Word::Compare
                    | Word::Then
                    | Word::Else
                    | Word::When
            ),
            Some(_) => false,
        }
    }
}
