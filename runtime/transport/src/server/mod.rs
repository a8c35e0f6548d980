//! One node, served over gRPC. Spec: cluster 2.2.
//!
//! | subject | file |
//! |---|---|
//! | what is hosted: the endpoint, the history, the hooks | here |
//! | limits | `config` |
//! | as tower services, on a tonic server or on ours | `service` |
//! | our server, on the platform | `listening` |
//! | the head of a request: content type, HTTP method | `head` |
//! | one call, from its head to its answer | `answer` |
//! | the four methods | `methods` |
//! | names that are admitted | `names` |
//! | hooks around each call | `interceptor` |

mod answer;
mod config;
mod head;
mod interceptor;
mod listening;
mod methods;
mod names;
mod service;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use squall_cluster::{TimeTravel, WireEndpoint};
use squall_platform::Platform;
use tokio::sync::Semaphore;

pub use config::ServerConfig;
pub use interceptor::{Interceptor, Rpc};
pub use listening::Server;
pub use service::{TimeTravelService, TransportService};

/// A node as it is served: an endpoint for deliveries and spawns, a history of durable instances, or both. Clones are
/// the same node.
///
/// [`Server`] serves it. It is also a tower service of both of the protocol's services, on which layers may be put. A tonic
/// server of the user's takes [`Node::transport_service`] and [`Node::time_travel_service`].
///
/// An endpoint's work runs in a task of its own: a delivery and a spawn go on when the caller gives up. Reading the past
/// ends with its caller. A panic of the endpoint becomes `INTERNAL`.
#[derive(Clone)]
pub struct Node(Arc<Hosted>);

struct Hosted {
    endpoint: Option<Arc<dyn WireEndpoint>>,
    history: Option<Arc<dyn TimeTravel>>,
    interceptors: Vec<Box<dyn Interceptor>>,
    config: ServerConfig,
    /// The calls that may yet begin.
    calls: Arc<Semaphore>,
    spawn: Box<Spawn>,
}

type Spawn = dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync;

/// Builds a [`Node`].
pub struct Builder(Hosted);

impl Node {
    /// A node that hosts nothing yet. Its tasks are the platform's.
    pub fn builder(platform: impl Platform) -> Builder {
        let config = ServerConfig::default();
        Builder(Hosted {
            endpoint: None,
            history: None,
            interceptors: Vec::new(),
            config,
            calls: Arc::new(Semaphore::new(0)),
            spawn: Box::new(move |task| drop(platform.spawn(task))),
        })
    }

    /// The service of deliveries and spawns, for a tonic server.
    pub fn transport_service(&self) -> TransportService {
        TransportService(self.clone())
    }

    /// The service of past states, for a tonic server.
    pub fn time_travel_service(&self) -> TimeTravelService {
        TimeTravelService(self.clone())
    }
}

impl Builder {
    /// Takes deliveries and spawns.
    pub fn endpoint(mut self, endpoint: Arc<dyn WireEndpoint>) -> Self {
        self.0.endpoint = Some(endpoint);
        self
    }

    /// Shows past states.
    pub fn time_travel(mut self, history: Arc<dyn TimeTravel>) -> Self {
        self.0.history = Some(history);
        self
    }

    /// Sees each call before the endpoint does, after the hooks that were added before it.
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.0.interceptors.push(Box::new(interceptor));
        self
    }

    /// Sets all limits.
    pub fn config(mut self, config: ServerConfig) -> Self {
        self.0.config = config;
        self
    }

    /// The node.
    pub fn build(mut self) -> Node {
        let calls = self.0.config.calls_max.min(Semaphore::MAX_PERMITS);
        self.0.calls = Arc::new(Semaphore::new(calls));
        Node(Arc::new(self.0))
    }
}
