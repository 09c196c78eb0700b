//! How sensitive the data is that an action touches: by the classes found, by the kind of resource
//! and the fields it names, and by whether the data is live. Found once, used by the sensitivity
//! dimension and by the detectors of exfiltration.

use action::{Environment, SensitiveClass, Sensitivity};

use super::Scene;
use super::scene::words;

/// What one class is when it is live. Outside production everything is test data and low.
const CLASSES: [(SensitiveClass, Sensitivity); 14] = [
    (SensitiveClass::Card, Sensitivity::High),
    (SensitiveClass::Ssn, Sensitivity::High),
    (SensitiveClass::Passport, Sensitivity::High),
    (SensitiveClass::Email, Sensitivity::Medium),
    (SensitiveClass::ApiKey, Sensitivity::High),
    (SensitiveClass::Jwt, Sensitivity::High),
    (SensitiveClass::Credential, Sensitivity::High),
    (SensitiveClass::Health, Sensitivity::High),
    (SensitiveClass::Financial, Sensitivity::High),
    (SensitiveClass::Phone, Sensitivity::Medium),
    (SensitiveClass::Iban, Sensitivity::High),
    (SensitiveClass::IpAddress, Sensitivity::Low),
    (SensitiveClass::NationalId, Sensitivity::High),
    (SensitiveClass::Custom, Sensitivity::Medium),
];

/// Words of a resource type that say what it holds, where nothing was found in the text.
const HIGH_WORDS: [&str; 15] = [
    "ssn",
    "card",
    "cardholder",
    "passport",
    "health",
    "patient",
    "medical",
    "payroll",
    "salary",
    "credential",
    "credentials",
    "secret",
    "secrets",
    "password",
    "keys",
];
const MEDIUM_WORDS: [&str; 18] = [
    "customer",
    "customers",
    "profile",
    "profiles",
    "user",
    "users",
    "email",
    "emails",
    "contact",
    "contacts",
    "employee",
    "employees",
    "payment",
    "payments",
    "invoice",
    "account",
    "accounts",
    "pii",
];

/// The sensitivity level of the data that an action touches.
pub fn level(scene: &Scene<'_>) -> Sensitivity {
    let found = scene.classes.iter().filter_map(|class| CLASSES.get(class.index())).map(|(_, level)| *level);
    let resource = &scene.action.resource;
    let named: Vec<String> =
        std::iter::once(&resource.kind).chain(&resource.name).flat_map(|name| words(name.as_str())).collect();
    let speaks_of = |list: &[&str]| named.iter().any(|word| list.contains(&word.as_str()));
    let of_resource = if speaks_of(&HIGH_WORDS) || scene.traits.audit_trail || scene.traits.secret_fields {
        Sensitivity::High
    } else if speaks_of(&MEDIUM_WORDS) {
        Sensitivity::Medium
    } else {
        Sensitivity::None
    };
    let live = found.fold(of_resource, Sensitivity::max);
    match scene.action.environment {
        Environment::Production => live,
        Environment::Staging | Environment::Development => live.min(Sensitivity::Low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_list_of_classes() {
        let order: Vec<SensitiveClass> = CLASSES.iter().map(|(class, _)| *class).collect();
        assert_eq!(order, SensitiveClass::ALL);
    }
}
