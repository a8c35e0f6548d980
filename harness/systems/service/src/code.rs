//! User-defined services and clients: ordinary gRPC servers and channels, on the hosts of a topology.
//!
//! A service is a function of a [`Site`] and its settings that serves until it returns; `[service.*]` sets its hosts. A
//! client is a function that makes one call; a workload with `client` sets how often.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use squall_core::registry::{Declaration, NoSettings, Registry, SettingsError};
use squall_site::Site;

use super::{CallError, Kept};

/// The service that every harness has: an idle host for clients.
pub const NOTHING: &str = "nothing";

/// A running service.
pub type Serving = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
/// One call.
pub(crate) type Calling = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

/// A service with its settings, about to start.
pub(crate) type Serve = Box<dyn FnOnce(Site) -> Serving + Send>;
/// A client with a payload.
pub(crate) type Ask = Box<dyn FnOnce(Site, Asked) -> Calling + Send>;

/// The parameters of a call besides its payload.
pub struct Asked {
    pub(crate) number: u64,
    pub(crate) timeout: Duration,
    pub(crate) kept: Kept,
}

/// One call of a workload, as passed to its client.
#[derive(Debug, Clone)]
pub struct Call<T> {
    /// Its number in the run: 0, 1, 2, ... Unique across workloads.
    pub number: u64,
    /// Its timeout. The workload drops the call then, and its outcome is unknown.
    pub timeout: Duration,
    /// The workload's `payload`, with each `{call}` replaced by the call's number.
    pub payload: T,
    kept: Kept,
}

impl<T> Call<T> {
    /// State shared by all calls from one process: a channel, for example. `make` is called once per process and type.
    ///
    /// ```
    /// # use squall::{Call, Site};
    /// # async fn call(site: Site, call: Call<()>) {
    /// let numbers = call.once(|| std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0)));
    /// # drop(numbers);
    /// # }
    /// ```
    pub fn once<K: Clone + Send + 'static>(&self, make: impl FnOnce() -> K) -> K {
        self.kept.get_or(make)
    }
}

/// Services and clients, by the names that files use.
#[derive(Debug, Clone)]
pub struct ServiceCode {
    services: Registry<Serve>,
    clients: Registry<Ask>,
}

impl ServiceCode {
    /// The built-in ones.
    pub fn builtin() -> Self {
        let mut services = ServiceCode {
            services: Registry::default(),
            clients: Registry::default(),
        };
        services.service(NOTHING, |_, NoSettings {}| {
            std::future::pending::<Result<(), String>>()
        });
        services.services.declare(
            NOTHING,
            Declaration::new().about("Does nothing: a host for clients."),
        );
        services
    }

    /// Adds a service: see `squall::Harness::service`.
    pub fn service<S, F, E>(
        &mut self,
        name: impl Into<String>,
        serve: impl Fn(Site, S) -> F + Send + Sync + 'static,
    ) where
        S: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let serve = Arc::new(serve);
        self.services.register(name, move |settings: S| {
            let serve = Arc::clone(&serve);
            let start = move |site| -> Serving {
                let serving = serve(site, settings);
                Box::pin(async move { serving.await.map_err(|error| error.to_string()) })
            };
            Ok(Box::new(start) as Serve)
        });
    }

    /// Adds a client: see `squall::Harness::client`.
    pub fn client<T, F, R, E>(
        &mut self,
        name: impl Into<String>,
        call: impl Fn(Site, Call<T>) -> F + Send + Sync + 'static,
    ) where
        T: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        E: Into<CallError>,
    {
        let call = Arc::new(call);
        self.clients.register(name, move |payload: T| {
            let call = Arc::clone(&call);
            let ask = move |site, asked: Asked| -> Calling {
                let it = Call {
                    number: asked.number,
                    timeout: asked.timeout,
                    payload,
                    kept: asked.kept,
                };
                let calling = call(site, it);
                Box::pin(async move { calling.await.map(drop).map_err(Into::into) })
            };
            Ok(Box::new(ask) as Ask)
        });
    }

    /// The services by name.
    pub fn services(&self) -> &Registry<Serve> {
        &self.services
    }

    /// The clients by name.
    pub fn clients(&self) -> &Registry<Ask> {
        &self.clients
    }

    /// Creates a service of a topology.
    pub fn make(&self, name: &str, settings: &Value) -> Result<Serve, SettingsError> {
        let none = || SettingsError::from(format!("no service is called `{name}`"));
        self.services.make(name, settings).ok_or_else(none)?
    }

    /// Creates a call of a scenario's client.
    pub(crate) fn ask(&self, name: &str, payload: &Value) -> Result<Ask, SettingsError> {
        let none = || SettingsError::from(format!("no client is called `{name}`"));
        self.clients.make(name, payload).ok_or_else(none)?
    }
}
