//! Detects a client that does not take its responses.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep};

use super::ledger::{Account, Refusal};
use super::limits::TAKEN_MIN;

/// The check of one client's progress.
///
/// ```text
///              answers wait                  it has taken enough, or all
///   Asleep ------------------> Watching ------------------------------------> Asleep, or Watching
///                                 |
///                                 '------ not within the limit ------------> over
/// ```
#[derive(Default)]
pub(super) struct Taking {
    /// Created on demand: most clients take their responses at once.
    timer: Option<Pin<Box<Sleep>>>,
    is_watching: bool,
    /// The number of taken bytes when the check began.
    taken: u64,
    /// The number of pending bytes that have to be taken.
    due: u64,
}

impl Taking {
    /// Ready when the client has not taken enough for too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, account: &Account) -> Poll<()> {
        if !self.is_watching && account.unsent() == 0 {
            return Poll::Pending;
        }
        let limit = account.limits().take;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        let mut begins = !self.is_watching;
        while begins || timer.as_mut().poll(context).is_ready() {
            let unsent = account.unsent();
            let taken = account.taken().wrapping_sub(self.taken);
            if !begins && unsent > 0 && taken < self.due {
                let why = format_args!(
                    "a connection was closed: its peer has taken {taken} bytes of its answers in {limit:?}, and {unsent} \
                     wait (limit take)"
                );
                account.refuse(Refusal::Take, why);
                return Poll::Ready(());
            }
            self.is_watching = unsent > 0;
            if !self.is_watching {
                return Poll::Pending;
            }
            self.taken = account.taken();
            self.due = TAKEN_MIN.min(unsent as u64);
            timer.as_mut().reset(Instant::now() + limit);
            begins = false;
        }
        Poll::Pending
    }
}
