//! `squall bench`

use std::io::{self, Write};

use super::scenarios::load;
use super::{BenchArgs, Console, Exit, one_line, plain, shown};
use crate::Harness;
use crate::plan::{Plan, Service};
use crate::report::{self, bench::Bench};

pub(super) fn bench<O: Write, E: Write>(
    harness: &Harness,
    args: &BenchArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let Some(loaded) = load(harness, &args.paths, console)? else {
        return Ok(Exit::BadInput);
    };
    let mut exit = Exit::Held;
    for loaded in loaded {
        let plan = loaded.plan(args.seed, args.engine);
        if !args.json {
            writeln!(console.out, "{}\n", report::banner(&plan))?;
        }
        let run = match harness.run(plan) {
            Ok(run) => run,
            Err(failure) => {
                writeln!(
                    console.err,
                    "error: {}: the run {}",
                    shown(&loaded.path),
                    plain(&failure)
                )?;
                exit = Exit::NoVerdict;
                continue;
            }
        };
        let bench = Bench::of(&crate::oracle::Run::of(&run.plan, &run.journal));
        if args.json {
            let mut object = serde_json::json!({ "scenario": run.plan.scenario, "seed": run.plan.seed });
            for (key, value) in bench.json().as_object().into_iter().flatten() {
                object[key] = value.clone();
            }
            writeln!(console.out, "{}", one_line(&object))?;
        } else {
            writeln!(console.out, "{}", bench.text())?;
        }
        if bench.pairs.is_empty() {
            let path = shown(&loaded.path);
            writeln!(
                console.err,
                "warning: {path}: no pair was measured: {}",
                none(&run.plan)
            )?;
        }
    }
    Ok(exit)
}

/// Why there is no pair to measure, with the remedy.
fn none(plan: &Plan) -> &'static str {
    match plan.topology.all::<Service>().is_empty() {
        true => "no hop between two modules ended ok",
        false => {
            "no call of a service ended ok whose both ends say so; add site.layer_client() to channels, and \
             site.layer_server() to servers"
        }
    }
}
