//! The answers to messages with an id, for those that arrive again. Spec: cluster W5.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

use crate::Delivered;

/// The ids of an actor's messages: of those in its mailbox, and of the last ones that it has handled.
#[derive(Debug)]
pub(crate) struct Window {
    entries: BTreeMap<String, Entry>,
    /// The answered ones, oldest first.
    answered: VecDeque<String>,
    limit: usize,
}

#[derive(Debug)]
enum Entry {
    /// Not yet handled; these wait for the answer.
    Pending(Vec<oneshot::Sender<Delivered>>),
    Answered(Delivered),
}

/// What is known of an id.
pub(crate) enum Known {
    Answered(Delivered),
    Pending(oneshot::Receiver<Delivered>),
}

impl Window {
    /// Remembers `limit` answers.
    pub(crate) fn new(limit: usize) -> Self {
        Window {
            entries: BTreeMap::new(),
            answered: VecDeque::new(),
            limit,
        }
    }

    /// What is known of a message; with one that is not yet handled, its answer is awaited.
    pub(crate) fn find(&mut self, id: &str) -> Option<Known> {
        match self.entries.get_mut(id)? {
            Entry::Answered(answer) => Some(Known::Answered(answer.clone())),
            Entry::Pending(waiting) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Some(Known::Pending(receiver))
            }
        }
    }

    /// A new message.
    pub(crate) fn begin(&mut self, id: String) -> oneshot::Receiver<Delivered> {
        let (sender, receiver) = oneshot::channel();
        self.entries.insert(id, Entry::Pending(vec![sender]));
        receiver
    }

    /// A message is answered: returns those who wait for it. A message that no actor took is forgotten, since another
    /// attempt may find one.
    pub(crate) fn answer(&mut self, id: &str, answer: &Delivered) -> Vec<oneshot::Sender<Delivered>> {
        let waiting = match self.entries.remove(id) {
            Some(Entry::Pending(waiting)) => waiting,
            _ => Vec::new(),
        };
        if answer.delivered {
            self.entries
                .insert(id.to_owned(), Entry::Answered(answer.clone()));
            self.answered.push_back(id.to_owned());
            if self.answered.len() > self.limit
                && let Some(oldest) = self.answered.pop_front()
            {
                self.entries.remove(&oldest);
            }
        }
        waiting
    }
}
