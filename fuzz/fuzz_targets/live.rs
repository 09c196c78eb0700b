//! A growing text, the first two bytes choosing the size of its pieces: settled places only grow, stand
//! on whole characters, and no value that is found in a stretch stands outside of it.
#![no_main]

use checkrein_fuzz::{RULES, assert_hits};
use engine::live::{MAX_LIVE, Watch, sensitive, settled};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [first, second, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    // Long texts cost their square when they come in single bytes.
    if text.len() > 4 * 1024 {
        return;
    }
    let watch = Watch::all();
    let mut sizes = [usize::from(first % 16) + 1, usize::from(second % 64) + 1].into_iter().cycle();
    let (mut end, mut from) = (0, 0);
    while end < text.len() {
        end = (end + sizes.next().unwrap_or(1)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let grown = &text[..end];
        let to = settled(grown, from, &watch);
        assert!(from <= to && to <= end && grown.is_char_boundary(to), "{from} {to} {end}");
        let hits = sensitive(grown, from..to, &watch, &RULES.detectors);
        assert_hits(grown, &hits);
        assert!(hits.iter().all(|hit| from <= hit.span.start && hit.span.end <= to));
        from = to;
    }
    assert!(text.len() - from <= MAX_LIVE + 16 * 1024);
});
