//! Where something is sent: read once from the settings, checked again each time a name is resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most bytes of an address in the settings.
const MAX_ADDRESS: usize = 2_048;

/// An address that something may be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    pub tls: bool,
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    /// Path and query. Often a secret, so it is never shown.
    pub target: String,
    /// Whether addresses that are not of the public Internet are meant.
    pub private: bool,
}

/// Why a text is no address that anything is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationFault {
    #[error("is no address; one looks like `https://example.org/path`")]
    Form,
    #[error("has a user or a password in it; give secrets as headers or in the path")]
    User,
    #[error("has neither the scheme `https` nor `http`")]
    Scheme,
    #[error("is not encrypted; `http` is for receivers on this machine only, `https` for all others")]
    Plain,
    #[error("leads to a network that is not public; say `private: true` if that is meant")]
    Private,
    #[error("leads to a place that nothing is ever sent to, such as a cloud's metadata service")]
    Never,
}

impl Destination {
    pub fn parse(text: &str, private: bool) -> Result<Self, DestinationFault> {
        // A fragment is dropped in silence by the parser, which would hide a typing error.
        if text.len() > MAX_ADDRESS || text.contains('#') || text.trim() != text {
            return Err(DestinationFault::Form);
        }
        let uri: http::Uri = text.parse().map_err(|_| DestinationFault::Form)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(DestinationFault::Form);
        };
        if authority.as_str().contains('@') {
            return Err(DestinationFault::User);
        }
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(DestinationFault::Scheme),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || authority.port_u16() == Some(0) {
            return Err(DestinationFault::Form);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let literal: Option<IpAddr> = host.parse().ok();
        let here = host == "localhost" || literal.is_some_and(|address| address.is_loopback());
        if !tls && !here {
            return Err(DestinationFault::Plain);
        }
        let destination = Destination { tls, host, port, target, private };
        if here && !private {
            return Err(DestinationFault::Private);
        }
        literal.map_or(Ok(()), |address| destination.admits(address))?;
        Ok(destination)
    }

    /// Whether a resolved address may be connected to. The connection is made to this very address, so
    /// that a name that resolves to something else a moment later gains nothing.
    pub fn admits(&self, address: IpAddr) -> Result<(), DestinationFault> {
        match reach(address) {
            Reach::Public => Ok(()),
            // Unencrypted, it must stay on this machine.
            _ if !self.tls && !unwrapped(address).is_loopback() => Err(DestinationFault::Plain),
            Reach::Private if self.private => Ok(()),
            Reach::Private => Err(DestinationFault::Private),
            Reach::Never => Err(DestinationFault::Never),
        }
    }

    /// What the `host` header says.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// Scheme and host. What follows may be a secret.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({self})")
    }
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
    /// Nobody receives anything there, or what answers hands out credentials.
    Never,
}

fn reach(address: IpAddr) -> Reach {
    match unwrapped(address) {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// An IPv4 address that is written as an IPv6 one is the IPv4 address, for whoever connects to it.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let last = |high: u16, low: u16| {
        let ([p, q], [r, s]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(p, q, r, s))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => last(g, h),
        // `::1` and `::` are addresses of their own.
        (0, 0, 0, 0, 0, 0) if g != 0 => last(g, h),
        (0x2002, ..) => last(b, c),
        _ => address,
    }
}

/// Metadata services of clouds that lie in ranges which are private otherwise.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if address == METADATA_V4 => Reach::Never,
        (10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Reach::Private,
        // This network, link-local, protocol assignments, documentation, benchmarks, multicast and above.
        (0, ..) | (169, 254, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) => Reach::Never,
        (198, 51, 100) | (203, 0, 113) | (224.., ..) => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let [first, second, ..] = address.segments();
    match first {
        _ if address == METADATA_V6 => Reach::Never,
        _ if address.is_loopback() => Reach::Private,
        0xfc00..=0xfdff => Reach::Private,
        // Documentation, and tunnels whose other end cannot be told.
        0x2001 if second == 0xdb8 || second < 0x200 => Reach::Never,
        0x2000..=0x3fff => Reach::Public,
        _ => Reach::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(private: bool, address: &str) -> Result<(), DestinationFault> {
        Destination::parse("https://receiver.example", private).unwrap().admits(address.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_open_and_the_rest_is_not() {
        for address in ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert_eq!(admitted(false, address), Ok(()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "::7f00:1",
            "2002:a00:1::",
        ] {
            assert_eq!(admitted(false, address), Err(DestinationFault::Private), "{address}");
            assert_eq!(admitted(true, address), Ok(()), "{address} is meant");
        }
    }

    #[test]
    fn metadata_services_are_never_reached() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "100.100.100.200",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "2001:db8::1",
            "2001::1",
            "192.0.0.192",
        ] {
            for private in [false, true] {
                assert_eq!(admitted(private, address), Err(DestinationFault::Never), "{address}");
            }
        }
    }

    #[test]
    fn what_is_not_encrypted_stays_on_this_machine() {
        let plain = Destination::parse("http://localhost:4318/v1/traces", true).unwrap();
        assert_eq!(plain.admits("127.0.0.1".parse().unwrap()), Ok(()));
        for address in ["10.0.0.1", "fd12::1"] {
            assert_eq!(plain.admits(address.parse().unwrap()), Err(DestinationFault::Plain));
        }
        assert_eq!(Destination::parse("http://receiver.example/", true), Err(DestinationFault::Plain));
    }

    #[test]
    fn faults_of_the_text_are_told_before_anything_is_sent() {
        use DestinationFault as F;
        for (text, private, fault) in [
            ("receiver.example", false, F::Form),
            ("https://", false, F::Form),
            ("https://a b", false, F::Form),
            ("https://receiver.example/#part", false, F::Form),
            ("https://user:word@receiver.example/", false, F::User),
            ("ftp://receiver.example/", false, F::Scheme),
            ("http://127.0.0.1:9/", false, F::Private),
            ("https://localhost/", false, F::Private),
            ("https://10.0.0.1/", false, F::Private),
            ("https://169.254.169.254/latest", true, F::Never),
            ("https://[fd00:ec2::254]/", true, F::Never),
        ] {
            assert_eq!(Destination::parse(text, private), Err(fault), "{text}");
        }
    }

    #[test]
    fn the_path_is_not_shown() {
        let destination =
            Destination::parse("https://Hooks.Example:8443/services/T0/SECRET?k=v", false).unwrap();
        assert_eq!(destination.target, "/services/T0/SECRET?k=v");
        assert_eq!(destination.to_string(), "https://hooks.example:8443");
        assert_eq!(format!("{destination:?}"), "Destination(https://hooks.example:8443)");
    }
}
