//! A manager that plays a script, and providers to connect to it, on a platform in memory.

mod manager;
mod platform;

use std::collections::BTreeMap;
use std::time::Duration;

use squall_grpc::{Channel, Dial};
use squall_proto::provider::execute_response::Result as Answer;
use squall_proto::provider::{ExecuteRequest, ExecuteResponse, ExecutionError};
use squall_provider_sdk::{
    Authority, CType, CValue, Config, Context, HandlerError, Limits, Module, Provider,
};

pub(crate) use manager::{Manager, Seen};
pub(crate) use platform::{EPOCH_MS, Host};
pub(crate) use squall_memory::Network;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A record of one text.
pub(crate) fn text_type() -> CType {
    CType::product([("text", CType::String)])
}

pub(crate) fn text(text: &str) -> CValue {
    CValue::product([("text", CValue::string(text))])
}

/// Returns what it gets.
pub(crate) fn echo(name: &str) -> Module {
    Module::new(
        name,
        text_type(),
        text_type(),
        |input, _| async move { Ok(input) },
    )
}

/// Returns the same text always.
pub(crate) fn says(name: &str, answer: &'static str) -> Module {
    Module::new(name, text_type(), text_type(), move |_, _| async move {
        Ok(text(answer))
    })
}

/// Fails always.
pub(crate) fn fails(name: &str, message: &'static str) -> Module {
    Module::new(
        name,
        text_type(),
        text_type(),
        move |_: CValue, _: Context| async move { Err(HandlerError::new(message)) },
    )
}

/// Takes its time.
pub(crate) fn slow(name: &str, takes: Duration) -> Module {
    Module::new(name, text_type(), text_type(), move |input, _| async move {
        tokio::time::sleep(takes).await;
        Ok(input)
    })
}

/// A provider of one module `Echo` at these managers, on a free port.
pub(crate) fn provider(host: &Host, managers: &[&Manager]) -> squall_provider_sdk::Builder<Host> {
    Provider::builder(host.clone(), "ml")
        .managers(managers.iter().map(|it| it.address()))
        .config(config())
        .module(echo("Echo"))
}

pub(crate) fn config() -> Config {
    Config {
        executor_port: 0,
        executor_host: "provider".to_owned(),
        ..Config::default()
    }
}

/// Calls a module as a manager does.
pub(crate) async fn execute(host: &Host, url: &str, module: &str, input: &[u8]) -> ExecuteResponse {
    let request = ExecuteRequest {
        module_name: module.to_owned(),
        input_data: input.to_vec().into(),
        execution_id: "000000000000000000000000000000aa".to_owned(),
        metadata: BTreeMap::from([("key".to_owned(), "value".to_owned())]),
    };
    let channel = Channel::new(host.clone(), Dial::default(), authority(url));
    let path = "/constellation.provider.v1.ModuleExecutor/Execute";
    let answer = channel
        .call(path, tonic::Request::new(request), 4 << 20, &Default::default())
        .await;
    answer.expect("every execution has an answer").into_inner()
}

/// Calls a module with a text, and returns the text or the error.
pub(crate) async fn say(host: &Host, url: &str, module: &str, said: &str) -> Result<String, ExecutionError> {
    let answer = execute(host, url, module, &text(said).to_json()).await;
    match answer.result.expect("an output or an error") {
        Answer::Error(error) => Err(error),
        Answer::OutputData(json) => {
            let output = CValue::from_json(&json, &Limits::default()).expect("a value");
            match output.field("text") {
                Some(CValue::String(text)) => Ok(text.to_string()),
                other => panic!("no text: {other:?}"),
            }
        }
    }
}

pub(crate) fn authority(text: &str) -> Authority {
    text.parse().expect("host:port")
}

/// Does something beside the test, which belongs to no host.
#[expect(clippy::disallowed_methods, reason = "it is the test that does it")]
pub(crate) fn background<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

/// Lets everything that can happen now happen, and what can within a moment.
pub(crate) async fn soon() {
    tokio::time::sleep(ms(50)).await;
}
