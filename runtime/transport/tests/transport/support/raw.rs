//! Both ends of HTTP/2 without any gRPC.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use squall_memory::Memory;
use squall_platform::{Authority, Listener, OwnedTask, Platform};
use tokio::sync::mpsc;

/// A client's connection.
pub(crate) struct Client {
    requests: SendRequest<Bytes>,
    _driver: OwnedTask,
}

/// All that has come.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many DATA frames the body came in.
    pub(crate) frames: usize,
    /// `None` when the headers were all.
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    /// The status and its message, wherever they are.
    pub(crate) fn status(&self) -> (i32, String) {
        let headers = self.trailers.as_ref().unwrap_or(&self.headers);
        let code = headers["grpc-status"].to_str().unwrap().parse().unwrap();
        (code, super::text(headers, "grpc-message").to_owned())
    }
}

impl Client {
    pub(crate) async fn connect(host: &Memory, to: &Authority) -> Client {
        let stream = host.connect(to).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = host.spawn(async move { drop(connection.await) });
        Client {
            requests,
            _driver: driver.into(),
        }
    }

    /// Sends a request, with this body in these pieces, and ends it.
    pub(crate) async fn ask(&self, request: Request<()>, body: &[Bytes]) -> Answer {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, mut stream) = requests.send_request(request, body.is_empty()).unwrap();
        for (at, piece) in body.iter().enumerate() {
            // After an answer the rest of the request is not taken.
            drop(stream.send_data(piece.clone(), at + 1 == body.len()));
        }
        read(response.await.unwrap()).await
    }

    /// Begins a request, and leaves it open.
    pub(crate) async fn begin(
        &self,
        request: Request<()>,
        body: Bytes,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, mut stream) = requests.send_request(request, false).unwrap();
        stream.send_data(body, false).unwrap();
        (response, stream)
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(response: Response<RecvStream>) -> Answer {
    let is_all = response.body().is_end_stream();
    let (head, mut stream) = response.into_parts();
    let mut answer = Answer {
        http: head.status.as_u16(),
        headers: head.headers,
        ..Answer::default()
    };
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        body.extend_from_slice(&data);
        answer.frames += 1;
    }
    answer.body = body.into();
    answer.trailers = stream.trailers().await.unwrap();
    assert!(!is_all || answer.trailers.is_none());
    answer
}

/// A request that a raw server has taken.
pub(crate) struct Asked {
    pub(crate) request: Request<()>,
    pub(crate) body: Bytes,
    pub(crate) respond: SendResponse<Bytes>,
}

impl Asked {
    /// Answers with a message.
    pub(crate) fn answer(mut self, message: impl AsRef<[u8]>, trailers: &[(&'static str, &str)]) {
        let head = Response::builder().header("content-type", "application/grpc+crucible-json");
        let mut stream = self.respond.send_response(head.body(()).unwrap(), false).unwrap();
        stream.send_data(super::framed(message), false).unwrap();
        let trailers = trailers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut trailers: HeaderMap = trailers.collect();
        trailers.insert("grpc-status", "0".parse().unwrap());
        stream.send_trailers(trailers).unwrap();
    }

    /// Answers with a status alone.
    pub(crate) fn fail(mut self, code: i32, message: &str) {
        let head = Response::builder()
            .header("content-type", "application/grpc+crucible-json")
            .header("grpc-status", code)
            .header("grpc-message", message);
        self.respond.send_response(head.body(()).unwrap(), true).unwrap();
    }

    /// Takes it back without an answer.
    pub(crate) fn reset(mut self, reason: Reason) {
        self.respond.send_reset(reason);
    }
}

/// Listens at `address`, and passes on what is asked.
pub(crate) async fn serve(host: &Memory) -> (Authority, mpsc::UnboundedReceiver<Asked>, OwnedTask) {
    let mut listener = host.bind(0).await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (sender, asked) = mpsc::unbounded_channel();
    let platform = host.clone();
    let accepting = host.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (sender, spawner) = (sender.clone(), platform.clone());
            platform.spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    let sender = sender.clone();
                    spawner.spawn(take(request, respond, sender));
                }
            });
        }
    });
    (address, asked, accepting.into())
}

async fn take(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    sender: mpsc::UnboundedSender<Asked>,
) {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(data)) = stream.data().await {
        stream.flow_control().release_capacity(data.len()).unwrap();
        body.extend_from_slice(&data);
    }
    let asked = Asked {
        request: Request::from_parts(head, ()),
        body: body.into(),
        respond,
    };
    // Without a receiver the test is over.
    drop(sender.send(asked));
}

/// A request of a method, in the content type of the codec.
pub(crate) fn request(path: &str) -> http::request::Builder {
    Request::post(format!("http://node{path}"))
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc+crucible-json")
        .header("te", "trailers")
}
