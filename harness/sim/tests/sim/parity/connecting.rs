//! Binding, connecting, accepting.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::Poll;

use squall_platform::{Listener, Platform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pair::{Pair, Seen, the_same_everywhere};

the_same_everywhere! {
    nobody_listening_refuses => ["connect: Err(ConnectionRefused)", "again: Err(ConnectionRefused)"];
    a_dropped_listener_refuses_and_its_connections_go_on => [
        "connect: Err(ConnectionRefused)", "write: Ok(5)", "read: Ok(\"hello\")",
    ];
    a_dropped_listener_resets_those_that_wait => [
        "read: Err(ConnectionReset)", "read again: Ok(\"\")", "write: Err(BrokenPipe)",
    ];
    connections_are_accepted_in_the_order_of_their_connects => ["order: [0, 1, 2, 3, 4, 5, 6, 7]"];
    a_connect_completes_before_anybody_accepts => ["connect: Ok(())", "accept: Ok(())"];
    bytes_sent_before_accept_are_read_after_it => ["read: Ok(\"hello\")"];
    a_client_that_left_before_accept_is_accepted_with_its_bytes => [
        "accept: Ok(())", "read: Ok(\"hello\")", "read: Ok(\"\")",
    ];
    a_taken_port_is_in_use_until_its_listener_is_gone => [
        "second: Err(AddrInUse)", "after the first is gone: Ok(())",
    ];
    port_zero_takes_a_free_one_and_says_which => [
        "different: true", "none is zero: true", "first: Ok(())", "second: Ok(())",
    ];
    accept_tells_the_clients_address => ["all from the client: true", "different ports: 4"];
    a_name_that_does_not_exist_is_an_error => ["connect is an error: true"];
    an_address_without_a_port_is_invalid => ["connect: Err(InvalidInput)"];
    a_listeners_own_address_can_be_dialled => ["connect: Ok(())"];
    an_accept_that_was_given_up_loses_nothing => ["pending: true", "read: Ok(\"hello\")"];
    many_connections_do_not_mix => ["echoes: 1000", "wrong: 0"];
}

async fn nobody_listening_refuses<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (listener, address) = pair.listen().await;
    drop(listener);
    seen.result("connect", pair.client.connect(&address).await.map(drop));
    seen.result("again", pair.client.connect(&address).await.map(drop));
    seen.done()
}

async fn a_dropped_listener_refuses_and_its_connections_go_on<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let mut both = pair.connect().await;
    let address = pair.address_of(&both.listener);
    drop(both.listener);
    seen.result("connect", pair.client.connect(&address).await.map(drop));
    seen.write("write", &mut both.client).await;
    seen.read("read", &mut both.server).await;
    seen.done()
}

async fn a_dropped_listener_resets_those_that_wait<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (listener, address) = pair.listen().await;
    let mut client = pair.client.connect(&address).await.expect("somebody listens");
    drop(listener);
    seen.read("read", &mut client).await;
    seen.read("read again", &mut client).await;
    seen.write("write", &mut client).await;
    seen.done()
}

async fn connections_are_accepted_in_the_order_of_their_connects<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let mut clients = Vec::new();
    for number in 0..8 {
        let mut client = pair.client.connect(&address).await.expect("somebody listens");
        client.write_u8(number).await.expect("it is open");
        clients.push(client);
    }
    let mut order = Vec::new();
    for _ in &clients {
        let (mut server, _) = listener.accept().await.expect("it waits");
        order.push(server.read_u8().await.expect("its number"));
    }
    seen.note("order", order);
    seen.done()
}

async fn a_connect_completes_before_anybody_accepts<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let client = pair.client.connect(&address).await;
    seen.result(
        "connect",
        client.as_ref().map(drop).map_err(|error| error.kind().into()),
    );
    seen.result("accept", listener.accept().await.map(drop));
    seen.done()
}

async fn bytes_sent_before_accept_are_read_after_it<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let mut client = pair.client.connect(&address).await.expect("somebody listens");
    client.write_all(b"hello").await.expect("it is open");
    let (mut server, _) = listener.accept().await.expect("it waits");
    seen.read("read", &mut server).await;
    seen.done()
}

