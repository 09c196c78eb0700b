//! The moves of the machine: an operand came, an operator wants one, a bracket opens or closes.

use super::{Frame, Machine, Need, Step, bump};

impl Machine {
    pub(super) fn alias(&mut self) -> Step {
        bump(&mut self.aliases);
        if (self.in_select() || self.frame.called) && self.aliases <= 2 { Step::On } else { Step::Stop }
    }

    pub(super) fn want(&mut self) -> Step {
        self.need = Need::Operand;
        self.frame.compared = None;
        self.frame.carried = None;
        self.aliases = 0;
        Step::On
    }

    pub(super) fn have(&mut self, constant: bool) -> Step {
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

    pub(super) fn name(&mut self, opens: bool) -> Step {
        if opens {
            return self.call();
        }
        bump(&mut self.shape.bare);
        self.have(false)
    }

    pub(super) fn call(&mut self) -> Step {
        bump(&mut self.shape.calls);
        self.calls = true;
        Step::On
    }

    pub(super) fn open(&mut self) -> Step {
        let called = std::mem::take(&mut self.calls);
        bump(&mut self.shape.brackets);
        self.stack.push(self.frame);
        self.frame = Frame { called, constant: true, ..Frame::default() };
        self.need = Need::Operand;
        self.aliases = 0;
        Step::On
    }

    pub(super) fn close(&mut self) -> Step {
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

    pub(super) fn join(&mut self) -> Step {
        if std::mem::take(&mut self.between) {
            return self.want();
        }
        self.settle();
        bump(&mut self.shape.logic);
        self.want();
        self.frame.alone = true;
        Step::On
    }

    pub(super) fn compare(&mut self) -> Step {
        bump(&mut self.shape.compare);
        let left = self.frame.constant;
        self.want();
        self.frame.alone = false;
        self.frame.compared = Some(left);
        self.after_compare = true;
        Step::On
    }

    pub(super) fn math(&mut self) -> Step {
        bump(&mut self.shape.math);
        let compared = self.frame.compared;
        let carried = self.frame.constant;
        self.want();
        self.frame.compared = compared;
        self.frame.carried = Some(carried);
        Step::On
    }

    /// A condition ends here: was it a literal alone?
    pub(super) fn settle(&mut self) {
        if self.frame.alone && self.need == Need::Operator && self.frame.constant {
            self.shape.constant_condition = true;
        }
        self.frame.alone = false;
    }
}
