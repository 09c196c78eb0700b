//! What a token means where an operand must follow.

use super::{Machine, Need, Step, bump};
use crate::detect::sql::token::Kind;
use crate::detect::sql::words::Word;

impl Machine {
    pub(super) fn operand(&mut self, kind: Kind, next: Option<Kind>, after_compare: bool) -> Step {
        let opens = next == Some(Kind::Open);
        let selecting = std::mem::take(&mut self.selecting);
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
            Kind::Close if selecting => Step::Stop,
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
                    self.selecting = true;
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
                | Word::Between
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
}
