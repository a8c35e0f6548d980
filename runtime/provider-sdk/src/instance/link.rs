//! One registration at a manager, with its control plane. Spec: provider 3.3.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::stream;
use squall_grpc::Streaming;
use squall_platform::{Authority, FaultPoint, OwnedTask, Platform};
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::module_provider_client::ModuleProviderClient;
use squall_proto::provider::{
    ControlMessage, DeregisterRequest, DrainAck, Heartbeat, RegisterRequest, RegisterResponse,
};
use tokio::sync::mpsc;
use tonic::Status;

use super::Ground;
use crate::executor::Executor;
use crate::modules::Modules;
use crate::{ConnectError, Rejection, events};

/// The version of the protocol: there is only one.
const PROTOCOL_VERSION: i32 = 1;
/// The queue of control messages to write. They are few: if these are not taken, the peer does not read, and missing
/// acknowledgements will show that.
const QUEUE: usize = 16;

/// A registration with an open control plane. Dropping it cuts the connection; [`Link::leave`] closes it in order.
pub(super) struct Link {
    connection: Arc<str>,
    /// As they were registered.
    modules: Arc<Modules>,
    executor: Arc<Executor>,
    client: ModuleProviderClient<Streaming>,
    outgoing: mpsc::Sender<ControlMessage>,
    incoming: tonic::Streaming<ControlMessage>,
    _driver: OwnedTask,
}

impl Link {
    /// Connects, registers the executor's modules, opens the control plane, and sends the first heartbeat.
    ///
    /// # Errors
    /// Any of these may fail. Modules that were registered before are then deregistered, if the manager can be
    /// reached.
    pub(super) async fn open<P: Platform>(
        ground: &Ground<P>,
        manager: &Authority,
        executor: Arc<Executor>,
    ) -> Result<Self, ConnectError> {
        let dialled = squall_grpc::open(&ground.platform, &ground.config.patient_dial(), manager).await;
        let (sender, driver) = dialled.map_err(|error| ConnectError::Unreachable(Arc::new(error)))?;
        let driver = ground.platform.spawn(async move { drop(driver.await) }).into();
        let mut client = ModuleProviderClient::new(Streaming::new(sender, manager.clone()));
        let modules = executor.modules();
        let connection = register(ground, &mut client, &modules, &executor).await?;

        let (outgoing, mut queue) = mpsc::channel(QUEUE);
        // Before the stream is opened: servers may open theirs only when a message comes.
        send_heartbeat(ground, &connection, &outgoing);
        let messages = stream::poll_fn(move |context| queue.poll_recv(context));
        let opening = client.control_plane(messages);
        let opened = within(ground.config.request_timeout, "ControlPlane", opening).await;
        match opened {
            Ok(incoming) => Ok(Link {
                connection,
                modules,
                executor,
                client,
                outgoing,
                incoming,
                _driver: driver,
            }),
            Err(error) => {
                deregister(ground, &mut client, &modules, &connection).await;
                Err(error)
            }
        }
    }

    pub(super) fn connection(&self) -> &Arc<str> {
        &self.connection
    }

    pub(super) fn modules(&self) -> &Modules {
        &self.modules
    }

    pub(super) fn executor(&self) -> &Arc<Executor> {
        &self.executor
    }

    /// The manager's next message.
    ///
    /// # Errors
    /// When there are no more.
    pub(super) async fn next(&mut self) -> Result<Payload, ConnectError> {
        loop {
            let message = self.incoming.message().await;
            let message = message.map_err(|status| failed("ControlPlane", status))?;
            let message = message.ok_or(ConnectError::Ended)?;
            // A message without a payload is from a later version of the protocol.
            if let Some(payload) = message.payload {
                return Ok(payload);
            }
        }
    }

    /// Sends a heartbeat, unless the platform injects its loss.
    pub(super) fn beat<P: Platform>(&self, ground: &Ground<P>) {
        send_heartbeat(ground, &self.connection, &self.outgoing);
    }

