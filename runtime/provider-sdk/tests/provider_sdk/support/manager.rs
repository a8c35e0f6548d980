//! A manager that writes down what it sees, and does what the test tells it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream;
use squall_grpc::{Serving, Tonic, serve_until};
use squall_memory::Network;
use squall_platform::{Authority, Listener, Platform};
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::module_provider_server::{ModuleProvider, ModuleProviderServer};
use squall_proto::provider::{
    ActiveModulesReport, ControlMessage, DeregisterRequest, DeregisterResponse, DrainRequest, HeartbeatAck,
    ModuleRegistrationResult, RegisterRequest, RegisterResponse,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::Host;

/// What a manager has seen, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Register(RegisterRequest),
    Opened,
    Heartbeat {
        connection: String,
        timestamp: i64,
    },
    DrainAck {
        connection: String,
        accepted: bool,
        in_flight: i32,
    },
    HalfClosed,
    /// A control plane that ended otherwise.
    Broken,
    Deregister(DeregisterRequest),
}

impl Seen {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Seen::Register(_) => "register",
            Seen::Opened => "opened",
            Seen::Heartbeat { .. } => "heartbeat",
            Seen::DrainAck { .. } => "drain ack",
            Seen::HalfClosed => "half-closed",
            Seen::Broken => "broken",
            Seen::Deregister(_) => "deregister",
        }
    }
}

#[derive(Clone)]
pub(crate) struct Manager {
    state: Arc<Mutex<State>>,
    address: Authority,
    host: Host,
}

/// Nothing ends the stream.
type Outgoing = mpsc::UnboundedSender<Option<Result<ControlMessage, Status>>>;

struct State {
    seen: Vec<(Instant, Seen)>,
    registrations: u32,
    /// What the next registrations are answered, instead of a success.
    answers: VecDeque<Result<String, Status>>,
    acks: bool,
    answers_deregister: Result<(), Status>,
    refuses_control: Option<Status>,
    streams: BTreeMap<String, Outgoing>,
}

impl Manager {
    /// A manager on the network, at a port of its own.
    pub(crate) async fn start(network: &Network) -> Self {
        Manager::start_at(network, 0).await
    }

    pub(crate) async fn start_at(network: &Network, port: u16) -> Self {
        let host = Host::new(network);
        let listener = host.bind(port).await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("bound");
        let manager = Manager {
            state: Arc::new(Mutex::new(State {
                seen: Vec::new(),
                registrations: 0,
                answers: VecDeque::new(),
                acks: true,
                answers_deregister: Ok(()),
                refuses_control: None,
                streams: BTreeMap::new(),
            })),
            address: address.to_string().parse().expect("an address"),
            host: host.clone(),
        };
        let routes = Routes::new(ModuleProviderServer::new(manager.clone()));
        let service = Tonic(routes);
        let platform = host.clone();
        host.spawn(async move {
            let never = std::future::pending();
            serve_until(
                &platform,
                listener,
                Serving::default(),
                service,
                never,
                super::ms(0),
            )
            .await;
        });
        manager
    }

    pub(crate) fn address(&self) -> Authority {
        self.address.clone()
    }

    /// The manager's process dies.
    pub(crate) fn kill(&self) {
        self.host.kill();
        self.state().streams.clear();
    }

    /// The next registration is rejected, every module for this reason.
    pub(crate) fn reject(&self, reason: &str) {
        self.state().answers.push_back(Ok(reason.to_owned()));
    }

    /// The next registration is answered with a status.
    pub(crate) fn fail(&self, status: Status) {
        self.state().answers.push_back(Err(status));
    }

    pub(crate) fn fail_deregister(&self, status: Status) {
        self.state().answers_deregister = Err(status);
    }

    pub(crate) fn refuse_control(&self, status: Option<Status>) {
        self.state().refuses_control = status;
    }

    pub(crate) fn ack(&self, acks: bool) {
        self.state().acks = acks;
    }

    /// Says something on every control plane.
    pub(crate) fn send(&self, payload: Payload) {
        for (connection, stream) in &self.state().streams {
            let message = message(connection, payload.clone());
            drop(stream.send(Some(Ok(message))));
        }
    }

    pub(crate) fn report(&self, modules: &[&str]) {
        let active_modules = modules.iter().map(|it| (*it).to_owned()).collect();
        self.send(Payload::ActiveModulesReport(ActiveModulesReport {
            active_modules,
        }));
    }

    pub(crate) fn drain(&self, reason: &str, deadline_ms: i64) {
        let reason = reason.to_owned();
        self.send(Payload::DrainRequest(DrainRequest { reason, deadline_ms }));
    }

