//! Messages with an idempotency key are handled once; duplicates get the same answer. Spec: router section 9,
//! appendix C.
//!
//! The memory is that of this process only. A killed process loses it, and other replicas never have it: a call that
//! dies with its process may be executed again elsewhere.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use squall_platform::OwnedTask;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::{Error, Payload};

pub(crate) type Answer = Result<Option<Payload>, Error>;

/// The maximum number of bytes of kept answers, beside the limit on their number.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// A destination and an idempotency key.
pub(crate) type Key = (Arc<str>, Arc<str>);

/// Messages in progress, and the answers of recent ones.
pub(crate) struct Duplicates {
    window: Duration,
    answers_max: usize,
    memory: Mutex<Memory>,
    /// Runs while there are answers: see [`forgetting`].
    forgetter: Mutex<Option<OwnedTask>>,
}

#[derive(Default)]
struct Memory {
    entries: IndexMap<Key, Entry>,
    /// The answers, oldest first.
    answered: VecDeque<(Instant, Key)>,
    bytes: usize,
    /// A task is running that removes them.
    is_kept: bool,
}

enum Entry {
    /// In progress; duplicates wait for the answer.
    Handling(Vec<oneshot::Sender<Answer>>),
    Answered(Answer),
}

/// What to do with a message.
pub(crate) enum Turn<'d> {
    /// Handle it, and report the result.
    Handle(Handling<'d>),
    /// It is in progress. If that is cancelled, nothing is received: then ask again.
    Wait(oneshot::Receiver<Answer>),
    /// It was handled already.
    Answered(Answer),
}

/// The only execution of a message. If it is dropped without an answer, the next waiter takes over.
pub(crate) struct Handling<'d> {
    duplicates: &'d Duplicates,
    key: Option<Key>,
}

impl Duplicates {
    pub(crate) fn new(window: Duration, answers_max: usize) -> Self {
        Duplicates {
            window,
            answers_max,
            memory: Mutex::default(),
            forgetter: Mutex::default(),
        }
    }

    /// Keeps the task that runs [`forgetting`], which ends with this.
    pub(crate) fn kept_by(&self, task: OwnedTask) {
        let before = self
            .forgetter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(task);
        drop(before);
    }

    /// Removes expired answers and returns when to do so again; `None` when no answer is left. It runs a little late,
    /// not once per answer: a lookup in between ignores expired answers.
    pub(crate) fn forget(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut memory = self.lock();
        memory.forget(now, self.answers_max);
        match memory.answered.front() {
            Some((until, _)) => Some(crate::message::after(now, self.window / 8).max(*until)),
            None => {
                memory.is_kept = false;
                // Also frees the memory of the table.
                memory.answered = VecDeque::new();
                memory.entries.shrink_to_fit();
                None
            }
        }
    }

