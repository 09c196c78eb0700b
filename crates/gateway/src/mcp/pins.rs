//! What servers say their tools are, pinned: a definition counts as it was first seen, until an
//! operator accepts another one.
//!
//! A tool is what its description makes of it in a model's eyes. A server that may change it at any
//! time may change what an agent does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Digest, Json, Name};
use engine::text::alike;
use serde::{Deserialize, Serialize};

use super::settings::{First, Settings, Shadowed, Strict};
use crate::ports::Unavailable;

/// Tools of all servers; what comes beyond is not offered.
pub const MAX_PINS: usize = 4_096;
/// Bytes of one definition; a tool with a larger one is not offered.
pub const MAX_DEFINITION: usize = 64 << 10;

/// Where pins are kept over a restart.
pub trait PinStore: Send + Sync {
    fn load(&self) -> Result<Vec<Pin>, Unavailable>;
    /// All of them, or what was there before.
    fn save(&self, pins: &[Pin]) -> Result<(), Unavailable>;
}

/// One tool of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub server: Name,
    pub tool: Name,
    /// What counts.
    pub accepted: Option<Definition>,
    /// What the server says now, where that is something else.
    pub offered: Option<Offer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub digest: Digest,
    /// As the server wrote it.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    #[serde(flatten)]
    pub definition: Definition,
    /// Why it does not count by itself, as a stable word.
    pub why: String,
}

/// What came of looking at one definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether agents may be offered it.
    pub stands: bool,
    /// What is worth a finding, the first time.
    pub finding: Option<&'static str>,
}

/// What is known of a tool that is about to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It was never listed.
    Never,
    /// It counts; its arguments have this schema.
    Stands(Option<Arc<Json>>),
    /// It waits for an operator.
    Waits,
}

pub const CHANGED: &str = "mcp.definition_changed";
pub const SUSPECT: &str = "mcp.definition_suspect";
pub const HIDDEN: &str = "mcp.definition_hides_text";
pub const SHADOWS: &str = "mcp.tool_shadows_another";
pub const UNREADABLE: &str = "mcp.definition_unreadable";
pub const NEW: &str = "mcp.tool_is_new";

/// All pins. One per process.
pub struct Pins {
    kept: Mutex<Kept>,
    store: Arc<dyn PinStore>,
    /// Held while the file is written, so that an older state never follows a newer one.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    pins: BTreeMap<(Name, Name), Pin>,
    schemas: BTreeMap<(Name, Name), Option<Arc<Json>>>,
    /// Changed since it was written.
    unsaved: bool,
}

impl Pins {
    pub fn open(store: Arc<dyn PinStore>) -> Result<Self, Unavailable> {
        let mut kept = Kept::default();
        for pin in store.load()? {
            kept.put(pin);
        }
        kept.unsaved = false;
        Ok(Pins { kept: Mutex::new(kept), store, writing: Mutex::new(()) })
    }

    /// Looks at a definition that a server gave. `suspect` is asked only of what was not accepted.
    pub fn see(
        &self,
        server: &Name,
        tool: &str,
        text: &str,
        settings: &Settings,
        suspect: impl FnOnce() -> Option<&'static str>,
    ) -> Seen {
        let dropped = |finding| Seen { stands: false, finding: Some(finding) };
        let Ok(tool) = Name::new(tool) else { return dropped(UNREADABLE) };
        let Some(digest) = digest_of(text) else { return dropped(UNREADABLE) };
        let key = (server.clone(), tool.clone());
        let mut kept = self.kept();
        let pin = kept.pins.get(&key).cloned();
        match &pin {
            Some(pin) if pin.accepted.as_ref().is_some_and(|accepted| accepted.digest == digest) => {
                if pin.offered.is_some() {
                    // The server is back at what counts.
                    kept.put(Pin { offered: None, ..pin.clone() });
                }
                return Seen { stands: true, finding: None };
            }
            Some(Pin { offered: Some(offer), .. }) if offer.definition.digest == digest => {
                return Seen { stands: false, finding: None };
            }
            Some(_) => {}
            None if kept.pins.len() >= MAX_PINS => return dropped(UNREADABLE),
            None => {}
        }
        let shadows = pin.is_none() && kept.has_elsewhere(server, &tool);
        let suspect = suspect();
        let (finding, block) = match (&pin, suspect) {
            (_, Some(why)) => (Some(why), true),
            (Some(_), None) => (Some(CHANGED), settings.changed == Strict::Block),
            (None, None) if shadows => (Some(SHADOWS), settings.shadowed == Shadowed::Block),
            (None, None) => match settings.first {
                First::Pin => (None, false),
                First::Wait => (Some(NEW), true),
            },
        };
        let definition = Definition { digest, text: text.to_owned() };
        let accepted = pin.and_then(|pin| pin.accepted);
        let pin = Pin { server: server.clone(), tool, accepted, offered: None };
        kept.put(if block {
            let why = finding.unwrap_or(CHANGED).to_owned();
            Pin { offered: Some(Offer { definition, why }), ..pin }
        } else {
            Pin { accepted: Some(definition), ..pin }
        });
        Seen { stands: !block, finding }
    }

