//! Conditions that are true whatever the row says.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

/// What is known of a condition without any row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its value, where constants alone decide it.
    pub value: Option<bool>,
    /// Somewhere an alternative is always true: `... OR 1=1`.
    pub open_alternative: bool,
}

const UNKNOWN: Known = Known { value: None, open_alternative: false };

/// Evaluates what constants alone decide. The caller has bounded the depth.
pub fn known(condition: &Expr) -> Known {
    match condition {
        Expr::Nested(inner) => known(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let inner = known(expr);
            Known { value: inner.value.map(|v| !v), ..inner }
        }
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor => {
                join(op, known(left), known(right))
            }
            _ => Known { value: compare(left, op, right), ..UNKNOWN },
        },
        Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => known(inner),
        Expr::Between { expr, negated: false, low, high } => {
            let value = match (constant(expr), constant(low), constant(high)) {
                (Some(Constant::Number(v)), Some(Constant::Number(l)), Some(Constant::Number(h))) => {
                    Some(l <= v && v <= h)
                }
                _ => None,
            };
            Known { value, ..UNKNOWN }
        }
        Expr::InList { expr, list, negated: false } => {
            let wanted = constant(expr);
            let found = wanted.is_some() && list.iter().any(|item| constant(item) == wanted);
            Known { value: found.then_some(true), ..UNKNOWN }
        }
        Expr::Like { negated: false, expr, pattern, .. }
        | Expr::ILike { negated: false, expr, pattern, .. } => {
            let all = matches!(constant(pattern), Some(Constant::Text(p)) if !p.is_empty() && p.bytes().all(|b| b == b'%'));
            let same = constant(expr).is_some() && constant(expr) == constant(pattern);
            Known { value: (all || same).then_some(true), ..UNKNOWN }
        }
        other => Known { value: constant(other).and_then(|c| c.truth()), ..UNKNOWN },
    }
}

fn join(op: &BinaryOperator, left: Known, right: Known) -> Known {
    let open = left.open_alternative || right.open_alternative;
    let value = match op {
        BinaryOperator::And => match (left.value, right.value) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        BinaryOperator::Or => match (left.value, right.value) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        _ => left.value.zip(right.value).map(|(l, r)| l != r),
    };
    let alternative = matches!(op, BinaryOperator::Or) && value == Some(true);
    Known { value, open_alternative: open || alternative }
}

fn compare(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<bool> {
    let same_name = match (left, right) {
        (Expr::Identifier(l), Expr::Identifier(r)) => l == r,
        (Expr::CompoundIdentifier(l), Expr::CompoundIdentifier(r)) => l == r,
        _ => false,
    };
    if same_name {
        return matches!(
            op,
            BinaryOperator::Eq | BinaryOperator::GtEq | BinaryOperator::LtEq | BinaryOperator::Spaceship
        )
        .then_some(true);
    }
    let (left, right) = (constant(left)?, constant(right)?);
    let order = match (&left, &right) {
        (Constant::Number(l), Constant::Number(r)) => l.cmp(r),
        (Constant::Text(l), Constant::Text(r)) => l.cmp(r),
        _ => return None,
    };
    match op {
        BinaryOperator::Eq | BinaryOperator::Spaceship => Some(order.is_eq()),
        BinaryOperator::NotEq => Some(order.is_ne()),
        BinaryOperator::Lt => Some(order.is_lt()),
        BinaryOperator::LtEq => Some(order.is_le()),
        BinaryOperator::Gt => Some(order.is_gt()),
        BinaryOperator::GtEq => Some(order.is_ge()),
        _ => None,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Constant<'a> {
    Number(i128),
    Text(&'a str),
    Truth(bool),
}

impl Constant<'_> {
    fn truth(&self) -> Option<bool> {
        match self {
            Constant::Number(number) => Some(*number != 0),
            Constant::Truth(truth) => Some(*truth),
            Constant::Text(_) => None,
        }
    }
}

fn constant(expr: &Expr) -> Option<Constant<'_>> {
    match expr {
        Expr::Nested(inner) => constant(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match constant(expr)? {
            Constant::Number(number) => number.checked_neg().map(Constant::Number),
            Constant::Text(_) | Constant::Truth(_) => None,
        },
        Expr::BinaryOp { left, op, right } => {
            let (Constant::Number(left), Constant::Number(right)) = (constant(left)?, constant(right)?)
            else {
                return None;
            };
            match op {
                BinaryOperator::Plus => left.checked_add(right),
                BinaryOperator::Minus => left.checked_sub(right),
                BinaryOperator::Multiply => left.checked_mul(right),
                _ => None,
            }
            .map(Constant::Number)
        }
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok().map(Constant::Number),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(Constant::Text(text)),
            Value::Boolean(truth) => Some(Constant::Truth(*truth)),
            _ => None,
        },
        _ => None,
    }
}
