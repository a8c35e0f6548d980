//! A manager on an in-memory network, and providers that speak to it as any SDK would.

mod executor;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{Call, CallError, Engine, LocalEngine, ModuleSpec, module_fn};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, Platform};
use squall_provider::{Config, Drained, Manager, ProviderInfo, State};
use squall_value::{CType, CValue};
use tokio::sync::oneshot;

pub(crate) use executor::*;
pub(crate) use provider::*;

/// One manager, which serves, and its network.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) manager: Manager<Memory>,
    pub(crate) address: Authority,
    /// The process of the manager.
    pub(crate) host: Memory,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) drained: oneshot::Receiver<Drained>,
}

impl World {
    pub(crate) async fn start() -> Self {
        World::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let network = Network::default();
        let host = network.host();
        let manager = Manager::new(host.clone(), config, Arc::new(LocalEngine::new()));
        let server = manager.bind().await.expect("a free port");
        let address = server.local_addr().to_string().parse().unwrap();
        let (stop, stopping) = oneshot::channel();
        let (done, drained) = oneshot::channel();
        host.spawn(async move {
            let shutdown = async { drop(stopping.await) };
            let drained = server.run_until(shutdown, secs(10)).await;
            // Not every test waits for it.
            let _ = done.send(drained);
        });
        World {
            network,
            manager,
            address,
            host,
            stop,
            drained,
        }
    }

    /// A provider of these modules that is registered and active, and echoes.
    pub(crate) async fn active(&self, namespace: &str, group: &str, modules: &[&str]) -> Provider {
        let mut provider = Provider::start(self, Executor::echo()).await;
        provider.register(namespace, group, modules).await;
        provider.open().await;
        provider
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.manager.providers().iter().map(|it| it.state).collect()
    }

    pub(crate) fn provider(&self, connection: &str) -> Option<ProviderInfo> {
        let mut all = self.manager.providers().into_iter();
        all.find(|it| &*it.connection == connection)
    }

    /// The names of all modules.
    pub(crate) fn modules(&self) -> Vec<String> {
        let modules = self.manager.modules();
        modules.iter().map(|it| it.name.to_string()).collect()
    }

    pub(crate) async fn call(&self, module: &str) -> Result<CValue, CallError> {
        self.manager.call(Call::new(module, text("hello"))).await
    }

    /// A call that goes on while the test does something else.
    pub(crate) fn in_background(&self, module: &str) -> oneshot::Receiver<Result<CValue, CallError>> {
        let (done, answer) = oneshot::channel();
        let (manager, call) = (self.manager.clone(), Call::new(module, text("hello")));
        self.network.host().spawn(async move {
            drop(done.send(manager.call(call).await));
        });
        answer
    }

    /// Sets a module of the manager's process.
    pub(crate) fn set_local(&self, name: &str) {
        let spec = ModuleSpec::new(name, &text_type(), text_type());
        let module = module_fn(spec, |input: CValue| async move { Ok(input) });
        self.manager.set_module(module).expect("nobody has it");
    }
}

pub(crate) fn text(text: &str) -> CValue {
    CValue::product([("text", CValue::string(text))])
}

pub(crate) fn text_type() -> CType {
    CType::product([("text", CType::String)])
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Lets everything happen that can happen now, on a network without delay.
pub(crate) async fn settle() {
    tokio::time::sleep(ms(1)).await;
}
