//! Which tools a user's goal implies: who asks to pay a bill has asked for a transfer.

use super::literal::stem;
use crate::detect::scene::words;

/// Families of words that mean the same kind of doing. A tool is implied when the user used a word
/// of its family. The list is of verbs and of what they are done to, not of tools.
const FAMILIES: [&[&str]; 18] = [
    &["transfer", "send", "pay", "payment", "wire", "remit", "move", "forward", "give"],
    &["buy", "sell", "trade", "exchange", "swap", "purchase", "order", "convert", "spot", "fiat"],
    &["option", "options", "future", "futures", "leverage", "margin", "strike"],
    &["arbitrage"],
    &["liquidity", "pool"],
    &["stake", "staking", "deposit", "unstake", "withdraw", "claim"],
    &["bridge", "cross"],
    &["airdrop", "distribute", "drop"],
    &["deploy", "contract", "publish", "release", "launch"],
    &["book", "reserve", "reservation", "schedule", "flight", "ticket", "hotel"],
    &["cancel", "delete", "remove", "drop", "erase", "clear", "void"],
    &["update", "change", "modify", "edit", "set", "correct", "fix", "rename", "replace"],
    &["create", "add", "new", "make", "insert", "register", "open", "write", "save", "generate"],
    &["mail", "email", "message", "reply", "notify", "tell", "inform", "contact", "post", "slack"],
    &["refund", "return", "reimburse", "compensate", "certificate", "voucher", "credit"],
    &["invite", "share", "grant", "permission", "access", "role"],
    &["run", "execute", "command", "script", "shell", "test", "build"],
    &["human", "agent", "person", "escalate", "support", "representative"],
];

/// Whether the user said a word of the tool's own name, or one of the family of such a word.
/// `said` tells whether the user used a word, whatever its ending.
pub fn implies(tool: &str, said: &mut dyn FnMut(&str) -> bool) -> bool {
    words(tool).filter(|word| word.len() > 2).any(|word| {
        said(&word)
            || FAMILIES
                .iter()
                .filter(|family| family.iter().any(|member| stem(member) == stem(&word)))
                .any(|family| family.iter().any(|member| said(member)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implied(tool: &str, goal: &str) -> bool {
        let goal: Vec<String> = words(goal).map(|word| stem(&word).to_owned()).collect();
        implies(tool, &mut |word| goal.iter().any(|said| said == stem(word)))
    }

    #[test]
    fn the_goal_implies_tools_of_its_kind_only() {
        assert!(implied("transfer_funds", "please pay my rent"));
        assert!(implied("sendEmail", "tell Ann that I am late"));
        assert!(implied("cancel_reservation", "I want my booking cancelled"));
        assert!(!implied("drain_wallet", "please pay my rent"));
        assert!(!implied("delete_account", "what did I spend in May?"));
    }
}
