//! The writer: one thread, one order. What comes after an erasure in the queue is written after it.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use action::{Name, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction};

use super::seal::{self, Key};
use super::subjects::{NewSubject, key_of};
use super::{ContentError, Erased, Piece, Shared, erase, pieces};
use crate::DatabaseError;
use crate::row::{Hash, Word, number};

/// What the writer is asked to do.
pub(super) enum Order {
    Subject(NewSubject),
    /// A subject was seen on another day.
    Seen(Name, Timestamp),
    Piece(Name, Piece),
    Flush(SyncSender<()>),
    Erase(Name, SyncSender<Result<Option<Erased>, ContentError>>),
    Purge(Timestamp, SyncSender<Result<u64, ContentError>>),
    Rotate(SyncSender<Result<u64, ContentError>>),
}

/// Orders that are written in one transaction.
const BATCH: usize = 1_024;
/// How long the first of them waits for others. A transaction costs several times what a piece does.
const GATHER: Duration = Duration::from_millis(20);

/// Works until nobody can give orders any more.
pub(super) fn run(shared: &Shared, orders: &Receiver<Order>) {
    let mut log_is_long = false;
    let mut batch = Vec::with_capacity(BATCH);
    let mut was_full = false;
    while let Ok(first) = orders.recv() {
        // Asleep, not listening: whoever gives an order meanwhile need not wake this thread, which would
        // cost it more than the order. What somebody waits for is done at once, and so is what is behind.
        if !was_full && matches!(first, Order::Subject(_) | Order::Seen(..) | Order::Piece(..)) {
            std::thread::sleep(GATHER);
        }
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Subject(_) | Order::Seen(..) | Order::Piece(..) => {
                    batch.push(order);
                    if batch.len() < BATCH {
                        next = orders.try_recv().ok();
                    }
                }
                other => {
                    write(shared, &mut batch);
                    // Whoever asked may have stopped waiting; the work is done all the same.
                    let _ = match other {
                        Order::Flush(done) => done.send(()).is_ok(),
                        Order::Erase(subject, answer) => {
                            let erased = erase::erase(shared, &subject);
                            log_is_long = matches!(&erased, Ok(Some(Erased { log_cut: false, .. })));
                            answer.send(erased).is_ok()
                        }
                        Order::Purge(before, answer) => answer.send(erase::purge(shared, before)).is_ok(),
                        Order::Rotate(answer) => answer.send(erase::rotate(shared)).is_ok(),
                        Order::Subject(_) | Order::Seen(..) | Order::Piece(..) => true,
                    };
                }
            }
        }
        was_full = batch.len() >= BATCH;
        write(shared, &mut batch);
        if log_is_long {
            log_is_long = !shared.database.cut_log().unwrap_or(false);
        }
    }
}

fn write(shared: &Shared, batch: &mut Vec<Order>) {
    if batch.is_empty() {
        return;
    }
    let pieces = batch.iter().filter(|order| matches!(order, Order::Piece(..))).count() as u64;
    let bytes = batch
        .iter()
        .map(|order| if let Order::Piece(_, piece) = order { piece.content.len() } else { 0 })
        .sum();
    let written = shared.database.write_plain("write content", |transaction| {
        let mut keys = HashMap::new();
        let mut written = 0;
        for order in batch.iter() {
            written += u64::from(one(shared, transaction, order, &mut keys)?);
        }
        Ok(written)
    });
    account(shared, batch, &written, pieces);
    shared.waiting.fetch_sub(pieces, Ordering::AcqRel);
    shared.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
    batch.clear();
}

fn account(shared: &Shared, batch: &[Order], written: &Result<u64, DatabaseError>, pieces: u64) {
    let kept = match written {
        Ok(kept) => *kept,
        Err(_) => {
            // Subjects that were not written are to be made again when they are next seen.
            let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
            for order in batch {
                if let Order::Subject(new) = order {
                    known.forget(&new.pseudonym);
                }
            }
            0
        }
    };
    shared.lost.fetch_add(pieces.saturating_sub(kept), Ordering::AcqRel);
}

/// Writes one order. True for a piece that was kept, or was there already.
fn one(
    shared: &Shared,
    transaction: &Transaction<'_>,
    order: &Order,
    keys: &mut HashMap<Name, Option<Key>>,
) -> rusqlite::Result<bool> {
    match order {
        Order::Subject(new) => {
            let Some(master) = shared.newest_master() else { return Ok(false) };
            let id = new.pseudonym.as_str().as_bytes();
            let wrapped = seal::seal(&master.key, &key_of(&new.pseudonym), new.data_key.as_ref());
            let identity = seal::seal(&new.data_key, &[b"identity", id], new.identity.as_bytes());
            // Without random bytes nothing can be sealed; its pieces are then lost and counted.
            let (Ok(wrapped), Ok(identity)) = (wrapped, identity) else { return Ok(false) };
            transaction
                .prepare_cached(
                    "INSERT INTO subjects (pseudonym, lookup, master, data_key, identity, seen)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                )?
                .execute((
                    new.pseudonym.as_str(),
                    Hash(new.lookup),
                    &master.id,
                    wrapped,
                    identity,
                    new.seen.millis(),
                ))?;
            Ok(false)
        }
        Order::Seen(subject, time) => {
            transaction
                .prepare_cached("UPDATE subjects SET seen = max(seen, ?2) WHERE pseudonym = ?1")?
                .execute((subject.as_str(), time.millis()))?;
            Ok(false)
        }
        Order::Piece(subject, piece) => {
            if !keys.contains_key(subject) {
                keys.insert(subject.clone(), data_key(shared, transaction, subject)?);
            }
            // No key: the subject was erased while the piece waited.
            let Some(Some(key)) = keys.get(subject) else { return Ok(false) };
            let Ok(sealed) = pieces::sealed(key, subject, piece) else { return Ok(false) };
            // The first stands: it is what the ledger committed to.
            transaction
                .prepare_cached(
                    "INSERT INTO pieces (of, role, subject, level, time, bytes, sealed)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                )?
                .execute((
                    piece.of.as_str(),
                    Word(piece.role),
                    subject.as_str(),
                    piece.level.as_str(),
                    piece.time.millis(),
                    number(piece.content.len() as u64),
                    sealed,
                ))?;
            Ok(true)
        }
        Order::Flush(_) | Order::Erase(..) | Order::Purge(..) | Order::Rotate(_) => Ok(false),
    }
}

fn data_key(shared: &Shared, transaction: &Transaction<'_>, subject: &Name) -> rusqlite::Result<Option<Key>> {
    let row: Option<(String, Vec<u8>)> = transaction
        .prepare_cached("SELECT master, data_key FROM subjects WHERE pseudonym = ?1")?
        .query_row([subject.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.and_then(|(master, wrapped)| {
        let master = shared.master(&master)?;
        seal::open_key(&master.key, &key_of(subject), &wrapped).ok()
    }))
}
