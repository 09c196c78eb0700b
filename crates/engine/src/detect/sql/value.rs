//! Judges a value that ends in a query: does it stay a value, or does it go on as code?
//!
//! Each value is tried as it stands and inside each kind of string that it could close. What it
//! says in that place is a shape (does it read as SQL, to what end) and the gravest sign in it.

use super::rules;
use super::shape::{Shape, shape};
use super::signs;
use super::token::{Kind, Stand, Token, tokens};
use super::words::Word;
use crate::detect::rule::{Finding, Rule};

/// How much a value must say before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The value is known to end in a query.
    Query,
    /// Its meaning is not known.
    Unknown,
    /// It is prose, which may speak of SQL.
    Prose,
}

/// Longest prose before a break-out that is still the start of a value and not a sentence.
const SHORT: usize = 64;

/// Longest prose that may be an attack as it stands, with no quote to break out of.
const MOST_PROSE: usize = 4 * SHORT;

/// Judges one text.
pub fn judge(text: &str, level: Level) -> Option<Finding> {
    if !could_be_code(text) {
        return None;
    }
    let mut best: Option<Finding> = None;
    for quote in [b'\'', b'"', b'`'] {
        if memchr::memchr(quote, text.as_bytes()).is_some() {
            keep(&mut best, stand(text, Stand::Inside(quote), level));
            if memchr::memchr(b'\\', text.as_bytes()).is_some() {
                keep(&mut best, stand(text, Stand::Verbatim(quote), level));
            }
        }
    }
    if best.as_ref().is_none_or(|b| b.rule.confidence < action::Confidence::CRITICAL) {
        keep(&mut best, stand(text, Stand::Plain, level));
    }
    best
}

fn keep(best: &mut Option<Finding>, found: Option<Finding>) {
    if let Some(found) = found {
        Finding::keep(best, found);
    }
}

/// A text of one word has nothing to say to a database, and neither has one without any mark or
/// keyword. Most values end here.
fn could_be_code(text: &str) -> bool {
    const PLAIN: u8 = 0;
    const BLANK: u8 = 1;
    const MARK: u8 = 2;
    let mut seen = 0;
    for byte in text.bytes() {
        seen |= match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'/' => PLAIN,
            0..=b' ' => BLANK,
            b'-' | b',' => PLAIN,
            _ => MARK,
        };
    }
    seen != 0 || memchr::memmem::find(text.as_bytes(), b"--").is_some() || text.contains("/*")
}

fn stand(text: &str, stand: Stand, level: Level) -> Option<Finding> {
    // Nothing that prose says counts then, so its tokens need not be read.
    if level == Level::Prose && stand == Stand::Plain && text.len() > MOST_PROSE {
        return None;
    }
    let tokens = tokens(text, stand)?;
    let case = Case { text, tokens: &tokens, shape: shape(&tokens), level, stand };
    match level {
        Level::Query | Level::Unknown => case.sign().or_else(|| match stand {
            Stand::Inside(_) | Stand::Verbatim(_) => case.inside(),
            Stand::Plain => case.plain(),
        }),
        Level::Prose => case.prose(),
    }
}

/// One text in one place.
struct Case<'a> {
    text: &'a str,
    tokens: &'a [Token],
    shape: Shape,
    level: Level,
    stand: Stand,
}

