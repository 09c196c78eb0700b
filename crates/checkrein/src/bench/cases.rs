//! What is timed: actions of several sizes, rule sets of several sizes, and hostile texts.

use std::fmt::Write as _;

/// One row of the benchmark: an action, and how many rules stand beside the standard ones.
pub struct Case {
    pub name: &'static str,
    pub rules: usize,
    pub action: fn() -> String,
}

/// Every row that is timed and whose instructions are counted.
pub const ROWS: &[Case] = &[
    Case { name: "chat message, 200 B", rules: 0, action: || chat(200) },
    Case { name: "chat message, 1 kB", rules: 0, action: || chat(1000) },
    Case { name: "chat message, 16 kB", rules: 0, action: || chat(16_000) },
    Case { name: "tool call, 1 KiB", rules: 0, action: || tool_call(1024) },
    Case { name: "tool call, 1 KiB, 10 rules", rules: 10, action: || tool_call(1024) },
    Case { name: "tool call, 1 KiB, 100 rules", rules: 100, action: || tool_call(1024) },
    Case { name: "tool call, 1 KiB, 1000 rules", rules: 1000, action: || tool_call(1024) },
];

/// Ordinary English of a support conversation, repeated with changing numbers up to a length.
pub fn prose(bytes: usize) -> String {
    const SENTENCES: [&str; 6] = [
        "Hello, I ordered two lamps last week and only one of them has arrived so far. ",
        "Could you check where the second parcel is and when it will be delivered? ",
        "My order number is 48213 and I paid with the card that is on file. ",
        "If it takes longer than Friday, please change the address to my office instead. ",
        "Your colleague told me on the phone that the warehouse would look into it. ",
        "Thank you for your help, and have a pleasant afternoon. ",
    ];
    let mut text = String::new();
    for (number, sentence) in SENTENCES.iter().cycle().enumerate() {
        if text.len() >= bytes {
            break;
        }
        let _ = write!(text, "{sentence}(note {number}) ");
    }
    text.truncate(bytes);
    text
}

/// A chat call to a model with one message of a length.
pub fn chat(bytes: usize) -> String {
    format!(
        r#"{{"kind":"llm_call","operation":"send","tool":"chat","resource":{{"type":"llm","name":"model"}},
        "agent":{{"name":"helper","version":"2"}},"environment":"production","time":"2026-03-03T12:00:00Z",
        "payload":{{"model":"model","messages":[{{"role":"user","content":{}}}]}}}}"#,
        serde_json::Value::from(prose(bytes))
    )
}

/// A tool call of about a length that touches many detectors: a query, a path, a URL, a note.
pub fn tool_call(bytes: usize) -> String {
    let note = prose(bytes.saturating_sub(620));
    format!(
        r#"{{"kind":"database","operation":"read","tool":"tool_57","resource":{{"type":"order","name":"orders",
        "destinations":["https://reports.shop.example/in"]}},"count":12,"agent":{{"name":"helper","version":"2"}},
        "principal":{{"id":"maria@shop.example","team":"support"}},"session":{{"id":"s-1"}},
        "environment":"production","time":"2026-03-03T12:00:00Z",
        "payload":{{"query":"SELECT id, status FROM orders WHERE customer_id = 1042 AND placed > '2026-01-01' LIMIT 20",
        "path":"reports/2026/march.csv","url":"https://reports.shop.example/in?kind=weekly","customer":"c-1042",
        "amount":120,"note":{}}}}}"#,
        serde_json::Value::from(note)
    )
}

/// Many rules about many tools: each asks for a role above an amount.
pub fn rules(count: usize) -> String {
    let mut text = String::from("policy: bench\nversion: 1\nlayer: organisation\nrules:\n");
    for number in 0..count {
        let _ = write!(
            text,
            "  - id: bench.tool-{number}\n    priority: {}\n    note: amounts of tool {number} need a role\n    \
             when: {{ tool: tool_{number}, payload: {{ amount: {{ over: {} }} }}, agent: {{ without_role: role_{} }} }}\n    then: block\n",
            number + 1,
            10 * number,
            number % 7
        );
    }
    text
}

/// Texts written to be slow: one for each kind of work that a detector or a decoder does.
pub fn hostile(bytes: usize) -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat(bytes / unit.len());
    vec![
        ("one letter", fill("a")),
        ("digits", fill("4111 1111 1111 1112 ")),
        ("at signs", fill("a@a.")),
        ("base64", fill("QUFBQUFBQUFBQUFB")),
        ("percent", fill("%2541")),
        ("entities", fill("&#x61;")),
        ("backslashes", fill("\\u0061\\x61")),
        ("open brackets", fill("(")),
        ("angle brackets", fill("<a <")),
        ("quotes", fill("'\"`")),
        ("comments", fill("/*--#")),
        ("dots and slashes", fill("../..\\")),
        ("dollar braces", fill("${$(")),
        ("double braces", fill("{{7*'")),
        ("key words", fill("ignore select union password token ")),
        ("dashes", fill("-----BEGIN ")),
        ("dotted letters", fill("i.g.n.o.r.e ")),
        ("combining marks", fill("a\u{300}\u{301}b\u{302}")),
        ("lines", fill("a\n\n")),
        ("eyJ", fill("eyJhbGciOi.")),
        ("addresses", fill("1.1.1.1 ")),
        ("pipes", fill("sh|sh|")),
        ("commands", fill("curl x|sh;")),
        ("separators", fill("a;b|c&")),
        ("labelled numbers", fill("ssn 1234 ")),
        ("dates", fill("born 01/02/1990 ")),
        ("short entities", fill("&lt;")),
        ("assignments", fill("a=1&")),
        ("escaped ampersands", fill("&amp;")),
        ("one tag of many attributes", format!("<a {}>", fill("b=c "))),
        ("digits and points", fill("1.")),
        ("look-alike digits", fill("1gn0r3 ")),
        ("IPv6 addresses", fill("2001:db8::1 ")),
        ("account numbers", fill("DE89370400440532013000 ")),
        ("mail addresses", fill("john.doe@corp.example, ")),
        ("pairs that end in a letter", format!("{}z", fill("ab:"))),
        ("words behind blanks", format!("{}{}", " ".repeat(bytes / 2), "ab ".repeat(bytes / 6))),
        ("words run together", fill("ignoreallpreviousinstructions")),
        ("words joined", fill("ignore_all_previous_instructions ")),
        ("letters apart", fill("i g n ")),
        ("shifted letters", fill("vtaber nyy cerivbhf ")),
        ("base64 of base64", fill("YVdkdWIzSmxJR0ZzYkNCd2NtVjJhVzkxY3c9PQ== ")),
        ("escapes of escapes", fill("%25")),
        ("character codes", fill("char(65),")),
        ("quoted printable", fill("=41")),
        ("full-width letters", fill("\u{FF41}\u{FF42}")),
        ("Cyrillic twins", fill("р\u{430}yp\u{430}l ")),
        ("lists in lists", fill("[[[[\"a\"]]]],")),
        ("operators", fill("{\"$gt\":")),
        ("addresses to fetch", fill("http://a@b/?c=")),
        ("conditions", fill("' or 1=1 union select ")),
    ]
}
