//! Files below one folder, with what a session wrote laid over them.
//!
//! The overlay lives in memory, so nothing of it can be left on a disk, not even by a crash. The
//! folder below is opened for reading only, one name after the other, and no link is followed.

mod lower;
mod overlay;
mod path;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use action::{Action, Json, Name, Operation};
use sha2::{Digest as _, Sha256};

use self::lower::Lower;
use self::overlay::Overlay;
use self::path::Inside;
use crate::http::hex;
use crate::payload::Payload;
use crate::{Bounds, Refused, Run, count, object, text};

/// One folder that paths of actions lie in.
#[derive(Debug)]
pub struct Files {
    /// How agents name the folder.
    seen_as: PathBuf,
    lower: Lower,
    overlays: Mutex<HashMap<Session, Overlay>>,
}

/// Whose overlay: sessions of two agents never share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session(Name, Option<Name>);

/// What an action asks for.
enum Ask<'a> {
    Read(Inside),
    Write(Inside, &'a str),
    Delete(Inside),
    Rename(Inside, Inside),
}

impl Files {
    /// `root` is the folder here, `seen_as` the path by which agents name it. `None` when that is not
    /// absolute, or not written plainly.
    pub fn new(root: &Path, seen_as: &Path) -> Option<Self> {
        let lower = Lower::new(root);
        path::is_plain(seen_as).then(|| Files {
            seen_as: seen_as.to_owned(),
            lower,
            overlays: Mutex::default(),
        })
    }

    pub(crate) fn fits(&self, action: &Action) -> bool {
        let path = action.payload.get("path").and_then(Json::as_text);
        path.is_some_and(|path| Path::new(path).starts_with(&self.seen_as))
    }

