//! Connections to other modules. Spec: router 4.2, 4.3.
//!
//! Per module a list of endpoints, used in turn; per endpoint one connection, dialled once however many wait
//! for it. What to do when an endpoint fails is decided here and not by the caller: it is left alone for a
//! growing while, and the others take over. A call is never sent twice.

mod connection;
mod endpoint;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;
use squall_platform::{Authority, Platform};

use crate::Options;
pub(crate) use connection::{CONNECTION_WINDOW, Connection, Progress, RESET_STREAMS_MAX, STREAM_WINDOW};
use endpoint::{Availability, Endpoint};

/// Where each module runs, and the connections there.
pub(crate) struct Pool<P: Platform> {
    platform: P,
    options: Options,
    peers: RwLock<IndexMap<Arc<str>, Arc<Peer<P>>>>,
}

/// One module's endpoints.
pub(crate) struct Peer<P: Platform> {
    endpoints: Vec<Arc<Endpoint<P>>>,
    turn: AtomicUsize,
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Arc<str>);

impl Refusal {
    fn new(cause: impl Into<Arc<str>>) -> Self {
        Refusal(cause.into())
    }

    pub(crate) fn cause(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl<P: Platform> Pool<P> {
    pub(crate) fn new(platform: P, options: Options) -> Self {
        Pool {
            platform,
            options,
            peers: RwLock::default(),
        }
    }

    pub(crate) fn get(&self, module: &str) -> Option<Arc<Peer<P>>> {
        self.peers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(module)
            .cloned()
    }

    pub(crate) fn register(&self, module: Arc<str>, authorities: Vec<Authority>) {
        let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        let old = peers.get(&module).map_or(&[][..], |peer| &peer.endpoints);
        let mut endpoints: Vec<Arc<Endpoint<P>>> = Vec::with_capacity(authorities.len());
        for authority in authorities {
            let same = |endpoint: &&Arc<Endpoint<P>>| *endpoint.authority() == authority;
            if endpoints.iter().any(|endpoint| same(&endpoint)) {
                continue;
            }
            endpoints.push(old.iter().find(same).cloned().unwrap_or_else(|| {
                let (platform, options) = (self.platform.clone(), self.options.clone());
                Arc::new(Endpoint::new(platform, options, Arc::clone(&module), authority))
            }));
        }
        let gone = |endpoint: &&Arc<Endpoint<P>>| !endpoints.iter().any(|kept| Arc::ptr_eq(kept, endpoint));
        let gone: Vec<_> = old.iter().filter(gone).cloned().collect();
        peers.insert(
            module,
            Arc::new(Peer {
                endpoints,
                turn: AtomicUsize::new(0),
            }),
        );
        drop(peers);
        for endpoint in gone {
            endpoint.close("no longer an endpoint of the module");
        }
    }

    pub(crate) fn deregister(&self, module: &str) {
        let peer = self
            .peers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .shift_remove(module);
        for endpoint in peer.iter().flat_map(|peer| &peer.endpoints) {
            endpoint.close("the module is deregistered");
        }
    }
}

impl<P: Platform> Peer<P> {
    /// A connection to the endpoint whose turn it is.
    ///
    /// One that is ready is preferred to one that must be dialled first (the dial is begun all the same), and
    /// that to one in backoff: nobody waits, or fails, for one endpoint while another can serve.
    ///
    /// # Errors
    /// At once when all endpoints are in backoff; when the dial fails, with its error.
    pub(crate) async fn connection(&self) -> Result<Connection, Refusal> {
        let mut dialling = None;
        let mut refusal = None;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for index in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[turn.wrapping_add(index) % self.endpoints.len()];
            match endpoint.look(dialling.is_none()) {
                Availability::Ready(connection) => return Ok(connection),
                Availability::Dialling => dialling = dialling.or(Some(endpoint)),
                Availability::Idle => {}
                Availability::Unusable(cause) => refusal = refusal.or(Some(cause)),
            }
        }
        match (dialling, refusal) {
            (Some(endpoint), _) => endpoint.wait().await,
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(Refusal::new("it has no endpoints")),
        }
    }
}
