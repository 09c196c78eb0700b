//! Policy violation: breaches of data-access rules that come from outside. Our own verdict rules
//! are apart, in `policy`.

use action::{Confidence, Detection, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;
use crate::facts::Allowed;

/// The rules of one outside source.
struct Source {
    tool: &'static str,
    resource: &'static str,
    destination: &'static str,
    class: &'static str,
    severity: Severity,
    confidence: Confidence,
}

const GRANT: Source = Source {
    tool: "access.tool_not_granted",
    resource: "access.resource_not_granted",
    destination: "access.destination_not_granted",
    class: "access.class_not_granted",
    severity: Severity::High,
    confidence: Confidence::HIGH,
};
const CERTIFICATE: Source = Source {
    tool: "certificate.tool_not_declared",
    resource: "certificate.resource_not_declared",
    destination: "certificate.destination_not_declared",
    class: "certificate.class_not_declared",
    severity: Severity::Medium,
    confidence: Confidence::HIGH,
};

pub fn find(scene: &Scene<'_>, _: &Limits, out: &mut Vec<Detection>) {
    let access = &scene.facts.access;
    for (allowed, source) in [(&access.granted, &GRANT), (&access.certified, &CERTIFICATE)] {
        check(scene, allowed, source, out);
    }
}

fn check(scene: &Scene<'_>, allowed: &Allowed, source: &Source, out: &mut Vec<Detection>) {
    let mut report = |rule| out.push(fact(Vector::PolicyViolation, rule, source.severity, source.confidence));
    let action = scene.action;
    if allowed.tools.as_ref().is_some_and(|list| !Allowed::covers(list, action.tool.as_str())) {
        report(source.tool);
    }
    if allowed.resources.as_ref().is_some_and(|list| !Allowed::covers(list, action.resource.kind.as_str())) {
        report(source.resource);
    }
    let strange = |list: &Vec<action::Name>| {
        scene
            .destinations
            .iter()
            .any(|to| !Allowed::covers_host(list, &to.name) && !Allowed::covers(list, &to.full))
    };
    if allowed.destinations.as_ref().is_some_and(strange) {
        report(source.destination);
    }
    let classes =
        |list: &Vec<action::SensitiveClass>| scene.classes.iter().any(|class| !list.contains(class));
    if allowed.classes.as_ref().is_some_and(classes) {
        report(source.class);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_breach_of_each_source_is_named_and_what_is_absent_breaks_nothing() {
        let facts = facts(
            r#"{ "access": { "granted": { "tools": ["get_*"], "resources": ["order"] },
                             "certified": { "destinations": ["corp.example"] } } }"#,
        );
        assert!(found(find, &action("{}"), &facts).is_empty());
        let other = action(
            r#"{ "tool": "drop_orders", "resource": { "type": "customer",
            "destinations": ["api.corp.example", "corp.example.test"] } }"#,
        );
        assert_eq!(
            rules(&found(find, &other, &facts)),
            [
                "access.tool_not_granted",
                "access.resource_not_granted",
                "certificate.destination_not_declared"
            ]
        );
        let below = action(r#"{ "resource": { "type": "order", "destinations": ["api.corp.example"] } }"#);
        assert!(found(find, &below, &facts).is_empty());
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        let facts = facts(r#"{ "access": { "granted": { "tools": [] } } }"#);
        assert_eq!(rules(&found(find, &action("{}"), &facts)), ["access.tool_not_granted"]);
    }
}