    /// What is known of a tool.
    pub fn known(&self, server: &Name, tool: &Name) -> Known {
        let kept = self.kept();
        let key = (server.clone(), tool.clone());
        match kept.pins.get(&key) {
            None => Known::Never,
            Some(pin) if pin.offered.is_some() || pin.accepted.is_none() => Known::Waits,
            Some(_) => Known::Stands(kept.schemas.get(&key).cloned().flatten()),
        }
    }

    pub fn all(&self) -> Vec<Pin> {
        self.kept().pins.values().cloned().collect()
    }

    /// Definitions that count, of one server: what is told of it while it does not answer.
    pub fn standing(&self, server: &Name) -> Vec<String> {
        let kept = self.kept();
        let own = kept.pins.values().filter(|pin| pin.server == *server && pin.offered.is_none());
        own.filter_map(|pin| pin.accepted.as_ref()).map(|accepted| accepted.text.clone()).collect()
    }

    /// Lets an offered definition count. It is named by its digest, so that nobody accepts another
    /// one than they read. Nothing, where nothing of the kind is offered.
    pub fn accept(&self, server: &Name, tool: &Name, digest: &Digest) -> Option<Pin> {
        let mut kept = self.kept();
        let pin = kept.pins.get(&(server.clone(), tool.clone()))?;
        let offer = pin.offered.as_ref().filter(|offer| offer.definition.digest == *digest)?;
        let pin = Pin { accepted: Some(offer.definition.clone()), offered: None, ..pin.clone() };
        kept.put(pin.clone());
        Some(pin)
    }

    /// Forgets a tool: what is seen of it next is seen for the first time.
    pub fn forget(&self, server: &Name, tool: &Name) -> Option<Pin> {
        let mut kept = self.kept();
        let key = (server.clone(), tool.clone());
        kept.schemas.remove(&key);
        kept.unsaved = true;
        kept.pins.remove(&key)
    }

    /// Writes what has changed. Blocks; a fault is told and the next change tries again.
    pub fn save(&self) -> Result<(), Unavailable> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let pins = {
            let mut kept = self.kept();
            if !std::mem::take(&mut kept.unsaved) {
                return Ok(());
            }
            kept.pins.values().cloned().collect::<Vec<_>>()
        };
        self.store.save(&pins).inspect_err(|_| self.kept().unsaved = true)
    }

    pub fn is_unsaved(&self) -> bool {
        self.kept().unsaved
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, pin: Pin) {
        let key = (pin.server.clone(), pin.tool.clone());
        let schema = pin.accepted.as_ref().and_then(|accepted| {
            let definition = Json::parse(accepted.text.as_bytes()).ok()?;
            definition.get("inputSchema").cloned().map(Arc::new)
        });
        self.schemas.insert(key.clone(), schema);
        self.pins.insert(key, pin);
        self.unsaved = true;
    }

    fn has_elsewhere(&self, server: &Name, tool: &Name) -> bool {
        let own = alike(tool.as_str());
        self.pins.keys().any(|(other, name)| other != server && alike(name.as_str()) == own)
    }
}

/// Of a definition, whatever the order of its keys.
pub fn digest_of(text: &str) -> Option<Digest> {
    let definition = Json::parse(text.as_bytes()).ok().filter(|_| text.len() <= MAX_DEFINITION)?;
    let canonical = serde_json::to_vec(&definition.sorted()).ok()?;
    Some(action::digest("checkrein.mcp-definition.v1", &[&canonical]))
}

