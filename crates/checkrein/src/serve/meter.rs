//! Metrics in the text form of Prometheus. Labels come from closed lists, so their number is
//! bounded whatever agents send.

use std::sync::Arc;
use std::time::Duration;

use action::{Action, Decision, Name, Verdict};
use gateway::identity::Wrong;
use gateway::llm::{Compared, Outcome};
use gateway::meter::{Meter, Passing, Stage};
use gateway::money::Charged;
use ledger::Ledger;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::outward::{Counters, Spans};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    verdict: &'static str,
    effective: &'static str,
    environment: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVector {
    vector: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStage {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRun {
    adapter: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// Kinds of provider, which are a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByProvider {
    provider: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTokens {
    provider: &'static str,
    /// `input`, `output`, `cached` or `reasoning`; the last two are parts of the first two.
    of: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPass {
    passed: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// `live` or `shadow`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySide {
    of: &'static str,
}

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    decisions: Family<ByVerdict, Counter>,
    detections: Family<ByVector, Counter>,
    seconds: Family<ByStage, Histogram, fn() -> Histogram>,
    refusals: Family<ByCode, Counter>,
    wrong: Family<ByReason, Counter>,
    unrecorded: Family<ByPass, Counter>,
    isolated: Family<ByRun, Counter>,
    budgets: Counter,
    tokens: Family<ByTokens, Counter>,
    micro_dollars: Family<ByProvider, Counter>,
    estimated: Family<ByProvider, Counter>,
    shadows: Family<ByOutcome, Counter>,
    shadow_seconds: Family<BySide, Histogram, fn() -> Histogram>,
    shadow_errors: Family<BySide, Counter>,
    shadow_likeness: Histogram,
    durable: Gauge,
    signed: Gauge,
    holds: Gauge,
    behind: Gauge,
    /// Where decisions are traced to.
    spans: Option<Spans>,
}

impl Metrics {
    pub fn new(outward: &Counters, spans: Option<Spans>) -> Arc<Self> {
        let mut registry = Registry::with_prefix("checkrein");
        let metrics = Metrics {
            decisions: Family::default(),
            detections: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            refusals: Family::default(),
            wrong: Family::default(),
            unrecorded: Family::default(),
            isolated: Family::default(),
            budgets: Counter::default(),
            tokens: Family::default(),
            micro_dollars: Family::default(),
            estimated: Family::default(),
            shadows: Family::default(),
            shadow_seconds: Family::new_with_constructor(whole_answers),
            shadow_errors: Family::default(),
            shadow_likeness: Histogram::new([20.0, 40.0, 60.0, 80.0, 100.0]),
            durable: Gauge::default(),
            signed: Gauge::default(),
            holds: Gauge::default(),
            behind: Gauge::default(),
            spans,
            registry: Registry::default(),
        };
        registry.register("decisions", "Actions that were decided", metrics.decisions.clone());
        registry.register("detections", "Actions on which a vector hit", metrics.detections.clone());
        registry.register("stage_seconds", "Where the time of a decision goes", metrics.seconds.clone());
        registry.register("refusals", "Questions that got no decision", metrics.refusals.clone());
        registry.register(
            "wrong_credentials",
            "Credentials that did not hold, by reason; callers do not learn it",
            metrics.wrong.clone(),
        );
        registry.register(
            "unrecorded",
            "Actions without a record, by whether they passed",
            metrics.unrecorded.clone(),
        );
        registry.register(
            "isolated_runs",
            "Actions that were to run in isolation, by what became of them",
            metrics.isolated.clone(),
        );
        registry.register("budget_alerts", "Budgets that reached a threshold", metrics.budgets.clone());
        registry.register("llm_tokens", "Tokens that calls of models used", metrics.tokens.clone());
        registry.register(
            "llm_micro_dollars",
            "What calls of models cost, in millionths of a dollar",
            metrics.micro_dollars.clone(),
        );
        registry.register(
            "llm_estimated",
            "Calls of models whose tokens or price are estimated",
            metrics.estimated.clone(),
        );
        registry.register(
            "llm_shadow_calls",
            "Calls that were to be made once more at a second model, by what became of them",
            metrics.shadows.clone(),
        );
        registry.register(
            "llm_shadow_seconds",
            "To the last byte of both answers of a call that was made twice",
            metrics.shadow_seconds.clone(),
        );
        registry.register(
            "llm_shadow_errors",
            "Answers with a status of 400 or more among those",
            metrics.shadow_errors.clone(),
        );
        registry.register(
            "llm_shadow_similarity",
            "Words that both answers share, in per cent",
            metrics.shadow_likeness.clone(),
        );
        registry.register("ledger_durable", "Records on the medium", metrics.durable.clone());
        registry.register("ledger_signed", "Records below a signed checkpoint", metrics.signed.clone());
        registry.register("holds_waiting", "Actions that wait for a person", metrics.holds.clone());
        registry.register("index_behind", "Records that the index has to follow", metrics.behind.clone());
        outward.register(&mut registry);
        Arc::new(Metrics { registry, ..metrics })
    }

    /// A budget of money, tokens or calls reached a threshold.
    pub fn budget_reached(&self) {
        self.budgets.inc();
    }

    /// A call of a model was charged.
    pub fn spent(&self, provider: &'static str, charged: &Charged) {
        let usage = &charged.usage;
        for (of, tokens) in [
            ("input", usage.input),
            ("output", usage.output),
            ("cached", usage.cached),
            ("reasoning", usage.reasoning),
        ] {
            self.tokens.get_or_create(&ByTokens { provider, of }).inc_by(tokens);
        }
        self.micro_dollars.get_or_create(&ByProvider { provider }).inc_by(charged.cost.micros);
        let estimated = charged.estimated || charged.cost.guessed;
        self.estimated.get_or_create(&ByProvider { provider }).inc_by(u64::from(estimated));
    }

    /// The text, with the gauges as they are now.
    pub fn text(&self, ledger: &Ledger, holds: usize, next: Option<u64>) -> String {
        let head = ledger.head();
        let gauge = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.durable, head.durable);
        gauge(&self.signed, head.signed);
        gauge(&self.holds, u64::try_from(holds).unwrap_or(u64::MAX));
        if let Some(next) = next {
            gauge(&self.behind, head.durable.saturating_sub(next));
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Of what models take for a whole answer: from 50 milliseconds, each twice the one before.
fn whole_answers() -> Histogram {
    Histogram::new([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4])
}

/// From 50 microseconds, each twice the one before.
const BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_8, 0.025_6, 0.051_2,
    0.102_4, 0.204_8, 0.409_6, 0.819_2, 5.0,
];

impl Meter for Metrics {
    fn took(&self, stage: Stage, time: Duration) {
        self.seconds.get_or_create(&ByStage { stage: stage.as_str() }).observe(time.as_secs_f64());
    }

    fn decided(&self, action: &Action, decision: &Decision) {
        let verdict = |verdict: Verdict| verdict.as_str();
        self.decisions
            .get_or_create(&ByVerdict {
                verdict: verdict(decision.verdict),
                effective: verdict(decision.effective),
                environment: action.environment.as_str(),
            })
            .inc();
        let mut vectors: Vec<_> = decision.detections.iter().map(|hit| hit.vector).collect();
        vectors.sort_unstable();
        vectors.dedup();
        for vector in vectors {
            self.detections.get_or_create(&ByVector { vector: vector.as_str() }).inc();
        }
    }

    fn passing(&self, passing: &Passing<'_>) {
        if let Some(spans) = &self.spans {
            spans.put(passing);
        }
    }

    fn unrecorded(&self, passed: bool) {
        self.unrecorded.get_or_create(&ByPass { passed: if passed { "yes" } else { "no" } }).inc();
    }

    fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&ByCode { code }).inc();
    }

    fn isolated(&self, adapter: &'static str, outcome: &'static str) {
        self.isolated.get_or_create(&ByRun { adapter, outcome }).inc();
    }

    fn wrong(&self, wrong: Wrong) {
        self.wrong.get_or_create(&ByReason { reason: wrong.as_str() }).inc();
    }

    fn budget(&self, _: &Name, _: u8) {
        self.budgets.inc();
    }

    fn shadowed(&self, outcome: Outcome, compared: Option<&Compared>) {
        self.shadows.get_or_create(&ByOutcome { outcome: outcome.as_str() }).inc();
        let Some(compared) = compared else { return };
        for (of, figures) in [("live", &compared.live), ("shadow", &compared.mirrored)] {
            let of = BySide { of };
            self.shadow_seconds.get_or_create(&of).observe(figures.whole.as_secs_f64());
            self.shadow_errors.get_or_create(&of).inc_by(u64::from(figures.status >= 400));
        }
        if let Some(similarity) = compared.similarity {
            self.shadow_likeness.observe(f64::from(similarity));
        }
    }
}
