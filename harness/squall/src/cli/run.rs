//! `squall run`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::scenarios::{Loaded, load};
use super::{Console, Engine, Exit, RunArgs};
use crate::capture;
use crate::journal::lines;
use crate::plan::{EngineKind, Plan};
use crate::report;
use crate::run::{Difference, Failure, Harness, Run};

pub(super) fn run<O: Write, E: Write>(
    harness: &Harness,
    args: &RunArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let Some(loaded) = load(harness, &args.paths, console)? else {
        return Ok(Exit::BadInput);
    };
    for (option, is_given) in [("journal", args.journal.is_some()), ("pcap", args.pcap.is_some())] {
        if is_given && loaded.len() > 1 {
            let count = loaded.len();
            writeln!(
                console.err,
                "error: --{option} takes the {option} of one run: name one scenario, not {count}"
            )?;
            return Ok(Exit::BadInput);
        }
    }
    let mut exits = Vec::new();
    for loaded in &loaded {
        exits.push(one(harness, args, loaded, console)?);
    }
    if exits.len() > 1 && !args.json {
        let count = |exit| exits.iter().filter(|it| **it == exit).count();
        let (held, broken, none) = (count(Exit::Held), count(Exit::Broken), count(Exit::NoVerdict));
        write!(
            console.out,
            "{} scenarios: {held} held, {broken} broken",
            exits.len()
        )?;
        if none > 0 {
            write!(console.out, ", {none} without a verdict")?;
        }
        writeln!(console.out)?;
    }
    Ok(exits.into_iter().max().unwrap_or(Exit::Held))
}

fn one<O: Write, E: Write>(
    harness: &Harness,
    args: &RunArgs,
    loaded: &Loaded,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let plan = Arc::new(loaded.plan(args.seed, args.engine));
    // The seed comes first: whatever happens next, it can be done again.
    if !args.json {
        writeln!(console.out, "{}\n", report::banner(&plan))?;
        console.out.flush()?;
    }
    let harness = if args.pcap.is_some() {
        harness.clone().captured()
    } else {
        harness.clone()
    };
    let replay = replay(&loaded.path, &plan, args.engine);
    let ended = if args.check_determinism {
        harness.run_twice(plan.clone())
    } else {
        harness.run(plan.clone()).map(|run| (run, None))
    };
    match ended {
        Ok((run, difference)) => ended_well(args, &run, difference, &replay, console),
        Err(failure) => ended_badly(args, &plan, &failure, &replay, console),
    }
}

fn ended_well<O: Write, E: Write>(
    args: &RunArgs,
    run: &Run,
    difference: Option<Difference>,
    replay: &str,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    if let Some(path) = &args.journal
        && let Err(error) = write_journal(path, run)
    {
        writeln!(
            console.err,
            "error: cannot write the journal to {}: {error}",
            path.display()
        )?;
        return Ok(Exit::BadInput);
    }
    if let Some(path) = &args.pcap
        && let Err(error) = write_capture(path, run)
    {
        writeln!(
            console.err,
            "error: cannot write the capture to {}: {error}",
            path.display()
        )?;
        return Ok(Exit::BadInput);
    }
    let judged = run.judge();
    if args.json {
        let mut object = judged.json(replay);
        if args.check_determinism {
            object["deterministic"] = difference.is_none().into();
        }
        writeln!(console.out, "{object}")?;
    } else {
        writeln!(console.out, "{}", judged.text(replay, console.style))?;
    }
    if let Some(difference) = difference {
        writeln!(
            console.err,
            "NOT DETERMINISTIC: two runs with seed {} differ, first {difference}",
            run.plan.seed
        )?;
        return Ok(Exit::NoVerdict);
    }
    if args.check_determinism && !args.json {
        writeln!(
            console.out,
            " deterministic: two runs on two threads have the digest {:016x}\n",
            run.digest
        )?;
    }
    Ok(if judged.held() { Exit::Held } else { Exit::Broken })
}

fn ended_badly<O: Write, E: Write>(
    args: &RunArgs,
    plan: &Plan,
    failure: &Failure,
    replay: &str,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    if args.json {
        let object = serde_json::json!({
            "scenario": plan.scenario,
            "topology": plan.topology.name,
            "seed": plan.seed,
            "verdict": "none",
            "error": failure.to_string(),
        });
        writeln!(console.out, "{object}")?;
    } else {
        writeln!(
            console.out,
            "\n NO VERDICT   the run {failure}\n replay   {replay}\n"
        )?;
    }
    Ok(Exit::NoVerdict)
}

fn write_journal(path: &Path, run: &Run) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    lines::write(&run.journal, &mut file)?;
    file.flush()
}

fn write_capture(path: &Path, run: &Run) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    capture::write(run, &mut file)?;
    file.flush()
}

/// The one command that does the same again.
fn replay(path: &Path, plan: &Plan, engine: Option<Engine>) -> String {
    let engine = engine.map(|engine| format!(" --engine {}", EngineKind::from(engine).name()));
    format!(
        "squall run {} --seed {}{}",
        path.display(),
        plan.seed,
        engine.unwrap_or_default()
    )
}
