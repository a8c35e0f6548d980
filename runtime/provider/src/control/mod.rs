//! The control plane: one stream for each provider, with its heartbeats and the manager's messages. Spec: provider
//! 2.7.
//!
//! | subject | file |
//! |---|---|
//! | outgoing: the only writer of a stream | `outbox` |
//! | incoming: the owner of a stream, and the handling of its messages | `session` |
//! | periodic: timeouts and reports | `loops` |

mod loops;
mod outbox;
mod session;

pub(crate) use loops::{check, report};
pub(crate) use outbox::Outbox;
pub(crate) use session::open;
