//! One module: compiled once, run within bounds, its failures told apart.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use action::{Action, SemanticType, Verdict};
use regorus::Value;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Instruction;
use regorus::rvm::program::Program;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason, VmError};

use super::super::case::Judged;
use super::builtins::{Clock, EXTRA, WITHHELD, interpreter};
use super::needs::Needs;
use super::split::{Split, split};
use crate::detect::{Walk, pii, secrets};

/// Most byte-code instructions of one run: a few milliseconds, and the same on every machine.
pub const MAX_INSTRUCTIONS: usize = 50_000;
/// Deepest nesting of brackets. The parser tries each opening brace as an object, a set and a
/// comprehension, so its time doubles with every level that does not close.
const MAX_NESTING: usize = 16;
/// Most decisions of one run that are looked at.
const MAX_DECISIONS: usize = 1_000;

/// A compiled module.
#[derive(Debug, Clone)]
pub struct Module {
    entry: String,
    /// The rules about one tool each, where they could be told apart.
    by_tool: BTreeMap<String, Code>,
    /// What runs for every other tool; `None` when nothing is left for them.
    rest: Option<Code>,
    /// What it looks at.
    pub needs: Needs,
    /// What a failure counts as, where the module says.
    pub on_fault: Option<Verdict>,
}

/// Byte code.
#[derive(Debug, Clone)]
struct Code {
    program: Arc<Program>,
    /// Whether it calls a builtin of ours, for which it has to be run in steps.
    stepwise: bool,
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It decided nothing.
    Silent,
    Decided(Decided),
    /// A stable code: `rego_too_long`, `rego_panic`, `rego_error`, `rego_bad_decision`.
    Failed(&'static str),
}

/// The strictest decision of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub verdict: Verdict,
    pub rule: String,
    pub reason: Option<String>,
}

/// Why a module cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub code: &'static str,
    pub message: String,
    pub line: usize,
    pub column: usize,
}

impl Module {
    /// Compiles a module. The compiler is foreign code: a panic in it is a refusal. Of a module whose
    /// variables depend on each other in a circle it writes one line to standard error before it
    /// refuses it; the line is bound to its feature `std`, without which version 0.14.1 does not build.
    /// It happens when rules are loaded, never while an action is decided.
    pub fn compile(file: &str, text: &str, package: &str) -> Result<Module, Refused> {
        let compiled = catch_unwind(AssertUnwindSafe(|| compile(file, text, package)));
        compiled.unwrap_or_else(|_| {
            Err(Refused {
                code: "rego_malformed",
                message: "this module cannot be compiled".into(),
                line: 1,
                column: 1,
            })
        })
    }

    /// Runs the module. Total: panics and endless runs are outcomes.
    pub fn run(&self, input: &Value, case: &Judged<'_>) -> Outcome {
        let clock = Clock { now_ns: case.now.millis().saturating_mul(1_000_000) };
        let about = self.by_tool.get(case.action.tool.as_str()).or(self.rest.as_ref());
        let Some(code) = about else { return Outcome::Silent };
        let ran = catch_unwind(AssertUnwindSafe(|| self.evaluate(code, input, clock)));
        match ran {
            Err(_) => Outcome::Failed("rego_panic"),
            Ok(Err(VmError::InstructionLimitExceeded { .. })) => Outcome::Failed("rego_too_long"),
            Ok(Err(_)) => Outcome::Failed("rego_error"),
            Ok(Ok(value)) => decide(&value),
        }
    }

    /// What a failure counts as: never allow.
    pub fn counted_as(&self, action: &Action) -> Verdict {
        let usual = if action.operation.has_effect() { Verdict::Approve } else { Verdict::Alert };
        self.on_fault.unwrap_or(usual)
    }

    fn evaluate(&self, code: &Code, input: &Value, clock: Clock) -> Result<Value, VmError> {
        let mut vm = RegoVM::new();
        vm.set_max_instructions(MAX_INSTRUCTIONS);
        vm.load_program(Arc::clone(&code.program));
        vm.set_input(input.clone());
        vm.set_data(Value::new_object())?;
        if !code.stepwise {
            return vm.execute_entry_point_by_name(&self.entry);
        }
        vm.set_execution_mode(ExecutionMode::Suspendable);
        let mut result = vm.execute_entry_point_by_name(&self.entry)?;
        // Each step executes instructions, so the bound on those ends this loop too.
        loop {
            let answer = match vm.execution_state() {
                ExecutionState::Suspended {
                    reason: SuspendReason::HostAwait { argument, identifier, .. },
                    ..
                } => ours(identifier, argument, clock),
                _ => return Ok(result),
            };
            result = vm.resume(Some(answer))?;
        }
    }
}

fn ours(identifier: &Value, argument: &Value, clock: Clock) -> Value {
    let extra = EXTRA.iter().find(|extra| identifier.as_string().is_ok_and(|name| &**name == extra.name));
    let args = argument.as_array().ok().map(|args| args.to_vec());
    extra.zip(args).and_then(|(extra, args)| (extra.call)(&args, clock)).unwrap_or(Value::Undefined)
}

fn compile(file: &str, text: &str, package: &str) -> Result<Module, Refused> {
    let entry = format!("data.{package}.decisions");
    if let Some((line, column)) = too_deep(text) {
        let message = format!("brackets are nested deeper than {MAX_NESTING} levels; name the inner part");
        return Err(Refused { code: "rego_too_deep", message, line, column });
    }
    // The whole is compiled first: its faults have the lines of the file.
    let whole = code(file, text, &entry)?;
    let mut module =
        Module { entry, by_tool: BTreeMap::new(), rest: Some(whole), needs: Needs::of(text), on_fault: None };
    if let Some((by_tool, rest)) = split(text).and_then(|parts| compiled(file, &parts, &module.entry)) {
        (module.by_tool, module.rest) = (by_tool, rest);
    }
    Ok(module)
}

