//! Sequences: steps that are each allowed and together are not.
use super::Scene;
use super::state::Limits;
use action::Detection;
pub fn find(_: &Scene<'_>, _: &Limits, _: &mut Vec<Detection>) {}
