//! How connections end: half closes, ends of stream, resets, and what each call says afterwards.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use squall_platform::Platform;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::pair::{Pair, Seen, pattern, read_all, the_same_everywhere, write_until_error};

the_same_everywhere! {
    a_half_closed_connection_still_carries_the_reply => [
        "request: Ok(\"hello\")", "end: Ok(\"\")", "reply: Ok(\"hello\")", "end: Ok(\"\")",
    ];
    the_end_comes_after_all_buffered_data_and_stays => ["whole: true", "again: Ok(\"\")"];
    both_ends_may_close_at_once => ["client: Ok(\"\")", "server: Ok(\"\")"];
    a_second_shutdown_is_fine => ["first: Ok(())", "second: Ok(())", "peer: Ok(\"\")"];
    a_shutdown_after_both_ends_have_closed_is_fine => ["client: Ok(\"\")", "shutdown: Ok(())"];
    a_write_after_ones_own_shutdown_is_a_broken_pipe => [
        "write: Err(BrokenPipe)", "write of nothing: Err(BrokenPipe)", "peer: Ok(\"\")",
    ];
    a_drop_with_unread_data_resets => [
        "read: Err(ConnectionReset)", "read again: Ok(\"\")", "write: Err(BrokenPipe)", "shutdown: Ok(())",
    ];
    a_drop_with_unread_data_resets_a_client_that_has_shut_down => [
        "read: Err(ConnectionReset)", "read again: Ok(\"\")",
    ];
    data_that_arrived_before_a_reset_can_be_read => [
        "read: Ok(\"reply\")", "read: Err(ConnectionReset)", "read: Ok(\"\")",
    ];
    a_reset_is_reported_once_and_a_write_may_be_the_one_to_hear => [
        "write: ConnectionReset", "write again: Err(BrokenPipe)", "read: Ok(\"\")",
    ];
    a_write_to_a_peer_that_closed_is_fine_once_and_then_a_broken_pipe => [
        "read: Ok(\"\")", "first write: Ok(5)", "later: BrokenPipe", "again: Err(BrokenPipe)", "read: Ok(\"\")",
    ];
    what_a_peer_said_before_it_closed_is_read_after_the_reset_too => [
        "write: BrokenPipe", "read: Ok(\"goodbye\")", "read: Ok(\"\")", "write: Err(BrokenPipe)",
    ];
    after_an_end_of_stream_a_read_never_says_reset => [
        "end: Ok(\"\")", "write: BrokenPipe", "read: Ok(\"\")",
    ];
    an_end_of_stream_stays_the_end_before_the_reset_is_reported => [
        "write: Ok(5)", "read until nothing changes: Ok(\"\")", "write: BrokenPipe",
    ];
    the_end_wakes_a_read_that_waits => ["pending: true", "read: Ok(0)"];
    a_reset_wakes_a_read_that_waits => ["pending: true", "read: Err(ConnectionReset)"];
    a_reset_wakes_a_write_that_waits => ["write: ConnectionReset"];
    what_was_written_before_a_drop_arrives => ["whole: true"];
    data_for_a_closed_socket_drops_what_it_had_not_sent => [
        "write: ConnectionReset", "some arrived: true", "all arrived: false",
    ];
    data_for_a_socket_that_only_shut_down_drops_nothing => ["read: Ok(\"hello\")", "all arrived: true"];
    a_dropped_half_keeps_the_connection => ["peer: Ok(\"hello\")", "reply: Ok(\"hello\")"];
    an_empty_read_waits_for_data_or_the_end => ["pending: true", "read: Ok(0)"];
}

async fn a_half_closed_connection_still_carries_the_reply<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    both.client.shutdown().await.expect("it is open");
    seen.read("request", &mut both.server).await;
    seen.read("end", &mut both.server).await;
    both.server.write_all(b"hello").await.expect("this way is open");
    drop(both.server);
    seen.read("reply", &mut both.client).await;
    seen.read("end", &mut both.client).await;
    seen.done()
}

async fn the_end_comes_after_all_buffered_data_and_stays<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let sent = pattern(50_000);
    both.client.write_all(&sent).await.expect("there is room");
    both.client.shutdown().await.expect("it is open");
    let received = read_all(&mut both.server).await.expect("no error");
    seen.note("whole", received == sent);
    seen.read("again", &mut both.server).await;
    seen.done()
}

