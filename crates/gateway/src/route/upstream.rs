//! An upstream: one place that models are called at, as an operator set it up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use action::{Name, SensitiveClass, Timestamp};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::base::Base;
use super::secret::Secret;
use super::sigv4::{self, Credentials, Signed};
use super::standing::Standing;
use crate::provider::{Auth, Provider, Speaks};

/// One of `providers` in the settings. Its key may change while the server runs; the rest does not.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub name: Name,
    pub provider: &'static Provider,
    pub base: Base,
    /// Where data goes that is sent there, as far as an operator said.
    pub region: Option<Name>,
    pub speaks: Vec<Speaks>,
    pub auth: Auth,
    pub key: Option<Secret>,
    pub headers: Vec<(HeaderName, Secret)>,
    /// Authorities that vouch for it, instead of the public ones.
    pub ca: Option<PathBuf>,
    /// What its connections are made through.
    pub proxy: Option<Base>,
    /// The sensitive classes that it may be sent; absent for all.
    pub accepts: Option<Vec<SensitiveClass>>,
    /// What models are called here, by what agents call them.
    pub models: HashMap<String, String>,
    /// How it is doing. Copies of it share it.
    pub standing: Arc<Standing>,
}

/// A key or header holds what cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key or header for the upstream cannot be sent: it has characters that no header may have")]
pub struct HeadError;

impl Upstream {
    /// How it takes a dialect, when it does.
    pub fn speaks(&self, dialect: &str) -> Option<&Speaks> {
        self.speaks.iter().find(|speaks| speaks.dialect == dialect)
    }

    /// What it calls a model.
    pub fn model<'m>(&'m self, asked: &'m str) -> &'m str {
        self.models.get(asked).map_or(asked, String::as_str)
    }

    /// Path and query of a call. `model` is its name here.
    pub fn target(&self, speaks: &Speaks, model: &str, streams: bool) -> String {
        let path = match &speaks.stream {
            Some(stream) if streams => stream,
            Some(_) | None => &speaks.path,
        };
        let path = format!("{}{}", speaks.prefix, path.replace("{model}", &escaped(model)));
        self.keyed(self.base.join(&path))
    }

    /// Path and query of a call that the table has no row for, such as embeddings: `asked` as the agent
    /// wrote it, behind what this provider puts in front of its paths.
    pub fn beside(&self, asked: &str) -> String {
        let versioned = asked.starts_with("/v1/");
        let prefix = self.speaks.iter().filter(|_| versioned).map(|speaks| speaks.prefix.as_ref());
        let prefix = prefix.filter(|prefix| !prefix.is_empty()).max().unwrap_or_default();
        self.keyed(self.base.join(&format!("{prefix}{asked}")))
    }

    /// The headers that it wants: its key, its own and those of the settings. What the agent sent of
    /// the same name is to be replaced, but for those of [`Provider::headers`].
    pub fn head(&self) -> Result<Vec<(HeaderName, HeaderValue)>, HeadError> {
        let mut head = Vec::with_capacity(self.headers.len() + 1);
        if let Some(key) = &self.key {
            match &self.auth {
                Auth::Bearer => {
                    let text = zeroize::Zeroizing::new(format!("Bearer {}", key.expose()));
                    head.push((AUTHORIZATION, sensitive(&text)?));
                }
                Auth::Header(name) => {
                    let name = name.parse().map_err(|_| HeadError)?;
                    head.push((name, sensitive(key.expose())?));
                }
                Auth::Query(_) | Auth::Sigv4(_) | Auth::Nothing => {}
            }
        }
        for (name, value) in &self.headers {
            head.push((name.clone(), sensitive(value.expose())?));
        }
        Ok(head)
    }

