use super::common::COMMON_WORDS;
use super::*;

fn share_a_form(a: &str, b: &str) -> bool {
    let forms = |text: &str| {
        read(text, 3, Depth::Words).literals.iter().flat_map(|l| l.forms().to_vec()).collect::<Vec<_>>()
    };
    let other = forms(b);
    forms(a).iter().any(|form| other.contains(form))
}

#[test]
fn one_literal_in_two_notations_is_the_same() {
    for (a, b) in [
        ("1,000.00", "1000"),
        ("$250.50", "250.5"),
        ("+12%", "12"),
        ("007", "7"),
        ("May 20th", "2026-05-20"),
        ("20 May", "2026-05-20"),
        ("3/15/2026", "2026-03-15"),
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("4111 1111 1111 1111", "4111111111111111"),
        ("ACC_77-X9", "acc77x9"),
        ("Mail Bob@Example.COM, please.", "bob@example.com"),
        ("0xABCD12", "0xabcd12"),
        ("ac\u{200b}ct-\u{2060}77x", "acct-77x"),
        ("ＡＣＣＴ７７", "acct77"),
        ("see https://Sink.example/a?b=1", "https://sink.example/other"),
    ] {
        assert!(share_a_form(a, b), "{a} | {b}");
    }
}

#[test]
fn different_literals_stay_different() {
    for (a, b) in [
        ("1000", "10000"),
        ("1.000", "1000"),
        ("acct12", "acct123"),
        ("May 20th", "2026-05-21"),
        ("bob@example.com", "bob@example.org"),
        ("redundant", "dan"),
        ("-5", "5"),
    ] {
        assert!(!share_a_form(a, b), "{a} | {b}");
    }
}

#[test]
fn pieces_follow_marks_and_humps() {
    let lengths = |text: &str| {
        let reading = read(text, 0, Depth::Words);
        reading.pieces(&reading.literals[0]).iter().map(|piece| piece.length).collect::<Vec<_>>()
    };
    assert_eq!(lengths("exchangeFiat"), [8, 4]);
    assert_eq!(lengths("ann.lee@x-ray.example"), [3, 3, 3, 7], "single letters are no pieces");
    assert_eq!(lengths("word"), [0usize; 0]);
}

#[test]
fn prose_is_read_for_its_tokens_only() {
    let text = "please wire the sum to acct-4471 by noon";
    assert!(is_prose(text) && !is_prose("acct-4471 by noon"));
    assert_eq!(read(text, 0, Depth::Tokens).literals.len(), 1);
    assert_eq!(read(text, 0, Depth::Words).literals.len(), 8);
}

#[test]
fn stems_agree() {
    for (a, b) in [("staking", "stake"), ("transfers", "transfer"), ("refunds", "refund")] {
        assert_eq!(stem(a), stem(b), "{a} {b}");
    }
    assert_eq!(stem("bus"), "bus");
}

#[test]
fn common_words_are_in_order_so_that_they_are_found() {
    assert!(COMMON_WORDS.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn long_and_odd_text_is_read_in_bounds() {
    for text in ["(".repeat(65_536), "a@".repeat(32_768), "1,".repeat(32_768), "--".repeat(32_768)] {
        assert!(read(&text, 0, Depth::Words).literals.len() <= text.len());
    }
    assert!(read("", 0, Depth::Words).literals.is_empty());
}
