//! What would be done: a base by kind and operation, then size, money, reach and finality.

use action::{ActionKind, Operation, Sensitivity};

use super::Reasons;
use crate::detect::Scene;

/// Base points by kind of action (rows, in the order of `ActionKind::ALL`) and operation
/// (read, write, delete, send, pay, grant). Deleting starts above reading, the outside above the
/// inside.
const BASE: [(ActionKind, [i16; 6]); 11] = [
    (ActionKind::Database, [20, 50, 65, 60, 60, 75]),
    (ActionKind::ExternalCall, [30, 60, 70, 65, 65, 75]),
    (ActionKind::File, [20, 45, 60, 60, 60, 75]),
    (ActionKind::Workflow, [20, 50, 60, 55, 60, 75]),
    (ActionKind::Payment, [30, 50, 65, 60, 60, 75]),
    (ActionKind::Communication, [20, 45, 50, 50, 60, 70]),
    (ActionKind::RecordChange, [20, 50, 65, 60, 60, 75]),
    (ActionKind::PrivilegeChange, [30, 70, 70, 70, 70, 80]),
    (ActionKind::Calendar, [10, 35, 40, 40, 60, 60]),
    (ActionKind::McpTool, [20, 50, 60, 60, 60, 75]),
    (ActionKind::LlmCall, [10, 25, 40, 15, 60, 70]),
];

const RECORDS: [(u64, &str, i16); 4] = [
    (100_000, "action.records_100k", 40),
    (10_000, "action.records_10k", 30),
    (1_000, "action.records_1k", 20),
    (100, "action.records_100", 10),
];

/// Whole units of money.
const AMOUNTS: [(u64, &str, i16); 4] = [
    (100_000, "action.amount_100k", 40),
    (10_000, "action.amount_10k", 25),
    (1_000, "action.amount_1k", 10),
    (500, "action.amount_500", 5),
];

pub fn weigh(scene: &Scene<'_>, reasons: &mut Reasons) {
    let action = scene.action;
    let row = BASE.get(action.kind.index()).map(|(_, points)| points);
    let base = row.and_then(|row| row.get(action.operation.index())).copied().unwrap_or(100);
    reasons.add("action.base", base);
    if let Some((_, id, points)) = RECORDS.iter().find(|(least, ..)| scene.records >= *least) {
        reasons.add(id, *points);
    }
    let amount = scene.amount().unwrap_or(0);
    if let Some((_, id, points)) = AMOUNTS.iter().find(|(least, ..)| amount >= *least) {
        reasons.add(id, *points);
    }
    // What is told to a model is not done by it: the calls that it asks for are weighed themselves.
    let does = action.operation.has_effect() && action.kind != ActionKind::LlmCall;
    if scene.traits.audit_trail && does {
        reasons.add("action.audit_trail", 35);
    }
    if scene.traits.irreversible && does {
        reasons.add("action.irreversible", 15);
    }
    // Taking everything is a matter of scale even where nobody stated a number.
    if scene.traits.everything
        && action.kind != ActionKind::LlmCall
        && action.count.is_none()
        && scene.records < 100
    {
        reasons.add("action.everything", 20);
    }
    // Many sensitive records and a destination outside: however it is called, they are leaving.
    let bulk = scene.sensitivity >= Sensitivity::Medium && scene.records >= 1_000;
    if scene.external && bulk && action.operation != Operation::Pay {
        reasons.add("action.sensitive_bulk_out", 30);
    }
    // What is sensitive and leaves is an exfiltration; nothing about it is routine. Money that is
    // paid out leaves by design and is weighed by its amount.
    if scene.external && !scene.classes.is_empty() && action.operation != Operation::Pay {
        reasons.add("action.sensitive_data_out", 40);
    } else if scene.external && action.operation == Operation::Read {
        reasons.add("action.external_read", 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_list_of_kinds_and_its_order_of_harm() {
        for ((kind, points), listed) in BASE.iter().zip(ActionKind::ALL) {
            assert_eq!(kind, listed);
            assert!(points[0] < points[1] && points[0] < points[2], "{kind}: reading is the least");
        }
        assert_eq!(BASE.len(), ActionKind::ALL.len());
    }
}
