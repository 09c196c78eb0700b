//! regorus: Rego, by its interpreter and by its byte code.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{CompiledPolicy, Value};
use serde_json::json;

use super::Peer;
use crate::Result;
use crate::calls::Call;
use crate::policies::{self, Set, tables_of};

fn entry(set: Set) -> &'static str {
    match set {
        Set::Roles => "data.peers.allow",
        Set::Tools(_) => "data.peers.deny",
    }
}

/// The document that the rules call `data`.
fn data(set: Set) -> Result<Value> {
    match set {
        Set::Roles => Ok(Value::from_json_str(&tables_of(set).to_string())?),
        Set::Tools(_) => Ok(Value::new_object()),
    }
}

fn compiled(set: Set, policy: &str) -> Result<CompiledPolicy> {
    let mut engine = regorus::Engine::new();
    engine.add_policy("peers.rego".into(), policy.into())?;
    engine.add_data(data(set)?)?;
    Ok(engine.compile_with_entrypoint(&Arc::from(entry(set)))?)
}

fn input(call: &Call) -> Result<Value> {
    let mut args = json!({ "to": call.to, "body": call.body });
    if let Some(amount) = call.amount {
        args["amount"] = amount.into();
    }
    let input = json!({
        "user": call.user,
        "agent": { "roles": call.roles },
        "action": { "operation": call.operation, "type": call.resource, "tool": call.tool, "args": args },
    });
    Ok(Value::from_json_str(&input.to_string())?)
}

/// A grant that is not there, or a denial that is.
fn is_blocked(set: Set, answer: &Value) -> Result<bool> {
    match (set, answer) {
        (Set::Roles, Value::Bool(allowed)) => Ok(!allowed),
        (Set::Roles, Value::Undefined) => Ok(true),
        (Set::Tools(_), Value::Set(denials)) => Ok(!denials.is_empty()),
        _ => Err(format!("unexpected answer {answer}").into()),
    }
}

pub struct Interpreter {
    set: Set,
    policy: CompiledPolicy,
}

impl Peer for Interpreter {
    type Input = Value;

    fn policy(set: Set) -> String {
        policies::rego(set, &policies::PLAIN)
    }

    fn load(set: Set, policy: &str) -> Result<Self> {
        Ok(Interpreter { set, policy: compiled(set, policy)? })
    }

    fn input(_: Set, call: &Call) -> Result<Value> {
        input(call)
    }

    fn blocks(&mut self, input: &Value) -> Result<bool> {
        is_blocked(self.set, &self.policy.eval_with_input(input.clone())?)
    }
}

pub struct Bytecode {
    set: Set,
    machine: RegoVM,
}

impl Peer for Bytecode {
    type Input = Value;

    fn policy(set: Set) -> String {
        policies::rego(set, &policies::PLAIN)
    }

    fn load(set: Set, policy: &str) -> Result<Self> {
        let program = Compiler::compile_from_policy(&compiled(set, policy)?, &[entry(set)])?;
        let mut machine = RegoVM::new();
        // Its usual bound stops a program of a thousand rules before the end.
        machine.set_max_instructions(1_000_000);
        machine.load_program(program);
        machine.set_data(data(set)?)?;
        Ok(Bytecode { set, machine })
    }

    fn input(_: Set, call: &Call) -> Result<Value> {
        input(call)
    }

    fn blocks(&mut self, input: &Value) -> Result<bool> {
        self.machine.set_input(input.clone());
        is_blocked(self.set, &self.machine.execute()?)
    }
}
