//! The periodic work of a running server: it checks timeouts, and sends reports to providers.

use squall_grpc::lateness;
use squall_platform::Platform;
use tokio::time::{Instant, sleep, sleep_until};

use crate::manager::{Manager, after};

/// Checks the timeouts: at once, after each period, and at every drain deadline. Never ends. Spec: provider 2.7,
/// timers.
///
/// A late check indicates that this process stood still, and that its providers' bytes wait in its sockets: no
/// provider must be deregistered for that. So the deadlines move, and the next check comes after there was time to
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
            // Counted from when it was due, or each period would be a little too long.
            due = after(due, period).max(now);
        }
    }
}

/// Sends each active provider the list of its modules, after each interval. Never ends. Spec: provider 2.7, reports.
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
