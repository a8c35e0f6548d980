//! Bytes on an open connection: order, backpressure, wake-ups.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use squall_platform::Platform;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::pair::{Pair, Seen, pattern, read_all, the_same_everywhere};

the_same_everywhere! {
    bytes_arrive_in_order => ["whole and in order: true"];
    eight_mebibytes_arrive_whole_through_a_slow_reader => ["whole and in order: true"];
    both_directions_at_once_do_not_block_each_other => ["to the server: true", "to the client: true"];
    a_writer_waits_for_a_reader_that_does_not_read => [
        "waits before the reader has read: true", "a bounded amount: true", "all arrives: true",
    ];
    vectored_writes_are_one_stream => ["is vectored: true", "written: Ok(11)", "read: Ok(\"one two six\")"];
    a_read_into_an_empty_buffer_takes_nothing => ["empty read: Ok(0)", "read: Ok(\"hello\")"];
    a_write_of_nothing_sends_nothing => ["empty write: Ok(0)", "all: Ok([])"];
    a_flush_has_nothing_to_wait_for => ["flush: Ok(())", "read: Ok(\"hello\")"];
    a_small_buffer_takes_a_part_and_leaves_the_rest => ["part: Ok(2)", "rest: Ok(\"llo\")"];
    several_writes_may_be_read_at_once => ["read: \"onetwo\""];
    data_wakes_a_read_that_waits => ["pending: true", "read: Ok(5)"];
    a_read_that_waits_does_not_keep_the_other_half_from_writing => ["read: Ok(\"hello\")", "reply: Ok(\"hello\")"];
    a_read_that_was_given_up_loses_nothing => ["pending: true", "read: Ok(\"hello\")"];
}

async fn bytes_arrive_in_order<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let sent = pattern(20_000);
    let (mut client, bytes) = (both.client, sent.clone());
    pair.client.spawn(async move {
        let mut rest = &bytes[..];
        for size in (1..).step_by(7) {
            let (part, tail) = rest.split_at(size.min(rest.len()));
            client.write_all(part).await.expect("the server reads");
            rest = tail;
            if rest.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    let received = read_all(&mut both.server).await.expect("no error");
    seen.note("whole and in order", received == sent);
    seen.done()
}

async fn eight_mebibytes_arrive_whole_through_a_slow_reader<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let sent = pattern(8 * 1024 * 1024);
    let (mut client, bytes) = (both.client, sent.clone());
    pair.client.spawn(async move {
        client.write_all(&bytes).await.expect("the server reads");
    });
    let mut received = Vec::new();
    let mut buffer = [0; 10_007];
    loop {
        tokio::task::yield_now().await;
        match both.server.read(&mut buffer).await.expect("no error") {
            0 => break,
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
    seen.note("whole and in order", received == sent);
    seen.done()
}

async fn both_directions_at_once_do_not_block_each_other<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let both = pair.connect().await;
    let sent = pattern(2 * 1024 * 1024);
    let (mut server_reads, mut server_writes) = tokio::io::split(both.server);
    let (mut client_reads, mut client_writes) = tokio::io::split(both.client);
    let (from_server, from_client) = (sent.clone(), sent.clone());
    pair.server.spawn(async move {
        server_writes
            .write_all(&from_server)
            .await
            .expect("the client reads");
        server_writes.shutdown().await.expect("it is open");
    });
    pair.client.spawn(async move {
        client_writes
            .write_all(&from_client)
            .await
            .expect("the server reads");
        client_writes.shutdown().await.expect("it is open");
    });
    let (to_server, to_client) = tokio::join!(read_all(&mut server_reads), read_all(&mut client_reads));
    seen.note("to the server", to_server.expect("no error") == sent);
    seen.note("to the client", to_client.expect("no error") == sent);
    seen.done()
}

async fn a_writer_waits_for_a_reader_that_does_not_read<P: Platform>(pair: Pair<P>) -> Vec<String> {
    const ALL: usize = 64 * 1024 * 1024;
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let written = Arc::new(AtomicUsize::new(0));
    let (waits, has_to_wait) = oneshot::channel();
    let (mut client, count) = (both.client, written.clone());
    pair.client.spawn(async move {
        let bytes = vec![7; 64 * 1024];
        let mut waits = Some(waits);
        while count.load(Ordering::Relaxed) < ALL {
            let wrote = poll_fn(|context| {
                let polled = Pin::new(&mut client).poll_write(context, &bytes);
                if polled.is_pending()
                    && let Some(waits) = waits.take()
                {
                    waits.send(()).expect("the test waits for it");
                }
                polled
            });
            count.fetch_add(wrote.await.expect("the server is there"), Ordering::Relaxed);
        }
    });
    seen.note("waits before the reader has read", has_to_wait.await.is_ok());
    seen.note("a bounded amount", written.load(Ordering::Relaxed) < ALL);
    let mut received = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match both.server.read(&mut buffer).await.expect("no error") {
            0 => break,
            count => received += count,
        }
    }
    seen.note(
        "all arrives",
        received == written.load(Ordering::Relaxed) && received >= ALL,
    );
    seen.done()
}

async fn vectored_writes_are_one_stream<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    seen.note("is vectored", both.client.is_write_vectored());
    let parts = [&b"one "[..], b"", b"two ", b"six"].map(IoSlice::new);
    seen.result("written", both.client.write_vectored(&parts).await);
    seen.read("read", &mut both.server).await;
    seen.done()
}

