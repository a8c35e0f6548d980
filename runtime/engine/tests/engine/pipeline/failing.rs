//! How a run ends without outputs: never later than it must, and nothing goes on behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use squall_engine::pipeline::{InputError, RunError, RunOptions, StepError};
use squall_engine::{CallError, Code, LocalEngine, Outcome};
use squall_value::{CType, CValue};
use tokio::time::Instant;

use crate::pipeline::support::{add, checked, engine, failed_step, ms, run, text, values, wait};

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_ends_the_run_and_is_named() {
    let begun = Instant::now();
    let source = "in text: String\nok = ml.Analyze(text)\n\nbad = text.Length(Fail(text))\nout ok\nout bad";
    let error = run(source, text()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (Code::RuntimeError, Outcome::Unknown)
    );
    assert!(!error.is_callers());
    let shown = "step 'bad' on line 4, a call of Fail: [RUNTIME_ERROR] no luck";
    assert_eq!(error.to_string(), shown);
    let cause = CallError::failed(Code::RuntimeError, "no luck");
    assert_eq!(failed_step(error).1, StepError::Call(cause));
    // The other call takes 100 ms, and is not waited for.
    assert_eq!(begun.elapsed(), ms(50));
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_steps_does_not_hang_when_its_first_fails() {
    let source = "in text: String\na = Fail(text)\nb = Hang(a)\nc = Hang(b)\nout c";
    let outcome = tokio::time::timeout(ms(1000), run(source, text())).await;
    let (step, _) = failed_step(outcome.expect("the run ends").unwrap_err());
    assert_eq!(step, "step 'a' on line 2, a call of Fail");
}

/// An engine with `Count(text: String) -> Int`, which takes 200 ms; and what was begun, ended and dropped of it.
struct Counted {
    engine: LocalEngine,
    begun: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

struct CountsItsEnd(Arc<AtomicUsize>);

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn new() -> Self {
        let counted = Counted {
            engine: engine(),
            begun: Arc::default(),
            dropped: Arc::default(),
        };
        let (begun, dropped) = (counted.begun.clone(), counted.dropped.clone());
        let input = CType::product([("text", CType::String)]);
        add(&counted.engine, "Count", &input, CType::String, move |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            let guard = CountsItsEnd(dropped.clone());
            async move {
                wait(200).await;
                drop(guard);
                Ok(CValue::string(""))
            }
        });
        counted
    }

    fn counts(&self) -> (usize, usize) {
        (
            self.begun.load(Ordering::Relaxed),
            self.dropped.load(Ordering::Relaxed),
        )
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_cancelled_when_a_step_fails() {
    let counted = Counted::new();
    let checked = checked(
        &counted.engine,
        "in text: String\na = Count(text)\nb = Fail(text)\nout c = Count(a)\nout d = Count(b)",
    );
    let begun = Instant::now();
    checked
        .run(&counted.engine, text(), &RunOptions::default())
        .await
        .unwrap_err();
    assert_eq!((begun.elapsed(), counted.counts()), (ms(50), (1, 1)));
    // And nothing of it comes to life later.
    wait(1000).await;
    assert_eq!(counted.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_cancelled_when_the_run_is_dropped() {
    let counted = Counted::new();
    let checked = checked(&counted.engine, "in text: String\nout a = Count(text)");
    let options = RunOptions::default();
    let run = checked.run(&counted.engine, text(), &options);
    tokio::time::timeout(ms(10), run)
        .await
        .expect_err("the run takes longer");
    assert_eq!(counted.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_is_for_the_whole_run_and_names_who_was_waited_for() {
    let engine = engine();
    let source =
        "in text: String\na = ml.Analyze(text)\nb = Hang(text)\nc = ml.Weigh(1, a.sentiment)\nout b\nout c";
    let checked = checked(&engine, source);
    let begun = Instant::now();
    let options = RunOptions {
        timeout: Some(ms(150)),
        ..RunOptions::default()
    };
    let error = checked.run(&engine, text(), &options).await.unwrap_err();
    assert_eq!((begun.elapsed(), error.code()), (ms(150), Code::Timeout));
    let shown = "the run took longer than 150ms, waiting for step 'b' on line 3, a call of Hang; \
        step 'c' on line 4, a call of ml.Weigh";
    assert_eq!(error.to_string(), shown);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_done_in_time_does_not_time_out() {
    let engine = engine();
    let checked = checked(&engine, "in text: String\nout a = ml.Analyze(text).sentiment");
    for timeout in [ms(101), Duration::MAX] {
        let options = RunOptions {
            timeout: Some(timeout),
            ..RunOptions::default()
        };
        checked.run(&engine, text(), &options).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_of_the_run_a_call_ends_when_the_engine_says() {
    let begun = Instant::now();
    let error = run("in text: String\nout a = Hang(text)", text())
        .await
        .unwrap_err();
    let StepError::Call(error) = failed_step(error).1 else {
        panic!("the call failed")
    };
    assert_eq!((error.code, error.outcome), (Code::Timeout, Outcome::Unknown));
    assert_eq!(begun.elapsed(), squall_engine::CALL_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn inputs_are_those_that_are_declared_and_of_their_types() {
    let counted = Counted::new();
    let checked = checked(
        &counted.engine,
        "in text: String\nin age: Int\nin ok: Boolean\nout a = Count(text)",
    );
    let given = values([
        ("texts", CValue::string("")),
        ("age", CValue::Float(1.0)),
        ("ok", CValue::Boolean(true)),
    ]);
    let error = checked
        .run(&counted.engine, given, &RunOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (Code::TypeError, Outcome::Failed)
    );
    assert!(error.is_callers());
    let RunError::Inputs(errors) = error else {
        panic!("{error}")
    };
    let [age, text, texts] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert!(
        matches!(age, InputError::Type { name, .. } if &**name == "age"),
        "{age}"
    );
    assert_eq!(text.to_string(), "input 'text' is missing, of type String");
    assert_eq!(
        texts.to_string(),
        "there is no input 'texts': did you mean 'text'?"
    );
    assert_eq!(counted.counts(), (0, 0));
}