    pub(crate) fn run(&self, action: &Action, bounds: &Bounds) -> Result<Run, Refused> {
        let ask = self.ask(action)?;
        let session = action.session.as_ref().map(|session| session.id.clone());
        let now = Instant::now();
        let mut overlays = self.overlays();
        overlays.retain(|_, overlay| overlay.unused(now) < bounds.overlay_idle);
        let key = Session(action.agent.name.clone(), session);
        if !overlays.contains_key(&key) && overlays.len() >= bounds.overlays {
            let oldest = overlays.iter().max_by_key(|(_, overlay)| overlay.unused(now));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                overlays.remove(&oldest);
            }
        }
        let overlay = overlays.entry(key).or_insert_with(|| Overlay::new(now));
        overlay.used(now);
        match ask {
            Ask::Read(path) => self.read(overlay, &path, bounds),
            Ask::Write(path, content) => self.write(overlay, path, content, bounds),
            Ask::Delete(path) => self.delete(overlay, path, bounds),
            Ask::Rename(from, to) => self.rename(overlay, from, to, bounds),
        }
    }

    fn ask<'a>(&self, action: &'a Action) -> Result<Ask<'a>, Refused> {
        let mut payload = Payload::of(action)?;
        let path = Inside::of(payload.need_text("path")?, &self.seen_as)?;
        let content = payload.text("content")?;
        let to = payload.text("to")?.map(|to| Inside::of(to, &self.seen_as)).transpose()?;
        payload.finish()?;
        match (action.operation, content, to) {
            (Operation::Read, None, None) => Ok(Ask::Read(path)),
            (Operation::Write, Some(content), None) => Ok(Ask::Write(path, content)),
            (Operation::Write, None, Some(to)) => Ok(Ask::Rename(path, to)),
            (Operation::Delete, None, None) => Ok(Ask::Delete(path)),
            (
                Operation::Read
                | Operation::Write
                | Operation::Delete
                | Operation::Send
                | Operation::Pay
                | Operation::Grant,
                _,
                _,
            ) => Err(Refused::NotUnderstood(
                "a file is read or deleted by `path`, written by `path` and `content`, or renamed by `path` and `to`"
                    .to_owned(),
            )),
        }
    }

    fn read(&self, overlay: &Overlay, path: &Inside, bounds: &Bounds) -> Result<Run, Refused> {
        let Some(bytes) = self.content(overlay, path, bounds)? else { return Ok(missing("read", path)) };
        let content =
            String::from_utf8(bytes).map_err(|_| Refused::Unknowable("the file is no text".to_owned()))?;
        let outline = outline("read", content.len());
        let captured = object([("act", text("read")), ("path", text(path))]);
        Ok(Run {
            result: object([("path", text(path)), ("content", Json::Text(content))]),
            captured,
            outline,
            writes: 0,
        })
    }

    fn write(
        &self,
        overlay: &mut Overlay,
        path: Inside,
        content: &str,
        bounds: &Bounds,
    ) -> Result<Run, Refused> {
        let existed = self.exists(overlay, &path)?;
        if !existed && !self.lower.is_folder(path.folder())? {
            return Err(Refused::Unknowable("the folder of the file does not exist".to_owned()));
        }
        let captured = object([
            ("act", text("write")),
            ("path", text(&path)),
            ("existed", Json::Bool(existed)),
            ("bytes", count(content.len())),
            ("sha256", text(hex(&Sha256::digest(content.as_bytes())))),
            ("content", text(content)),
        ]);
        let result = object([
            ("path", text(&path)),
            ("bytes", count(content.len())),
            ("created", Json::Bool(!existed)),
        ]);
        overlay.put(path, Some(content.as_bytes().to_vec()), bounds)?;
        Ok(Run { result, captured, outline: outline("write", content.len()), writes: 1 })
    }

    fn delete(&self, overlay: &mut Overlay, path: Inside, bounds: &Bounds) -> Result<Run, Refused> {
        if !self.exists(overlay, &path)? {
            return Ok(missing("delete", &path));
        }
        let captured = object([("act", text("delete")), ("path", text(&path))]);
        let result = object([("path", text(&path)), ("deleted", Json::Bool(true))]);
        overlay.put(path, None, bounds)?;
        Ok(Run { result, captured, outline: outline("delete", 0), writes: 1 })
    }

    fn rename(
        &self,
        overlay: &mut Overlay,
        from: Inside,
        to: Inside,
        bounds: &Bounds,
    ) -> Result<Run, Refused> {
        let Some(bytes) = self.content(overlay, &from, bounds)? else { return Ok(missing("rename", &from)) };
        let replaced = self.exists(overlay, &to)?;
        if !replaced && !self.lower.is_folder(to.folder())? {
            return Err(Refused::Unknowable("the folder of the new name does not exist".to_owned()));
        }
        let captured = object([
            ("act", text("rename")),
            ("path", text(&from)),
            ("to", text(&to)),
            ("replaced", Json::Bool(replaced)),
        ]);
        let result = object([("path", text(&from)), ("to", text(&to))]);
        let outline = outline("rename", bytes.len());
        if from != to {
            // The new name first: when it does not fit, the old one is still there.
            overlay.put(to, Some(bytes), bounds)?;
            overlay.put(from, None, bounds)?;
        }
        Ok(Run { result, captured, outline, writes: 1 })
    }

    /// What the session sees under a name.
    fn content(&self, overlay: &Overlay, path: &Inside, bounds: &Bounds) -> Result<Option<Vec<u8>>, Refused> {
        match overlay.get(path) {
            Some(written) => Ok(written.clone()),
            None => self.lower.read(path, bounds.bytes),
        }
    }

    fn exists(&self, overlay: &Overlay, path: &Inside) -> Result<bool, Refused> {
        match overlay.get(path) {
            Some(written) => Ok(written.is_some()),
            None => self.lower.is_file(path),
        }
    }

    fn overlays(&self) -> MutexGuard<'_, HashMap<Session, Overlay>> {
        self.overlays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As a real call would have failed.
fn missing(act: &str, path: &Inside) -> Run {
    let outline = object([("act", text(act)), ("failed", count(1))]);
    Run {
        result: object([("path", text(path)), ("error", text("not found"))]),
        captured: object([("act", text(act)), ("path", text(path)), ("failed", count(1))]),
        outline,
        writes: 0,
    }
}

fn outline(act: &str, bytes: usize) -> Json {
    object([("act", text(act)), ("bytes", count(bytes))])
}
