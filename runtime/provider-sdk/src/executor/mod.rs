//! The gRPC server for managers' calls. Spec: provider 3.5.
//!
//! | subject | file |
//! |---|---|
//! | a listener, and its shutdown | here |
//! | routing by path, one execution | `desk` |
//! | executions in flight, and their results | `work` |
//!
//! All instances share one executor. An instance that is upgraded before the others gets its own executor, with other
//! modules: a call does not name its manager, so only the port distinguishes them.

mod desk;
mod work;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use squall_grpc::{Serving, serve_until};
use squall_platform::{Listener, OwnedTask, Platform};

use crate::Config;
use crate::modules::Modules;
use crate::signal::Signal;
use desk::{Desk, Service};
pub(crate) use work::{Observed, Work};

/// A listener that serves a set of modules, which can be swapped. Dropping it cuts its connections and drops the
/// executions in flight.
pub(crate) struct Executor {
    address: SocketAddr,
    /// The address that is sent to managers: `host:port`.
    url: String,
    desk: Arc<Desk>,
    leave: Arc<Signal>,
    left: Arc<Signal>,
    _serving: OwnedTask,
}

impl Executor {
    /// Listens on `port`, or on a free one for 0, and begins to serve.
    ///
    /// # Errors
    /// As [`Platform::bind`].
    pub(crate) async fn bind<P: Platform>(
        platform: &P,
        namespace: &Arc<str>,
        config: &Config,
        port: u16,
        modules: Arc<Modules>,
    ) -> io::Result<Arc<Self>> {
        let listener = platform.bind(port).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(Arc::clone(namespace), config, address, modules));
        let (leave, left) = (Arc::<Signal>::default(), Arc::<Signal>::default());
        let task = {
            let (platform, grace) = (platform.clone(), config.stop_grace);
            let (service, leave, left) = (Service::new(&desk), Arc::clone(&leave), Arc::clone(&left));
            async move {
                let serving = Serving::default();
                serve_until(&platform, listener, serving, service, leave.given(), grace).await;
                left.give();
            }
        };
        Ok(Arc::new(Executor {
            address,
            url: format!("{}:{}", config.executor_host, address.port()),
            desk,
            leave,
            left,
            _serving: platform.spawn(task).into(),
        }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn modules(&self) -> Arc<Modules> {
        self.desk.modules()
    }

    /// Serves these modules from now on, and returns the previous ones, which finish calls in flight.
    pub(crate) fn swap(&self, modules: Arc<Modules>) -> Arc<Modules> {
        self.desk.swap(modules)
    }

    pub(crate) fn work(&self) -> &Work {
        self.desk.work()
    }

    /// Takes no more connections, asks peers to leave, and waits for calls in flight for up to the grace; the
    /// remaining ones are cut. A second call only waits.
    pub(crate) async fn stop(&self) {
        self.leave.give();
        self.left.given().await;
    }
}
