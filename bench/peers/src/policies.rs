//! The same rules in each engine's language.
//!
//! `Roles`: a call passes if some role of the user grants its operation on its type of resource.
//! `Tools(n)`: for each of n tools a bound on the amount that one role lifts, and a rule that keeps
//! mail with a social security number inside the own domain.

use std::fmt::{Display, Formatter, Write};

use serde_json::json;

use crate::calls::{GRANTS, people};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Roles,
    Tools(usize),
}

/// Every set that is measured.
pub const SETS: &[Set] = &[Set::Roles, Set::Tools(10), Set::Tools(100), Set::Tools(1_000)];

pub const MAIL_TOOL: &str = "send_email";
pub const OWN_DOMAIN: &str = "@corp.example";
const SSN: &str = r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b";

pub const ROLES_OF_TOOLS: [&str; 7] = ["role_0", "role_1", "role_2", "role_3", "role_4", "role_5", "role_6"];

/// The amount up to which anybody may call a tool.
pub fn bound(tool: usize) -> i64 {
    10 * tool as i64
}

/// The role that may go beyond it.
pub fn role_of_tool(tool: usize) -> &'static str {
    ROLES_OF_TOOLS[tool % ROLES_OF_TOOLS.len()]
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Set::Roles => f.write_str("roles and grants, three roles"),
            Set::Tools(rules) => write!(f, "{rules} rules about as many tools, and one about mail"),
        }
    }
}

/// Checkrein's own language. Roles are facts about the agent there, so nothing looks them up.
pub fn native(set: Set) -> String {
    let mut text = String::from("policy: peers\nrules:\n");
    match set {
        Set::Roles => {
            text.push_str("  - id: no-grant\n    when:\n      not:\n        any:\n");
            for (role, operation, kind) in GRANTS {
                let grant = format!(
                    "agent: {{ role: {role} }}, operation: {operation}, resource: {{ type: {kind} }}"
                );
                let _ = writeln!(text, "          - {{ {grant} }}");
            }
            text.push_str("    then: block\n");
        }
        Set::Tools(rules) => {
            for at in 0..rules {
                let amount = format!("payload: {{ amount: {{ over: {} }} }}", bound(at));
                let role = format!("agent: {{ without_role: {} }}", role_of_tool(at));
                let _ = writeln!(
                    text,
                    "  - {{ id: tool-{at}, when: {{ tool: tool_{at}, {amount}, {role} }}, then: block }}"
                );
            }
            let _ = writeln!(
                text,
                "  - id: mail\n    when:\n      tool: {MAIL_TOOL}\n      payload: {{ to: {{ not: {{ ends_with: \"{OWN_DOMAIN}\" }} }}, body: {{ matches: '{SSN}' }} }}\n    then: block"
            );
        }
    }
    text
}

/// Where a Rego module finds things, and how it says no.
pub struct Dialect {
    package: &'static str,
    user: &'static str,
    roles: &'static str,
    kind: &'static str,
    args: &'static str,
    /// The tables of who holds what; in the module where there is no `data`.
    tables_in_module: bool,
    deny: fn(&str) -> String,
}

/// A module as Checkrein takes it.
pub const CHECKREIN: Dialect = Dialect {
    package: "checkrein.peers",
    user: "input.agent.name",
    roles: "input.agent.roles",
    kind: "input.action.resource.type",
    args: "input.action.payload",
    tables_in_module: true,
    deny: |rule| format!("decisions contains {{\"verdict\": \"block\", \"rule\": \"{rule}\"}} if"),
};

/// A module as one writes it for Rego alone, with its tables in `data`.
pub const PLAIN: Dialect = Dialect {
    package: "peers",
    user: "input.user",
    roles: "input.agent.roles",
    kind: "input.action.type",
    args: "input.action.args",
    tables_in_module: false,
    deny: |rule| format!("deny contains \"{rule}\" if"),
};

pub fn rego(set: Set, says: &Dialect) -> String {
    let mut text = format!("package {}\n", says.package);
    match set {
        Set::Roles => {
            let tables = if says.tables_in_module { "" } else { "data." };
            if says.tables_in_module {
                let tables = tables_of(set);
                let _ = write!(
                    text,
                    "\nuser_roles := {}\n\nrole_grants := {}\n",
                    tables["user_roles"], tables["role_grants"]
                );
            }
            let _ = write!(
                text,
                "\nallow if {{\n\tsome role in {tables}user_roles[{}]\n\tsome grant in {tables}role_grants[role]\n\tgrant.operation == input.action.operation\n\tgrant.type == {}\n}}\n",
                says.user, says.kind
            );
            if says.tables_in_module {
                let _ = writeln!(text, "\n{} not allow", (says.deny)("no-grant"));
            }
        }
        Set::Tools(rules) => {
            for at in 0..rules {
                let _ = write!(
                    text,
                    "\n{} {{\n\tinput.action.tool == \"tool_{at}\"\n\t{}.amount > {}\n\tnot \"{}\" in {}\n}}\n",
                    (says.deny)(&format!("tool-{at}")),
                    says.args,
                    bound(at),
                    role_of_tool(at),
                    says.roles
                );
            }
            let _ = write!(
                text,
                "\n{} {{\n\tinput.action.tool == \"{MAIL_TOOL}\"\n\tnot endswith({args}.to, \"{OWN_DOMAIN}\")\n\tregex.match(`{SSN}`, {args}.body)\n}}\n",
                (says.deny)("mail"),
                args = says.args
            );
        }
    }
    text
}

/// Who holds which roles, and what each role grants.
pub fn tables_of(set: Set) -> serde_json::Value {
    let users: serde_json::Map<String, serde_json::Value> =
        people(set).into_iter().map(|(user, roles)| (user, json!(roles))).collect();
    let mut grants = serde_json::Map::new();
    for (role, operation, kind) in GRANTS {
        let of_role = grants.entry(role).or_insert_with(|| json!([]));
        of_role
            .as_array_mut()
            .into_iter()
            .for_each(|list| list.push(json!({ "operation": operation, "type": kind })));
    }
    json!({ "user_roles": users, "role_grants": grants })
}

/// Cedar. It has no regular expressions: whether the body holds a number is told to it.
pub fn cedar(set: Set) -> String {
    let mut text = String::new();
    match set {
        Set::Roles => {
            for (role, operation, kind) in GRANTS {
                let scope = format!(
                    "principal in Role::\"{role}\", action == Action::\"{operation}\", resource == Type::\"{kind}\""
                );
                let _ = writeln!(text, "permit({scope});");
            }
        }
        Set::Tools(rules) => {
            text.push_str("permit(principal, action, resource);\n");
            for at in 0..rules {
                let _ = writeln!(
                    text,
                    "forbid(principal, action, resource == Tool::\"tool_{at}\") when {{ context has amount && context.amount > {} }} unless {{ principal in Role::\"{}\" }};",
                    bound(at),
                    role_of_tool(at)
                );
            }
            let _ = writeln!(
                text,
                "forbid(principal, action, resource == Tool::\"{MAIL_TOOL}\") when {{ context.ssn }} unless {{ context.to like \"*{OWN_DOMAIN}\" }};"
            );
        }
    }
    text
}
