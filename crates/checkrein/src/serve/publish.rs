//! From what operators keep to the book that requests are answered from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use action::{Digest, Environment, Name};
use anyhow::{Result, anyhow};
use engine::Rules;
use engine::facts::Allowed;
use engine::policy::Source;
use gateway::approval::More;
use gateway::book::{
    ApprovalRule, Book, Candidate, Denied, Deny, Key, Registration, RuleSets, Scope, Settings, Standing,
};
use gateway::freeze::{Freezes, Frozen};
use gateway::identity::Proof;
use gateway::ports::KeyForm;
use store::{AgentStatus, DenyKind, Identity, Language, RuleState, RuleVersion, Snapshot, TokenKind};

use super::config::Config;
use crate::packs;

/// A key's form, as the store makes keys.
pub struct StoredKeys;

impl KeyForm for StoredKeys {
    fn read(&self, text: &str) -> Option<(Name, Digest)> {
        store::present(TokenKind::Agent, text).map(|presented| (presented.prefix, presented.hash))
    }
}

/// Writes the book of one snapshot, after the one that is in force.
pub fn book(config: &Config, kept: &Snapshot, before: Option<&Book>) -> Result<Book> {
    let fresh = rules(config, kept)?;
    let rules = match before {
        Some(before) => fresh.counting_on(&before.rules),
        None => fresh,
    };
    Ok(with_rules(config, kept, rules))
}

/// The rules as they would be with this version alone of its set, for all sessions.
pub fn rules_with(config: &Config, kept: &Snapshot, version: &RuleVersion) -> Result<Arc<Rules>> {
    let mut kept = kept.clone();
    kept.rules.retain(|other| other.set != version.set);
    kept.rules.push(RuleVersion { state: RuleState::Active, percent: 100, ..version.clone() });
    Ok(rules(config, &kept)?.active)
}

/// The same with the rules of the book in force: for when the new ones cannot be read. A faulty
/// rule must not keep a revoked key alive.
pub fn with_rules_of(config: &Config, kept: &Snapshot, before: &Book) -> Book {
    with_rules(config, kept, before.rules.clone())
}

fn with_rules(config: &Config, kept: &Snapshot, rules: RuleSets) -> Book {
    Book {
        version: kept.version,
        rules,
        agents: kept.agents.iter().map(|agent| (agent.name.clone(), Arc::new(registration(agent)))).collect(),
        keys: kept
            .keys
            .iter()
            .map(|key| {
                let known = Key {
                    agent: key.owner.clone(),
                    hash: key.hash,
                    expires: key.expires,
                    revoked: key.revoked.is_some(),
                };
                (key.prefix.clone(), known)
            })
            .collect(),
        freezes: freezes(kept),
        key_form: Arc::new(StoredKeys),
        identities: kept
            .agents
            .iter()
            .flat_map(|agent| agent.profile.identities.iter().map(|one| (proof(one), agent.name.clone())))
            .collect(),
        settings: settings(config, kept),
        denies: kept
            .denies
            .iter()
            .map(|entry| {
                let kind = match entry.kind {
                    DenyKind::User => Denied::User,
                    DenyKind::Trace => Denied::Trace,
                    DenyKind::Session => Denied::Session,
                    DenyKind::Agent => Denied::Agent,
                    DenyKind::Key => Denied::Key,
                };
                ((kind, entry.key.as_str().into()), Deny { expires: entry.expires })
            })
            .collect(),
    }
}

/// The preset, the files, and the versions that are in force. Versions that decide a share of the
/// sessions make a second set beside them.
fn rules(config: &Config, kept: &Snapshot) -> Result<RuleSets> {
    let files = packs::read(&config.rules)?;
    let from_files = files.iter().map(|(file, text)| Source { file, text });
    let named = active(kept);
    let sources = |least: u8| -> Vec<Source<'_>> {
        let whole = named.iter().filter(|(_, _, percent)| *percent >= least);
        let own = whole.map(|(file, text, _)| Source { file, text });
        packs::sources(config.preset).into_iter().chain(from_files.clone()).chain(own).collect()
    };
    let load = |sources: Vec<Source<'_>>| {
        Rules::load(&sources).map(Arc::new).map_err(|faults| anyhow!("{}", packs::told(&faults)))
    };
    let share = named.iter().map(|(_, _, percent)| *percent).filter(|percent| *percent < 100).min();
    let candidate = match share {
        Some(percent) => Some(Candidate { rules: load(sources(percent))?, percent, tally: Arc::default() }),
        None => None,
    };
    Ok(RuleSets { active: load(sources(100))?, candidate })
}

/// The versions in force: as which file, with which text, for which share of the sessions.
fn active(kept: &Snapshot) -> Vec<(String, &str, u8)> {
    let languages: HashMap<&Name, Language> =
        kept.rule_sets.iter().map(|set| (&set.name, set.language)).collect();
    let versions = kept.rules.iter().filter(|version| version.state == RuleState::Active);
    let named = versions.map(|version| {
        let ending = match languages.get(&version.set) {
            Some(Language::Rego) => "rego",
            Some(Language::Yaml) | None => "yaml",
        };
        (format!("{}@{}.{ending}", version.set, version.number), version.text.as_str(), version.percent)
    });
    named.collect()
}