/// Where brackets open deeper than [`MAX_NESTING`]. Quotes and comments are skipped; one that never
/// ends hides nothing, for the parser refuses it.
fn too_deep(text: &str) -> Option<(usize, usize)> {
    let (mut depth, mut line, mut column) = (0usize, 1usize, 0usize);
    let mut quote: Option<char> = None;
    let (mut comment, mut escaped) = (false, false);
    for c in text.chars() {
        column += 1;
        if c == '\n' {
            (line, column, comment) = (line + 1, 0, false);
            // A quote of this kind ends with its line at the latest.
            quote = quote.filter(|mark| *mark == '`');
            continue;
        }
        match (quote, c) {
            _ if comment => {}
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(mark), _) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(c),
            (None, '#') => comment = true,
            (None, '(' | '[' | '{') => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some((line, column));
                }
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

/// The parts of a module; `None` when one of them does not compile by itself, and then the whole
/// is run as it is.
fn compiled(file: &str, parts: &Split, entry: &str) -> Option<(BTreeMap<String, Code>, Option<Code>)> {
    let mut by_tool = BTreeMap::new();
    for (tool, text) in &parts.by_tool {
        by_tool.insert(tool.clone(), code(file, text, entry).ok()?);
    }
    let rest = match &parts.rest {
        Some(text) => Some(code(file, text, entry).ok()?),
        None => None,
    };
    Some((by_tool, rest))
}

fn code(file: &str, text: &str, entry: &str) -> Result<Code, Refused> {
    let mut engine = interpreter(Clock::default(), false);
    engine
        .add_policy(file.into(), text.into())
        .map_err(|error| refused("rego_malformed", file, &error.to_string()))?;
    let compiled = engine
        .compile_with_entrypoint(&entry.into())
        .map_err(|error| refused("rego_malformed", file, &error.to_string()))?;
    let ours: Vec<(&str, usize)> = EXTRA.iter().map(|extra| (extra.name, usize::from(extra.args))).collect();
    let program = Compiler::compile_from_policy_with_host_await(&compiled, &[entry], &ours)
        .map_err(|error| refused("rego_not_offered", file, &error.to_string()))?;
    for builtin in &program.builtin_info_table {
        if let Some((name, reason)) = WITHHELD.iter().find(|(name, _)| *name == builtin.name) {
            let message = format!("`{name}` is not offered: {reason}");
            return Err(Refused { code: "rego_not_offered", message, line: line_of(text, name), column: 1 });
        }
    }
    let stepwise = program.instructions.iter().any(|step| matches!(step, Instruction::HostAwait { .. }));
    Ok(Code { program, stepwise })
}

/// The library writes `--> file:line:column`, a picture of the source, and the fault at the end.
fn refused(code: &'static str, file: &str, error: &str) -> Refused {
    let place = error.split_once(&format!("{file}:")).map(|(_, after)| after);
    let mut numbers = place.unwrap_or("").split([':', '\n', ' ']).map_while(|part| part.parse().ok());
    let (line, column) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
    let told = error.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("");
    let told = told.trim_start_matches("error:").trim();
    let message: String = told.chars().filter(|c| !c.is_control()).take(200).collect();
    Refused { code, message: format!("this module cannot be compiled: {message}"), line, column }
}

fn line_of(text: &str, name: &str) -> usize {
    text.lines().position(|line| line.contains(name)).map_or(1, |at| at + 1)
}

/// The strictest element of the set; of equally strict ones the first in the set's own order.
fn decide(value: &Value) -> Outcome {
    if *value == Value::Undefined {
        return Outcome::Silent;
    }
    let Ok(set) = value.as_set() else { return Outcome::Failed("rego_bad_decision") };
    if set.len() > MAX_DECISIONS {
        return Outcome::Failed("rego_bad_decision");
    }
    let mut strictest: Option<Decided> = None;
    for element in set.iter() {
        let text = |key: &str| element[key].as_string().ok().map(|text| text.to_string());
        let verdict = text("verdict").as_deref().and_then(Verdict::parse);
        let (Some(verdict), Some(rule)) = (verdict, text("rule")) else {
            return Outcome::Failed("rego_bad_decision");
        };
        // The name becomes part of the record and of what people are told: a name, not a message.
        if !is_name(&rule) {
            return Outcome::Failed("rego_bad_decision");
        }
        if strictest.as_ref().is_none_or(|best| verdict > best.verdict) {
            strictest = Some(Decided { verdict, rule, reason: text("reason") });
        }
    }
    if let Some(decided) = &mut strictest {
        decided.reason = decided.reason.take().filter(|reason| is_publishable(reason));
    }
    strictest.map_or(Outcome::Silent, Outcome::Decided)
}

/// Longest name and longest reason of a decision, in bytes.
const MAX_NAME_BYTES: usize = 64;
const MAX_REASON_BYTES: usize = 240;

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether a reason may go into the record, an alert and an explanation. A module can build its
/// reason from what it was shown; one that quotes a secret or personal data, or runs on, is left
/// out and the rule's own note stands in for it.
fn is_publishable(reason: &str) -> bool {
    if reason.len() > MAX_REASON_BYTES || reason.contains(char::is_control) {
        return false;
    }
    let mut hits = Vec::new();
    for (leaf, _) in Walk::alone(None, SemanticType::FreeText, reason).leaves() {
        pii::find(&leaf, &mut hits);
        secrets::find(&leaf, &mut hits);
    }
    hits.is_empty()
}