async fn a_client_that_left_before_accept_is_accepted_with_its_bytes<P: Platform>(
    pair: Pair<P>,
) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let mut client = pair.client.connect(&address).await.expect("somebody listens");
    client.write_all(b"hello").await.expect("it is open");
    drop(client);
    let accepted = listener.accept().await;
    seen.result(
        "accept",
        accepted.as_ref().map(drop).map_err(|error| error.kind().into()),
    );
    let (mut server, _) = accepted.expect("noted");
    seen.read("read", &mut server).await;
    seen.read("read", &mut server).await;
    seen.done()
}

async fn a_taken_port_is_in_use_until_its_listener_is_gone<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (listener, _) = pair.listen().await;
    let port = listener.local_addr().expect("bound").port();
    seen.result("second", pair.server.bind(port).await.map(drop));
    drop(listener);
    seen.result("after the first is gone", pair.server.bind(port).await.map(drop));
    seen.done()
}

async fn port_zero_takes_a_free_one_and_says_which<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (first, first_address) = pair.listen().await;
    let (second, second_address) = pair.listen().await;
    let ports = [&first, &second].map(|listener| listener.local_addr().expect("bound").port());
    seen.note("different", ports[0] != ports[1]);
    seen.note("none is zero", !ports.contains(&0));
    seen.result("first", pair.client.connect(&first_address).await.map(drop));
    seen.result("second", pair.client.connect(&second_address).await.map(drop));
    seen.done()
}

async fn accept_tells_the_clients_address<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let (mut streams, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        streams.push(pair.client.connect(&address).await.expect("somebody listens"));
        let (stream, peer) = listener.accept().await.expect("it waits");
        streams.push(stream);
        peers.push(peer);
    }
    seen.note(
        "all from the client",
        peers
            .iter()
            .all(|peer| peer.ip() == pair.client_ip && peer.port() != 0),
    );
    let ports: BTreeSet<u16> = peers.iter().map(|peer| peer.port()).collect();
    seen.note("different ports", ports.len());
    seen.done()
}

async fn a_name_that_does_not_exist_is_an_error<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let address = "no-such-host.invalid:80".parse().expect("an authority");
    seen.note(
        "connect is an error",
        pair.client.connect(&address).await.is_err(),
    );
    seen.done()
}

async fn an_address_without_a_port_is_invalid<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let address = pair.server_name.parse().expect("an authority");
    seen.result("connect", pair.client.connect(&address).await.map(drop));
    seen.done()
}

async fn a_listeners_own_address_can_be_dialled<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (listener, _) = pair.listen().await;
    let address = listener.local_addr().expect("bound").to_string();
    let address = address.parse().expect("an authority");
    seen.result("connect", pair.client.connect(&address).await.map(drop));
    seen.done()
}

async fn an_accept_that_was_given_up_loses_nothing<P: Platform>(pair: Pair<P>) -> Vec<String> {
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    {
        let mut accept = pin!(listener.accept());
        let polled = std::future::poll_fn(|context| Poll::Ready(accept.as_mut().poll(context))).await;
        seen.note("pending", polled.is_pending());
    }
    let mut client = pair.client.connect(&address).await.expect("somebody listens");
    client.write_all(b"hello").await.expect("it is open");
    let (mut server, _) = listener.accept().await.expect("it waits");
    seen.read("read", &mut server).await;
    seen.done()
}

async fn many_connections_do_not_mix<P: Platform>(pair: Pair<P>) -> Vec<String> {
    const CLIENTS: u32 = 50;
    const ROUNDS: u32 = 20;
    let mut seen = Seen::default();
    let (mut listener, address) = pair.listen().await;
    let server = pair.server.clone();
    pair.server.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            server.spawn(async move {
                while let Ok(word) = stream.read_u64().await {
                    stream.write_u64(word).await.expect("the client reads");
                }
            });
        }
    });
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    for number in 0..CLIENTS {
        let (client, address, sender) = (pair.client.clone(), address.clone(), sender.clone());
        pair.client.spawn(async move {
            let mut stream = client.connect(&address).await.expect("somebody listens");
            for round in 0..ROUNDS {
                let word = u64::from(number) << 32 | u64::from(round);
                stream.write_u64(word).await.expect("it is open");
                let echo = stream.read_u64().await.expect("the echo");
                sender.send(echo == word).await.expect("the test listens");
            }
            drop(stream);
        });
    }
    drop(sender);
    let (mut echoes, mut wrong) = (0, 0);
    while let Some(right) = receiver.recv().await {
        echoes += 1;
        wrong += u32::from(!right);
    }
    seen.note("echoes", echoes);
    seen.note("wrong", wrong);
    seen.done()
}
