//! Lines 17 to 28: retry and errors.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::support::*;
use squall_platform::Platform;
use squall_router::{ComponentError, Error, Module, Options, Payload, RetryPolicy, error_text};
use tokio::time::Instant;

/// Two modules: `first` on `a` emits to `last` on `b`, with four attempts, 1 s, 2 s and 4 s apart.
async fn chain(last: impl squall_router::Component) -> Module<impl Platform> {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let edge = squall_router::Edge::new("out", "last.in").retry(policy());
    a.install("first", Arc::new(Pass), vec![edge]);
    place(&b, &[&a], "last", last, &[]);
    a
}

fn policy() -> RetryPolicy {
    RetryPolicy::attempts(4)
}

/// The result of one call, its number of attempts, and how many milliseconds it took.
async fn outcome(
    (last, calls): (Counted, Arc<AtomicUsize>),
) -> (Result<Option<Payload>, Error>, usize, u128) {
    let a = chain(last).await;
    let start = Instant::now();
    let result = ask(&a, "first.in").await;
    (result, count(&calls), start.elapsed().as_millis())
}

async fn attempts(error: fn() -> ComponentError) -> usize {
    let (result, attempts, _) = outcome(Counted::failing(error)).await;
    result.expect_err("it always fails");
    attempts
}

#[tokio::test(start_paused = true)]
async fn line_17_success_passes_through_with_one_attempt() {
    let (result, attempts, _) = outcome(Counted::new(|_| Ok(Some(json("7"))))).await;
    assert_eq!((result.unwrap(), attempts), (Some(json("7")), 1));
}

#[tokio::test(start_paused = true)]
async fn line_17_its_opposite_a_retryable_error_is_tried_again_until_it_succeeds() {
    let last = Counted::new(|call| match call {
        0 | 1 => Err(ComponentError::new("busy").retryable(true)),
        _ => Ok(Some(json("7"))),
    });
    let (result, attempts, took) = outcome(last).await;
    assert_eq!((result.unwrap(), attempts, took), (Some(json("7")), 3, 3000));
}