    /// Ends every control plane, with a status or without.
    pub(crate) fn end(&self, status: Option<Status>) {
        for (_, stream) in std::mem::take(&mut self.state().streams) {
            drop(stream.send(status.clone().map(Err)));
        }
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.iter().map(|(_, it)| it.clone()).collect()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.seen().iter().map(Seen::name).collect()
    }

    /// When it has seen what has this name.
    pub(crate) fn times(&self, name: &str) -> Vec<Instant> {
        let state = self.state();
        let named = state.seen.iter().filter(|(_, it)| it.name() == name);
        named.map(|(at, _)| *at).collect()
    }

    pub(crate) fn registrations(&self) -> Vec<RegisterRequest> {
        let register = |it| match it {
            Seen::Register(request) => Some(request),
            _ => None,
        };
        self.seen().into_iter().filter_map(register).collect()
    }

    pub(crate) fn deregistrations(&self) -> Vec<DeregisterRequest> {
        let deregister = |it| match it {
            Seen::Deregister(request) => Some(request),
            _ => None,
        };
        self.seen().into_iter().filter_map(deregister).collect()
    }

    /// Where it was told to call last.
    pub(crate) fn executor(&self) -> String {
        self.registrations().pop().expect("a registration").executor_url
    }

    fn see(&self, seen: Seen) {
        self.state().seen.push((Instant::now(), seen));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Reads one control plane to its end.
    async fn read(self, mut incoming: tonic::Streaming<ControlMessage>, outgoing: Outgoing) {
        loop {
            let message = match incoming.message().await {
                Ok(Some(message)) => message,
                Ok(None) => break self.see(Seen::HalfClosed),
                Err(_) => break self.see(Seen::Broken),
            };
            let connection = message.connection_id;
            match message.payload {
                Some(Payload::Heartbeat(beat)) => {
                    let timestamp = beat.timestamp;
                    self.see(Seen::Heartbeat {
                        connection: connection.clone(),
                        timestamp,
                    });
                    if self.state().acks {
                        let ack = Payload::HeartbeatAck(HeartbeatAck { timestamp });
                        drop(outgoing.send(Some(Ok(self::message(&connection, ack)))));
                    }
                }
                Some(Payload::DrainAck(ack)) => self.see(Seen::DrainAck {
                    connection: connection.clone(),
                    accepted: ack.accepted,
                    in_flight: ack.in_flight_count,
                }),
                other => panic!("not from a provider: {other:?}"),
            }
            self.state()
                .streams
                .entry(connection)
                .or_insert_with(|| outgoing.clone());
        }
        // As a real one does, it completes its side.
        self.state()
            .streams
            .retain(|_, stream| !stream.same_channel(&outgoing));
    }
}

fn message(connection: &str, payload: Payload) -> ControlMessage {
    ControlMessage {
        protocol_version: 1,
        connection_id: connection.to_owned(),
        payload: Some(payload),
    }
}

#[tonic::async_trait]
impl ModuleProvider for Manager {
    async fn register(
        &self,
        request: Request<RegisterRequest>,
    ) -> Result<Response<RegisterResponse>, Status> {
        let request = request.into_inner();
        self.see(Seen::Register(request.clone()));
        let mut state = self.state();
        let rejection = state.answers.pop_front().transpose()?;
        state.registrations += 1;
        let results = request
            .modules
            .into_iter()
            .map(|module| ModuleRegistrationResult {
                module_name: module.name,
                accepted: rejection.is_none(),
                rejection_reason: rejection.clone().unwrap_or_default(),
            });
        Ok(Response::new(RegisterResponse {
            success: rejection.is_none(),
            results: results.collect(),
            protocol_version: 1,
            connection_id: format!("connection-{}", state.registrations),
        }))
    }

    async fn deregister(
        &self,
        request: Request<DeregisterRequest>,
    ) -> Result<Response<DeregisterResponse>, Status> {
        self.see(Seen::Deregister(request.into_inner()));
        self.state().answers_deregister.clone()?;
        Ok(Response::new(DeregisterResponse {
            success: true,
            results: Vec::new(),
        }))
    }

    async fn control_plane(
        &self,
        request: Request<tonic::Streaming<ControlMessage>>,
    ) -> Result<Response<BoxStream<ControlMessage>>, Status> {
        if let Some(status) = self.state().refuses_control.clone() {
            return Err(status);
        }
        self.see(Seen::Opened);
        let (outgoing, mut queue) = mpsc::unbounded_channel();
        self.host.spawn(self.clone().read(request.into_inner(), outgoing));
        let stream = stream::poll_fn(move |context| queue.poll_recv(context).map(Option::flatten));
        Ok(Response::new(Box::pin(stream)))
    }
}
