//! Duties of four rule sets that an action touches, as one table.

use action::{ActionKind, Environment, Operation, SensitiveClass};

use super::Reasons;
use crate::detect::Scene;
use crate::detect::scene::words;

/// One duty: when it is touched and what that weighs.
struct Duty {
    id: &'static str,
    points: i16,
    touched: fn(&Touch) -> bool,
}

/// The facts that duties speak of.
struct Touch {
    card: bool,
    health: bool,
    financial: bool,
    personal: bool,
    audit_trail: bool,
    bulk: bool,
    external: bool,
    read: bool,
    changes: bool,
}

const PERSONAL: [SensitiveClass; 8] = [
    SensitiveClass::Ssn,
    SensitiveClass::Passport,
    SensitiveClass::Email,
    SensitiveClass::Health,
    SensitiveClass::Phone,
    SensitiveClass::NationalId,
    SensitiveClass::IpAddress,
    SensitiveClass::Iban,
];

/// Words of a resource type or tool that mean a kind of data.
const CARD_WORDS: [&str; 4] = ["card", "cardholder", "pan", "pci"];
const HEALTH_WORDS: [&str; 9] =
    ["health", "patient", "medical", "diagnosis", "clinical", "prescription", "phi", "ehr", "lab"];
const FINANCIAL_WORDS: [&str; 16] = [
    "payment",
    "payments",
    "refund",
    "refunds",
    "invoice",
    "invoices",
    "ledger",
    "payroll",
    "salary",
    "finance",
    "financial",
    "transaction",
    "transactions",
    "accounting",
    "revenue",
    "billing",
];
const PERSONAL_WORDS: [&str; 19] = [
    "customer",
    "customers",
    "profile",
    "profiles",
    "user",
    "users",
    "person",
    "people",
    "contact",
    "contacts",
    "employee",
    "employees",
    "pii",
    "member",
    "members",
    "subscriber",
    "applicant",
    "patient",
    "patients",
];

const DUTIES: [Duty; 10] = [
    Duty { id: "pci_dss.card_data_access", points: 20, touched: |t| t.card && t.read },
    Duty { id: "pci_dss.card_data_change", points: 30, touched: |t| t.card && t.changes },
    Duty { id: "pci_dss.card_data_out", points: 40, touched: |t| t.card && t.external },
    Duty { id: "hipaa.health_data_access", points: 30, touched: |t| t.health },
    Duty { id: "hipaa.health_data_movement", points: 40, touched: |t| t.health && t.external },
    Duty { id: "sox.financial_change", points: 40, touched: |t| t.financial && t.changes },
    Duty { id: "sox.audit_trail", points: 60, touched: |t| t.audit_trail && t.changes },
    Duty { id: "gdpr.bulk_personal_data", points: 30, touched: |t| t.personal && t.bulk },
    Duty { id: "gdpr.personal_data_out", points: 40, touched: |t| t.personal && t.external && !t.financial },
    Duty {
        id: "gdpr.bulk_erasure",
        points: 20,
        touched: |t| t.personal && t.bulk && t.changes && !t.external,
    },
];

pub fn weigh(scene: &Scene<'_>, reasons: &mut Reasons) {
    if scene.action.environment != Environment::Production {
        // Duties hold for live data. What is found elsewhere is test data until shown otherwise.
        reasons.add("compliance.not_live", 5);
        return;
    }
    let changes = scene.action.operation.has_effect();
    reasons.add("compliance.live_data", if changes { 20 } else { 10 });
    let touch = touch(scene);
    for duty in DUTIES.iter().filter(|duty| (duty.touched)(&touch)) {
        reasons.add(duty.id, duty.points);
    }
}

fn touch(scene: &Scene<'_>) -> Touch {
    let action = scene.action;
    let named: Vec<String> = [&action.resource.kind, &action.tool]
        .into_iter()
        .chain(&action.resource.name)
        .flat_map(|name| words(name.as_str()))
        .collect();
    let speaks_of = |list: &[&str]| named.iter().any(|word| list.contains(&word.as_str()));
    let operation = action.operation;
    Touch {
        card: scene.has_class(&[SensitiveClass::Card]) || speaks_of(&CARD_WORDS),
        health: scene.has_class(&[SensitiveClass::Health]) || speaks_of(&HEALTH_WORDS),
        financial: action.kind == ActionKind::Payment
            || operation == Operation::Pay
            || scene.has_class(&[SensitiveClass::Financial])
            || speaks_of(&FINANCIAL_WORDS),
        personal: scene.has_class(&PERSONAL) || speaks_of(&PERSONAL_WORDS),
        audit_trail: scene.traits.audit_trail,
        bulk: scene.records >= 1_000 || (scene.traits.everything && action.count.is_none()),
        external: scene.external,
        read: operation == Operation::Read,
        changes: operation.has_effect() && operation != Operation::Send,
    }
}
