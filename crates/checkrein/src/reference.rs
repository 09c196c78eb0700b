//! The reference page, `docs/reference.md`: the engine's own tables, written out.
//!
//! Nothing here is said twice. A row that is added to a table appears on the page, and a test
//! fails until the page in the repository says the same.

use std::fmt::Write as _;

use action::{Environment, Mode, Operation, SensitiveClass, Severity, Vector, Verdict};
use engine::Rules;
use engine::detect::state::Limits;
use engine::detect::{Reads, Rule, VECTORS, VectorSpec, exploits, pii, secrets, sequence, sql, unicode, xss};
use engine::policy::{Bands, CONDITIONS};
use engine::score::{FACTORS, UPLIFT};

const HEAD: &str = "\
# Reference

Every table the engine works from, printed by `checkrein rules reference`. Do not edit this page: change the table
in the code and print it anew. The other pages explain: [policy](policy.md), [decisions](decisions.md),
[detection](detection.md), [redaction](redaction.md).
";

/// The whole page. `rules` is the set whose detection rules are listed.
pub fn page(rules: &Rules) -> String {
    let mut page = HEAD.to_owned();
    lists(&mut page);
    conditions(&mut page);
    vectors(&mut page);
    factors(&mut page);
    uplift(&mut page);
    bands(&mut page);
    limits(&mut page);
    detection_rules(&mut page, rules);
    page
}

/// A heading, a sentence and a table.
pub fn table(page: &mut String, title: &str, about: &str, columns: &[&str], rows: &[Vec<String>]) {
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n{title}\n\n{about}\n\n| {} |\n|{}\n",
        columns.join(" | "),
        "---|".repeat(columns.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

pub fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}

/// The closed lists that people write in actions and rules.
fn lists(page: &mut String) {
    let names = |all: Vec<&str>| all.iter().map(code).collect::<Vec<_>>().join(", ");
    let row = |what: &str, all: Vec<&str>| vec![what.to_owned(), names(all)];
    let rows = [
        row("kind of action", action::ActionKind::ALL.iter().map(|it| it.as_str()).collect()),
        row("operation", Operation::ALL.iter().map(|it| it.as_str()).collect()),
        row("environment", Environment::ALL.iter().map(|it| it.as_str()).collect()),
        row("verdict, mildest first", Verdict::ALL.iter().map(|it| it.as_str()).collect()),
        row("mode", Mode::ALL.iter().map(|it| it.as_str()).collect()),
        row("layer", action::Layer::ALL.iter().map(|it| it.as_str()).collect()),
        row("channel of a text", action::Channel::ALL.iter().map(|it| it.as_str()).collect()),
        row("meaning of a string", action::SemanticType::ALL.iter().map(|it| it.as_str()).collect()),
        row("sensitive class", SensitiveClass::ALL.iter().map(|it| it.as_str()).collect()),
        row("sensitivity", action::Sensitivity::ALL.iter().map(|it| it.as_str()).collect()),
        row("severity", Severity::ALL.iter().map(|it| it.as_str()).collect()),
        row("constraint", action::ConstrainKind::ALL.iter().map(|it| it.as_str()).collect()),
        row("way of redaction", action::RedactionMode::ALL.iter().map(|it| it.as_str()).collect()),
        row("containment", action::Containment::ALL.iter().map(|it| it.as_str()).collect()),
        row("explain level", action::ExplainLevel::ALL.iter().map(|it| it.as_str()).collect()),
    ];
    let about = "The words that actions, facts, rules and decisions are written in.";
    table(page, "## Words", about, &["what", "values"], &rows);
}

fn conditions(page: &mut String) {
    let row = |row: &engine::policy::Row| {
        vec![
            code(row.key),
            row.dimension.into(),
            row.about.into(),
            code(format!("{}: {}", row.key, row.example)),
        ]
    };
    let rows: Vec<_> = CONDITIONS.iter().map(row).collect();
    let about = "What can stand under `when` of a rule. Conditions side by side must all hold; `all`, `any` and `not` combine them.";
    table(page, "## Conditions", about, &["key", "dimension", "meaning", "example"], &rows);
}

fn vectors(page: &mut String) {
    let rows: Vec<_> =
        VECTORS.iter().map(|row| vec![code(row.vector), row.about.into(), reads(row).into()]).collect();
    let about = "Each vector is independent: a fault in one is reported as `unavailable` by that one, and the others go on.";
    table(page, "## Threat vectors", about, &["vector", "looks for", "looks at"], &rows);
}

fn reads(row: &VectorSpec) -> &'static str {
    match (row.text.as_ref().map(|text| text.reads), row.scene.is_some()) {
        (Some(Reads::Everything), true) => "every text, and the action with its facts",
        (Some(Reads::Everything), false) => "every text",
        (Some(Reads::Action), true) => "texts of the action itself, and the action with its facts",
        (Some(Reads::Action), false) => "texts of the action itself",
        (None, true) => "the action with its facts",
        (None, false) => "nothing",
    }
}

fn factors(page: &mut String) {
    let weight = |tenths: u8| format!("{}.{}", tenths / 10, tenths % 10);
    let rows: Vec<_> =
        FACTORS.iter().map(|row| vec![code(row.dimension), weight(row.weight), row.about.into()]).collect();
    let about = "The parts of the score, in the order in which `score.parts` lists them.";
    table(page, "## Dimensions of the score", about, &["dimension", "weight", "what raises it"], &rows);
}

