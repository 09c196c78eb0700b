//! The providers of models: one table of what we know of each, and how a call of it is recognised.
//!
//! A row says where a provider is, which formats it takes at which path and how a key is shown to it.
//! An operator who needs another one names a row and what differs, in `providers` of the settings.

use std::borrow::Cow;

use crate::route::Pattern;

/// One kind of provider.
#[derive(Debug)]
pub struct Provider {
    /// What settings, prices and metrics call it.
    pub name: &'static str,
    pub title: &'static str,
    /// Where it is, unless an operator says otherwise. `{region}` and `{resource}` are theirs to fill in.
    pub url: Option<&'static str>,
    /// Hosts by which a call to it is recognised; `*` stands for any text.
    pub hosts: &'static [&'static str],
    /// The first is its own format.
    pub speaks: &'static [Speaks],
    pub auth: Auth,
    /// Headers that it wants with every call, where the caller has not sent its own.
    pub headers: &'static [(&'static str, &'static str)],
    /// What of it the gateway covers.
    pub covers: &'static [Cover],
    /// What a reader of the table should know.
    pub note: &'static str,
}

/// A format and where a provider takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaks {
    /// A name of `wire::dialect`.
    pub dialect: &'static str,
    /// What stands in front of the path that others have alike.
    pub prefix: Cow<'static, str>,
    /// `{model}` stands for the model.
    pub path: Cow<'static, str>,
    /// Where another path is asked for an answer piece by piece.
    pub stream: Option<Cow<'static, str>>,
}

/// How a key is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// In a header of its own.
    Header(Cow<'static, str>),
    /// As a parameter of the address.
    Query(Cow<'static, str>),
    /// Not at all, but each call is signed with it, for this service of Amazon's.
    Sigv4(Cow<'static, str>),
    /// Not at all.
    Nothing,
}

/// What can be covered of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// Its calls are recognised by where they go.
    Discovery,
    /// Each call is read and judged, plain and as it streams.
    Inspection,
    SensitiveData,
    /// Priced by the table that ships. Without it tokens are counted, and money once an operator gives
    /// a price.
    Cost,
}

impl Cover {
    pub const ALL: &'static [Cover] =
        &[Cover::Discovery, Cover::Inspection, Cover::SensitiveData, Cover::Cost];

    pub const fn as_str(self) -> &'static str {
        match self {
            Cover::Discovery => "discovery",
            Cover::Inspection => "inspection",
            Cover::SensitiveData => "sensitive data",
            Cover::Cost => "cost",
        }
    }
}

/// How far a provider is supported, as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Full,
    Partial,
    Limited,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Full => "full",
            Level::Partial => "partial",
            Level::Limited => "limited",
        }
    }
}

impl Provider {
    /// Follows from what is covered, so that the two cannot contradict each other.
    pub fn level(&self) -> Level {
        let has = |cover: &Cover| self.covers.contains(cover);
        match (Cover::ALL.iter().all(has), has(&Cover::Inspection)) {
            (true, _) => Level::Full,
            (false, true) => Level::Partial,
            (false, false) => Level::Limited,
        }
    }
}

/// The row of that name.
pub fn named(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// The format whose speakers take a call of this one too: embeddings, counts, lists and older forms have
/// no path of their own in the table and go beside it.
pub fn kin(dialect: &str) -> &str {
    KIN.iter().find(|(other, _)| *other == dialect).map_or(dialect, |(_, kin)| *kin)
}

const KIN: &[(&str, &str)] = &[
    ("openai_completions", "openai_chat"),
    ("openai_embeddings", "openai_chat"),
    ("gemini_embeddings", "gemini"),
    ("bedrock_anthropic", "bedrock_converse"),
    ("bedrock_invoke", "bedrock_converse"),
    ("cohere_embeddings", "cohere_chat"),
    ("ollama_embeddings", "ollama"),
    ("ollama_generate", "ollama"),
];

/// Whose host this is, by the list alone.
pub fn by_host(host: &str) -> Option<&'static str> {
    let of_row = PROVIDERS.iter().flat_map(|row| row.hosts.iter().map(move |host| (row.name, *host)));
    let mut all = of_row.chain(OTHERS.iter().copied());
    all.find(|(_, pattern)| Pattern::new(pattern).matches(host)).map(|(name, _)| name)
}

const ALL_OF_IT: &[Cover] = Cover::ALL;
const WITHOUT_PRICES: &[Cover] = &[Cover::Discovery, Cover::Inspection, Cover::SensitiveData];

