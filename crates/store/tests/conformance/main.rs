//! What every backend of the store must do, as functions over the public types, run for each [`Place`] that
//! there is. A further backend adds a place and one line to `for_each_place!`.
//!
//! `sqlite.rs`, `content.rs`, `kill.rs` and `real_ledger.rs` are about the files of the embedded backend alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod content;
mod fold;
mod gates;
mod kill;
mod operators;
mod place;
mod queries;
mod real_ledger;
mod records;
mod registry;
mod remembered;
mod retention;
mod rules;
mod sqlite;

use place::{Place, Sqlite};

/// Runs each function of the suite against each place.
macro_rules! for_each_place {
    ($($module:ident: $($check:ident)+;)+) => {
        mod sqlite_does {
            $(mod $module { $(
                #[test]
                fn $check() {
                    crate::$module::$check(&<crate::Sqlite as crate::Place>::new());
                }
            )+ })+
        }
    };
}

for_each_place! {
    registry:
        agents_are_added_once_and_changed_by_whoever_saw_the_newest
        an_identity_belongs_to_one_agent
        a_status_moves_as_the_product_says
        keys_belong_to_agents_and_are_revoked_once
        lists_go_by_key_without_gaps
        what_is_known_of_an_agent_is_kept
        what_is_kept_is_there_after_a_restart;
    operators:
        the_last_administrator_stays
        tokens_and_keys_do_not_mix
        two_who_disable_each_other_cannot_both_succeed;
    rules:
        a_version_goes_from_draft_to_active
        four_eyes_means_two_people
        a_rollout_leaves_the_old_version_and_ends_it
        a_rollout_says_when_it_returns
        rolling_back_is_a_new_version
        impossible_moves_are_refused;
    gates:
        settings_come_from_the_narrowest_scope
        denies_survive_and_count
        freezes_and_approval_policies_are_replaced_by_scope
        a_policy_that_nobody_can_meet_is_refused
        the_narrowest_approval_policy_holds_whole
        freezes_that_have_had_their_time_are_given_back_once
        a_queue_is_handed_to_another_approver_for_a_time
        secrets_are_noted_and_never_kept;
    remembered:
        a_claim_is_answered_once
        a_nonce_is_spent_once
        a_nonce_that_was_forgotten_is_not_new_after_the_clock_came_back
        facts_never_go_back
        a_sweep_takes_what_has_had_its_time
        the_version_moves_with_what_is_published
        of_many_writers_one_wins;
    fold:
        following_again_gives_the_same_rows
        batches_and_restarts_leave_no_trace
        another_ledger_empties_the_index
        a_broken_chain_is_not_folded
        a_follower_sees_new_records_and_stops;
    queries:
        decisions_are_found_by_each_part_of_a_filter
        pages_meet_without_overlap
        a_decision_comes_with_its_history
        what_contradicts_a_decision_is_a_finding
        holds_move_as_they_were_recorded
        events_are_found_by_what_they_have
        hours_count_what_was_decided
        a_range_of_time_is_right_even_when_the_clock_went_back;
    retention:
        what_is_too_old_goes_and_does_not_come_back
        retention_and_following_commute;
}
