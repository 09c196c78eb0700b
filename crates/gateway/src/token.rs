//! The resumable token of a held action: proves that its bearer was given it for this action.

use action::{Digest, Name, Timestamp};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Makes and checks tokens.
#[derive(Clone)]
pub struct Tokens(hmac::Key);

impl Tokens {
    pub fn new(key: &[u8; 32]) -> Self {
        Tokens(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A token for one decision, agent and payload.
    pub fn seal(&self, id: &Name, agent: &Name, payload: &Digest, until: Timestamp) -> String {
        let tag = hmac::sign(&self.0, &signed(id, agent, payload, until));
        format!("crt1.{}.{}", until.millis(), URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// Whether the token is this one, and still good.
    pub fn opens(&self, token: &str, id: &Name, agent: &Name, payload: &Digest, now: Timestamp) -> bool {
        let mut parts = token.splitn(3, '.');
        let (Some("crt1"), Some(until), Some(tag)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let Ok(until) = until.parse::<i64>() else { return false };
        let until = Timestamp::from_millis(until);
        let Ok(tag) = URL_SAFE_NO_PAD.decode(tag) else { return false };
        // In constant time, and before the time is looked at.
        hmac::verify(&self.0, &signed(id, agent, payload, until), &tag).is_ok() && now <= until
    }
}

fn signed(id: &Name, agent: &Name, payload: &Digest, until: Timestamp) -> [u8; 32] {
    let parts: [&[u8]; 4] = [
        id.as_str().as_bytes(),
        agent.as_str().as_bytes(),
        payload.as_bytes(),
        &until.millis().to_be_bytes(),
    ];
    *action::digest("checkrein.token.v1", &parts).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_one_decision_of_one_agent_with_one_payload_until_it_expires() {
        let tokens = Tokens::new(&[7; 32]);
        let (id, agent) = (Name::new("dec_1").unwrap(), Name::new("a").unwrap());
        let payload = action::digest("t", &[b"p"]);
        let until = Timestamp::from_millis(1_000);
        let token = tokens.seal(&id, &agent, &payload, until);
        assert!(tokens.opens(&token, &id, &agent, &payload, until));
        assert!(!tokens.opens(&token, &id, &agent, &payload, Timestamp::from_millis(1_001)));
        assert!(!tokens.opens(&token, &Name::new("dec_2").unwrap(), &agent, &payload, until));
        assert!(!tokens.opens(&token, &id, &Name::new("b").unwrap(), &payload, until));
        assert!(!tokens.opens(&token, &id, &agent, &Digest::default(), until));
        assert!(!Tokens::new(&[8; 32]).opens(&token, &id, &agent, &payload, until));
        let later = token.replacen("1000", "9000", 1);
        assert!(!tokens.opens(&later, &id, &agent, &payload, until), "its end is signed too");
        for broken in ["", "crt1", "crt1.x.y", "crt1.1000.", "crt1.1000.!!", "crt1.99999999999999999999.AA"] {
            assert!(!tokens.opens(broken, &id, &agent, &payload, until));
        }
    }
}
