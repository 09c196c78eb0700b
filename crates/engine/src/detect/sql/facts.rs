//! What a statement would do, for the policy and the score.

use action::Operation;
use sqlparser::ast::{Expr, LimitClause, ObjectType, Query, SetExpr, Statement, TopQuantity, Value};

use super::condition;
use super::statement;
use super::token::{Kind, Stand, Token, tokens};
use super::words::Word;

/// What a SQL text would do, all its statements taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// The gravest operation of its statements.
    pub operation: Operation,
    /// Tables that it names, in order, each once, as written without quotes.
    pub tables: Vec<String>,
    /// Each statement that reads or changes rows says which ones.
    pub bounded: bool,
    /// The largest number of rows that a LIMIT, TOP or FETCH lets through, where all have one.
    pub limit: Option<u64>,
}

/// The facts of a text; `None` when it cannot be parsed.
pub fn facts(text: &str) -> Option<StatementFacts> {
    let tokens = tokens(text, Stand::Plain)?;
    let statements = statement::parse(text, &tokens)?;
    let mut operation = Operation::Read;
    let mut bounded = true;
    let mut limit = Some(0);
    for statement in &statements {
        let effect = effect(statement);
        operation = operation.max_by_weight(effect.operation);
        bounded &= effect.bounded;
        limit = limit.zip(effect.limit).map(|(a, b)| a.max(b));
    }
    (!statements.is_empty()).then(|| StatementFacts {
        operation,
        tables: tables(text, &tokens),
        bounded,
        limit,
    })
}

/// What one statement would do.
pub(super) struct Effect {
    pub operation: Operation,
    pub bounded: bool,
    pub limit: Option<u64>,
}

pub(super) fn effect(statement: &Statement) -> Effect {
    let plain = |operation| Effect { operation, bounded: true, limit: None };
    let unbounded = |operation| Effect { operation, bounded: false, limit: None };
    match statement {
        Statement::Query(query) => query_effect(query),
        Statement::Delete(delete) => {
            let limit = delete.limit.as_ref().and_then(number);
            Effect {
                operation: Operation::Delete,
                bounded: limit.is_some() || bounds(delete.selection.as_ref()),
                limit,
            }
        }
        Statement::Update(update) => {
            let limit = update.limit.as_ref().and_then(number);
            Effect {
                operation: Operation::Write,
                bounded: limit.is_some() || bounds(update.selection.as_ref()),
                limit,
            }
        }
        Statement::Drop { object_type: ObjectType::Role | ObjectType::User, .. } => plain(Operation::Grant),
        Statement::Drop { .. }
        | Statement::Truncate(_)
        | Statement::DropFunction(_)
        | Statement::DropProcedure { .. }
        | Statement::DropTrigger(_)
        | Statement::DropPolicy(_) => unbounded(Operation::Delete),
        Statement::Grant(_)
        | Statement::Revoke(_)
        | Statement::Deny(_)
        | Statement::CreateRole(_)
        | Statement::AlterRole { .. }
        | Statement::CreateUser(_)
        | Statement::AlterUser(_) => plain(Operation::Grant),
        Statement::Copy { to: true, .. } | Statement::Unload { .. } => unbounded(Operation::Read),
        Statement::Explain { .. }
        | Statement::ExplainTable { .. }
        | Statement::ShowFunctions { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowCreate { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowViews { .. }
        | Statement::Use(_)
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. } => plain(Operation::Read),
        // The parser's list is long and grows with it; what is not known to be harmless writes.
        _ => plain(Operation::Write),
    }
}

fn bounds(selection: Option<&Expr>) -> bool {
    selection.is_some_and(|condition| condition::known(condition).value != Some(true))
}

fn query_effect(query: &Query) -> Effect {
    let mut limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.as_ref().and_then(number),
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => number(limit),
        None => None,
    };
    if let Some(fetch) = &query.fetch {
        limit = limit.or(fetch.quantity.as_ref().map_or(Some(1), number).filter(|_| !fetch.percent));
    }
    let (operation, bounded) = match query.body.as_ref() {
        SetExpr::Select(select) => {
            if let Some(top) = &select.top {
                limit = limit.or(match &top.quantity {
                    Some(TopQuantity::Constant(rows)) if !top.percent => Some(*rows),
                    Some(TopQuantity::Expr(rows)) if !top.percent => number(rows),
                    Some(TopQuantity::Constant(_) | TopQuantity::Expr(_)) | None => None,
                });
            }
            let operation = if select.into.is_some() { Operation::Write } else { Operation::Read };
            (operation, select.from.is_empty() || bounds(select.selection.as_ref()))
        }
        SetExpr::Query(inner) => {
            let inner = query_effect(inner);
            limit = limit.or(inner.limit);
            (inner.operation, inner.bounded)
        }
        SetExpr::SetOperation { left, right, .. } => {
            let bounded = |side: &SetExpr| match side {
                SetExpr::Select(select) => select.from.is_empty() || bounds(select.selection.as_ref()),
                _ => false,
            };
            (Operation::Read, bounded(left) && bounded(right))
        }
        SetExpr::Values(_) => (Operation::Read, true),
        SetExpr::Table(_) => (Operation::Read, false),
        SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) | SetExpr::Merge(inner) => {
            let inner = effect(inner);
            (inner.operation, inner.bounded)
        }
    };
    Effect { operation, bounded: bounded || limit.is_some(), limit }
}

fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// How grave an operation is when several meet in one text.
trait Weight {
    fn max_by_weight(self, other: Self) -> Self;
}

impl Weight for Operation {
    fn max_by_weight(self, other: Self) -> Self {
        fn weight(operation: Operation) -> u8 {
            match operation {
                Operation::Read => 0,
                Operation::Write => 1,
                Operation::Send => 2,
                Operation::Pay => 3,
                Operation::Delete => 4,
                Operation::Grant => 5,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }
}

/// Names that stand where only a table can: after FROM, JOIN, INTO, UPDATE or TABLE, at any depth.
fn tables(text: &str, tokens: &[Token]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // For each open bracket, whether FROM inside it names a column: `extract(year from d)`.
    let mut brackets: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let before = at.checked_sub(2).and_then(|i| tokens.get(i)).map(|t| t.kind);
        match token.kind {
            Kind::Open => brackets
                .push(matches!(before, Some(Kind::Word(Word::Bare | Word::Function | Word::CommonFunction)))),
            Kind::Close => {
                brackets.pop();
            }
            Kind::Word(Word::Select) => {
                if let Some(last) = brackets.last_mut() {
                    *last = false;
                }
            }
            Kind::Word(word) => {
                let in_call = brackets.last().copied().unwrap_or(false);
                let begins = match word {
                    Word::From => !in_call,
                    Word::Join => !is(text, token, &["on", "using", "inner", "outer", "cross", "natural"]),
                    Word::Into => true,
                    Word::Object => is(text, token, &["table"]),
                    Word::Verb => is(text, token, &["update", "truncate"]) && !in_call,
                    _ => false,
                };
                if begins {
                    at = names(text, tokens, at, word == Word::From, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

fn is(text: &str, token: &Token, words: &[&str]) -> bool {
    let written = text.get(token.span.clone()).unwrap_or_default();
    words.iter().any(|word| written.eq_ignore_ascii_case(word))
}

/// Reads one name, or a list of them with aliases, from `at`; gives the position behind.
fn names(text: &str, tokens: &[Token], mut at: usize, list: bool, found: &mut Vec<String>) -> usize {
    loop {
        // DROP TABLE IF EXISTS t, TRUNCATE TABLE ONLY t.
        while tokens
            .get(at)
            .is_some_and(|t| is(text, t, &["if", "not", "exists", "only", "table", "lateral"]))
        {
            at += 1;
        }
        let mut name = String::new();
        while let Some(token) = tokens.get(at) {
            let part = match token.kind {
                Kind::Name | Kind::Text { open: false, .. } => text
                    .get(token.span.clone())
                    .unwrap_or_default()
                    .trim_matches(|c| matches!(c, '`' | '[' | ']' | '"' | '\'')),
                Kind::Word(Word::Select | Word::Where | Word::Verb) => break,
                Kind::Word(_) => text.get(token.span.clone()).unwrap_or_default(),
                _ => break,
            };
            name.push_str(part);
            at += 1;
            if tokens.get(at).map(|t| t.kind) != Some(Kind::Dot) {
                break;
            }
            name.push('.');
            at += 1;
        }
        if !name.is_empty() && !found.contains(&name) && found.len() < MOST_TABLES {
            found.push(name);
        }
        // `from a x, b as y`: an alias is one word, perhaps after AS.
        let mut ahead = at;
        while list
            && matches!(
                tokens.get(ahead).map(|t| t.kind),
                Some(Kind::Word(Word::As | Word::Bare) | Kind::Name)
            )
            && ahead < at + 2
        {
            ahead += 1;
        }
        if !list || tokens.get(ahead).map(|t| t.kind) != Some(Kind::Comma) {
            return at;
        }
        at = ahead + 1;
    }
}

/// More tables than this are not listed; a statement that names so many is judged by other means.
const MOST_TABLES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> StatementFacts {
        facts(text).unwrap()
    }

    #[test]
    fn operations_tables_and_bounds_are_told() {
        let read = of("SELECT a.x, b.y FROM orders a, items AS b WHERE a.id = b.id LIMIT 20");
        assert_eq!(read.operation, Operation::Read);
        assert_eq!(read.tables, ["orders", "items"]);
        assert!(read.bounded);
        assert_eq!(read.limit, Some(20));

        let wipe = of("DELETE FROM shop.orders");
        assert_eq!(wipe.operation, Operation::Delete);
        assert_eq!(wipe.tables, ["shop.orders"]);
        assert!(!wipe.bounded);

        assert!(!of("UPDATE users SET active = 0 WHERE 1 = 1").bounded);
        assert!(of("UPDATE users SET active = 0 WHERE id = 7").bounded);
        assert!(!of("SELECT * FROM users").bounded);
        assert_eq!(of("GRANT SELECT ON orders TO bob").operation, Operation::Grant);
        assert_eq!(of("SELECT * FROM a; DROP TABLE b").operation, Operation::Delete);
    }

    #[test]
    fn tables_of_inner_queries_are_listed_and_columns_are_not() {
        let facts = of("SELECT extract(year FROM born) FROM people WHERE id IN (SELECT who FROM \"guests\")");
        assert_eq!(facts.tables, ["people", "guests"]);
    }

    #[test]
    fn what_cannot_be_parsed_has_no_facts() {
        assert_eq!(facts("SELECT FROM WHERE"), None);
        assert_eq!(facts(""), None);
    }
}
