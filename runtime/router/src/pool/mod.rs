//! Connections to other modules. Spec: router 4.2, 4.3.
//!
//! Each module has a list of endpoints, which are used in turn. Each endpoint has one connection, dialled once for
//! all waiters. The pool, not the caller, handles a failed endpoint: it is left alone for increasing periods, and the
//! others take over. No call is handled twice.

mod connection;
mod dialling;
mod endpoint;
mod lease;
mod state;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;
use squall_platform::{Authority, Platform};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::{Error, Method, Options};
use dialling::Dialling;
use endpoint::{Availability, Endpoint};
pub(crate) use lease::Lease;
pub use state::{ConnectionState, EndpointState, PeerState};

/// Where each module runs, and the connections there.
pub(crate) struct Pool<P: Platform> {
    platform: P,
    options: Options,
    metrics: Arc<Metrics>,
    tables: RwLock<Tables<P>>,
}

struct Tables<P: Platform> {
    peers: IndexMap<Arc<str>, Arc<Peer<P>>>,
    /// Endpoints that were removed from their module, until their last call has ended.
    leaving: Vec<Arc<Endpoint<P>>>,
    /// The methods of modules for which one was configured.
    methods: BTreeMap<Arc<str>, Method>,
}

/// One module's endpoints.
pub(crate) struct Peer<P: Platform> {
    module: Arc<str>,
    endpoints: Vec<Arc<Endpoint<P>>>,
    turn: AtomicUsize,
    /// Shared with the module's earlier versions, from before its endpoints changed.
    in_flight: Arc<AtomicUsize>,
}

/// How a call reaches one of a module's endpoints.
pub(crate) enum Way<'p, P: Platform> {
    /// There is a connection.
    Ready(Lease<P>),
    /// There is no connection yet: the call has to wait for one.
    Dialling(Dialling<'p, P>),
}

impl<P: Platform> Way<'_, P> {
    /// Returns a connection to the endpoint.
    ///
    /// # Errors
    /// The dial's.
    pub(crate) async fn lease(self) -> Result<Lease<P>, Refusal> {
        match self {
            Way::Ready(lease) => Ok(lease),
            Way::Dialling(dialling) => dialling.first().await,
        }
    }
}

/// Counts a call while it is kept.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    cause: Arc<str>,
    /// When a new attempt makes sense, if that is known.
    until: Option<Instant>,
}

impl Refusal {
    fn new(cause: impl Into<Arc<str>>) -> Self {
        Refusal {
            cause: cause.into(),
            until: None,
        }
    }

    fn until(self, until: Instant) -> Self {
        Refusal {
            until: Some(until),
            ..self
        }
    }

    pub(crate) fn cause(&self) -> Arc<str> {
        Arc::clone(&self.cause)
    }

    /// When a new attempt makes sense, if that is known.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.until
    }
}

impl<P: Platform> Pool<P> {
    pub(crate) fn new(platform: P, options: Options, metrics: Arc<Metrics>) -> Self {
        Pool {
            platform,
            options,
            metrics,
            tables: RwLock::new(Tables {
                peers: IndexMap::new(),
                leaving: Vec::new(),
                methods: BTreeMap::new(),
            }),
        }
    }

    pub(crate) fn get(&self, module: &str) -> Option<Arc<Peer<P>>> {
        self.read().peers.get(module).cloned()
    }

    pub(crate) fn register(&self, module: Arc<str>, authorities: Vec<Authority>) {
        let mut tables = self.write();
        let method = tables.methods.get(&module).copied();
        let old = tables.peers.get(&module);
        let in_flight = old.map(|peer| Arc::clone(&peer.in_flight)).unwrap_or_default();
        let old = old.map_or(&[][..], |peer| &peer.endpoints);
        let mut endpoints: Vec<Arc<Endpoint<P>>> = Vec::with_capacity(authorities.len());
        for authority in authorities {
            let same = |endpoint: &&Arc<Endpoint<P>>| *endpoint.authority() == authority;
            if endpoints.iter().any(|endpoint| same(&endpoint)) {
                continue;
            }
            endpoints.push(old.iter().find(same).cloned().unwrap_or_else(|| {
                let (platform, options) = (self.platform.clone(), self.options.clone());
                let (module, authority) = (Arc::clone(&module), authority.clone());
                let metrics = self.metrics.target(&module);
                Arc::new(Endpoint::new(
                    platform, options, module, authority, method, metrics,
                ))
            }));
        }
        let gone = |endpoint: &&Arc<Endpoint<P>>| !endpoints.iter().any(|kept| Arc::ptr_eq(kept, endpoint));
        let gone = old.iter().filter(gone).cloned().collect();
        let peer = Peer {
            module: Arc::clone(&module),
            endpoints,
            turn: AtomicUsize::new(0),
            in_flight,
        };
        tables.peers.insert(module, Arc::new(peer));
        tables.dismiss(gone, "no longer an endpoint of the module");
    }