    /// The headers that sign one call, where calls are signed. To be sent with it as they are, beside
    /// `host`, which is [`Base::authority`].
    pub fn signature(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, HeadError> {
        let (Auth::Sigv4(service), Some(key)) = (&self.auth, &self.key) else { return Ok(Vec::new()) };
        let credentials = Credentials::read(key).ok_or(HeadError)?;
        let region = self.region.as_ref().ok_or(HeadError)?;
        let (date, host) = (sigv4::date(now), self.base.authority());
        let mut headers = vec![("host", host.as_str()), ("x-amz-date", date.as_str())];
        headers.extend(credentials.session.map(|session| ("x-amz-security-token", session)));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let region = region.as_str();
        let signed = Signed { method, path, query, headers: &headers, body, region, service };
        let authorization = sigv4::authorization(&signed, &credentials, &date);
        let mut head = vec![(AUTHORIZATION, sensitive(&authorization)?)];
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            head.push((HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeadError)?, sensitive(value)?));
        }
        Ok(head)
    }

    /// Whether data of these classes may be sent here, as far as the upstream itself is concerned.
    pub fn takes(&self, classes: &[SensitiveClass]) -> bool {
        match &self.accepts {
            None => true,
            Some(accepted) => classes.iter().all(|class| accepted.contains(class)),
        }
    }

    fn keyed(&self, mut target: String) -> String {
        if let (Auth::Query(name), Some(key)) = (&self.auth, &self.key) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&escaped(key.expose()));
        }
        target
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, HeadError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| HeadError)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A text as one part of a path. The names of models have colons, which may stay.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::provider;

    pub(crate) fn upstream(name: &str, kind: &str, url: &str) -> Upstream {
        let provider = provider::named(kind).unwrap();
        Upstream {
            name: Name::new(name).unwrap(),
            provider,
            base: Base::parse(url, true).unwrap(),
            region: None,
            speaks: provider.speaks.to_vec(),
            auth: provider.auth.clone(),
            key: Some(Secret::new("sk-secret-9".into())),
            headers: Vec::new(),
            ca: None,
            proxy: None,
            accepts: None,
            models: HashMap::new(),
            standing: Arc::default(),
        }
    }

    fn target(upstream: &Upstream, dialect: &str, model: &str, streams: bool) -> String {
        upstream.target(upstream.speaks(dialect).unwrap(), model, streams)
    }

    #[test]
    fn every_kind_is_called_where_it_listens() {
        let at = |kind: &str| upstream("u", kind, "https://u.example");
        for (kind, dialect, streams, path) in [
            ("openai", "openai_chat", true, "/v1/chat/completions"),
            ("groq", "openai_chat", false, "/openai/v1/chat/completions"),
            ("openrouter", "anthropic_messages", false, "/api/v1/messages"),
            ("cohere", "openai_chat", false, "/compatibility/v1/chat/completions"),
            ("gemini", "gemini", false, "/v1beta/models/m%2Fx:generateContent"),
            ("gemini", "gemini", true, "/v1beta/models/m%2Fx:streamGenerateContent?alt=sse"),
            ("bedrock", "bedrock_converse", true, "/model/m%2Fx/converse-stream"),
        ] {
            assert_eq!(target(&at(kind), dialect, "m/x", streams), path, "{kind}");
        }
        assert_eq!(at("groq").beside("/v1/embeddings"), "/openai/v1/embeddings");
        assert_eq!(at("openai").beside("/v1/models?limit=1"), "/v1/models?limit=1");
        let azure = at("azure").beside("/openai/deployments/d/chat/completions?api-version=2024-10-21");
        assert_eq!(azure, "/openai/deployments/d/chat/completions?api-version=2024-10-21");
    }

    #[test]
    fn a_key_goes_where_its_provider_wants_it_and_is_never_shown() {
        let shown = |kind: &str| {
            let head = upstream("u", kind, "https://u.example").head().unwrap();
            let (name, value) = head.first().unwrap();
            assert!(value.is_sensitive());
            format!("{name}: {}", value.to_str().unwrap())
        };
        assert_eq!(shown("openai"), "authorization: Bearer sk-secret-9");
        assert_eq!(shown("anthropic"), "x-api-key: sk-secret-9");
        assert_eq!(shown("azure"), "api-key: sk-secret-9");
        let mut it = upstream("u", "gemini", "https://u.example");
        it.headers.push((HeaderName::from_static("x-more"), Secret::new("more-secret".into())));
        assert!(!format!("{it:?}{:?}", it.head()).contains("secret"), "nothing shows a secret");
        it.auth = Auth::Query("key".into());
        assert!(target(&it, "gemini", "m", true).ends_with("?alt=sse&key=sk-secret-9"));
        it.auth = Auth::Sigv4("bedrock".into());
        let sign =
            |it: &Upstream| it.signature("POST", "/model/m/converse", b"{}", Timestamp::from_millis(0));
        assert_eq!(sign(&it), Err(HeadError), "a key of another form signs nothing");
        it.key = Some(Secret::new("ID:sk-secret-9:token".into()));
        it.region = Some(Name::new("eu-west-1").unwrap());
        let head = sign(&it).unwrap();
        let names: Vec<&str> = head.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["authorization", "x-amz-date", "x-amz-security-token"]);
        assert!(!head.iter().any(|(_, value)| value.to_str().unwrap().contains("secret")));
        assert_eq!(it.head().unwrap().len(), 1, "it is not sent besides");
        it.key = Some(Secret::new("line\nbreak".into()));
        it.auth = Auth::Bearer;
        assert_eq!(it.head(), Err(HeadError));
    }
}
