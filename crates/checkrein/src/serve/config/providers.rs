//! The settings of upstreams and of the routes to them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use action::{Name, SensitiveClass, Timestamp};
use anyhow::{Context as _, Result};
use engine::yaml::{Faults, Fields, Node, Value, nearest, shown};
use gateway::provider::{Auth, PROVIDERS, Provider, Speaks};
use gateway::route::{Base, Never, Pattern, Route, Shadow, Strategy, Turn, Upstream};
use http::HeaderName;
use wire::dialect::Family;

use super::Stands;
use super::outward::{each, label, secret};
use crate::serve::outward::Secret;

/// Upstreams of one server; further ones are refused. So are the rest.
pub const MAX_PROVIDERS: usize = 64;
const MAX_ROUTES: usize = 256;
const MAX_HEADERS: usize = 16;
const MAX_MODELS: usize = 256;
const MAX_SPEAKS: usize = 16;
/// Statuses after which another upstream may answer better: too many requests, and faults of its own.
const RETRY_ON: &[u16] = &[429, 500, 502, 503, 504, 529];
const ATTEMPTS: u8 = 3;

/// An upstream whose secrets have not been read yet.
#[derive(Debug)]
pub struct ProviderAt {
    pub upstream: Upstream,
    pub key: Option<Secret>,
    /// Those that are secrets.
    pub headers: Vec<(HeaderName, Secret)>,
    pub stands: Stands,
}

impl ProviderAt {
    /// With its secrets, as they are in their places now.
    pub fn upstream(&self) -> Result<Upstream> {
        let mut upstream = self.upstream.clone();
        if let Some(key) = &self.key {
            upstream.key = Some(gateway::route::Secret::new(key.read()?));
        }
        for (name, value) in &self.headers {
            upstream.headers.push((name.clone(), gateway::route::Secret::new(value.read()?)));
        }
        upstream.head().context("a secret is not usable")?;
        upstream.signature("POST", "/", b"", Timestamp::from_millis(0)).context("a secret is not usable")?;
        Ok(upstream)
    }
}

