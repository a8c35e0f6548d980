//! Nodes that come, go and move while messages are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::*;
use squall_router::{Component, ComponentError, Input, Kind, Options, Outcome, Output, Payload, async_trait};
use tokio::time::{Instant, sleep};

fn patient() -> Options {
    Options {
        instance_wait: ms(1000),
        ..Options::default()
    }
}

/// Has its port once it is let have it.
struct Opens(Arc<AtomicBool>);

#[async_trait]
impl Component for Opens {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(Some(input.data))
    }

    fn ports(&self) -> Option<Vec<String>> {
        let open = self.0.load(Ordering::SeqCst);
        Some(if open { vec!["in".to_owned()] } else { Vec::new() })
    }

    async fn settings(&self, _: Payload) -> Result<(), ComponentError> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn closed() -> Opens {
    Opens(Arc::default())
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_a_port_on_its_way() {
    let module = alone(patient());
    let open = Arc::new(AtomicBool::new(false));
    place(&module, &[], "node", Opens(Arc::clone(&open)), &[]);
    let opening = async {
        sleep(ms(300)).await;
        open.store(true, Ordering::SeqCst);
        module.refresh_ports("node");
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(ask(&module, "node.in"), opening);
    assert_eq!((answer.unwrap(), start.elapsed()), (Some(json("1")), ms(300)));
}

#[tokio::test(start_paused = true)]
async fn settings_may_open_a_port() {
    let module = alone(patient());
    place(&module, &[], "node", closed(), &[]);
    let settling = async {
        sleep(ms(300)).await;
        ask(&module, "node._settings").await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(&module, "node.in"), settling);
    assert_eq!(answer.unwrap(), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_never_comes_is_not_ready_after_a_quarter_of_the_time() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), patient()).await;
    place(&b, &[&a], "node", closed(), &[]);
    let start = Instant::now();
    let error = a
        .scheduler()
        .handle(message("node.in").timeout(ms(800)))
        .await
        .expect_err("it stays closed");
    assert_eq!(error.message(), "port in not ready on node node");
    assert_eq!(
        (error.kind(), error.outcome()),
        (Kind::PortNotReady, Outcome::Failed)
    );
    assert_eq!(start.elapsed(), ms(200));
    let at_once = alone(Options::default());
    place(&at_once, &[], "node", closed(), &[]);
    let error = ask(&at_once, "node.in").await.expect_err("it is closed");
    assert_eq!(error.to_string(), "port in not ready on node node");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_an_instance_and_for_its_port_are_one() {
    let module = alone(patient());
    module.set_node("node", "a");
    let install = async {
        sleep(ms(600)).await;
        place(&module, &[], "node", closed(), &[]);
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(ask(&module, "node.in"), install);
    assert_eq!(
        answer.expect_err("it stays closed").to_string(),
        "port in not ready on node node"
    );
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_goes_while_its_port_is_waited_for_no_longer_exists() {
    let module = alone(patient());
    place(&module, &[], "node", closed(), &[]);
    let going = async {
        sleep(ms(300)).await;
        assert!(module.uninstall("node"));
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(ask(&module, "node.in"), going);
    let error = answer.expect_err("it is gone");
    assert_eq!(error.to_string(), "instance node no longer exists");
    assert_eq!((error.outcome(), start.elapsed()), (Outcome::Failed, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_a_node_follows_it_to_another_module() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), patient()).await;
    a.set_node("node", "a");
    place(&b, &[], "node", Echo, &[]);
    let moving = async {
        sleep(ms(300)).await;
        a.set_node("node", "b");
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(ask(&a, "node.in"), moving);
    assert_eq!((answer.unwrap(), start.elapsed()), (Some(json("1")), ms(300)));
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_message_waits_is_part_of_its_own() {
    let module = alone(patient());
    module.set_node("late", "a");
    let install = async {
        sleep(ms(200)).await;
        place(&module, &[], "late", Never, &[]);
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(
        module.scheduler().handle(message("late.in").timeout(ms(1000))),
        install
    );
    assert_eq!(answer.expect_err("no answer").class(), "timeout");
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn what_came_by_wire_is_never_sent_on_even_if_the_node_has_moved() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (c, address) = start(network.host(), "c", Options::default()).await;
    b.register("c", vec![address]);
    let (counted, calls) = Counted::new(|_| Ok(None));
    place(&c, &[&b], "node", counted, &[]);
    a.set_node("node", "b");
    let error = ask(&a, "node.in").await.expect_err("b has it no more");
    assert_eq!(error.message(), "instance not found: node");
    assert_eq!(count(&calls), 0);
    a.register("c", vec!["127.0.0.1:3".parse().unwrap()]);
    a.set_node("node", "c");
    ask(&a, "node.in").await.expect("c has it");
    assert_eq!(count(&calls), 1);
}

#[tokio::test(start_paused = true)]
async fn nodes_come_go_and_move_while_calls_are_in_flight() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "node", held.clone(), &[]);
    let old = call(&host, &a, message("node.in"));
    held.arrived(1).await;
    // Replaced, removed, and moved to its caller: the call goes on where it is.
    place(&b, &[], "node", Constant(Some("\"replaced\"")), &[]);
    assert_eq!(ask(&a, "node.in").await.unwrap(), Some(json("\"replaced\"")));
    assert!(b.uninstall("node"));
    ask(&a, "node.in").await.expect_err("b has it no more");
    place(&a, &[&b], "node", Constant(Some("\"moved\"")), &[]);
    assert_eq!(ask(&a, "node.in").await.unwrap(), Some(json("\"moved\"")));
    assert_eq!(ask(&b, "node.in").await.unwrap(), Some(json("\"moved\"")));
    held.let_go(1);
    assert_eq!(old.await.unwrap().unwrap(), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn destroying_an_instance_cancels_what_it_handles_and_what_that_waits_for() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let (component, entered, cancelled) = Cancellable::new();
    place(&a, &[], "pass", Pass, &[("out", "stuck.in")]);
    place(&b, &[&a], "stuck", component, &[]);
    let answer = call(&host, &a, message("pass.in"));
    entered.await.expect("it is called");
    assert!(a.destroy("pass"));
    assert!(!a.destroy("pass"));
    let error = answer.await.unwrap().expect_err("it is destroyed");
    assert_eq!(error.to_string(), "cancelled: instance pass no longer exists");
    assert_eq!((error.class(), error.outcome()), ("cancelled", Outcome::Unknown));
    cancelled
        .await
        .expect_err("the handler two modules away is dropped");
    let error = ask(&a, "pass.in").await.expect_err("there is none");
    assert_eq!(error.to_string(), "instance not found: pass");
}

#[tokio::test(start_paused = true)]
async fn what_a_component_does_on_its_own_account_goes_along_the_edges_that_there_are_by_then() {
    struct Ticks;
    #[async_trait]
    impl Component for Ticks {
        async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
            Ok(None)
        }
        async fn state(&self, output: &Output) {
            let ticking = output.clone();
            output.spawn(async move {
                loop {
                    sleep(ms(1000)).await;
                    // Whom it reaches, and how that ends, is not its concern.
                    drop(ticking.emit("tick", json("1")).await);
                }
            });
        }
    }
    let module = alone(Options::default());
    let (first, firsts) = Counted::new(|_| Ok(None));
    let (second, seconds) = Counted::new(|_| Ok(None));
    place(&module, &[], "first", first, &[]);
    place(&module, &[], "second", second, &[]);
    let edge = |to: &str| vec![squall_router::Edge::new("tick", to)];
    module
        .deploy("clock", Arc::new(Ticks), edge("first.in"), json("{}"))
        .await
        .unwrap();
    sleep(ms(2500)).await;
    assert_eq!((count(&firsts), count(&seconds)), (2, 0));
    module.set_edges("clock", edge("second.in"));
    sleep(ms(3000)).await;
    assert_eq!((count(&firsts), count(&seconds)), (2, 3));
}
