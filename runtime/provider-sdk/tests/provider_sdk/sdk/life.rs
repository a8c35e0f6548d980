//! From the start to the end, without anything going wrong.

use squall_provider_sdk::State;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn it_registers_beats_executes_and_stops_in_order() {
    let network = Network::default();
    let manager = Manager::start(&network).await;
    let host = Host::new(&network);
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let status = running.status();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].state, State::Active);
    assert_eq!(status[0].connection.as_deref(), Some("connection-1"));

    let said = say(&host, &manager.executor(), "Echo", "hello").await;
    assert_eq!(said.unwrap(), "hello");
    tokio::time::sleep(ms(10_500)).await;
    running.stop().await;

    let names = [
        "register",
        "opened",
        "heartbeat",
        "heartbeat",
        "heartbeat",
        "half-closed",
        "deregister",
    ];
    assert_eq!(manager.names(), names);
    let status = &running.status()[0];
    assert_eq!((status.state, &status.connection), (State::Disconnected, &None));
    assert_eq!(running.executor_addr(), None);
    running.stop().await;
    assert_eq!(manager.names(), names, "once more does nothing");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_when_it_has_stopped_nor_when_it_was_dropped() {
    let network = Network::default();
    let manager = Manager::start(&network).await;
    for stops in [true, false] {
        let host = Host::new(&network);
        let (executions, before) = (Host::new(&network), network.open_streams());
        let running = provider(&host, &[&manager])
            .build()
            .unwrap()
            .start()
            .await
            .unwrap();
        say(&executions, &manager.executor(), "Echo", "hello")
            .await
            .unwrap();
        assert!(host.tasks() > 0);
        if stops {
            running.stop().await;
        }
        drop(running);
        soon().await;
        assert_eq!(host.tasks(), 0, "stopped first: {stops}");
        assert_eq!(network.open_streams(), before);
    }
}
