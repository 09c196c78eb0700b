//! Score bands: the verdict that a score has when no rule says otherwise.

use action::{Severity, Verdict};

/// The scores from which the medium, high and critical band begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    pub medium: u8,
    pub high: u8,
    pub critical: u8,
}

impl Default for Bands {
    fn default() -> Self {
        Bands { medium: 40, high: 60, critical: 86 }
    }
}

impl Bands {
    pub fn band(self, score: u8) -> Severity {
        if score >= self.critical {
            Severity::Critical
        } else if score >= self.high {
            Severity::High
        } else if score >= self.medium {
            Severity::Medium
        } else {
            Severity::Low
        }
    }

    /// The bounds that are at least as strict as both.
    pub fn stricter(self, other: Bands) -> Bands {
        Bands {
            medium: self.medium.min(other.medium),
            high: self.high.min(other.high),
            critical: self.critical.min(other.critical),
        }
    }

    /// First and last score of a band.
    pub fn range(self, band: Severity) -> (u8, u8) {
        match band {
            Severity::Low => (0, self.medium.saturating_sub(1)),
            Severity::Medium => (self.medium, self.high.saturating_sub(1)),
            Severity::High => (self.high, self.critical.saturating_sub(1)),
            Severity::Critical => (self.critical, 100),
        }
    }
}

/// The verdict of a band.
pub fn verdict(band: Severity) -> Verdict {
    match band {
        Severity::Low => Verdict::Allow,
        Severity::Medium => Verdict::Sandbox,
        Severity::High => Verdict::Approve,
        Severity::Critical => Verdict::Block,
    }
}

/// The name under which a band decides and can be excepted.
pub fn name(band: Severity) -> &'static str {
    match band {
        Severity::Low => "band.low",
        Severity::Medium => "band.medium",
        Severity::High => "band.high",
        Severity::Critical => "band.critical",
    }
}

/// The name under which a floor decides and can be excepted.
pub fn floor_name(vector: action::Vector) -> &'static str {
    use action::Vector;
    match vector {
        Vector::PromptInjection => "floor.prompt_injection",
        Vector::SqlInjection => "floor.sql_injection",
        Vector::Xss => "floor.xss",
        Vector::ExfiltrationVelocity => "floor.exfiltration_velocity",
        Vector::Pii => "floor.pii",
        Vector::KnownExploit => "floor.known_exploit",
        Vector::ResourceExhaustion => "floor.resource_exhaustion",
        Vector::PrivilegeEscalation => "floor.privilege_escalation",
        Vector::SessionAnomaly => "floor.session_anomaly",
        Vector::RateLimit => "floor.rate_limit",
        Vector::PolicyViolation => "floor.policy_violation",
        Vector::BehaviourAnomaly => "floor.behaviour_anomaly",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_bands_are_those_of_the_product() {
        let bands = Bands::default();
        for (score, expected) in [
            (0, Verdict::Allow),
            (39, Verdict::Allow),
            (40, Verdict::Sandbox),
            (59, Verdict::Sandbox),
            (60, Verdict::Approve),
            (85, Verdict::Approve),
            (86, Verdict::Block),
            (100, Verdict::Block),
        ] {
            assert_eq!(verdict(bands.band(score)), expected, "{score}");
        }
    }

    #[test]
    fn every_floor_is_named_after_its_vector() {
        for vector in action::Vector::ALL {
            assert_eq!(floor_name(*vector), format!("floor.{vector}"));
        }
    }
}
