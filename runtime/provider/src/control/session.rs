//! The incoming messages of one control plane.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use squall_grpc::within;
use squall_platform::{FaultPoint, OwnedTask, Platform};
use squall_proto::provider::ControlMessage;
use squall_proto::provider::control_message::Payload;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::Outbox;
use crate::events;
use crate::manager::{Manager, after};
use crate::table::{Cause, OpenError};

/// The manager's side of a control plane. When it is dropped the stream is lost, and its connection with it.
pub(crate) struct Replies {
    outbox: Arc<Outbox>,
    /// Reading continues while the provider does not read.
    _reader: OwnedTask,
}

/// Serves a control plane: incoming messages are read in a task of their own.
pub(crate) fn open<P: Platform>(manager: &Manager<P>, messages: Streaming<ControlMessage>) -> Replies {
    let outbox = Outbox::new();
    let session = Session {
        manager: manager.clone(),
        outbox: outbox.clone(),
        connection: None,
    };
    let reader = manager.platform().spawn(session.run(messages));
    Replies {
        outbox,
        _reader: reader.into(),
    }
}

impl Stream for Replies {
    type Item = Result<ControlMessage, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.outbox.poll_next(context)
    }
}

/// One stream. It belongs to the connection that its first message names. Messages for other connections are refused,
/// and end it. Spec: provider section 5, row 16; section 6, points 8 and 9.
struct Session<P: Platform> {
    manager: Manager<P>,
    outbox: Arc<Outbox>,
    /// The connection, once it is known.
    connection: Option<Arc<str>>,
}

impl<P: Platform> Session<P> {
    async fn run(mut self, mut messages: Streaming<ControlMessage>) {
        loop {
            // Yields, because a burst of messages would delay all other tasks.
            tokio::task::consume_budget().await;
            let message = tokio::select! {
                biased;
                () = self.outbox.ended() => return,
                message = self.next(&mut messages) => message,
            };
            let ended = match message {
                Ok(Some(message)) => match self.received(&message) {
                    Ok(()) => continue,
                    Err(refused) => Err(refused),
                },
                Ok(None) => Ok(()),
                Err(broken) => Err(broken),
            };
            return self.ended(ended);
        }
    }

    /// The next message. The first one has a time limit, and must come before the server ends: until then the stream
    /// has no owner that could end it.
    async fn next(&self, messages: &mut Streaming<ControlMessage>) -> Result<Option<ControlMessage>, Status> {
        if self.connection.is_some() {
            return messages.message().await;
        }
        let patience = self.manager.config().control_plane_timeout;
        tokio::select! {
            biased;
            first = within(patience, messages.message()) => {
                first.unwrap_or_else(|| Err(Status::deadline_exceeded("no message came in time")))
            }
            () = self.manager.stopped() => Err(Status::unavailable("the manager is shutting down")),
        }
    }

    /// Handles a message.
    ///
    /// # Errors
    /// The status that ends the stream.
    fn received(&mut self, message: &ControlMessage) -> Result<(), Status> {
        let connection = match &self.connection {
            None => self.bind(&message.connection_id)?,
            // Existing SDKs leave it out of a DrainAck.
            Some(own) if message.connection_id.is_empty() || message.connection_id == **own => own.clone(),
            Some(own) => {
                return Err(Status::permission_denied(format!(
                    "this control plane belongs to connection '{own}', and cannot speak for another one"
                )));
            }
        };
        match &message.payload {
            Some(Payload::Heartbeat(heartbeat)) => {
                events::heartbeat(&connection, heartbeat.timestamp);
                self.manager.metrics().heartbeat();
                self.manager
                    .change(|registry, now| registry.table.heartbeat(&connection, now));
                let point = FaultPoint::HeartbeatAck {
                    connection: &connection,
                };
                let suppressed = self.manager.platform().fault(point);
                if !suppressed && !self.outbox.acknowledge(message, heartbeat) {
                    self.manager.metrics().unread();
                }
            }
            Some(Payload::DrainAck(_)) => {
                let deadline = self.manager.config().drain_deadline;
                self.manager.change(|registry, now| {
                    let until = after(now.instant, deadline);
                    registry.table.drain_acked(&connection, until, now);
                });
                self.manager.drains().notify_waiters();
            }
            // Without a payload, or in the wrong direction: upstream also ignores these.
            _ => {}
        }
        Ok(())
    }

    /// The first message: it names the stream's connection, and makes that active.
    fn bind(&mut self, connection: &str) -> Result<Arc<str>, Status> {
        if connection.is_empty() {
            return Err(Status::invalid_argument(
                "the first message of a control plane names its connection",
            ));
        }
        let opened = self.manager.change(|registry, now| {
            registry.table.open(connection, now)?;
            registry.outboxes.insert(connection.into(), self.outbox.clone());
            Ok(())
        });
        opened.map_err(|error| match error {
            OpenError::Unknown => Status::not_found("no such connection: register again"),
            OpenError::Open => Status::already_exists("the connection has a control plane already"),
        })?;
        Ok(self.connection.insert(connection.into()).clone())
    }

    /// The stream has ended: half-closed, broken, or refused.
    fn ended(mut self, how: Result<(), Status>) {
        let cause = match &how {
            Ok(()) => Cause::StreamEnded,
            Err(status) => Cause::StreamFailed(status.message().into()),
        };
        // First, because leaving ends it without an error.
        self.outbox.end(how);
        self.leave(cause);
    }

    fn leave(&mut self, cause: Cause) {
        if let Some(connection) = self.connection.take() {
            self.manager
                .change(|registry, now| registry.table.leave(&connection, cause, now));
        }
    }
}

impl<P: Platform> Drop for Session<P> {
    fn drop(&mut self) {
        // No effect when the connection has left already.
        self.leave(Cause::StreamFailed("the connection is lost".into()));
    }
}
