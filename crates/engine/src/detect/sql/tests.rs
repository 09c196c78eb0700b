//! What fires, and its near misses.

use action::{Confidence, SemanticType, Severity};

use super::*;
use crate::text::Prepared;

fn hits(semantic: SemanticType, text: &str) -> Vec<Hit> {
    let leaf = Leaf { key: "", channel: None, semantic, text: Prepared::new(text) };
    let mut out = Vec::new();
    find(&leaf, &mut out);
    for hit in &out {
        assert!(text.get(hit.span.clone()).is_some_and(|part| !part.is_empty()), "{text:?} {hit:?}");
    }
    out
}

fn rules(semantic: SemanticType, text: &str) -> Vec<String> {
    hits(semantic, text).into_iter().map(|hit| hit.rule.into_owned()).collect()
}

#[track_caller]
fn value(text: &str, rule: &str) {
    let found = rules(SemanticType::SqlValue, text);
    assert!(found.iter().any(|r| r == rule), "{text:?} gave {found:?}, not {rule}");
}

#[track_caller]
fn statement(text: &str, wanted: &[&str]) {
    let mut found = rules(SemanticType::SqlStatement, text);
    found.sort();
    assert_eq!(found, wanted, "{text}");
}

#[test]
fn tautologies_are_found_in_every_kind_of_string() {
    for text in [
        "' or 1=1 --",
        "x' OR 'k'='k",
        "x\" or \"k\"=\"k",
        "7 or 2>1",
        "7) or (3=3",
        "admin'/**/oR/**/5=5#",
        "' || 4=4 -- ",
        "x' and pi()=pi() and 'q'='q",
        "7 /*!50000or*/ 1=1",
        "' or true --",
        "7 or 3 between 1 and 5",
        "x' or exists(select 1) and 1=1 #",
        r"x\' or 4=4 --",
        "7\tor\t1=1",
        "7 or true",
        "7 or not false",
    ] {
        value(text, "sqli.tautology");
    }
    value("7 or 1::int=1", "sqli.expression");
}

#[test]
fn appended_queries_are_found() {
    for text in [
        "7 union select name, secret from accounts",
        "7' UnIoN/**/AlL/**/SeLeCt 1,2,3 -- ",
        "-1 union all (select null, null)",
        "7 union distinct select @@version",
    ] {
        value(text, "sqli.union_select");
    }
    value("7 and (select count(*) from accounts) > 3", "sqli.subquery");
    value("x' from information_schema.tables -- ", "sqli.catalog");
}

#[test]
fn stacked_statements_are_found() {
    for text in [
        "7; drop table accounts",
        "x'; DELETE FROM accounts; --",
        "x'); insert into accounts values (1); --",
        "7; exec sp_help",
        "x'; shutdown --",
        "x';declare @a int",
    ] {
        value(text, "sqli.stacked");
    }
}

#[test]
fn delays_files_and_commands_are_found() {
    value("7 and sleep(5)", "sqli.sleep");
    value("x'; waitfor delay '0:0:9' --", "sqli.sleep");
    value("x' || pg_sleep(3) --", "sqli.sleep");
    value("7 and load_file('/etc/hosts') is not null", "sqli.reach");
    value("x'; exec master..xp_cmdshell 'dir' --", "sqli.reach");
    value("7 and extractvalue(1, concat(0x7e, version()))", "sqli.error_text");
    value("x' into outfile '/tmp/a' --", "sqli.into_file");
}

#[test]
fn cut_comments_clauses_and_break_outs_are_found() {
    value("admin' --", "sqli.comment_cut");
    value("admin'/*", "sqli.comment_cut");
    value("7' order by 12 -- ", "sqli.clause");
    value(" having 1=1", "sqli.clause");
    value("x' + 'y", "sqli.break_out");
    value("x' like '%", "sqli.break_out");
    value("hex(version())", "sqli.expression");
}