#[tokio::test(start_paused = true)]
async fn line_18_an_unmarked_error_is_one_attempt_and_returned_at_once() {
    let (result, attempts, took) = outcome(Counted::failing(|| "boom".into())).await;
    assert_eq!(result.expect_err("it fails").message(), "boom");
    assert_eq!(attempts, 1);
    assert!(took < 500, "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn line_19_a_permanent_mark_survives_the_edge_and_means_one_attempt() {
    let last = Counted::failing(|| ComponentError::new("denied").code("E403").retryable(false));
    let (result, attempts, _) = outcome(last).await;
    let error = result.expect_err("it fails");
    assert_eq!(
        (error.retryable(), error.code(), attempts),
        (Some(false), Some("E403"), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn line_20_cancellation_while_sending_returns_quickly() {
    let held = Held::new();
    let a = chain(held.clone()).await;
    let start = Instant::now();
    let cancel = async {
        held.arrived(1).await;
        a.set_edges("first", Vec::new());
    };
    let (result, ()) = tokio::join!(ask(&a, "first.in"), cancel);
    let error = result.expect_err("the edge is gone");
    assert_eq!(error.class(), "cancelled");
    assert!(start.elapsed() < ms(2000), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn line_20_so_does_cancellation_between_two_attempts() {
    let (last, calls) = Counted::failing(|| ComponentError::new("busy").retryable(true));
    let a = chain(last).await;
    let cancel = async {
        tokio::time::sleep(ms(500)).await;
        a.set_edges("first", Vec::new());
    };
    let start = Instant::now();
    let (result, ()) = tokio::join!(ask(&a, "first.in"), cancel);
    assert_eq!(result.expect_err("the edge is gone").class(), "cancelled");
    assert_eq!((start.elapsed(), count(&calls)), (ms(500), 1));
}

#[tokio::test(start_paused = true)]
async fn line_21_the_message_carries_to_from_and_data() {
    let a = chain(Reflect).await;
    let seen = ask(&a, "first.in").await.unwrap().unwrap().json().unwrap();
    assert_eq!(
        (&seen["port"], &seen["from"]),
        (&"in".into(), &"first.out".into())
    );
    let a = chain(Echo).await;
    assert_eq!(ask(&a, "first.in").await.unwrap(), Some(json("1")));
}

fn delays(policy: &RetryPolicy, failures: u32) -> Vec<u128> {
    (1..=failures).map(|n| policy.delay(n).as_millis()).collect()
}

#[test]
fn line_22_delays_double_from_one_second_to_thirty() {
    assert_eq!(
        delays(&RetryPolicy::default(), 7),
        [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    );
}

#[test]
fn line_23_delays_follow_the_policy() {
    let policy = RetryPolicy::default().delays(ms(500), 3.0, ms(10_000));
    assert_eq!(delays(&policy, 5), [500, 1500, 4500, 10_000, 10_000]);
}

#[test]
fn line_24_an_unusable_coefficient_is_two() {
    for text in ["", "two", "0.99", "-3", "NaN", "inf"] {
        assert_eq!(RetryPolicy::coefficient_of(text), 2.0, "{text:?}");
    }
    assert_eq!(RetryPolicy::coefficient_of(" 1.5 "), 1.5);
    let policy = RetryPolicy::default().delays(ms(1000), 0.5, ms(30_000));
    assert_eq!(delays(&policy, 3), [1000, 2000, 4000]);
}

#[tokio::test(start_paused = true)]
async fn line_25_a_listed_code_is_final_and_an_unlisted_or_missing_one_is_not() {
    async fn attempts(error: fn() -> ComponentError) -> usize {
        let (last, calls) = Counted::failing(error);
        let a = chain(last).await;
        let policy = policy().non_retryable("E402");
        a.set_edges(
            "first",
            vec![squall_router::Edge::new("out", "last.in").retry(policy)],
        );
        ask(&a, "first.in").await.expect_err("it always fails");
        count(&calls)
    }
    assert_eq!(
        attempts(|| ComponentError::new("pay").code("E402").retryable(true)).await,
        1
    );
    assert_eq!(
        attempts(|| ComponentError::new("busy").code("E503").retryable(true)).await,
        4
    );
    assert_eq!(attempts(|| ComponentError::new("busy").retryable(true)).await, 4);
}

#[tokio::test(start_paused = true)]
async fn line_26_only_a_retryable_mark_is_tried_again_and_permanent_beats_it() {
    assert_eq!(attempts(|| "plain".into()).await, 1);
    assert_eq!(attempts(|| ComponentError::new("busy").retryable(true)).await, 4);
    assert_eq!(
        attempts(|| ComponentError::new("never").retryable(false)).await,
        1
    );
}

#[test]
fn line_26_marks_survive_wrapping_and_permanent_beats_retryable_both_ways() {
    let marked = |mark| Error::from(ComponentError::new("inner").retryable(mark));
    let wrapped = |inner: Error| ComponentError::from(inner).code("E1");
    assert_eq!(Error::from(wrapped(marked(true))).retryable(), Some(true));
    assert_eq!(
        Error::from(wrapped(marked(false)).retryable(true)).retryable(),
        Some(false)
    );
    assert_eq!(
        Error::from(wrapped(marked(true)).retryable(false)).retryable(),
        Some(false)
    );
    assert_eq!(Error::from(ComponentError::new("plain")).retryable(), None);
}

#[tokio::test(start_paused = true)]
async fn line_27_the_policys_timeout_bounds_each_attempt_and_no_policy_has_none() {
    assert_eq!(RetryPolicy::default().attempt_timeout, None);
    let held = Held::new();
    let a = chain(held.clone()).await;
    let policy = policy().attempt_timeout(ms(200)).idempotent();
    a.set_edges(
        "first",
        vec![squall_router::Edge::new("out", "last.in").retry(policy)],
    );
    let start = Instant::now();
    let error = ask(&a, "first.in").await.expect_err("nobody lets go");
    assert_eq!(error.class(), "timeout");
    assert_eq!(count(&held.entered), 4, "the timeout is not one for all attempts");
    assert_eq!(start.elapsed(), ms(4 * 200 + 1000 + 2000 + 4000));
}

#[test]
fn line_28_the_text_of_an_error_payload_is_its_error_field_or_a_fixed_one() {
    let text = |said: &str| error_text(&json(said));
    assert_eq!(text(r#"{"error":"no such host","request":1}"#), "no such host");
    for said in [
        r#"{"error":""}"#,
        r#"{"error":7}"#,
        r#"{"error":{"error":"deep"}}"#,
        "{}",
        "[]",
        "null",
        "\"error\"",
        "3",
        "",
        "{garbage",
    ] {
        assert_eq!(text(said), "unspecified error", "{said}");
    }
    let packed = Payload::new("x".to_owned(), squall_router::ContentType::MessagePack);
    assert_eq!(error_text(&packed), "unspecified error");
}
