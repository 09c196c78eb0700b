//! Any bytes as a sealed token map, and any texts sealed in one: a changed map does not open, and
//! one that opens says what was put in.
#![no_main]

use action::{Json, SensitiveClass};
use engine::redact::{Entry, Key, Sealed, TokenMap, restore};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key = Key::new([7; 32]);
    if let Ok(sealed) = Json::parse_as::<Sealed>(bytes)
        && let Ok(map) = sealed.open(&key)
    {
        assert!(map.seal(&key).open(&key).as_ref() == Ok(&map));
        assert!(map.is_empty() || sealed.open(&Key::new([8; 32])).is_err());
    }

    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut map = TokenMap::default();
    for (line, class) in text.lines().zip(SensitiveClass::ALL.iter().cycle()) {
        let (original, synthetic) = line.split_once('\t').unwrap_or((line, line));
        map.add(Entry { class: *class, original: original.to_owned(), synthetic: synthetic.to_owned() });
    }
    let written = serde_json::to_vec(&map.seal(&key)).expect("a map can be written");
    let sealed: Sealed = Json::parse_as(&written).expect("a map can be read");
    assert_eq!(sealed.open(&key).expect("its own key opens it"), map);
    // Replacements made by a stranger may overlap and nest; putting back still ends.
    restore(text, &map);
});