#[test]
fn values_of_daily_life_are_clean() {
    let mut found = Vec::new();
    for text in [
        "O'Brien",
        "true or false",
        "7 or 8",
        "std::string",
        "Siobhán O'Neill-D'Arcy",
        "rock 'n' roll",
        "the '90s and the '80s",
        "5' 11\"",
        "24\" x 36\" frame",
        "1-2",
        "2024-01-31",
        "3 + 4 = 7",
        "a@b.example",
        "https://shop.example/a?b=1&c=2",
        "drop table lamp",
        "select a colour from the list",
        "The union select committee met",
        "order by phone",
        "Smith & Sons; London",
        "C# and F#",
        "issue #12 -- fixed",
        "\"quoted\" and \"quoted again\"",
        "50% off or more",
        "either 1 or 2",
        "x > 3 and y < 5",
        "(555) 010-9999",
        "I'd like to update my order, and delete the old one; it's late",
        "don't; won't",
        "{\"a\": \"b\", \"c\": [1, 2]}",
        "create a table for 4",
        "sleep (8 hours)",
        "if you can, call me",
        "group by the door",
        "A/B",
        "==> done --",
        "l'or et l'argent",
        "it's 5 o'clock",
        "limit 10",
        "name asc",
        "v1.2.3-rc.1+build.5",
        "between 5 and 10",
        "is null and void",
        "top 10 (select)",
        "benchmark(ing) our tools",
        "James' & Carlos' house",
        "the dogs' bowls and cats' toys",
        "lambda x: x or 1",
        "status = 'active'",
        "age > 30 AND city = 'Paris'",
        "COUNT(*)",
        "'til death do us part",
        "3'-4'",
        "foo/*.txt",
        "10:00; 11:00",
    ] {
        for semantic in
            [SemanticType::SqlValue, SemanticType::Value, SemanticType::FreeText, SemanticType::Id]
        {
            found.extend(rules(semantic, text).into_iter().map(|rule| (text, semantic, rule)));
        }
    }
    assert_eq!(found, []);
}

