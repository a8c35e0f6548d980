//! Bytes as they are on the wire: a client that neither encodes nor decodes.

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use squall_grpc::{Dial, Streaming};
use squall_platform::Platform;
use tokio::sync::mpsc;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

use crate::support::World;

/// A client of the manager that sends and receives bytes.
pub(crate) struct Raw(Grpc<Streaming>);

/// Both halves of a control plane, in bytes.
pub(crate) struct RawControl {
    pub(crate) sender: mpsc::Sender<Bytes>,
    pub(crate) replies: tonic::Streaming<Bytes>,
}

impl Raw {
    pub(crate) async fn connect(world: &World) -> Self {
        let host = world.network.host();
        let (sender, driver) = squall_grpc::open(&host, &Dial::default(), &world.address)
            .await
            .expect("the manager listens");
        host.spawn(async move { drop(driver.await) });
        Raw(Grpc::new(Streaming::new(sender, world.address.clone())))
    }

    pub(crate) async fn register(&mut self, message: Bytes) -> Bytes {
        self.unary("/constellation.provider.v1.ModuleProvider/Register", message)
            .await
    }

    pub(crate) async fn deregister(&mut self, message: Bytes) -> Bytes {
        self.unary("/constellation.provider.v1.ModuleProvider/Deregister", message)
            .await
    }

    async fn unary(&mut self, path: &'static str, message: Bytes) -> Bytes {
        self.0.ready().await.expect("the connection is open");
        let path = PathAndQuery::from_static(path);
        let answer = self.0.unary(Request::new(message), path, Untouched).await;
        answer.expect("an answer").into_inner()
    }

    pub(crate) async fn control_plane(&mut self) -> RawControl {
        self.0.ready().await.expect("the connection is open");
        let path = PathAndQuery::from_static("/constellation.provider.v1.ModuleProvider/ControlPlane");
        let (sender, messages) = mpsc::channel(64);
        let messages = Request::new(ReceiverStream::new(messages));
        let answer = self.0.streaming(messages, path, Untouched).await;
        RawControl {
            sender,
            replies: answer.expect("an answer").into_inner(),
        }
    }
}

impl RawControl {
    pub(crate) async fn send(&mut self, message: Bytes) {
        self.sender.send(message).await.expect("the stream is open");
    }

    /// The next message; nothing when the stream ends as it should.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.replies.message().await.expect("the stream is sound")
    }
}

/// Leaves messages as they are.
#[derive(Clone, Copy)]
struct Untouched;

impl Codec for Untouched {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Untouched;
    type Decoder = Untouched;

    fn encoder(&mut self) -> Untouched {
        Untouched
    }

    fn decoder(&mut self) -> Untouched {
        Untouched
    }
}

impl Encoder for Untouched {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Untouched {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
