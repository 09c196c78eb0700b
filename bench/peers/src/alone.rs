//! What only Checkrein has: many rules about one tool, many modules, a module that never ends.

use std::fmt::Write;
use std::time::Instant;

use crate::Result;
use crate::calls::{Call, SEED, calls};
use crate::engines::checkrein::{Asked, Policy, asked};
use crate::measure::Times;
use crate::policies::Set;

/// One arrangement: its files, and how often it is judged.
pub struct Arrangement {
    pub name: &'static str,
    files: fn() -> Vec<(String, String)>,
    judged: usize,
}

pub const ARRANGEMENTS: &[Arrangement] = &[
    Arrangement { name: "100 native rules about one tool", files: about_one_tool, judged: 10_000 },
    Arrangement { name: "100 modules, each about a tool", files: many_modules, judged: 10_000 },
    Arrangement { name: "a module stopped at its bound", files: endless, judged: 200 },
];

impl Arrangement {
    /// The times of judging calls of `tool_7`.
    pub fn measure(&self) -> Result<Times> {
        let mut policy = Policy::load(&(self.files)())?;
        let about = |call: Call| asked(&Call { tool: "tool_7".into(), ..call });
        let inputs: Vec<Asked> =
            calls(Set::Tools(100), SEED).into_iter().map(about).collect::<Result<_>>()?;
        let mut nanos = Vec::with_capacity(self.judged);
        for asked in inputs.iter().cycle().take(self.judged) {
            let start = Instant::now();
            std::hint::black_box(policy.judge(asked));
            nanos.push(crate::measure::nanos_since(start));
        }
        Ok(Times::sorted(nanos))
    }
}

fn about_one_tool() -> Vec<(String, String)> {
    let mut text = String::from("policy: one-tool\nrules:\n");
    for at in 0..100 {
        let over = 1_000 + at;
        let _ = writeln!(
            text,
            "  - {{ id: r{at}, priority: {at}, when: {{ tool: tool_7, payload: {{ amount: {{ over: {over} }} }} }}, then: block }}"
        );
    }
    vec![("one-tool.yaml".into(), text)]
}

fn many_modules() -> Vec<(String, String)> {
    let module = |at| {
        format!(
            "# METADATA\n# custom:\n#   when: {{ tool: tool_{at} }}\npackage checkrein.m{at}\n\n\
             decisions contains {{\"verdict\": \"block\", \"rule\": \"r\"}} if {{\n\
             \tinput.action.payload.amount > 10\n\tnot \"role_3\" in input.agent.roles\n}}\n"
        )
    };
    (0..100).map(|at| (format!("m{at}.rego"), module(at))).collect()
}

fn endless() -> Vec<(String, String)> {
    let text = "package checkrein.endless\n\n\
                decisions contains {\"verdict\": \"block\", \"rule\": \"r\"} if {\n\
                \tsome a in numbers.range(1, 9000)\n\tsome b in numbers.range(1, 9000)\n\ta * b == 0\n}\n";
    vec![("endless.rego".into(), text.into())]
}
