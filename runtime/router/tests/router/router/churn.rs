//! Many modules come and go while many calls are on their way.

use squall_router::Options;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::support::{Echo, Held, Network, json, message, ms, place, start};

const MODULES: usize = 1000;
const CALLS_EACH: usize = 10;

#[tokio::test(start_paused = true)]
async fn a_thousand_modules_come_and_go_under_ten_thousand_calls_and_nothing_is_lost_or_left() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let held = Held::new();
    let mut modules = Vec::new();
    for number in 0..MODULES {
        let name = format!("m{number}");
        let (module, address) = start(network.host(), &name, Options::default()).await;
        place(&module, &[&a], &format!("held{number}"), held.clone(), &[]);
        place(&module, &[&a], &format!("echo{number}"), Echo, &[]);
        modules.push((name, address, module));
    }
    let tasks = || Handle::current().metrics().num_alive_tasks();
    // What `start` began is up.
    tokio::time::sleep(ms(1)).await;
    let tasks_before = tasks();
    let register_all = || {
        for (name, address, _) in &modules {
            a.register(name.as_str(), vec![address.clone()]);
        }
    };
    let deregister_all = || {
        for (name, _, _) in &modules {
            a.deregister(name);
        }
    };

    register_all();
    let mut calls = JoinSet::new();
    for number in 0..MODULES {
        for _ in 0..CALLS_EACH {
            let a = a.clone();
            calls.spawn(async move { a.scheduler().handle(message(&format!("held{number}.in"))).await });
        }
    }
    held.arrived((MODULES * CALLS_EACH) as u32).await;
    assert_eq!(
        network.open_streams(),
        2 * MODULES,
        "one connection each, with two ends"
    );

    deregister_all();
    let gone = a
        .scheduler()
        .handle(message("echo7.in"))
        .await
        .expect_err("unknown");
    assert_eq!(gone.class(), "not_discovered");
    register_all();
    for number in 0..MODULES {
        let answer = a.scheduler().handle(message(&format!("echo{number}.in"))).await;
        assert_eq!(answer.expect("it is known again"), Some(json("1")));
    }
    assert!(tasks() > tasks_before && network.open_streams() > 2 * MODULES);
    deregister_all();
    assert_eq!(calls.len(), MODULES * CALLS_EACH, "none has ended yet");

    held.let_go(MODULES * CALLS_EACH);
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().expect("not one is lost"), Some(json("1")));
    }
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(network.open_streams(), 0, "connections are left");
    assert_eq!(tasks(), tasks_before, "tasks are left");
}
