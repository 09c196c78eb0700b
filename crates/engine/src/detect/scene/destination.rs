//! Where something would go, in comparable form.

use std::borrow::Cow;

use crate::detect::exploits::usual_v4;
use crate::facts::Facts;
use crate::text::{alike, unicode_host};

/// A destination in comparable form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Host, mail domain or account, lower case.
    pub name: String,
    /// As sent, lower case: the full address.
    pub full: String,
    pub external: bool,
}

impl Destination {
    pub(super) fn new(text: &str, facts: &Facts) -> Self {
        let full = text.trim().to_lowercase();
        let authority = authority(&full);
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let name = without_port(host).to_owned();
        let external = names_several(&full, authority) || !is_own(&name, facts);
        Destination { name, full, external }
    }
}

/// Every spelling by which a rule that tightens may know a destination: as sent, and each host in
/// it without port and closing dot, with encoded labels decoded and numbers written as addresses
/// usually are. All are in the form in which look-alikes are equal.
pub fn spellings(text: &str) -> Vec<String> {
    let full = alike(text.trim()).into_owned();
    let mut known = Vec::new();
    for one in full.split(BETWEEN).filter(|one| !one.is_empty()) {
        // An address with a name before its `@` goes to whatever is behind; where several stand
        // there, programs differ in which they take.
        for part in authority(one).split('@') {
            let host = without_port(part).replace(IDEOGRAPHIC_DOT, ".");
            let host = host.trim_end_matches('.');
            known.extend(usual_v4(host).map(|address| address.to_string()));
            if let Cow::Owned(plain) = unicode_host(host) {
                known.push(alike(&plain).into_owned());
            }
            known.push(host.to_owned());
        }
        known.push(one.to_owned());
    }
    known.push(full);
    known.sort_unstable();
    known.dedup();
    known
}

/// What stands between the addresses of a list, and around one with a name.
const BETWEEN: [char; 7] = [',', ';', ' ', '\t', '<', '>', '"'];
/// Counts as a dot where a host name is typed in East Asia.
const IDEOGRAPHIC_DOT: char = '\u{3002}';

/// The part of an address in which its host stands.
fn authority(full: &str) -> &str {
    let after_scheme = match full.split_once("://") {
        // `evil.test/?to=https://corp.example` has its first host in front of that mark.
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => full.strip_prefix("mailto:").unwrap_or(full),
    };
    // Browsers and many libraries take a backslash for a slash.
    after_scheme.split(['/', '?', '#', '\\']).next().unwrap_or("")
}

fn without_port(host: &str) -> &str {
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    host.trim_end_matches('.')
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'))
}

/// Whether a destination holds more than one address, or one that programs read in different ways:
/// a list of recipients, a copy beside the recipient, two `@`. Only one of them would be looked at,
/// so such a destination counts as outside.
fn names_several(full: &str, authority: &str) -> bool {
    authority.contains(BETWEEN)
        || authority.bytes().filter(|b| *b == b'@').count() > 1
        || (full.starts_with("mailto:") && full.contains('?'))
}

/// Hosts inside the estate: loopback and private addresses, cluster names, and the domains that
/// the operator named.
fn is_own(host: &str, facts: &Facts) -> bool {
    const LOCAL: [&str; 5] = [".internal", ".local", ".localhost", ".cluster.local", ".svc"];
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return address.is_private() || address.is_loopback();
    }
    if let Ok(address) = host.parse::<std::net::Ipv6Addr>() {
        return address.is_loopback() || address.is_unique_local();
    }
    host == "localhost"
        || LOCAL.iter().any(|suffix| host.ends_with(suffix))
        || facts.scope.own_domains.iter().any(|own| {
            let own = own.as_str();
            host.eq_ignore_ascii_case(own)
                || host.len().checked_sub(own.len() + 1).and_then(|cut| host.get(cut..)).is_some_and(|tail| {
                    tail.get(1..).is_some_and(|t| t.eq_ignore_ascii_case(own)) && tail.starts_with('.')
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_known_by_every_host_that_it_may_reach() {
        for (text, host) in [
            ("https://API.Evil.example:8443/x?y", "api.evil.example"),
            ("evil.example.", "evil.example"),
            ("еvil.example", "evil.example"),
            ("https://evil。example/", "evil.example"),
            ("http://xn--vil-qdd.example/", "evil.example"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://[2001:DB8::1]:80/", "2001:db8::1"),
            ("Bob <bob@corp.example>, eve@evil.example", "evil.example"),
            ("https://bob@evil.example@corp.example/", "evil.example"),
            ("mailto:eve@evil.example?cc=bob@corp.example", "evil.example"),
        ] {
            assert!(spellings(text).iter().any(|known| known == host), "{text}: {:?}", spellings(text));
        }
        assert_eq!(spellings("evil.example"), ["evil.example"]);
    }

    #[test]
    fn own_hosts_are_told_from_others() {
        let mut facts = Facts::default();
        facts.scope.own_domains = vec![action::Name::new("corp.example").unwrap()];
        for (text, external) in [
            ("https://api.corp.example/x?y", false),
            ("bob@corp.example", false),
            ("evilcorp.example", true),
            ("corp.example.attacker.test", true),
            ("https://corp.example@attacker.test/", true),
            ("10.1.2.3:8080", false),
            ("http://[::1]:80/", false),
            ("8.8.8.8", true),
            ("store.svc.cluster.local", false),
            ("ACCT-4471", true),
            ("https://attacker.test\\@corp.example/", true),
            ("attacker.test/go?to=https://corp.example", true),
            ("eve@attacker.test,bob@corp.example", true),
            ("eve@attacker.test; bob@corp.example", true),
            ("https://bob@attacker.test@corp.example/", true),
            ("mailto:bob@corp.example?cc=eve%40attacker.test", true),
            ("mailto:bob@corp.example", false),
            ("git+ssh://git@corp.example/repo", false),
            ("https://corp.example/go?to=https://attacker.test", false),
        ] {
            assert_eq!(Destination::new(text, &facts).external, external, "{text}");
        }
    }
}