/// What is wrong with a text in the place of its set, beside everything else that is in force: a name
/// that two sets have, or a rule that refers to another set, is seen in no other way.
pub fn faults(config: &Config, kept: &Snapshot, set: &str, rego: bool, text: &str) -> Vec<String> {
    let files = match packs::read(&config.rules) {
        Ok(files) => files,
        Err(error) => return vec![format!("{error:#}")],
    };
    let mut others = kept.clone();
    others.rules.retain(|version| version.set.as_str() != set);
    let own = format!("{set}.{}", if rego { "rego" } else { "yaml" });
    let named = active(&others);
    let mut sources = packs::sources(config.preset);
    sources.extend(files.iter().map(|(file, text)| Source { file, text }));
    sources.extend(named.iter().map(|(file, text, _)| Source { file, text }));
    sources.push(Source { file: &own, text });
    match Rules::load(&sources) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

fn registration(agent: &store::Agent) -> Registration {
    let profile = &agent.profile;
    Registration {
        name: agent.name.clone(),
        roles: profile.roles.iter().cloned().collect(),
        application: profile.application.clone(),
        business_unit: profile.business_unit.clone(),
        environments: profile.environments.iter().copied().collect(),
        versions: profile.versions.iter().cloned().collect(),
        elevated: profile.elevated,
        signed: profile.signed,
        standing: match &agent.status {
            AgentStatus::Active => Standing::Active,
            AgentStatus::Frozen { until, .. } => Standing::Frozen { until: *until },
            AgentStatus::Suspended { .. } => Standing::Suspended,
            AgentStatus::Inactive => Standing::Inactive,
        },
        granted: allowed(&profile.granted),
        certified: allowed(&profile.certified),
    }
}

fn allowed(access: &store::Access) -> Allowed {
    let names = |list: &Option<BTreeSet<Name>>| list.as_ref().map(|list| list.iter().cloned().collect());
    Allowed {
        tools: names(&access.tools),
        resources: names(&access.resources),
        destinations: names(&access.destinations),
        classes: access.classes.as_ref().map(|list| list.iter().copied().collect()),
    }
}

fn freezes(kept: &Snapshot) -> Freezes {
    let mut freezes = Freezes::default();
    for freeze in &kept.freezes {
        let what = match &freeze.scope {
            store::Scope::Organisation => Frozen::Organisation,
            store::Scope::Application(name) => Frozen::Application(name.clone()),
            store::Scope::Agent(name) => Frozen::Agent(name.clone()),
        };
        freezes.add(what, freeze.environment, freeze.until);
    }
    freezes
}

fn proof(identity: &Identity) -> Proof {
    match identity.clone() {
        Identity::Certificate { sha256 } => Proof::Certificate(sha256),
        Identity::Uri { name } => Proof::Uri(name),
        Identity::Dns { name } => Proof::Dns(name),
        Identity::Jwt { issuer, subject } => Proof::Subject { issuer, subject },
        Identity::Ed25519 { key } => Proof::SigningKey(key),
    }
}

/// What holds for each agent and environment: the file, and what operators changed beside it.
fn settings(config: &Config, kept: &Snapshot) -> Settings {
    let mut settings = Settings::default();
    for environment in Environment::ALL {
        let base = config.environments.get(environment).cloned().unwrap_or_default();
        settings.organisation.insert(*environment, Arc::new(base.clone()));
        for agent in &kept.agents {
            let application = agent.profile.application.as_ref();
            let chosen = kept.settings_for(application, &agent.name, *environment);
            let policy = kept.approval_policy_for(application, &agent.name, *environment);
            if chosen != store::Settings::default() || policy.is_some() {
                let mut scope = overlaid(base.clone(), &chosen);
                if let Some(policy) = policy {
                    scope.approval = approval(policy, scope.approval.release_within_millis);
                }
                settings.agents.insert((agent.name.clone(), *environment), Arc::new(scope));
            }
        }
    }
    settings
}

fn overlaid(mut scope: Scope, chosen: &store::Settings) -> Scope {
    scope.mode = chosen.mode.unwrap_or(scope.mode);
    scope.fail_reads = chosen.fail_reads.unwrap_or(scope.fail_reads);
    scope.fail_effects = chosen.fail_effects.unwrap_or(scope.fail_effects);
    scope.capture = chosen.capture.unwrap_or(scope.capture);
    scope.explain = chosen.explain.or(scope.explain);
    scope.isolate_effects = chosen.isolate_effects.unwrap_or(scope.isolate_effects);
    if let Some(seconds) = chosen.approval_seconds {
        scope.approval.deadline_millis = u64::from(seconds) * 1000;
    }
    scope.budget.alert_at = vec![80, 100];
    scope.budget.per_day = chosen.requests_per_day.or(scope.budget.per_day);
    scope.budget.per_month = chosen.requests_per_month.or(scope.budget.per_month);
    scope
}

/// A policy holds whole: of the file beside it only how long an approved action may be taken is left.
fn approval(policy: &store::ApprovalPolicy, release_within_millis: u64) -> ApprovalRule {
    let more = policy.more.iter().map(|more| More {
        amount_over: more.amount_over.clone(),
        severity_from: more.severity_from,
        needed: more.quorum,
    });
    ApprovalRule {
        needed: policy.quorum,
        more: more.collect(),
        from: policy.approvers.iter().cloned().collect(),
        deadline_millis: u64::from(policy.deadline_seconds) * 1000,
        release_within_millis,
    }
}