const fn at(dialect: &'static str, prefix: &'static str, path: &'static str) -> Speaks {
    Speaks { dialect, prefix: Cow::Borrowed(prefix), path: Cow::Borrowed(path), stream: None }
}

const fn streams_at(dialect: &'static str, path: &'static str, stream: &'static str) -> Speaks {
    Speaks {
        dialect,
        prefix: Cow::Borrowed(""),
        path: Cow::Borrowed(path),
        stream: Some(Cow::Borrowed(stream)),
    }
}

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";

/// Every row.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        title: "OpenAI",
        url: Some("https://api.openai.com"),
        hosts: &["api.openai.com", "*.api.openai.com"],
        speaks: &[at("openai_chat", "", CHAT), at("openai_responses", "", RESPONSES)],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "anthropic",
        title: "Anthropic",
        url: Some("https://api.anthropic.com"),
        hosts: &["api.anthropic.com"],
        speaks: &[at("anthropic_messages", "", MESSAGES)],
        auth: Auth::Header(Cow::Borrowed("x-api-key")),
        headers: &[("anthropic-version", "2023-06-01")],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "gemini",
        title: "Google Gemini",
        url: Some("https://generativelanguage.googleapis.com"),
        hosts: &[
            "generativelanguage.googleapis.com",
            "aiplatform.googleapis.com",
            "*-aiplatform.googleapis.com",
        ],
        speaks: &[
            streams_at(
                "gemini",
                "/v1beta/models/{model}:generateContent",
                "/v1beta/models/{model}:streamGenerateContent?alt=sse",
            ),
            at("openai_chat", "", "/v1beta/openai/chat/completions"),
        ],
        auth: Auth::Header(Cow::Borrowed("x-goog-api-key")),
        headers: &[],
        covers: ALL_OF_IT,
        note: "Vertex AI is recognised; it is called by giving its `url`, `speaks` and a bearer token",
    },
    Provider {
        name: "azure",
        title: "Azure OpenAI",
        url: Some("https://{resource}.openai.azure.com"),
        hosts: &["*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com"],
        speaks: &[at("openai_chat", "/openai", CHAT), at("openai_responses", "/openai", RESPONSES)],
        auth: Auth::Header(Cow::Borrowed("api-key")),
        headers: &[],
        covers: ALL_OF_IT,
        note: "a model is the name of a deployment; `models` translates names",
    },
    Provider {
        name: "bedrock",
        title: "AWS Bedrock",
        url: Some("https://bedrock-runtime.{region}.amazonaws.com"),
        hosts: &[
            "bedrock-runtime.*.amazonaws.com",
            "bedrock-runtime-fips.*.amazonaws.com",
            "*.bedrock-runtime.*.vpce.amazonaws.com",
        ],
        speaks: &[
            streams_at("bedrock_converse", "/model/{model}/converse", "/model/{model}/converse-stream"),
            at("openai_chat", "/openai", CHAT),
        ],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "by a Bedrock API key, or with `auth: sigv4` by a key `ID:SECRET` or `ID:SECRET:SESSION`; its OpenAI format serves the open models only",
    },
    Provider {
        name: "mistral",
        title: "Mistral",
        url: Some("https://api.mistral.ai"),
        hosts: &["api.mistral.ai", "codestral.mistral.ai"],
        speaks: &[at("openai_chat", "", CHAT)],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "cohere",
        title: "Cohere",
        url: Some("https://api.cohere.com"),
        hosts: &["api.cohere.com", "api.cohere.ai"],
        speaks: &[at("cohere_chat", "", "/v2/chat"), at("openai_chat", "/compatibility", CHAT)],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "together",
        title: "Together AI",
        url: Some("https://api.together.xyz"),
        hosts: &["api.together.xyz", "api.together.ai"],
        speaks: &[at("openai_chat", "", CHAT)],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "groq",
        title: "Groq",
        url: Some("https://api.groq.com"),
        hosts: &["api.groq.com"],
        speaks: &[at("openai_chat", "/openai", CHAT), at("openai_responses", "/openai", RESPONSES)],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "",
    },
    Provider {
        name: "ollama",
        title: "Ollama",
        url: Some("http://127.0.0.1:11434"),
        hosts: &["ollama.com"],
        speaks: &[
            at("ollama", "", "/api/chat"),
            at("openai_chat", "", CHAT),
            at("openai_responses", "", RESPONSES),
            at("anthropic_messages", "", MESSAGES),
        ],
        auth: Auth::Bearer,
        headers: &[],
        covers: WITHOUT_PRICES,
        note: "self-hosted: money is counted once `prices` has its models",
    },
    Provider {
        name: "vllm",
        title: "vLLM",
        url: Some("http://127.0.0.1:8000"),
        hosts: &[],
        speaks: &[
            at("openai_chat", "", CHAT),
            at("openai_responses", "", RESPONSES),
            at("anthropic_messages", "", MESSAGES),
        ],
        auth: Auth::Bearer,
        headers: &[],
        covers: &[Cover::Inspection, Cover::SensitiveData],
        note: "self-hosted: recognised by where the settings say it is, priced once `prices` has its models",
    },
    Provider {
        name: "openrouter",
        title: "OpenRouter",
        url: Some("https://openrouter.ai"),
        hosts: &["openrouter.ai", "*.openrouter.ai"],
        speaks: &[
            at("openai_chat", "/api", CHAT),
            at("openai_responses", "/api", RESPONSES),
            at("anthropic_messages", "/api", MESSAGES),
        ],
        auth: Auth::Bearer,
        headers: &[],
        covers: ALL_OF_IT,
        note: "priced as the provider that a model's name begins with",
    },
    Provider {
        name: "openai_compatible",
        title: "any endpoint that speaks OpenAI's format",
        url: None,
        hosts: &[],
        speaks: &[at("openai_chat", "", CHAT)],
        auth: Auth::Bearer,
        headers: &[],
        covers: &[Cover::Inspection, Cover::SensitiveData],
        note: "`speaks`, `auth` and `headers` say what differs; priced once `prices` has its models",
    },
];