fn uplift(page: &mut String) {
    let row = |row: &engine::score::Uplift| {
        std::iter::once(code(row.vector)).chain(row.points.iter().map(u8::to_string)).collect()
    };
    let rows: Vec<Vec<String>> = UPLIFT.iter().map(row).collect();
    let about = "Points that a vector adds to the score, by its surest hit; the sum is cut at 15.";
    let columns = ["vector", "below 60", "60 to 79", "80 to 94", "95 and above"];
    table(page, "## Uplift", about, &columns, &rows);
}

fn bands(page: &mut String) {
    let verdicts = [
        (Severity::Low, Verdict::Allow),
        (Severity::Medium, Verdict::Sandbox),
        (Severity::High, Verdict::Approve),
        (Severity::Critical, Verdict::Block),
    ];
    let row = |(band, verdict): &(Severity, Verdict)| {
        let (low, high) = Bands::default().range(*band);
        vec![code(format!("band.{band}")), format!("{low} to {high}"), code(verdict)]
    };
    let about = "What a score means when no rule is stricter, unless a document sets other bounds.";
    table(
        page,
        "## Score bands",
        about,
        &["band", "score", "verdict"],
        &verdicts.iter().map(row).collect::<Vec<_>>(),
    );
}

fn limits(page: &mut String) {
    let row = |(name, default, about): &(&str, u64, &str)| {
        vec![code(name), default.to_string(), about.trim_end_matches('.').to_owned()]
    };
    let rows: Vec<_> = Limits::TABLE.iter().map(row).collect();
    let about = "What the detectors of state compare with. A `kind: settings` document changes them, for all or for one agent.";
    table(page, "## Limits", about, &["limit", "default", "what it bounds"], &rows);
}

/// A rule of a table in code: id, severity, confidence where the table fixes one, a sentence.
type Listed = (String, String, String, String);

fn detection_rules(page: &mut String, rules: &Rules) {
    page.push_str(
        "\n## Detection rules\n\nThe `rule` of a detection. Rules whose confidence is \"by context\" say how sure they are from what stands around.\n",
    );
    for row in &VECTORS {
        let mut listed = in_code(row.vector);
        listed.extend(rules.detectors.book.rules().filter(|rule| rule.vector == row.vector).map(|rule| {
            let sure = rule.confidence.percent().to_string();
            (rule.id.clone(), rule.severity.to_string(), sure, rule.about.clone())
        }));
        if listed.is_empty() {
            continue;
        }
        let rows: Vec<_> = listed
            .into_iter()
            .map(|(id, severity, sure, about)| vec![code(id), severity, sure, about])
            .collect();
        let about = format!("{} rules with a table of their own.", rows.len());
        let title = format!("### {}", row.vector);
        table(page, &title, &about, &["rule", "severity", "confidence", "what it says"], &rows);
    }
}

/// The rules of one vector that are code.
fn in_code(vector: Vector) -> Vec<Listed> {
    let listed = |id: &str, severity: Severity, sure: Option<action::Confidence>, about: &str| {
        let sure = sure.map_or_else(|| "by context".to_owned(), |sure| sure.percent().to_string());
        (id.to_owned(), severity.to_string(), sure, about.to_owned())
    };
    let by_rule = |rule: &Rule| listed(rule.id, rule.severity, Some(rule.confidence), rule.about);
    match vector {
        Vector::SqlInjection => sql::RULES.iter().map(|rule| by_rule(rule)).collect(),
        Vector::Xss => xss::RULES.iter().map(|rule| by_rule(rule)).collect(),
        Vector::KnownExploit => {
            let families = exploits::rules().map(|(_, rule)| by_rule(rule));
            let hidden = unicode::RULES
                .iter()
                .map(|rule| listed(rule.id, rule.severity, Some(rule.confidence), rule.about));
            families.chain(hidden).collect()
        }
        Vector::Pii => {
            let personal = pii::RULES.iter().map(|rule| listed(rule.id, rule.severity, None, rule.sentence));
            let secret = secrets::rules()
                .into_iter()
                .map(|(id, class, severity)| listed(id, severity, None, &secret_about(id, class)));
            personal.chain(secret).collect()
        }
        Vector::ExfiltrationVelocity => sequence::PATTERNS
            .iter()
            .map(|pattern| listed(pattern.rule, pattern.severity, Some(pattern.confidence), pattern.about))
            .collect(),
        // These report facts, whose rules are named in `docs/detection.md`, or have rules as data only.
        Vector::PromptInjection
        | Vector::ResourceExhaustion
        | Vector::PrivilegeEscalation
        | Vector::SessionAnomaly
        | Vector::RateLimit
        | Vector::PolicyViolation
        | Vector::BehaviourAnomaly => Vec::new(),
    }
}

/// Rules for secrets are named after the issuer or the form, which says enough.
fn secret_about(id: &str, class: SensitiveClass) -> String {
    let name = id.split_once('.').map_or(id, |(_, name)| name).replace('_', " ");
    let kind = match class {
        SensitiveClass::Jwt => "signed token",
        SensitiveClass::Credential => "credential",
        _ => "key or token",
    };
    format!("{kind}: {name}")
}
