//! Builds running managers and providers from a topology, on any platform.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use squall_engine::{CallError, Code, Engine, LocalEngine, ModuleSpec, module_fn};
use squall_platform::{Authority, Platform};
use squall_provider::Manager;
use squall_provider_sdk as sdk;
use squall_sim::{Chance, Latency, Stream};
use squall_value::{CType, CValue};
use tokio::time::Instant;

use crate::plan::{self, Answer, Flaky, Handler, ProviderModule};

/// The default port of a manager. Spec: provider 2.1.
pub const MANAGER_PORT: u16 = 9090;

/// The default port of a provider's executor. Spec: provider 3.1.
pub const EXECUTOR_PORT: u16 = 9091;

/// The address of a provider's executor, as registered with managers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// A name or an address.
    pub host: String,
    /// A port; 0 selects a free one.
    pub port: u16,
}

/// Creates a manager, with its own modules. It serves `port`, or a free one for 0, once it is bound.
///
/// # Errors
/// If one of its own modules is invalid.
pub fn manager<P: Platform>(platform: P, manager: &plan::Manager, port: u16) -> Result<Manager<P>, String> {
    let engine = LocalEngine::new().timeout(manager.call_timeout);
    let behaviours = Behaviours::new(platform.clone());
    for module in manager.modules.values() {
        let mut spec = ModuleSpec::new(module.name.as_str(), &module.input, module.output.clone());
        spec.version = module.version.as_str().into();
        spec.description = module.description.as_str().into();
        let behaviour = behaviours.of(module);
        let module = module_fn(spec, move |input: CValue| {
            let behaviour = behaviour.clone();
            async move {
                let result = behaviour.run(&input).await;
                result.map_err(|message| CallError::failed(Code::RuntimeError, message))
            }
        });
        engine.set_module(module).map_err(|error| error.to_string())?;
    }
    let config = squall_provider::Config {
        grpc_port: port,
        heartbeat_timeout: manager.heartbeat_timeout,
        control_plane_timeout: manager.control_plane_timeout,
        report_interval: manager.report_interval,
        reserved_namespaces: manager.reserved.iter().cloned().collect(),
        call_timeout: manager.call_timeout,
        ..squall_provider::Config::default()
    };
    Ok(Manager::new(platform, config, Arc::new(engine)))
}

/// Creates a provider with this executor address. `endpoint` returns the addresses of managers. It runs once started.
/// `canary` has the observation settings of its canaries, if there are any.
///
/// # Errors
/// If a manager would reject a name.
pub fn provider<P: Platform>(
    platform: P,
    executor: Executor,
    provider: &plan::Provider,
    endpoint: impl Fn(&str) -> Authority,
    canary: Option<&plan::Canary>,
) -> Result<sdk::Provider<P>, String> {
    let behaviours = Behaviours::new(platform.clone());
    let config = sdk::Config {
        executor_port: executor.port,
        executor_host: executor.host,
        heartbeat_interval: provider.heartbeat_interval,
        ack_timeout: provider.ack_timeout,
        reconnect_first: provider.reconnect.first,
        reconnect_max: provider.reconnect.max,
        reconnect_attempts: provider.reconnect.attempts,
        group: provider.group.clone(),
        canary: canary.map(canary_config).unwrap_or_default(),
        ..sdk::Config::default()
    };
    let modules = provider.modules.values().map(|module| behaviours.module(module));
    sdk::Provider::builder(platform, provider.namespace.as_str())
        .managers(provider.managers.iter().map(|manager| endpoint(manager)))
        .config(config)
        .modules(modules)
        .build()
        .map_err(|error| error.to_string())
}

/// The new modules of a canary.
pub fn canary_modules<P: Platform>(platform: &P, canary: &plan::Canary) -> Vec<sdk::Module> {
    let behaviours = Behaviours::new(platform.clone());
    canary
        .modules
        .values()
        .map(|module| behaviours.module(module))
        .collect()
}

fn canary_config(canary: &plan::Canary) -> sdk::Canary {
    let threshold = canary.health_threshold;
    sdk::Canary {
        observation_window: canary.observation_window,
        health_threshold: sdk::Ratio::new(threshold.numerator, threshold.denominator),
        max_latency: canary.max_latency,
        rollback_on_failure: canary.rollback,
    }
}

