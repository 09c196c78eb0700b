//! The outer guard: a stage that panics is an outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a stage made, whole, or nothing.
///
/// Unwinding is safe here for one reason: a stage borrows its inputs (action, facts, rules, what
/// earlier stages made) and none of them changes behind a shared reference, but for values that
/// are computed once and then never again; one whose computation failed stays uncomputed. What
/// the failed stage was making is dropped with it. A stage that is handed something to change
/// must not be run here.
pub fn whole<T>(stage: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(stage)).ok()
}
