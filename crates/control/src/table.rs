//! Every route of the operators' API.

use action::AccessRole::{self, Admin, Analyst, Approver, Auditor, Operator, PolicyAuthor};

use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::openapi::{Shape, shape};
use crate::routes::{
    agents, approval_policies, approvals, decisions, delegations, dry_run, evidence, freezes, money,
    operators, outward, pins, rules, shadows, stops,
};

/// One route.
pub struct Route {
    pub verb: Verb,
    pub path: &'static str,
    /// The access roles that may call it; none for every operator.
    pub who: &'static [AccessRole],
    /// What its record is called. A route without one changes nothing and reads nothing that is
    /// evidence or content.
    pub act: Option<&'static str>,
    /// The part of the path that the act is done to.
    pub on: Option<&'static str>,
    pub about: &'static str,
    pub takes: Option<Shape>,
    pub(crate) run: fn(&Office, &Call) -> Result<Reply, Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Put => "put",
            Verb::Delete => "delete",
        }
    }
}

macro_rules! routes {
    ($($verb:ident $path:literal $who:tt $act:tt $about:literal $takes:tt $run:path;)+) => {
        /// The table, in the order of the paths.
        pub const ROUTES: &[Route] = &[$(Route {
            verb: Verb::$verb,
            path: $path,
            who: &$who,
            act: routes!(@act $act),
            on: routes!(@on $act),
            about: $about,
            takes: routes!(@takes $takes),
            run: $run,
        },)+];
    };
    (@act -) => { None };
    (@act ($act:literal)) => { Some($act) };
    (@act ($act:literal $on:literal)) => { Some($act) };
    (@on -) => { None };
    (@on ($act:literal)) => { None };
    (@on ($act:literal $on:literal)) => { Some($on) };
    (@takes -) => { None };
    (@takes ($takes:ty)) => { Some(shape::<$takes>) };
}

