//! An engine for all tests, and what they ask it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use squall_engine::pipeline::{Checked, Errors, Mistake, Pipeline, RunError, RunOptions, StepError};
use squall_engine::{CallError, Code, Engine, LocalEngine, ModuleSpec, module_fn};
use squall_value::{CType, CValue};

/// - `ml.Analyze(text: String) -> { confidence: Float, sentiment: Float }`, after 100 ms
/// - `ml.Weigh(by: Float, sentiment: Float) -> Float`, after 100 ms
/// - `text.Length(input: String) -> Int`
/// - `text.Wrap(text: String) -> { text: String }`
/// - `data.transform.Enrich(record: { age: Int, name: String }) -> { inner: { deep: Boolean } }`
/// - `Now() -> Int`
/// - `Fail(text: String) -> String`, which fails after 50 ms
/// - `Hang(text: String) -> String`, which never ends
pub(crate) fn engine() -> LocalEngine {
    let engine = LocalEngine::new();
    let text = CType::product([("text", CType::String)]);
    let person = CType::product([("name", CType::String), ("age", CType::Int)]);
    let inner = CType::product([("deep", CType::Boolean)]);

    let analysis = CType::product([("sentiment", CType::Float), ("confidence", CType::Float)]);
    add(&engine, "ml.Analyze", &text, analysis, |_| async {
        wait(100).await;
        let fields = [
            ("sentiment", CValue::Float(0.5)),
            ("confidence", CValue::Float(0.9)),
        ];
        Ok(CValue::product(fields))
    });
    let weights = CType::product([("sentiment", CType::Float), ("by", CType::Float)]);
    add(&engine, "ml.Weigh", &weights, CType::Float, |input| async move {
        wait(100).await;
        match (input.field("sentiment"), input.field("by")) {
            (Some(CValue::Float(sentiment)), Some(CValue::Float(by))) => Ok(CValue::Float(sentiment * by)),
            _ => panic!("{input:?} is not as declared"),
        }
    });
    add(
        &engine,
        "text.Length",
        &CType::String,
        CType::Int,
        |input| async move {
            match input.field("input") {
                Some(CValue::String(text)) => Ok(CValue::Int(text.len() as i64)),
                _ => panic!("{input:?} is not as declared"),
            }
        },
    );
    add(&engine, "text.Wrap", &text, text.clone(), |input| async {
        Ok(input)
    });
    let record = CType::product([("record", person)]);
    let rich = CType::product([("inner", inner)]);
    add(&engine, "data.transform.Enrich", &record, rich, |_| async {
        Ok(CValue::product([(
            "inner",
            CValue::product([("deep", CValue::Boolean(true))]),
        )]))
    });
    let nothing = CType::product::<&str>([]);
    add(&engine, "Now", &nothing, CType::Int, |_| async {
        Ok(CValue::Int(7))
    });
    add(&engine, "Fail", &text, CType::String, |_| async {
        wait(50).await;
        Err(CallError::failed(Code::RuntimeError, "no luck"))
    });
    add(&engine, "Hang", &text, CType::String, |_| std::future::pending());
    engine
}

/// Adds a module that is a closure.
pub(crate) fn add<F, R>(engine: &LocalEngine, name: &str, input: &CType, output: CType, function: F)
where
    F: Fn(CValue) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CValue, CallError>> + Send + 'static,
{
    let module = module_fn(ModuleSpec::new(name, input, output), function);
    engine.set_module(module).expect("the name is one");
}

pub(crate) async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub(crate) fn checked(engine: &dyn Engine, source: &str) -> Checked {
    let checked = Pipeline::parse(source).and_then(|pipeline| pipeline.check(engine));
    checked.unwrap_or_else(|errors| panic!("{errors}"))
}

/// The mistakes of a program that has some, with the line and the column of each.
pub(crate) fn mistakes(source: &str) -> Vec<(usize, usize, Mistake)> {
    let errors = errors(source);
    let located = |problem| (errors.place(problem), problem);
    let located = errors.problems().iter().map(located);
    located
        .map(|(place, problem)| (place.line, place.column, problem.mistake.clone()))
        .collect()
}

/// Why a program cannot be read, or not be run on [`engine`].
pub(crate) fn errors(source: &str) -> Errors {
    let checked = Pipeline::parse(source).and_then(|pipeline| pipeline.check(&engine()));
    checked.expect_err("the program is wrong")
}

pub(crate) type Values = BTreeMap<Arc<str>, CValue>;

pub(crate) fn values<const N: usize>(values: [(&str, CValue); N]) -> Values {
    values
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

pub(crate) fn text() -> Values {
    values([("text", CValue::string("some"))])
}

/// Reads, checks and runs a program on [`engine`], without a timeout.
pub(crate) async fn run(source: &str, inputs: Values) -> Result<Values, RunError> {
    let engine = engine();
    checked(&engine, source)
        .run(&engine, inputs, &RunOptions::default())
        .await
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The step that failed, and why.
pub(crate) fn failed_step(error: RunError) -> (String, StepError) {
    match error {
        RunError::Step { step, cause } => (step.to_string(), cause),
        error => panic!("expected a step that failed, not: {error}"),
    }
}
