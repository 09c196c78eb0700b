//! A thread of its own for one classifier, and a caller that never waits longer than it said.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::clock::Deadline;

/// Windows of one question that a classifier is asked about; what lies behind them is unread.
pub const MAX_WINDOWS: usize = 64;

/// A loaded classifier.
pub trait Classifier {
    /// Cuts a text into what the classifier can take at once, at most `most` windows.
    fn windows(&self, text: &str, most: usize) -> Windows;
    /// How likely one window holds an attack, in per cent.
    fn look(&self, window: &[i64]) -> Result<u8>;
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Windows {
    pub tokens: Vec<Vec<i64>>,
    /// Whether the windows hold the whole text.
    pub whole: bool,
}

/// What came back in time.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The greatest likelihood of all windows, in per cent, and whether everything was read.
    Likelihood {
        percent: u8,
        whole: bool,
    },
    Late,
    Failed(String),
}

struct Question {
    texts: Vec<String>,
    deadline: Deadline,
    answer: SyncSender<Answer>,
}

/// The caller's end. The thread ends with it.
pub struct Worker {
    questions: SyncSender<Question>,
}

impl Worker {
    /// Starts the thread and waits until the classifier is loaded: loading is no part of a
    /// question and has no deadline.
    pub fn start<C: Classifier>(load: impl FnOnce() -> Result<C> + Send + 'static) -> Result<Self> {
        // One question may wait while the thread is still at a late one; the next is refused.
        let (questions, asked) = sync_channel(1);
        let (tell, loaded) = sync_channel(1);
        let body = move || match load() {
            Ok(classifier) => {
                if tell.send(Ok(())).is_ok() {
                    serve(&classifier, &asked);
                }
            }
            // Nobody to tell means nobody to judge for.
            Err(error) => drop(tell.send(Err(error))),
        };
        std::thread::Builder::new()
            .name("judge".to_owned())
            .spawn(body)
            .context("cannot start the judge's thread")?;
        match loaded.recv() {
            Ok(outcome) => outcome.map(|()| Worker { questions }),
            Err(_) => Err(anyhow!("the files crash the reader of models")),
        }
    }

    /// Asks about the texts together. Comes back by the deadline, whatever the classifier does.
    pub fn ask(&self, texts: Vec<String>, within: Duration) -> Answer {
        let (answer, answered) = sync_channel(1);
        let deadline = Deadline::after(within);
        match self.questions.try_send(Question { texts, deadline, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Answer::Late,
            Err(TrySendError::Disconnected(_)) => return ended(),
        }
        match answered.recv_timeout(within) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Answer::Late,
            Err(RecvTimeoutError::Disconnected) => ended(),
        }
    }
}

fn ended() -> Answer {
    Answer::Failed("the judge's thread has ended".to_owned())
}

fn serve(classifier: &impl Classifier, asked: &Receiver<Question>) {
    while let Ok(question) = asked.recv() {
        let answer = answer(classifier, &question);
        // A caller that stopped waiting has its answer already: late.
        drop(question.answer.try_send(answer));
    }
}

fn answer(classifier: &impl Classifier, question: &Question) -> Answer {
    let mut percent = 0;
    let mut whole = true;
    let mut left = MAX_WINDOWS;
    for text in &question.texts {
        if question.deadline.passed() {
            return Answer::Late;
        }
        let windows = classifier.windows(text, left);
        left = left.saturating_sub(windows.tokens.len());
        whole &= windows.whole;
        for window in &windows.tokens {
            if question.deadline.passed() {
                return Answer::Late;
            }
            match classifier.look(window) {
                Ok(likelihood) => percent = percent.max(likelihood),
                Err(error) => return Answer::Failed(format!("{error:#}")),
            }
        }
    }
    Answer::Likelihood { percent, whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_secs(20);

    /// A letter is a window; its likelihood is 90 for `x`, 10 for any other, and `!` fails.
    struct Letters;

    impl Classifier for Letters {
        fn windows(&self, text: &str, most: usize) -> Windows {
            let tokens = text.bytes().take(most).map(|byte| vec![i64::from(byte)]).collect();
            Windows { tokens, whole: text.len() <= most }
        }

        fn look(&self, window: &[i64]) -> Result<u8> {
            match window.first().and_then(|letter| u8::try_from(*letter).ok()) {
                Some(b'!') => Err(anyhow!("no such letter")),
                Some(b'#') => panic!("a crash inside the classifier"),
                Some(b'x') => Ok(90),
                _ => Ok(10),
            }
        }
    }

    fn ask(texts: &[&str]) -> Answer {
        let worker = Worker::start(|| Ok(Letters)).unwrap();
        worker.ask(texts.iter().map(|text| (*text).to_owned()).collect(), LONG)
    }

    #[test]
    fn the_surest_window_of_all_texts_answers() {
        assert_eq!(ask(&["abc", "axc", "a"]), Answer::Likelihood { percent: 90, whole: true });
        assert_eq!(ask(&["abc"]), Answer::Likelihood { percent: 10, whole: true });
        assert_eq!(ask(&[]), Answer::Likelihood { percent: 0, whole: true });
    }

    #[test]
    fn text_beyond_the_windows_is_told_as_unread() {
        let (most, more) = ("a".repeat(MAX_WINDOWS), "a".repeat(MAX_WINDOWS) + "x");
        assert_eq!(ask(&[&most]), Answer::Likelihood { percent: 10, whole: true });
        assert_eq!(ask(&[&more]), Answer::Likelihood { percent: 10, whole: false });
        assert_eq!(ask(&[&most, "x"]), Answer::Likelihood { percent: 10, whole: false });
    }

    #[test]
    fn a_failure_and_a_crash_are_told_and_never_read_as_clean() {
        assert_eq!(ask(&["a!x"]), Answer::Failed("no such letter".to_owned()));
        assert_eq!(ask(&["#"]), ended());
        let refused = Worker::start(|| Err::<Letters, _>(anyhow!("no file")));
        assert_eq!(refused.err().unwrap().to_string(), "no file");
    }

    #[test]
    fn without_time_the_answer_is_late() {
        let worker = Worker::start(|| Ok(Letters)).unwrap();
        for _ in 0..50 {
            assert_eq!(worker.ask(vec!["a".to_owned()], Duration::ZERO), Answer::Late);
        }
    }

    /// Looks for as long as nobody opens the gate.
    struct Gated(std::sync::mpsc::Receiver<()>);

    impl Classifier for Gated {
        fn windows(&self, _: &str, _: usize) -> Windows {
            Windows { tokens: vec![vec![0]], whole: true }
        }

        fn look(&self, _: &[i64]) -> Result<u8> {
            self.0.recv().map(|()| 10).map_err(|_| anyhow!("the gate is gone"))
        }
    }

    #[test]
    fn a_caller_leaves_a_slow_classifier_in_time_and_is_served_again_later() {
        let (open, gate) = channel();
        let worker = Worker::start(move || Ok(Gated(gate))).unwrap();
        let ask = |within| worker.ask(vec!["a".to_owned()], within);
        assert_eq!(ask(Duration::from_millis(5)), Answer::Late);
        assert_eq!(ask(Duration::from_millis(5)), Answer::Late);
        open.send(()).unwrap();
        open.send(()).unwrap();
        // The second question may still lie in the queue, where it is thrown away as late.
        let limit = Deadline::after(LONG);
        let mut last = Answer::Late;
        while last == Answer::Late && !limit.passed() {
            last = ask(LONG);
        }
        assert_eq!(last, Answer::Likelihood { percent: 10, whole: true });
    }
}
