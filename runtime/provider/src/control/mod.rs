//! The control plane: one stream for each provider, with its heartbeats, and what the manager has to say. Spec:
//! provider 2.7.
//!
//! | subject | file |
//! |---|---|
//! | what goes out: the one writer of a stream | `outbox` |
//! | what comes in: whom a stream belongs to, and what its messages mean | `session` |
//! | what happens by itself: timeouts and reports | `loops` |

mod loops;
mod outbox;
mod session;

pub(crate) use loops::{check, report};
pub(crate) use outbox::Outbox;
pub(crate) use session::open;
