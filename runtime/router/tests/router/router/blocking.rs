//! A call blocks until everything that it sets off has ended; calls nest and run side by side.

use std::sync::atomic::Ordering;

use crate::support::*;
use squall_platform::{Platform, TokioPlatform};
use squall_router::{Component, ComponentError, Input, Module, Options, Output, Payload, async_trait};
use tokio::sync::oneshot;

#[tokio::test]
async fn the_answer_is_the_bytes_of_the_handler() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "echo", Echo, &[]);
    let sent = json(r#" { "k" : 1.0 } "#);
    let answer = a
        .scheduler()
        .handle(squall_router::Message::new("echo:in", sent.clone()))
        .await;
    assert_eq!(answer.unwrap(), Some(sent));
}

#[tokio::test]
async fn no_value_is_no_value_and_null_is_null() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "nothing", Constant(None), &[]);
    place(&b, &[&a], "null", Constant(Some("null")), &[]);
    assert_eq!(a.scheduler().handle(message("nothing.in")).await.unwrap(), None);
    assert_eq!(
        a.scheduler().handle(message("null.in")).await.unwrap(),
        Some(json("null"))
    );
}

#[tokio::test]
async fn a_call_over_three_modules_ends_when_the_last_one_is_let_go() {
    let platform = TokioPlatform::loopback();
    let (a, b) = loopback_pair().await;
    let (c, c_address) = start(platform, "c", Options::default()).await;
    b.register("c", vec![c_address]);
    let held = Held::new();
    place(&a, &[], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "held.in")]);
    place(&c, &[&b], "held", held.clone(), &[]);
    let mut answer = call(&platform, &a, message("first.in"));
    held.arrived(1).await;
    assert!(
        answer.try_recv().is_err(),
        "the call blocks while the sink is held"
    );
    held.let_go(1);
    assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")));
}

#[tokio::test]
async fn calls_of_one_chain_do_not_wait_for_each_other() {
    const CALLS: usize = 300;
    let platform = TokioPlatform::loopback();
    let (a, b) = loopback_pair().await;
    let held = Held::new();
    place(&a, &[], "first", Pass, &[("out", "held.in")]);
    place(&b, &[&a], "held", held.clone(), &[]);
    let answers: Vec<_> = (0..CALLS)
        .map(|_| call(&platform, &a, message("first.in")))
        .collect();
    held.arrived(CALLS as u32).await;
    held.let_go(CALLS);
    for answer in answers {
        answer.await.unwrap().expect("all are let go");
    }
    assert_eq!(held.entered.load(Ordering::SeqCst), CALLS, "each ran once");
}

#[tokio::test]
async fn a_callee_may_call_back_into_its_caller() {
    let (a, b) = loopback_pair().await;
    place(&a, &[], "first", Pass, &[("out", "middle.in")]);
    place(&b, &[&a], "middle", Pass, &[("out", "last.in")]);
    place(&a, &[&b], "last", Echo, &[]);
    assert_eq!(
        a.scheduler().handle(message("first.in")).await.unwrap(),
        Some(json("1"))
    );
}

#[tokio::test]
async fn two_hundred_and_fifty_nested_calls_back_and_forth_do_not_deadlock() {
    struct Down;
    #[async_trait]
    impl Component for Down {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            let left: u32 = input.data.decode()?;
            match left {
                0 => Ok(Some(json("\"bottom\""))),
                left => Ok(output.emit("out", Payload::encode(&(left - 1))?).await?),
            }
        }
    }
    let (a, b) = loopback_pair().await;
    place(&a, &[&b], "down-a", Down, &[("out", "down-b.in")]);
    place(&b, &[&a], "down-b", Down, &[("out", "down-a.in")]);
    let start = squall_router::Message::new("down-a.in", json("250"));
    assert_eq!(
        a.scheduler().handle(start).await.unwrap(),
        Some(json("\"bottom\""))
    );
}

