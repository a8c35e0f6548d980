//! What happens by itself while a server runs: timeouts are looked at, and providers are told what there is.

use squall_grpc::lateness;
use squall_platform::Platform;
use tokio::time::{Instant, sleep, sleep_until};

use crate::manager::{Manager, after};

/// Looks at the timeouts: at once, and again after each period; and at every drain deadline. Never ends. Spec:
/// provider 2.7, timers.
///
/// A look that comes late tells that this process stood still, and that what its providers have sent meanwhile waits in
/// its sockets: nobody is to be given up for that. So the deadlines move, and the next look comes when there was time to
/// read.
pub(crate) async fn check<P: Platform>(manager: Manager<P>) {
    let period = manager.config().check_period;
    let mut due = Instant::now();
    let mut not_before = due;
    loop {
        let drains = manager.drains().notified();
        let deadline = manager.lock().table.drain_deadline();
        let next = deadline.map_or(due, |deadline| deadline.min(due)).max(not_before);
        tokio::select! {
            biased;
            () = drains => continue,
            () = sleep_until(next) => {}
        }
        manager.log().flush();
        let late = lateness(next, Instant::now());
        manager.change(|registry, now| registry.table.check(late, period, now));
        let now = Instant::now();
        if !late.is_zero() {
            not_before = after(now, late.min(period));
            due = not_before;
        } else if now >= due {
            // From when it was due, or each period would be a little longer than it is.
            due = after(due, period).max(now);
        }
    }
}

/// Tells each active provider which of its modules there are: after each interval. Never ends. Spec: provider 2.7,
/// reports.
pub(crate) async fn report<P: Platform>(manager: Manager<P>) {
    loop {
        sleep(manager.config().report_interval).await;
        let registry = manager.lock();
        let active = registry.table.active();
        let reports: Vec<_> = active
            .filter_map(|it| registry.report(&it.identity.connection))
            .collect();
        drop(registry);
        for report in reports {
            if !report.send() {
                manager.metrics().unread();
            }
        }
    }
}