/// The behaviour of one process's modules. Each module has its own random stream, so that calls of one do not affect the
/// others.
struct Behaviours<P> {
    platform: P,
    seed: u64,
    since: Instant,
}

impl<P: Platform> Behaviours<P> {
    fn new(platform: P) -> Self {
        Behaviours {
            seed: platform.random_u64(),
            platform,
            since: Instant::now(),
        }
    }

    fn of(&self, module: &ProviderModule) -> Arc<Behaviour<P>> {
        let Handler {
            answer,
            delay,
            errors,
            flaky,
        } = &module.handler;
        Arc::new(Behaviour {
            platform: self.platform.clone(),
            answer: answer.clone(),
            output: module.output.clone(),
            delay: delay.as_ref().map(Into::into),
            errors: (*errors).into(),
            flaky: *flaky,
            since: self.since,
            random: Mutex::new(Stream::new(self.seed, &module.name)),
        })
    }

    fn module(&self, module: &ProviderModule) -> sdk::Module {
        let behaviour = self.of(module);
        let (input, output) = (module.input.clone(), module.output.clone());
        sdk::Module::new(module.name.as_str(), input, output, move |input, _| {
            let behaviour = behaviour.clone();
            async move { behaviour.run(&input).await.map_err(sdk::HandlerError::new) }
        })
        .version(module.version.as_str())
        .description(module.description.as_str())
    }
}

/// The behaviour of one module.
struct Behaviour<P> {
    platform: P,
    answer: Answer,
    output: CType,
    delay: Option<Latency>,
    errors: Chance,
    flaky: Option<Flaky>,
    since: Instant,
    random: Mutex<Stream>,
}

impl<P: Platform> Behaviour<P> {
    async fn run(&self, input: &CValue) -> Result<CValue, String> {
        let fails_now = self
            .flaky
            .is_some_and(|flaky| is_failing(flaky, self.since.elapsed()));
        let (delay, fails) = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            let delay = self.delay.as_ref().map(|delay| delay.sample(&mut random));
            (delay.unwrap_or_default(), random.happens(self.errors))
        };
        if delay > 0 {
            self.platform.sleep(Duration::from_nanos(delay)).await;
        }
        match &self.answer {
            _ if fails_now => Err("it is a bad time".to_owned()),
            _ if fails => Err("it fails now and then".to_owned()),
            Answer::Fixed(output) => Ok(output.clone()),
            Answer::Echo => echo(input, &self.output),
            Answer::Error(message) => Err(message.clone()),
        }
    }
}

/// Good and bad periods alternate.
fn is_failing(flaky: Flaky, age: Duration) -> bool {
    let within = age.as_nanos() % (flaky.ok + flaky.failing).as_nanos().max(1);
    within >= flaky.ok.as_nanos()
}

/// The input fields that the output declares; `input` itself if the output is not a record.
fn echo(input: &CValue, output: &CType) -> Result<CValue, String> {
    let field = |name: &str| {
        let value = input.field(name).cloned();
        value.ok_or_else(|| format!("the input has no field `{name}`"))
    };
    let CType::Product(fields) = output else {
        return field("input");
    };
    let values = fields.keys().map(|name| Ok((name.clone(), field(name)?)));
    Ok(CValue::Product {
        value: values.collect::<Result<_, String>>()?,
        structure: fields.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_times_take_turns() {
        let flaky = Flaky {
            ok: Duration::from_secs(10),
            failing: Duration::from_secs(2),
        };
        let failing = |seconds| is_failing(flaky, Duration::from_secs(seconds));
        assert_eq!(
            [0, 9, 10, 11, 12, 21, 22].map(failing),
            [false, false, true, true, false, false, true]
        );
    }

    #[test]
    fn an_echo_answers_with_what_the_output_declares() {
        let input = CValue::product([("text", CValue::string("hello")), ("depth", CValue::Int(3))]);
        let output = CType::product([("text", CType::String)]);
        assert_eq!(
            echo(&input, &output),
            Ok(CValue::product([("text", CValue::string("hello"))]))
        );
        let single = CValue::product([("input", CValue::Int(3))]);
        assert_eq!(echo(&single, &CType::Int), Ok(CValue::Int(3)));
        assert!(echo(&input, &CType::product([("other", CType::Int)])).is_err());
    }
}
