//! Where an upstream is: scheme, host, port and what stands in front of every path.

use std::fmt;
use std::net::IpAddr;

/// Most bytes of an address in the settings.
const MAX_ADDRESS: usize = 2_048;

#[derive(Clone, PartialEq, Eq)]
pub struct Base {
    pub tls: bool,
    /// A name, or an address without brackets; small letters.
    pub host: String,
    pub port: u16,
    /// Empty, or begins with `/` and does not end with one.
    pub path: String,
}

/// Why a text is no address of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    #[error("is no address; one looks like `https://example.org` or `https://example.org/path`")]
    Form,
    #[error("has a user or a password in it; give a key by `key`")]
    User,
    #[error("has neither the scheme `https` nor `http`")]
    Scheme,
    #[error("has a query; parameters belong to `auth` or to the paths in `speaks`")]
    Query,
    #[error("is not encrypted and leads off this machine; use `https`, or say `allow_plain: true`")]
    Plain,
    #[error("has `{{region}}` or `{{resource}}` in it that is not filled in")]
    Open,
}

impl Base {
    /// Reads an address. Without `allow_plain` only this machine is spoken to unencrypted.
    pub fn parse(text: &str, allow_plain: bool) -> Result<Self, BaseError> {
        if text.contains(['{', '}']) {
            return Err(BaseError::Open);
        }
        // A fragment is dropped in silence by the parser, which would hide a typing error.
        if text.len() > MAX_ADDRESS || text.contains('#') || text.trim() != text {
            return Err(BaseError::Form);
        }
        let uri: http::Uri = text.parse().map_err(|_| BaseError::Form)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BaseError::Form);
        };
        if authority.as_str().contains('@') {
            return Err(BaseError::User);
        }
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(BaseError::Scheme),
        };
        if uri.query().is_some() {
            return Err(BaseError::Query);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || authority.port_u16() == Some(0) {
            return Err(BaseError::Form);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let base = Base { tls, host, port, path: uri.path().trim_end_matches('/').to_owned() };
        if !tls && !allow_plain && !base.is_here() {
            return Err(BaseError::Plain);
        }
        Ok(base)
    }

    /// Whether it is this machine, by its name alone.
    pub fn is_here(&self) -> bool {
        let literal: Option<IpAddr> = self.host.parse().ok();
        self.host == "localhost" || literal.is_some_and(|address| address.is_loopback())
    }

    /// What the `host` header says.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Path and query of a call. What the address ends with and the path begins with is said once: people
    /// write `https://example.org/v1` as well as `https://example.org`.
    pub fn join(&self, path: &str) -> String {
        let ends = self.path.match_indices('/').map(|(at, _)| self.path.get(at..).unwrap_or_default());
        let shared = ends.clone().find(|end| {
            path.strip_prefix(end).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        });
        let rest = shared.and_then(|shared| path.strip_prefix(shared)).unwrap_or(path);
        format!("{}{rest}", self.path)
    }
}

/// Scheme and host.
impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Base {
        Base::parse(text, true).unwrap()
    }

    #[test]
    fn only_this_machine_is_spoken_to_unencrypted_unless_that_is_meant() {
        for text in ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost", "https://models.example"] {
            assert!(Base::parse(text, false).is_ok(), "{text}");
        }
        assert_eq!(Base::parse("http://10.0.0.1:8000", false), Err(BaseError::Plain));
        assert!(Base::parse("http://10.0.0.1:8000", true).is_ok());
    }

    #[test]
    fn faults_of_an_address_are_told_apart() {
        use BaseError as E;
        for (text, fault) in [
            ("models.example", E::Form),
            ("https://", E::Form),
            ("https://a b", E::Form),
            (" https://a", E::Form),
            ("https://a/#part", E::Form),
            ("https://a:0", E::Form),
            ("https://user:word@a/", E::User),
            ("ftp://a/", E::Scheme),
            ("https://a/?key=1", E::Query),
            ("https://{resource}.openai.azure.com", E::Open),
        ] {
            assert_eq!(Base::parse(text, true), Err(fault), "{text}");
        }
        assert!(Base::parse(&format!("https://a/{}", "x".repeat(MAX_ADDRESS)), true).is_err());
    }

    #[test]
    fn what_address_and_path_share_is_said_once() {
        for (address, path, joined) in [
            ("https://a", "/v1/chat", "/v1/chat"),
            ("https://a/", "/v1/chat", "/v1/chat"),
            ("https://a/v1", "/v1/chat", "/v1/chat"),
            ("https://a/openai/v1/", "/openai/v1/chat", "/openai/v1/chat"),
            ("https://a/team/v1", "/v1/chat", "/team/v1/chat"),
            ("https://a/team", "/v1/chat", "/team/v1/chat"),
            ("https://a/v", "/v1/chat", "/v/v1/chat"),
            ("https://a/x/v1", "/v1?a=b", "/x/v1?a=b"),
        ] {
            assert_eq!(base(address).join(path), joined, "{address} and {path}");
        }
    }

    #[test]
    fn the_path_is_not_shown() {
        let base = base("https://Models.Example:8443/SECRET");
        assert_eq!((base.to_string(), base.path.as_str()), ("https://models.example:8443".into(), "/SECRET"));
        assert_eq!(format!("{base:?}"), "Base(https://models.example:8443)");
    }
}
