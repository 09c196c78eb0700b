//! The page on providers, `docs/providers.md`: an explanation, then the tables of the code.

use std::fmt::Write as _;

use anyhow::Result;
use gateway::money::{Prices, shown};
use gateway::provider::{Auth, Cover, OTHERS, PROVIDERS, Provider, Speaks};

use crate::reference::{code, table};

const HEAD: &str = r#"# Providers of models

Printed by `checkrein providers`; a test fails when this page and the code differ. What calls cost and who may spend
how much is in [budgets](budgets.md).

## Setting one up

```yaml
providers:
  - name: main                      # what routes, prices and `/via/main/` call it
    kind: openai                    # a row of the table below
    key: { env: OPENAI_API_KEY }    # or { file: PATH }; never the key itself
  - name: cloud
    kind: bedrock
    region: eu-west-1               # fills in the address, and says where data goes
    key: { file: bedrock.key }
  - name: own
    kind: openai_compatible
    url: https://models.internal.example/v1
    auth: { header: x-token }       # bearer (usual), sigv4, none, { header: NAME }, { query: NAME }
    headers: { x-team: support, x-more: { env: MORE } }
    speaks:                         # where it differs from its kind; `{model}` stands for the model
      - { dialect: openai_chat, path: /v1/chat/completions }
    models: { gpt-4o: llama-3 }     # what models are called here, by what agents call them
    ca: internal-ca.pem             # authorities instead of the public ones
    proxy: http://127.0.0.1:3128
    accepts: [email, phone]         # sensitive classes that it may be sent; absent for all
routes:
  - models: ["gpt-*"]
    to: [main, own]
    by: order                       # order, latency, cost, round_robin
    attempts: 2                     # providers that one call is tried at
    retry_on: [429, 500, 502, 503, 504, 529]
    never: { classes: [health], providers: [main], regions: ["us-*"] }
```

`url` must be `https`, except on this machine or with `allow_plain: true`. It may end with `/v1` or not.

## Which one is called

The first route whose `models` match decides (`*` stands for any text, letters of either case are alike). A model that no
route matches is refused; without any route, a call goes to the first provider that speaks its format. `/via/NAME/` in front of
the path names a provider; it gets around no `never`.

- What is forbidden is decided first. A provider that `never` or its own `accepts` excludes for the sensitive classes of a call
  is no candidate, also when all others fail. With `regions`, a provider without a `region` counts as inside.
- `order` tries them as listed. `latency` draws two and takes the one with less to do: the time to the first byte, which rises
  at once and halves every 10 seconds, times its calls under way. `cost` takes the cheapest by the price table. `round_robin` takes
  turns.
- After 5 failures in a row (unreachable, broken off, status 5xx) one is left alone for 5 seconds, then one call looks whether it
  is back, and each time it is not the wait doubles, up to 5 minutes. `Retry-After` on 429 and 503 is respected, up to 10 minutes.
  When all are left alone, the one that is back soonest is called anyway.
- A call is tried again only when nothing of it can have been done: it could not be sent, or the answer has a status of
  `retry_on`. Never after a byte of an answer was handed on, and not when all was sent and no answer came.

## A second model beside the live one

```yaml
routes:
  - models: ["gpt-4o"]
    to: [main]
    shadow: { to: trial, model: new-model, share: 10, dollars_a_day: 5.00 }   # without `model`, the one asked for
```

`share` per cent of the route's calls are made once more at `trial` after their answer was given, and both answers are compared. Nobody
is given the second one, no call of a tool in it is carried out, and nothing of it is stored. Calls with `/via/` are not mirrored, nor
those whose live answer did not come to its end.

- **The same door.** A mirrored call is an action of its own, judged by the same rules for the place where it goes, with a record that names
  the live one (note `mirrors`). What rules replace is replaced alike in both. What a rule refuses or would have a person decide is
  `refused`; what `never` of either model's route, or `accepts` of the provider, keeps from it for the data at hand is `forbidden`.
  It is no doing of the agent's: it counts for no score, no baseline, no throttle, and sets off no containment. An alert of a rule is
  raised for it as for any decision, since its data goes to one more place.
- **No cost to live calls.** It begins after the live answer. 256 calls with 32 MiB of bodies wait at most, and 8 are made at once;
  what comes beyond is `dropped`, counted and logged. A mirrored call has 120 seconds. Its faults are not held against the provider
  (it is not left alone for them), and a provider that is left alone is not called. What is shared is the machine, the agent's memory for
  the time of one decision, and the rate limit of a key that live calls use as well: give `trial` a provider entry and a key of its own.
- **Money.** A mirrored call is paid for and stands among what was spent as its own line, agent `(shadow)` with the second provider and
  model. It falls under no budget: a budget says what users may have, and must not be used up by what an operator tries out.
  `dollars_a_day` bounds it (UTC days, counted since the start); beyond it calls are `spent`.
