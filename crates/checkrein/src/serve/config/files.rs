//! Looking into the files that the settings name, before anything is started.

use engine::yaml::{Fault, Faults};

use super::{Config, Stands};
use crate::serve::{tls, trust};

/// Adds what is wrong in them, and gives back what is no fault yet but will be.
pub fn check(file: &str, config: &Config, faults: &mut Faults) -> Vec<String> {
    let mut warnings = Vec::new();
    let now = crate::clock::now();
    let mut add = |stands: Stands, code, message: String, hint: Option<&'static str>| {
        faults.0.push(Fault {
            file: file.to_owned(),
            line: stands.line,
            column: stands.column,
            code,
            message,
            hint: hint.map(str::to_owned),
        });
    };
    for listener in [&config.agents, &config.operators] {
        let Some(settings) = &listener.tls else { continue };
        match tls::load(settings, now) {
            Ok(loaded) => warnings.extend(loaded.warnings),
            Err(bad) => bad.into_iter().for_each(|bad| add(settings.stands, bad.code, bad.message, bad.hint)),
        }
    }
    for issuer in &config.issuers {
        if let Err(bad) = trust::issuer(issuer) {
            add(issuer.stands, "bad_keys", format!("{bad:#}"), None);
        }
    }
    for provider in &config.providers {
        if let Err(bad) = provider.upstream() {
            let message = format!("provider `{}`: {bad:#}", provider.upstream.name);
            add(provider.stands, "bad_secret", message, None);
        }
    }
    warnings
}
