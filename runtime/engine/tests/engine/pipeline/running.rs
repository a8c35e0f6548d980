//! What a run does when all goes well.

use squall_engine::LocalEngine;
use squall_engine::pipeline::RunOptions;
use squall_value::{CType, CValue};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use crate::pipeline::support::{add, checked, engine, ms, run, text, values, wait};

#[tokio::test(start_paused = true)]
async fn the_program_of_the_guide_gives_what_the_module_gave() {
    let outputs = run("in text: String\nresult = ml.Analyze(text)\nout result", text())
        .await
        .unwrap();
    let result = CValue::product([
        ("sentiment", CValue::Float(0.5)),
        ("confidence", CValue::Float(0.9)),
    ]);
    assert_eq!(outputs, values([("result", result)]));
}

#[tokio::test(start_paused = true)]
async fn values_go_through_steps_fields_names_and_literals() {
    let source = "in text: String\nin p: { name: String, age: Int }\n\
        weight = ml.Weigh(sentiment: ml.Analyze(text).sentiment, by: 3)\n\
        alias = weight\n\
        rich = data.transform.Enrich(p)\n\
        out alias\nout p.age\nout rich.inner.deep\nout n = text.Length(text.Wrap(text).text)\nout seven = Now()\nout l = \"x\"";
    let p = CValue::product([("name", CValue::string("Ann")), ("age", CValue::Int(42))]);
    let outputs = run(source, values([("text", CValue::string("some")), ("p", p)]))
        .await
        .unwrap();
    let expected = [
        ("alias", CValue::Float(1.5)),
        ("age", CValue::Int(42)),
        ("deep", CValue::Boolean(true)),
        ("n", CValue::Int(4)),
        ("seven", CValue::Int(7)),
        ("l", CValue::string("x")),
    ];
    assert_eq!(outputs, values(expected));
}

#[tokio::test(start_paused = true)]
async fn a_program_without_steps_gives_its_inputs() {
    assert_eq!(run("in text: String\nout text", text()).await, Ok(text()));
}

#[tokio::test(start_paused = true)]
async fn steps_that_do_not_need_each_other_run_at_once() {
    let begun = Instant::now();
    let source = "in text: String\na = ml.Analyze(text)\nb = ml.Analyze(text)\nout a\nout b";
    run(source, text()).await.unwrap();
    assert_eq!(begun.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn steps_that_need_each_other_run_one_after_the_other() {
    let begun = Instant::now();
    let source = "in text: String\na = ml.Analyze(text)\nout b = ml.Weigh(1, a.sentiment)";
    run(source, text()).await.unwrap();
    assert_eq!(begun.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn any_number_of_steps_runs_at_once() {
    let steps: String = (0..900)
        .map(|index| format!("s{index} = ml.Analyze(text)\n"))
        .collect();
    let begun = Instant::now();
    run(&format!("in text: String\n{steps}out s899"), text())
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_step_waits_for_what_it_needs_and_for_nothing_else() {
    let engine = LocalEngine::new();
    let number = CType::product([("n", CType::Int)]);
    for (name, takes) in [("Slow", 300), ("Quick", 10)] {
        add(&engine, name, &number, CType::Int, move |_| async move {
            wait(takes).await;
            Ok(CValue::Int(0))
        });
    }
    let begun = Instant::now();
    // The chain of quick ones is through long before the slow one.
    let checked = checked(
        &engine,
        "a = Slow(1)\nb = Quick(1)\nc = Quick(b)\nd = Slow(c)\nout a\nout d",
    );
    checked
        .run(&engine, values([]), &RunOptions::default())
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), ms(320));
}

/// Ten steps in three ranks, each of which tells when it begins.
async fn order_of_calls() -> String {
    let engine = LocalEngine::new();
    let (tell, mut told) = unbounded_channel();
    let input = CType::product([("name", CType::String), ("of", CType::String)]);
    add(&engine, "Tell", &input, CType::String, move |input| {
        let Some(CValue::String(name)) = input.field("name").cloned() else {
            panic!("{input:?} is not as declared")
        };
        tell.send(name.clone()).expect("somebody listens");
        async move {
            wait(10).await;
            Ok(CValue::String(name))
        }
    });
    let first: String = ["a", "b", "c", "d"]
        .map(|name| format!("{name} = Tell(\"{name}\", \"\")\n"))
        .concat();
    let second: String = [("e", "d"), ("f", "a"), ("g", "b"), ("h", "c")]
        .map(|(name, of)| format!("{name} = Tell(\"{name}\", {of})\n"))
        .concat();
    let third = "out i = Tell(\"i\", h)\nout j = Tell(\"j\", e)";
    let checked = checked(&engine, &format!("{first}{second}{third}"));
    let outputs = checked.run(&engine, values([]), &RunOptions::default()).await;
    assert_eq!(
        outputs,
        Ok(values([("i", CValue::string("i")), ("j", CValue::string("j"))]))
    );
    std::iter::from_fn(|| told.try_recv().ok())
        .map(|name| name.to_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn steps_are_called_in_the_same_order_in_every_run() {
    let order = order_of_calls().await;
    assert!(order.starts_with("abcd"), "{order}");
    for _ in 0..20 {
        assert_eq!(order_of_calls().await, order);
    }
}

#[tokio::test(start_paused = true)]
async fn one_program_runs_many_times_at_once() {
    let engine = engine();
    let checked = checked(&engine, "in text: String\nout n = text.Length(text)");
    let options = RunOptions::default();
    let runs = (0..50_usize).map(|length| {
        let inputs = values([("text", CValue::string("x".repeat(length)))]);
        checked.run(&engine, inputs, &options)
    });
    let outputs = futures_util::future::join_all(runs).await;
    for (length, outputs) in outputs.into_iter().enumerate() {
        assert_eq!(outputs, Ok(values([("n", CValue::Int(length as i64))])));
    }
}

#[test]
fn a_run_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let engine = engine();
    let checked = checked(&engine, "out a = Now()");
    is_send(checked.run(&engine, values([]), &RunOptions::default()));
}
