//! Shadow deployments as operators see them.

use std::sync::Arc;
use std::time::Duration;

use action::Name;
use control::shadows::{Answer, Comparison, Counts, Likeness, Mean, ShadowStanding};
use gateway::llm::{Compared, Figures, Outcome, Shadowed, Shadows, Standing, Sums};

/// What the gateway found out by calling second models.
pub struct Board(pub Arc<Shadows>);

impl control::shadows::Shadows for Board {
    fn standings(&self) -> Vec<ShadowStanding> {
        self.0.standings().into_iter().map(|(shadow, standing)| shown(shadow, &standing)).collect()
    }

    fn comparisons(&self) -> Vec<Comparison> {
        self.0.compared().into_iter().map(comparison).collect()
    }
}

fn shown(shadow: Shadowed, standing: &Standing) -> ShadowStanding {
    let count = |outcome: Outcome| standing.outcomes.get(&outcome).copied().unwrap_or(0);
    let compared = count(Outcome::Compared);
    let with_words: u64 = standing.likeness.iter().sum();
    let mean = |sums: &Sums| Mean {
        errors: sums.errors,
        first_byte_ms: average(millis(sums.first_byte), compared),
        whole_ms: average(millis(sums.whole), compared),
        input_tokens: average(sums.input_tokens, compared),
        output_tokens: average(sums.output_tokens, compared),
        micro_dollars: average(sums.micros, compared),
        characters: average(sums.characters, compared),
        micro_dollars_in_all: sums.micros,
    };
    ShadowStanding {
        provider: shadow.provider,
        model: model(shadow.model),
        calls: Counts {
            compared,
            dropped: count(Outcome::Dropped),
            refused: count(Outcome::Refused),
            forbidden: count(Outcome::Forbidden),
            failed: count(Outcome::Failed),
            spent: count(Outcome::Spent),
        },
        live: mean(&standing.live),
        shadow: mean(&standing.mirrored),
        similarity: Likeness { mean: average(standing.likeness_sum, with_words), fifths: standing.likeness },
        tool_calls_alike: standing.calls_alike,
        tool_calls_differ: standing.calls_differ,
    }
}

fn comparison(compared: Compared) -> Comparison {
    Comparison {
        at: compared.at,
        live_decision: compared.live_decision,
        shadow_decision: compared.shadow_decision,
        live_model: compared.live_model,
        provider: compared.shadow.provider,
        model: model(compared.shadow.model),
        live: answer(&compared.live),
        shadow: answer(&compared.mirrored),
        similarity: compared.similarity,
        tool_calls_alike: compared.calls_alike,
    }
}

fn answer(figures: &Figures) -> Answer {
    Answer {
        status: figures.status,
        first_byte_ms: millis(figures.first_byte),
        whole_ms: millis(figures.whole),
        input_tokens: figures.input_tokens,
        output_tokens: figures.output_tokens,
        micro_dollars: figures.micros,
        characters: figures.characters,
        tool_calls: figures.calls,
    }
}

fn model(model: Option<String>) -> Option<Name> {
    model.and_then(|model| Name::new(&model).ok())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Rounded to the nearest; none of nothing.
fn average(sum: u64, of: u64) -> Option<u64> {
    sum.saturating_add(of / 2).checked_div(of)
}