routes! {
    Get "/api/v1/me" [] - "Who I am, and what I may" - operators::me;

    Get "/api/v1/decisions" [] - "Decisions, newest first" - decisions::list;
    Get "/api/v1/decisions/{id}" [] - "One decision with its whole history" - decisions::one;
    Get "/api/v1/decisions/{id}/content" [Analyst] ("content.read" "id") "What was captured of a decision" - decisions::content;
    Get "/api/v1/decisions/{id}/proof" [] - "Proof that a decision is on the ledger" - decisions::proof;

    Get "/api/v1/approvals" [] - "Actions that wait for a person" - approvals::list;
    Get "/api/v1/approvals/{id}" [] - "One held action" - approvals::one;
    Post "/api/v1/approvals/{id}/approve" [Approver] ("approval.approve" "id") "Approve a held action" (approvals::Say) approvals::approve;
    Post "/api/v1/approvals/{id}/deny" [Approver] ("approval.deny" "id") "Deny a held action" (approvals::Say) approvals::deny;
    Post "/api/v1/approvals/{id}/cancel" [Approver, Operator] ("approval.cancel" "id") "Cancel a held action" (approvals::Say) approvals::cancel;

    Get "/api/v1/approval-policies" [] - "Who lets held actions go, by scope" - approval_policies::list;
    Put "/api/v1/approval-policies/{scope}/{environment}" [PolicyAuthor] ("approval_policy.put" "scope") "Say who lets held actions of a scope go" (approval_policies::NewPolicy) approval_policies::put;
    Delete "/api/v1/approval-policies/{scope}/{environment}" [PolicyAuthor] ("approval_policy.drop" "scope") "Go back to the policy of the wider scope" - approval_policies::drop;
    Get "/api/v1/delegations" [] - "Approvers who let others decide in their place" - delegations::list;
    Put "/api/v1/delegations/{delegate}" [Approver] ("delegation.create" "delegate") "Let another approver decide in one's own place" (delegations::NewDelegation) delegations::create;
    Delete "/api/v1/delegations/{delegate}" [Approver] ("delegation.end" "delegate") "Take one's own queue back" - delegations::end;

    Get "/api/v1/agents" [] - "Registered agents" - agents::list;
    Get "/api/v1/agents/{name}" [] - "One agent" - agents::one;
    Put "/api/v1/agents/{name}" [Admin, Operator] ("agent.put" "name") "Register an agent, or change it" (agents::Profile) agents::put;
    Post "/api/v1/agents/{name}/status" [Admin, Operator, Analyst] ("agent.status" "name") "Freeze, suspend, resume or retire an agent" (agents::Status) agents::status;
    Get "/api/v1/agents/{name}/keys" [] - "Keys of an agent, without their secrets" - agents::keys;
    Post "/api/v1/agents/{name}/keys" [Admin, Operator] ("key.create" "name") "Make a key; its text is shown once" (agents::NewKey) agents::make_key;
    Delete "/api/v1/agents/{name}/keys/{prefix}" [Admin, Operator] ("key.revoke" "prefix") "Revoke a key" - agents::revoke_key;

    Get "/api/v1/rules" [] - "Rule sets" - rules::list;
    Get "/api/v1/rules/{set}" [] - "One rule set with its versions" - rules::one;
    Put "/api/v1/rules/{set}" [PolicyAuthor] ("rules.create" "set") "Make a rule set" (rules::NewSet) rules::create;
    Get "/api/v1/rules/{set}/versions/{number}" [] - "One version with its text" - rules::version;
    Post "/api/v1/rules/{set}/versions" [PolicyAuthor] ("rules.draft" "set") "Write a new version" (rules::NewVersion) rules::draft;
    Post "/api/v1/rules/{set}/versions/{number}/approval" [PolicyAuthor] ("rules.approve" "set") "Approve another author's version" - rules::approve;
    Post "/api/v1/rules/{set}/versions/{number}/state" [PolicyAuthor] ("rules.move" "set") "Move a version: shadow, active with a share, retired" (rules::Move) rules::move_to;
    Post "/api/v1/rules/{set}/versions/{number}/dry-run" [PolicyAuthor] ("rules.dry_run" "set") "What a version would have answered to recorded actions" (dry_run::DryRun) dry_run::run;
    Post "/api/v1/rules/{set}/rollback" [PolicyAuthor, Operator] ("rules.rollback" "set") "Go back to the version before" (rules::Back) rules::roll_back;

    Get "/api/v1/settings" [] - "Settings of every scope" - stops::settings;
    Put "/api/v1/settings" [Admin] ("settings.put") "Change the settings of a scope" (stops::NewSettings) stops::put_settings;
    Get "/api/v1/freezes" [] - "Scopes that stand still" - freezes::list;
    Put "/api/v1/freezes/{scope}/{environment}" [Analyst, Operator] ("freeze.create" "scope") "Have everything in a scope stand still" (freezes::NewFreeze) freezes::create;
    Delete "/api/v1/freezes/{scope}/{environment}" [Analyst, Operator] ("freeze.lift" "scope") "Lift a freeze" - freezes::lift;
    Get "/api/v1/denies" [] - "Stored refusals" - stops::denies;
    Post "/api/v1/denies" [Analyst, Operator] ("deny.create") "Refuse a user, trace, session, agent or key from now on" (stops::NewDeny) stops::deny;
    Delete "/api/v1/denies/{kind}/{key}" [Analyst, Operator] ("deny.lift" "key") "Lift a stored refusal" - stops::lift_deny;

    Get "/api/v1/mcp/pins" [] - "Tools of MCP servers: the definitions that count, and those that wait" - pins::list;
    Post "/api/v1/mcp/pins/{server}/{tool}" [Admin, Operator] ("mcp.accept" "tool") "Let a changed or new definition count" (pins::Accept) pins::accept;
    Delete "/api/v1/mcp/pins/{server}/{tool}" [Admin, Operator] ("mcp.forget" "tool") "Forget a tool, so that it is seen for the first time again" - pins::forget;

    Get "/api/v1/operators" [Admin, Auditor] - "Operators and their roles" - operators::list;
    Put "/api/v1/operators/{name}" [Admin] ("operator.put" "name") "Add an operator, or change roles" (operators::Profile) operators::put;
    Post "/api/v1/operators/{name}/tokens" [Admin] ("token.create" "name") "Make a token; its text is shown once" (operators::NewToken) operators::make_token;
    Delete "/api/v1/operators/{name}/tokens/{prefix}" [Admin] ("token.revoke" "prefix") "Revoke a token" - operators::revoke_token;

    Get "/api/v1/providers" [] - "Providers of models: where, what they speak, whether they have a key" - money::providers;
    Put "/api/v1/providers/{name}/key" [Admin] ("provider_key.put" "name") "Put a provider's key; it is never shown again" (money::NewKey) money::put_key;
    Delete "/api/v1/providers/{name}/key" [Admin] ("provider_key.drop" "name") "Go back to the key of the settings" - money::drop_key;
    Get "/api/v1/spend" [] - "What was spent on models, by month and by whom" - money::spend;
    Get "/api/v1/budgets" [] - "Budgets and how far they are used up" - money::budgets;
    Get "/api/v1/shadows" [] - "Second models that calls are made at once more: sums of both answers" - shadows::list;
    Get "/api/v1/shadows/comparisons" [] - "The newest calls that were made twice, with the figures of both answers" - shadows::comparisons;

    Get "/api/v1/findings" [] - "What is worth attention" - evidence::findings;
    Get "/api/v1/acts" [Auditor, Admin] ("acts.read") "What operators did" - evidence::acts;
    Get "/api/v1/ledger" [] - "State of the ledger" - evidence::ledger;
    Get "/api/v1/ledger/checkpoint" [] - "The newest signed checkpoint" - evidence::checkpoint;
    Get "/api/v1/ledger/witnesses" [] - "Witnesses: what each cosigned, and since when it did not" - outward::witnesses;
    Get "/api/v1/ledger/records" [Auditor] ("ledger.read") "Records as they stand, line by line" - evidence::records;
    Get "/api/v1/webhooks" [] - "Webhooks: last delivery, failures, lag" - outward::webhooks;
    Post "/api/v1/webhooks/{name}/test" [Admin, Operator] ("webhook.test" "name") "Send a webhook one event without importance" - outward::test_webhook;
    Post "/api/v1/erasures" [Admin] ("erasure.create") "Destroy what is kept of a person" (evidence::NewErasure) evidence::erase;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_changes_something_has_a_record_and_somebody_who_may() {
        for route in ROUTES {
            let changes = route.verb != Verb::Get;
            assert!(
                !changes || route.act.is_some(),
                "{} {} leaves no record",
                route.verb.as_str(),
                route.path
            );
            assert!(
                !changes || !route.who.is_empty(),
                "{} {} is for everybody",
                route.verb.as_str(),
                route.path
            );
        }
    }

    #[test]
    fn content_is_only_for_those_who_may_read_it_and_reading_it_is_recorded() {
        let content = ROUTES.iter().find(|route| route.path.ends_with("/content")).unwrap();
        assert_eq!(content.who, [Analyst]);
        assert!(content.act.is_some());
    }

    #[test]
    fn admin_neither_approves_nor_reads_content_by_itself() {
        for route in
            ROUTES.iter().filter(|route| route.path.contains("approv") || route.path.ends_with("/content"))
        {
            assert!(
                route.verb == Verb::Get && route.act.is_none() || !route.who.contains(&Admin),
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn paths_are_unique_and_what_an_act_is_done_to_is_a_part_of_its_path() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.path, route.verb)), "{} stands twice", route.path);
            if let Some(on) = route.on {
                assert!(route.path.contains(&format!("{{{on}}}")), "{} has no part `{on}`", route.path);
            }
        }
    }
}
