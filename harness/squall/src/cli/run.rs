//! `squall run`

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use squall_core::run::{Difference, Failure, Run};

use super::output::{self, Output};
use super::progress::Progress;
use super::scenarios::{Loaded, load};
use super::{Console, Exit, RunArgs, line, one_line, plain};
use crate::Harness;
use crate::capture;
use crate::journal::lines;
use crate::plan::{EngineKind, Plan};
use crate::report;

/// The number of calls that causes a warning: each call has some ten journal entries, which are kept in memory.
const CALLS_MANY: u64 = 1_000_000;

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
    let mut outputs = match Outputs::open(args) {
        Ok(outputs) => outputs,
        Err(why) => {
            writeln!(console.err, "error: {}", line(&why))?;
            return Ok(Exit::BadInput);
        }
    };
    let mut harness = harness.clone();
    if args.pcap.is_some() {
        harness = harness.captured();
    }
    if args.deny_vacuous {
        harness = harness.deny_vacuous();
    }
    if args.deny_incidents {
        harness = harness.deny_incidents();
    }
    let mut exits = Vec::new();
    for loaded in &loaded {
        exits.push(one(
            &harness,
            args,
            loaded,
            std::mem::take(&mut outputs),
            console,
        )?);
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

/// The outputs besides the report.
#[derive(Default)]
struct Outputs {
    journal: Option<Output>,
    pcap: Option<Output>,
}

impl Outputs {
    fn open(args: &RunArgs) -> Result<Self, String> {
        let journal = args.journal.as_deref();
        let journal = journal
            .map(|path| Output::open(output::Kind::Journal, path))
            .transpose()?;
        let pcap = args.pcap.as_deref();
        // The first file exists by now, so both paths can be compared in canonical form.
        let place = |path: Option<&Path>| path.and_then(|path| path.canonicalize().ok());
        if let Some(one) = place(args.journal.as_deref())
            && place(pcap) == Some(one)
        {
            journal.into_iter().for_each(Output::abandon);
            return Err("--journal and --pcap name the same file: a file is one or the other".to_owned());
        }
        let pcap = pcap
            .map(|path| Output::open(output::Kind::Capture, path))
            .transpose();
        match pcap {
            Ok(pcap) => Ok(Outputs { journal, pcap }),
            Err(why) => {
                journal.into_iter().for_each(Output::abandon);
                Err(why)
            }
        }
    }

    /// The errors of writing.
    fn write(self, run: &Run) -> Vec<String> {
        let journal = self
            .journal
            .map(|output| output.write(|file| lines::write(&run.journal, file)));
        let pcap = self
            .pcap
            .map(|output| output.write(|file| capture::write(run, file)));
        [journal, pcap]
            .into_iter()
            .flatten()
            .filter_map(Result::err)
            .collect()
    }

    fn abandon(self) {
        [self.journal, self.pcap]
            .into_iter()
            .flatten()
            .for_each(Output::abandon);
    }
}

fn one<O: Write, E: Write>(
    harness: &Harness,
    args: &RunArgs,
    loaded: &Loaded,
    outputs: Outputs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let plan = Arc::new(loaded.plan(args.seed, args.engine));
    // The seed comes first, so that the run can be replayed whatever happens next.
    if args.json {
        writeln!(console.err, "{}", report::banner(&plan))?;
    } else {
        writeln!(console.out, "{}\n", report::banner(&plan))?;
        console.out.flush()?;
    }
    for workload in &plan.workloads {
        if let Some(calls) = workload.calls_planned().filter(|calls| *calls >= CALLS_MANY) {
            let (name, unit) = (&workload.name, CALLS_MANY / 1_000_000);
            writeln!(
                console.err,
                "warning: the workload {name} makes {calls} calls. From some {unit} million on a run takes\n\
                 minutes and gigabytes: a lower `rate`, a shorter `duration` or a `limit` would do"
            )?;
        }
    }
    let replay = replay(loaded, &plan, args);
    let progress = Progress::begin(&plan.scenario);
    let ended = if args.check_determinism {
        harness.run_twice(plan.clone())
    } else {
        harness.run(plan.clone()).map(|run| (run, None))
    };
    drop(progress);
    match ended {
        Ok((mut run, difference)) => {
            run.file = Some(loaded.path.clone());
            let unwritten = outputs.write(&run);
            let exit = ended_well(args, &run, difference, &replay, console)?;
            for why in &unwritten {
                writeln!(console.err, "error: {}", line(&why))?;
            }
            // A violation takes precedence over a missing file.
            Ok(match exit {
                Exit::Held if !unwritten.is_empty() => Exit::BadInput,
                exit => exit,
            })
        }
        Err(failure) => {
            if args.journal.is_some() || args.pcap.is_some() {
                writeln!(
                    console.err,
                    "note: a run without a verdict has no journal and no capture"
                )?;
            }
            outputs.abandon();
            ended_badly(args, loaded, &plan, &failure, &replay, console)
        }
    }
}

fn ended_well<O: Write, E: Write>(
    args: &RunArgs,
    run: &Run,
    difference: Option<Difference>,
    replay: &str,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let judged = run.judge();
    if args.json {
        let mut object = judged.json(replay);
        if args.check_determinism {
            object["deterministic"] = difference.is_none().into();
        }
        writeln!(console.out, "{}", one_line(&object))?;
    } else {
        writeln!(console.out, "{}", judged.text(replay, console.style))?;
    }
    console.out.flush()?;
    if let Some(difference) = difference {
        writeln!(
            console.err,
            "NOT DETERMINISTIC: two runs with seed {} differ, first {}",
            run.plan.seed,
            plain(&difference)
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
    loaded: &Loaded,
    plan: &Plan,
    failure: &Failure,
    replay: &str,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    if args.json {
        let object = serde_json::json!({
            "seed": plan.seed,
            "scenario": plan.scenario,
            "file": loaded.path.display().to_string(),
            "topology": plan.topology.name,
            "engine": plan.topology.network.engine.name(),
            "verdict": "none",
            "replay": replay,
            "error": failure.to_string(),
        });
        writeln!(console.out, "{}", one_line(&object))?;
    } else {
        writeln!(
            console.out,
            "\n NO VERDICT   the run {}\n replay   {replay}\n",
            report::clean_lines(&failure.to_string())
        )?;
    }
    Ok(Exit::NoVerdict)
}

/// The command that replays the run.
fn replay(loaded: &Loaded, plan: &Plan, args: &RunArgs) -> String {
    let engine = args
        .engine
        .map(|engine| format!(" --engine {}", EngineKind::from(engine).name()));
    format!(
        "{} run {} --seed {}{}{}{}",
        super::program::started(),
        report::shell_word(&loaded.path.display().to_string()),
        plan.seed,
        engine.unwrap_or_default(),
        if args.deny_vacuous { " --deny-vacuous" } else { "" },
        if args.deny_incidents {
            " --deny-incidents"
        } else {
            ""
        }
    )
}
