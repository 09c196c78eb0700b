//! The engines, one table. Each turns policies and calls into its own types and then only judges.

mod cedar;
pub mod checkrein;
mod opa;

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;
use crate::calls::Call;
use crate::policies::Set;

/// One engine of the comparison.
pub struct Engine {
    pub name: &'static str,
    /// Whether it looks at more than the rules of the set, and so may block more.
    pub may_be_stricter: bool,
    /// What it had to be helped with, if anything.
    pub remark: &'static str,
    pub make: Make,
    pub load_and_first: fn(Set, &[Call]) -> Result<Duration>,
}

/// Loads the policies and makes the inputs.
type Make = fn(Set, &[Call]) -> Result<Box<dyn Judge>>;

/// Every engine; the first is what the others are compared with.
pub const ENGINES: &[Engine] = &[
    row::<checkrein::Native>(
        "checkrein, native rules",
        "the roles of an agent are facts that come with the call; nothing looks them up",
    ),
    row::<checkrein::Rego>("checkrein, rego module", "builds the input of the module while the clock runs"),
    row::<opa::Bytecode>("regorus, byte code", "one machine for all calls, input made beforehand"),
    row::<opa::Interpreter>("regorus, interpreter", "input made beforehand"),
    row::<cedar::Cedar>(
        "cedar",
        "no regular expressions: told beforehand whether the body holds a number; request made beforehand",
    ),
    Engine {
        may_be_stricter: true,
        ..row::<checkrein::Whole>(
            "checkrein, decide whole",
            "twelve vectors, seven dimensions, native rules beside the shipped default pack, explanation",
        )
    },
];

/// What an engine does, in its own types.
trait Peer: Sized + 'static {
    type Input;

    /// The policies as text.
    fn policy(set: Set) -> String;

    /// Everything that is done once.
    fn load(set: Set, policy: &str) -> Result<Self>;

    fn input(set: Set, call: &Call) -> Result<Self::Input>;

    fn blocks(&mut self, input: &Self::Input) -> Result<bool>;
}

/// An engine with its policies loaded and its inputs made.
pub trait Judge {
    fn blocks(&mut self, at: usize) -> Result<bool>;
}

struct Ready<P: Peer> {
    peer: P,
    inputs: Vec<P::Input>,
}

impl<P: Peer> Judge for Ready<P> {
    fn blocks(&mut self, at: usize) -> Result<bool> {
        self.peer.blocks(black_box(&self.inputs[at]))
    }
}

const fn row<P: Peer>(name: &'static str, remark: &'static str) -> Engine {
    Engine { name, may_be_stricter: false, remark, make: make::<P>, load_and_first: load_and_first::<P> }
}

fn make<P: Peer>(set: Set, calls: &[Call]) -> Result<Box<dyn Judge>> {
    let peer = P::load(set, &P::policy(set))?;
    let inputs = calls.iter().map(|call| P::input(set, call)).collect::<Result<_>>()?;
    Ok(Box::new(Ready { peer, inputs }))
}

/// From the text of the policies to the first answer.
fn load_and_first<P: Peer>(set: Set, calls: &[Call]) -> Result<Duration> {
    let policy = P::policy(set);
    let first = P::input(set, calls.first().ok_or("no calls")?)?;
    let start = Instant::now();
    let mut peer = P::load(set, &policy)?;
    black_box(peer.blocks(&first)?);
    Ok(start.elapsed())
}
