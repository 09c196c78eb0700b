//! The table of XSS rules: what each one says, how grave it is, how sure.

use crate::detect::rule::rules;

rules! {
    SCRIPT = "xss.script", Critical, 95,
        "a script element";
    HANDLER = "xss.handler", Critical, 95,
        "an attribute that runs code on an event";
    URL_SCHEME = "xss.url_scheme", Critical, 95,
        "an address whose scheme runs code";
    EMBED = "xss.embed", High, 90,
        "an element that brings a foreign document or program into the page";
    FOREIGN = "xss.foreign_content", Medium, 80,
        "an SVG or MathML part, whose rules for scripts differ from the page's";
    PAGE = "xss.page", High, 85,
        "an element that changes how the whole page loads: base, meta, link, a form's target";
    STYLE = "xss.style", High, 90,
        "a style that runs code or loads a foreign sheet";
    XML = "xss.xml", High, 85,
        "an XML instruction or name space that brings script into the page";
    ATTRIBUTE = "xss.attribute_break_out", High, 90,
        "the value closes an attribute and adds one that runs code";
    CONTEXT = "xss.script_break_out", High, 85,
        "the value closes a string of a script and goes on as code";
    MARKUP = "xss.markup_break_out", Medium, 60,
        "the value closes a comment, a title or a section that it did not open";
    SINK = "xss.sink", High, 80,
        "code that reads cookies or runs text";
}
