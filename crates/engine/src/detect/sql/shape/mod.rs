//! The shape of a value: how far it reads on as SQL, and what it says on the way.
//!
//! A flat machine with two states, "an operand must follow" and "an operator may follow", and a
//! stack of open brackets. It reads each token once. Prose falls out of it at the second word, as
//! no dialect lets two bare names stand side by side outside a SELECT.

mod moves;
mod operand;
mod operator;

use super::token::{Kind, Token};
use super::words::Word;

/// What a value says when it is read as the continuation of a SQL statement.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shape {
    /// It reads as SQL up to its end, its cutting comment or its first semicolon.
    pub complete: bool,
    /// It ends inside a string, for the host's own quote to close.
    pub reentered: bool,
    /// A comment hides the rest of the host's statement.
    pub cut: bool,
    /// It ends with a semicolon, or another statement follows one.
    pub semicolon: bool,
    pub logic: u16,
    pub compare: u16,
    /// Comparisons written as a sign, not as a word.
    pub signs_compared: u16,
    pub math: u16,
    /// A literal was compared with a literal: nobody asks a database that for its answer.
    pub constant_compare: bool,
    /// A condition that is nothing but a literal: `or 1`, `and 'a'`.
    pub constant_condition: bool,
    pub bare: u16,
    pub literals: u16,
    pub variables: u16,
    /// Calls of functions that SQL knows.
    pub functions: u16,
    /// Those of them whose name is no ordinary word.
    pub telling_functions: u16,
    /// Calls of functions that tell about the server, and its variables without brackets.
    pub info: u16,
    pub calls: u16,
    pub selects: u16,
    pub froms: u16,
    pub cases: u16,
    pub whens: u16,
    /// Brackets closed that were not opened here.
    pub closes: u16,
    pub brackets: u16,
    /// Strings that follow an operand without an operator.
    pub adjacent: u16,
    pub commas: u16,
    /// ORDER BY, GROUP BY, HAVING or PROCEDURE, outside of a SELECT of its own.
    pub clause: bool,
    pub unions: u16,
    /// Words that only SQL has as operators: LIKE, DIV, IS, XOR.
    pub word_operators: u16,
    /// First byte after what was read.
    pub end: usize,
    /// Tokens read.
    pub read: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Operand,
    Operator,
}

/// What stands on the left while an expression grows.
#[derive(Default, Clone, Copy)]
struct Frame {
    /// A comparison waits for its right side; whether its left side is constant.
    compared: Option<bool>,
    /// A computation waits for its right side; whether its left side is constant.
    carried: Option<bool>,
    /// The operand read last is constant.
    constant: bool,
    /// A condition began and holds nothing but this operand so far.
    alone: bool,
    /// The bracket belongs to a call.
    called: bool,
    selected: bool,
}

struct Machine {
    need: Need,
    frame: Frame,
    stack: Vec<Frame>,
    shape: Shape,
    aliases: u16,
    /// The bracket that comes next belongs to a call.
    calls: bool,
    /// BETWEEN waits for its AND.
    between: bool,
    /// SELECT has just been read.
    selecting: bool,
    /// The token before was a comparison, so that `=` may be repeated or a sign may follow.
    after_compare: bool,
}

/// Reads tokens as the continuation of a statement.
pub fn shape(tokens: &[Token]) -> Shape {
    let mut machine = Machine {
        need: Need::Operand,
        frame: Frame::default(),
        stack: Vec::new(),
        shape: Shape::default(),
        aliases: 0,
        calls: false,
        between: false,
        selecting: false,
        after_compare: false,
    };
    if let Some(first) = tokens.first()
        && continues(first.kind)
    {
        machine.need = Need::Operator;
    }
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|t| t.kind);
        let step = machine.step(token.kind, next);
        if step == Step::Stop {
            return machine.shape;
        }
        machine.shape.end = token.span.end;
        machine.shape.read = at + 1;
        if step == Step::Done {
            machine.shape.complete = machine.need == Need::Operator;
            machine.settle();
            return machine.shape;
        }
    }
    machine.shape.complete = machine.need == Need::Operator;
    machine.settle();
    machine.shape
}

/// Whether a value that begins like this goes on from an operand of the host.
fn continues(kind: Kind) -> bool {
    match kind {
        Kind::Compare | Kind::Logic | Kind::Close | Kind::Comma | Kind::Semicolon => true,
        Kind::Word(word) => matches!(
            word,
            Word::Logic
                | Word::Compare
                | Word::Between
                | Word::Is
                | Word::Union
                | Word::Where
                | Word::Having
                | Word::Order
                | Word::Group
                | Word::Limit
                | Word::Into
                | Word::Procedure
        ),
        Kind::Tail
        | Kind::Text { .. }
        | Kind::Number
        | Kind::Variable
        | Kind::Name
        | Kind::Math
        | Kind::Prefix
        | Kind::Open
        | Kind::Dot
        | Kind::Comment { .. }
        | Kind::Other => false,
    }
}

fn bump(count: &mut u16) {
    *count = count.saturating_add(1);
}

#[derive(PartialEq, Eq)]
enum Step {
    On,
    /// The value ends here for the server.
    Done,
    /// This token cannot follow.
    Stop,
}

impl Machine {
    fn step(&mut self, kind: Kind, next: Option<Kind>) -> Step {
        if let Kind::Comment { cut, .. } = kind {
            self.shape.cut = cut;
            return if cut { Step::Done } else { Step::On };
        }
        let after_compare = std::mem::replace(&mut self.after_compare, false);
        match self.need {
            Need::Operand => self.operand(kind, next, after_compare),
            Need::Operator => self.operator(kind, next),
        }
    }
}
