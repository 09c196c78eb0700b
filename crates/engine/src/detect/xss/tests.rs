//! What fires, and its near misses.

use action::SemanticType;

use super::*;
use crate::text::Prepared;

fn rules(semantic: SemanticType, text: &str) -> Vec<String> {
    let leaf = Leaf { key: "", channel: None, semantic, text: Prepared::new(text) };
    let mut out = Vec::new();
    find(&leaf, &mut out);
    for hit in &out {
        assert!(text.get(hit.span.clone()).is_some_and(|part| !part.is_empty()), "{text:?} {hit:?}");
    }
    out.into_iter().map(|hit| hit.rule.into_owned()).collect()
}

#[track_caller]
fn html(text: &str, rule: &str) {
    let found = rules(SemanticType::Html, text);
    assert!(found.iter().any(|r| r == rule), "{text:?} gave {found:?}, not {rule}");
}

#[test]
fn scripts_and_handlers_are_found_however_they_are_written() {
    for text in
        ["<script>f()</script>", "<ScRiPt src=//a.example>", "<x:script>", "<script/x>", "a</b><script\n>"]
    {
        html(text, "xss.script");
    }
    for text in [
        "<img src=x onerror=f()>",
        "<svg/onload=f()>",
        "<b\nonmouseover = 'f()'>x",
        "<img alt=\"a>b\" onload=f()>",
        "<body onpageshow=f()",
        "<a title=\"<i onclick=f()>\">",
        "<video><source onerror=\"f()\">",
    ] {
        html(text, "xss.handler");
    }
}

#[test]
fn addresses_that_run_code_are_found() {
    for text in [
        "<a href=javascript:f()>x</a>",
        "<a href=\"java&#10;script:f()\">x</a>",
        "<a href=\" &#106;avascript&colon;f()\">x</a>",
        "<iframe src='data:text/html,x'>",
        "[x](javascript:f())",
        "[x]( JaVaScript:f\u{28})",
        "[a]: vbscript:f()",
        "<javascript:f()>",
    ] {
        html(text, "xss.url_scheme");
    }
    for semantic in [SemanticType::Url, SemanticType::Value, SemanticType::Html] {
        assert_eq!(rules(semantic, "javascript:alert(document.domain)"), ["xss.url_scheme"], "{semantic}");
    }
    assert_eq!(rules(SemanticType::Code, "see [x](javascript:alert(1))"), ["xss.url_scheme"]);
}

#[test]
fn foreign_documents_styles_and_page_changes_are_found() {
    html("<iframe src=https://a.example></iframe>", "xss.embed");
    html("<object data=a.swf>", "xss.embed");
    html("<base href=//a.example>", "xss.page");
    html("<meta http-equiv=refresh content='0;url=//a.example'>", "xss.page");
    html("<form action=//a.example>", "xss.page");
    html("<p style='width: expression(f())'>", "xss.style");
    html("<style>@import '//a.example/x.css';</style>", "xss.style");
    html("<svg><set attributeName=href to=x></svg>", "xss.foreign_content");
    html("<?xml-stylesheet href='x.xsl'?>", "xss.xml");
}

#[test]
fn break_outs_are_found() {
    for text in ["\" onfocus=alert(1) autofocus x=\"", "' onmouseover='alert(1)", "onclick=alert(1)"] {
        html(text, "xss.attribute_break_out");
    }
    for text in ["';alert(1)//", "\"-confirm(1)-\"", "x'+eval(name)+'", "*/alert(1)/*"] {
        html(text, "xss.script_break_out");
    }
    html("\"><b>x", "xss.markup_break_out");
    html("x</title><b>y", "xss.markup_break_out");
    html("x</script>", "xss.markup_break_out");
}

