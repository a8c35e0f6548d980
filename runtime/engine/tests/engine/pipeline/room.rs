//! Programs that make much of little: values have a limit, and outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use squall_engine::pipeline::{Room, RunError, RunOptions};
use squall_engine::{Code, LocalEngine, Outcome};
use squall_value::{CType, CValue};

use crate::pipeline::support::{add, checked, engine, values};

/// That many outputs of one input.
fn copies(outputs: usize) -> String {
    let outputs: String = (0..outputs).map(|n| format!("out o{n} = text\n")).collect();
    format!("in text: String\n{outputs}")
}

fn long(bytes: usize) -> std::collections::BTreeMap<Arc<str>, CValue> {
    values([("text", CValue::string("x".repeat(bytes)))])
}

#[tokio::test(start_paused = true)]
async fn a_few_bytes_do_not_become_many_in_the_outputs() {
    let engine = engine();
    let options = RunOptions::default();
    // Half a mebibyte in, half a gibibyte out.
    let error = checked(&engine, &copies(990))
        .run(&engine, long(512 * 1024), &options)
        .await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.code(), error.outcome()),
        (Code::TooLarge, Outcome::Unknown)
    );
    assert_eq!(
        error.to_string(),
        "the outputs take more than 16777216 bytes, with output 'o31': give back less, or run the program in parts"
    );
    let few = checked(&engine, &copies(31))
        .run(&engine, long(512 * 1024), &options)
        .await;
    assert_eq!(few.unwrap().len(), 31);
}

#[tokio::test(start_paused = true)]
async fn steps_that_copy_a_value_end_the_run_before_they_are_called() {
    let engine = engine();
    let called = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&called);
    let list = CType::product([("list", CType::list(CType::Int))]);
    add(&engine, "Hold", &list, CType::Int, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending()
    });
    let steps: String = (0..900).map(|n| format!("s{n} = Hold(list)\n")).collect();
    let source = format!("in list: List<Int>\n{steps}out s0");
    let input = CValue::list(CType::Int, (0..100_000).map(CValue::Int));
    let size = input.size_within(usize::MAX).unwrap();
    let options = RunOptions::default();
    let fits = options.values_bytes_max / size - 1;
    let run = checked(&engine, &source)
        .run(&engine, values([("list", input)]), &options)
        .await;
    let error = run.unwrap_err();
    assert!(
        matches!(&error, RunError::Values { at: Room::Arguments(step), .. } if *step.name == *format!("s{fits}")),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("the values of the run take more than 67108864 bytes")
    );
    assert!(called.load(Ordering::Relaxed) <= fits);
}

#[tokio::test(start_paused = true)]
async fn arguments_count_until_their_call_is_answered_and_answers_count_to_the_end() {
    let engine = LocalEngine::new();
    let text = CType::product([("text", CType::String)]);
    add(&engine, "Length", &text, CType::Int, |input| async move {
        match input.field("text") {
            Some(CValue::String(text)) => Ok(CValue::Int(text.len() as i64)),
            _ => panic!("{input:?} is not as declared"),
        }
    });
    add(&engine, "Same", &text, CType::String, |input| async move {
        Ok(input.field("text").expect("it was checked").clone())
    });
    let options = RunOptions {
        values_bytes_max: 5_000,
        ..RunOptions::default()
    };
    let one_by_one =
        "in text: String\na = Same(text)\nb = Length(a)\nc = Same(text)\nd = Length(c)\nout b\nout d";
    let run = |bytes| {
        let checked = checked(&engine, one_by_one);
        let (engine, options) = (&engine, &options);
        async move { checked.run(engine, long(bytes), options).await }
    };
    assert_eq!(run(900).await.unwrap()["d" as &str], CValue::Int(900));
    let error = run(1_500).await.unwrap_err();
    assert!(
        matches!(
            error,
            RunError::Values {
                at: Room::Arguments(_) | Room::Answer(_),
                ..
            }
        ),
        "{error}"
    );
    let error = run(6_000).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Failed);
    assert!(error.to_string().contains("with its inputs alone"), "{error}");
}
