//! What was signed once is not taken twice.
//!
//! Nonces are spent durably, so a restart or a crash opens no window. One thread spends whatever
//! waits in one transaction: the more requests wait, the less each costs.

use std::sync::Arc;

use action::{Digest, Name, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::limits::{DECIDE_WITHIN, MAX_NONCES_AT_ONCE, MAX_NONCES_WAITING};
use crate::ports::Unavailable;

/// Where spent nonces are kept.
pub trait NonceStore: Send + Sync {
    /// Whether each was new; all or nothing, and on the disk when it returns. May block.
    fn spend(&self, nonces: &[Spent]) -> Result<Vec<bool>, Unavailable>;
}

/// A nonce that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    pub agent: Name,
    /// Hash of the signing key and the nonce.
    pub nonce: Digest,
    /// From when on no signature with it is taken any more.
    pub until: Timestamp,
}

type Answer = oneshot::Sender<Result<bool, Unavailable>>;

/// The memory of nonces. Its thread ends with the last copy.
#[derive(Clone)]
pub struct Nonces(mpsc::Sender<(Spent, Answer)>);

const WHAT: Unavailable = Unavailable { what: "the memory of nonces" };

impl Nonces {
    pub fn start(store: Arc<dyn NonceStore>) -> std::io::Result<Nonces> {
        let (sender, receiver) = mpsc::channel(MAX_NONCES_WAITING);
        std::thread::Builder::new().name("nonces".to_owned()).spawn(move || work(&*store, receiver))?;
        Ok(Nonces(sender))
    }

    /// True when nobody had used it. At the bound of what may wait, and when the store does not answer
    /// in time, nothing is taken: a signature whose nonce is not remembered protects nobody.
    pub async fn spend(&self, spent: Spent) -> Result<bool, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((spent, answer)).map_err(|_| WHAT)?;
        match tokio::time::timeout(DECIDE_WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(WHAT),
        }
    }
}

fn work(store: &dyn NonceStore, mut receiver: mpsc::Receiver<(Spent, Answer)>) {
    let mut waiting = Vec::with_capacity(MAX_NONCES_AT_ONCE);
    while receiver.blocking_recv_many(&mut waiting, MAX_NONCES_AT_ONCE) > 0 {
        let (nonces, answers): (Vec<Spent>, Vec<Answer>) = waiting.drain(..).unzip();
        match store.spend(&nonces) {
            Ok(new) if new.len() == answers.len() => {
                answers.into_iter().zip(new).for_each(|(answer, new)| drop(answer.send(Ok(new))));
            }
            // A store that answers for others than it was asked for has answered for nobody.
            Ok(_) => answers.into_iter().for_each(|answer| drop(answer.send(Err(WHAT)))),
            Err(error) => answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone())))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;

    /// Forgets at the end.
    #[derive(Default)]
    struct InMemory(Mutex<HashSet<(Name, Digest)>>);

    impl NonceStore for InMemory {
        fn spend(&self, nonces: &[Spent]) -> Result<Vec<bool>, Unavailable> {
            let mut known = self.0.lock().unwrap();
            Ok(nonces.iter().map(|spent| known.insert((spent.agent.clone(), spent.nonce))).collect())
        }
    }

    struct Broken;
    impl NonceStore for Broken {
        fn spend(&self, _: &[Spent]) -> Result<Vec<bool>, Unavailable> {
            Err(Unavailable { what: "the disk" })
        }
    }

    fn spent(agent: &str, nonce: u8) -> Spent {
        Spent {
            agent: Name::new(agent).unwrap(),
            nonce: Digest::from_bytes([nonce; 32]),
            until: Timestamp::from_millis(1),
        }
    }

    #[tokio::test]
    async fn a_nonce_is_good_once_for_each_agent_also_when_many_come_at_once() {
        let nonces = Nonces::start(Arc::new(InMemory::default())).unwrap();
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let nonces = nonces.clone();
                tokio::spawn(async move { nonces.spend(spent("a", 1)).await })
            })
            .collect();
        let mut new = 0;
        for task in tasks {
            new += u32::from(task.await.unwrap().unwrap());
        }
        assert_eq!(new, 1);
        assert_eq!(nonces.spend(spent("b", 1)).await, Ok(true));
        assert_eq!(nonces.spend(spent("a", 2)).await, Ok(true));
    }

    #[tokio::test]
    async fn what_cannot_be_remembered_is_not_taken() {
        let nonces = Nonces::start(Arc::new(Broken)).unwrap();
        assert_eq!(nonces.spend(spent("a", 1)).await, Err(Unavailable { what: "the disk" }));
    }
}
