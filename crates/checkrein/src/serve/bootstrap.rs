//! The first start: somebody must be able to do the first thing.

use std::collections::BTreeSet;

use action::{AccessRole, Name, Timestamp};
use anyhow::{Context, Result};
use store::{Credential, State, TokenKind};

/// Makes the first operator, with every role, and gives back its token: shown once.
pub fn first_operator(state: &State, now: Timestamp) -> Result<Option<String>> {
    let limit = store::Limit::default();
    if !state.operators(None, limit).context("cannot list the operators")?.items.is_empty() {
        return Ok(None);
    }
    let name = Name::new("admin").context("`admin` is a name")?;
    let roles: BTreeSet<AccessRole> = AccessRole::ALL.iter().copied().collect();
    state.add_operator(&name, &roles, now).context("cannot add the first operator")?;
    let minted = store::mint(TokenKind::Operator).context("cannot make a token")?;
    let credential = Credential {
        prefix: minted.prefix,
        owner: name,
        hash: minted.hash,
        label: Name::new("first start").context("`first start` is a name")?,
        created: now,
        expires: None,
        revoked: None,
        last_used: None,
    };
    state.add_token(&credential).context("cannot keep the first token")?;
    Ok(Some(minted.text.to_string()))
}
