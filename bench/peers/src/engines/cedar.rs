//! Cedar: users are entities below their roles, tools and types are resources.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use serde_json::{Value, json};

use super::Peer;
use crate::Result;
use crate::calls::{Call, people};
use crate::policies::{self, Set};

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Peer for Cedar {
    type Input = Request;

    fn policy(set: Set) -> String {
        policies::cedar(set)
    }

    fn load(set: Set, policy: &str) -> Result<Self> {
        let entities = Entities::from_json_str(&entities(set).to_string(), None)?;
        Ok(Cedar { authorizer: Authorizer::new(), policies: policy.parse()?, entities })
    }

    fn input(set: Set, call: &Call) -> Result<Request> {
        let resource = match set {
            Set::Roles => uid("Type", call.resource)?,
            Set::Tools(_) => uid("Tool", &call.tool)?,
        };
        let mut facts = vec![
            ("to".to_owned(), RestrictedExpression::new_string(call.to.clone())),
            ("body".to_owned(), RestrictedExpression::new_string(call.body.into())),
            ("ssn".to_owned(), RestrictedExpression::new_bool(call.ssn)),
        ];
        facts.extend(call.amount.map(|amount| ("amount".to_owned(), RestrictedExpression::new_long(amount))));
        let context = Context::from_pairs(facts)?;
        Ok(Request::new(uid("User", &call.user)?, uid("Action", call.operation)?, resource, context, None)?)
    }

    fn blocks(&mut self, request: &Request) -> Result<bool> {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        // A policy that fails is skipped, so its failure must not pass for an answer.
        match response.diagnostics().errors().next() {
            Some(error) => Err(error.to_string().into()),
            None => Ok(response.decision() == Decision::Deny),
        }
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>()?, EntityId::new(id)))
}

fn entities(set: Set) -> Value {
    let user = |(user, roles): (String, Vec<String>)| {
        let parents: Vec<Value> = roles.iter().map(|role| json!({ "type": "Role", "id": role })).collect();
        json!({ "uid": { "type": "User", "id": user }, "attrs": {}, "parents": parents })
    };
    people(set).into_iter().map(user).collect()
}
