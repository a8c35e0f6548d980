//! How long programs take, whatever their shape.

use std::time::Duration;

use proptest::prelude::*;
use squall_engine::LocalEngine;
use squall_engine::pipeline::{RunError, RunOptions};
use squall_value::{CType, CValue};
use tokio::time::Instant;

use crate::pipeline::support::{add, checked, values, wait};

/// A step that takes so many milliseconds, and needs two of the steps before it.
#[derive(Debug, Clone)]
struct Shape {
    takes: u64,
    needs: [prop::sample::Index; 2],
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (0..50_u64, any::<[prop::sample::Index; 2]>());
    prop::collection::vec(shape.prop_map(|(takes, needs)| Shape { takes, needs }), 1..30)
}

/// The program of these steps, and when each of them ends.
fn program(shapes: &[Shape]) -> (String, Vec<u64>) {
    let mut source = "s0 = Wait(0, 0, 0)\n".to_owned();
    let mut ends = vec![0];
    for (before, shape) in shapes.iter().enumerate() {
        let [left, right] = shape.needs.each_ref().map(|index| index.index(before + 1));
        source += &format!("s{} = Wait(s{left}, s{right}, {})\n", before + 1, shape.takes);
        ends.push(ends[left].max(ends[right]) + shape.takes);
    }
    source += &(0..ends.len())
        .map(|step| format!("out s{step}\n"))
        .collect::<String>();
    (source, ends)
}

/// `Wait(a: Int, b: Int, takes: Int) -> Int`, which gives when it ended. One of `hangs` milliseconds never ends.
fn engine(hangs: Option<u64>) -> LocalEngine {
    let engine = LocalEngine::new().timeout(Duration::from_secs(1000));
    let begun = Instant::now();
    let input = CType::product([("a", CType::Int), ("b", CType::Int), ("takes", CType::Int)]);
    add(&engine, "Wait", &input, CType::Int, move |input| async move {
        let Some(CValue::Int(takes)) = input.field("takes") else {
            panic!("{input:?} is not as declared")
        };
        if Some(*takes as u64) == hangs {
            std::future::pending::<()>().await;
        }
        wait(*takes as u64).await;
        Ok(CValue::Int(begun.elapsed().as_millis() as i64))
    });
    engine
}

fn virtually<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads");
    runtime.block_on(test)
}

proptest! {
    #[test]
    fn every_step_ends_as_early_as_it_can(shapes in shapes()) {
        let (source, ends) = program(&shapes);
        let outputs = virtually(async {
            let engine = engine(None);
            checked(&engine, &source).run(&engine, values([]), &RunOptions::default()).await
        });
        let expected = ends.iter().enumerate();
        let expected = expected.map(|(step, end)| (format!("s{step}").into(), CValue::Int(*end as i64)));
        prop_assert_eq!(outputs, Ok(expected.collect()));
    }

    #[test]
    fn a_run_that_hangs_anywhere_ends_at_its_timeout(shapes in shapes(), hanging in any::<prop::sample::Index>()) {
        let (source, _) = program(&shapes);
        let hangs = Some(shapes[hanging.index(shapes.len())].takes);
        let (error, elapsed) = virtually(async {
            let engine = engine(hangs);
            let begun = Instant::now();
            let options = RunOptions { timeout: Some(Duration::from_secs(60)), ..RunOptions::default() };
            let error = checked(&engine, &source).run(&engine, values([]), &options).await.unwrap_err();
            (error, begun.elapsed())
        });
        prop_assert!(matches!(&error, RunError::Timeout { waiting, .. } if !waiting.is_empty()), "{}", error);
        prop_assert_eq!(elapsed, Duration::from_secs(60));
    }
}