impl Case<'_> {
    fn found(&self, rule: &'static Rule) -> Option<Finding> {
        let last = self.tokens.last()?.span.end;
        let end = if self.shape.end == 0 { last } else { self.shape.end };
        let start = match self.tokens.first()? {
            Token { kind: Kind::Tail, span } => span.end.saturating_sub(1),
            token => token.span.start,
        };
        Some(Finding { rule, span: start..end.max(start) })
    }

    fn query(&self) -> bool {
        self.level == Level::Query
    }

    /// The grammar read every token, even if an operand is still missing.
    fn read_all(&self) -> bool {
        self.shape.read == self.tokens.len()
    }

    fn sign(&self) -> Option<Finding> {
        let sign = signs::gravest(self.text, self.tokens)?;
        // A run of words that could be prose counts where the grammar got there from a value.
        let value = self.stand.quote().is_some() || self.shape.literals + self.shape.variables > 0;
        let reached = self.shape.read > sign.at && value;
        (sign.sure || self.query() && reached).then_some(Finding { rule: sign.rule, span: sign.span })
    }

    /// The value closed the host's string. What follows?
    fn inside(&self) -> Option<Finding> {
        let shape = &self.shape;
        let operators = shape.logic + shape.compare + shape.math;
        let inches = self.tail_ends_in_digit();
        if let Some(found) = self.stacked(1) {
            return Some(found);
        }
        if shape.constant_compare && shape.logic > 0 {
            return self.found(&rules::TAUTOLOGY);
        }
        if shape.selects > 0 && (shape.froms > 0 || shape.functions > 0) && self.read_all() {
            return self.found(&rules::SUBQUERY);
        }
        if shape.complete && shape.constant_condition && (shape.cut || !inches && self.query()) {
            return self.found(&rules::TAUTOLOGY);
        }
        if shape.complete && shape.clause && (self.query() || shape.cut) {
            return self.found(&rules::CLAUSE);
        }
        if shape.complete && shape.cut && self.cuts(operators) {
            return self.found(&rules::COMMENT_CUT);
        }
        let said_more = shape.compare > 0 || shape.functions > 0 || shape.literals > 1;
        if shape.complete && shape.reentered && operators > 0 {
            let named = shape.bare > 0 && !said_more;
            let glued = shape.adjacent > 0 && !(shape.compare > 0 && self.query());
            let run = self.text.bytes().filter(|b| *b == b'\'').count() > 16 && shape.literals < 2;
            // Double quotes and an inch mark are prose more often than code.
            let double = self.stand.quote() == Some(b'"')
                && shape.signs_compared + shape.functions + shape.variables == 0
                && !(shape.logic > 0 && shape.literals > 1 && shape.bare == 0);
            if !glued
                && !run
                && !double
                && (self.query() || !named && (shape.compare > 0 || shape.functions > 0))
            {
                return self.found(&rules::BREAK_OUT);
            }
        }
        if shape.complete
            && shape.logic > 0
            && (shape.compare > 0 || shape.functions > 0)
            && shape.adjacent == 0
        {
            return self.found(&rules::BREAK_OUT);
        }
        if self.query() && self.dangling_union() {
            return self.found(&rules::UNION_SELECT);
        }
        if self.query() && shape.complete && (shape.info > 0 || shape.telling_functions > 0) && operators > 0
        {
            return self.found(&rules::BREAK_OUT);
        }
        // `' drop table x`: no dialect needs more than the break-out where statements are batched.
        if self.query() && self.statement_after_break_out() {
            return self.found(&rules::STACKED);
        }
        None
    }

    /// A comment that ends the statement right behind the break-out, or behind code.
    fn cuts(&self, operators: u16) -> bool {
        let hides = matches!(self.tokens.last(), Some(Token { kind: Kind::Comment { hides: true, .. }, .. }));
        let code = operators > 0 || self.shape.closes > 0 || self.shape.semicolon;
        let named =
            self.shape.bare > 0 && self.shape.logic + self.shape.compare == 0 && self.shape.functions == 0;
        match (code, hides) {
            (false, true) => false,
            // `5' #` and `the boys' --`: in prose of unknown meaning a quote and dashes meet by chance.
            (false, false) => self.query() || !self.text.contains(' '),
            (true, true) => self.query() && !named,
            (true, false) => !named,
        }
    }

    /// The value stands as it is.
    fn plain(&self) -> Option<Finding> {
        let shape = &self.shape;
        let operators = shape.logic + shape.compare + shape.math;
        let first = self.tokens.first()?.kind;
        if let Some(found) = self.stacked(0) {
            return Some(found);
        }
        if shape.constant_compare && shape.logic > 0 {
            return self.found(&rules::TAUTOLOGY);
        }
        // `1 or true`: a number alone may be chosen between in prose, a truth value is not.
        let truth = self.tokens.iter().any(|token| token.kind == Kind::Word(Word::Const));
        let begun = matches!(first, Kind::Number | Kind::Text { .. });
        if self.query() && begun && truth && shape.complete && shape.constant_condition && shape.bare == 0 {
            return self.found(&rules::TAUTOLOGY);
        }
        let constant_clause = shape.clause && shape.complete && (self.query() || shape.bare == 0);
        if constant_clause && shape.froms == 0 && shape.literals + shape.info + shape.functions > 0 {
            return self.found(&rules::CLAUSE);
        }
        if shape.selects > 0 && (shape.froms + shape.telling_functions + shape.variables + shape.info > 0) {
            let begins =
                matches!(first, Kind::Word(Word::Select)) && (shape.froms > 0 || shape.variables > 0);
            if (begins && self.query() || self.read_all()) && self.has_signs() {
                return self.found(&rules::SUBQUERY);
            }
        }
        if shape.selects > 0
            && self.read_all()
            && (shape.literals > 1 || shape.brackets > 0 && shape.literals > 0)
        {
            return self.found(&rules::SUBQUERY);
        }
        if matches!(first, Kind::Word(Word::Select)) && shape.selects > 0 && self.says_from() {
            return self.found(&rules::SUBQUERY);
        }
        if self.dangling_union() {
            return self.found(&rules::UNION_SELECT);
        }
        if shape.closes > 0
            && shape.froms > 0
            && matches!(first, Kind::Number | Kind::Close | Kind::Text { .. })
        {
            return self.found(&rules::SUBQUERY);
        }
        let telling = shape.telling_functions > 1
            || shape.info > 0 && (shape.calls > 1 || operators > 0 || shape.variables > 0)
            || shape.telling_functions > 0 && (operators > 0 || shape.variables > 0)
            || matches!(first, Kind::Word(Word::Logic)) && shape.functions > 0
            || shape.whens > 0;
        // `substr(a, b) + 1` is also how other languages compute.
        let server = shape.info > 0 || shape.whens > 0 || shape.logic > 0 || shape.variables > 0;
        if shape.complete && telling && !shape.reentered && (self.query() || server) {
            return self.found(&rules::EXPRESSION);
        }
        // A call or a variable that only tells about the server, and nothing else.
        let asks = shape.info == 1 && shape.calls == 1 || shape.variables == 1 && self.text.contains("@@");
        if self.query() && shape.complete && asks && shape.bare + shape.literals + operators == 0 {
            return self.found(&rules::EXPRESSION);
        }
        let sql_only = shape.variables > 0 || shape.functions > 0 || shape.word_operators > 0;
        if !self.query() && shape.word_operators + shape.variables + shape.selects == 0 {
            return None;
        }
        let logical = shape.logic + shape.compare > 0 && (shape.bare == 0 || shape.literals > 0);
        if shape.complete
            && shape.cut
            && (sql_only || logical || shape.bare == 0 && operators + shape.closes + shape.brackets > 0)
        {
            return self.found(&rules::COMMENT_CUT);
        }
        let joined = shape.logic > 0 && shape.compare > 0 && (shape.bare == 0 || shape.literals > 1);
        if shape.complete && joined && matches!(first, Kind::Number | Kind::Close | Kind::Logic | Kind::Math)
        {
            return self.found(&rules::EXPRESSION);
        }
        None
    }

    /// Prose: only a whole text that is short and is nothing but an attack.
    fn prose(&self) -> Option<Finding> {
        let head = match self.tokens.first()? {
            Token { kind: Kind::Tail, span } => span.end,
            _ => 0,
        };
        let goes_on =
            matches!(self.tokens.last(), Some(Token { kind: Kind::Comment { hides: true, .. }, .. }));
        if goes_on || head > SHORT || !(self.shape.complete || self.shape.semicolon) {
            return None;
        }
        if self.shape.constant_compare && self.shape.logic > 0 && self.text.len() <= MOST_PROSE {
            return self.found(&rules::TAUTOLOGY);
        }
        match self.stand {
            Stand::Inside(_) | Stand::Verbatim(_) => self.stacked(1),
            Stand::Plain => None,
        }
    }

    /// A semicolon, then the beginning of a statement.
    fn stacked(&self, from: usize) -> Option<Finding> {
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            if token.kind == Kind::Semicolon
                && (at <= self.shape.read || self.query() || self.removes_table(at + 1))
                && (at > 0 || self.query())
                && self.begins_statement(at + 1, self.level)
            {
                let end = self.tokens.get(at + 2).map_or(token.span.end, |t| t.span.end);
                return Some(Finding { rule: &rules::STACKED, span: token.span.start..end });
            }
        }
        let verb = matches!(self.tokens.first(), Some(Token { kind: Kind::Word(Word::Verb), .. }));
        if from == 0 && verb && self.has_signs() && self.query() && self.begins_statement(0, Level::Unknown) {
            return self.found(&rules::STACKED);
        }
        None
    }

    /// Words alone, "drop table lamp" or "select a colour from the list", are a search.
    fn has_signs(&self) -> bool {
        self.tokens.iter().any(|t| !matches!(t.kind, Kind::Word(_) | Kind::Number | Kind::Other))
    }

    /// `drop table`: no other semicolon of prose is followed by this.
    fn removes_table(&self, at: usize) -> bool {
        let is = |at: usize, words: &[&str]| {
            let written = self.tokens.get(at).and_then(|t| self.text.get(t.span.clone())).unwrap_or_default();
            words.iter().any(|word| written.eq_ignore_ascii_case(word))
        };
        is(at, &["drop", "truncate", "alter"]) && is(at + 1, &["table", "database"])
    }

    fn statement_after_break_out(&self) -> bool {
        let brackets = self.tokens.iter().skip(1).take_while(|t| t.kind == Kind::Close).count();
        let at = 1 + brackets;
        matches!(self.tokens.get(at), Some(Token { kind: Kind::Word(Word::Verb | Word::Select), .. }))
            && self.begins_statement(at, Level::Unknown)
    }

    /// Whether a statement begins at this token; a verb alone is enough where SQL is expected.
    fn begins_statement(&self, at: usize, level: Level) -> bool {
        let kind = |ahead: usize| self.tokens.get(at + ahead).map(|t| t.kind);
        let word = self.tokens.get(at).and_then(|t| self.text.get(t.span.clone())).unwrap_or_default();
        match kind(0) {
            Some(Kind::Word(Word::Waitfor)) => kind(1).is_some(),
            Some(Kind::Word(Word::Select)) => {
                matches!(
                    kind(1),
                    Some(
                        Kind::Number
                            | Kind::Text { .. }
                            | Kind::Variable
                            | Kind::Open
                            | Kind::Math
                            | Kind::Word(Word::Quantity)
                    )
                ) || matches!(kind(2), Some(Kind::Open | Kind::Comma | Kind::Word(Word::From)))
            }
            Some(Kind::Open) => level == Level::Query && kind(1) == Some(Kind::Word(Word::Select)),
            Some(Kind::Word(Word::Verb)) => {
                let next = kind(1);
                let ended = matches!(next, None | Some(Kind::Semicolon | Kind::Comment { .. }));
                let is = |verbs: &[&str]| verbs.iter().any(|v| word.eq_ignore_ascii_case(v));
                if is(&["drop", "create", "alter", "truncate", "load", "backup", "restore", "bulk", "copy"]) {
                    matches!(next, Some(Kind::Word(Word::Object | Word::Procedure)))
                        || level == Level::Query && matches!(next, Some(Kind::Word(_) | Kind::Name))
                } else if is(&["insert", "replace", "merge"]) {
                    let rest = self.tokens.get(at..).unwrap_or_default();
                    next == Some(Kind::Word(Word::Into))
                        && rest
                            .iter()
                            .any(|t| matches!(t.kind, Kind::Open | Kind::Word(Word::Select | Word::Object)))
                } else if is(&["delete"]) {
                    next == Some(Kind::Word(Word::From)) || level == Level::Query && next.is_some()
                } else if is(&["update"]) {
                    (2..6).any(|ahead| {
                        let token = self.tokens.get(at + ahead).and_then(|t| self.text.get(t.span.clone()));
                        token.is_some_and(|t| t.eq_ignore_ascii_case("set"))
                    }) || level == Level::Query && next.is_some()
                } else if is(&["grant", "revoke"]) {
                    matches!(next, Some(Kind::Word(_)))
                } else if is(&["declare"]) {
                    next == Some(Kind::Variable) || level == Level::Query
                } else if is(&["exec", "execute"]) {
                    matches!(next, Some(Kind::Word(Word::Reach) | Kind::Open | Kind::Variable | Kind::Name))
                        || matches!(kind(2), Some(Kind::Dot | Kind::Text { .. } | Kind::Variable))
                        || level == Level::Query && matches!(next, Some(Kind::Word(_)))
                } else if is(&["set"]) {
                    next == Some(Kind::Variable)
                        || level == Level::Query && matches!(kind(2), Some(Kind::Compare))
                } else if is(&["if", "while"]) {
                    let exists = self.tokens.get(at + 1).and_then(|t| self.text.get(t.span.clone()));
                    // Braces are another language's.
                    let other = self.tokens.iter().any(|t| t.kind == Kind::Other);
                    next == Some(Kind::Open) && !other
                        || exists.is_some_and(|e| ["exists", "not"].iter().any(|w| e.eq_ignore_ascii_case(w)))
                        || level == Level::Query && matches!(kind(2), Some(Kind::Compare))
                } else if is(&["shutdown"]) {
                    ended || next == Some(Kind::Word(Word::Verb)) || level == Level::Query
                } else if is(&[
                    "begin",
                    "goto",
                    "do",
                    "call",
                    "handler",
                    "kill",
                    "dbcc",
                    "reconfigure",
                    "use",
                    "rename",
                ]) {
                    level == Level::Query && !ended
                } else {
                    level == Level::Query
                        && matches!(next, Some(Kind::Variable | Kind::Text { .. } | Kind::Word(_)))
                }
            }
            _ => false,
        }
    }

    /// `1 union`: the rest was lost, but nothing else ends like this.
    fn dangling_union(&self) -> bool {
        let ends = matches!(
            self.tokens.iter().rev().find(|t| !matches!(t.kind, Kind::Comment { .. })),
            Some(Token { kind: Kind::Word(Word::Union | Word::Select), .. })
        );
        let number = self.shape.literals + self.shape.variables > 0 || self.stand.quote().is_some();
        self.shape.unions > 0 && self.shape.bare == 0 && ends && number && self.read_all()
    }

    fn says_from(&self) -> bool {
        let listed = self.tokens.iter().any(|t| matches!(t.kind, Kind::Comma | Kind::Open | Kind::Variable));
        listed && self.tokens.iter().any(|t| t.kind == Kind::Word(Word::From))
    }

    fn tail_ends_in_digit(&self) -> bool {
        let Some(Token { kind: Kind::Tail, span }) = self.tokens.first() else { return false };
        let before = span.end.checked_sub(2).and_then(|at| self.text.as_bytes().get(at));
        before.is_some_and(u8::is_ascii_digit)
    }
}
