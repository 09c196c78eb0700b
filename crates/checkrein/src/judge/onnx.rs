//! A classifier in an ONNX file, of the kind that tells injections from other text: tokens in, one
//! score for each label out, the first label harmless.
//!
//! Both files are read once, compared with the digests that the operator gave, and used from
//! memory, so what was checked is what runs.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};
use tract_onnx::prelude::*;

use super::spec::{Pinned, Spec};
use super::tokenizer::Tokenizer;
use super::worker::{Classifier, Windows};

/// Most bytes of a model or tokenizer file.
const MAX_FILE_BYTES: u64 = 2 << 30;
/// Tokens that neighbouring windows share, so that an order on the border is seen whole by one.
const OVERLAP: usize = 32;

pub struct Model {
    plan: Arc<TypedRunnableModel>,
    tokenizer: Tokenizer,
    inputs: Vec<Input>,
    tokens: usize,
}

/// What the model asks for, by the name it gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Ids,
    /// Which positions hold a token.
    Mask,
    /// Which of two texts a token belongs to; there is one.
    Types,
}

/// Reads, checks and prepares both files.
pub fn load(spec: &Spec) -> Result<Model> {
    let tokenizer = Tokenizer::read(&read(&spec.tokenizer)?)?;
    let bytes = read(&spec.model)?;
    let mut model =
        tract_onnx::onnx().model_for_read(&mut bytes.as_slice()).context("cannot read the model")?;
    drop(bytes);
    let outlets = model.input_outlets().context("the model has no inputs")?.to_vec();
    let mut inputs = Vec::new();
    for (at, outlet) in outlets.iter().enumerate() {
        inputs.push(match model.node(outlet.node).name.as_str() {
            "input_ids" => Input::Ids,
            "attention_mask" => Input::Mask,
            "token_type_ids" => Input::Types,
            other => bail!("the model asks for `{other}`, which is not supported"),
        });
        model
            .set_input_fact(at, i64::fact([1, spec.tokens]).into())
            .context("the model does not take tokens of this number")?;
    }
    if !inputs.contains(&Input::Ids) {
        bail!("the model does not ask for `input_ids`");
    }
    let plan = model
        .into_optimized()
        .and_then(|model| model.into_runnable())
        .context("cannot prepare the model; it may hold operators that are not supported")?;
    let model = Model { plan, tokenizer, inputs, tokens: spec.tokens };
    // A first look finds out now, rather than at the first action, what does not fit together.
    model.look(&[]).context("the model does not run")?;
    Ok(model)
}

impl Classifier for Model {
    fn windows(&self, text: &str, most: usize) -> Windows {
        let (tokens, read) = self.tokenizer.tokens(text);
        let room = self.tokens.saturating_sub(2).max(1);
        let step = room.saturating_sub(OVERLAP.min(room / 2)).max(1);
        let mut windows = Windows { tokens: Vec::new(), whole: read };
        let mut at = 0;
        while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
            if windows.tokens.len() == most {
                windows.whole = false;
                break;
            }
            windows.tokens.push(rest.iter().copied().take(room).collect());
            if rest.len() <= room {
                break;
            }
            at += step;
        }
        windows
    }

    fn look(&self, window: &[i64]) -> Result<u8> {
        let used = window.len() + 2;
        let mut ids = Vec::with_capacity(self.tokens);
        ids.push(self.tokenizer.first);
        ids.extend(window);
        ids.push(self.tokenizer.last);
        ids.resize(self.tokens, self.tokenizer.pad);
        let row = |values: Vec<i64>| {
            let array = tract_ndarray::Array2::from_shape_vec((1, values.len()), values);
            array.context("cannot lay out the tokens").map(|array| Tensor::from(array).into_tvalue())
        };
        let mut values = tvec!();
        for input in &self.inputs {
            values.push(row(match input {
                Input::Ids => ids.clone(),
                Input::Mask => (0..self.tokens).map(|at| i64::from(at < used)).collect(),
                Input::Types => vec![0; self.tokens],
            })?);
        }
        let outputs = self.plan.run(values).context("the model failed")?;
        let scores = outputs.first().context("the model gave no output")?.cast_to::<f32>()?;
        let scores = scores.to_plain_array_view::<f32>().context("the output is no table of numbers")?;
        likelihood(&scores.iter().copied().collect::<Vec<_>>())
    }
}

/// How likely it is that the first label, the harmless one, is wrong; with a single score, that
/// the score is right.
#[expect(clippy::float_arithmetic, reason = "a judge is off the decision path; facts hold whole per cents")]
fn likelihood(scores: &[f32]) -> Result<u8> {
    if scores.iter().any(|score| !score.is_finite()) {
        bail!("the model gave a score that is no number");
    }
    let harmful = match scores {
        [score] => 1.0 / (1.0 + (-score).exp()),
        [harmless, .., _] if scores.len() <= MAX_LABELS => {
            let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = scores.iter().map(|score| (score - greatest).exp()).sum();
            1.0 - (harmless - greatest).exp() / sum
        }
        _ => bail!("the model gave {} scores; from 1 to {MAX_LABELS} are supported", scores.len()),
    };
    // Rounded, and the cast keeps to the range of its type.
    Ok((harmful * 100.0).round() as u8)
}

/// More are no labels of a text, but an output for each token.
const MAX_LABELS: usize = 16;

fn read(file: &Pinned) -> Result<Vec<u8>> {
    let name = file.path.display();
    let mut bytes = Vec::new();
    File::open(&file.path)
        .with_context(|| format!("cannot open `{name}`"))?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{name}`"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        bail!("`{name}` is larger than {MAX_FILE_BYTES} bytes");
    }
    if Sha256::digest(&bytes).as_slice() != file.sha256.as_bytes() {
        bail!("`{name}` is not the file with SHA-256 {}", file.sha256);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_the_likelihood_of_anything_but_the_first_label() {
        assert_eq!(likelihood(&[0.0, 0.0]).unwrap(), 50);
        assert_eq!(likelihood(&[9.0, -9.0]).unwrap(), 0);
        assert_eq!(likelihood(&[-9.0, 9.0, 9.0]).unwrap(), 100);
        assert_eq!(likelihood(&[0.0, 0.0, 0.0, 0.0]).unwrap(), 75);
        assert_eq!(likelihood(&[20.0]).unwrap(), 100);
    }

    #[test]
    fn what_is_no_likelihood_is_refused() {
        assert!(likelihood(&[]).is_err());
        assert!(likelihood(&[f32::NAN, 1.0]).is_err());
        assert!(likelihood(&[0.0; MAX_LABELS + 1]).is_err());
    }
}
