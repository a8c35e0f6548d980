//! Resolves the names of another source periodically.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use squall_platform::{Authority, OwnedTask, Platform};
use tokio::time::{sleep, timeout};

use super::{Discovery, Listener, Listeners, events};

/// How names are resolved.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DnsOptions {
    /// How long an answer is valid. Up to an eighth is added at random, so that processes that were started at the
    /// same time do not query at the same time. 10 s.
    pub interval: Duration,
    /// How long the platform may take to resolve one name. 5 s.
    pub timeout: Duration,
}

impl Default for DnsOptions {
    fn default() -> Self {
        DnsOptions {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        }
    }
}

/// A source whose endpoints are the addresses behind the names of another source: one connection for each pod behind
/// a name, instead of one to the pod that came first. Spec: router 4.2.5.
///
/// A module is followed from its first lookup. Until a name has an answer, the name itself is the endpoint, so that
/// the first call need not wait. Afterwards every address is an endpoint: vanished addresses are removed, new ones
/// are added. A name that does not resolve, or resolves to nothing, keeps its last answer.
///
/// Peers see the address and not the name as the call's authority.
pub struct Dns<P: Platform>(Arc<Inner<P>>);

struct Inner<P: Platform> {
    platform: P,
    names: Arc<dyn Discovery>,
    options: DnsOptions,
    followed: Mutex<IndexMap<Arc<str>, Followed>>,
    listeners: Listeners,
}

/// A module whose names are resolved, for as long as this lives.
struct Followed {
    /// The last answer for each name, if there was one.
    answers: IndexMap<Authority, Option<Vec<Authority>>>,
    _task: OwnedTask,
}

impl<P: Platform> Dns<P> {
    /// Resolves the endpoints of `names`, and follows its changes. Owners are passed through.
    pub fn new(platform: P, names: Arc<dyn Discovery>, options: DnsOptions) -> Self {
        let inner = Arc::new(Inner {
            platform,
            names,
            options,
            followed: Mutex::default(),
            listeners: Listeners::default(),
        });
        let listener: Arc<dyn Listener> = Arc::clone(&inner) as _;
        inner.names.listen(Arc::downgrade(&listener));
        Dns(inner)
    }
}

impl<P: Platform> Discovery for Dns<P> {
    fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.0.names.owner(node)
    }

    fn endpoints(&self, module: &str) -> Option<Vec<Authority>> {
        let names = self.0.names.endpoints(module);
        let mut followed = self.0.followed();
        let names = match names {
            Some(names) if !names.iter().all(is_address) => IndexSet::<_>::from_iter(names),
            // There is nothing to resolve.
            it => {
                followed.shift_remove(module);
                return it;
            }
        };
        match followed.get(module) {
            Some(it) if it.answers.keys().eq(&names) => Some(it.endpoints()),
            old => {
                let answer = |name: &Authority| old.and_then(|old| old.answers.get(name).cloned().flatten());
                let answers = names.into_iter().map(|name| (name.clone(), answer(&name)));
                let new = self.0.follow(module.into(), answers.collect());
                let endpoints = new.endpoints();
                followed.insert(module.into(), new);
                Some(endpoints)
            }
        }
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.0.listeners.add(listener);
    }
}

impl<P: Platform> Listener for Inner<P> {
    fn changed(&self, module: &str) {
        self.listeners.tell(module);
    }
}

impl<P: Platform> Inner<P> {
    fn followed(&self) -> MutexGuard<'_, IndexMap<Arc<str>, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(
        self: &Arc<Self>,
        module: Arc<str>,
        answers: IndexMap<Authority, Option<Vec<Authority>>>,
    ) -> Followed {
        let names = answers.keys().filter(|name| !is_address(name)).cloned().collect();
        let task = resolve(
            self.platform.clone(),
            self.options.clone(),
            Arc::downgrade(self),
            module,
            names,
        );
        Followed {
            answers,
            _task: self.platform.spawn(task).into(),
        }
    }

    /// Records an answer. Returns whether it differs from the one before.
    fn answered(&self, module: &str, name: &Authority, addresses: Vec<Authority>) -> bool {
        let mut followed = self.followed();
        let Some(answer) = followed.get_mut(module).and_then(|it| it.answers.get_mut(name)) else {
            return false;
        };
        if answer.as_ref() == Some(&addresses) {
            return false;
        }
        events::resolved(module, name, &addresses);
        *answer = Some(addresses);
        true
    }
}

impl Followed {
    fn endpoints(&self) -> Vec<Authority> {
        let addresses = |(name, answer): (&Authority, &Option<Vec<Authority>>)| match answer {
            Some(addresses) => addresses.clone(),
            None => vec![name.clone()],
        };
        self.answers.iter().flat_map(addresses).collect()
    }
}

/// Resolves the names of one module until the source is dropped.
async fn resolve<P: Platform>(
    platform: P,
    options: DnsOptions,
    source: Weak<Inner<P>>,
    module: Arc<str>,
    names: Vec<Authority>,
) {
    loop {
        let mut changed = false;
        for name in &names {
            let answer = timeout(options.timeout, addresses(&platform, name)).await;
            let Some(source) = source.upgrade() else { return };
            match answer {
                Ok(Ok(addresses)) => changed |= source.answered(&module, name, addresses),
                Ok(Err(error)) => events::unresolved(&module, name, &error),
                Err(_) => events::unresolved(&module, name, "no answer in time"),
            }
        }
        if changed && let Some(source) = source.upgrade() {
            source.listeners.tell(&module);
        }
        let extra = (options.interval / 8).as_nanos() as u64;
        let jitter = Duration::from_nanos(platform.random_u64() % extra.max(1));
        sleep(options.interval + jitter).await;
    }
}

/// Sorted, so that the order does not depend on the resolver.
async fn addresses<P: Platform>(platform: &P, name: &Authority) -> Result<Vec<Authority>, String> {
    let mut addresses = platform.resolve(name).await.map_err(|error| error.to_string())?;
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        return Err("the name has no addresses".to_owned());
    }
    let authority = |address: std::net::SocketAddr| {
        let text = address.to_string();
        text.parse().map_err(|_| format!("{text} cannot be dialled"))
    };
    addresses.into_iter().map(authority).collect()
}

fn is_address(name: &Authority) -> bool {
    let host = name.host();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse::<IpAddr>().is_ok()
}

impl<P: Platform> fmt::Debug for Dns<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let followed = self.0.followed();
        let answers = followed.iter().map(|(module, it)| (module, &it.answers));
        f.debug_map().entries(answers).finish()
    }
}
