//! Who calls, and whether they may.

use action::{AccessRole, Name, Timestamp};
use http::HeaderMap;
use http::StatusCode;
use http::header::AUTHORIZATION;
use store::TokenKind;
use subtle::ConstantTimeEq as _;

use crate::Office;
use crate::fault::Fault;
use crate::table::Route;

/// An operator whose token was checked.
pub struct Known {
    pub name: Name,
    pub roles: Vec<AccessRole>,
}

/// Finds the operator. One answer for every kind of wrong token.
pub fn identify(office: &Office, headers: &HeaderMap, now: Timestamp) -> Result<Known, Fault> {
    let refused = || {
        Fault::new(StatusCode::UNAUTHORIZED, "bad_credentials", "the token is unknown, expired or revoked")
    };
    let Some(value) = headers.get(AUTHORIZATION) else {
        let message = "send the operator's token as `Authorization: Bearer cro_…`";
        return Err(Fault::new(StatusCode::UNAUTHORIZED, "no_credentials", message));
    };
    let text = value.to_str().map_err(|_| refused())?;
    let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = scheme.and(text.get(7..)).ok_or_else(refused)?.trim();
    let presented = store::present(TokenKind::Operator, token).ok_or_else(refused)?;
    let kept = office.kept.load();
    let credential = kept.tokens.iter().find(|token| token.prefix == presented.prefix).ok_or_else(refused)?;
    let operator = kept.operators.iter().find(|one| one.name == credential.owner).ok_or_else(refused)?;
    let same = bool::from(credential.hash.as_bytes().ct_eq(presented.hash.as_bytes()));
    if !same || !credential.is_valid(now) || operator.disabled {
        return Err(refused());
    }
    Ok(Known { name: operator.name.clone(), roles: operator.roles.iter().copied().collect() })
}

/// Whether one of the roles is on the route's list. An empty list is for every operator.
pub fn admit(route: &Route, roles: &[AccessRole]) -> Result<(), Fault> {
    if route.who.is_empty() || route.who.iter().any(|role| roles.contains(role)) {
        return Ok(());
    }
    let who: Vec<&str> = route.who.iter().map(|role| role.as_str()).collect();
    Err(Fault::new(
        StatusCode::FORBIDDEN,
        "not_your_role",
        format!("this needs one of the roles: {}", who.join(", ")),
    ))
}
