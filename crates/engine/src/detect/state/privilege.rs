//! Privilege escalation: rights that are granted, widened or taken on.

use action::{ActionKind, Confidence, Detection, Json, Operation, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;
use crate::detect::scene::words;

/// Words of a role or scope that means everything.
const ADMIN: [&str; 12] = [
    "admin",
    "administrator",
    "administrators",
    "root",
    "superuser",
    "sysadmin",
    "owner",
    "sudo",
    "poweruser",
    "superadmin",
    "wheel",
    "dba",
];
/// Words of keys whose value names a right.
const RIGHT_KEYS: [&str; 16] = [
    "role",
    "roles",
    "scope",
    "scopes",
    "permission",
    "permissions",
    "privilege",
    "privileges",
    "group",
    "groups",
    "policy",
    "policies",
    "access",
    "level",
    "entitlement",
    "grant",
];
/// Words of keys whose value names who gets it.
const SUBJECT_KEYS: [&str; 12] = [
    "user",
    "subject",
    "principal",
    "member",
    "grantee",
    "to",
    "agent",
    "account",
    "assignee",
    "identity",
    "username",
    "email",
];
/// Pairs of tool words that make a credential or take on an identity.
const MINTING: [(&str, &str); 10] = [
    ("create", "key"),
    ("create", "token"),
    ("create", "credential"),
    ("create", "secret"),
    ("generate", "key"),
    ("generate", "token"),
    ("issue", "token"),
    ("issue", "certificate"),
    ("mint", "token"),
    ("rotate", "key"),
];
const ASSUMING: [(&str, &str); 5] =
    [("assume", "role"), ("impersonate", ""), ("switch", "role"), ("pass", "role"), ("become", "user")];

/// What the payload says about rights.
#[derive(Default)]
struct Rights {
    admin: bool,
    everything: bool,
    own_subject: bool,
    beyond_own: bool,
    sudo: bool,
    wild_action: bool,
    wild_resource: bool,
}

pub fn find(scene: &Scene<'_>, _: &Limits, out: &mut Vec<Detection>) {
    let action = scene.action;
    let tool: Vec<String> = words(action.tool.as_str()).collect();
    // The thing that is made stands last: `create_key` makes a key, `create_key_visual` does not.
    let last = tool.last().map_or("", |word| word.trim_end_matches('s'));
    let pair = |list: &[(&str, &str)]| {
        list.iter()
            .any(|(verb, noun)| tool.iter().any(|word| word == verb) && (noun.is_empty() || last == *noun))
    };
    let (minting, assuming) = (pair(&MINTING), pair(&ASSUMING));
    let grants = action.operation == Operation::Grant || action.kind == ActionKind::PrivilegeChange;
    let about_rights = grants
        || minting
        || tool.iter().any(|word| {
            RIGHT_KEYS.contains(&word.as_str()) || matches!(word.as_str(), "iam" | "acl" | "rbac")
        });

    let mut rights = Rights::default();
    read(&action.payload, "", scene, &mut rights);
    let everything = rights.everything || (rights.wild_action && rights.wild_resource);
    let effect = action.operation.has_effect();
    // Each row: whether it holds, its rule, how bad and how sure. Reading who is an administrator
    // is no escalation, so most rows need an action that changes something.
    let rows = [
        (grants && rights.own_subject, "privilege.self_grant", Severity::Critical, Confidence::CRITICAL),
        (
            effect && about_rights && everything,
            "privilege.everything",
            Severity::Critical,
            Confidence::CRITICAL,
        ),
        (effect && about_rights && rights.admin, "privilege.admin_scope", Severity::High, Confidence::HIGH),
        (grants && rights.beyond_own, "privilege.beyond_own", Severity::High, Confidence::MEDIUM),
        (assuming, "privilege.assume_role", Severity::High, Confidence::MEDIUM),
        (effect && minting, "privilege.mint_credential", Severity::High, Confidence::MEDIUM),
        (rights.sudo, "privilege.sudo", Severity::High, Confidence::HIGH),
        (grants, "privilege.grant", Severity::Medium, Confidence::MEDIUM),
    ];
    for (_, rule, severity, confidence) in rows.into_iter().filter(|row| row.0) {
        out.push(fact(Vector::PrivilegeEscalation, rule, severity, confidence));
    }
}

fn read(value: &Json, key: &str, scene: &Scene<'_>, rights: &mut Rights) {
    match value {
        Json::Text(text) => read_text(text, key, scene, rights),
        Json::List(items) => items.iter().for_each(|item| read(item, key, scene, rights)),
        Json::Object(entries) => entries.iter().for_each(|(key, item)| read(item, key, scene, rights)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn read_text(text: &str, key: &str, scene: &Scene<'_>, rights: &mut Rights) {
    let keyed = |list: &[&str]| words(key).any(|word| list.contains(&word.as_str()));
    if matches!(key.to_ascii_lowercase().as_str(), "cmd" | "command" | "shell" | "script") {
        rights.sudo |= escalates(text);
    }
    // Rights and subjects are names; a longer text only speaks about them.
    if text.len() > 256 {
        return;
    }
    let trimmed = text.trim();
    rights.everything |= trimmed == "*:*" || trimmed == "*.*";
    if trimmed == "*" {
        rights.wild_action |= key.eq_ignore_ascii_case("action") || key.eq_ignore_ascii_case("actions");
        rights.wild_resource |= key.eq_ignore_ascii_case("resource") || key.eq_ignore_ascii_case("resources");
    }
    if keyed(&RIGHT_KEYS) {
        rights.everything |= trimmed == "*";
        rights.admin |= words(text).any(|word| ADMIN.contains(&word.as_str()));
        let own = &scene.facts.agent.roles;
        let role = words(key).any(|word| word == "role" || word == "roles");
        rights.beyond_own |=
            role && !own.is_empty() && !own.iter().any(|r| r.as_str().eq_ignore_ascii_case(trimmed));
    }
    if keyed(&SUBJECT_KEYS) {
        let action = scene.action;
        let principal = action.principal.as_ref().map(|principal| principal.id.as_str());
        rights.own_subject |= [Some(action.agent.name.as_str()), principal]
            .into_iter()
            .flatten()
            .any(|own| own.eq_ignore_ascii_case(trimmed));
    }
}

/// Whether a command line raises its own rights: by sudo or su at the start of a command, by the
/// set-user-id bit, or through the files that hold rights.
fn escalates(line: &str) -> bool {
    let commands = line.split(['|', ';', '&', '\n', '(', '`']);
    let mut starts = commands.filter_map(|command| command.split_whitespace().next());
    let raised = starts.any(|first| {
        let program = first.rsplit('/').next().unwrap_or(first);
        matches!(program, "sudo" | "su" | "doas" | "pkexec" | "visudo")
    });
    let touched = ["/etc/sudoers", "/etc/shadow", "u+s", "chmod 4", "setuid", "--privileged", "cap_setuid"];
    raised || touched.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn hits(changes: &str) -> Vec<String> {
        let facts = facts(r#"{ "agent": { "roles": ["Support-Agent"] } }"#);
        rules(&found(find, &action(changes), &facts)).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn granting_is_named_by_how_far_it_goes() {
        let grant = |args: &str| {
            hits(&format!(
                r#"{{ "kind": "privilege_change", "operation": "grant", "tool": "grant_role", "payload": {args} }}"#
            ))
        };
        assert_eq!(grant(r#"{ "user": "bob", "role": "Support-Agent" }"#), ["privilege.grant"]);
        assert_eq!(
            grant(r#"{ "user": "shop-bot", "role": "Support-Agent" }"#),
            ["privilege.self_grant", "privilege.grant"]
        );
        assert_eq!(
            grant(r#"{ "user": "bob", "role": "billing-admin" }"#),
            ["privilege.admin_scope", "privilege.beyond_own", "privilege.grant"]
        );
        assert!(
            grant(r#"{ "user": "bob", "permissions": ["*"] }"#).contains(&"privilege.everything".to_owned())
        );
    }

    #[test]
    fn a_policy_that_allows_everything_on_everything_is_found() {
        let put = |what: &str, on: &str| {
            hits(&format!(
                r#"{{ "operation": "write", "tool": "put_role_policy", "payload":
                    {{ "Statement": [{{ "Effect": "Allow", "Action": "{what}", "Resource": "{on}" }}] }} }}"#
            ))
        };
        assert_eq!(put("*", "*"), ["privilege.everything"]);
        assert!(put("s3:GetObject", "*").is_empty());
    }

    #[test]
    fn credentials_roles_and_sudo() {
        assert_eq!(
            hits(r#"{ "operation": "write", "tool": "create_access_key" }"#),
            ["privilege.mint_credential"]
        );
        assert_eq!(hits(r#"{ "operation": "write", "tool": "AssumeRole" }"#), ["privilege.assume_role"]);
        assert_eq!(hits(r#"{ "tool": "run", "payload": { "cmd": "ls; sudo -i" } }"#), ["privilege.sudo"]);
        assert!(hits(r#"{ "tool": "run", "payload": { "cmd": "man sudo" } }"#).is_empty());
    }

    #[test]
    fn reading_or_talking_about_administrators_is_none() {
        assert!(hits(r#"{ "tool": "list_role_members", "payload": { "role": "admin" } }"#).is_empty());
        assert!(
            hits(r#"{ "operation": "write", "tool": "add_note", "payload": { "level": "admin" } }"#)
                .is_empty()
        );
        assert!(hits(r#"{ "operation": "write", "tool": "create_key_visual" }"#).is_empty());
    }
}
