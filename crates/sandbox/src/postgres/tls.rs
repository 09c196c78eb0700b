//! TLS to a database on another machine. There is one level only: the certificate leads to a trusted
//! authority and names the host of the connection string.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA1WITHRSA, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Refused;

/// Who vouches for the certificate of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Authorities {
    #[default]
    Public,
    /// Those in a file of PEM, and nobody else. It is read for each run, so it can be changed.
    File(PathBuf),
}

impl Authorities {
    /// Whether the file can be used as it is now. The text names the file and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.roots().map(|_| ())
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let Authorities::File(path) = self else {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            return Ok(roots);
        };
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|_| format!("`{shown}` is not in PEM form"))?;
            roots.add(certificate).map_err(|_| format!("a certificate in `{shown}` is no authority"))?;
        }
        if roots.is_empty() { Err(format!("`{shown}` holds no certificate in PEM form")) } else { Ok(roots) }
    }

    /// What shakes hands with a host of this name.
    pub(super) fn connector(&self, host: &str) -> Result<Connector, Refused> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Refused::unavailable("TLS to the PostgreSQL database", error)
        };
        let roots = self.roots().map_err(|error| failed(error.into()))?;
        let host = ServerName::try_from(host.to_owned()).map_err(|error| failed(error.into()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Connector { tls: TlsConnector::from(Arc::new(config)), host })
    }
}

pub struct Connector {
    tls: TlsConnector,
    host: ServerName<'static>,
}

impl<S> TlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Sealed<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Sealed<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { Ok(Sealed(Box::new(self.tls.connect(self.host, stream).await?))) })
    }
}

/// A stream that nobody on the way can read or change.
pub struct Sealed<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Sealed<S> {
    /// Binds the password's proof to the certificate that was seen, where the server offers it.
    fn channel_binding(&self) -> ChannelBinding {
        let own = self.0.get_ref().1.peer_certificates().and_then(<[_]>::first);
        own.and_then(|own| end_point(own))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// The certificate under the hash of its own signature, and SHA-256 for SHA-1 (RFC 5929, section 4.1).
/// Signatures that name no hash have no such value.
fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm: &Oid<'_> = &certificate.signature_algorithm.algorithm;
    let is = |known: &[&Oid<'_>]| known.contains(&algorithm);
    match () {
        () if is(&[&OID_PKCS1_SHA1WITHRSA, &OID_PKCS1_SHA256WITHRSA, &OID_SIG_ECDSA_WITH_SHA256]) => {
            Some(Sha256::digest(der).to_vec())
        }
        () if is(&[&OID_PKCS1_SHA384WITHRSA, &OID_SIG_ECDSA_WITH_SHA384]) => {
            Some(Sha384::digest(der).to_vec())
        }
        () if is(&[&OID_PKCS1_SHA512WITHRSA, &OID_SIG_ECDSA_WITH_SHA512]) => {
            Some(Sha512::digest(der).to_vec())
        }
        () => None,
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Sealed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sealed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