/// Characters that show nothing, or turn the order of what is shown: in a definition they are for the
/// model's eyes only.
pub fn hides_text(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c,
            '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}' | '\u{180E}' | '\u{3164}' | '\u{115F}' | '\u{1160}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
            || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Shelf(Mutex<Vec<Pin>>);
    impl PinStore for Shelf {
        fn load(&self) -> Result<Vec<Pin>, Unavailable> {
            Ok(self.0.lock().unwrap().clone())
        }
        fn save(&self, pins: &[Pin]) -> Result<(), Unavailable> {
            *self.0.lock().unwrap() = pins.to_vec();
            Ok(())
        }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    const ONE: &str = r#"{"name":"read","description":"Reads.","inputSchema":{"type":"object"}}"#;
    const SAME: &str = r#"{ "description":"Reads.", "inputSchema":{"type":"object"}, "name":"read" }"#;
    const OTHER: &str = r#"{"name":"read","description":"Reads, and sends it on.","inputSchema":{}}"#;

    #[test]
    fn a_changed_definition_waits_until_it_is_accepted_or_taken_back() {
        let shelf = Arc::new(Shelf::default());
        let pins = Pins::open(shelf.clone()).unwrap();
        let (settings, server) = (Settings::default(), name("files"));
        let see = |pins: &Pins, text| pins.see(&server, "read", text, &settings, || None);
        assert_eq!(see(&pins, ONE), Seen { stands: true, finding: None });
        assert_eq!(see(&pins, SAME), Seen { stands: true, finding: None });
        assert!(matches!(pins.known(&server, &name("read")), Known::Stands(Some(_))));
        assert_eq!(see(&pins, OTHER), Seen { stands: false, finding: Some(CHANGED) });
        assert_eq!(see(&pins, OTHER), Seen { stands: false, finding: None }, "told once");
        assert_eq!(pins.known(&server, &name("read")), Known::Waits);
        assert_eq!(see(&pins, ONE), Seen { stands: true, finding: None }, "taken back");
        assert!(matches!(pins.known(&server, &name("read")), Known::Stands(_)));
        see(&pins, OTHER);
        pins.save().unwrap();

        let pins = Pins::open(shelf).unwrap();
        assert_eq!(pins.known(&server, &name("read")), Known::Waits, "over a restart, too");
        assert!(!pins.is_unsaved());
        let offered = pins.all()[0].offered.clone().unwrap();
        assert_eq!(
            pins.accept(&server, &name("read"), &digest_of(ONE).unwrap()),
            None,
            "not what is offered"
        );
        assert!(pins.accept(&server, &name("read"), &offered.definition.digest).is_some());
        assert_eq!(see(&pins, OTHER), Seen { stands: true, finding: None });
        assert_eq!(
            see(&pins, ONE),
            Seen { stands: false, finding: Some(CHANGED) },
            "the old one is no better"
        );
    }

    #[test]
    fn what_is_suspect_never_counts_by_itself() {
        let pins = Pins::open(Arc::new(Shelf::default())).unwrap();
        let settings = Settings { changed: Strict::Alert, ..Settings::default() };
        let see = |text, why: Option<&'static str>| pins.see(&name("files"), "read", text, &settings, || why);
        assert_eq!(see(ONE, Some(SUSPECT)), Seen { stands: false, finding: Some(SUSPECT) });
        assert_eq!(see(OTHER, None), Seen { stands: true, finding: Some(CHANGED) });
        assert_eq!(see(ONE, Some(HIDDEN)), Seen { stands: false, finding: Some(HIDDEN) });
        assert_eq!(see("{", None), Seen { stands: false, finding: Some(UNREADABLE) });
        let large = format!(r#"{{"name":"read","description":"{}"}}"#, "x".repeat(MAX_DEFINITION));
        assert_eq!(see(&large, None).finding, Some(UNREADABLE));
    }

    #[test]
    fn a_name_that_looks_like_one_of_another_server_is_told() {
        let pins = Pins::open(Arc::new(Shelf::default())).unwrap();
        let settings = Settings { shadowed: Shadowed::Block, ..Settings::default() };
        let see = |server, tool, settings| pins.see(&name(server), tool, ONE, settings, || None);
        assert_eq!(see("files", "read", &settings).finding, None);
        assert_eq!(
            see("other", "rеad", &settings),
            Seen { stands: false, finding: Some(SHADOWS) },
            "Cyrillic"
        );
        let lenient = Settings::default();
        assert_eq!(see("third", "READ", &lenient), Seen { stands: true, finding: Some(SHADOWS) });
    }

    #[test]
    fn no_more_tools_are_kept_than_the_bound() {
        let pins = Pins::open(Arc::new(Shelf::default())).unwrap();
        let settings = Settings::default();
        for number in 0..MAX_PINS {
            let server = name(&format!("s{number}"));
            pins.kept().put(Pin { server, tool: name("t"), accepted: None, offered: None });
        }
        assert!(!pins.see(&name("files"), "read", ONE, &settings, || None).stands);
        assert!(pins.forget(&name("s1"), &name("t")).is_some());
        assert!(pins.see(&name("files"), "read", ONE, &settings, || None).stands);
    }

    #[test]
    fn text_that_shows_nothing_is_seen() {
        for (text, hides) in [
            ("Reads a file.\n\tIn full.", false),
            ("Liest eine Datei – größer als 1 €", false),
            ("Reads\u{E0049}\u{E0067}", true),
            ("Reads\u{202E}txt", true),
            ("Re\u{200B}ads", true),
            ("Re\u{1b}[8mads", true),
        ] {
            assert_eq!(hides_text(text), hides, "{text:?}");
        }
    }
}
