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
