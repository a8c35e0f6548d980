//! A server of executions that nobody here would write: what it does to its connections and streams is the test's say.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use prost::Message;
use squall_memory::Memory;
use squall_platform::{Authority, Listener, Platform};
use squall_proto::provider::{ExecuteRequest, ExecuteResponse, execute_response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is answered, after the server's delay.
    Served,
    /// It is reset at once.
    Reset(Reason),
    /// It is worked on, and then reset.
    ServedAndReset(Reason),
}

/// How it behaves.
#[derive(Clone)]
pub(crate) struct Foreign {
    pub(crate) delay: Duration,
    /// The largest number of streams at once that it permits.
    pub(crate) streams: Option<u32>,
    /// After how long a connection is asked to go away.
    pub(crate) age: Option<Duration>,
    /// It compresses its answers for those who can read them.
    pub(crate) gzip: bool,
    /// Its first so many connections process nothing.
    pub(crate) refusing: usize,
    /// What becomes of the request of this number, counted over all connections from 0.
    pub(crate) fate: fn(usize) -> Fate,
    pub(crate) seen: Arc<AtomicUsize>,
    pub(crate) handled: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Foreign {
    pub(crate) fn new(fate: fn(usize) -> Fate) -> Self {
        Foreign {
            delay: Duration::from_millis(1),
            streams: None,
            age: None,
            gzip: false,
            refusing: 0,
            fate,
            seen: Arc::default(),
            handled: Arc::default(),
            connections: Arc::default(),
        }
    }

    pub(crate) async fn start(&self, host: &Memory) -> Authority {
        let mut listener = host.bind(0).await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let (server, platform) = (self.clone(), host.clone());
        host.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = server.connections.fetch_add(1, Ordering::SeqCst);
                if number < server.refusing {
                    platform.spawn(async move { drop(refuse_all(stream).await) });
                    continue;
                }
                let (server, host) = (server.clone(), platform.clone());
                platform.spawn(async move { server.connection(host, stream).await });
            }
        });
        address
    }

    async fn connection(self, host: Memory, stream: <Memory as Platform>::Stream) {
        let mut builder = h2::server::Builder::new();
        if let Some(streams) = self.streams {
            builder.max_concurrent_streams(streams);
        }
        let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
            return;
        };
        let age = self.age.unwrap_or(Duration::from_secs(1 << 30));
        let mut old = std::pin::pin!(sleep(age));
        let mut leaving = false;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut old, if !leaving => {
                    leaving = true;
                    connection.graceful_shutdown();
                    continue;
                }
                accepted = connection.accept() => accepted,
            };
            let Some(Ok((request, mut respond))) = accepted else {
                return;
            };
            match (self.fate)(self.seen.fetch_add(1, Ordering::SeqCst)) {
                Fate::Reset(reason) => respond.send_reset(reason),
                fate => {
                    let server = self.clone();
                    host.spawn(async move { server.handle(request, respond, fate).await });
                }
            }
        }
    }

    async fn handle(self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>, fate: Fate) {
        let accepted = request.headers().get("grpc-accept-encoding");
        let gzip = self.gzip && accepted.is_some_and(|it| it.to_str().unwrap().contains("gzip"));
        let mut body = request.into_body();
        let mut bytes = BytesMut::new();
        while let Some(Ok(data)) = body.data().await {
            body.flow_control().release_capacity(data.len()).unwrap();
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() {
            return;
        }
        bytes.advance(5);
        let request = ExecuteRequest::decode(bytes).unwrap();
        sleep(self.delay).await;
        self.handled.fetch_add(1, Ordering::SeqCst);
        if let Fate::ServedAndReset(reason) = fate {
            return respond.send_reset(reason);
        }
        let answer = ExecuteResponse {
            result: Some(execute_response::Result::OutputData(request.input_data)),
            metrics: None,
        };
        let mut head = Response::builder().header("content-type", "application/grpc");
        let mut message = answer.encode_to_vec();
        if gzip {
            head = head.header("grpc-encoding", "gzip");
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&message).unwrap();
            message = encoder.finish().unwrap();
        }
        let mut framed = BytesMut::new();
        framed.put_u8(gzip.into());
        framed.put_u32(message.len() as u32);
        framed.put_slice(&message);
        let Ok(mut stream) = respond.send_response(head.body(()).unwrap(), false) else {
            return;
        };
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        drop(stream.send_data(framed.freeze(), false));
        drop(stream.send_trailers(trailers));
    }
}

/// A connection that ends with the first request on it, which was not processed, as a GOAWAY says that looks back.
/// h2's servers never look back so far.
async fn refuse_all(mut stream: <Memory as Platform>::Stream) -> io::Result<()> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const ACK: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    const DATA: u8 = 0;
    stream.write_all(&SETTINGS).await?;
    stream.write_all(&ACK).await?;
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await?;
        if head[3] == DATA {
            break;
        }
    }
    // The last stream is none, and nothing is wrong.
    stream
        .write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .await?;
    // Until the peer has heard it.
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}
