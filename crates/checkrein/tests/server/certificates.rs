//! Authorities, certificates and a TLS client of the tests' own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::harness::Reply;

/// Who makes certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Own {
    pub certificate: Certificate,
    pub key: KeyPair,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server on this machine.
    pub fn server(&self) -> Own {
        self.make(CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap())
    }

    /// For a client that is named this way.
    pub fn client(&self, names: &[SanType]) -> Own {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.make(params)
    }

    pub fn expired(&self, mut params: CertificateParams) -> Own {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.make(params)
    }

    fn make(&self, params: CertificateParams) -> Own {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Own { certificate, key }
    }
}

impl Own {
    /// Writes `server.pem` and `server.key`.
    pub fn write(&self, folder: &Path) {
        write(&folder.join("server.key"), &self.key.serialize_pem(), 0o600);
        write(&folder.join("server.pem"), &self.certificate.pem(), 0o644);
    }
}

pub fn write(path: &Path, text: &str, mode: u32) {
    // Put in place at once, as tools that renew certificates do.
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

/// Speaks TLS to a server, trusting one authority, with or without a certificate of its own.
pub struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Client {
    pub fn new(address: SocketAddr, trusted: &Authority, own: Option<&Own>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![own.certificate.der().clone()], key).unwrap()
            }
        };
        Client { address, config: Arc::new(config) }
    }

    pub fn offering(mut self, protocols: &[&str]) -> Client {
        let config = Arc::make_mut(&mut self.config);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    fn connect(&self) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let name = ServerName::from(self.address.ip());
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// The certificate that the server shows, and the protocol that was agreed on.
    pub fn shown(&self) -> std::io::Result<(CertificateDer<'static>, Option<Vec<u8>>)> {
        let stream = self.connect()?;
        let certificate = stream.conn.peer_certificates().unwrap()[0].clone().into_owned();
        Ok((certificate, stream.conn.alpn_protocol().map(<[u8]>::to_vec)))
    }

    /// One request on a connection of its own. An error is a connection that did not come to be.
    pub fn call(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> std::io::Result<Reply> {
        let mut stream = self.connect()?;
        stream.write_all(request(self.address, verb, path, headers, body).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(reply(&answer))
    }
}

pub fn request(
    address: SocketAddr,
    verb: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> String {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut head = format!("{verb} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

fn reply(answer: &[u8]) -> Reply {
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}