    pub(crate) fn deregister(&self, module: &str) {
        let mut tables = self.write();
        let peer = tables.peers.shift_remove(module);
        let gone = peer.map(|peer| peer.endpoints.clone()).unwrap_or_default();
        tables.dismiss(gone, "the module is deregistered");
    }

    pub(crate) fn set_method(&self, module: Arc<str>, method: Method) {
        let mut tables = self.write();
        for endpoint in tables.peers.get(&module).iter().flat_map(|peer| &peer.endpoints) {
            endpoint.set_method(method);
        }
        tables.methods.insert(module, method);
    }

    /// The state of every module that is registered or still finishes calls, in the order of their registration.
    pub(crate) fn states(&self) -> Vec<PeerState> {
        let tables = self.read();
        let mut states: Vec<_> = tables.peers.values().map(|peer| peer.state()).collect();
        for endpoint in &tables.leaving {
            let state = endpoint.state();
            if state.connection == ConnectionState::Closed {
                continue;
            }
            match states.iter_mut().find(|peer| peer.module == *endpoint.module()) {
                Some(peer) => peer.endpoints.push(state),
                None => states.push(PeerState {
                    module: Arc::clone(endpoint.module()),
                    in_flight: state.in_flight,
                    endpoints: vec![state],
                }),
            }
        }
        states
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Tables<P>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Tables<P>> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Platform> Tables<P> {
    fn dismiss(&mut self, endpoints: Vec<Arc<Endpoint<P>>>, cause: &'static str) {
        for endpoint in &endpoints {
            endpoint.close(cause);
        }
        self.leaving.extend(endpoints);
        self.leaving.retain(|endpoint| !endpoint.is_closed());
    }
}

impl<P: Platform> Peer<P> {
    /// Counts a call, unless the limit is reached.
    ///
    /// # Errors
    /// [`Error::Overload`].
    pub(crate) fn admit(&self, limit: Option<usize>) -> Result<Counted, Error> {
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(Arc::clone(&self.in_flight));
        match limit {
            Some(limit) if before >= limit => Err(Error::Overload {
                module: Arc::clone(&self.module),
                limit,
            }),
            _ => Ok(counted),
        }
    }

    fn state(&self) -> PeerState {
        PeerState {
            module: Arc::clone(&self.module),
            in_flight: self.in_flight.load(Ordering::SeqCst),
            endpoints: self.endpoints.iter().map(|endpoint| endpoint.state()).collect(),
        }
    }

    /// The route to the next endpoint in turn.
    ///
    /// The order of preference is: ready, needs a dial (which begins in any case), may hang, in backoff. No call
    /// waits or fails because of one endpoint while another can serve it.
    ///
    /// # Errors
    /// When all endpoints are in backoff.
    pub(crate) fn way(&self) -> Result<Way<'_, P>, Refusal> {
        let mut dialling = None;
        let mut suspect = None;
        let mut refusal = None;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for index in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[turn.wrapping_add(index) % self.endpoints.len()];
            match endpoint.look(dialling.is_none()) {
                Availability::Ready(lease) => return Ok(Way::Ready(lease)),
                Availability::Suspect => suspect = suspect.or(Some(endpoint)),
                Availability::Dialling => dialling = dialling.or(Some(turn.wrapping_add(index))),
                Availability::Idle => {}
                Availability::Unusable(cause) => refusal = refusal.or(Some(cause)),
            }
        }
        if let Some(first) = dialling {
            return Ok(Way::Dialling(Dialling::new(&self.endpoints, first)));
        }
        if let Some(lease) = suspect.and_then(Endpoint::suspect) {
            return Ok(Way::Ready(lease));
        }
        Err(refusal.unwrap_or_else(|| Refusal::new("it has no endpoints")))
    }
}
