//! Reading rules from YAML. Every fault of every file is reported at once.

use action::{Channel, Confidence, SemanticType, SensitiveClass, Severity, Vector, digest};
use aho_corasick::dfa::DFA;

use super::{CHECKS, Cases, Check, Form, Gate, Near, Pattern, Reach, Rule, RuleBook, RuleSet, Source};
use crate::detect::{SHIPPED_RULES, VECTORS};
use crate::yaml::{self, Faults, Fields, Node};

/// When patterns are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compile {
    Now,
    WhenNeeded,
    /// Files that ship are proven by tests and wait until they are needed, which is most of the time
    /// to start; an operator's own are compiled at once, so that a broken one is refused at the door.
    UnlessShipped,
}

/// Reads rule files, given as `(name, text)`.
pub fn load(files: &[(&str, &str)], compile: Compile) -> Result<RuleBook, Faults> {
    let mut faults = Faults::default();
    let mut drafts: Vec<Draft> = Vec::new();
    for (file, text) in files {
        match yaml::parse(file, text) {
            Ok(node) => read_file(file, &node, compile.now(text), &mut drafts, &mut faults),
            Err(fault) => faults.0.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut sets = Vec::new();
    for vector in Vector::ALL {
        let (mine, others) = drafts.into_iter().partition(|draft| draft.rule.vector == *vector);
        drafts = others;
        sets.extend(compile_set(mine, &mut faults).map(|set| (*vector, set)));
    }
    let texts: Vec<&[u8]> = files.iter().map(|(_, text)| text.as_bytes()).collect();
    let hash = digest("checkrein.detector-rules.v1", &texts);
    if faults.is_empty() { Ok(RuleBook { sets, hash }) } else { Err(faults) }
}

fn compile_set(drafts: Vec<Draft>, faults: &mut Faults) -> Option<RuleSet> {
    let first = drafts.first()?;
    let (file, line, column) = (first.rule.file.clone(), first.rule.line, 1);
    match (gate(&drafts, Form::Normal), gate(&drafts, Form::Raw)) {
        (Ok(normal), Ok(raw)) => {
            Some(RuleSet { rules: drafts.into_iter().map(|draft| draft.rule).collect(), normal, raw })
        }
        (Err(error), _) | (_, Err(error)) => {
            let message = format!("the literals cannot be compiled: {error}");
            faults.0.push(yaml::Fault { file, line, column, code: "too_many_literals", message, hint: None });
            None
        }
    }
}

struct Draft {
    rule: Rule,
    literals: Vec<String>,
}

fn read_file(file: &str, node: &Node, compile: bool, drafts: &mut Vec<Draft>, faults: &mut Faults) {
    let Some(mut fields) = Fields::of(file, node, faults) else { return };
    if fields.need_text("kind", faults).is_some_and(|kind| kind != "detectors") {
        fields.fault(faults, "wrong_kind", "`kind` must be `detectors` here".into(), None);
    }
    for item in fields.list("rules", faults).unwrap_or_default() {
        if let Some(draft) = read_rule(file, item, compile, faults) {
            if drafts.iter().any(|other| other.rule.id == draft.rule.id) {
                let hint = Some("give each rule an id of its own".into());
                faults.add(
                    file,
                    item,
                    "duplicate_id",
                    format!("rule `{}` stands twice", draft.rule.id),
                    hint,
                );
            }
            drafts.push(draft);
        }
    }
    fields.finish(faults);
}

fn read_rule(file: &str, node: &Node, compile: bool, faults: &mut Faults) -> Option<Draft> {
    let before = faults.0.len();
    let mut fields = Fields::of(file, node, faults)?;
    let id = fields.need_text("id", faults).unwrap_or_default().to_owned();
    let vector = fields.choice("vector", Vector::ALL, Vector::as_str, faults);
    let class = fields.choice("class", SensitiveClass::ALL, SensitiveClass::as_str, faults);
    let severity = fields.choice("severity", Severity::ALL, Severity::as_str, faults);
    let confidence = fields.whole("confidence", faults).unwrap_or(60);
    let about = fields.need_text("about", faults).unwrap_or_default().to_owned();
    let on = fields.choices("on", SemanticType::ALL, SemanticType::as_str, faults).unwrap_or_default();
    let sources = read_sources(&mut fields, faults);
    let form = fields.choice("reading", &[Form::Normal, Form::Raw], Form::as_str, faults);
    let always = fields.flag("always", faults).unwrap_or(false);
    let literals: Vec<String> =
        fields.texts("literals", faults).unwrap_or_default().into_iter().map(str::to_lowercase).collect();
    let pattern = fields.need_text("pattern", faults).unwrap_or_default().to_owned();
    let not: Vec<String> =
        fields.texts("not", faults).unwrap_or_default().into_iter().map(str::to_owned).collect();
    let near = read_near(&mut fields, faults);
    let entropy = fields.whole("entropy", faults).and_then(|tenths| u32::try_from(tenths).ok());
    let check = read_check(&mut fields, faults);
    let cases = read_cases(&mut fields, faults);

    if vector.is_none() || severity.is_none() {
        fields.fault(faults, "missing_key", format!("rule `{id}` needs `vector` and `severity`"), None);
    }
    if let Some(named) = vector.filter(|named| !looks_at_text(*named)) {
        let hint = "prompt_injection, sql_injection, xss, pii and known_exploit do";
        let message = format!("`{named}` looks at no text, so a rule of it would never run");
        fields.fault(faults, "no_text", message, Some(hint.into()));
    }
    if !(0..=100).contains(&confidence) {
        fields.fault(faults, "out_of_range", "`confidence` is a whole number from 0 to 100".into(), None);
    }
    if literals.is_empty() != always || literals.iter().any(|literal| literal.len() < 2) {
        let hint = "list texts of 2 or more bytes, or write `always: true` for a pattern with none";
        let message = format!("rule `{id}` needs `literals` that gate its pattern");
        fields.fault(faults, "no_gate", message, Some(hint.into()));
    }
    if cases.hit.is_empty() || cases.miss.is_empty() {
        let message = format!("rule `{id}` needs at least one case that hits and one near miss");
        fields.fault(faults, "no_cases", message, None);
    }
    for text in std::iter::once(&pattern).chain(&not) {
        if compile && let Err(error) = Pattern::compile(text) {
            fields.fault(faults, "bad_pattern", format!("rule `{id}`: {error}"), None);
        }
    }
    let line = node.line;
    fields.finish(faults);
    if faults.0.len() > before {
        return None;
    }
    let rule = Rule {
        id,
        vector: vector?,
        class,
        severity: severity?,
        confidence: Confidence::new(u8::try_from(confidence).unwrap_or(0)),
        about,
        on,
        sources,
        form: form.unwrap_or(Form::Normal),
        pattern: Pattern::new(pattern),
        not: not.into_iter().map(Pattern::new).collect(),
        near,
        entropy,
        check,
        cases,
        file: file.to_owned(),
        line,
    };
    Some(Draft { rule, literals })
}

fn looks_at_text(vector: Vector) -> bool {
    VECTORS.iter().any(|row| row.vector == vector && row.text.is_some())
}

impl Compile {
    /// Whether the patterns of this file are compiled while it is read.
    fn now(self, text: &str) -> bool {
        match self {
            Compile::Now => true,
            Compile::WhenNeeded => false,
            Compile::UnlessShipped => !SHIPPED_RULES.contains(&text),
        }
    }
}

impl Form {
    const fn as_str(self) -> &'static str {
        match self {
            Form::Normal => "normal",
            Form::Raw => "raw",
        }
    }
}

impl Source {
    const ALL: &'static [Source] = &[
        Source::Channel(Channel::User),
        Source::Channel(Channel::ToolOutput),
        Source::Channel(Channel::Memory),
        Source::Channel(Channel::Retrieved),
        Source::Channel(Channel::Model),
        Source::Argument,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Source::Channel(channel) => channel.as_str(),
            Source::Argument => "argument",
        }
    }
}