#[test]
fn a_circle_within_a_module_ends_at_the_bound_and_not_at_the_end_of_the_stack() {
    let circle = async {
        let options = Options {
            max_depth: 20_000,
            ..Options::default()
        };
        let module = Module::new(TokioPlatform::loopback(), "a", options);
        place(&module, &[], "one", Pass, &[("out", "two.in")]);
        place(&module, &[], "two", Pass, &[("out", "one.in")]);
        module.scheduler().handle(message("one.in")).await
    };
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(circle)
    };
    let error = small.spawn(run).unwrap().join().unwrap().unwrap_err();
    assert!(
        error.to_string().contains("max message depth 20000 exceeded"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn fan_out_runs_side_by_side_and_the_first_edge_with_a_value_wins() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let edges = [
        ("out", "none.in"),
        ("out", "slow.in"),
        ("other", "bad.in"),
        ("out", "quick.in"),
    ];
    place(&a, &[], "pass", Pass, &edges);
    place(&b, &[&a], "none", Constant(None), &[]);
    place(&b, &[&a], "slow", Slow(ms(200), "\"slow\""), &[]);
    place(&b, &[&a], "quick", Slow(ms(100), "\"quick\""), &[]);
    let start = tokio::time::Instant::now();
    let answer = a.scheduler().handle(message("pass.in")).await.unwrap();
    assert_eq!(
        answer,
        Some(json("\"slow\"")),
        "by order of the edges, not of completion"
    );
    assert_eq!(start.elapsed(), ms(200), "all at once, and waited for all");
}

#[tokio::test(start_paused = true)]
async fn fan_out_fails_with_the_first_failed_edge_after_all_have_ended() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    struct Each;
    #[async_trait]
    impl Component for Each {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            let results = output.emit_each("out", input.data).await;
            let text: Vec<_> = results
                .into_iter()
                .map(|it| {
                    it.map_or_else(
                        |error| error.to_string(),
                        |value| value.map_or(0, |it| it.len()).to_string(),
                    )
                })
                .collect();
            Ok(Some(Payload::encode(&text)?))
        }
    }
    let edges = [("out", "slow.in"), ("out", "late.in"), ("out", "early.in")];
    place(&a, &[], "pass", Pass, &edges);
    place(&a, &[], "each", Each, &edges);
    place(&b, &[&a], "slow", Slow(ms(200), "\"slow\""), &[]);
    place(&b, &[&a], "late", Fail(|| "late".into()), &[]);
    place(&a, &[], "early", Fail(|| "early".into()), &[]);
    let start = tokio::time::Instant::now();
    let error = a
        .scheduler()
        .handle(message("pass.in"))
        .await
        .expect_err("two edges fail");
    assert_eq!(
        error.message(),
        "late",
        "by order of the edges, though the other one is local"
    );
    assert_eq!(
        start.elapsed(),
        ms(200),
        "a failing edge does not cut the others short"
    );
    let each = a.scheduler().handle(message("each.in")).await.unwrap().unwrap();
    assert_eq!(
        each.json().unwrap(),
        serde_json::json!(["6", "remote error: late", "early"])
    );
}

#[tokio::test]
async fn a_port_without_edges_has_no_value() {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    place(&module, &[], "pass", Pass, &[("elsewhere", "pass.in")]);
    assert_eq!(module.scheduler().handle(message("pass.in")).await.unwrap(), None);
}

#[tokio::test]
async fn a_component_can_send_without_an_edge_and_go_on_after_its_answer() {
    type Done = oneshot::Sender<(String, Option<Payload>)>;
    struct Later(std::sync::Mutex<Option<Done>>);
    #[async_trait]
    impl Component for Later {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            let done = self.0.lock().unwrap().take().expect("called once");
            let later = output.clone();
            output.spawn(async move {
                let answer = later.send("echo.in", input_data()).await.expect("b is there");
                drop(done.send((format!("{}/{}", later.module(), later.node()), answer)));
            });
            Ok(Some(input.data))
        }
    }
    fn input_data() -> Payload {
        json("\"later\"")
    }
    let (a, b) = loopback_pair().await;
    let (done, answer) = oneshot::channel();
    place(&a, &[], "later", Later(std::sync::Mutex::new(Some(done))), &[]);
    place(&b, &[&a], "echo", Echo, &[]);
    assert_eq!(
        a.scheduler().handle(message("later.in")).await.unwrap(),
        Some(json("1"))
    );
    assert_eq!(
        answer.await.unwrap(),
        ("a/later".to_owned(), Some(json("\"later\"")))
    );
}

#[tokio::test]
async fn dropping_a_call_cancels_the_handler_two_modules_away() {
    let platform = TokioPlatform::loopback();
    let (a, b) = loopback_pair().await;
    let (c, c_address) = start(platform, "c", Options::default()).await;
    b.register("c", vec![c_address]);
    let (component, entered, cancelled) = Cancellable::new();
    place(&b, &[&a], "pass", Pass, &[("out", "stuck.in")]);
    place(&c, &[&b], "stuck", component, &[]);
    let module = a.clone();
    let calling = platform.spawn(async move {
        drop(module.scheduler().handle(message("pass.in")).await);
    });
    entered.await.expect("it is called");
    calling.abort();
    cancelled
        .await
        .expect_err("the sender is dropped with the handler");
    place(&b, &[&a], "echo", Echo, &[]);
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("the connection is as good as before");
}

#[tokio::test]
async fn local_wins_over_the_owner_map() {
    let (a, b) = loopback_pair().await;
    place(&b, &[], "node", Constant(Some("\"far\"")), &[]);
    place(&a, &[], "node", Constant(Some("\"near\"")), &[]);
    a.set_node("node", "b");
    assert_eq!(
        a.scheduler().handle(message("node.in")).await.unwrap(),
        Some(json("\"near\""))
    );
    assert!(a.uninstall("node"));
    assert_eq!(
        a.scheduler().handle(message("node.in")).await.unwrap(),
        Some(json("\"far\""))
    );
    a.remove_node("node");
    let error = a
        .scheduler()
        .handle(message("node.in"))
        .await
        .expect_err("forgotten");
    assert_eq!(error.to_string(), "no module found for node: node");
}
