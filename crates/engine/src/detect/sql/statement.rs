//! Judges a whole statement by what it would do.
//!
//! The parser says what kind of statement it is and what bounds it; the tokens say which
//! functions, catalogs and comments it holds, in any dialect. A statement that no dialect's
//! parser accepts is judged by its tokens alone. That is a fault of spelling or an unknown
//! dialect and no sign of an attack; one that is too large to parse is reported.

use std::ops::Range;

use action::{Confidence, SemanticType};
use sqlparser::ast::{CopyTarget, ObjectType, Query, Select, SetExpr, Statement, TableFactor};
use sqlparser::dialect::{
    Dialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::parser::{Parser, ParserError, ParserOptions};

use super::condition::{self, Known};
use super::facts::effect;
use super::rules;
use super::shape::shape;
use super::signs;
use super::token::{Kind, Stand, Token, tokens};
use super::words::Word;
use crate::detect::rule::{Finding, Rule};
use crate::detect::{Hit, Leaf};
use crate::text::Reading;

/// A longer statement is not parsed.
const LONGEST: usize = 64 * 1024;
/// A longer statement is tried with the generic dialect alone: each further one costs as much again.
const LONGEST_FOR_ALL: usize = 8 * 1024;
/// Statements in one text.
const MOST_STATEMENTS: usize = 256;
/// Each operator may nest the tree by one level, and the tree is walked and freed by recursion.
const MOST_OPERATORS: usize = 2_000;
/// Brackets and subqueries inside one another.
const DEEPEST: usize = 48;

/// Looks at a leaf that is a statement.
pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    // A decoding of a whole statement is not what the database would run.
    judge(&leaf.text.plain(), leaf.semantic, out);
}

/// Judges one statement text.
pub fn judge(reading: &Reading<'_>, semantic: SemanticType, out: &mut Vec<Hit>) {
    let text = reading.raw;
    let Some(tokens) = tokens(text, Stand::Plain) else { return };
    let mut findings = Findings { whole: whole(&tokens), found: Vec::new() };
    match read(text, &tokens) {
        Parsed::Statements(statements) => findings.statements(&statements, &tokens),
        Parsed::Unknown => findings.by_words(text, &tokens),
        Parsed::TooLarge => {
            findings.add_whole(&rules::UNREADABLE);
            findings.by_words(text, &tokens);
        }
    }
    findings.tokens(text, &tokens);
    let most = if semantic == SemanticType::SqlStatement { Confidence::new(100) } else { Confidence::HIGH };
    for (rule, span) in findings.found {
        let found = Finding { rule, span: reading.raw_span(span) };
        out.push(found.hit(most, reading));
    }
}

/// Whether a value of unknown meaning is a statement as a whole, and so to be judged as one.
pub fn is_whole(text: &str) -> bool {
    let start = text.trim_start();
    let is = |verb: &str| start.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb));
    if !["select ", "insert into ", "update ", "delete from ", "with "].into_iter().any(is) {
        return false;
    }
    let Some(tokens) = tokens(text, Stand::Plain) else { return false };
    let says = |word: Word| tokens.iter().any(|t| t.kind == Kind::Word(word));
    let data = says(Word::From) || says(Word::Into) || tokens.iter().any(|t| t.kind == Kind::Compare);
    data && parse(text, &tokens).is_some()
}

/// What parsing came to.
enum Parsed {
    Statements(Vec<Statement>),
    /// No dialect's grammar has it.
    Unknown,
    /// Refused over a bound: size, depth or count.
    TooLarge,
}

/// Parses with the first dialect that accepts it.
pub(super) fn parse(text: &str, tokens: &[Token]) -> Option<Vec<Statement>> {
    match read(text, tokens) {
        Parsed::Statements(statements) => Some(statements),
        Parsed::Unknown | Parsed::TooLarge => None,
    }
}

