//! The table of XSS rules: what each one says, how grave it is, how sure.

use action::{Confidence, Severity};

/// Declares the rules: id, severity, confidence, and a sentence.
macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $confidence:expr, $says:literal;)+) => {
        /// What an XSS detection can be.
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
    Script = "xss.script", Critical, Confidence::CRITICAL,
        "a script element";
    Handler = "xss.handler", Critical, Confidence::CRITICAL,
        "an attribute that runs code on an event";
    UrlScheme = "xss.url_scheme", Critical, Confidence::CRITICAL,
        "an address whose scheme runs code";
    Embed = "xss.embed", High, Confidence::new(90),
        "an element that brings a foreign document or program into the page";
    Foreign = "xss.foreign_content", Medium, Confidence::HIGH,
        "an SVG or MathML part, whose rules for scripts differ from the page's";
    Page = "xss.page", High, Confidence::new(85),
        "an element that changes how the whole page loads: base, meta, link, a form's target";
    Style = "xss.style", High, Confidence::new(90),
        "a style that runs code or loads a foreign sheet";
    Xml = "xss.xml", High, Confidence::new(85),
        "an XML instruction or name space that brings script into the page";
    Attribute = "xss.attribute_break_out", High, Confidence::new(90),
        "the value closes an attribute and adds one that runs code";
    Context = "xss.script_break_out", High, Confidence::new(85),
        "the value closes a string of a script and goes on as code";
    Markup = "xss.markup_break_out", Medium, Confidence::MEDIUM,
        "the value closes a comment, a title or a section that it did not open";
    Sink = "xss.sink", High, Confidence::HIGH,
        "code that reads cookies or runs text";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dotted_unique_and_say_something() {
        for (at, rule) in Rule::ALL.iter().enumerate() {
            assert!(rule.id().starts_with("xss."));
            assert!(rule.says().len() > 10);
            assert!(Rule::ALL.iter().skip(at + 1).all(|other| other.id() != rule.id()));
        }
    }
}
