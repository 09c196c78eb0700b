//! When and where it happens, and how usual it is: three dimensions that read facts about the
//! surroundings.

use action::Environment;

use super::Reasons;
use crate::detect::Scene;
use crate::facts::baseline::hour_and_weekday;
use crate::facts::{Network, deviation};

/// Without a usable baseline no hour is unusual, and none is usual either.
const UNKNOWN_HOURS: i16 = 30;

/// The hour against the agent's own hours. An hour is usual from half of an even share upwards.
pub fn temporal(scene: &Scene<'_>, reasons: &mut Reasons) {
    let learned = scene.facts.baseline.as_ref().map(|baseline| baseline.learned());
    let Some(it) = learned.filter(|it| scene.deviation.is_some() && it.hours.iter().any(|count| *count > 0))
    else {
        return reasons.add("temporal.no_baseline", UNKNOWN_HOURS);
    };
    let total: u64 = it.hours.iter().map(|count| u64::from(*count)).sum();
    let usual = |hour: usize| {
        let count = it.hours.get(hour % 24).copied().unwrap_or(0);
        u64::from(count).saturating_mul(48) >= total
    };
    let (hour, weekday) = hour_and_weekday(scene.when);
    let near = |reach: usize| (1..=reach).any(|step| usual(hour + step) || usual(hour + 24 - step));
    if usual(hour) {
        reasons.add("temporal.usual_hour", 5);
    } else if near(2) {
        reasons.add("temporal.near_usual_hours", 50);
    } else {
        reasons.add("temporal.unusual_hour", 80);
        if scene.action.operation.has_effect() {
            reasons.add("temporal.effect_at_unusual_hour", 10);
        }
    }
    let days: u64 = it.weekdays.iter().map(|count| u64::from(*count)).sum();
    let day = it.weekdays.get(weekday).copied().unwrap_or(0);
    if days > 0 && u64::from(day).saturating_mul(56) < days {
        reasons.add("temporal.unusual_weekday", 20);
    }
}

pub fn environment(scene: &Scene<'_>, reasons: &mut Reasons) {
    let effect = scene.action.operation.has_effect();
    match scene.action.environment {
        Environment::Development => {}
        Environment::Staging => {
            reasons.add("environment.staging", 15);
        }
        Environment::Production => {
            reasons.add("environment.production", 40);
            reasons.add("environment.production_effect", if effect { 20 } else { 0 });
        }
    }
    if scene.external {
        reasons.add("environment.leaves_the_estate", 20);
    }
    match scene.facts.place.network {
        Network::Trusted | Network::Unknown => {}
        Network::Internet => reasons.add("environment.internet", 20),
    }
    let place = &scene.facts.place;
    let unfamiliar = match &place.region {
        Some(region) => !place.approved_regions.is_empty() && !place.approved_regions.contains(region),
        None => false,
    };
    if unfamiliar {
        reasons.add("environment.unfamiliar_region", 20);
    }
}

pub fn behaviour(scene: &Scene<'_>, reasons: &mut Reasons) {
    let Some(found) = &scene.deviation else {
        return reasons.add("behaviour.no_baseline", i16::from(deviation::UNKNOWN));
    };
    // The grade is what counts; the single findings are cut and weighed in it, so the last line
    // brings their sum to the grade.
    let mut sum = 0;
    for (id, points) in &found.reasons {
        reasons.add(id, i16::from(*points));
        sum += i16::from(*points);
    }
    reasons.add("behaviour.weighed", i16::from(found.grade) - sum);
}
