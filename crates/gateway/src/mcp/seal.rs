//! Session ids that agents see: sealed, so that nothing of the servers behind us is read off them.
//!
//! A sealed id carries the ids of all sessions that it stands for, so no table of sessions is kept: it
//! holds over a restart and on every replica that has the key. It opens for the agent it was made for.

use action::Name;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ports::Dice;

/// Bytes of a server's session id; a longer one ends the session before it begins.
pub const MAX_SESSION_ID: usize = 1_024;
/// Bytes of a sealed id. Larger ones are not opened.
const MAX_SEALED: usize = 24 << 10;

/// What a sealed id stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Under which the engine remembers it.
    pub id: Name,
    /// The id that each server gave, where it gave one.
    pub servers: Vec<(Name, String)>,
}

impl Session {
    pub fn at(&self, server: &Name) -> Option<&str> {
        self.servers.iter().find(|(name, _)| name == server).map(|(_, id)| id.as_str())
    }
}

/// Makes and opens sealed ids.
pub struct Seal(LessSafeKey);

impl Seal {
    #[expect(clippy::expect_used, reason = "the length of the key is fixed and fits the algorithm")]
    pub fn new(key: &[u8; 32]) -> Self {
        Seal(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes")))
    }

    /// A sealed id for one agent and path. `None` where it would be too long.
    pub fn seal(&self, session: &Session, agent: &Name, path: &str, dice: &dyn Dice) -> Option<String> {
        if session.servers.iter().any(|(_, id)| id.len() > MAX_SESSION_ID) {
            return None;
        }
        self.close(session, agent, path, dice)
    }

    /// Anything that only this program reads again, for one agent and purpose.
    pub fn close<T: Serialize>(&self, what: &T, agent: &Name, path: &str, dice: &dyn Dice) -> Option<String> {
        let mut nonce = [0u8; NONCE_LEN];
        dice.fill(&mut nonce);
        let mut bytes = serde_json::to_vec(what).ok()?;
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(nonce_of, Aad::from(bound(agent, path)), &mut bytes).ok()?;
        let sealed = URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat());
        (sealed.len() <= MAX_SEALED).then_some(sealed)
    }

    /// What an id stands for, if it was made here for this agent and path.
    pub fn open(&self, sealed: &str, agent: &Name, path: &str) -> Option<Session> {
        self.reopen(sealed, agent, path)
    }

    /// What [`Seal::close`] sealed for this agent and purpose.
    pub fn reopen<T: DeserializeOwned>(&self, sealed: &str, agent: &Name, path: &str) -> Option<T> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(bound(agent, path)), rest).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

fn bound(agent: &Name, path: &str) -> [u8; 32] {
    *action::digest("checkrein.mcp-session.v1", &[agent.as_str().as_bytes(), path.as_bytes()]).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemDice;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn an_id_opens_for_its_agent_and_path_alone_and_shows_nothing() {
        let (seal, dice) = (Seal::new(&[7; 32]), SystemDice);
        let session =
            Session { id: name("mcp_1"), servers: vec![(name("files"), "upstream-secret-1".to_owned())] };
        let sealed = seal.seal(&session, &name("a"), "files", &dice).unwrap();
        assert_eq!(seal.open(&sealed, &name("a"), "files").unwrap(), session);
        assert_eq!(session.at(&name("files")), Some("upstream-secret-1"));
        assert_eq!(session.at(&name("mail")), None);
        let decoded = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert!(!String::from_utf8_lossy(&decoded).contains("upstream"));
        assert_ne!(seal.seal(&session, &name("a"), "files", &dice).unwrap(), sealed);
        assert_eq!(seal.open(&sealed, &name("b"), "files"), None);
        assert_eq!(seal.open(&sealed, &name("a"), "mail"), None);
        assert_eq!(Seal::new(&[8; 32]).open(&sealed, &name("a"), "files"), None);
        for broken in ["", "x", "!!", &sealed[1..], &"A".repeat(MAX_SEALED + 4)] {
            assert_eq!(seal.open(broken, &name("a"), "files"), None);
        }
    }

    #[test]
    fn an_id_of_a_server_that_is_too_long_is_not_carried() {
        let session =
            Session { id: name("mcp_1"), servers: vec![(name("files"), "x".repeat(MAX_SESSION_ID + 1))] };
        assert_eq!(Seal::new(&[7; 32]).seal(&session, &name("a"), "files", &SystemDice), None);
    }
}
