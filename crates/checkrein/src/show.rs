//! Decisions for people: plain text, colour only on a terminal that wants it.

use std::fmt::Write as _;
use std::io::IsTerminal;

use action::{Action, ConstrainKind, Constraint, Decision, Detection, Dimension, Place, Severity, Verdict};

/// Whether to colour what goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    pub fn for_stdout() -> Self {
        Paint(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()))
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub fn verdict(self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Allow => "1;32",
            Verdict::Alert | Verdict::Constrain => "1;36",
            Verdict::Sandbox | Verdict::Approve => "1;33",
            Verdict::Block => "1;31",
        };
        self.wrap(code, &verdict.as_str().to_uppercase())
    }
}

/// The full explanation, for operators.
pub fn full(action: &Action, decision: &Decision, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_full(&mut out, action, decision, paint);
    out
}

fn write_full(out: &mut String, action: &Action, decision: &Decision, paint: Paint) -> std::fmt::Result {
    writeln!(out, "{}  {}", paint.verdict(decision.verdict), what(action))?;
    if decision.effective != decision.verdict {
        row(out, "mode", &format!("{}: carried out as {}", decision.mode, decision.effective), paint)?;
    }
    let ruling = &decision.ruling;
    row(out, "why", &format!("{} [{}]", ruling.reason, ruling.decided_by), paint)?;
    row(out, "score", &score(decision), paint)?;
    row(out, "parts", &parts(decision), paint)?;
    for (number, detection) in decision.detections.iter().enumerate() {
        row(out, if number == 0 { "found" } else { "" }, &found(detection), paint)?;
    }
    for (number, matched) in ruling.matched.iter().enumerate() {
        let may = if matched.possibly { ", for it may mean this" } else { "" };
        let text = format!("{} ({}) says {}{may}", matched.rule, matched.layer, matched.verdict);
        row(out, if number == 0 { "rules" } else { "" }, &text, paint)?;
    }
    for (number, shadow) in decision.shadows.iter().enumerate() {
        let failed = shadow.fault.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
        let text = format!(
            "{} ({}) would say {}{failed}; the answer would be {}",
            shadow.rule, shadow.layer, shadow.verdict, shadow.would
        );
        row(out, if number == 0 { "trial" } else { "" }, &text, paint)?;
    }
    if let Some(exception) = &ruling.exception {
        row(out, "except", exception, paint)?;
    }
    for fault in &ruling.faults {
        row(out, "fault", &format!("{}: {} counted as {}", fault.rule, fault.code, fault.counted_as), paint)?;
    }
    for (number, constraint) in decision.constraints.iter().enumerate() {
        row(out, if number == 0 { "change" } else { "" }, &change(constraint), paint)?;
    }
    for counter in &decision.counterfactuals {
        row(out, "else", &format!("{} with {}", counter.verdict, counter.condition), paint)?;
    }
    for alert in &decision.alerts {
        let level = alert.severity.as_str().to_uppercase();
        row(out, "alert", &format!("{level} to {}: {}", alert.team, alert.reason), paint)?;
    }
    for containment in &decision.containment {
        row(out, "contain", containment.as_str(), paint)?;
    }
    Ok(())
}

fn row(out: &mut String, label: &str, text: &str, paint: Paint) -> std::fmt::Result {
    writeln!(out, "  {}  {text}", paint.dim(&format!("{label:<7}")))
}

/// One line that says what would happen.
pub fn what(action: &Action) -> String {
    let mut text = format!("{} ({} {})", action.tool, action.kind, action.operation);
    let _ = write!(text, " on {}", action.resource.kind);
    if let Some(name) = &action.resource.name {
        let _ = write!(text, " {name}");
    }
    if let Some(amount) = &action.amount {
        let _ = write!(text, ", {} {}", amount.value, amount.currency);
    }
    if let Some(count) = action.count {
        let _ = write!(text, ", {count} records");
    }
    for destination in action.resource.destinations.iter().take(3) {
        let _ = write!(text, ", to {destination}");
    }
    let _ = write!(text, ", in {}, by {}", action.environment, action.agent.name);
    if let Some(principal) = &action.principal {
        let _ = write!(text, " for {}", principal.id);
    }
    text
}

fn score(decision: &Decision) -> String {
    let score = &decision.score;
    let level = match score.level() {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    format!("{} {level} = base {} + uplift {}", score.value, score.base, score.uplift)
}

fn parts(decision: &Decision) -> String {
    let parts = Dimension::ALL.iter().map(|d| format!("{d} {}", decision.score.part(*d)));
    parts.collect::<Vec<_>>().join("  ")
}

/// What a constrain verdict does, in words.
fn change(constraint: &Constraint) -> String {
    let field = constraint.field.as_deref().unwrap_or("the payload");
    let limit = constraint.limit.map(|limit| limit.to_string()).unwrap_or_default();
    let target = constraint.target.as_deref().unwrap_or("everything sensitive");
    match constraint.kind {
        ConstrainKind::Redact => match constraint.mode {
            Some(mode) => format!("replace {target} in {field}, as {mode}"),
            None => format!("replace {target} in {field}"),
        },
        ConstrainKind::Clamp if constraint.or_set => format!("lower {field} to {limit}, or set it"),
        ConstrainKind::Clamp => format!("lower {field} to {limit}"),
        ConstrainKind::Redirect => format!("redirect to {target}"),
        ConstrainKind::Throttle => format!("slow down to {limit} a minute"),
    }
}

fn found(detection: &Detection) -> String {
    let mut text = format!(
        "{}  {}  {}, {} % sure",
        detection.vector,
        detection.rule,
        detection.severity,
        detection.confidence.percent()
    );
    if let Some(evidence) = &detection.evidence {
        let place = match &evidence.place {
            Place::Payload { pointer } => format!("payload {pointer}"),
            Place::Key { pointer } => format!("key {pointer}"),
            Place::Context { index, channel } => format!("{channel} text {index}"),
            Place::Field { name } => name.to_string(),
        };
        let _ = write!(text, ", {place}, bytes {} to {}", evidence.start, evidence.end);
        if !evidence.via.is_empty() {
            let _ = write!(text, ", read as {}", evidence.via.join(" in "));
        }
    }
    text
}
