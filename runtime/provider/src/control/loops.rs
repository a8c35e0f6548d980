//! What happens by itself while a server runs: timeouts are looked at, and providers are told what there is.

use squall_platform::Platform;
use tokio::time::{Instant, sleep, sleep_until};

use crate::manager::{Manager, after};

/// Looks at the timeouts: at once, and again after each period; and at every drain deadline. Never ends. Spec:
/// provider 2.7, timers.
pub(crate) async fn check<P: Platform>(manager: Manager<P>) {
    let mut due = Instant::now();
    loop {
        let drains = manager.drains().notified();
        let deadline = manager.lock().table.drain_deadline();
        let next = deadline.map_or(due, |deadline| deadline.min(due));
        tokio::select! {
            biased;
            () = drains => continue,
            () = sleep_until(next) => {}
        }
        manager.change(|registry, now| registry.table.check(now));
        let now = Instant::now();
        if now >= due {
            // From when it was due, or each period would be a little longer than it is.
            due = after(due, manager.config().check_period).max(now);
        }
    }
}

/// Tells each active provider which of its modules there are: after each interval. Never ends. Spec: provider 2.7,
/// reports.
pub(crate) async fn report<P: Platform>(manager: Manager<P>) {
    loop {
        sleep(manager.config().report_interval).await;
        let registry = manager.lock();
        for connection in registry.table.active() {
            let id = &connection.identity.connection;
            let modules = connection.modules.iter().map(ToString::to_string).collect();
            if let Some(outbox) = registry.outboxes.get(id)
                && !outbox.report(connection.version, id, modules)
            {
                manager.metrics().unread();
            }
        }
    }
}
