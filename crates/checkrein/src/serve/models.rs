//! The story of calls of models: its upstreams' connections, which outlive their routes and keys.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use gateway::Guard;
use gateway::ask::Tokens;
use gateway::llm::Models;
use gateway::route::Base;
use gateway::tool::Told;
use gateway::upstream::Leg;
use http::Uri;

use super::money::Treasury;

/// `tools` is what operators say of tools, whoever offers them.
pub fn models(treasury: &Treasury, guard: &Arc<Guard>, tokens: &Tokens, tools: Vec<Told>) -> Result<Models> {
    let mut legs = HashMap::new();
    for upstream in &treasury.routes.load().upstreams {
        let base = address(&upstream.base)?;
        let leg = Leg::through(&base, upstream.ca.as_deref(), upstream.proxy.as_ref());
        let leg =
            leg.with_context(|| format!("cannot set up connections to the provider `{}`", upstream.name))?;
        legs.insert(upstream.name.clone(), leg);
    }
    let (routes, money) = (Arc::clone(&treasury.routes), Arc::clone(&treasury.money));
    Ok(Models::new(Arc::clone(guard), tokens.clone(), routes, legs, money, tools))
}

/// Without what stands in front of its paths: an upstream puts that there itself.
fn address(base: &Base) -> Result<Uri> {
    base.to_string().parse().context("the address of a provider cannot be used")
}
