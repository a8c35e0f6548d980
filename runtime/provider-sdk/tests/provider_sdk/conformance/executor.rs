//! Lines 156 to 165: the executor.

use squall_platform::{Authority, TokioPlatform};
use squall_proto::provider::execute_response::Result as Answer;
use squall_proto::provider::{ExecuteRequest, ExecuteResponse};
use squall_provider_sdk::{CValue, Config, Context, HandlerError, Module, Provider, Running};

use crate::support::*;

/// A provider without managers, and where it is called.
async fn executor(host: &Host, modules: Vec<Module>) -> (Running<Host>, String) {
    let provider = Provider::builder(host.clone(), "ml")
        .config(config())
        .modules(modules);
    let running = provider.build().unwrap().start().await.unwrap();
    let url = running.executor_addr().unwrap().to_string();
    (running, url)
}

#[tokio::test(start_paused = true)]
async fn line_156_the_right_handler_is_called_and_its_output_returned() {
    let host = Host::new(&Network::default());
    let (_running, url) = executor(&host, vec![says("A", "I am A"), says("B", "I am B")]).await;
    assert_eq!(say(&host, &url, "A", "").await.unwrap(), "I am A");
    assert_eq!(say(&host, &url, "B", "").await.unwrap(), "I am B");
}

#[tokio::test(start_paused = true)]
async fn line_157_an_unknown_module_is_not_found_before_anything_is_decoded() {
    let host = Host::new(&Network::default());
    let (_running, url) = executor(&host, vec![echo("Echo")]).await;
    for input in [&b"not JSON"[..], b"{\"tag\":\"CInt\",\"value\":1}"] {
        let (code, message) = error(execute(&host, &url, "Nobody", input).await);
        assert_eq!(
            (&*code, &*message),
            ("MODULE_NOT_FOUND", "Module not found: Nobody")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn line_158_input_that_cannot_be_decoded_is_a_type_error() {
    let host = Host::new(&Network::default());
    let (_running, url) = executor(&host, vec![echo("Echo")]).await;
    for input in [
        &b"not JSON"[..],
        b"",
        b"{}",
        b"{\"tag\":\"CNothing\"}",
        &[0, 1, 2, 3],
        &[0xff],
    ] {
        let (code, message) = error(execute(&host, &url, "Echo", input).await);
        assert_eq!(code, "TYPE_ERROR");
        assert!(message.starts_with("Failed to deserialize input: "), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_159_an_error_of_the_handler_is_a_runtime_error_with_its_message() {
    let host = Host::new(&Network::default());
    let (_running, url) = executor(&host, vec![fails("Bad", "out of tea")]).await;
    let error = say(&host, &url, "Bad", "").await.expect_err("it fails");
    assert_eq!((&*error.code, &*error.message), ("RUNTIME_ERROR", "out of tea"));
}

#[tokio::test(start_paused = true)]
async fn line_160_metrics_are_in_every_answer() {
    let host = Host::new(&Network::default());
    let modules = vec![echo("Echo"), fails("Bad", "no"), slow("Slow", ms(1234))];
    let (_running, url) = executor(&host, modules).await;
    let input = text("x").to_json();
    for (module, input, duration) in [
        ("Echo", &*input, 0),
        ("Echo", b"?", 0),
        ("Bad", &input, 0),
        ("Nobody", &input, 0),
        ("Slow", &input, 1234),
    ] {
        let metrics = execute(&host, &url, module, input).await.metrics.expect("always");
        assert_eq!(
            (metrics.duration_ms, metrics.memory_bytes),
            (duration, 0),
            "{module}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn line_161_swapped_modules_take_effect_at_once() {
    let host = Host::new(&Network::default());
    let (running, url) = executor(&host, vec![echo("Old")]).await;
    running.replace_modules(vec![echo("New")]).await.unwrap();
    let error = say(&host, &url, "Old", "x").await.expect_err("it is gone");
    assert_eq!(error.code, "MODULE_NOT_FOUND");
    assert_eq!(say(&host, &url, "New", "x").await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn line_162_port_0_is_a_real_port_and_that_is_what_managers_are_told() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let port = running.executor_addr().unwrap().port();
    assert_ne!(port, 0);
    assert_eq!(manager.executor(), format!("provider:{port}"));
}

#[tokio::test]
async fn line_163_over_real_sockets_outputs_and_errors_arrive() {
    let platform = TokioPlatform::loopback();
    let provider = Provider::builder(platform, "ml")
        .config(Config {
            executor_port: 0,
            ..Config::default()
        })
        .modules([echo("Echo"), fails("Bad", "out of tea")]);
    let running = provider.build().unwrap().start().await.unwrap();
    let address: Authority = running.executor_addr().unwrap().to_string().parse().unwrap();
    let channel = squall_grpc::Channel::new(platform, Default::default(), address);
    let call = async |module: &str| -> ExecuteResponse {
        let request = ExecuteRequest {
            module_name: module.to_owned(),
            input_data: text("hello").to_json().into(),
            ..ExecuteRequest::default()
        };
        let path = "/constellation.provider.v1.ModuleExecutor/Execute";
        let progress = Default::default();
        let answer = channel.call(path, tonic::Request::new(request), 1 << 20, &progress);
        answer.await.unwrap().into_inner()
    };
    let Some(Answer::OutputData(output)) = call("Echo").await.result else {
        panic!("no output");
    };
    assert_eq!(output, text("hello").to_json());
    let (code, message) = error(call("Bad").await);
    assert_eq!((&*code, &*message), ("RUNTIME_ERROR", "out of tea"));
    running.stop().await;
}

#[tokio::test]
async fn line_164_a_stopped_executor_leaves_its_port_free() {
    let platform = TokioPlatform::loopback();
    let mut port = 0;
    for _ in 0..2 {
        let config = Config {
            executor_port: port,
            ..Config::default()
        };
        let provider = Provider::builder(platform, "ml").config(config).build().unwrap();
        let running = provider.start().await.expect("the port is free");
        port = running.executor_addr().unwrap().port();
        running.stop().await;
    }
}

async fn shout(input: CValue, _: Context) -> Result<CValue, HandlerError> {
    Ok(input)
}

#[tokio::test(start_paused = true)]
async fn line_165_a_handler_may_be_a_function() {
    let host = Host::new(&Network::default());
    let module = Module::new("Shout", text_type(), text_type(), shout);
    let (_running, url) = executor(&host, vec![module]).await;
    assert_eq!(say(&host, &url, "Shout", "x").await.unwrap(), "x");
}

fn error(answer: ExecuteResponse) -> (String, String) {
    match answer.result {
        Some(Answer::Error(error)) => (error.code, error.message),
        other => panic!("no error: {other:?}"),
    }
}