fn read(text: &str, tokens: &[Token]) -> Parsed {
    if text.len() > LONGEST || !is_bounded(tokens) {
        return Parsed::TooLarge;
    }
    let dialects: [&dyn Dialect; 5] =
        [&GenericDialect {}, &MySqlDialect {}, &PostgreSqlDialect {}, &MsSqlDialect {}, &SQLiteDialect {}];
    let tried = if text.len() > LONGEST_FOR_ALL { 1 } else { dialects.len() };
    let mut outcome = Parsed::Unknown;
    for dialect in dialects.into_iter().take(tried) {
        let parser = Parser::new(dialect)
            .with_options(ParserOptions::new().with_trailing_commas(false))
            .with_recursion_limit(DEEPEST);
        match parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements()) {
            Ok(statements) if statements.is_empty() => {}
            Ok(statements) => return Parsed::Statements(statements),
            Err(ParserError::RecursionLimitExceeded) => outcome = Parsed::TooLarge,
            Err(ParserError::TokenizerError(_) | ParserError::ParserError(_)) => {}
        }
    }
    outcome
}

/// Whether these tokens are few and shallow enough to parse, and their tree to be walked.
fn is_bounded(tokens: &[Token]) -> bool {
    let mut operators = 0usize;
    let mut depth = 0usize;
    let mut before = Kind::Comma;
    if tokens.iter().filter(|t| t.kind == Kind::Semicolon).count() > MOST_STATEMENTS {
        return false;
    }
    for token in tokens {
        match token.kind {
            // A sign before a literal of a list.
            Kind::Math if matches!(before, Kind::Comma | Kind::Open) => {}
            Kind::Math | Kind::Logic | Kind::Compare | Kind::Prefix | Kind::Other | Kind::Dot => {
                operators += 1
            }
            Kind::Word(
                Word::Logic
                | Word::Not
                | Word::Compare
                | Word::Between
                | Word::Is
                | Word::Math
                | Word::Union
                | Word::Case
                | Word::Prefix,
            ) => operators += 1,
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if operators > MOST_OPERATORS || depth > DEEPEST {
            return false;
        }
        before = token.kind;
    }
    true
}

fn whole(tokens: &[Token]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    }
}

struct Findings {
    whole: Range<usize>,
    found: Vec<(&'static Rule, Range<usize>)>,
}

impl Findings {
    /// Each rule is reported once, at its first place.
    fn add(&mut self, rule: &'static Rule, span: Range<usize>) {
        if self.found.iter().all(|(known, _)| *known != rule) {
            self.found.push((rule, span));
        }
    }

    fn add_whole(&mut self, rule: &'static Rule) {
        self.add(rule, self.whole.clone());
    }

    fn statements(&mut self, statements: &[Statement], tokens: &[Token]) {
        let condition = span_from(tokens, Word::Where).unwrap_or(self.whole.clone());
        for statement in statements {
            self.statement(statement, &condition);
        }
        let mut acting = statements.iter().filter(|statement| !frames(statement));
        if let Some(first) = acting.next()
            && acting.any(|later| is_stacked(first, later))
        {
            let from =
                tokens.iter().find(|t| t.kind == Kind::Semicolon).map_or(self.whole.start, |t| t.span.start);
            self.add(&rules::STACKED, from..self.whole.end);
        }
    }

