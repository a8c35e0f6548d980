//! The messages of one actor: accepted in order, taken one by one, each answered once.
//!
//! A mailbox outlives an incarnation of its actor, so that a repeated message is answered as the first time. It is open
//! for one incarnation at a time; when it is closed, its messages are answered with "nobody".

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::window::{Known, Window};
use crate::{ActorRef, BoxError, ChildEnd, Delivered};

/// A message.
pub(crate) enum Message<E> {
    Event {
        event: E,
        sender: Option<ActorRef>,
    },
    Child(ChildEnd),
    /// For the actor's state, at this time.
    Snapshot(SystemTime, oneshot::Sender<Result<Option<Value>, BoxError>>),
}

/// Who hears of the answer.
pub(crate) enum Ticket {
    Nobody,
    Caller(oneshot::Sender<Delivered>),
    /// Those who wait in the window, under this id.
    Id(String),
}

impl Ticket {
    /// The id of the message.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Ticket::Id(id) => Some(id),
            Ticket::Nobody | Ticket::Caller(_) => None,
        }
    }
}

/// A message in a mailbox.
pub(crate) struct Envelope<E> {
    pub(crate) message: Message<E>,
    pub(crate) ticket: Ticket,
}

/// What became of a message that was given to a mailbox.
pub(crate) enum Posted {
    /// It is accepted. The answer follows.
    Accepted(oneshot::Receiver<Delivered>),
    /// It was answered before.
    Answered(Delivered),
    /// No actor runs.
    Closed,
    /// There is no room.
    Full,
}

/// The messages of one actor.
pub(crate) struct Mailbox<E> {
    state: Mutex<State<E>>,
    changed: Notify,
    limit: usize,
}

struct State<E> {
    queue: VecDeque<Envelope<E>>,
    /// Taken, but not yet answered.
    in_hand: usize,
    /// All that were ever accepted.
    accepted: u64,
    /// The incarnation that takes from here.
    open_for: Option<u64>,
    window: Window,
}

impl<E> Mailbox<E> {
    /// Holds `limit` messages, and remembers `remembered` answers.
    pub(crate) fn new(limit: usize, remembered: usize) -> Self {
        Mailbox {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                in_hand: 0,
                accepted: 0,
                open_for: None,
                window: Window::new(remembered),
            }),
            changed: Notify::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Gives an event to the actor, whose answer is awaited.
    pub(crate) fn post(&self, event: E, message_id: Option<&str>) -> Posted {
        // Declared before the lock, and so dropped after its release where it is refused: events may have a `Drop`.
        let message = Message::Event { event, sender: None };
        let mut state = self.lock();
        match message_id.and_then(|id| state.window.find(id)) {
            Some(Known::Answered(answer)) => return Posted::Answered(answer),
            Some(Known::Pending(answer)) => return Posted::Accepted(answer),
            None => {}
        }
        if state.open_for.is_none() {
            return Posted::Closed;
        }
        if state.queue.len() >= self.limit {
            return Posted::Full;
        }
        let (ticket, answer) = match message_id {
            Some(id) => (Ticket::Id(id.to_owned()), state.window.begin(id.to_owned())),
            None => {
                let (sender, receiver) = oneshot::channel();
                (Ticket::Caller(sender), receiver)
            }
        };
        self.accept(state, Envelope { message, ticket });
        Posted::Accepted(answer)
    }

    /// Gives a message to the actor without waiting for an answer. `None`: no actor runs.
    pub(crate) fn send(&self, message: Message<E>) -> Option<Result<(), Overfull>> {
        let state = self.lock();
        state.open_for?;
        // A child ends once, and a snapshot is taken only of an idle actor: these do not fill a mailbox.
        if matches!(message, Message::Event { .. }) && state.queue.len() >= self.limit {
            return Some(Err(Overfull));
        }
        let ticket = Ticket::Nobody;
        self.accept(state, Envelope { message, ticket });
        Some(Ok(()))
    }

    fn accept(&self, mut state: MutexGuard<'_, State<E>>, envelope: Envelope<E>) {
        // Nothing changes by a snapshot.
        if !matches!(envelope.message, Message::Snapshot(..)) {
            state.accepted += 1;
        }
        state.queue.push_back(envelope);
        drop(state);
        self.changed.notify_waiters();
    }

    /// The next message, once there is one. `None`: the mailbox is no longer open for this incarnation.
    pub(crate) async fn take(&self, incarnation: u64) -> Option<Envelope<E>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the check: otherwise a message between the two would be missed.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.open_for != Some(incarnation) {
                    return None;
                }
                if let Some(envelope) = state.queue.pop_front() {
                    state.in_hand += 1;
                    return Some(envelope);
                }
            }
            changed.await;
        }
    }

    /// Answers a message that was taken.
    pub(crate) fn answer(&self, ticket: Ticket, answer: &Delivered) {
        let waiting = {
            let mut state = self.lock();
            state.in_hand -= 1;
            waiting(&mut state, ticket, answer)
        };
        tell(waiting, answer);
    }

    /// Opens the mailbox for a new incarnation.
    pub(crate) fn open(&self, incarnation: u64) {
        self.lock().open_for = Some(incarnation);
    }

    pub(crate) fn is_open_for(&self, incarnation: u64) -> bool {
        self.lock().open_for == Some(incarnation)
    }

    /// Accepts nothing more. What nobody took is answered with "nobody", once the caller has released its locks.
    #[must_use]
    pub(crate) fn shut(&self) -> Shut<E> {
        let shut = {
            let mut state = self.lock();
            state.open_for = None;
            let mut left = std::mem::take(&mut state.queue);
            let mut told = Vec::new();
            for envelope in &mut left {
                let ticket = std::mem::replace(&mut envelope.ticket, Ticket::Nobody);
                told.extend(waiting(&mut state, ticket, &Delivered::NOBODY));
            }
            Shut { told, _left: left }
        };
        self.changed.notify_waiters();
        shut
    }

    /// The number of messages that wait or are being handled.
    pub(crate) fn unfinished(&self) -> usize {
        let state = self.lock();
        state.queue.len() + state.in_hand
    }

    /// The number of messages that were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.lock().accepted
    }
}

/// The messages that nobody took, and those who wait for an answer to them.
pub(crate) struct Shut<E> {
    told: Vec<oneshot::Sender<Delivered>>,
    _left: VecDeque<Envelope<E>>,
}

impl<E> Shut<E> {
    pub(crate) fn tell(self) {
        tell(self.told, &Delivered::NOBODY);
    }
}

/// There is no room for a message.
#[derive(Debug)]
pub(crate) struct Overfull;

/// Those who wait for the answer to a message.
fn waiting<E>(state: &mut State<E>, ticket: Ticket, answer: &Delivered) -> Vec<oneshot::Sender<Delivered>> {
    match ticket {
        Ticket::Nobody => Vec::new(),
        Ticket::Caller(sender) => vec![sender],
        Ticket::Id(id) => state.window.answer(&id, answer),
    }
}

fn tell(waiting: Vec<oneshot::Sender<Delivered>>, answer: &Delivered) {
    for sender in waiting {
        // One who no longer waits does not listen.
        drop(sender.send(answer.clone()));
    }
}
