//! Deadlines and lost connections: failed, or unknown.

use crate::support::*;
use squall_router::{Kind, Module, Options, Outcome};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_callee_that_never_answers_times_the_call_out_at_its_deadline_and_is_cancelled() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (component, entered, cancelled) = Cancellable::new();
    place(&b, &[&a], "stuck", component, &[]);
    let start = Instant::now();
    let error = a
        .scheduler()
        .handle(message("stuck.in").timeout(ms(70)))
        .await
        .expect_err("no answer");
    assert_eq!(start.elapsed(), ms(70));
    assert_eq!(error.to_string(), "cross-module call timed out");
    assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Unknown));
    entered.await.expect("it was called");
    cancelled.await.expect_err("nobody waits for it any more");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_timeout_takes_the_modules() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&b, &[&a], "stuck", Never, &[]);
    let start = Instant::now();
    let error = a
        .scheduler()
        .handle(message("stuck.in"))
        .await
        .expect_err("no answer");
    assert_eq!(error.class(), "timeout");
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_dialling_is_a_timeout_that_certainly_did_not_happen() {
    let network = Network::default();
    let (a, address) = start(network.host(), "a", Options::default()).await;
    network.set_link(&address, Link::BlackHole);
    a.set_node("theirs", "b");
    a.register("b", vec![address]);
    let start = Instant::now();
    let error = a
        .scheduler()
        .handle(message("theirs.in").timeout(ms(500)))
        .await
        .expect_err("no way there");
    assert_eq!(start.elapsed(), ms(500));
    assert_eq!(error.to_string(), "cross-module call timed out");
    assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_takes_too_long_fails_all_that_wait_for_it_at_once() {
    let network = Network::default();
    let (a, address) = start(network.host(), "a", Options::default()).await;
    network.set_link(&address, Link::BlackHole);
    a.set_node("theirs", "b");
    a.register("b", vec![address.clone()]);
    let begun = Instant::now();
    let call = || a.scheduler().handle(message("theirs.in"));
    let results = tokio::join!(call(), call(), call());
    assert_eq!(begun.elapsed(), Options::default().connect_timeout);
    for result in [results.0, results.1, results.2] {
        let error = result.expect_err("no way there");
        assert_eq!(error.to_string(), "module unavailable: b");
        assert_eq!(error.outcome(), Outcome::Failed);
        assert!(error.cause().unwrap().contains("connect timed out"), "{error:?}");
    }
    assert_eq!(network.dials(&address), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_killed_during_a_call_is_unavailable_and_the_outcome_unknown() {
    let network = Network::default();
    let b_host = network.host();
    let (a, b) = pair(network.host(), b_host.clone(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let kill = async {
        held.arrived(1).await;
        b_host.kill();
    };
    let (result, ()) = tokio::join!(a.scheduler().handle(message("held.in")), kill);
    let error = result.expect_err("b is dead");
    assert_eq!(error.to_string(), "module unavailable: b");
    assert_eq!(
        (error.class(), error.outcome()),
        ("unavailable", Outcome::Unknown)
    );
    let error = a
        .scheduler()
        .handle(message("held.in"))
        .await
        .expect_err("still dead");
    assert_eq!((error.class(), error.outcome()), ("unavailable", Outcome::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_noticed_by_keepalive() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), noticing_silence()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let begun = Instant::now();
    let freeze = async {
        held.arrived(1).await;
        network.freeze();
    };
    let (result, ()) = tokio::join!(a.scheduler().handle(message("held.in")), freeze);
    let error = result.expect_err("nothing arrives");
    assert_eq!(error.to_string(), "module unavailable: b");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(
        begun.elapsed().as_secs(),
        13,
        "a ping after 10 s, given up 3 s later"
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_further_down_is_unknown_at_the_caller_too() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, b_address) = start(network.host(), "b", Options::default()).await;
    let (c, c_address) = start(
        network.host(),
        "c",
        Options {
            call_timeout: ms(50),
            ..Options::default()
        },
    )
    .await;
    a.register("c", vec![c_address]);
    place(&c, &[&a], "pass", Pass, &[("out", "stuck.in")]);
    place(&b, &[&c], "stuck", Never, &[]);
    c.register("b", vec![b_address]);
    let error = a
        .scheduler()
        .handle(message("pass.in"))
        .await
        .expect_err("b never answers");
    assert_eq!(error.to_string(), "remote error: cross-module call timed out");
    assert_eq!(
        (error.class(), error.kind()),
        ("remote_error", Kind::UpstreamTimeout)
    );
    assert_eq!((error.outcome(), error.origin()), (Outcome::Unknown, Some("c")));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_travels_and_shrinks_with_each_hop() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "pass", SlowPass, &[("out", "far.in")]);
    place(&b, &[&a], "far", SlowPass, &[("out", "reflect.in")]);
    place(&a, &[&b], "reflect", Reflect, &[]);
    let sent = message("pass.in")
        .timeout(ms(1000))
        .trace(0xabc)
        .metadata("tenant", "t-1");
    let seen = a.scheduler().handle(sent).await.unwrap().unwrap().json().unwrap();
    let expected = serde_json::json!({
        "port": "in",
        "from": "far.out",
        "trace": "00000000000000000000000000000abc",
        "depth": 3,
        "left_us": 800_000,
        "metadata": { "tenant": "t-1" },
    });
    assert_eq!(seen, expected);
}

/// Takes 100 ms, then passes on.
struct SlowPass;

#[squall_router::async_trait]
impl squall_router::Component for SlowPass {
    async fn handle(
        &self,
        input: squall_router::Input<'_>,
        output: &squall_router::Output,
    ) -> Result<Option<squall_router::Payload>, squall_router::ComponentError> {
        tokio::time::sleep(ms(100)).await;
        Ok(output.emit("out", input.data).await?)
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_component_that_never_answers_is_bounded_by_the_messages_timeout() {
    let module = Module::new(Network::default().host(), "a", Options::default());
    place(&module, &[], "stuck", Never, &[]);
    let start = Instant::now();
    let error = module
        .scheduler()
        .handle(message("stuck.in").timeout(ms(70)))
        .await
        .expect_err("no answer");
    assert_eq!(start.elapsed(), ms(70));
    assert_eq!(error.to_string(), "call timed out on node stuck");
    assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_behind_a_local_component_is_the_cross_module_one() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "pass", Pass, &[("out", "stuck.in")]);
    place(&b, &[&a], "stuck", Never, &[]);
    let error = a
        .scheduler()
        .handle(message("pass.in").timeout(ms(70)))
        .await
        .expect_err("no answer");
    assert_eq!(error.to_string(), "cross-module call timed out");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_begins_after_its_deadline_is_not_sent() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let error = a
        .scheduler()
        .handle(message("held.in").timeout(ms(0)))
        .await
        .expect_err("too late");
    assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Failed));
    tokio::time::sleep(ms(100)).await;
    assert_eq!(held.entered.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_a_bounded_time_for_an_instance_of_its_own_module() {
    let options = Options {
        instance_wait: ms(1000),
        ..Options::default()
    };
    let module = Module::new(Network::default().host(), "a", options);
    module.set_node("late", "a");
    let install = async {
        tokio::time::sleep(ms(300)).await;
        place(&module, &[], "late", Echo, &[]);
    };
    let (answer, ()) = tokio::join!(module.scheduler().handle(message("late.in")), install);
    assert_eq!(answer.unwrap(), Some(json("1")));

    module.set_node("never", "a");
    let start = Instant::now();
    let error = module
        .scheduler()
        .handle(message("never.in").timeout(ms(2000)))
        .await
        .expect_err("absent");
    assert_eq!(error.to_string(), "instance not found: never");
    assert_eq!(start.elapsed(), ms(500), "a quarter of what the call has left");
}
