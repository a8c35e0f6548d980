//! Messages with an idempotency key: handled once, answered alike.

use std::sync::{Arc, Mutex};

use crate::support::*;
use squall_router::{
    Component, ComponentError, Input, Message, Options, Output, Payload, RetryPolicy, async_trait,
};
use tokio::time::sleep;

fn keyed(to: &str, key: &str) -> Message {
    message(to).idempotency_key(key)
}

/// Answers with its number of calls.
fn counting() -> (Counted, Arc<std::sync::atomic::AtomicUsize>) {
    Counted::new(|call| Ok(Some(Payload::encode(&call)?)))
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_again_gets_the_same_answer() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = counting();
    place(&b, &[&a], "node", counted, &[]);
    let ask = async |message| {
        a.scheduler()
            .handle(message)
            .await
            .unwrap()
            .unwrap()
            .json()
            .unwrap()
    };
    assert_eq!(ask(keyed("node.in", "k")).await, 0);
    assert_eq!(ask(keyed("node.in", "k")).await, 0);
    assert_eq!(
        ask(keyed("node.in", "l")).await,
        1,
        "another key is another message"
    );
    assert_eq!(ask(keyed("node.other", "k")).await, 2, "so is another port");
    assert_eq!(
        ask(message("node.in")).await,
        3,
        "without a key every message is new"
    );
    sleep(ms(121_000)).await;
    assert_eq!(ask(keyed("node.in", "k")).await, 4, "the window is two minutes");
    assert_eq!(count(&calls), 5);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_waits_for_the_one_being_handled() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let answers = [(); 3].map(|()| call(&host, &a, keyed("held.in", "k")));
    held.arrived(1).await;
    sleep(ms(1000)).await;
    assert_eq!(count(&held.entered), 1);
    held.let_go(1);
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
    }
    assert_eq!(count(&held.entered), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_one_is_cancelled_the_next_one_is_handled() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let first = call(&host, &a, keyed("held.in", "k").timeout(ms(500)));
    held.arrived(1).await;
    let (second, third) = (
        call(&host, &a, keyed("held.in", "k")),
        call(&host, &a, keyed("held.in", "k")),
    );
    assert_eq!(first.await.unwrap().expect_err("held").class(), "timeout");
    held.arrived(1).await;
    held.let_go(1);
    for answer in [second, third] {
        assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
    }
    assert_eq!(count(&held.entered), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_given_to_the_next_attempt() {
    for keyed in [true, false] {
        let network = Network::default();
        let (a, b) = pair(network.host(), network.host(), noticing_silence()).await;
        let cut = network.clone();
        let (counted, calls) = Counted::new(move |call| {
            if call == 0 {
                cut.cut();
            }
            Ok(Some(Payload::encode(&call)?))
        });
        place(&b, &[&a], "node", counted, &[]);
        let mut sent = message("node.in").retry(RetryPolicy::attempts(2));
        if keyed {
            sent = sent.idempotency_key("k");
        }
        let answer = a.scheduler().handle(sent).await;
        match keyed {
            true => assert_eq!(
                answer.unwrap(),
                Some(json("0")),
                "the answer of the first execution"
            ),
            false => assert_eq!(answer.expect_err("it may have happened").class(), "unavailable"),
        }
        assert_eq!(count(&calls), 1, "keyed: {keyed}");
    }
}

/// Writes down the keys that it is sent.
#[derive(Clone, Default)]
struct Keys(Arc<Mutex<Vec<Option<String>>>>);

#[async_trait]
impl Component for Keys {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        self.0
            .lock()
            .unwrap()
            .push(input.context.key.as_deref().map(str::to_owned));
        Ok(None)
    }
}

impl Keys {
    fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Emits three times on `out`, and once on `other`.
struct Four;

#[async_trait]
impl Component for Four {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        for port in ["out", "out", "other", "out"] {
            output.emit(port, input.data.clone()).await?;
        }
        Err(ComponentError::new("once more").retryable(true))
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_from_a_message_with_a_key_has_keys_of_its_own_the_same_each_time() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let keys = Keys::default();
    let edges = [("out", "keys.in"), ("out", "keys.more"), ("other", "keys.in")];
    place(&a, &[], "four", Four, &edges);
    place(&b, &[&a], "keys", keys.clone(), &[]);
    let go = async |message| {
        a.scheduler()
            .handle(message)
            .await
            .expect_err("it never succeeds")
    };

    go(keyed("four.in", "k")).await;
    let first = keys.take();
    let different: std::collections::BTreeSet<_> = first.iter().flatten().collect();
    assert_eq!((first.len(), different.len()), (7, 7), "{first:?}");
    assert!(different.iter().all(|key| key.len() == 32), "{first:?}");

    go(keyed("four.in", "k")).await;
    assert_eq!(keys.take(), [], "all of them were handled before");
    go(keyed("four.in", "l")).await;
    let other = keys.take();
    assert_eq!(other.len(), 7);
    assert!(other.iter().all(|key| !first.contains(key)));
    go(message("four.in")).await;
    assert_eq!(keys.take(), [const { None }; 7], "no key, no keys");
}

#[tokio::test(start_paused = true)]
async fn a_policy_can_give_a_message_a_key() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let keys = Keys::default();
    place(&b, &[&a], "keys", keys.clone(), &[]);
    for _ in 0..2 {
        let sent = message("keys.in").retry(RetryPolicy::attempts(2).idempotent());
        a.scheduler().handle(sent).await.unwrap();
    }
    let seen = keys.take();
    assert!(
        seen[0].is_some() && seen[1].is_some() && seen[0] != seen[1],
        "{seen:?}"
    );
}