    fn statement(&mut self, statement: &Statement, condition: &Range<usize>) {
        match statement {
            Statement::Query(query) => self.query(query, condition),
            Statement::Delete(delete) => {
                let selection = delete.selection.as_ref().map(condition::known);
                self.change(&rules::UNBOUNDED_DELETE, selection, delete.limit.is_some(), condition);
            }
            Statement::Update(update) => {
                let selection = update.selection.as_ref().map(condition::known);
                self.change(&rules::UNBOUNDED_UPDATE, selection, update.limit.is_some(), condition);
            }
            Statement::Insert(insert) => {
                if let Some(source) = &insert.source {
                    self.query(source, condition);
                }
            }
            Statement::Drop { object_type: ObjectType::User | ObjectType::Role, .. }
            | Statement::Grant(_)
            | Statement::Revoke(_)
            | Statement::Deny(_)
            | Statement::CreateUser(_)
            | Statement::AlterUser(_)
            | Statement::CreateRole(_)
            | Statement::AlterRole { .. } => self.add_whole(&rules::PRIVILEGE),
            Statement::Drop { .. }
            | Statement::Truncate(_)
            | Statement::DropFunction(_)
            | Statement::DropProcedure { .. }
            | Statement::DropTrigger(_)
            | Statement::DropPolicy(_) => self.add_whole(&rules::DESTRUCTIVE),
            Statement::AlterTable(_)
            | Statement::AlterSchema(_)
            | Statement::AlterView { .. }
            | Statement::AlterIndex { .. }
            | Statement::AlterType(_)
            | Statement::AlterPolicy { .. }
            | Statement::RenameTable(_) => self.add_whole(&rules::SCHEMA_CHANGE),
            Statement::Copy { target, .. } => match target {
                CopyTarget::Program { .. } | CopyTarget::File { .. } => self.add_whole(&rules::PROGRAM),
                CopyTarget::Stdin | CopyTarget::Stdout => {}
            },
            Statement::LoadData { .. } | Statement::AttachDatabase { .. } | Statement::CreateExtension(_) => {
                self.add_whole(&rules::PROGRAM);
            }
            Statement::WaitFor(_) => self.add_whole(&rules::SLEEP),
            // Nothing of what is left is an attack by its kind.
            _ => {}
        }
    }

    fn change(
        &mut self,
        rule: &'static Rule,
        selection: Option<Known>,
        limited: bool,
        condition: &Range<usize>,
    ) {
        match selection {
            None if !limited => self.add_whole(rule),
            None => {}
            Some(known) => {
                if known.value == Some(true) {
                    self.add_whole(rule);
                }
                if known.open_alternative {
                    self.add(&rules::ALWAYS_TRUE, condition.clone());
                }
            }
        }
    }

    fn query(&mut self, query: &Query, condition: &Range<usize>) {
        if let Some(with) = &query.with {
            for table in &with.cte_tables {
                self.query(&table.query, condition);
            }
        }
        self.body(&query.body, condition);
    }

    fn body(&mut self, body: &SetExpr, condition: &Range<usize>) {
        match body {
            SetExpr::Select(select) => self.select(select, condition),
            SetExpr::Query(query) => self.query(query, condition),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, condition);
                self.body(right, condition);
                if reads_rows(left) && is_probe(right) {
                    self.add_whole(&rules::UNION_SELECT);
                }
            }
            SetExpr::Insert(inner)
            | SetExpr::Update(inner)
            | SetExpr::Delete(inner)
            | SetExpr::Merge(inner) => {
                self.statement(inner, condition);
            }
            SetExpr::Values(_) | SetExpr::Table(_) => {}
        }
    }

    fn select(&mut self, select: &Select, condition: &Range<usize>) {
        for selection in select.selection.iter().chain(select.having.iter()) {
            if condition::known(selection).open_alternative {
                self.add(&rules::ALWAYS_TRUE, condition.clone());
            }
        }
        for table in &select.from {
            let joined = table.joins.iter().map(|join| &join.relation);
            for relation in std::iter::once(&table.relation).chain(joined) {
                if let TableFactor::Derived { subquery, .. } = relation {
                    self.query(subquery, condition);
                }
            }
        }
    }

    /// What the words say, whether or not the statement could be parsed.
    fn tokens(&mut self, text: &str, tokens: &[Token]) {
        for sign in signs::all(text, tokens) {
            let near = tokens.iter().skip(sign.at).take(24);
            let counts = if *sign.rule == rules::ERROR_TEXT {
                // Geometry and XML are ordinary data; a query inside their arguments is not.
                near.map(|t| t.kind)
                    .any(|kind| matches!(kind, Kind::Word(Word::Select | Word::Info) | Kind::Variable))
            } else {
                sign.sure && *sign.rule != rules::UNION_SELECT
            };
            if counts {
                self.add(sign.rule, sign.span);
            }
        }
        if let Some(cut) = cutting_comment(text, tokens) {
            self.add(&rules::COMMENT_CUT, cut);
        }
    }

    /// What the words alone say of a statement that was not parsed.
    fn by_words(&mut self, text: &str, tokens: &[Token]) {
        for part in tokens.split(|t| t.kind == Kind::Semicolon) {
            let span = whole(part);
            let word = |at: usize| part.get(at).and_then(|t| text.get(t.span.clone())).unwrap_or_default();
            let is = |at: usize, word_is: &str| word(at).eq_ignore_ascii_case(word_is);
            let bounded = part.iter().any(|t| matches!(t.kind, Kind::Word(Word::Where | Word::Limit)));
            if is(0, "drop") || is(0, "truncate") {
                self.add(&rules::DESTRUCTIVE, span);
            } else if is(0, "delete") && is(1, "from") && !bounded {
                self.add(&rules::UNBOUNDED_DELETE, span);
            } else if is(0, "update") && part.iter().any(|t| t.kind == Kind::Compare) && !bounded {
                self.add(&rules::UNBOUNDED_UPDATE, span);
            } else if is(0, "grant")
                || is(0, "revoke")
                || (is(0, "create") || is(0, "alter")) && is(1, "user")
            {
                self.add(&rules::PRIVILEGE, span);
            }
        }
        if let Some(at) = tokens.iter().position(|t| t.kind == Kind::Word(Word::Where)) {
            let shape = shape(tokens.get(at + 1..).unwrap_or_default());
            if shape.constant_compare && shape.logic > 0 {
                self.add(&rules::ALWAYS_TRUE, span_from(tokens, Word::Where).unwrap_or(self.whole.clone()));
            }
        }
    }
}

