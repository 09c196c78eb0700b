//! How many approvals a held action needs.

use action::{Action, ActionKind, Amount, Decision, Severity};
use engine::detect::scene::Money;

use crate::book::ApprovalRule;

/// Actions that need more approvals than others: those to which everything given applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct More {
    /// It moves more than this.
    pub amount_over: Option<Amount>,
    /// Its score, or a detection on it, is at least this severe.
    pub severity_from: Option<Severity>,
    pub needed: u8,
}

impl ApprovalRule {
    /// Approvals that this action needs, at least one.
    pub fn needed_for(&self, action: &Action, decision: &Decision) -> u8 {
        let more = self.more.iter().filter(|more| more.concerns(action, decision)).map(|more| more.needed);
        more.fold(self.needed, u8::max).max(1)
    }
}

impl More {
    fn concerns(&self, action: &Action, decision: &Decision) -> bool {
        self.amount_over.as_ref().is_none_or(|limit| is_over(action, limit))
            && self.severity_from.is_none_or(|from| is_severe(decision, from))
    }
}

/// Whether an action moves more than the limit. Another currency, or a payment that states no amount,
/// cannot be shown to be below it.
fn is_over(action: &Action, limit: &Amount) -> bool {
    match Money::of(action) {
        Some(money) => {
            let same = money.currency.is_some_and(|it| it.eq_ignore_ascii_case(limit.currency.as_str()));
            !same || money.value > limit.value
        }
        None => action.kind == ActionKind::Payment,
    }
}

fn is_severe(decision: &Decision, from: Severity) -> bool {
    decision.score.level() >= from || decision.detections.iter().any(|hit| hit.severity >= from)
}

#[cfg(test)]
mod tests {
    use action::{Decimal, Name, Timestamp};
    use engine::Rules;
    use engine::facts::Facts;

    use super::*;

    fn needed(rule: &ApprovalRule, action: &str) -> u8 {
        let action: Action = action::Json::parse_as(action.as_bytes()).unwrap();
        let rules = Rules::load(&[]).unwrap();
        let decision = engine::decide(&action, &Facts::default(), &rules, Timestamp::from_millis(0));
        rule.needed_for(&action, &decision)
    }

    fn payment(rest: &str) -> String {
        format!(
            r#"{{"kind":"payment","operation":"pay","tool":"refund","resource":{{"type":"payment"}},
            "agent":{{"name":"bot"}},"environment":"production","time":"2026-01-01T00:00:00Z"{rest}}}"#
        )
    }

    #[test]
    fn two_decide_what_moves_much_or_cannot_be_shown_to_move_little() {
        let limit = Amount { value: Decimal::from_int(1_000), currency: Name::new("USD").unwrap() };
        let more = More { amount_over: Some(limit), severity_from: None, needed: 2 };
        let rule = ApprovalRule { more: vec![more], ..ApprovalRule::default() };
        for (rest, want) in [
            (r#","amount":{"value":1000,"currency":"usd"}"#, 1),
            (r#","amount":{"value":1000.01,"currency":"USD"}"#, 2),
            (r#","amount":{"value":-5000,"currency":"USD"}"#, 2),
            (r#","amount":{"value":1,"currency":"KWD"}"#, 2),
            (r#","amount":{"value":1,"currency":"USD"},"payload":{"amount":9000}"#, 2),
            ("", 2),
        ] {
            assert_eq!(needed(&rule, &payment(rest)), want, "{rest}");
        }
        let read = payment("").replace("payment\",\"operation\":\"pay", "file\",\"operation\":\"read");
        assert_eq!(needed(&rule, &read), 1, "what moves no money is over no amount");
    }

    #[test]
    fn severity_and_amount_together_narrow() {
        let more = |severity_from, amount_over| More { amount_over, severity_from, needed: 3 };
        let rule = |more| ApprovalRule { more: vec![more], ..ApprovalRule::default() };
        let harmless = payment(r#","amount":{"value":5,"currency":"USD"}"#);
        assert_eq!(needed(&rule(more(Some(Severity::Low), None)), &harmless), 3);
        assert_eq!(needed(&rule(more(Some(Severity::Critical), None)), &harmless), 1);
        let limit = Amount { value: Decimal::from_int(10), currency: Name::new("USD").unwrap() };
        assert_eq!(needed(&rule(more(Some(Severity::Low), Some(limit))), &harmless), 1, "both must hold");
    }
}
