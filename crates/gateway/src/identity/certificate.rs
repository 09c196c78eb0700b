//! The certificate that a client proved to have when its connection was made.
//!
//! Whether it leads to a trusted authority was decided by the handshake. Here it is only read: whom
//! it names, and how long it is good.

use action::{Digest, Name, Timestamp};
use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Proof, Wrong};
use crate::limits::MAX_ALTERNATIVE_NAMES;

/// What a verified certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of the whole certificate.
    pub fingerprint: Digest,
    pub uris: Vec<Name>,
    pub hosts: Vec<Name>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl PeerCertificate {
    /// Reads one. The common name is not looked at: it has no form, so what it names is a guess.
    /// Names that do not fit into a [`Name`] are left out, and no operator could have written them.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let mut read = PeerCertificate {
            fingerprint: Digest::from_bytes(digest(&SHA256, der).as_ref().try_into().ok()?),
            uris: Vec::new(),
            hosts: Vec::new(),
            not_before: seconds(certificate.validity().not_before.timestamp()),
            not_after: seconds(certificate.validity().not_after.timestamp()),
        };
        let names = certificate.subject_alternative_name().ok()?;
        let names = names.map_or(&[][..], |extension| extension.value.general_names.as_slice());
        if names.len() > MAX_ALTERNATIVE_NAMES {
            return None;
        }
        for name in names {
            match name {
                GeneralName::URI(text) => read.uris.extend(Name::new(text)),
                GeneralName::DNSName(text) => read.hosts.extend(Name::new(&text.to_ascii_lowercase())),
                _ => {}
            }
        }
        Some(read)
    }

    /// Every identity that it may be registered by.
    pub(super) fn proofs(&self) -> impl Iterator<Item = Proof> + '_ {
        std::iter::once(Proof::Certificate(self.fingerprint))
            .chain(self.uris.iter().cloned().map(Proof::Uri))
            .chain(self.hosts.iter().cloned().map(Proof::Dns))
    }

    pub(super) fn check(&self, now: Timestamp) -> Result<(), Wrong> {
        match () {
            () if now < self.not_before => Err(Wrong::TooEarly),
            () if now > self.not_after => Err(Wrong::Expired),
            () => Ok(()),
        }
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &[u8] = include_bytes!("../../../../fuzz/seeds/certificate/named.der");

    #[test]
    fn names_and_dates_are_read_and_nothing_else_counts() {
        let read = PeerCertificate::read(NAMED).unwrap();
        assert_eq!(read.uris, [Name::new("spiffe://example.org/shop").unwrap()]);
        assert_eq!(read.hosts, [Name::new("shop.example.org").unwrap()]);
        assert_eq!(read.proofs().count(), 3);
        assert_eq!(read.fingerprint.as_bytes(), digest(&SHA256, NAMED).as_ref());
        assert_eq!(read.check(read.not_before), Ok(()));
        assert_eq!(read.check(read.not_after), Ok(()));
        assert_eq!(read.check(read.not_before.plus_millis(-1)), Err(Wrong::TooEarly));
        assert_eq!(read.check(read.not_after.plus_millis(1)), Err(Wrong::Expired));
        assert_eq!(read.not_after, Timestamp::parse("2027-01-01T00:00:00Z").unwrap());
    }

    #[test]
    fn a_cut_or_lengthened_certificate_is_none() {
        for end in 0..NAMED.len() {
            assert_eq!(PeerCertificate::read(&NAMED[..end]), None);
        }
        assert_eq!(PeerCertificate::read(&[NAMED, &[0]].concat()), None);
    }
}
