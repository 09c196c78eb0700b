//! The dispatch index inside one module: its rules filed by the tool that they require.
//!
//! A module of a thousand rules about as many tools would cost a thousand comparisons on each
//! action. Where a `decisions` rule requires `input.action.tool == "name"`, it can only speak
//! about that tool; so for each such name a smaller module is made, of the rules about it and
//! everything that is not about a tool. Whatever is not plainly of that form stays in all of them.

use std::collections::BTreeMap;

/// Fewer rules than this are not worth splitting.
const WORTH: usize = 8;
/// Most smaller modules of one module.
const MOST: usize = 2_000;

/// The smaller modules: by tool, and for all other tools; `None` there when nothing is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub by_tool: BTreeMap<String, String>,
    pub rest: Option<String>,
}

/// Splits a module; `None` when it is not worth it, or not certain.
pub fn split(text: &str) -> Option<Split> {
    let chunks = chunks(text)?;
    let mut by_tool: BTreeMap<String, String> = BTreeMap::new();
    let mut common = String::new();
    let (mut filed, mut general) = (0, false);
    for chunk in &chunks {
        let decides = chunk.starts_with("decisions contains ");
        // A helper that reads the decisions would see fewer of them.
        let mentions = chunk.matches("decisions").count();
        if mentions > usize::from(decides) {
            return None;
        }
        match required_tool(chunk).filter(|_| decides) {
            Some(tool) => {
                by_tool.entry(tool.to_owned()).or_default().push_str(chunk);
                filed += 1;
            }
            None => {
                general |= decides;
                common.push_str(chunk);
            }
        }
    }
    if filed < WORTH || by_tool.len() > MOST {
        return None;
    }
    for part in by_tool.values_mut() {
        part.insert_str(0, &common);
    }
    Some(Split { by_tool, rest: general.then_some(common) })
}

/// The text cut before each line on which a declaration begins. `None` when brackets or quotes
/// do not add up, so that a cut could go through the middle of a rule.
fn chunks(text: &str) -> Option<Vec<String>> {
    let mut chunks: Vec<String> = Vec::new();
    let mut depth = 0usize;
    let mut raw = false;
    for line in text.lines() {
        let begins = depth == 0 && !raw && line.starts_with(|c: char| c.is_alphabetic());
        if begins || chunks.is_empty() {
            chunks.push(String::new());
        }
        let chunk = chunks.last_mut()?;
        chunk.push_str(line);
        chunk.push('\n');
        let mut quoted = false;
        let mut escaped = false;
        for c in line.chars() {
            match c {
                _ if escaped => escaped = false,
                '`' if !quoted => raw = !raw,
                _ if raw => {}
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '#' => break,
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        if quoted {
            return None;
        }
    }
    (depth == 0 && !raw).then_some(chunks)
}

/// The tool that a rule's body requires: its first statement, on a line of its own. Only the first
/// is certain to be no part of an `every`, of a comprehension or of the line before it.
fn required_tool(chunk: &str) -> Option<&str> {
    let (head, body) = chunk.split_once(" if {\n")?;
    // With more than one body, not all of them need require the tool.
    if head.contains('\n') || body.matches("\n}").count() != 1 {
        return None;
    }
    let statement = body.lines().next()?.trim().strip_prefix("input.action.tool == \"")?;
    let tool = statement.strip_suffix('"')?;
    let plain = tool.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    plain.then_some(tool)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(body: &str) -> String {
        format!("decisions contains {{\"verdict\": \"block\", \"rule\": \"r\"}} if {{\n{body}\n}}\n")
    }

    fn module(first: &str) -> String {
        let rules: String = (0..WORTH)
            .map(|at| rule(&format!("\tinput.action.tool == \"t{at}\"\n\tinput.external")))
            .collect();
        format!("package checkrein.m\n\n{first}\n{rules}")
    }

    #[test]
    fn rules_are_filed_by_tool_and_the_rest_is_in_every_part() {
        let split = split(&module("helper := 1\n")).unwrap();
        assert_eq!(split.by_tool.len(), WORTH);
        assert!(split.by_tool["t3"].contains("helper") && !split.by_tool["t3"].contains("t4"));
        assert_eq!(split.rest, None);
        let general = module(&rule("\tinput.external"));
        assert!(super::split(&general).unwrap().rest.is_some());
    }

    #[test]
    fn what_is_not_certain_is_not_filed() {
        for body in [
            "\tevery x in [1] {\n\tinput.action.tool == \"t\"\n\t}",
            "\tnot input.action.tool == \"t\"",
            "\tinput.action.tool == \"t\" with input as {}",
            "\tinput.external\n\tinput.action.tool == \"t\"",
            "\tinput.external\n} else := 1 if {\n\tinput.action.tool == \"t\"",
        ] {
            assert_eq!(required_tool(&rule(body)), None, "{body}");
        }
        assert_eq!(split(&module("n := count(decisions)\n")), None, "it reads the decisions");
        assert_eq!(split(&module("text := `\n}`\nx := \"{\"\n")).map(|s| s.by_tool.len()), Some(WORTH));
        assert_eq!(split(&module("broken := [\n")), None);
    }
}