async fn both_ends_may_close_at_once<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.shutdown().await.expect("it is open");
    both.server.shutdown().await.expect("it is open");
    seen.read("client", &mut both.client).await;
    seen.read("server", &mut both.server).await;
    seen.done()
}

async fn a_second_shutdown_is_fine<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    seen.result("first", both.client.shutdown().await);
    seen.result("second", both.client.shutdown().await);
    seen.read("peer", &mut both.server).await;
    seen.done()
}

async fn a_shutdown_after_both_ends_have_closed_is_fine<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.shutdown().await.expect("it is open");
    drop(both.server);
    seen.read("client", &mut both.client).await;
    seen.result("shutdown", both.client.shutdown().await);
    seen.done()
}

async fn a_write_after_ones_own_shutdown_is_a_broken_pipe<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.shutdown().await.expect("it is open");
    seen.write("write", &mut both.client).await;
    seen.result("write of nothing", both.client.write(&[]).await);
    seen.read("peer", &mut both.server).await;
    seen.done()
}

/// Drops the server's end of a connection with four bytes unread.
async fn drop_with_unread_data<P: Platform>(client: &mut P::Stream, mut server: P::Stream) {
    client.write_all(b"hello").await.expect("it is open");
    server.read_u8().await.expect("all five have arrived");
}

async fn a_drop_with_unread_data_resets<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    drop_with_unread_data::<P>(&mut both.client, both.server).await;
    seen.read("read", &mut both.client).await;
    seen.read("read again", &mut both.client).await;
    seen.write("write", &mut both.client).await;
    seen.result("shutdown", both.client.shutdown().await);
    seen.done()
}

async fn a_drop_with_unread_data_resets_a_client_that_has_shut_down<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    both.client.shutdown().await.expect("it is open");
    both.server.read_u8().await.expect("all five have arrived");
    drop(both.server);
    seen.read("read", &mut both.client).await;
    seen.read("read again", &mut both.client).await;
    seen.done()
}

async fn data_that_arrived_before_a_reset_can_be_read<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    both.server.read_u8().await.expect("all five have arrived");
    both.server.write_all(b"reply").await.expect("it is open");
    drop(both.server);
    seen.read("read", &mut both.client).await;
    seen.read("read", &mut both.client).await;
    seen.read("read", &mut both.client).await;
    seen.done()
}

async fn a_reset_is_reported_once_and_a_write_may_be_the_one_to_hear<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    drop_with_unread_data::<P>(&mut both.client, both.server).await;
    seen.note("write", write_until_error(&mut both.client).await);
    seen.write("write again", &mut both.client).await;
    seen.read("read", &mut both.client).await;
    seen.done()
}

async fn a_write_to_a_peer_that_closed_is_fine_once_and_then_a_broken_pipe<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    drop(both.server);
    seen.read("read", &mut both.client).await;
    seen.write("first write", &mut both.client).await;
    seen.note("later", write_until_error(&mut both.client).await);
    seen.write("again", &mut both.client).await;
    seen.read("read", &mut both.client).await;
    seen.done()
}

async fn what_a_peer_said_before_it_closed_is_read_after_the_reset_too<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.server.write_all(b"!goodbye").await.expect("it is open");
    drop(both.server);
    both.client.read_u8().await.expect("there is data");
    seen.note("write", write_until_error(&mut both.client).await);
    seen.read("read", &mut both.client).await;
    seen.read("read", &mut both.client).await;
    seen.write("write", &mut both.client).await;
    seen.done()
}

async fn after_an_end_of_stream_a_read_never_says_reset<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    both.server.read_u8().await.expect("all five have arrived");
    both.server.shutdown().await.expect("it is open");
    seen.read("end", &mut both.client).await;
    drop(both.server);
    seen.note("write", write_until_error(&mut both.client).await);
    seen.read("read", &mut both.client).await;
    seen.done()
}

