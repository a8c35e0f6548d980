//! The provider's side of the protocol.

use std::time::Duration;

use squall_grpc::{Dial, Streaming};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, Platform, TaskHandle};
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::module_provider_client::ModuleProviderClient;
use squall_proto::provider::{
    ControlMessage, DeregisterRequest, DeregisterResponse, DrainAck, Heartbeat, ModuleDeclaration,
    RegisterRequest, RegisterResponse,
};
use squall_value::CType;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tonic::Status;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use super::{Executor, World, text_type};

/// A provider in a process of its own.
pub(crate) struct Provider {
    pub(crate) host: Memory,
    pub(crate) rpc: ModuleProviderClient<Streaming>,
    pub(crate) executor: Executor,
    pub(crate) url: Authority,
    pub(crate) namespace: String,
    /// What the manager called it.
    pub(crate) connection: String,
    pub(crate) control: Option<Control>,
}

/// Both halves of a control plane.
pub(crate) struct Control {
    pub(crate) sender: mpsc::Sender<ControlMessage>,
    pub(crate) replies: tonic::Streaming<ControlMessage>,
}

impl Provider {
    /// It executes, and is not registered yet.
    pub(crate) async fn start(world: &World, executor: Executor) -> Self {
        Provider::at(&world.network, &world.address, executor).await
    }

    /// The same, for a manager at this address.
    pub(crate) async fn at(network: &Network, manager: &Authority, executor: Executor) -> Self {
        let host = network.host();
        let url = executor.serve(&host).await;
        Provider {
            rpc: connect(&host, manager).await,
            host,
            executor,
            url,
            namespace: String::new(),
            connection: String::new(),
            control: None,
        }
    }

    pub(crate) fn request(&self, namespace: &str, group: &str, modules: &[&str]) -> RegisterRequest {
        RegisterRequest {
            namespace: namespace.to_owned(),
            modules: modules.iter().map(|name| declaration(name)).collect(),
            protocol_version: 1,
            executor_url: self.url.to_string(),
            group_id: group.to_owned(),
        }
    }

    /// Registers modules that take a text and give one, which must be accepted.
    pub(crate) async fn register(&mut self, namespace: &str, group: &str, modules: &[&str]) {
        let request = self.request(namespace, group, modules);
        let response = self.try_register(request).await;
        assert!(response.success, "{response:?}");
    }

    pub(crate) async fn try_register(&mut self, request: RegisterRequest) -> RegisterResponse {
        self.namespace.clone_from(&request.namespace);
        let response = self.rpc.register(request).await.expect("an answer").into_inner();
        self.connection.clone_from(&response.connection_id);
        response
    }

    /// Opens the control plane with a heartbeat, and reads its acknowledgement.
    pub(crate) async fn open(&mut self) {
        let mut control = Control::open(&mut self.rpc).await;
        control.send(self.heartbeat(0)).await;
        let ack = control.next().await.expect("the stream goes on");
        assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(_))), "{ack:?}");
        self.control = Some(control);
    }

    pub(crate) fn heartbeat(&self, timestamp: i64) -> ControlMessage {
        heartbeat(&self.connection, timestamp)
    }

    pub(crate) fn control(&mut self) -> &mut Control {
        self.control.as_mut().expect("it is open")
    }

    /// Sends heartbeats, the first one after an interval, until the handle is aborted.
    pub(crate) fn keep_alive(&self, every: Duration) -> TaskHandle {
        let sender = self.control.as_ref().expect("it is open").sender.clone();
        let message = self.heartbeat(1);
        self.host.spawn(async move {
            loop {
                sleep(every).await;
                if sender.send(message.clone()).await.is_err() {
                    return;
                }
            }
        })
    }

    pub(crate) async fn deregister(&mut self, modules: &[&str]) -> DeregisterResponse {
        let request = DeregisterRequest {
            namespace: self.namespace.clone(),
            module_names: modules.iter().map(ToString::to_string).collect(),
            connection_id: self.connection.clone(),
        };
        self.rpc
            .deregister(request)
            .await
            .expect("an answer")
            .into_inner()
    }
}

impl Control {
    pub(crate) async fn open(rpc: &mut ModuleProviderClient<Streaming>) -> Self {
        let (sender, messages) = mpsc::channel(64);
        let replies = rpc.control_plane(ReceiverStream::new(messages)).await;
        Control {
            sender,
            replies: replies.expect("an answer").into_inner(),
        }
    }

    pub(crate) async fn send(&mut self, message: ControlMessage) {
        self.sender.send(message).await.expect("the stream is open");
    }

    /// The next message; nothing when the stream ends as it should.
    pub(crate) async fn next(&mut self) -> Option<ControlMessage> {
        self.replies.message().await.expect("the stream is sound")
    }

    /// What the stream ends with, when that is an error.
    pub(crate) async fn refused(&mut self) -> Status {
        loop {
            match self.replies.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended as if all were well"),
                Err(status) => return status,
            }
        }
    }

    /// Reads until the stream ends as it should.
    pub(crate) async fn completed(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Half-closes, and reads to the end.
    pub(crate) async fn close(self) {
        let Control { sender, mut replies } = self;
        drop(sender);
        while replies.message().await.expect("the stream is sound").is_some() {}
    }
}

pub(crate) async fn connect(host: &Memory, to: &Authority) -> ModuleProviderClient<Streaming> {
    let (sender, driver) = squall_grpc::open(host, &Dial::default(), to)
        .await
        .expect("the manager listens");
    host.spawn(async move { drop(driver.await) });
    ModuleProviderClient::new(Streaming::new(sender, to.clone()))
}

pub(crate) fn declaration(name: &str) -> ModuleDeclaration {
    typed(name, &text_type(), &text_type())
}

pub(crate) fn typed(name: &str, input: &CType, output: &CType) -> ModuleDeclaration {
    ModuleDeclaration {
        name: name.to_owned(),
        input_schema: Some(input.to_schema()),
        output_schema: Some(output.to_schema()),
        version: "2.0.0".to_owned(),
        description: format!("What {name} does"),
    }
}

pub(crate) fn heartbeat(connection: &str, timestamp: i64) -> ControlMessage {
    ControlMessage {
        protocol_version: 1,
        connection_id: connection.to_owned(),
        payload: Some(Payload::Heartbeat(Heartbeat {
            namespace: String::new(),
            timestamp,
        })),
    }
}

/// As the existing SDKs would send it: without a connection id, in version 0.
pub(crate) fn drain_ack() -> ControlMessage {
    ControlMessage {
        protocol_version: 0,
        connection_id: String::new(),
        payload: Some(Payload::DrainAck(DrainAck {
            accepted: true,
            in_flight_count: 0,
        })),
    }
}
