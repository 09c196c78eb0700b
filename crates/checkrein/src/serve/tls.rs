//! TLS on the listeners: from the files in the settings to what a handshake needs, again when they
//! change.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use action::Timestamp;
use arc_swap::ArcSwap;
use gateway::identity::PeerCertificate;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::config::{Clients, Demand, Tls};
use super::files::{Watched, fingerprint};

/// Largest file of certificates or keys that is read.
const MAX_FILE: u64 = 1 << 20;
/// A certificate that ends within this is told of.
const SOON_MILLIS: i64 = 14 * 86_400_000;

/// What a listener shakes hands with now.
pub type Current = Arc<ArcSwap<ServerConfig>>;

/// Files that were read and fit together.
pub struct Loaded {
    pub config: ServerConfig,
    /// What is no fault, but should be known.
    pub warnings: Vec<String>,
}

/// One thing wrong in the files.
#[derive(Debug)]
pub struct Bad {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<&'static str>,
}

/// Reads the files of a listener. Tells everything that is wrong in them at once.
pub fn load(tls: &Tls, now: Timestamp) -> Result<Loaded, Vec<Bad>> {
    let mut bad = Vec::new();
    let chain = certificates(&tls.certificate).map_err(|fault| bad.push(fault)).ok();
    let key = private_key(&tls.key).map_err(|fault| bad.push(fault)).ok();
    let verifier = match &tls.clients {
        None => Some(Arc::new(NoClientAuth) as Arc<dyn ClientCertVerifier>),
        Some(clients) => verifier(clients).map_err(|fault| bad.push(fault)).ok(),
    };
    let (Some(chain), Some(key), Some(verifier)) = (chain, key, verifier) else { return Err(bad) };
    let warnings = warnings(&tls.certificate, &chain, now);
    let built = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(chain, key));
    match built {
        Ok(mut config) => {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Ok(Loaded { config, warnings })
        }
        Err(error) => Err(vec![Bad {
            code: "bad_certificate",
            message: format!(
                "`{}` and `{}` do not go together: {error}",
                shown(&tls.certificate),
                shown(&tls.key)
            ),
            hint: Some("the key must be the one that the first certificate of the chain was made for"),
        }]),
    }
}

/// The files of a listener, looked at again and again.
pub struct Reload {
    tls: Tls,
    current: Current,
    watched: Watched,
}

impl Reload {
    /// Looked at before they are read, so that a change in between is seen on the next look.
    pub fn start(tls: Tls, now: Timestamp) -> Result<Self, Vec<Bad>> {
        let mut watched = Watched::default();
        watched.changed(fingerprint(tls.paths()));
        let loaded = load(&tls, now)?;
        let current = Arc::new(ArcSwap::from_pointee(loaded.config));
        Ok(Reload { tls, current, watched })
    }

    pub fn current(&self) -> Current {
        Arc::clone(&self.current)
    }

    /// Puts changed files in force. Faulty ones are told of, and what is in force stays.
    pub fn look(&mut self, now: Timestamp) {
        if !self.watched.changed(fingerprint(self.tls.paths())) {
            return;
        }
        match load(&self.tls, now) {
            Ok(loaded) => {
                loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                tracing::info!(certificate = %self.tls.certificate.display(), "certificates are in force");
                self.current.store(Arc::new(loaded.config));
            }
            Err(bad) => bad.iter().for_each(|bad| {
                tracing::error!(code = bad.code, "{}; the certificates in force stay", bad.message);
            }),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Bad> {
    let bytes = read(path, false)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match parsed {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(Bad {
            code: "bad_certificate",
            message: format!("`{}` holds no certificate in PEM", shown(path)),
            hint: Some("a file with one or more parts `-----BEGIN CERTIFICATE-----`"),
        }),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Bad> {
    let bytes = read(path, true)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| Bad {
        code: "bad_key",
        message: format!("`{}` holds no private key in PEM", shown(path)),
        hint: Some("a key without a password, as PKCS #8, SEC1 or PKCS #1"),
    })
}

fn verifier(clients: &Clients) -> Result<Arc<dyn ClientCertVerifier>, Bad> {
    let path = &clients.authorities;
    let bad = |error: &dyn std::fmt::Display| Bad {
        code: "bad_certificate",
        message: format!("`{}` names no authority to trust: {error}", shown(path)),
        hint: None,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let builder = match clients.demand {
        Demand::Required => builder,
        Demand::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| bad(&error))
}

/// What an operator should know of a certificate that can be used all the same: clocks differ, and a
/// server that does not start helps nobody.
fn warnings(path: &Path, chain: &[CertificateDer<'_>], now: Timestamp) -> Vec<String> {
    let Some(own) = chain.first().and_then(|own| PeerCertificate::read(own)) else {
        return vec![format!("the dates of the certificate in `{}` cannot be read", shown(path))];
    };
    let told = match () {
        () if now > own.not_after => "has expired",
        () if now < own.not_before => "is not good yet",
        () if now.plus_millis(SOON_MILLIS) > own.not_after => "expires within 14 days",
        () => return Vec::new(),
    };
    vec![format!(
        "the certificate in `{}` {told} (good from {} to {})",
        shown(path),
        own.not_before,
        own.not_after
    )]
}

fn read(path: &Path, secret: bool) -> Result<Vec<u8>, Bad> {
    let bad = |code, message: String, hint| Bad { code, message, hint };
    let unreadable = |error: std::io::Error| {
        bad(
            "unreadable",
            format!("cannot read `{}`: {error}", shown(path)),
            Some("paths are beside the settings"),
        )
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if secret && about.permissions().mode() & 0o077 != 0 {
        let message = format!("`{}` can be read by others", shown(path));
        return Err(bad("open_key", message, Some("run `chmod 600` on it")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(bad("unreadable", format!("`{}` is larger than 1 MiB", shown(path)), None));
    }
    Ok(bytes)
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}
