//! `checkrein decide`: one action, judged.

use std::io::Write;

use action::{Action, Decision, ExplainLevel, Json, Timestamp};
use anyhow::{Context, Result, anyhow};
use engine::Rules;
use engine::detect::Walk;
use engine::explain::explain;
use engine::facts::Facts;
use serde::Deserialize;

use crate::cli::{Decide, Explain};
use crate::exit::Exit;
use crate::judge::{self, Judges};
use crate::show::{self, Paint};
use crate::{input, packs};

/// What the command reads: an action with what is known, or an action alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// For people.
    #[serde(default)]
    pub note: Option<String>,
    pub action: Action,
    #[serde(default)]
    pub facts: Facts,
}

impl Question {
    pub fn read(bytes: &[u8]) -> Result<Self, action::JsonError> {
        let json = Json::parse(bytes)?;
        // An action has no field `action`, so the two forms cannot be mistaken for each other,
        // and an error speaks of the form that was meant.
        match json.get("action") {
            Some(_) => Json::parse_as(bytes),
            None => {
                let action = Json::parse_as(bytes)?;
                Ok(Question { note: None, action, facts: Facts::default() })
            }
        }
    }

    pub fn decide(&self, rules: &Rules, now: Option<Timestamp>) -> Decision {
        engine::decide(&self.action, &self.facts, rules, now.unwrap_or(self.action.time))
    }
}

pub fn run(args: &Decide) -> Result<Exit> {
    let rules = packs::load(args.rules.preset, &args.rules.paths)?;
    let now = args
        .now
        .as_deref()
        .map(|text| {
            Timestamp::parse(text)
                .ok_or_else(|| anyhow!("`--now` is no RFC 3339 time, like 2026-03-02T14:05:00Z"))
        })
        .transpose()?;
    let name = args.file.display();
    let mut question = Question::read(&input::bytes(&args.file)?)
        .map_err(|error| anyhow!("{error} [{}]", error.code()))
        .with_context(|| format!("`{name}` is no action"))?;
    let judges = Judges::start(&args.judges.judges);
    let walk = Walk::of(&question.action, &rules.detectors.hints);
    question.facts.judges.extend(judges.ask(judge::readable(&walk)));
    let decision = question.decide(&rules, now);
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &decision)?;
        writeln!(out)?;
    } else {
        match args.explain {
            Explain::Full => write!(out, "{}", show::full(&question.action, &decision, Paint::for_stdout()))?,
            Explain::Category => write_told(&mut out, &decision, ExplainLevel::Category)?,
            Explain::None => write_told(&mut out, &decision, ExplainLevel::None)?,
        }
    }
    Ok(Exit::Verdict(decision.verdict))
}

/// What a caller would be told, as the JSON that it would get.
fn write_told(out: &mut impl Write, decision: &Decision, level: ExplainLevel) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, &explain(decision, level))?;
    writeln!(out)?;
    Ok(())
}