    /// Answers a drain.
    pub(super) fn ack_drain(&self, in_flight: usize) {
        let ack = Payload::DrainAck(DrainAck {
            accepted: true,
            in_flight_count: i32::try_from(in_flight).unwrap_or(i32::MAX),
        });
        send(&self.outgoing, &self.connection, ack);
    }

    /// Leaves in order: half-closes the control plane, deregisters, and closes the connection. Spec: provider 3.2.
    pub(super) async fn leave<P: Platform>(self, ground: &Ground<P>) {
        let Link {
            connection,
            modules,
            mut client,
            outgoing,
            ..
        } = self;
        drop(outgoing);
        // The writer of the stream must be notified first.
        tokio::task::yield_now().await;
        deregister(ground, &mut client, &modules, &connection).await;
    }
}

async fn register<P: Platform>(
    ground: &Ground<P>,
    client: &mut ModuleProviderClient<Streaming>,
    modules: &Modules,
    executor: &Executor,
) -> Result<Arc<str>, ConnectError> {
    let request = RegisterRequest {
        namespace: ground.namespace.to_string(),
        modules: modules.declarations(),
        protocol_version: PROTOCOL_VERSION,
        executor_url: executor.url().to_owned(),
        group_id: ground.config.group.clone().unwrap_or_default(),
    };
    let answering = client.register(request);
    let answer = within(ground.config.request_timeout, "Register", answering).await?;
    if answer.success {
        return Ok(answer.connection_id.into());
    }
    if answer.results.iter().any(|result| result.accepted) {
        // Otherwise servers may keep what they accepted, for a connection that is never used.
        deregister(ground, client, modules, &answer.connection_id).await;
    }
    Err(rejected(answer))
}

fn rejected(answer: RegisterResponse) -> ConnectError {
    let rejected = answer.results.into_iter().filter(|result| !result.accepted);
    ConnectError::Rejected {
        rejections: rejected
            .map(|result| Rejection {
                module: result.module_name,
                reason: result.rejection_reason,
            })
            .collect(),
    }
}

/// The result does not matter: a manager that does not receive it notices that the provider is gone.
async fn deregister<P: Platform>(
    ground: &Ground<P>,
    client: &mut ModuleProviderClient<Streaming>,
    modules: &Modules,
    connection: &str,
) {
    let request = DeregisterRequest {
        namespace: ground.namespace.to_string(),
        module_names: modules.names().map(|name| name.to_string()).collect(),
        connection_id: connection.to_owned(),
    };
    let answering = client.deregister(request);
    drop(within(ground.config.request_timeout, "Deregister", answering).await);
}

fn send_heartbeat<P: Platform>(
    ground: &Ground<P>,
    connection: &str,
    outgoing: &mpsc::Sender<ControlMessage>,
) {
    if ground.platform.fault(FaultPoint::Heartbeat) {
        return events::heartbeat_suppressed(connection);
    }
    let since_1970 = ground
        .platform
        .wall_clock()
        .duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 is as wrong as one that stands still.
    let timestamp = since_1970.map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    let heartbeat = Payload::Heartbeat(Heartbeat {
        namespace: ground.namespace.to_string(),
        timestamp,
    });
    if send(outgoing, connection, heartbeat) {
        events::heartbeat_sent(connection, timestamp);
    }
}

/// Puts a message into the queue; false when it is full or closed.
fn send(outgoing: &mpsc::Sender<ControlMessage>, connection: &str, payload: Payload) -> bool {
    let message = ControlMessage {
        protocol_version: PROTOCOL_VERSION,
        connection_id: connection.to_owned(),
        payload: Some(payload),
    };
    outgoing.try_send(message).is_ok()
}

async fn within<T>(
    time: Duration,
    request: &'static str,
    answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, ConnectError> {
    match squall_grpc::within(time, answer).await {
        Some(Ok(answer)) => Ok(answer.into_inner()),
        Some(Err(status)) => Err(failed(request, status)),
        None => Err(ConnectError::NoAnswer { request, after: time }),
    }
}

fn failed(request: &'static str, status: Status) -> ConnectError {
    ConnectError::Status {
        request,
        status: Box::new(status),
    }
}