/// Whether a statement only frames others: a transaction or a setting.
fn frames(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::Set(_)
    )
}

/// A second statement that the first one's author did not mean: reading, then changing; or
/// anything, then something that destroys or grants.
fn is_stacked(first: &Statement, later: &Statement) -> bool {
    use action::Operation;
    let (first, then) = (effect(first).operation, effect(later).operation);
    match then {
        Operation::Read | Operation::Send | Operation::Pay => false,
        Operation::Write => first == Operation::Read,
        Operation::Delete | Operation::Grant => first != then,
    }
}

fn reads_rows(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => !select.from.is_empty(),
        SetExpr::SetOperation { left, .. } => reads_rows(left),
        SetExpr::Query(query) => reads_rows(&query.body),
        _ => false,
    }
}

/// A second query of nothing but constants: it counts the columns of the first.
fn is_probe(body: &SetExpr) -> bool {
    let SetExpr::Select(select) = body else { return false };
    use sqlparser::ast::{Expr, SelectItem};
    select.from.is_empty()
        && select.projection.len() > 1
        && select.projection.iter().all(|item| matches!(item, SelectItem::UnnamedExpr(Expr::Value(_))))
}

/// From the first token of this class to the end of its statement.
fn span_from(tokens: &[Token], word: Word) -> Option<Range<usize>> {
    let at = tokens.iter().position(|t| t.kind == Kind::Word(word))?;
    let rest = tokens.get(at..)?;
    let end = rest.iter().position(|t| t.kind == Kind::Semicolon).unwrap_or(rest.len());
    Some(whole(rest.get(..end)?))
}

/// A comment at the end that hides code rather than explains it: what it hides begins with a
/// quote or a joining word, or holds a quote without its partner.
fn cutting_comment(text: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let comment = tokens.last()?;
    if !matches!(comment.kind, Kind::Comment { cut: true, hides: true }) {
        return None;
    }
    let hidden = text.get(comment.span.clone())?.trim_start_matches(['-', '#', '/', '*', ' ', '\t']);
    let odd = hidden.bytes().filter(|b| *b == b'\'').count() % 2 == 1;
    let joins = ["and ", "or ", "limit ", "where ", "order by "]
        .iter()
        .any(|word| hidden.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)));
    let compares = hidden.contains('=');
    // `-- don't` is an apostrophe between letters.
    let apostrophe = hidden.as_bytes().windows(3).any(|w| {
        matches!(w, [before, b'\'', after] if before.is_ascii_alphabetic() && after.is_ascii_alphabetic())
    });
    (odd && !apostrophe || joins && compares).then(|| comment.span.clone())
}
