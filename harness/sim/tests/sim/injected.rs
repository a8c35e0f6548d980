//! Faults that code asks for at points of its own.

use super::support::{idle, simulate};
use squall_platform::{FaultPoint, Platform};

#[test]
fn a_host_that_asks_is_answered_for_itself_and_for_that_point() {
    let (finished, _) = simulate(|sim| async move {
        let [one, other] = ["one", "other"].map(|name| sim.add_host(name, idle));
        sim.start(one);
        sim.start(other);
        let ask = |host, point: FaultPoint<'static>| {
            sim.run_on(host, move |platform| async move { platform.fault(point) })
        };
        let before = ask(one, FaultPoint::Heartbeat).await;
        sim.inject(move |host, point| host == one && point == FaultPoint::Heartbeat);
        (
            before,
            ask(one, FaultPoint::Heartbeat).await,
            ask(one, FaultPoint::HeartbeatAck { connection: "c" }).await,
            ask(other, FaultPoint::Heartbeat).await,
        )
    });
    assert_eq!(finished.value, (Ok(false), Ok(true), Ok(false), Ok(false)));
}
