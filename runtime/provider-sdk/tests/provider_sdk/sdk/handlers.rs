//! Handlers: of users' own types, that know their execution, that panic, that are called at once.

use serde::{Deserialize, Serialize};
use squall_proto::provider::execute_response::Result as Answer;
use squall_provider_sdk::{CType, CValue, Config, HandlerError, Limits, Module, Provider, Running};

use crate::support::*;

async fn serve(host: &Host, module: Module) -> (Running<Host>, String) {
    let provider = Provider::builder(host.clone(), "ml")
        .config(config())
        .module(module);
    let running = provider.build().unwrap().start().await.unwrap();
    let url = running.executor_addr().unwrap().to_string();
    (running, url)
}

/// The output, or the code and the message of the error.
async fn call(host: &Host, url: &str, module: &str, input: &CValue) -> Result<CValue, (String, String)> {
    let answer = execute(host, url, module, &input.to_json()).await;
    match answer.result.expect("an output or an error") {
        Answer::OutputData(json) => Ok(CValue::from_json(&json, &Limits::default()).expect("a value")),
        Answer::Error(error) => Err((error.code, error.message)),
    }
}

#[derive(Deserialize)]
struct Document {
    text: String,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct Score {
    words: usize,
    ratio: f64,
}

fn score() -> Module {
    let input = CType::product([("text", CType::String), ("limit", CType::optional(CType::Int))]);
    let output = CType::product([("words", CType::Int), ("ratio", CType::Float)]);
    Module::typed("Score", input, output, |document: Document| async move {
        let words = document.text.split(' ').count();
        match document.limit {
            Some(limit) if limit < 0 => Err(HandlerError::new("a limit below nothing")),
            _ => Ok(Score { words, ratio: 0.5 }),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_typed_handler_gets_and_gives_its_own_types() {
    let host = Host::new(&Network::default());
    let (_running, url) = serve(&host, score()).await;
    let limit = |value: CValue| CValue::Some {
        value: Box::new(value),
        inner: CType::Int.into(),
    };
    let input = |limit| CValue::product([("text", CValue::string("two words")), ("limit", limit)]);
    let output = CValue::product([("words", CValue::Int(2)), ("ratio", CValue::Float(0.5))]);
    assert_eq!(
        call(&host, &url, "Score", &input(limit(CValue::Int(3)))).await,
        Ok(output)
    );
    let error = call(&host, &url, "Score", &input(limit(CValue::Int(-1)))).await;
    assert_eq!(
        error,
        Err(("RUNTIME_ERROR".to_owned(), "a limit below nothing".to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_a_typed_handler_is_a_type_error() {
    let host = Host::new(&Network::default());
    let (_running, url) = serve(&host, score()).await;
    let input = CValue::product([("text", CValue::Int(7))]);
    let (code, message) = call(&host, &url, "Score", &input).await.expect_err("no text");
    assert_eq!(code, "TYPE_ERROR");
    assert!(message.starts_with("Failed to deserialize input: "), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_not_as_declared_is_a_runtime_error() {
    let host = Host::new(&Network::default());
    let module = Module::typed("Odd", text_type(), CType::Int, |_: serde::de::IgnoredAny| async {
        Ok("text")
    });
    let (_running, url) = serve(&host, module).await;
    let (code, message) = call(&host, &url, "Odd", &text("x"))
        .await
        .expect_err("a text is no int");
    assert_eq!(code, "RUNTIME_ERROR");
    assert!(message.starts_with("Failed to serialize output: "), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_typed_handler_of_no_record_gets_what_managers_wrap() {
    let host = Host::new(&Network::default());
    let module = Module::typed("Length", CType::String, CType::Int, |text: String| async move {
        Ok(text.len())
    });
    let (_running, url) = serve(&host, module).await;
    let wrapped = CValue::product([("input", CValue::string("four"))]);
    for input in [wrapped, CValue::string("four")] {
        assert_eq!(call(&host, &url, "Length", &input).await, Ok(CValue::Int(4)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_told_of_its_execution() {
    let host = Host::new(&Network::default());
    let module = Module::new("Told", text_type(), text_type(), |_, context| async move {
        let metadata = &context.metadata["key"];
        Ok(text(&format!(
            "{} {} {metadata}",
            context.module, context.execution_id
        )))
    });
    let (_running, url) = serve(&host, module).await;
    let told = say(&host, &url, "Told", "").await.unwrap();
    assert_eq!(told, "Told 000000000000000000000000000000aa value");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_runtime_error_and_breaks_nothing_else() {
    let host = Host::new(&Network::default());
    let module = Module::new("Panics", text_type(), text_type(), |input: CValue, _| {
        assert_ne!(input, text("at once"), "early");
        async move {
            tokio::task::yield_now().await;
            panic!("late")
        }
    });
    let (running, url) = serve(&host, module).await;
    for (said, panic) in [("at once", "early"), ("later", "late")] {
        let error = say(&host, &url, "Panics", said).await.expect_err("it panics");
        assert_eq!(error.code, "RUNTIME_ERROR");
        assert!(error.message.contains(panic), "{}", error.message);
    }
    assert_eq!(running.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn executions_run_side_by_side_and_are_counted() {
    let host = Host::new(&Network::default());
    let (running, url) = serve(&host, slow("Slow", ms(1000))).await;
    let calls = [(); 10].map(|()| {
        let (host, url) = (host.clone(), url.clone());
        background(async move { say(&host, &url, "Slow", "x").await })
    });
    tokio::time::sleep(ms(500)).await;
    assert_eq!(running.in_flight(), 10);
    tokio::time::sleep(ms(501)).await;
    assert_eq!(running.in_flight(), 0);
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_a_message_is_refused_on_both_ways() {
    let host = Host::new(&Network::default());
    let config = Config {
        max_message_bytes: 1000,
        ..config()
    };
    let twice = Module::new("Twice", text_type(), text_type(), |input, _| async move {
        let Some(CValue::String(said)) = input.field("text") else {
            return Err("no text".into());
        };
        Ok(text(&said.repeat(2)))
    });
    let provider = Provider::builder(host.clone(), "ml").config(config).module(twice);
    let running = provider.build().unwrap().start().await.unwrap();
    let url = running.executor_addr().unwrap().to_string();
    let error = say(&host, &url, "Twice", &"x".repeat(600))
        .await
        .expect_err("1200 bytes");
    assert_eq!(error.code, "RUNTIME_ERROR");
    assert!(
        error.message.starts_with("Failed to serialize output: "),
        "{}",
        error.message
    );
    assert!(say(&host, &url, "Twice", &"x".repeat(100)).await.is_ok());
}