#[test]
fn ordinary_markup_is_clean() {
    let mut found = Vec::new();
    for text in [
        "<p>Hello, <b>world</b> &amp; <i>all</i>.</p>",
        "<a href=\"https://shop.example/a?once=1&only=2\" title=\"on sale = now\">x</a>",
        "<img src=\"/logo.png\" alt=\"javascript: the good parts\" width=10>",
        "<table><tr><td style=\"color: red; background: url(/a.png)\">1</td></tr></table>",
        "<style>p { color: red } .a > .b { margin: 0 }</style><p class=a>x</p>",
        "<code>&lt;script&gt;alert(1)&lt;/script&gt;</code> is how an attack looks",
        "<ul><li>1 < 2</li><li>a <- b</li></ul>",
        "[docs](https://docs.example/javascript:notes) and ![a](data:image/png;base64,AAAA)",
        "a --> b --> c",
        "<input type=\"checkbox\" disabled> task",
        "<h1>Conditions = good</h1>",
        "<html><head><meta charset=\"utf-8\"><title>x</title></head><body>y</body></html>",
        "price < 10 and quantity > 5",
        "Call me (alert me) at once; prompt answers are nice",
        "The document. It is in the window.",
        "if (a < b && c > d) { run(); }",
        "He said \"hello\" > she said 'bye'",
        "<h2 id=\"location\">Location=Paris</h2>",
        "print(\"hello\")",
        "self.total = parent.sum",
        "<label for=\"a\">on:</label> <button type=\"button\">OK</button>",
        "List<String> names = new ArrayList<>();",
        "<your_name_here> wrote to <jo@mail.example>",
        "<style>.a::before { content: \"\\201C\"; }</style>",
    ] {
        for semantic in [
            SemanticType::Html,
            SemanticType::Value,
            SemanticType::FreeText,
            SemanticType::Url,
            SemanticType::Code,
        ] {
            found.extend(rules(semantic, text).into_iter().map(|rule| (text, semantic, rule)));
        }
    }
    assert_eq!(found, []);
}

#[test]
fn prose_may_speak_of_tags() {
    for text in [
        "Put the <script> tag at the end of the body, and avoid onclick= attributes.",
        "Use `<script>alert(1)</script>` to test, or `<img onerror=alert(1)>`.",
        "```html\n<script>alert(1)</script>\n```\nis a test page",
        "JavaScript: The Good Parts",
        "Learn javascript: arrays (intro)",
    ] {
        assert_eq!(rules(SemanticType::FreeText, text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(rules(SemanticType::FreeText, "hi <script>fetch('//a.example')</script>"), ["xss.script"]);
    assert_eq!(rules(SemanticType::FreeText, "hi <img src=x onerror=alert(1)>"), ["xss.handler"]);
}

#[test]
fn attributes_that_a_library_runs_are_handlers_where_they_call() {
    for text in [
        "<p @click=\"alert(1)\">",
        "<div x-data x-init=\"fetch('//e.example')\">",
        "<b ng-click='alert(1)'>",
        "<i hx-on:click=\"alert(1)\">",
    ] {
        html(text, "xss.handler");
    }
    html("<a name=x href=\"cid:&quot;onerror=alert(1)//\">", "xss.url_scheme");
    html("{{$on.constructor('alert(1)')()}}", "xss.script_break_out");
    for text in ["<p @click=\"open = true\">", "<div x-show=\"open\">", "{{ user.name }}"] {
        assert_eq!(rules(SemanticType::Html, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_page_as_a_whole_may_have_a_head_forms_and_drawings() {
    let page = "<!DOCTYPE html><html><head><meta charset=utf-8><meta http-equiv=\"x-ua-compatible\" \
        content=\"ie=edge\"><link rel=stylesheet href=\"/a.css\"></head><body><form action=\"/find\"><input \
        name=q></form><svg width=4><path d=\"M0 0\"/></svg></body></html>";
    assert_eq!(rules(SemanticType::Html, page), Vec::<String>::new());
    for bad in
        ["<img src=x onerror=alert(1)>", "<iframe src=//e.example>", "<meta http-equiv=refresh content=0>"]
    {
        let page = page.replace("</body>", &format!("{bad}</body>"));
        assert!(!rules(SemanticType::Html, &page).is_empty(), "{bad}");
    }
}

#[test]
fn text_that_no_browser_shows_is_left_alone() {
    for semantic in [SemanticType::Shell, SemanticType::Path, SemanticType::SqlStatement] {
        assert!(rules(semantic, "<script>alert(1)</script>").is_empty());
    }
}