async fn an_end_of_stream_stays_the_end_before_the_reset_is_reported<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    drop(both.server);
    both.client.read_u8().await.expect_err("it has ended");
    seen.write("write", &mut both.client).await;
    let mut read = Ok(String::new());
    // Long enough for the reset to come; a read must not be the one to hear of it.
    for _ in 0..30 {
        let mut bytes = Vec::new();
        let more = both.client.read_to_end(&mut bytes).await;
        if more.is_err() || !bytes.is_empty() {
            read = more.map(|_| "something".to_owned());
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    seen.result("read until nothing changes", read);
    seen.note("write", write_until_error(&mut both.client).await);
    seen.done()
}

async fn the_end_wakes_a_read_that_waits<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let mut bytes = [0; 64];
    let mut read = pin!(both.client.read(&mut bytes));
    let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
    seen.note("pending", polled.is_pending());
    drop(both.server);
    seen.result("read", read.await);
    seen.done()
}

async fn a_reset_wakes_a_read_that_waits<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    both.server.read_u8().await.expect("all five have arrived");
    let mut bytes = [0; 64];
    let mut read = pin!(both.client.read(&mut bytes));
    let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
    seen.note("pending", polled.is_pending());
    drop(both.server);
    seen.result("read", read.await);
    seen.done()
}

async fn a_reset_wakes_a_write_that_waits<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let both = pair.connect().await;
    let (waits, has_to_wait) = oneshot::channel();
    let (ends, has_ended) = oneshot::channel();
    let mut client = both.client;
    pair.client.spawn(async move {
        let bytes = vec![7; 64 * 1024];
        let mut waits = Some(waits);
        let error = loop {
            let wrote = poll_fn(|context| {
                let polled = Pin::new(&mut client).poll_write(context, &bytes);
                if polled.is_pending()
                    && let Some(waits) = waits.take()
                {
                    waits.send(()).expect("the test waits for it");
                }
                polled
            });
            if let Err(error) = wrote.await {
                break error.kind();
            }
        };
        ends.send(error).expect("the test waits for it");
    });
    has_to_wait.await.expect("nobody reads");
    let mut server = both.server;
    server.read_u8().await.expect("there is data");
    drop(server);
    seen.note("write", has_ended.await.expect("the task ends"));
    seen.done()
}

async fn what_was_written_before_a_drop_arrives<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let sent = pattern(50_000);
    both.client.write_all(&sent).await.expect("there is room");
    drop(both.client);
    let received = read_all(&mut both.server).await.expect("no error");
    seen.note("whole", received == sent);
    seen.done()
}

/// Writes until there is no more room. Returns how much.
async fn fill(stream: &mut (impl AsyncWrite + Unpin)) -> usize {
    let bytes = vec![7; 64 * 1024];
    let mut count = 0;
    loop {
        let wrote = poll_fn(|context| Poll::Ready(Pin::new(&mut *stream).poll_write(context, &bytes))).await;
        match wrote {
            Poll::Ready(wrote) => count += wrote.expect("it is open"),
            Poll::Pending => return count,
        }
    }
}

/// A graceful server that closes after its last answer: the caller's next byte makes its kernel forget the rest of it.
async fn data_for_a_closed_socket_drops_what_it_had_not_sent<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let count = fill(&mut both.server).await;
    drop(both.server);
    let error = write_until_error(&mut both.client).await;
    seen.note("write", error);
    let arrived = read_all(&mut both.client).await.expect("the error is told once");
    seen.note("some arrived", !arrived.is_empty());
    seen.note("all arrived", arrived.len() == count);
    seen.done()
}

async fn data_for_a_socket_that_only_shut_down_drops_nothing<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let count = fill(&mut both.server).await;
    both.server.shutdown().await.expect("it is open");
    both.client.write_all(b"hello").await.expect("this way is open");
    seen.read("read", &mut both.server).await;
    let arrived = read_all(&mut both.client).await.expect("no error");
    seen.note("all arrived", arrived.len() == count);
    seen.done()
}

async fn a_dropped_half_keeps_the_connection<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let (reads, mut writes) = tokio::io::split(both.client);
    drop(reads);
    writes.write_all(b"hello").await.expect("it is open");
    seen.read("peer", &mut both.server).await;
    let (mut server_reads, server_writes) = tokio::io::split(both.server);
    drop(server_writes);
    writes.write_all(b"hello").await.expect("it is open");
    seen.read("reply", &mut server_reads).await;
    seen.done()
}

async fn an_empty_read_waits_for_data_or_the_end<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let read: io::Result<usize> = {
        let mut read = pin!(both.client.read(&mut []));
        let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
        seen.note("pending", polled.is_pending());
        drop(both.server);
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => read.await,
        }
    };
    seen.result("read", read);
    seen.done()
}
