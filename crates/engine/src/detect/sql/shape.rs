//! The shape of a value: how far it reads on as SQL, and what it says on the way.
//!
//! A flat machine with two states, "an operand must follow" and "an operator may follow", and a
//! stack of open brackets. It reads each token once. Prose falls out of it at the second word, as
//! no dialect lets two bare names stand side by side outside a SELECT.

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
        after_compare: false,
    };
    if let Some(first) = tokens.first()
        && continues(first.kind)
    {
        machine.need = Need::Operator;
        machine.frame.constant = true;
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

    fn operand(&mut self, kind: Kind, next: Option<Kind>, after_compare: bool) -> Step {
        let opens = next == Some(Kind::Open);
        match kind {
            Kind::Tail => self.have(true),
            Kind::Number => {
                bump(&mut self.shape.literals);
                self.have(true)
            }
            Kind::Text { open, .. } => {
                bump(&mut self.shape.literals);
                self.shape.reentered = open;
                self.have(true)
            }
            Kind::Variable => {
                bump(&mut self.shape.variables);
                self.have(true)
            }
            Kind::Name => self.name(opens),
            Kind::Prefix => Step::On,
            Kind::Math => Step::On,
            Kind::Compare if after_compare => Step::On,
            Kind::Open => self.open(),
            // Empty brackets: a call without arguments, or `title=()`.
            Kind::Close => self.close(),
            Kind::Word(word) => match word {
                Word::Not | Word::Prefix | Word::Quantity => {
                    if opens && word == Word::Prefix {
                        bump(&mut self.shape.word_operators);
                    }
                    Step::On
                }
                Word::Compare if after_compare => Step::On,
                // `LIKE(a, b)`, `LEFT(a, b)`: an operator's name used as a function.
                Word::Compare | Word::Is | Word::Math if opens => {
                    bump(&mut self.shape.functions);
                    self.call()
                }
                Word::Const => {
                    bump(&mut self.shape.literals);
                    self.have(true)
                }
                Word::Info => {
                    bump(&mut self.shape.info);
                    if opens { self.call() } else { self.have(true) }
                }
                Word::Function | Word::Delay | Word::Reach | Word::ErrorText if opens => {
                    bump(&mut self.shape.functions);
                    bump(&mut self.shape.telling_functions);
                    self.call()
                }
                Word::Teller if opens => {
                    bump(&mut self.shape.info);
                    self.call()
                }
                Word::CommonFunction if opens => {
                    bump(&mut self.shape.functions);
                    self.call()
                }
                Word::Verb if opens => {
                    bump(&mut self.shape.functions);
                    self.call()
                }
                Word::Select => {
                    bump(&mut self.shape.selects);
                    self.frame.selected = true;
                    self.frame.alone = false;
                    Step::On
                }
                Word::Case => {
                    bump(&mut self.shape.cases);
                    if next == Some(Kind::Word(Word::When)) {
                        self.need = Need::Operator;
                    }
                    Step::On
                }
                Word::From | Word::Where | Word::By | Word::Outfile | Word::Union => {
                    if self.shape.selects > 0 || self.shape.clause || self.shape.unions > 0 {
                        if word == Word::From {
                            bump(&mut self.shape.froms);
                        }
                        Step::On
                    } else {
                        Step::Stop
                    }
                }
                Word::Object if matches!(next, Some(Kind::Open)) => {
                    bump(&mut self.shape.info);
                    self.call()
                }
                Word::Bare
                | Word::Object
                | Word::Verb
                | Word::Catalog
                | Word::Function
                | Word::CommonFunction
                | Word::Teller
                | Word::Delay
                | Word::Reach
                | Word::ErrorText => self.name(opens),
                Word::Logic
                | Word::Compare
                | Word::Is
                | Word::Math
                | Word::Having
                | Word::Order
                | Word::Group
                | Word::Limit
                | Word::Into
                | Word::Procedure
                | Word::As
                | Word::Join
                | Word::When
                | Word::Then
                | Word::Else
                | Word::End
                | Word::Waitfor => Step::Stop,
            },
            Kind::Compare
            | Kind::Logic
            | Kind::Comma
            | Kind::Semicolon
            | Kind::Dot
            | Kind::Comment { .. }
            | Kind::Other => Step::Stop,
        }
    }

    fn operator(&mut self, kind: Kind, next: Option<Kind>) -> Step {
        match kind {
            Kind::Logic => self.join(),
            Kind::Compare => {
                bump(&mut self.shape.signs_compared);
                self.compare()
            }
            Kind::Math => self.math(),
            Kind::Comma => {
                bump(&mut self.shape.commas);
                self.settle();
                self.want()
            }
            Kind::Close => self.close(),
            Kind::Dot => {
                self.need = Need::Operand;
                Step::On
            }
            Kind::Semicolon => {
                self.shape.semicolon = true;
                Step::Done
            }
            Kind::Open if next == Some(Kind::Word(Word::Select)) => self.open(),
            Kind::Text { open, .. } => {
                bump(&mut self.shape.adjacent);
                self.shape.reentered = open;
                Step::On
            }
            Kind::Word(word) => self.operator_word(word),
            // A name after an operand is its alias, where there is a list to name things in.
            Kind::Name | Kind::Number | Kind::Variable => self.alias(),
            Kind::Open | Kind::Prefix | Kind::Tail | Kind::Other | Kind::Comment { .. } => Step::Stop,
        }
    }

    fn operator_word(&mut self, word: Word) -> Step {
        match word {
            Word::Logic => self.join(),
            Word::Compare | Word::Is => {
                bump(&mut self.shape.word_operators);
                self.compare()
            }
            Word::Math => {
                bump(&mut self.shape.word_operators);
                self.math()
            }
            Word::Not => Step::On,
            // A value that brings its own WHERE.
            Word::Where if self.shape.read == 0 || self.shape.closes > 0 => self.join(),
            // `1) from t`: the host's call is closed, and its list with it.
            Word::From if self.shape.closes > 0 => {
                bump(&mut self.shape.froms);
                self.want()
            }
            Word::Union => {
                bump(&mut self.shape.unions);
                self.want()
            }
            Word::Having => {
                self.shape.clause = true;
                self.settle();
                self.want()
            }
            Word::Order | Word::Group | Word::Limit | Word::Procedure => {
                self.shape.clause |= word != Word::Limit;
                self.settle();
                self.want()
            }
            Word::Into => self.want(),
            Word::From | Word::Where | Word::As | Word::Join if self.in_select() => {
                if word == Word::From {
                    bump(&mut self.shape.froms);
                }
                self.settle();
                self.aliases = 0;
                self.want()
            }
            // `substring(a from 2 for 2)`.
            Word::From | Word::As if self.frame.called => self.want(),
            Word::When | Word::Then | Word::Else if self.shape.cases > 0 => {
                if word == Word::When {
                    bump(&mut self.shape.whens);
                }
                self.settle();
                self.want()
            }
            Word::End if self.shape.cases > 0 => Step::On,
            Word::From
            | Word::Where
            | Word::As
            | Word::Join
            | Word::When
            | Word::Then
            | Word::Else
            | Word::End
            | Word::Select
            | Word::Quantity
            | Word::By
            | Word::Outfile
            | Word::Case
            | Word::Waitfor
            | Word::Verb
            | Word::Prefix => Step::Stop,
            Word::Const
            | Word::Info
            | Word::Object
            | Word::Delay
            | Word::Reach
            | Word::ErrorText
            | Word::Function
            | Word::CommonFunction
            | Word::Teller
            | Word::Catalog
            | Word::Bare => self.alias(),
        }
    }

    fn in_select(&self) -> bool {
        self.shape.selects > 0
    }

    fn alias(&mut self) -> Step {
        bump(&mut self.aliases);
        if self.in_select() && self.aliases <= 2 || self.frame.called && self.aliases <= 2 {
            Step::On
        } else {
            Step::Stop
        }
    }

    fn want(&mut self) -> Step {
        self.need = Need::Operand;
        self.frame.compared = None;
        self.frame.carried = None;
        self.aliases = 0;
        Step::On
    }

    fn have(&mut self, constant: bool) -> Step {
        self.need = Need::Operator;
        let constant = constant && self.frame.carried.take().unwrap_or(true);
        self.frame.constant = constant;
        if let Some(left) = self.frame.compared
            && left
            && constant
        {
            self.shape.constant_compare = true;
        }
        if !constant {
            self.frame.alone = false;
        }
        Step::On
    }

    fn name(&mut self, opens: bool) -> Step {
        if opens {
            return self.call();
        }
        bump(&mut self.shape.bare);
        self.have(false)
    }

    fn call(&mut self) -> Step {
        bump(&mut self.shape.calls);
        self.calls = true;
        Step::On
    }

    fn open(&mut self) -> Step {
        let called = std::mem::take(&mut self.calls);
        bump(&mut self.shape.brackets);
        self.stack.push(self.frame);
        self.frame = Frame { called, constant: true, ..Frame::default() };
        self.need = Need::Operand;
        self.aliases = 0;
        Step::On
    }

    fn close(&mut self) -> Step {
        let inner = self.frame;
        match self.stack.pop() {
            Some(outer) => {
                self.frame = outer;
                // What a SELECT gives is not constant; what a function makes of constants is.
                self.have(inner.constant && !inner.selected)
            }
            None => {
                bump(&mut self.shape.closes);
                self.frame = Frame { constant: true, ..Frame::default() };
                self.need = Need::Operator;
                Step::On
            }
        }
    }

    fn join(&mut self) -> Step {
        self.settle();
        bump(&mut self.shape.logic);
        self.want();
        self.frame.alone = true;
        Step::On
    }

    fn compare(&mut self) -> Step {
        bump(&mut self.shape.compare);
        let left = self.frame.constant;
        self.want();
        self.frame.alone = false;
        self.frame.compared = Some(left);
        self.after_compare = true;
        Step::On
    }

    fn math(&mut self) -> Step {
        bump(&mut self.shape.math);
        let compared = self.frame.compared;
        let carried = self.frame.constant;
        self.want();
        self.frame.compared = compared;
        self.frame.carried = Some(carried);
        Step::On
    }

    /// A condition ends here: was it a literal alone?
    fn settle(&mut self) {
        if self.frame.alone && self.need == Need::Operator && self.frame.constant {
            self.shape.constant_condition = true;
        }
        self.frame.alone = false;
    }
}
