//! A server that goes, in two steps: what a client has opened by then comes before its answer to the server's PING.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use squall_grpc::{Dial, Progress, open, unary};
use squall_memory::Network;
use squall_platform::{Authority, Listener, Platform};
use squall_proto::provider::{ExecuteRequest, ExecuteResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::frames::{ACK, DATA, GOAWAY, HEADERS, PING, SETTINGS, frame};
use crate::support::{LIMIT, PATH};

/// What a client writes, as the kinds of its frames and whether they answer one, when it has opened a stream and the
/// peer's farewell has come, in pieces of this size, before either was looked at.
async fn written(piece: usize) -> Vec<(u8, bool)> {
    let network = Network::default();
    let host = network.host();
    let mut listener = host.bind(0).await.unwrap();
    let to: Authority = listener.local_addr().unwrap().to_string().parse().unwrap();
    let dial = Dial::default();
    let (opened, accepted) = tokio::join!(open(&host, &dial, &to), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        stream
    });
    let ((sender, driver), mut stream) = (opened.unwrap(), accepted);
    let mut farewell = frame(GOAWAY, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    farewell.extend(frame(PING, 0, 0, b"farewell"));
    // What follows it is not lost: nor is what HTTP/2 has to say to it.
    farewell.extend(frame(SETTINGS, 0, 0, &[]));
    for piece in farewell.chunks(piece) {
        stream.write_all(piece).await.unwrap();
    }
    let progress = Arc::new(Progress::default());
    let uri = format!("http://{to}{PATH}").parse().unwrap();
    let request = tonic::Request::new(ExecuteRequest::default());
    let mut call = Box::pin(unary::call::<_, ExecuteResponse>(
        &sender, uri, request, None, LIMIT, &progress,
    ));
    // Opened, and not yet written.
    assert!((&mut call).now_or_never().is_none());
    let driven = timeout(Duration::from_secs(1), driver);
    let (_, bytes) = tokio::join!(driven, async {
        let mut bytes = vec![0; 24];
        stream.read_exact(&mut bytes).await.unwrap();
        let mut kinds = Vec::new();
        while kinds.iter().filter(|it| **it == (SETTINGS, true)).count() < 2 {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            kinds.push((head[3], head[4] & ACK != 0));
        }
        kinds
    });
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_opened_before_a_farewell_is_read_is_written_before_its_answer() {
    for piece in [1, 5, 9, 17, 20, 25, 30, 100] {
        let written = written(piece).await;
        let place = |of| written.iter().position(|it| *it == of);
        let places = [(HEADERS, false), (DATA, true), (PING, true)].map(place);
        assert!(places.iter().all(Option::is_some), "{written:?}");
        assert!(places.is_sorted(), "in pieces of {piece}: {written:?}");
    }
}
