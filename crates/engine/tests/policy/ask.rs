//! One action asked of some policies.

use action::{Action, Json};
use engine::facts::Facts;
use engine::policy::cases::{Given, PLAIN_ACTION};
use engine::policy::{Judged, Judgement, Policies, Source, judge};

pub fn load(texts: &[String]) -> Policies {
    let sources: Vec<Source<'_>> = texts.iter().map(|text| Source { file: "p.yaml", text }).collect();
    Policies::load(&sources).map_err(|faults| format!("{faults:?}\n{texts:?}")).unwrap()
}

/// The case of an action about which nothing was found but what is given.
pub fn judged<'a>(action: &'a Action, facts: &'a Facts, given: &'a Given) -> Judged<'a> {
    Judged {
        action,
        facts,
        now: action.time,
        detections: &given.detections,
        score: &given.score,
        classes: &given.classes,
        sensitivity: action::Sensitivity::None,
        records: None,
        external: false,
        tainted: false,
        deviation: None,
    }
}

/// The plain action with these fields put over it.
pub fn action(fields: &str) -> Action {
    let Ok(Json::Object(mut whole)) = Json::parse(PLAIN_ACTION.as_bytes()) else {
        panic!("an action is an object")
    };
    let Json::Object(fields) = Json::parse(fields.as_bytes()).unwrap() else {
        panic!("an action is an object")
    };
    for (key, value) in fields {
        whole.retain(|(known, _)| *known != key);
        whole.push((key, value));
    }
    Json::parse_as(&serde_json::to_vec(&Json::Object(whole)).unwrap()).unwrap()
}

/// What policies make of the plain action with these fields, at a score of 20.
pub fn ask(policies: &Policies, fields: &str) -> Judgement {
    let mut given = Given::default();
    given.score.value = 20;
    judge(&judged(&action(fields), &Facts::default(), &given), policies)
}
