//! A13 over days and months: what a budget of a period does when the next one begins.

use ledger::Clock as _;
use serde_json::{Value, json};

use super::provider::{Answers, Provider};
use super::speak::{Agent, call, until};
use super::{World, key};

const ANSWER: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":900,"completion_tokens":100}}"#;

/// Hours from now to noon on the tenth of a month: days ahead and behind it are of the same month.
fn to_the_tenth(world: &World) -> i64 {
    let now = world.clock.now().timestamp();
    let is_it = |hours: &i64| {
        let then = now.plus_millis(hours * 3_600_000).to_string();
        then.get(7..14) == Some("-10T12:")
    };
    (0..24 * 62).find(is_it).unwrap()
}

#[test]
fn a13_a_day_and_a_month_have_budgets_of_their_own_and_an_alert_goes_before_each_limit() {
    let provider = Provider::start(|_| Answers::json(ANSWER));
    let settings = format!(
        "providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
         routes:\n  - {{ models: ['*'], to: [main] }}\n\
         budgets:\n  - {{ name: daily, each: agent, per: day, requests: 2, alert_at: [50] }}\n  \
         - {{ name: monthly, each: agent, per: month, tokens: 2500, alert_at: [50, 80] }}\n",
        provider.address
    );
    let (_kept, world) = World::with(&settings, &[], "");
    let tenth = to_the_tenth(&world);
    world.clock.set(tenth);
    let agent = world.agent("thrifty", "production", &key());
    let ask = |agent: &Agent| {
        let body =
            json!({ "model": "m", "max_tokens": 100, "messages": [{ "role": "user", "content": "hello" }] });
        let reply = call(agent.address, "POST", "/v1/chat/completions", &agent.key, Some(&body));
        let error = if reply.status == 200 { Value::Null } else { reply.json()["error"]["message"].clone() };
        (reply.status, error.as_str().map(str::to_owned).unwrap_or_default())
    };
    let told = || -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |it: &Value| {
            (text(&it["finding"]["rule"]), text(&it["notes"]["budget"]), text(&it["notes"]["per_cent"]))
        };
        world.records().iter().filter(|it| !it["notes"]["budget"].is_null()).map(one).collect()
    };
    let finding =
        |rule: &str, budget: &str, per_cent: &str| (rule.to_owned(), budget.to_owned(), per_cent.to_owned());

    assert_eq!(ask(&agent).0, 200);
    until("half of the day's is an alert", || told() == [finding("budget.threshold", "daily", "50")]);
    assert_eq!(ask(&agent).0, 200);
    let (status, why) = ask(&agent);
    assert!(status == 429 && why.contains("`daily`"), "{status} {why}");
    until("both budgets were told of", || told().len() == 4);
    let all = told();
    let of = |budget: &str| all.iter().filter(|it| it.1 == budget).cloned().collect::<Vec<_>>();
    assert_eq!(
        of("daily"),
        [finding("budget.threshold", "daily", "50"), finding("budget.spent", "daily", "100")]
    );
    // 2,000 of 2,500 tokens: one call passed both thresholds.
    assert_eq!(
        of("monthly"),
        [finding("budget.threshold", "monthly", "50"), finding("budget.threshold", "monthly", "80")]
    );

    world.clock.set(tenth + 24);
    assert_eq!(ask(&agent).0, 200, "the next day has a new budget");
    let (status, why) = ask(&agent);
    assert!(status == 429 && why.contains("`monthly`"), "the month has none: {status} {why}");
    until("the month is told of as spent", || told().contains(&finding("budget.spent", "monthly", "100")));

    world.clock.set(tenth + 24 * 30);
    assert_eq!(ask(&agent).0, 200, "the next month has");
    world.clock.set(tenth);
    assert_eq!(ask(&agent).0, 200, "a clock that goes back finds the budgets of the latest period");
    assert_eq!(ask(&agent).0, 429, "and does not refill them");
    world.end_and_verify();
}
