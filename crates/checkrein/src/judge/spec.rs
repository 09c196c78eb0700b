//! `--judge`: which classifier, from which files, under which bounds.

use std::path::PathBuf;
use std::time::Duration;

use action::{Confidence, Digest, Name};

/// Most tokens that one window may have; attention takes time by the square of it.
const MAX_TOKENS: usize = 4096;
const MAX_DEADLINE: Duration = Duration::from_secs(60);

/// One judge as written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub name: Name,
    pub model: Pinned,
    pub tokenizer: Pinned,
    /// How long one action may take it; beyond, the answer is `timeout`.
    pub deadline: Duration,
    /// From which likelihood on its answer is a hit.
    pub from: Confidence,
    /// Tokens of one window.
    pub tokens: usize,
}

/// A file that is only read as what it was when somebody vouched for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub path: PathBuf,
    pub sha256: Digest,
}

impl Spec {
    /// Reads `NAME=MODEL,TOKENIZER,sha256=MODEL_HEX:TOKENIZER_HEX` and the settings behind it.
    pub fn parse(text: &str) -> Result<Spec, String> {
        let (name, rest) = text.split_once('=').ok_or("begin with the judge's name, like `guard=...`")?;
        let name = Name::new(name).map_err(|error| error.to_string())?;
        let mut parts = rest.split(',');
        let mut file = |what: &str| match parts.next() {
            Some(path) if !path.is_empty() && !path.starts_with("sha256=") => Ok(PathBuf::from(path)),
            _ => Err(format!("the path of the {what} is missing")),
        };
        let (model, tokenizer) = (file("model")?, file("tokenizer")?);
        let mut digests = None;
        let mut deadline = Duration::from_millis(500);
        let mut from = Confidence::new(50);
        let mut tokens = 256;
        for part in parts {
            let (key, value) = part.split_once('=').ok_or("settings are written `key=value`")?;
            match key {
                "sha256" => digests = Some(read_digests(value)?),
                "deadline" => deadline = read_deadline(value)?,
                "from" => from = Confidence::new(whole(key, value, 1, 100)?),
                "tokens" => tokens = whole(key, value, 8, MAX_TOKENS)?,
                _ => return Err("known settings are `sha256`, `deadline`, `from` and `tokens`".to_owned()),
            }
        }
        let (of_model, of_tokenizer) =
            digests.ok_or("`sha256=MODEL:TOKENIZER` is missing; `sha256sum` prints both digests")?;
        Ok(Spec {
            name,
            model: Pinned { path: model, sha256: of_model },
            tokenizer: Pinned { path: tokenizer, sha256: of_tokenizer },
            deadline,
            from,
            tokens,
        })
    }
}

fn read_digests(value: &str) -> Result<(Digest, Digest), String> {
    value
        .split_once(':')
        .and_then(|(model, tokenizer)| Digest::from_hex(model).zip(Digest::from_hex(tokenizer)))
        .ok_or_else(|| "`sha256` takes two digests of 64 hexadecimal digits: `MODEL:TOKENIZER`".to_owned())
}

fn read_deadline(value: &str) -> Result<Duration, String> {
    let millis = value.strip_suffix("ms").unwrap_or(value);
    let most = u64::try_from(MAX_DEADLINE.as_millis()).unwrap_or(u64::MAX);
    whole("deadline", millis, 0, most).map(Duration::from_millis)
}

fn whole<T>(key: &str, value: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match value.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("`{key}` is a whole number from {least} to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests() -> String {
        format!("sha256={}:{}", "0a".repeat(32), "0b".repeat(32))
    }

    #[test]
    fn files_digests_and_settings_are_read() {
        let short = Spec::parse(&format!("guard=m.onnx,t.json,{}", digests())).unwrap();
        assert_eq!(short.name.as_str(), "guard");
        assert_eq!(short.model.path, PathBuf::from("m.onnx"));
        assert_eq!(short.tokenizer.sha256.to_string(), "0b".repeat(32));
        assert_eq!((short.deadline.as_millis(), short.from.percent(), short.tokens), (500, 50, 256));
        let text = format!("guard=m.onnx,t.json,{},deadline=0ms,from=90,tokens=64", digests());
        let long = Spec::parse(&text).unwrap();
        assert_eq!((long.deadline.as_millis(), long.from.percent(), long.tokens), (0, 90, 64));
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_said() {
        let refused = |text: &str| Spec::parse(text).unwrap_err();
        assert!(refused("m.onnx").contains("name"));
        assert!(refused(&format!("g=m.onnx,{}", digests())).contains("tokenizer"));
        assert!(refused("g=m.onnx,t.json").contains("sha256"));
        assert!(refused("g=m.onnx,t.json,sha256=0a:0b").contains("64 hexadecimal"));
        assert!(refused(&format!("g=m,t,{},deadline=1h", digests())).contains("60000"));
        assert!(refused(&format!("g=m,t,{},from=0", digests())).contains("from 1 to 100"));
        assert!(refused(&format!("g=m,t,{},speed=1", digests())).contains("known settings"));
    }
}