async fn a_read_into_an_empty_buffer_takes_nothing<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"!hello").await.expect("it is open");
    assert_eq!(both.server.read_u8().await.expect("there is data"), b'!');
    seen.result("empty read", both.server.read(&mut []).await);
    seen.read("read", &mut both.server).await;
    seen.done()
}

async fn a_write_of_nothing_sends_nothing<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    seen.result("empty write", both.client.write(&[]).await);
    drop(both.client);
    seen.result("all", read_all(&mut both.server).await);
    seen.done()
}

async fn a_flush_has_nothing_to_wait_for<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    seen.result("flush", both.client.flush().await);
    seen.read("read", &mut both.server).await;
    seen.done()
}

async fn a_small_buffer_takes_a_part_and_leaves_the_rest<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"hello").await.expect("it is open");
    seen.result("part", both.server.read(&mut [0; 2]).await);
    seen.read("rest", &mut both.server).await;
    seen.done()
}

async fn several_writes_may_be_read_at_once<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    both.client.write_all(b"one").await.expect("it is open");
    both.client.write_all(b"two").await.expect("it is open");
    both.client.write_all(b"!").await.expect("it is open");
    let mut bytes = [0; 6];
    both.server.read_exact(&mut bytes).await.expect("six bytes");
    seen.note("read", String::from_utf8_lossy(&bytes));
    seen.done()
}

async fn data_wakes_a_read_that_waits<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let mut bytes = [0; 64];
    let mut read = pin!(both.server.read(&mut bytes));
    let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
    seen.note("pending", polled.is_pending());
    both.client.write_all(b"hello").await.expect("it is open");
    seen.result("read", read.await);
    seen.done()
}

async fn a_read_that_waits_does_not_keep_the_other_half_from_writing<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let (mut reads, mut writes) = tokio::io::split(both.client);
    let (reply, replied) = oneshot::channel();
    pair.client.spawn(async move {
        let mut bytes = [0; 5];
        let read = reads.read_exact(&mut bytes).await;
        let text = read.map(|_| String::from_utf8_lossy(&bytes).into_owned());
        reply.send(text).expect("the test waits for it");
    });
    tokio::task::yield_now().await;
    pair.client.spawn(async move {
        writes.write_all(b"hello").await.expect("it is open");
    });
    let mut bytes = [0; 5];
    let read = both.server.read_exact(&mut bytes).await;
    seen.result("read", read.map(|_| String::from_utf8_lossy(&bytes).into_owned()));
    both.server.write_all(&bytes).await.expect("it is open");
    seen.result("reply", replied.await.expect("the task ends"));
    seen.done()
}

async fn a_read_that_was_given_up_loses_nothing<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    {
        let mut bytes = [0; 64];
        let mut read = pin!(both.server.read(&mut bytes));
        let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
        seen.note("pending", polled.is_pending());
    }
    both.client.write_all(b"hello").await.expect("it is open");
    seen.read("read", &mut both.server).await;
    seen.done()
}
