//! The table of SQL rules: what each one says, how grave it is, how sure.

use action::{Confidence, Severity};

/// Declares the rules: id, severity, confidence in a value that ends in a query, and a sentence.
macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $confidence:expr, $says:literal;)+) => {
        /// What a SQL detection can be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $($name,)+ }

        impl Rule {
            /// Every rule, in order.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)+];

            /// The stable id.
            pub const fn id(self) -> &'static str { match self { $(Rule::$name => $id,)+ } }

            pub const fn severity(self) -> Severity { match self { $(Rule::$name => Severity::$severity,)+ } }

            pub const fn confidence(self) -> Confidence { match self { $(Rule::$name => $confidence,)+ } }

            /// One sentence for people.
            pub const fn says(self) -> &'static str { match self { $(Rule::$name => $says,)+ } }
        }
    };
}

rules! {
    Tautology = "sqli.tautology", Critical, Confidence::CRITICAL,
        "a condition that compares constants joins the host's condition";
    BreakOut = "sqli.break_out", High, Confidence::new(90),
        "the value closes the host's string and goes on as code";
    UnionSelect = "sqli.union_select", Critical, Confidence::CRITICAL,
        "a second query is appended to the host's query";
    Stacked = "sqli.stacked", Critical, Confidence::CRITICAL,
        "a second statement follows the first";
    CommentCut = "sqli.comment_cut", High, Confidence::new(90),
        "a comment hides the rest of the host's statement";
    Clause = "sqli.clause", High, Confidence::new(85),
        "the value adds ORDER BY, GROUP BY, HAVING or LIMIT to the host's query";
    Subquery = "sqli.subquery", High, Confidence::new(90),
        "the value holds a query of its own";
    Expression = "sqli.expression", Medium, Confidence::new(80),
        "the value is an expression for the server to compute";
    Sleep = "sqli.sleep", Critical, Confidence::CRITICAL,
        "a function or statement that delays the answer";
    Reach = "sqli.reach", Critical, Confidence::CRITICAL,
        "a function that reads files, runs commands or opens connections on the server";
    ErrorText = "sqli.error_text", Critical, Confidence::CRITICAL,
        "a function that puts data into an error message";
    Catalog = "sqli.catalog", High, Confidence::new(90),
        "a system catalog or a table of accounts is read";
    IntoFile = "sqli.into_file", Critical, Confidence::CRITICAL,
        "the result is written to a file of the server";
    UnboundedDelete = "sqli.unbounded_delete", High, Confidence::CRITICAL,
        "DELETE without a condition, or with one that is always true";
    UnboundedUpdate = "sqli.unbounded_update", High, Confidence::CRITICAL,
        "UPDATE without a condition, or with one that is always true";
    AlwaysTrue = "sqli.always_true", High, Confidence::new(90),
        "the condition of the statement is always true";
    Destructive = "sqli.destructive", High, Confidence::new(90),
        "DROP or TRUNCATE removes a whole object";
    SchemaChange = "sqli.schema_change", Medium, Confidence::HIGH,
        "ALTER changes the structure of an object";
    Privilege = "sqli.privilege", High, Confidence::new(90),
        "rights or accounts of the database change";
    Program = "sqli.program", Critical, Confidence::CRITICAL,
        "COPY runs a program or touches a file of the server";
    Unreadable = "sql.unreadable", Low, Confidence::MEDIUM,
        "the statement is too large or too deep to be parsed, so it was judged by its words alone";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dotted_unique_and_say_something() {
        for (at, rule) in Rule::ALL.iter().enumerate() {
            assert!(rule.id().starts_with("sqli.") || rule.id().starts_with("sql."));
            assert!(rule.says().len() > 20);
            assert!(Rule::ALL.iter().skip(at + 1).all(|other| other.id() != rule.id()));
        }
    }
}
