//! The table of SQL rules: what each one says, how grave it is, how sure.

use crate::detect::rule::rules;

rules! {
    TAUTOLOGY = "sqli.tautology", Critical, 95,
        "a condition that compares constants joins the host's condition";
    BREAK_OUT = "sqli.break_out", High, 90,
        "the value closes the host's string and goes on as code";
    UNION_SELECT = "sqli.union_select", Critical, 95,
        "a second query is appended to the host's query";
    STACKED = "sqli.stacked", Critical, 95,
        "a second statement follows the first";
    COMMENT_CUT = "sqli.comment_cut", High, 90,
        "a comment hides the rest of the host's statement";
    CLAUSE = "sqli.clause", High, 85,
        "the value adds ORDER BY, GROUP BY, HAVING or LIMIT to the host's query";
    SUBQUERY = "sqli.subquery", High, 90,
        "the value holds a query of its own";
    EXPRESSION = "sqli.expression", Medium, 80,
        "the value is an expression for the server to compute";
    SLEEP = "sqli.sleep", Critical, 95,
        "a function or statement that delays the answer";
    REACH = "sqli.reach", Critical, 95,
        "a function that reads files, runs commands or opens connections on the server";
    ERROR_TEXT = "sqli.error_text", Critical, 95,
        "a function that puts data into an error message";
    CATALOG = "sqli.catalog", High, 90,
        "a system catalog or a table of accounts is read";
    INTO_FILE = "sqli.into_file", Critical, 95,
        "the result is written to a file of the server";
    UNBOUNDED_DELETE = "sqli.unbounded_delete", High, 95,
        "DELETE without a condition, or with one that is always true";
    UNBOUNDED_UPDATE = "sqli.unbounded_update", High, 95,
        "UPDATE without a condition, or with one that is always true";
    ALWAYS_TRUE = "sqli.always_true", High, 90,
        "the condition of the statement is always true";
    DESTRUCTIVE = "sqli.destructive", High, 90,
        "DROP or TRUNCATE removes a whole object";
    SCHEMA_CHANGE = "sqli.schema_change", Medium, 80,
        "ALTER changes the structure of an object";
    PRIVILEGE = "sqli.privilege", High, 90,
        "rights or accounts of the database change";
    PROGRAM = "sqli.program", Critical, 95,
        "COPY runs a program or touches a file of the server";
    UNREADABLE = "sql.unreadable", Low, 60,
        "the statement is too large or too deep to be parsed, so it was judged by its words alone";
}
