//! What a token means where an operator may follow.

use super::{Machine, Need, Step, bump};
use crate::detect::sql::token::Kind;
use crate::detect::sql::words::Word;

impl Machine {
    pub(super) fn operator(&mut self, kind: Kind, next: Option<Kind>) -> Step {
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

    pub(super) fn operator_word(&mut self, word: Word) -> Step {
        match word {
            Word::Logic => self.join(),
            Word::Compare | Word::Is => {
                bump(&mut self.shape.word_operators);
                self.compare()
            }
            Word::Between => {
                bump(&mut self.shape.word_operators);
                self.between = true;
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

    pub(super) fn in_select(&self) -> bool {
        self.shape.selects > 0
    }
}
