//! Connecting: TCP without delay, TLS with the system's authorities or an operator's, and a proxy's
//! tunnel where one is set.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use crate::limits::CONNECT_WITHIN;

/// An upstream cannot be spoken to as it was set.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    #[error("the address has no scheme or no host; write it like https://api.example.com")]
    Address,
    #[error("cannot read the certificates in `{}`", .0.display())]
    File(PathBuf, #[source] rustls::pki_types::pem::Error),
    #[error("`{}` holds no certificate that could be an authority", .0.display())]
    Empty(PathBuf),
    #[error("this build cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// The way out, straight or through a proxy.
#[derive(Clone)]
pub enum Connector {
    Straight(HttpsConnector<HttpConnector>),
    Through(HttpsConnector<Tunnel<HttpConnector>>),
}

pub fn connector(to: &Uri, ca: Option<&Path>, proxy: Option<&Uri>) -> Result<Connector, TrustFault> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_WITHIN));
    // Who is spoken to in the clear proves nothing, and needs nobody who vouches for it.
    let is_plain = to.scheme() == Some(&http::uri::Scheme::HTTP);
    let tls = trusting(ca, is_plain)?;
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match proxy {
        None => Connector::Straight(builder.enable_all_versions().wrap_connector(tcp)),
        Some(proxy) => {
            Connector::Through(builder.enable_all_versions().wrap_connector(Tunnel::new(proxy.clone(), tcp)))
        }
    })
}

fn trusting(ca: Option<&Path>, is_plain: bool) -> Result<ClientConfig, TrustFault> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let bad = |error| TrustFault::File(path.to_owned(), error);
            for certificate in CertificateDer::pem_file_iter(path).map_err(bad)? {
                roots.add(certificate.map_err(bad)?).map_err(TrustFault::Tls)?;
            }
            if roots.is_empty() {
                return Err(TrustFault::Empty(path.to_owned()));
            }
        }
        None if is_plain => {}
        None => roots.clone_from(SYSTEM.get_or_init(system)),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TrustFault::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The system's authorities, so that what its owner trusts or no longer trusts holds here, too. Read once.
static SYSTEM: OnceLock<RootCertStore> = OnceLock::new();

fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if known == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

impl tower_service::Service<Uri> for Connector {
    type Response = ConnectedStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<ConnectedStream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Connector::Straight(inner) => inner.poll_ready(cx),
            Connector::Through(inner) => inner.poll_ready(cx),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self {
            Connector::Straight(inner) => Box::pin(inner.call(to)),
            Connector::Through(inner) => Box::pin(inner.call(to)),
        }
    }
}

pub type ConnectedStream = Stream;
