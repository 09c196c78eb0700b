//! Judges: classifiers that are asked before the engine is, each on a thread of its own.
//!
//! What they answer goes to the engine as facts. They advise; they never hold up a decision past
//! their deadline, and one that cannot answer says so: `unavailable` or `timeout`, never clean.
//! Without the feature `onnx` every judge is unavailable.

#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "onnx")]
mod pieces;
mod spec;
#[cfg(feature = "onnx")]
mod tokenizer;
mod worker;

pub use spec::Spec;

use std::cell::Cell;

use action::{Confidence, SemanticType, Vector};
use anyhow::Result;
use engine::detect::Walk;
use engine::facts::{Judge, JudgeOutcome};

use self::worker::{Answer, Worker};

/// Every judge of a command, started.
pub struct Judges(Vec<Seat>);

/// One judge, whether or not somebody sits there.
struct Seat {
    spec: Spec,
    worker: Option<Worker>,
    /// Whether its failure was told; once is enough.
    told: Cell<bool>,
}

impl Judges {
    /// Starts all; says on standard error which are unavailable and why.
    pub fn start(specs: &[Spec]) -> Self {
        Judges(specs.iter().map(Seat::of).collect())
    }

    /// What each judge says about the texts together; empty when there is no judge.
    pub fn ask<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Vec<Judge> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        self.0.iter().map(|seat| seat.ask(&texts)).collect()
    }
}

/// The strings of an action in which somebody could write to an agent.
pub fn readable<'w>(walk: &'w Walk<'_>) -> impl Iterator<Item = &'w str> {
    walk.texts().filter_map(|(text, semantic, _)| match semantic {
        SemanticType::FreeText | SemanticType::Value | SemanticType::Html | SemanticType::Code => Some(text),
        SemanticType::SqlStatement
        | SemanticType::SqlValue
        | SemanticType::Shell
        | SemanticType::Path
        | SemanticType::Url
        | SemanticType::Id => None,
    })
}

impl Seat {
    fn of(spec: &Spec) -> Self {
        let seat = |worker| Seat { spec: spec.clone(), worker, told: Cell::new(false) };
        match start(spec) {
            Ok(worker) => seat(Some(worker)),
            Err(error) => {
                let seat = seat(None);
                seat.tell(&format!("{error:#}"));
                seat
            }
        }
    }

    fn ask(&self, texts: &[String]) -> Judge {
        let answer = match &self.worker {
            Some(worker) => worker.ask(texts.to_vec(), self.spec.deadline),
            None => return self.answered(JudgeOutcome::Unavailable, 0),
        };
        match answer {
            Answer::Likelihood { percent, .. } if percent >= self.spec.from.percent() => {
                self.answered(JudgeOutcome::Hit, percent)
            }
            Answer::Likelihood { whole: true, .. } => self.answered(JudgeOutcome::Clean, 0),
            Answer::Likelihood { whole: false, .. } => {
                self.tell("a text is longer than it reads");
                self.answered(JudgeOutcome::Unavailable, 0)
            }
            Answer::Late => self.answered(JudgeOutcome::Timeout, 0),
            Answer::Failed(why) => {
                self.tell(&why);
                self.answered(JudgeOutcome::Unavailable, 0)
            }
        }
    }

    fn answered(&self, outcome: JudgeOutcome, percent: u8) -> Judge {
        Judge {
            name: self.spec.name.clone(),
            vector: Vector::PromptInjection,
            outcome,
            confidence: Confidence::new(percent),
        }
    }

    fn tell(&self, why: &str) {
        if !self.told.replace(true) {
            eprintln!("warning: judge `{}` is unavailable: {why}", self.spec.name);
        }
    }
}

#[cfg(feature = "onnx")]
fn start(spec: &Spec) -> Result<Worker> {
    let spec = spec.clone();
    Worker::start(move || onnx::load(&spec))
}

#[cfg(not(feature = "onnx"))]
fn start(_: &Spec) -> Result<Worker> {
    // The same thread and the same way out, with nobody to load.
    Worker::start(|| {
        Err::<Absent, _>(anyhow::anyhow!(
            "this program was built without it; build with `cargo build --release -p checkrein --features onnx`"
        ))
    })
}

/// The classifier of a build that has none.
#[cfg(not(feature = "onnx"))]
enum Absent {}

#[cfg(not(feature = "onnx"))]
impl worker::Classifier for Absent {
    fn windows(&self, _: &str, _: usize) -> worker::Windows {
        match *self {}
    }

    fn look(&self, _: &[i64]) -> Result<u8> {
        match *self {}
    }
}
