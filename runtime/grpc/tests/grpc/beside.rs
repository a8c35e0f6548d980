//! Small answers beside large ones on one connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use squall_grpc::{CONNECTION_WINDOW, FRAME_MAX, STREAM_WINDOW};
use squall_memory::Network;
use squall_platform::Platform;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::support::{Echo, PATH, asked, serve};

/// 80 Mbit/s.
const BYTES_A_MILLISECOND: usize = 10_000;

/// A stream of which so much is read, and no more.
struct Narrow<S> {
    stream: S,
    left: usize,
    next: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Narrow<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            ready!(self.next.as_mut().poll(context));
            let next = Instant::now() + Duration::from_millis(1);
            self.next.as_mut().reset(next);
            self.left = BYTES_A_MILLISECOND;
        }
        let mut space = [0; BYTES_A_MILLISECOND];
        let room = self.left.min(buffer.remaining());
        let mut part = ReadBuf::new(&mut space[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        buffer.put_slice(part.filled());
        self.left -= part.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Narrow<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Asks for an echo, and reads it to its end. Gives its length.
async fn ask(requests: &SendRequest<Bytes>, text: &str) -> usize {
    let mut requests = requests.clone().ready().await.unwrap();
    let request = Request::post(format!("http://peer{PATH}")).header("content-type", "application/grpc");
    let (answer, mut body) = requests.send_request(request.body(()).unwrap(), false).unwrap();
    body.send_data(asked(text), true).unwrap();
    let mut answer = answer.await.unwrap().into_body();
    let mut length = 0;
    while let Some(data) = answer.data().await {
        let data = data.unwrap();
        length += data.len();
        answer.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    length
}

/// The longest that a small answer takes beside so many large ones, and how many bytes these have in ten seconds.
async fn measured(large: usize) -> (Duration, usize) {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), Duration::ZERO).await;
    let stream = Narrow {
        stream: network.host().connect(&server.address).await.unwrap(),
        left: 0,
        next: Box::pin(sleep(Duration::ZERO)),
    };
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .handshake::<_, Bytes>(stream)
        .await
        .unwrap();
    let host = network.host();
    host.spawn(async move { drop(connection.await) });
    let text = "x".repeat(900_000);
    let until = Instant::now() + Duration::from_secs(10);
    let streams = (0..large).map(|_| async {
        let mut length = 0;
        while Instant::now() < until {
            length += ask(&requests, &text).await;
        }
        length
    });
    let small = async {
        let mut longest = Duration::ZERO;
        while Instant::now() < until {
            sleep(Duration::from_millis(20)).await;
            let begun = Instant::now();
            ask(&requests, "small").await;
            longest = longest.max(begun.elapsed());
        }
        longest
    };
    let (lengths, longest) = tokio::join!(futures_util::future::join_all(streams), small);
    (longest, lengths.iter().sum())
}

#[tokio::test(start_paused = true)]
async fn a_small_answer_waits_for_a_piece_of_one_large_one_however_many_there_are() {
    for large in [1, 4, 16] {
        let (longest, bytes) = measured(large).await;
        assert!(
            longest <= Duration::from_millis(25),
            "{longest:?} beside {large} large ones"
        );
        assert!(bytes > 90_000_000, "{bytes} of 100 MB: the link is full");
    }
}