- **What is compared:** status, time to the first and the last byte, tokens, cost, characters; `similarity`, the words that both share
  (twice the common words by all words, in per cent, each as often as it stands there, capitals and order aside); and whether the calls
  of tools are the same, by name and arguments. It is a figure for looking closer, no judgement: a better answer in other words has a
  low one.

`GET /api/v1/shadows` has the sums of each shadow, `GET /api/v1/shadows/comparisons` the newest 1,000 calls one by one; both since the
server started. The ledger keeps each comparison in the notes of the mirrored call's end. At every capture level that is all: figures, no
content. Prometheus has `checkrein_llm_shadow_calls` by outcome, `checkrein_llm_shadow_seconds` and `_errors` for both sides, and
`checkrein_llm_shadow_similarity`.

## Keys

A key comes from the settings, or an operator puts it while the server runs: `PUT /api/v1/providers/NAME/key` with
`{"key": "…"}` (access role `admin`); it is in force with the next call and goes before the one of the settings until
`DELETE` takes it away. It is sealed (AES-256-GCM, bound to the provider's name) in `provider-keys.json` of the data folder, under
`keys/provider.key`. No answer, record, metric or line of the log has it.

## Clients that insist on TLS

Agents on the same machine reach Checkrein over plain HTTP. `boto3` sends a Bedrock API key over HTTPS only
(`Bearer authorization requires an HTTPS endpoint`): give the agents' listener a certificate
([identity](identity.md#tls-on-the-listeners)), and the client its authority with `verify="authority.pem"`. The other official
clients, the one of AWS for Node among them, take plain HTTP as well.
"#;

pub fn page() -> Result<String> {
    let mut page = HEAD.to_owned();
    let rows: Vec<Vec<String>> = PROVIDERS.iter().map(row).collect();
    let about = "`full` covers discovery, inspection, sensitive data and cost; `partial` what is named; all of it through the gateway.";
    table(
        &mut page,
        "## The table",
        about,
        &["kind", "provider", "address", "key", "level", "covers", "note"],
        &rows,
    );
    let paths: Vec<Vec<String>> =
        PROVIDERS.iter().flat_map(|row| row.speaks.iter().map(move |speaks| path(row, speaks))).collect();
    let about =
        "The first format of a kind is its own. A call comes in any format and is sent in one of these.";
    table(&mut page, "## Formats and paths", about, &["kind", "format", "path", "path for streams"], &paths);
    let hosts = PROVIDERS.iter().flat_map(|row| row.hosts.iter().map(|host| (row.name, *host)));
    let hosts: Vec<Vec<String>> =
        hosts.chain(OTHERS.iter().copied()).map(|(name, host)| vec![code(host), code(name)]).collect();
    let about = "Those without a row in the table are called as `openai_compatible` with their `url`, and count as limited.";
    table(&mut page, "## Recognised hosts", about, &["host", "provider"], &hosts);
    prices(&mut page)?;
    Ok(page)
}

fn row(row: &Provider) -> Vec<String> {
    let key = match &row.auth {
        Auth::Bearer => "`Authorization: Bearer`".to_owned(),
        Auth::Header(name) => code(name),
        Auth::Query(name) => format!("parameter {}", code(name)),
        Auth::Sigv4(service) => format!("signed for {}", code(service)),
        Auth::Nothing => "none".to_owned(),
    };
    let covers: Vec<&str> = row.covers.iter().copied().map(Cover::as_str).collect();
    vec![
        code(row.name),
        row.title.to_owned(),
        row.url.map_or_else(|| "`url`".to_owned(), code),
        key,
        row.level().as_str().to_owned(),
        covers.join(", "),
        row.note.to_owned(),
    ]
}

fn path(row: &Provider, speaks: &Speaks) -> Vec<String> {
    vec![
        code(row.name),
        code(speaks.dialect),
        code(format_args!("{}{}", speaks.prefix, speaks.path)),
        speaks.stream.as_ref().map(code).unwrap_or_default(),
    ]
}

fn prices(page: &mut String) -> Result<()> {
    let prices = Prices::shipped(Vec::new())?;
    let rows: Vec<Vec<String>> = prices
        .rows
        .iter()
        .map(|row| {
            let models: Vec<String> = row.models.iter().map(|pattern| code(pattern.as_str())).collect();
            let dollars = |micros| shown(micros).trim_end_matches('0').trim_end_matches('.').to_owned();
            vec![
                row.providers.iter().map(code).collect::<Vec<_>>().join(", "),
                if models.is_empty() { "any other".to_owned() } else { models.join(", ") },
                dollars(row.rates.input),
                dollars(row.rates.cached),
                dollars(row.rates.output),
                format!("{}, {}", row.date, row.source),
            ]
        })
        .collect();
    let about = "Dollars for a million tokens; reasoning costs as output. Of several that match, the one that says most counts.";
    let columns = ["kind", "model", "input", "cached input", "output", "as of"];
    table(page, "## Prices that ship", about, &columns, &rows);
    // Writing to a String cannot fail.
    let _ = writeln!(page, "\n`prices` in the settings overrides any row: [budgets](budgets.md#prices).");
    Ok(())
}
