//! The outgoing messages of one control plane.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use squall_proto::provider::control_message::Payload;
use squall_proto::provider::{ActiveModulesReport, ControlMessage, DrainRequest, Heartbeat, HeartbeatAck};
use tonic::Status;

/// The maximum number of queued messages for a provider that reads slowly. With the default intervals these are five
/// minutes.
const WAITING_MAX: usize = 64;

/// The queue of outgoing messages of one control plane, in order. All senders put messages here, and only the stream
/// writes them. Spec: provider section 6, point 10.
///
/// Acknowledgements and reports beyond the limit are dropped: later ones carry the same information. A drain request,
/// of which there is at most one, is never dropped.
pub(crate) struct Outbox(Mutex<Queue>);

struct Queue {
    messages: VecDeque<ControlMessage>,
    phase: Phase,
    /// The wakers of the writer, and of the reader, which stops when the stream ends.
    writer: Option<Waker>,
    reader: Option<Waker>,
}

/// ```text
///   Open ---end---> Ending ---the last message and the status are written---> Ended
/// ```
enum Phase {
    Open,
    Ending(Result<(), Status>),
    Ended,
}

impl Outbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Outbox(Mutex::new(Queue {
            messages: VecDeque::new(),
            phase: Phase::Open,
            writer: None,
            reader: None,
        })))
    }

    /// Acknowledges a heartbeat; the answer repeats the identification in `message`. False when the queue is full.
    pub(crate) fn acknowledge(&self, message: &ControlMessage, heartbeat: &Heartbeat) -> bool {
        self.offer(ControlMessage {
            protocol_version: message.protocol_version,
            connection_id: message.connection_id.clone(),
            payload: Some(Payload::HeartbeatAck(HeartbeatAck {
                timestamp: heartbeat.timestamp,
            })),
        })
    }

    /// Reports the provider's modules, by their short names. False when the queue is full.
    pub(crate) fn report(&self, version: i32, connection: &str, active_modules: Vec<String>) -> bool {
        let payload = Payload::ActiveModulesReport(ActiveModulesReport { active_modules });
        self.offer(own(version, connection, payload))
    }

    /// Asks the provider to finish its calls, and to leave.
    pub(crate) fn drain(&self, version: i32, connection: &str, reason: &str, deadline: Duration) {
        let payload = Payload::DrainRequest(DrainRequest {
            reason: reason.to_owned(),
            deadline_ms: i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX),
        });
        self.lock().push(own(version, connection, payload));
    }

    /// Ends the stream after the queued messages. Only the first end counts.
    pub(crate) fn end(&self, how: Result<(), Status>) {
        let mut queue = self.lock();
        if matches!(queue.phase, Phase::Open) {
            queue.phase = Phase::Ending(how);
            queue.wake();
            if let Some(reader) = queue.reader.take() {
                reader.wake();
            }
        }
    }

    /// Resolves when the stream is to end. There may be only one waiter.
    pub(crate) async fn ended(&self) {
        poll_fn(|context| {
            let mut queue = self.lock();
            if !matches!(queue.phase, Phase::Open) {
                return Poll::Ready(());
            }
            queue.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The next message to write. There may be only one caller.
    pub(crate) fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ControlMessage, Status>>> {
        let mut queue = self.lock();
        if let Some(message) = queue.messages.pop_front() {
            return Poll::Ready(Some(Ok(message)));
        }
        if matches!(queue.phase, Phase::Open) {
            queue.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        match std::mem::replace(&mut queue.phase, Phase::Ended) {
            Phase::Ending(Err(status)) => Poll::Ready(Some(Err(status))),
            _ => Poll::Ready(None),
        }
    }

    fn offer(&self, message: ControlMessage) -> bool {
        let mut queue = self.lock();
        let has_room = queue.messages.len() < WAITING_MAX;
        if has_room {
            queue.push(message);
        }
        has_room
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, message: ControlMessage) {
        if matches!(self.phase, Phase::Open) {
            self.messages.push_back(message);
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

fn own(version: i32, connection: &str, payload: Payload) -> ControlMessage {
    ControlMessage {
        protocol_version: version,
        connection_id: connection.to_owned(),
        payload: Some(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(outbox: &Outbox) -> Option<Result<ControlMessage, Status>> {
        poll_fn(|context| outbox.poll_next(context)).await
    }

    #[tokio::test]
    async fn a_reader_that_is_slow_misses_acknowledgements_and_never_the_drain_request() {
        let outbox = Outbox::new();
        let ack = |timestamp| {
            outbox.acknowledge(
                &ControlMessage::default(),
                &Heartbeat {
                    timestamp,
                    ..Heartbeat::default()
                },
            )
        };
        for timestamp in 0..WAITING_MAX as i64 {
            assert!(ack(timestamp));
        }
        assert!(!ack(99));
        outbox.drain(1, "c", "maintenance", Duration::from_secs(1));
        for _ in 0..WAITING_MAX {
            let message = next(&outbox).await.unwrap().unwrap();
            assert!(matches!(message.payload, Some(Payload::HeartbeatAck(_))));
        }
        let message = next(&outbox).await.unwrap().unwrap();
        assert!(matches!(message.payload, Some(Payload::DrainRequest(_))));
        assert!(ack(100));
    }

    #[tokio::test]
    async fn the_first_end_counts_and_comes_after_what_waits() {
        let outbox = Outbox::new();
        assert!(outbox.report(1, "c", vec![]));
        outbox.end(Err(Status::not_found("nobody")));
        outbox.end(Ok(()));
        outbox.ended().await;
        assert!(outbox.report(1, "c", vec![]), "it is not for want of room");
        assert!(next(&outbox).await.unwrap().is_ok());
        let status = next(&outbox).await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert!(next(&outbox).await.is_none());
    }
}
