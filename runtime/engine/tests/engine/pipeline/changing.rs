//! A run between a program and an engine that may have changed since the check.

use std::sync::{Arc, Mutex};

use squall_engine::pipeline::{RunOptions, StepError};
use squall_engine::{Call, CallError, Code, Engine, LocalEngine, Module, ModuleSpec, SetError, async_trait};
use squall_value::{CType, CValue};

use crate::pipeline::support::{add, checked, engine, failed_step, ms, text, values, wait};

#[tokio::test(start_paused = true)]
async fn a_module_that_is_gone_since_the_check_is_told_as_such() {
    let engine = engine();
    let checked = checked(&engine, "in text: String\nout a = text.Wrap(text)");
    assert!(engine.remove_module("text.Wrap"));
    let error = checked
        .run(&engine, text(), &RunOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), failed_step(error).1),
        (Code::ModuleNotFound, StepError::Gone)
    );
}

#[tokio::test(start_paused = true)]
async fn a_module_that_goes_while_the_run_is_under_way_is_told_as_such() {
    let engine = engine();
    let checked = checked(
        &engine,
        "in text: String\na = ml.Analyze(text)\nout b = ml.Weigh(1, a.sentiment)",
    );
    let (options, goes) = (RunOptions::default(), async {
        wait(50).await;
        engine.remove_module("ml.Weigh")
    });
    let (outcome, _) = tokio::join!(checked.run(&engine, text(), &options), goes);
    let (step, cause) = failed_step(outcome.unwrap_err());
    assert_eq!(
        (&*step, cause),
        ("step 'b' on line 3, a call of ml.Weigh", StepError::Gone)
    );
}

#[tokio::test(start_paused = true)]
async fn a_module_of_other_types_since_the_check_is_told_as_such_and_not_called() {
    let engine = engine();
    let checked = checked(&engine, "in text: String\nout a = text.Wrap(text)");
    let input = CType::product([("text", CType::String)]);
    add(&engine, "text.Wrap", &input, CType::Int, |_| async {
        panic!("it is not called")
    });
    let error = checked
        .run(&engine, text(), &RunOptions::default())
        .await
        .unwrap_err();
    assert_eq!(failed_step(error).1, StepError::Changed);
}

#[tokio::test(start_paused = true)]
async fn a_module_that_was_replaced_by_one_of_the_same_types_is_called() {
    let engine = engine();
    let checked = checked(&engine, "out a = Now()");
    add(
        &engine,
        "Now",
        &CType::product::<&str>([]),
        CType::Int,
        |_| async { Ok(CValue::Int(8)) },
    );
    let outputs = checked.run(&engine, values([]), &RunOptions::default()).await;
    assert_eq!(outputs, Ok(values([("a", CValue::Int(8))])));
}

/// Passes calls on, and shows them; or answers what it was told to.
struct Seen {
    engine: LocalEngine,
    calls: Mutex<Vec<Call>>,
    answer: Option<CValue>,
}

#[async_trait]
impl Engine for Seen {
    fn modules(&self) -> Vec<Arc<ModuleSpec>> {
        self.engine.modules()
    }

    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>> {
        self.engine.module(name)
    }

    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError> {
        self.engine.set_module(module)
    }

    fn remove_module(&self, name: &str) -> bool {
        self.engine.remove_module(name)
    }

    async fn call(&self, call: Call) -> Result<CValue, CallError> {
        self.calls.lock().expect("no test panicked").push(call.clone());
        match &self.answer {
            Some(answer) => Ok(answer.clone()),
            None => self.engine.call(call).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_told_what_is_left_of_the_time_and_the_metadata() {
    let engine = Seen {
        engine: engine(),
        calls: Default::default(),
        answer: None,
    };
    let checked = checked(
        &engine,
        "in text: String\na = ml.Analyze(text)\nout b = ml.Weigh(2.5, a.sentiment)",
    );
    let metadata = [("trace".to_owned(), "7".to_owned())].into();
    let options = RunOptions {
        timeout: Some(ms(500)),
        metadata,
        ..RunOptions::default()
    };
    checked.run(&engine, text(), &options).await.unwrap();
    let calls = engine.calls.lock().unwrap();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (&*call.module, call.timeout, &call.metadata))
        .collect();
    let metadata = &options.metadata;
    assert_eq!(
        told,
        [
            ("ml.Analyze", Some(ms(500)), metadata),
            ("ml.Weigh", Some(ms(400)), metadata)
        ]
    );
    let input = CValue::product([("by", CValue::Float(2.5)), ("sentiment", CValue::Float(0.5))]);
    assert_eq!(calls[1].input, input);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_type_ends_the_run_whoever_lets_it_through() {
    let answer = Some(CValue::Int(5));
    let engine = Seen {
        engine: engine(),
        calls: Default::default(),
        answer,
    };
    let checked = checked(
        &engine,
        "in text: String\na = ml.Analyze(text)\nout b = ml.Weigh(1, a.sentiment)",
    );
    let error = checked
        .run(&engine, text(), &RunOptions::default())
        .await
        .unwrap_err();
    let (step, cause) = failed_step(error);
    assert_eq!(step, "step 'a' on line 2, a call of ml.Analyze");
    assert!(matches!(cause, StepError::Output(_)), "{cause}");
}
