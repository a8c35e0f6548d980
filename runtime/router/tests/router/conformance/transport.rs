//! Lines 7 to 16: what crosses from one module to another, by both methods of the wire.

use std::sync::{Arc, Mutex};

use crate::support::*;
use squall_router::{
    Component, ComponentError, ContentType, Input, Message, Method, Module, Options, Output, Payload,
    async_trait,
};
use tokio::time::{Instant, timeout};

const METHODS: [Method; 2] = [Method::Send, Method::Message];

/// `a` calls `node` on `b` by this method.
async fn callee(method: Method, node: &str, component: impl Component) -> Module<Memory> {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    a.set_method("b", method);
    place(&b, &[&a], node, component, &[]);
    a
}

#[tokio::test(start_paused = true)]
async fn line_07_a_round_trip_returns_the_bytes_unchanged() {
    for method in METHODS {
        let a = callee(method, "echo", Echo).await;
        // JSON that any parser would write in another way, and bytes that are no text at all.
        let odd = " {\"a\" : 1.00,\t\"a\":\"\\u00e9\"}\n".to_owned();
        let answer = a.scheduler().handle(Message::new("echo.in", json(&odd))).await;
        assert_eq!(answer.unwrap(), Some(json(&odd)), "{method:?}");
    }
    let a = callee(Method::Send, "echo", Echo).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let packed = Payload::new(bytes, ContentType::MessagePack);
    let answer = a
        .scheduler()
        .handle(Message::new("echo.in", packed.clone()))
        .await;
    assert_eq!(answer.unwrap(), Some(packed));
}

#[tokio::test]
async fn line_07_so_it_does_over_real_sockets() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "echo", Echo, &[]);
    let long = format!("\"{}\"", "x".repeat(100_000));
    let answer = a.scheduler().handle(Message::new("echo.in", json(&long))).await;
    assert_eq!(answer.unwrap(), Some(json(&long)));
}

#[tokio::test(start_paused = true)]
async fn line_08_no_value_is_no_value_and_not_null() {
    for method in METHODS {
        let a = callee(method, "nothing", Constant(None)).await;
        assert_eq!(ask(&a, "nothing.in").await.unwrap(), None, "{method:?}");
        let a = callee(method, "null", Constant(Some("null"))).await;
        assert_eq!(
            ask(&a, "null.in").await.unwrap(),
            Some(json("null")),
            "{method:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn line_09_an_error_arrives_with_its_text() {
    const TEXT: &str = "no such \"host\": ünïcode, 100%41\nand a second line";
    for method in METHODS {
        let a = callee(method, "bad", Fail(|| TEXT.into())).await;
        let error = ask(&a, "bad.in").await.expect_err("it fails");
        assert_eq!(error.message(), TEXT, "{method:?}");
    }
}

/// Keeps what it is told of one message.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Component for Witness {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        let seen = format!(
            "{}.{} from {} along {:?}, what it emits is at depth {}: {:?}",
            output.node(),
            input.port,
            input.from,
            input.edge,
            input.context.depth,
            input.data.json()?
        );
        self.0.lock().unwrap().push(seen);
        Ok(None)
    }
}

#[tokio::test(start_paused = true)]
async fn line_10_the_receiver_sees_to_from_edge_depth_and_data_as_sent() {
    for method in METHODS {
        let witness = Witness::default();
        let a = callee(method, "node", witness.clone()).await;
        let mut sent = Message::new("node.in", json("[7]")).from("first.out").edge("e-1");
        sent.context.depth = 41;
        a.scheduler().handle(sent).await.unwrap();
        let seen = witness.0.lock().unwrap().clone();
        let expected =
            "node.in from first.out along Some(\"e-1\"), what it emits is at depth 42: Array [Number(7)]";
        assert_eq!(seen, [expected], "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_11_a_cancelled_sender_is_free_at_once_and_so_is_the_stuck_handler() {
    for method in METHODS {
        let (stuck, entered, dropped) = Cancellable::new();
        let a = callee(method, "stuck", stuck).await;
        let start = Instant::now();
        let given_up = async {
            entered.await.unwrap();
            tokio::time::sleep(ms(100)).await;
        };
        tokio::select! {
            biased;
            answer = ask(&a, "stuck.in") => panic!("it never answers: {answer:?}"),
            () = given_up => {}
        }
        assert_eq!(start.elapsed(), ms(100), "{method:?}");
        // It is dropped, not answered: its end of the channel is gone.
        let end = timeout(ms(2000), dropped).await.expect("the handler ends too");
        assert!(end.is_err(), "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_12_twenty_requests_are_processed_at_once() {
    for method in METHODS {
        let slow = Slow(ms(200), "1");
        let a = callee(method, "slow", slow).await;
        let start = Instant::now();
        let calls: Vec<_> = (0..20).map(|_| in_background(&a, "slow.in")).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), Some(json("1")));
        }
        assert_eq!(start.elapsed(), ms(200), "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_13_a_receiver_that_calls_back_from_its_handler_completes() {
    for method in METHODS {
        let network = Network::default();
        let (a, b) = pair(network.host(), network.host(), Options::default()).await;
        a.set_method("b", method);
        b.set_method("a", method);
        place(&b, &[&a], "there", Pass, &[("out", "home.in")]);
        place(&a, &[&b], "home", Echo, &[]);
        let start = Instant::now();
        let calls: Vec<_> = (0..50).map(|_| in_background(&a, "there.in")).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), Some(json("1")), "{method:?}");
        }
        assert_eq!(start.elapsed(), ms(0), "nobody waited for a turn");
    }
}

#[tokio::test(start_paused = true)]
async fn line_14_two_receivers_share_the_messages_and_each_message_is_handled_once() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (mut addresses, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (b, address) = start(network.host(), "b", Options::default()).await;
        let (counted, calls) = Counted::new(|_| Ok(Some(json("1"))));
        place(&b, &[&a], "node", counted, &[]);
        addresses.push(address);
        counts.push(calls);
    }
    a.register("b", addresses);
    for _ in 0..40 {
        ask(&a, "node.in").await.unwrap();
    }
    let shares: Vec<usize> = counts.iter().map(|calls| count(calls)).collect();
    assert_eq!(shares.iter().sum::<usize>(), 40, "{shares:?}");
    assert!(shares.iter().all(|share| *share >= 10), "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn line_15_a_code_crosses_the_wire() {
    for method in METHODS {
        let a = callee(method, "bad", Fail(|| ComponentError::new("pay").code("E402"))).await;
        let error = ask(&a, "bad.in").await.expect_err("it fails");
        assert_eq!(error.code(), Some("E402"), "{method:?}");
        let a = callee(method, "bad", Fail(|| "pay".into())).await;
        let error = ask(&a, "bad.in").await.expect_err("it fails");
        assert_eq!(error.code(), None, "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_16_an_error_causes_no_hidden_second_invocation() {
    for method in METHODS {
        let (counted, calls) = Counted::failing(|| ComponentError::new("busy").retryable(true));
        let a = callee(method, "bad", counted).await;
        ask(&a, "bad.in").await.expect_err("it fails");
        tokio::time::sleep(ms(60_000)).await;
        assert_eq!(count(&calls), 1, "{method:?}");
    }
}
