//! Exit codes: one table, also printed by `checkrein decide --help`.

use std::process::ExitCode;

use action::Verdict;
use ledger::verify::Outcome;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success,
    /// A check or a test found something; what it was stands in the output.
    Found,
    /// The input or the rules cannot be read.
    BadInput,
    Verdict(Verdict),
    /// What a verification came to.
    Verified(Outcome),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Found => 1,
            Exit::BadInput => 3,
            Exit::Verified(outcome) => outcome as u8,
            Exit::Verdict(Verdict::Allow | Verdict::Alert) => 0,
            Exit::Verdict(Verdict::Constrain) => 10,
            Exit::Verdict(Verdict::Sandbox) => 11,
            Exit::Verdict(Verdict::Approve) => 12,
            Exit::Verdict(Verdict::Block) => 13,
        })
    }
}

/// Prints an error with its causes, outermost first.
pub fn report(error: &anyhow::Error) -> ExitCode {
    // A reader that has seen enough, such as `head`, is no error.
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return Exit::Success.into();
    }
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    Exit::BadInput.into()
}

/// What is said about a panic: where, and nothing else. The usual message may quote the text that
/// was being read, for example when a string is cut in the middle of a character.
pub fn panic_note(place: Option<&std::panic::Location<'_>>) -> String {
    match place {
        Some(place) => format!("internal fault at {}:{}", place.file(), place.line()),
        None => "internal fault".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let place = std::panic::Location::caller();
        assert_eq!(panic_note(Some(place)), format!("internal fault at {}:{}", file!(), place.line()));
    }
}