fn read_sources(fields: &mut Fields<'_>, faults: &mut Faults) -> Vec<Source> {
    fields.choices("channels", Source::ALL, Source::as_str, faults).unwrap_or_default()
}

fn read_near(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Near> {
    let mut near = fields.fields("near", faults)?;
    let words = near.texts("words", faults).unwrap_or_default().into_iter().map(str::to_lowercase).collect();
    let within = near.whole("within", faults).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(50);
    near.finish(faults);
    Some(Near { words, within })
}

fn read_check(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Check> {
    let chosen = fields.choice("check", CHECKS, |check| check.0, faults)?;
    Some(chosen.1)
}

fn read_cases(fields: &mut Fields<'_>, faults: &mut Faults) -> Cases {
    let Some(mut cases) = fields.fields("cases", faults) else { return Cases::default() };
    let mut texts = |key| {
        let texts = cases.texts(key, faults).unwrap_or_default();
        texts.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let read = Cases { hit: texts("hit"), miss: texts("miss") };
    cases.finish(faults);
    read
}

/// One search for the literals of all rules of one form.
fn gate(drafts: &[Draft], form: Form) -> Result<Gate, aho_corasick::BuildError> {
    let mut literals: Vec<&str> = Vec::new();
    let mut opens: Vec<Vec<usize>> = Vec::new();
    let mut always = Vec::new();
    for (number, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.rule.form == form) {
        if draft.literals.is_empty() {
            always.push(number);
        }
        for literal in &draft.literals {
            match literals.iter().position(|known| known == literal) {
                Some(at) => opens.get_mut(at).into_iter().for_each(|rules| rules.push(number)),
                None => {
                    literals.push(literal);
                    opens.push(vec![number]);
                }
            }
        }
    }
    let literals = match literals.is_empty() {
        true => None,
        false => Some(DFA::builder().ascii_case_insensitive(true).build(&literals)?),
    };
    let rules = || drafts.iter().map(|draft| &draft.rule).filter(|rule| rule.form == form);
    let mut reach = Reach::default();
    for semantic in SemanticType::ALL {
        let sources =
            Source::ALL.iter().filter(|source| rules().any(|rule| rule.is_for(*semantic, **source)));
        sources.for_each(|source| reach.add(*semantic, *source));
    }
    Ok(Gate { literals, opens, always, reach })
}
