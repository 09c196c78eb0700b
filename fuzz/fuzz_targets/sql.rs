//! Any text as SQL, whatever it is said to mean: hits inside the text, and one answer.
#![no_main]

use action::SemanticType;
use checkrein_fuzz::assert_hits;
use engine::detect::{Leaf, sql};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for semantic in SemanticType::ALL {
        let leaf = Leaf::new(*semantic, text);
        let mut hits = Vec::new();
        sql::find(&leaf, &mut hits);
        assert_hits(text, &hits);
        let mut again = Vec::new();
        sql::find(&leaf, &mut again);
        assert_eq!(hits, again);
    }
    assert_eq!(sql::facts(text), sql::facts(text));
});