/// Hosts of providers that are recognised and have no row: they are called as `openai_compatible`.
pub const OTHERS: &[(&str, &str)] = &[
    ("deepseek", "api.deepseek.com"),
    ("fireworks", "api.fireworks.ai"),
    ("huggingface", "router.huggingface.co"),
    ("huggingface", "api-inference.huggingface.co"),
    ("huggingface", "*.endpoints.huggingface.cloud"),
    ("perplexity", "api.perplexity.ai"),
    ("replicate", "api.replicate.com"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_formats_that_exist_and_none_stands_twice() {
        for (n, row) in PROVIDERS.iter().enumerate() {
            assert!(PROVIDERS.iter().take(n).all(|other| other.name != row.name), "{}", row.name);
            assert!(!row.speaks.is_empty(), "{}", row.name);
            for speaks in row.speaks {
                assert!(wire::dialect::named(speaks.dialect).is_some(), "{}: {}", row.name, speaks.dialect);
            }
        }
    }

    #[test]
    fn each_form_without_a_path_goes_to_a_format_that_somebody_speaks() {
        for (_, kin) in KIN {
            let spoken = PROVIDERS.iter().any(|row| row.speaks.iter().any(|it| it.dialect == *kin));
            assert!(spoken && super::kin(kin) == *kin, "{kin}");
        }
        assert_eq!((kin("openai_embeddings"), kin("unknown")), ("openai_chat", "unknown"));
    }

    #[test]
    fn a_host_is_recognised_and_one_that_looks_like_it_is_not() {
        for (host, name) in [
            ("api.openai.com", Some("openai")),
            ("eu.api.openai.com", Some("openai")),
            ("API.Anthropic.com", Some("anthropic")),
            ("europe-west1-aiplatform.googleapis.com", Some("gemini")),
            ("acme.openai.azure.com", Some("azure")),
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some("bedrock")),
            ("bedrock.eu-west-1.amazonaws.com", None),
            ("api.deepseek.com", Some("deepseek")),
            ("api.openai.com.evil.example", None),
            ("evil-openai.azure.com", None),
            ("", None),
        ] {
            assert_eq!(by_host(host), name, "{host}");
        }
    }

    #[test]
    fn the_twelve_are_there_and_their_levels_follow() {
        let level = |name: &str| named(name).unwrap().level();
        for name in ["openai", "anthropic", "gemini", "azure", "bedrock", "mistral", "cohere", "together"] {
            assert_eq!(level(name), Level::Full, "{name}");
        }
        assert_eq!((level("ollama"), level("vllm")), (Level::Partial, Level::Partial));
        assert_eq!(PROVIDERS.len(), 13);
    }
}
