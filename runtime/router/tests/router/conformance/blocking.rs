//! Lines 1 to 6: blocking and propagation.

use crate::support::*;
use squall_router::{ComponentError, Options, RetryPolicy};

#[tokio::test(start_paused = true)]
async fn line_01_the_first_node_does_not_return_while_its_sink_is_held() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&a, &[], "first", Pass, &[("out", "held.in")]);
    place(&b, &[&a], "held", held.clone(), &[]);
    let mut answer = call(&host, &a, message("first.in"));
    held.arrived(1).await;
    tokio::time::sleep(ms(5000)).await;
    assert!(answer.try_recv().is_err(), "it is held");
    held.let_go(1);
    assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn line_02_nor_across_three_hops() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&a, &[&b], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "third.in")]);
    place(&a, &[&b], "third", Pass, &[("out", "held.in")]);
    place(&b, &[&a], "held", held.clone(), &[]);
    let mut answer = call(&host, &a, message("first.in"));
    held.arrived(1).await;
    tokio::time::sleep(ms(5000)).await;
    assert!(answer.try_recv().is_err(), "it is held");
    held.let_go(1);
    assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn line_03_a_permanent_error_reaches_the_first_caller_with_its_text_and_its_mark() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[&b], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "bad.in")]);
    place(
        &a,
        &[&b],
        "bad",
        Fail(|| ComponentError::new("no such bucket").retryable(false)),
        &[],
    );
    let error = ask(&a, "first.in").await.expect_err("it is permanent");
    assert_eq!(error.message(), "no such bucket");
    assert_eq!(error.retryable(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn line_04_a_plain_error_is_delivered_once_even_under_a_retry_policy() {
    let network = Network::default();
    let options = Options {
        retry: Some(RetryPolicy::attempts(5).into()),
        ..Options::default()
    };
    let (a, b) = pair(network.host(), network.host(), options).await;
    let (bad, calls) = Counted::failing(|| "boom".into());
    place(&a, &[], "first", Pass, &[("out", "bad.in")]);
    place(&b, &[&a], "bad", bad, &[]);
    let error = ask(&a, "first.in").await.expect_err("it fails");
    assert_eq!((error.message().as_str(), count(&calls)), ("boom", 1));
}

#[tokio::test(start_paused = true)]
async fn line_05_four_calls_of_one_chain_neither_deadlock_nor_wait_for_each_other() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&a, &[], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "held.in")]);
    place(&a, &[&b], "held", held.clone(), &[]);
    let answers = [(); 4].map(|()| call(&host, &a, message("first.in")));
    held.arrived(4).await;
    held.let_go(4);
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
    }
}

#[tokio::test(start_paused = true)]
async fn line_06_the_value_of_an_emission_is_that_of_the_handler_downstream() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "here", Pass, &[("out", "last.in")]);
    place(&a, &[], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "last.in")]);
    place(&a, &[&b], "last", Constant(Some("\"from the last\"")), &[]);
    for to in ["here.in", "first.in"] {
        assert_eq!(
            ask(&a, to).await.unwrap(),
            Some(json("\"from the last\"")),
            "{to}"
        );
    }
}