pub fn providers(fields: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Vec<ProviderAt> {
    let all = each(fields, "providers", MAX_PROVIDERS, faults, |one, faults| provider(one, folder, faults));
    for (n, one) in all.iter().enumerate() {
        if all.iter().take(n).any(|other| other.upstream.name == one.upstream.name) {
            let message = format!("two providers are named `{}`", one.upstream.name);
            fields.fault(faults, "twice", message, None);
        }
    }
    all
}

fn provider(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<ProviderAt> {
    let stands = Stands::at(one);
    let name = label(one, faults).and_then(|name| super::name(Some(&name), "name", one, faults));
    let known: Vec<&'static Provider> = PROVIDERS.iter().collect();
    one.need("kind", faults);
    let kind = one.choice("kind", &known, |provider| provider.name, faults);
    let plain = one.flag("allow_plain", faults).unwrap_or(false);
    let region = super::name(one.text("region", faults), "region", one, faults);
    let base = base(one, kind, region.as_ref(), plain, faults);
    let proxy = proxy(one, faults);
    let auth = auth(one, faults);
    let speaks = speaks(one, faults);
    let file = one.file();
    let key = one.get("key").and_then(|node| secret(file, node, folder, faults));
    let (headers, secret_headers) = headers(one, folder, faults);
    let ca = one.text("ca", faults).map(|path| folder.join(path));
    let accepts = one.choices("accepts", SensitiveClass::ALL, SensitiveClass::as_str, faults);
    let models = models(one, faults);
    if matches!(auth, Some(Auth::Sigv4(_))) && region.is_none() {
        one.fault(faults, "missing_key", "`auth: sigv4` needs a `region`".to_owned(), None);
    }
    let (kind, base) = (kind?, base?);
    let upstream = Upstream {
        name: name?,
        provider: kind,
        base,
        region,
        speaks: speaks.unwrap_or_else(|| kind.speaks.to_vec()),
        auth: auth.unwrap_or_else(|| kind.auth.clone()),
        key: None,
        headers,
        ca,
        proxy,
        accepts,
        models,
        standing: Arc::default(),
    };
    Some(ProviderAt { upstream, key, headers: secret_headers, stands })
}

/// The address: as written, or the one of the kind with what the operator must name filled in.
fn base(
    one: &mut Fields<'_>,
    kind: Option<&Provider>,
    region: Option<&Name>,
    plain: bool,
    faults: &mut Faults,
) -> Option<Base> {
    let written = one.text("url", faults).map(str::to_owned);
    let resource = super::name(one.text("resource", faults), "resource", one, faults);
    let usual = || {
        let mut url = kind?.url?.to_owned();
        for (place, value) in [("{region}", region), ("{resource}", resource.as_ref())] {
            if let Some(value) = value.filter(|value| is_label(value.as_str())) {
                url = url.replace(place, value.as_str());
            }
        }
        Some(url)
    };
    let Some(url) = written.or_else(usual) else {
        if kind.is_some() {
            let message = "`url` is missing: nobody hosts this kind".to_owned();
            one.fault(
                faults,
                "missing_key",
                message,
                Some("for example `url: https://models.example`".into()),
            );
        }
        return None;
    };
    // A path may be a secret, so the text is not shown back.
    let refused = |fault| one.fault(faults, "bad_url", format!("`url` {fault}"), None);
    Base::parse(&url, plain).map_err(refused).ok()
}

/// Part of a host's name, so that nothing else gets into an address.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What connections are made through.
pub fn proxy(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Base> {
    let text = one.text("proxy", faults)?;
    let refused = |fault| one.fault(faults, "bad_url", format!("`proxy` {fault}"), None);
    // What goes through it is encrypted on its own wherever the upstream's address is.
    Base::parse(text, true).map_err(refused).ok()
}

/// `bearer`, `sigv4`, `none`, `{ header: NAME }` or `{ query: NAME }`.
fn auth(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Auth> {
    let node = one.get("auth")?;
    let refused = |faults: &mut Faults| {
        let hint = "`bearer`, `sigv4`, `none`, `{ header: NAME }` or `{ query: NAME }`".to_owned();
        one.fault(faults, "bad_auth", "`auth` is no way to show a key".to_owned(), Some(hint));
    };
    match (node.as_text(), &node.value) {
        (Some("bearer"), _) => Some(Auth::Bearer),
        (Some("none"), _) => Some(Auth::Nothing),
        (Some("sigv4"), _) => Some(Auth::Sigv4("bedrock".into())),
        (None, Value::Map(_)) => {
            let mut fields = Fields::of(one.file(), node, faults)?;
            let header = fields.text("header", faults).map(str::parse::<HeaderName>);
            let query = fields.text("query", faults).map(str::to_owned);
            fields.finish(faults);
            match (header, query) {
                (Some(Ok(name)), None) => Some(Auth::Header(name.as_str().to_owned().into())),
                (None, Some(name)) if is_label(&name.replace('_', "-")) => Some(Auth::Query(name.into())),
                _ => {
                    refused(faults);
                    None
                }
            }
        }
        _ => {
            refused(faults);
            None
        }
    }
}

/// Formats that differ from those of the kind.
fn speaks(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Vec<Speaks>> {
    one.get("speaks")?;
    let all = each(one, "speaks", MAX_SPEAKS, faults, |row, faults| {
        let of_models = wire::dialect::ALL.iter().filter(|dialect| dialect.family != Family::Mcp);
        let known: Vec<&'static str> = of_models.map(|dialect| dialect.name).collect();
        row.need("dialect", faults);
        let dialect = row.choice("dialect", &known, |name| name, faults);
        let path = row.need_text("path", faults).map(str::to_owned);
        let stream = row.text("stream", faults).map(str::to_owned);
        for text in path.iter().chain(&stream) {
            if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
                let hint =
                    Some("for example `/v1/chat/completions`; `{model}` stands for the model".to_owned());
                row.fault(faults, "bad_path", "a path begins with `/` and has no blanks".to_owned(), hint);
            }
        }
        Some(Speaks {
            dialect: dialect?,
            prefix: "".into(),
            path: path?.into(),
            stream: stream.map(Into::into),
        })
    });
    if all.is_empty() {
        one.fault(faults, "missing_key", "`speaks` names no format".to_owned(), None);
    }
    Some(all)
}

type Headers<T> = Vec<(HeaderName, T)>;

/// Texts, and references to secrets.
fn headers(
    one: &mut Fields<'_>,
    folder: &Path,
    faults: &mut Faults,
) -> (Headers<gateway::route::Secret>, Headers<Secret>) {
    let file = one.file();
    let (mut texts, mut secrets) = (Vec::new(), Vec::new());
    for (key, value) in entries(one, "headers", MAX_HEADERS, faults) {
        let Ok(name) = key.parse::<HeaderName>() else {
            let message = format!("`{}` is no name of a header", shown(key));
            one.fault(faults, "bad_header", message, None);
            continue;
        };
        match value.as_text() {
            Some(text) => texts.push((name, gateway::route::Secret::new(text.to_owned()))),
            None => secrets.extend(secret(file, value, folder, faults).map(|secret| (name, secret))),
        }
    }
    (texts, secrets)
}

fn models(one: &mut Fields<'_>, faults: &mut Faults) -> HashMap<String, String> {
    let mut all = HashMap::new();
    for (asked, here) in entries(one, "models", MAX_MODELS, faults) {
        match here.as_text().filter(|text| !text.is_empty()) {
            Some(here) => {
                all.insert(asked.to_owned(), here.to_owned());
            }
            None => one.fault(faults, "wrong_type", "`models` has a name for each name".to_owned(), None),
        }
    }
    all
}

fn entries<'n>(
    one: &mut Fields<'n>,
    key: &'static str,
    most: usize,
    faults: &mut Faults,
) -> impl Iterator<Item = (&'n str, &'n Node)> + use<'n> {
    let entries = match one.get(key).map(|node| &node.value) {
        None => &[][..],
        Some(Value::Map(entries)) => entries.as_slice(),
        Some(_) => {
            one.fault(faults, "wrong_type", format!("`{key}` must be a mapping"), None);
            &[]
        }
    };
    if entries.len() > most {
        one.fault(faults, "too_many", format!("`{key}` has at most {most} entries"), None);
    }
    entries.iter().take(most).map(|(key, value)| (key.text.as_str(), value))
}

/// The routes, whose targets are among these providers.
pub fn routes(fields: &mut Fields<'_>, known: &[ProviderAt], faults: &mut Faults) -> Vec<Route> {
    let names: Vec<&str> = known.iter().map(|one| one.upstream.name.as_str()).collect();
    each(fields, "routes", MAX_ROUTES, faults, |one, faults| route(one, &names, faults))
}

fn route(one: &mut Fields<'_>, names: &[&str], faults: &mut Faults) -> Option<Route> {
    let models = one.texts("models", faults).unwrap_or_default();
    if models.is_empty() {
        let hint = Some("for example `models: [\"gpt-*\"]`, or `\"*\"` for all".to_owned());
        one.fault(faults, "missing_key", "`models` names none".to_owned(), hint);
    }
    let to = one.texts("to", faults).unwrap_or_default();
    if to.is_empty() {
        one.fault(faults, "missing_key", "`to` names no provider".to_owned(), None);
    }
    for name in to.iter().filter(|name| !names.contains(name)) {
        unknown(one, "to", name, names, faults);
    }
    let to: Vec<Name> = to.into_iter().filter_map(|name| Name::new(name).ok()).collect();
    let by = one.choice("by", Strategy::ALL, Strategy::as_str, faults).unwrap_or(Strategy::Order);
    let attempts = bounded(one, "attempts", 1, 10, faults).and_then(|n| u8::try_from(n).ok());
    let retry_on = retry_on(one, faults);
    let never = never(one, names, faults);
    let shadow = shadow(one, names, faults);
    Some(Route {
        models: models.into_iter().map(Pattern::new).collect(),
        to,
        by,
        never,
        attempts: attempts.unwrap_or(ATTEMPTS),
        retry_on: retry_on.unwrap_or_else(|| RETRY_ON.to_vec()),
        turn: Turn::default(),
        shadow,
    })
}

/// The second model that some calls of a route are made at once more.
fn shadow(one: &mut Fields<'_>, names: &[&str], faults: &mut Faults) -> Option<Shadow> {
    let mut fields = one.fields("shadow", faults)?;
    let to = fields.need_text("to", faults).map(str::to_owned);
    for name in to.iter().filter(|name| !names.contains(&name.as_str())) {
        unknown(&fields, "to", name, names, faults);
    }
    let model = fields.text("model", faults).filter(|model| !model.is_empty()).map(str::to_owned);
    fields.need("share", faults);
    let share = bounded(&mut fields, "share", 1, 100, faults).and_then(|share| u8::try_from(share).ok());
    let per_day = fields.get("dollars_a_day").and_then(|node| {
        let micros = node.as_text().and_then(|text| gateway::money::dollars(text.trim()));
        if micros.is_none() {
            let hint = Some("for example `dollars_a_day: 5.00`".to_owned());
            fields.fault(faults, "bad_amount", "`dollars_a_day` is no amount of dollars".to_owned(), hint);
        }
        micros
    });
    fields.finish(faults);
    Some(Shadow { to: Name::new(&to?).ok()?, model, share: share?, per_day })
}

fn retry_on(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Vec<u16>> {
    let read = |text: &str| text.parse::<u16>().ok().filter(|status| (400..600).contains(status));
    let texts = one.get("retry_on")?;
    let nodes = texts.as_list().unwrap_or(std::slice::from_ref(texts));
    let plain = |node: &Node| match &node.value {
        Value::Scalar { text, .. } => read(text.trim()),
        Value::List(_) | Value::Map(_) => None,
    };
    let all: Option<Vec<u16>> = nodes.iter().map(plain).collect();
    if all.is_none() {
        one.fault(faults, "out_of_range", "`retry_on` has statuses from 400 to 599".to_owned(), None);
    }
    all
}

/// What must not go where. A mapping, or a list of them.
fn never(one: &mut Fields<'_>, names: &[&str], faults: &mut Faults) -> Vec<Never> {
    let file = one.file();
    let Some(node) = one.get("never") else { return Vec::new() };
    let nodes = node.as_list().unwrap_or(std::slice::from_ref(node));
    let mut all = Vec::new();
    for node in nodes.iter().take(MAX_ROUTES) {
        let Some(mut rule) = Fields::of(file, node, faults) else { continue };
        let classes = rule.choices("classes", SensitiveClass::ALL, SensitiveClass::as_str, faults);
        let providers = rule.texts("providers", faults).unwrap_or_default();
        let kinds = PROVIDERS.iter().map(|provider| provider.name);
        let known: Vec<&str> = names.iter().copied().chain(kinds).collect();
        for name in providers.iter().filter(|name| !known.contains(name)) {
            unknown(&rule, "providers", name, &known, faults);
        }
        let regions = rule.texts("regions", faults).unwrap_or_default();
        let classes = classes.unwrap_or_default();
        if classes.is_empty() || (providers.is_empty() && regions.is_empty()) {
            let hint = "for example `never: { classes: [health], providers: [main] }`".to_owned();
            let message = "`never` names `classes`, and `providers` or `regions`".to_owned();
            rule.fault(faults, "missing_key", message, Some(hint));
        }
        rule.finish(faults);
        all.push(Never {
            classes,
            providers: providers.into_iter().filter_map(|name| Name::new(name).ok()).collect(),
            regions: regions.into_iter().map(Pattern::new).collect(),
        });
    }
    all
}

fn unknown(at: &Fields<'_>, key: &str, name: &str, known: &[&str], faults: &mut Faults) {
    let hint = nearest(name, known).map(|known| format!("did you mean `{known}`?"));
    let message = format!("`{key}`: `{}` is no provider of these settings", shown(name));
    at.fault(faults, "unknown_provider", message, hint);
}

/// A whole number within bounds.
pub fn bounded(
    one: &mut Fields<'_>,
    key: &'static str,
    low: i64,
    high: i64,
    faults: &mut Faults,
) -> Option<i64> {
    let number = one.whole(key, faults)?;
    if (low..=high).contains(&number) {
        return Some(number);
    }
    one.fault(faults, "out_of_range", format!("`{key}` is a number from {low} to {high}"), None);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<ProviderAt>, Vec<Route>), Vec<&'static str>> {
        let root = engine::yaml::parse("t.yaml", text).unwrap();
        let mut faults = Faults::default();
        let mut fields = Fields::of("t.yaml", &root, &mut faults).unwrap();
        let all = providers(&mut fields, Path::new("/etc/checkrein"), &mut faults);
        let routes = routes(&mut fields, &all, &mut faults);
        fields.finish(&mut faults);
        let codes: Vec<_> = faults.0.iter().map(|fault| fault.code).collect();
        if codes.is_empty() { Ok((all, routes)) } else { Err(codes) }
    }

    #[test]
    fn a_kind_gives_what_is_not_said() {
        let (all, routes) = read(
            "
providers:
  - { name: main, kind: openai, key: { env: OPENAI_API_KEY } }
  - { name: cloud, kind: bedrock, region: eu-west-1, key: { file: aws.key }, accepts: [email] }
  - { name: az, kind: azure, resource: acme, models: { gpt-4o: mine }, headers: { x-a: b, x-c: { env: D } } }
  - name: own
    kind: openai_compatible
    url: http://models.internal:9000/v1
    allow_plain: true
    auth: { header: x-token }
    speaks: [{ dialect: openai_chat, path: /v1/chat }]
routes:
  - { models: 'gpt-*', to: [main, az], by: latency, attempts: 2, retry_on: [429],
      never: { classes: [health], providers: [main], regions: 'us-*' } }
  - { models: ['*'], to: own, shadow: { to: main, model: new, share: 5, dollars_a_day: '2.50' } }
",
        )
        .unwrap();
        let base = |n: usize| all[n].upstream.base.to_string();
        assert_eq!(base(0), "https://api.openai.com");
        assert_eq!(base(1), "https://bedrock-runtime.eu-west-1.amazonaws.com");
        assert_eq!(base(2), "https://acme.openai.azure.com");
        assert_eq!(all[0].key, Some(Secret::Environment("OPENAI_API_KEY".into())));
        assert_eq!(all[1].upstream.accepts, Some(vec![SensitiveClass::Email]));
        assert_eq!(all[2].upstream.model("gpt-4o"), "mine");
        assert_eq!((all[2].headers.len(), all[2].upstream.headers.len()), (1, 1));
        let own = &all[3].upstream;
        assert_eq!(own.auth, Auth::Header("x-token".into()));
        assert_eq!(own.target(&own.speaks[0], "m", false), "/v1/chat");
        assert_eq!((routes[0].by, routes[0].attempts), (Strategy::Latency, 2));
        assert_eq!(routes[0].never[0].classes, [SensitiveClass::Health]);
        assert_eq!(routes[1].retry_on, RETRY_ON);
        let shadow = routes[1].shadow.as_ref().unwrap();
        assert_eq!((shadow.to.as_str(), shadow.model.as_deref()), ("main", Some("new")));
        assert_eq!((shadow.share, shadow.per_day), (5, Some(2_500_000)));
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let codes = read(
            "
providers:
  - { name: a, kind: openia }
  - { name: a, kind: openai, url: 'http://models.example' }
  - { name: b, kind: bedrock, region: 'eu/west' }
  - { name: c, kind: openai_compatible }
  - { name: d, kind: openai, key: sk-plain, auth: basic, colour: red }
  - { name: e, kind: vllm, speaks: [{ dialect: openai_chat, path: v1 }], headers: { 'a b': c } }
  - { name: e, kind: vllm, models: [a] }
routes:
  - { models: x, to: e, shadow: { to: none, share: 0, dollars_a_day: lots, colour: red } }
  - { to: [nobody], attempts: 0, retry_on: [200], never: { classes: [health] } }
",
        )
        .unwrap_err();
        for code in [
            "unknown_value",
            "bad_url",
            "missing_key",
            "not_a_mapping",
            "bad_auth",
            "unknown_key",
            "bad_path",
            "bad_header",
            "twice",
            "wrong_type",
            "unknown_provider",
            "out_of_range",
            "bad_amount",
        ] {
            assert!(codes.contains(&code), "{code} is missing in {codes:?}");
        }
    }
}
