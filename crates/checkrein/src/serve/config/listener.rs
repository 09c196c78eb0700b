//! Where the server listens, and by which certificate it is known there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use engine::yaml::{Faults, Fields};

use super::Stands;

/// One listener.
#[derive(Debug, Clone)]
pub struct Listener {
    pub address: SocketAddr,
    pub tls: Option<Tls>,
}

/// The files that TLS on a listener needs; reread when they change.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub clients: Option<Clients>,
    pub stands: Stands,
}

impl Tls {
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let clients = self.clients.iter().map(|clients| clients.authorities.as_path());
        [self.certificate.as_path(), self.key.as_path()].into_iter().chain(clients)
    }
}

/// Certificates that clients present.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Authorities that may have made them, in PEM.
    pub authorities: PathBuf,
    pub demand: Demand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Without one there is no connection.
    Required,
    /// One that is presented must be good.
    Optional,
}

impl Demand {
    const ALL: &'static [Demand] = &[Demand::Required, Demand::Optional];

    const fn as_str(self) -> &'static str {
        match self {
            Demand::Required => "required",
            Demand::Optional => "optional",
        }
    }
}

pub fn listener(
    fields: Option<Fields<'_>>,
    port: u16,
    folder: &Path,
    faults: &mut Faults,
) -> Option<Listener> {
    let usual = SocketAddr::from(([127, 0, 0, 1], port));
    let Some(mut fields) = fields else { return Some(Listener { address: usual, tls: None }) };
    let address = match fields.text("listen", faults) {
        None => Some(usual),
        Some(text) => {
            let parsed: Option<SocketAddr> = text.parse().ok();
            if parsed.is_none() {
                let hint = Some(format!("an address and a port, like `127.0.0.1:{port}`"));
                fields.fault(faults, "bad_address", "`listen` is no address to listen on".to_owned(), hint);
            }
            parsed
        }
    };
    let wanted = fields.fields("tls", faults);
    if wanted.is_none() && address.is_some_and(|address| !address.ip().is_loopback()) {
        let message = "`listen` is reachable from other machines, and keys would travel in the clear";
        let hint = "give it `tls: { certificate: FILE, key: FILE }`, or listen on 127.0.0.1".to_owned();
        fields.fault(faults, "not_loopback", message.to_owned(), Some(hint));
    }
    let tls = wanted.map(|fields| tls(fields, folder, faults));
    fields.finish(faults);
    match tls {
        None => Some(Listener { address: address?, tls: None }),
        Some(tls) => Some(Listener { address: address?, tls: Some(tls?) }),
    }
}

fn tls(mut fields: Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Tls> {
    let at = |text: &str| folder.join(text);
    let certificate = fields.need_text("certificate", faults).map(at);
    let key = fields.need_text("key", faults).map(at);
    let authorities = fields.text("client_ca", faults).map(at);
    let demand = fields.choice("client", Demand::ALL, Demand::as_str, faults);
    if demand.is_some() && authorities.is_none() {
        let message = "`client` says that clients present certificates, but not whose".to_owned();
        let hint = "`client_ca: FILE` names the authorities whose certificates are good".to_owned();
        fields.fault(faults, "missing_key", message, Some(hint));
    }
    let stands = Stands::at(&fields);
    fields.finish(faults);
    let demand = demand.unwrap_or(Demand::Required);
    let clients = authorities.map(|authorities| Clients { authorities, demand });
    Some(Tls { certificate: certificate?, key: key?, clients, stands })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const REST: &str = "
data: data
tenant: example
log: example.org/node-a
environments: { staging: {} }
";

    fn parse(agents: &str) -> Result<Listener, Vec<&'static str>> {
        let text = format!("{REST}agents: {{ {agents} }}\n");
        match Config::parse("checkrein.yaml", &text, Path::new("/etc/checkrein")) {
            Ok(config) => Ok(config.agents),
            Err(faults) => Err(faults.0.into_iter().map(|fault| fault.code).collect()),
        }
    }

    #[test]
    fn other_addresses_need_tls_and_files_are_beside_the_settings() {
        assert_eq!(parse("listen: '[::]:1'").unwrap_err(), ["not_loopback"]);
        let listener =
            parse("listen: '[::]:1', tls: { certificate: a.pem, key: /b.key, client_ca: c.pem }").unwrap();
        let tls = listener.tls.unwrap();
        assert_eq!(tls.certificate, Path::new("/etc/checkrein/a.pem"));
        assert_eq!(tls.key, Path::new("/b.key"));
        assert_eq!(tls.clients.unwrap().demand, Demand::Required);
        let optional = parse("tls: { certificate: a, key: b, client_ca: c, client: optional }").unwrap();
        assert_eq!(optional.tls.unwrap().clients.unwrap().demand, Demand::Optional);
    }

    #[test]
    fn half_of_what_tls_needs_is_a_fault() {
        assert_eq!(parse("tls: { certificate: a }").unwrap_err(), ["missing_key"]);
        assert_eq!(parse("tls: {}").unwrap_err(), ["missing_key", "missing_key"]);
        assert_eq!(parse("tls: { certificate: a, key: b, client: required }").unwrap_err(), ["missing_key"]);
        let codes =
            parse("tls: { certificate: a, key: b, client_ca: c, client: maybe, more: 1 }").unwrap_err();
        assert_eq!(codes, ["unknown_value", "unknown_key"]);
    }
}
