//! Time of the SQL and XSS detectors on text that is made to be slow.
//!
//! The bounds are for a release build; the debug build gets forty times as long, which still tells
//! a line from a square.

use std::time::{Duration, Instant};

use action::SemanticType;
use engine::detect::{Hit, Leaf, sql, xss};
use engine::text::Prepared;

const SIZE: usize = 64 * 1024;

fn limit() -> Duration {
    let release = Duration::from_millis(40);
    if cfg!(debug_assertions) { release * 40 } else { release }
}

/// The best of three, so that a busy machine does not fail the test.
fn time(find: fn(&Leaf<'_>, &mut Vec<Hit>), semantic: SemanticType, text: &str) -> Duration {
    let leaf = Leaf { key: "", channel: None, semantic, text: Prepared::new(text) };
    let once = || {
        let start = Instant::now();
        find(&leaf, &mut Vec::new());
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

fn slow(find: fn(&Leaf<'_>, &mut Vec<Hit>), semantics: &[SemanticType], units: &[&str]) -> Vec<String> {
    let mut slow = Vec::new();
    for unit in units {
        for head in ["", "SELECT ", "1' or ", "<a x=", "                "] {
            let text = format!("{head}{}", unit.repeat(SIZE / unit.len()));
            for semantic in semantics {
                let took = time(find, *semantic, &text);
                if took > limit() {
                    slow.push(format!("{semantic} {head}{unit}: {took:?}"));
                }
            }
        }
    }
    slow
}

#[test]
fn sql_stays_linear_on_hostile_text() {
    let units = [
        "'",
        "\"",
        "(",
        "((1",
        "/*",
        "/*!",
        "/* */",
        "--\n",
        "#\n",
        "[",
        "`",
        "@",
        "@'",
        "\\",
        "0x",
        "1e",
        "union ",
        "union all ",
        "union select ",
        "select ",
        "select(",
        "(select ",
        "case when ",
        "not ",
        "-",
        "- ",
        "!",
        "~",
        "a,",
        "1,",
        "a or ",
        "a.b.",
        "a::b",
        "a||",
        "'a'",
        "' or '",
        "; ",
        "; select 1",
        "into outfile ",
        "exists(",
        "a in (1) and ",
        "x between ",
        "interval ",
        "{",
        "$",
        "$$",
        ":",
        "a[",
        "é",
        "cast(",
        "1 union select 1 ",
        "with a as (",
        "from (",
        "a join ",
    ];
    let semantics =
        [SemanticType::SqlValue, SemanticType::Value, SemanticType::SqlStatement, SemanticType::FreeText];
    assert_eq!(slow(sql::find, &semantics, &units), Vec::<String>::new());
}

#[test]
fn statements_with_nested_brackets_stay_fast() {
    for depth in [8, 16, 24, 32, 47, 64] {
        for (open, core, close) in [
            ("(", "1", ")"),
            ("(", "select 1", ")"),
            ("(select ", "1", ")"),
            ("select * from (", "select 1", ")"),
            ("case when ", "1", " then 1 end"),
            ("f(", "1", ")"),
            ("not (", "1", ")"),
            ("(", "", ""),
            ("f(", "", ""),
            ("case ", "", ""),
            ("a[", "", ""),
            ("(a,(", "", ""),
            ("x in (", "", ""),
            ("-(", "1", ")"),
            ("interval (", "1", ")"),
            ("cast(", "1", " as int)"),
            ("(a, (b) -> ", "1", ")"),
            ("array[", "1", "]"),
            ("struct(", "1", ")"),
            ("exists(", "select 1", ")"),
        ] {
            let text = format!("select {}{core}{}", open.repeat(depth), close.repeat(depth));
            let took = time(sql::find, SemanticType::SqlStatement, &text);
            assert!(took < limit(), "{depth} times {open}: {took:?}");
            let took = time(
                sql::find,
                SemanticType::SqlStatement,
                &text.replacen("select", "select * from t where", 1),
            );
            assert!(took < limit(), "{depth} times {open} in where: {took:?}");
        }
    }
}

#[test]
fn xss_stays_linear_on_hostile_text() {
    let units = [
        "<",
        "<a ",
        "<a \"",
        "<a x='",
        "<a x=\"<",
        "</",
        "<script>",
        "<style>",
        "<style><",
        "</svg>",
        "<j",
        "<j&#9;",
        "](j",
        "]: j",
        "]( java",
        "=",
        "x=",
        "'onload=",
        " onload=",
        "'style=",
        "style=x ",
        "&#",
        "&#0",
        "%",
        "%3c",
        "%3ca ",
        "\\",
        "\\x3c",
        "/*",
        "*/",
        "`",
        "-->",
        "]]>",
        "alert",
        "alert(",
        "'alert(",
        "document.",
        "<a href=javascript:",
        "<p style='a",
        "é",
        "<é",
        "+adw",
        "<x:y ",
        "<a/",
        "<%",
        "<!",
        "<?",
        "<!--",
        "on",
        "onon=",
        "javascript:",
    ];
    let semantics = [
        SemanticType::Html,
        SemanticType::Value,
        SemanticType::FreeText,
        SemanticType::Url,
        SemanticType::Code,
    ];
    assert_eq!(slow(xss::find, &semantics, &units), Vec::<String>::new());
}
