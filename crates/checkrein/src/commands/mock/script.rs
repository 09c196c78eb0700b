//! What the mock provider says, and when.

use std::time::Duration;

use anyhow::{Result, bail};
use engine::yaml::{Fault as YamlFault, Faults, Fields};
use serde_json::Value;

/// Replies in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Script {
    replies: Vec<(Option<String>, Reply)>,
}

/// One answer of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// What it says; `{said}` stands for what the user or a tool said last.
    pub text: String,
    pub reasoning: Option<String>,
    pub calls: Vec<Call>,
    /// Into how many pieces a text is cut in a stream.
    pub pieces: usize,
    /// Before the first byte, and between two events.
    pub delay: Duration,
    pub gap: Duration,
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub tool: String,
    pub arguments: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error of the provider.
    Status(u16),
    /// The connection ends in the middle of the answer.
    CutOff,
    /// One event of a stream is no document.
    Garbage,
}

const PIECES: usize = 8;

impl Script {
    /// The answer to what the user or a tool said last. Without a script it is an echo.
    pub fn reply(&self, said: &str) -> Reply {
        let fits = |when: &Option<String>| when.as_ref().is_none_or(|when| said.contains(when.as_str()));
        let found = self.replies.iter().find(|(when, _)| fits(when)).map(|(_, reply)| reply.clone());
        let mut reply = found.unwrap_or_else(|| Reply {
            text: "You said: {said}".to_owned(),
            pieces: PIECES,
            ..Reply::default()
        });
        reply.text = reply.text.replace("{said}", said);
        reply
    }

    pub fn read(file: &str, text: &str) -> Result<Script> {
        let mut faults = Faults::default();
        let root = match engine::yaml::parse(file, text) {
            Ok(root) => root,
            Err(fault) => bail!("{fault}"),
        };
        let mut replies = Vec::new();
        if let Some(mut fields) = Fields::of(file, &root, &mut faults) {
            for node in fields.list("replies", &mut faults).unwrap_or_default() {
                if let Some(mut one) = Fields::of(file, node, &mut faults) {
                    replies.push(reply(&mut one, &mut faults));
                    one.finish(&mut faults);
                }
            }
            fields.finish(&mut faults);
        }
        if !faults.is_empty() {
            let lines: Vec<String> = faults.0.iter().map(YamlFault::to_string).collect();
            bail!("the script has faults\n{}", lines.join("\n"));
        }
        Ok(Script { replies })
    }
}

fn reply(one: &mut Fields<'_>, faults: &mut Faults) -> (Option<String>, Reply) {
    let when = one.text("when", faults).map(str::to_owned);
    let text = one.text("text", faults).unwrap_or_default().to_owned();
    let reasoning = one.text("reasoning", faults).map(str::to_owned);
    let mut within = |key, most: i64| {
        let number = one.whole(key, faults)?;
        if !(0..=most).contains(&number) {
            one.fault(faults, "out_of_range", format!("`{key}` is a number from 0 to {most}"), None);
        }
        u64::try_from(number).ok()
    };
    let pieces = within("pieces", 10_000).and_then(|n| usize::try_from(n).ok()).unwrap_or(PIECES);
    let delay = Duration::from_millis(within("delay_ms", 600_000).unwrap_or(0));
    let gap = Duration::from_millis(within("gap_ms", 60_000).unwrap_or(0));
    let status = within("status", 599).and_then(|n| u16::try_from(n).ok());
    let cut_off = one.flag("cut_off", faults) == Some(true);
    let garbage = one.flag("garbage", faults) == Some(true);
    let fault = match (status, cut_off, garbage) {
        (Some(status), _, _) => Some(Fault::Status(status)),
        (None, true, _) => Some(Fault::CutOff),
        (None, false, true) => Some(Fault::Garbage),
        (None, false, false) => None,
    };
    let mut calls = Vec::new();
    for node in one.list("calls", faults).unwrap_or_default() {
        let Some(mut call) = Fields::of(one.file(), node, faults) else { continue };
        let tool = call.need_text("tool", faults).unwrap_or_default().to_owned();
        // JSON, so that any arguments can be had, also such that are wrong in a chosen way.
        let arguments = call.text("arguments", faults).unwrap_or("{}");
        match serde_json::from_str(arguments) {
            Ok(arguments) => calls.push(Call { tool, arguments }),
            Err(_) => {
                let hint = Some(r#"for example `arguments: '{"amount": 40}'`"#.to_owned());
                call.fault(faults, "bad_arguments", "`arguments` is no JSON".to_owned(), hint);
            }
        }
        call.finish(faults);
    }
    (when, Reply { text, reasoning, calls, pieces, delay, gap, fault })
}

impl Reply {
    /// A text in its pieces, each of them whole characters.
    pub fn cut(&self, text: &str) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let size = characters.len().div_ceil(self.pieces.max(1)).max(1);
        characters.chunks(size).map(|piece| piece.iter().collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reply_that_fits_is_given_and_without_one_it_echoes() {
        let script = Script::read(
            "s.yaml",
            "replies:\n  - { when: refund, text: ok, calls: [ { tool: pay, arguments: '{\"a\": 1}' } ], gap_ms: 5 }\n  - { text: 'hm {said}' }\n",
        )
        .unwrap();
        let refund = script.reply("a refund please");
        assert_eq!((refund.text.as_str(), refund.calls.len(), refund.gap.as_millis()), ("ok", 1, 5));
        assert_eq!(script.reply("hello").text, "hm hello");
        assert_eq!(Script::default().reply("hello").text, "You said: hello");
    }

    #[test]
    fn every_fault_of_a_script_is_told() {
        let told = Script::read(
            "s.yaml",
            "replies:\n  - { texd: a, gap_ms: -1 }\n  - { calls: [ { arguments: '{' } ] }\n",
        );
        let told = told.unwrap_err().to_string();
        for code in ["texd", "gap_ms", "tool", "arguments"] {
            assert!(told.contains(code), "{code} in {told}");
        }
    }

    #[test]
    fn pieces_put_together_are_the_text() {
        let reply = Reply { pieces: 4, ..Reply::default() };
        for text in ["", "a", "äöü€", "a longer text with 😀 in it"] {
            assert_eq!(reply.cut(text).concat(), text);
            assert!(reply.cut(text).len() <= 4);
        }
    }
}
