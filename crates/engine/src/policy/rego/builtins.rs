//! Builtins: those that are added or replaced, and those that are not offered.

use hmac::{Hmac, KeyInit, Mac};
use regorus::{Engine, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::codec::{hex, unbase64url};

/// The time that a module sees: the time of judging, whatever the machine's clock says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    pub now_ns: i64,
}

/// One builtin of ours.
pub struct Extra {
    pub name: &'static str,
    pub args: u8,
    /// `None` is a builtin error: undefined, or an error where errors are strict.
    pub call: fn(&[Value], Clock) -> Option<Value>,
}

/// Builtins that are added, and two that are replaced: `time.now_ns`, which would read a clock,
/// and `strings.count`, which panics on an empty text. `numbers.range` gets a bound.
pub const EXTRA: &[Extra] = &[
    Extra { name: "crypto.sha256", args: 1, call: |a, _| Some(hex(&Sha256::digest(text(a, 0)?)).into()) },
    Extra { name: "crypto.hmac.sha256", args: 2, call: |a, _| mac::<Hmac<Sha256>>(text(a, 0)?, text(a, 1)?) },
    Extra { name: "crypto.hmac.sha512", args: 2, call: |a, _| mac::<Hmac<Sha512>>(text(a, 0)?, text(a, 1)?) },
    Extra { name: "crypto.hmac.equal", args: 2, call: |a, _| Some(same(text(a, 0)?, text(a, 1)?).into()) },
    Extra { name: "io.jwt.decode", args: 1, call: |a, _| jwt_decode(text(a, 0)?) },
    Extra {
        name: "io.jwt.verify_hs256",
        args: 2,
        call: |a, _| jwt_verify::<Hmac<Sha256>>(text(a, 0)?, text(a, 1)?),
    },
    Extra {
        name: "io.jwt.verify_hs384",
        args: 2,
        call: |a, _| jwt_verify::<Hmac<Sha384>>(text(a, 0)?, text(a, 1)?),
    },
    Extra {
        name: "io.jwt.verify_hs512",
        args: 2,
        call: |a, _| jwt_verify::<Hmac<Sha512>>(text(a, 0)?, text(a, 1)?),
    },
    Extra { name: "numbers.range", args: 2, call: |a, _| range(a.first()?, a.get(1)?) },
    Extra { name: "strings.count", args: 2, call: |a, _| Some(count(text(a, 0)?, text(a, 1)?).into()) },
    Extra { name: "time.now_ns", args: 0, call: |_, clock| Some(clock.now_ns.into()) },
];

/// Builtins of Open Policy Agent that a module cannot call, with the reason.
/// The published list of the reference is made from this table.
pub const NOT_OFFERED: &[(&str, &str)] = &[
    ("aws.", "signs requests to one vendor"),
    ("crypto.md5", "not collision-resistant; use crypto.sha256"),
    ("crypto.sha1", "not collision-resistant; use crypto.sha256"),
    ("crypto.hmac.md5", "use crypto.hmac.sha256"),
    ("crypto.hmac.sha1", "use crypto.hmac.sha256"),
    ("crypto.parse_private_keys", "keys have no place in a policy"),
    ("crypto.x509.", "certificates are verified where the connection ends"),
    ("graphql.", "no GraphQL parser"),
    ("http.send", "a decision does no I/O"),
    ("io.jwt.decode_verify", "tokens are verified where the request enters; verify_hs* are offered"),
    ("io.jwt.encode_sign", "a policy signs nothing"),
    ("io.jwt.verify_e", "tokens are verified where the request enters"),
    ("io.jwt.verify_p", "tokens are verified where the request enters"),
    ("io.jwt.verify_r", "tokens are verified where the request enters"),
    ("json.match_schema", "no JSON schema library"),
    ("json.patch", "not yet"),
    ("json.verify_schema", "no JSON schema library"),
    ("net.cidr_contains_matches", "use net.cidr_contains in a loop"),
    ("net.cidr_merge", "not yet"),
    ("net.cidr_overlap", "deprecated; use net.cidr_intersects"),
    ("net.lookup_ip_addr", "a decision does no I/O"),
    ("providers.aws.", "signs requests to one vendor"),
    ("rand.intn", "a decision is the same each time"),
    ("regex.globs_match", "use regex.match"),
    ("rego.metadata.", "metadata is read when the module is loaded"),
    ("rego.parse_module", "a policy compiles nothing"),
    ("strings.render_template", "use sprintf"),
    ("urlquery.", "not yet"),
    ("uuid.", "a decision is the same each time"),
    ("yaml.", "input is JSON"),
];

/// Builtins that exist in the library but are withheld from modules, with the reason.
pub const WITHHELD: &[(&str, &str)] = &[
    ("http.send", "a decision does no I/O"),
    ("opa.runtime", "a decision does not depend on where it runs"),
    ("print", "a decision writes nothing; put it into the reason"),
    ("rand.intn", "a decision is the same each time"),
    ("trace", "a decision writes nothing; put it into the reason"),
    ("uuid.rfc4122", "a decision is the same each time"),
];

/// Longest list that `numbers.range` makes: one instruction must not stand for a million.
const MAX_RANGE: i64 = 10_000;

/// The library's interpreter with our builtins, silent. For compiling modules, and for queries in
/// the conformance run.
pub fn interpreter(clock: Clock, strict: bool) -> Engine {
    let mut engine = Engine::new();
    engine.set_gather_prints(true);
    engine.set_strict_builtin_errors(strict);
    for extra in EXTRA {
        let call = extra.call;
        let body = move |args: Vec<Value>| match call(&args, clock) {
            Some(value) => Ok(value),
            None if strict => Err(std::io::Error::other("builtin error: invalid argument").into()),
            None => Ok(Value::Undefined),
        };
        // A name is only refused when it is there already, and the table holds each once.
        let _ = engine.add_extension(extra.name.into(), extra.args, Box::new(body));
    }
    engine
}

fn text(args: &[Value], at: usize) -> Option<&str> {
    args.get(at)?.as_string().ok().map(|text| &**text)
}

fn mac<M: Mac + KeyInit>(message: &str, key: &str) -> Option<Value> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(message.as_bytes());
    Some(hex(&mac.finalize().into_bytes()).into())
}

/// Compares digests without stopping at the first difference.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn jwt_decode(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let json = |part: &str| {
        let text = String::from_utf8(unbase64url(part)?).ok()?;
        Value::from_json_str(&text).ok().filter(|value| value.as_object().is_ok())
    };
    let signature = hex(&unbase64url(signature)?);
    let whole = parts.next().is_none();
    whole.then_some(Value::from(vec![json(header)?, json(payload)?, signature.into()]))
}

fn jwt_verify<M: Mac + KeyInit>(token: &str, key: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    jwt_decode(token)?;
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(signed.as_bytes());
    Some(mac.verify_slice(&unbase64url(signature)?).is_ok().into())
}

fn range(from: &Value, to: &Value) -> Option<Value> {
    let (from, to) = (from.as_i64().ok()?, to.as_i64().ok()?);
    if from.checked_sub(to)?.checked_abs()? >= MAX_RANGE {
        return None;
    }
    let numbers: Vec<Value> = if from <= to {
        (from..=to).map(Value::from).collect()
    } else {
        (to..=from).rev().map(Value::from).collect()
    };
    Some(numbers.into())
}

/// Occurrences that do not overlap; an empty text stands before, after and between all characters.
fn count(text: &str, part: &str) -> u64 {
    let found = if part.is_empty() { text.chars().count() + 1 } else { text.matches(part).count() };
    u64::try_from(found).unwrap_or(u64::MAX)
}
