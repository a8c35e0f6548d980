//! Calls of modules: what goes in, what comes out, and how long it takes.

use std::time::Duration;

use squall_engine::{CALL_TIMEOUT, Call, CallError, Code, Engine, Outcome, module_fn};
use squall_value::CValue;
use tokio::time::Instant;

use crate::engine::support::{call, engine_with, spec, text};

#[tokio::test(start_paused = true)]
async fn a_module_is_given_its_input_and_its_output_is_the_value() {
    let engine = engine_with(|input| async { Ok(input) });
    assert_eq!(call(&engine, text("some")).await, Ok(text("some")));
}

#[tokio::test(start_paused = true)]
async fn a_module_that_is_set_again_is_replaced_and_calls_that_began_go_on() {
    let engine = engine_with(|_| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(text("old"))
    });
    let begun = call(&engine, text(""));
    let replaced = async {
        tokio::task::yield_now().await;
        let new = module_fn(spec("a.Module"), |_| async { Ok(text("new")) });
        engine.set_module(new).unwrap();
        call(&engine, text("")).await
    };
    assert_eq!(tokio::join!(begun, replaced), (Ok(text("old")), Ok(text("new"))));
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_no_longer_than_it_may_and_may_have_happened() {
    let engine = engine_with(|_| std::future::pending());
    let begun = Instant::now();
    let timeout = Duration::from_millis(70);
    let error = engine
        .call(Call::new("a.Module", text("")).timeout(timeout))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.outcome, begun.elapsed()),
        (Code::Timeout, Outcome::Unknown, timeout)
    );
    assert_eq!(&*error.message, "module 'a.Module' took longer than 70ms");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_says_nothing_takes_no_longer_than_the_engine_says() {
    for (engine, timeout) in [
        (engine_with(|_| std::future::pending()), CALL_TIMEOUT),
        (
            engine_with(|_| std::future::pending()).timeout(Duration::from_secs(2)),
            Duration::from_secs(2),
        ),
    ] {
        let begun = Instant::now();
        let error = call(&engine, text("")).await.unwrap_err();
        assert_eq!((error.code, begun.elapsed()), (Code::Timeout, timeout));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_done_in_time_does_not_time_out() {
    let engine = engine_with(|input| async {
        tokio::time::sleep(Duration::from_millis(69)).await;
        Ok(input)
    });
    let call = Call::new("a.Module", text("in time")).timeout(Duration::from_millis(70));
    assert_eq!(engine.call(call).await, Ok(text("in time")));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_of_the_module_which_can_be_called_again() {
    let engine = engine_with(|input| async move {
        match input.field("text") {
            Some(CValue::String(text)) if text.is_empty() => panic!("no text in {}", "it"),
            _ => Ok(input),
        }
    });
    let error = call(&engine, text("")).await.unwrap_err();
    let told = CallError::failed(Code::RuntimeError, "module 'a.Module' panicked: no text in it");
    assert_eq!(error, told);
    assert_eq!(call(&engine, text("some")).await, Ok(text("some")));
}

#[tokio::test(start_paused = true)]
async fn so_is_a_panic_before_there_is_a_future() {
    let engine = engine_with(|_| -> std::future::Ready<_> { panic!("at once") });
    let error = call(&engine, text("")).await.unwrap_err();
    assert_eq!(&*error.message, "module 'a.Module' panicked: at once");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_module_is_passed_on_as_it_is() {
    let told = CallError::unknown(Code::Unavailable, "the model is loading");
    let answer = told.clone();
    let engine = engine_with(move |_| std::future::ready(Err(answer.clone())));
    assert_eq!(call(&engine, text("")).await, Err(told));
}

#[tokio::test(start_paused = true)]
async fn an_input_of_another_type_does_not_reach_the_module() {
    let engine = engine_with(|_| async { panic!("it is not called") });
    let fields = [("text", CValue::string("")), ("more", CValue::Int(1))];
    let wrong = [
        CValue::string("bare"),
        CValue::product([("text", CValue::Int(1))]),
        CValue::product::<&str>([]),
        CValue::product(fields),
    ];
    for input in wrong {
        let error = call(&engine, input).await.unwrap_err();
        assert_eq!(
            (error.code, error.outcome),
            (Code::TypeError, Outcome::Failed),
            "{error}"
        );
        assert!(
            error
                .message
                .starts_with("the input of 'a.Module' is not as declared: "),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_of_another_type_is_no_value_and_the_call_did_happen() {
    let engine = engine_with(|_| async { Ok(CValue::Int(1)) });
    let error = call(&engine, text("")).await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::TypeError, Outcome::Unknown));
    assert!(
        error
            .message
            .starts_with("the output of 'a.Module' is not as declared: "),
        "{error}"
    );
}
