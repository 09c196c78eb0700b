//! Scopes in paths: `organisation`, `application:billing` or `agent:shop-helper`, then an environment
//! or `all`.

use action::{Environment, Name};
use store::Scope;

use crate::call::Call;
use crate::fault::Fault;

/// The scope and the environment of a path.
pub(super) fn of(call: &Call) -> Result<(Scope, Option<Environment>), Fault> {
    let scope = scope(call.name("scope")?.as_str())?;
    let place = call.name("environment")?;
    let environment = match place.as_str() {
        "all" => None,
        word => Some(Environment::parse(word).ok_or_else(|| {
            Fault::bad("bad_environment", "the last part of the path is an environment, or `all`")
        })?),
    };
    Ok((scope, environment))
}

fn scope(text: &str) -> Result<Scope, Fault> {
    let bad = || {
        let message = "a scope is `organisation`, `application:NAME` or `agent:NAME`";
        Fault::bad("bad_scope", message)
    };
    let named = |name: &str| Name::new(name).map_err(|_| bad());
    match text.split_once(':') {
        None if text == "organisation" => Ok(Scope::Organisation),
        Some(("application", name)) => Ok(Scope::Application(named(name)?)),
        Some(("agent", name)) => Ok(Scope::Agent(named(name)?)),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_one_form_only() {
        let name = |text: &str| Name::new(text).unwrap();
        assert_eq!(scope("organisation").unwrap(), Scope::Organisation);
        assert_eq!(scope("application:billing").unwrap(), Scope::Application(name("billing")));
        assert_eq!(scope("agent:a:b").unwrap(), Scope::Agent(name("a:b")));
        for bad in ["", "agent", "agent:", "organisation:x", "team:x", "Agent:x"] {
            assert_eq!(scope(bad).unwrap_err().code, "bad_scope", "{bad}");
        }
    }
}