#[test]
fn prose_may_speak_of_sql() {
    for text in [
        "Explain what ' OR 1=1 -- does in a login form and why the password check then passes for everyone.",
        "How do I write SELECT name FROM users WHERE id = 3 in SQLAlchemy?",
        "Use UNION ALL SELECT when you want to keep duplicates; use sleep(5) to wait.",
        "Never run DELETE FROM orders; without a WHERE clause.",
    ] {
        assert_eq!(rules(SemanticType::FreeText, text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(rules(SemanticType::FreeText, "Robert'); DROP TABLE pupils; --"), ["sqli.stacked"]);
}

#[test]
fn an_unknown_sink_lowers_confidence_and_a_statement_in_it_is_judged_as_one() {
    let text = "x' or 1=1 --";
    assert_eq!(hits(SemanticType::SqlValue, text)[0].confidence, Confidence::CRITICAL);
    assert!(hits(SemanticType::Value, text)[0].confidence < Confidence::CRITICAL);
    assert_eq!(rules(SemanticType::Value, "SELECT name FROM users WHERE id = 3"), Vec::<String>::new());
    assert_eq!(rules(SemanticType::Value, "DELETE FROM users"), ["sqli.unbounded_delete"]);
}

#[test]
fn evidence_points_at_the_break_out() {
    let text = "Anna' or 1=1 --";
    let hit = hits(SemanticType::SqlValue, text).remove(0);
    assert_eq!(&text[hit.span.clone()], "' or 1=1 --");
    assert_eq!(hit.severity, Severity::Critical);
}

#[test]
fn full_width_quotes_are_folded() {
    value("\u{ff07} or 1=1 --", "sqli.tautology");
}

#[test]
fn other_types_are_left_to_their_detectors() {
    for semantic in
        [SemanticType::Shell, SemanticType::Path, SemanticType::Url, SemanticType::Html, SemanticType::Code]
    {
        assert!(hits(semantic, "' or 1=1 --").is_empty());
    }
}

#[test]
fn ordinary_statements_are_clean() {
    let mut found = Vec::new();
    for text in [
        "SELECT id, name FROM customers WHERE city = 'Paris' ORDER BY name LIMIT 10",
        "SELECT c.name, COUNT(*) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.name HAVING COUNT(*) > 5;",
        "SELECT * FROM a WHERE x = 1 OR y = 2",
        "SELECT * FROM a WHERE 1=1 AND x = 2",
        "SELECT name FROM a UNION SELECT name FROM b",
        "WITH recent AS (SELECT * FROM orders WHERE day > '2024-01-01') SELECT * FROM recent",
        "INSERT INTO orders (id, note) VALUES (1, 'it''s; drop table x --')",
        "UPDATE orders SET note = 'a' WHERE id = 3",
        "DELETE FROM orders WHERE id IN (1, 2, 3)",
        "DELETE FROM orders ORDER BY day LIMIT 10",
        "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT)",
        "SELECT [first name] FROM [people] WHERE [age] > 3",
        "SELECT `name` FROM `people`",
        "SELECT a FROM t -- the usual list",
        "BEGIN; UPDATE a SET x = 1 WHERE id = 2; COMMIT;",
        "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2);",
        "SELECT * FROM t WHERE a LIKE '%x%' AND b BETWEEN 1 AND 2 AND c IS NOT NULL",
        "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t",
        "SELECT version()",
    ] {
        found.extend(rules(SemanticType::SqlStatement, text).into_iter().map(|rule| (text, rule)));
    }
    assert_eq!(found, []);
}

#[test]
fn statements_are_judged_by_what_they_would_do() {
    statement("DELETE FROM orders", &["sqli.unbounded_delete"]);
    statement("DELETE FROM orders WHERE 1 = 1", &["sqli.unbounded_delete"]);
    statement("UPDATE users SET admin = 1", &["sqli.unbounded_update"]);
    statement("UPDATE users SET admin = 1 WHERE id = id", &["sqli.unbounded_update"]);
    statement("DELETE FROM a WHERE id = 3 OR 'k' = 'k'", &["sqli.always_true", "sqli.unbounded_delete"]);
    statement("SELECT * FROM users WHERE name = 'x' OR 2 > 1", &["sqli.always_true"]);
    statement("SELECT * FROM users WHERE (name = 'x' OR 1=1) AND active", &["sqli.always_true"]);
    statement("DROP TABLE orders", &["sqli.destructive"]);
    statement("TRUNCATE TABLE orders", &["sqli.destructive"]);
    statement("ALTER TABLE orders ADD COLUMN x INT", &["sqli.schema_change"]);
    statement("GRANT ALL ON orders TO bob", &["sqli.privilege"]);
    statement("SELECT * FROM a WHERE id = 1; DROP TABLE a", &["sqli.destructive", "sqli.stacked"]);
    statement("SELECT table_name FROM information_schema.tables", &["sqli.catalog"]);
    statement("SELECT host, user FROM mysql.user", &["sqli.catalog"]);
    statement("SELECT sleep(10)", &["sqli.sleep"]);
    statement("SELECT load_file('/etc/hosts')", &["sqli.reach"]);
    statement("SELECT a FROM b UNION SELECT 1, 2, 3", &["sqli.union_select"]);
    statement("SELECT * FROM users WHERE name = 'admin' -- ' AND password = 'x'", &["sqli.comment_cut"]);
    statement("COPY t TO PROGRAM 'sh -c id'", &["sqli.program"]);
}

#[test]
fn what_no_grammar_has_is_judged_by_its_words_and_is_no_hit_by_itself() {
    statement("SELECT name FRM t WHERE (", &[]);
    statement("DELETE FROM orders WHEN mooon", &["sqli.unbounded_delete"]);
}

#[test]
fn what_is_too_large_to_parse_is_reported_and_still_judged_by_its_words() {
    let deep = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
    statement(&deep, &["sql.unreadable"]);
    let long = format!("SELECT '{}'", "x".repeat(65 * 1024));
    statement(&long, &["sql.unreadable"]);
    let drop = format!("DROP TABLE {}t{}", "(".repeat(500), ")".repeat(500));
    statement(&drop, &["sql.unreadable", "sqli.destructive"]);
    let unreadable = hits(SemanticType::SqlStatement, &deep).remove(0);
    assert_eq!(unreadable.severity, Severity::Low);
}

#[test]
fn strings_of_a_statement_are_data() {
    statement(
        "SELECT * FROM notes WHERE body = 'drop table x; union select 1 from mysql.user -- sleep(5)'",
        &[],
    );
}