    pub(crate) fn enter(&self, key: &Key) -> Turn<'_> {
        let mut memory = self.lock();
        memory.forget(Instant::now(), self.answers_max);
        match memory.entries.get_mut(key) {
            Some(Entry::Answered(answer)) => Turn::Answered(answer.clone()),
            Some(Entry::Handling(waiting)) => {
                let (waiter, answer) = oneshot::channel();
                waiting.retain(|waiter| !waiter.is_closed());
                waiting.push(waiter);
                Turn::Wait(answer)
            }
            None => {
                memory.entries.insert(key.clone(), Entry::Handling(Vec::new()));
                Turn::Handle(Handling {
                    duplicates: self,
                    key: Some(key.clone()),
                })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes expired answers, even without further lookups, until none is left or `duplicates` is dropped.
pub(crate) async fn forgetting(duplicates: impl Fn() -> Option<Instant>) {
    while let Some(next) = duplicates() {
        sleep_until(next).await;
    }
}

impl Memory {
    /// Drops answers that are expired, or beyond the limits.
    fn forget(&mut self, now: Instant, answers_max: usize) {
        while let Some((until, _)) = self.answered.front() {
            if now < *until && self.answered.len() <= answers_max && self.bytes <= BYTES_MAX {
                break;
            }
            let Some((_, key)) = self.answered.pop_front() else {
                break;
            };
            if let Some(Entry::Answered(answer)) = self.entries.swap_remove(&key) {
                self.bytes -= bytes(&key, &answer);
            }
        }
    }
}

impl Handling<'_> {
    /// All waiters get the same answer, and so do duplicates within the window. Exceptions: the execution was cut
    /// off, or its component calls the error retryable. Then the next waiter executes the message.
    ///
    /// True when the caller has to start [`forgetting`].
    #[must_use]
    pub(crate) fn ended(mut self, answer: &Answer) -> bool {
        let again = match answer {
            Ok(_) => false,
            Err(error) => matches!(error, Error::Cancelled { .. }) || error.retryable() == Some(true),
        };
        if again {
            return false;
        }
        let Some(key) = self.key.take() else {
            return false;
        };
        // Before the lock is taken, because it may take long.
        let kept = match answer {
            Ok(value) => Ok(value.as_ref().map(Payload::detached)),
            Err(error) => Err(error.clone()),
        };
        let duplicates = self.duplicates;
        let mut memory = duplicates.lock();
        let now = Instant::now();
        memory.bytes += bytes(&key, answer);
        memory
            .answered
            .push_back((crate::message::after(now, duplicates.window), key.clone()));
        let before = memory.entries.insert(key, Entry::Answered(kept));
        memory.forget(now, duplicates.answers_max);
        let is_kept = std::mem::replace(&mut memory.is_kept, true);
        drop(memory);
        if let Some(Entry::Handling(waiting)) = before {
            for waiter in waiting {
                // A waiter that has given up needs no answer.
                drop(waiter.send(answer.clone()));
            }
        }
        !is_kept
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waiting = self.duplicates.lock().entries.swap_remove(&key);
            // Waiters wake up without an answer, and ask again in their order.
            drop(waiting);
        }
    }
}

fn bytes((to, key): &Key, answer: &Answer) -> usize {
    let said = match answer {
        Ok(value) => value.as_ref().map_or(0, Payload::len),
        Err(error) => error.message().len(),
    };
    to.len() + key.len() + said
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn key(text: &str) -> Key {
        ("node.in".into(), text.into())
    }

    fn value(text: &str) -> Answer {
        Ok(Some(Payload::new(text.to_owned(), crate::ContentType::Json)))
    }

    fn handled(duplicates: &Duplicates, text: &str, answer: &Answer) {
        match duplicates.enter(&key(text)) {
            Turn::Handle(handling) => {
                let _ = handling.ended(answer);
            }
            Turn::Wait(_) | Turn::Answered(_) => panic!("{text} is new"),
        }
    }

    fn is_known(duplicates: &Duplicates, text: &str) -> bool {
        matches!(duplicates.enter(&key(text)), Turn::Answered(_))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_remembered_for_the_window_and_no_longer() {
        let duplicates = Duplicates::new(Duration::from_secs(120), 10);
        handled(&duplicates, "k", &value("1"));
        tokio::time::advance(Duration::from_secs(120) - Duration::from_nanos(1)).await;
        assert!(is_known(&duplicates, "k"));
        tokio::time::advance(Duration::from_nanos(1)).await;
        assert!(!is_known(&duplicates, "k"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_answer_goes_when_there_are_too_many() {
        let duplicates = Duplicates::new(Duration::from_secs(120), 2);
        for text in ["a", "b", "c"] {
            handled(&duplicates, text, &value("1"));
        }
        assert!(is_known(&duplicates, "b") && is_known(&duplicates, "c"));
        assert!(!is_known(&duplicates, "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_answers_go_when_they_are_too_large() {
        let duplicates = Duplicates::new(Duration::from_secs(120), 100);
        let large = value(&"1".repeat(BYTES_MAX / 2));
        for text in ["a", "b"] {
            handled(&duplicates, text, &large);
        }
        assert!(is_known(&duplicates, "b") && !is_known(&duplicates, "a"));
        assert!(duplicates.lock().bytes <= BYTES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_request_does_not_keep_the_whole() {
        struct Request {
            bytes: Vec<u8>,
            _kept: Arc<()>,
        }
        impl AsRef<[u8]> for Request {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        let duplicates = Duplicates::new(Duration::from_secs(120), 10);
        let kept = Arc::new(());
        let request = bytes::Bytes::from_owner(Request {
            bytes: b"a long request".to_vec(),
            _kept: Arc::clone(&kept),
        });
        let part = Payload::new(request.slice(2..6), crate::ContentType::Json);
        drop(request);
        handled(&duplicates, "k", &Ok(Some(part)));
        assert_eq!(Arc::strong_count(&kept), 1, "the request is still there");
        match duplicates.enter(&key("k")) {
            Turn::Answered(Ok(Some(answer))) => assert_eq!(&**answer.bytes(), b"long"),
            _ => panic!("it was answered"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_forgotten_though_nobody_asks_any_more() {
        let duplicates = Arc::new(Duplicates::new(Duration::from_secs(120), 10));
        let answer = |text: &str| match duplicates.enter(&key(text)) {
            Turn::Handle(handling) => handling.ended(&value("1")),
            Turn::Wait(_) | Turn::Answered(_) => panic!("{text} is new"),
        };
        assert!(answer("a"), "the first one needs somebody");
        assert!(!answer("b"), "one is enough");
        let weak = Arc::downgrade(&duplicates);
        let mut forgetter = pin!(forgetting(move || weak.upgrade()?.forget()));
        let mut runs_for = async |seconds| {
            let time = Duration::from_secs(seconds);
            tokio::time::timeout(time, forgetter.as_mut()).await.is_err()
        };
        assert!(runs_for(60).await);
        assert!(!answer("c"));
        assert!(runs_for(61).await);
        assert_eq!(duplicates.lock().entries.len(), 1, "the last one is not old");
        assert!(!runs_for(75).await, "it ends when nothing is left");
        assert_eq!(duplicates.lock().entries.len(), 0);
        assert_eq!(duplicates.lock().bytes, 0);
        assert!(answer("d"), "it begins anew");

        let weak = Arc::downgrade(&duplicates);
        let forgetter = forgetting(move || weak.upgrade()?.forget());
        drop(duplicates);
        forgetter.await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_forgets_everything_counts_no_bytes() {
        let duplicates = Duplicates::new(Duration::from_secs(1), 100);
        for text in ["a", "b", "c"] {
            handled(&duplicates, text, &value("12345"));
        }
        assert!(duplicates.lock().bytes > 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        handled(&duplicates, "d", &Ok(None));
        let memory = duplicates.lock();
        assert_eq!(
            (memory.bytes, memory.entries.len(), memory.answered.len()),
            (8, 1, 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_answer_or_the_turn() {
        let duplicates = Duplicates::new(Duration::from_secs(120), 10);
        let Turn::Handle(first) = duplicates.enter(&key("k")) else {
            panic!("it is new")
        };
        let (Turn::Wait(second), Turn::Wait(third)) =
            (duplicates.enter(&key("k")), duplicates.enter(&key("k")))
        else {
            panic!("it is being handled")
        };
        drop(first);
        second.await.expect_err("it was cancelled");
        third.await.expect_err("it was cancelled");
        let Turn::Handle(second) = duplicates.enter(&key("k")) else {
            panic!("its turn")
        };
        let Turn::Wait(third) = duplicates.enter(&key("k")) else {
            panic!("in line")
        };
        assert!(second.ended(&value("1")));
        assert_eq!(third.await.unwrap().unwrap(), value("1").unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_remembered_unless_it_may_be_tried_again() {
        let duplicates = Duplicates::new(Duration::from_secs(120), 10);
        let error = |retryable| -> Answer {
            let error = crate::ComponentError::new("no");
            Err(match retryable {
                None => error,
                Some(mark) => error.retryable(mark),
            }
            .into())
        };
        for (text, mark, known) in [
            ("plain", None, true),
            ("never", Some(false), true),
            ("soon", Some(true), false),
        ] {
            handled(&duplicates, text, &error(mark));
            assert_eq!(is_known(&duplicates, text), known, "{text}");
        }
    }
}
