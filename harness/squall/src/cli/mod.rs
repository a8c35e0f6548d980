//! The command line. `main` takes a harness, so that a binary of your own can offer the same commands with
//! your components.

mod bench;
mod check;
mod import;
mod run;
mod scenarios;
mod schema;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::plan::EngineKind;
use crate::report::Style;
use crate::run::Harness;

/// How a command ends. The numbers are part of the interface: scripts decide by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything held.
    Held = 0,
    /// A promise broke.
    Broken = 1,
    /// The command or a file is wrong.
    BadInput = 2,
    /// A run did not end, or was not deterministic.
    NoVerdict = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Squall puts modules that call each other over gRPC into a storm, and says which promise broke.
#[derive(Debug, Parser)]
#[command(name = "squall", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run scenarios in the simulator and judge them
    Run(RunArgs),
    /// Validate topologies and scenarios
    Check(CheckArgs),
    /// Make a topology of TinyNode and TinyModule manifests
    Import(ImportArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema {
        /// Which kind of file
        kind: SchemaKind,
    },
    /// Measure the latency between modules, in virtual time: exact, so CI can gate on it
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Scenario files, or folders: a folder means its *.toml, not its sub-folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The seed, instead of the scenario's own
    #[arg(long)]
    seed: Option<u64>,
    /// What carries the bytes, instead of what the topology says
    #[arg(long)]
    engine: Option<Engine>,
    /// Write the journal of the run to this file, as JSON Lines (one scenario only)
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write what crossed the network to this file, as pcapng for Wireshark (one scenario only)
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print one JSON object per scenario
    #[arg(long)]
    json: bool,
    /// Run everything twice, on two threads, and compare the digests
    #[arg(long)]
    check_determinism: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Files, or folders: a folder means its *.toml, not its sub-folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// Files of YAML or JSON, or folders: a folder means its *.yaml, *.yml and *.json, not its sub-folders.
    /// `-` is standard input, as of: kubectl get tinynodes,tinymodules -o yaml
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write the topology to this file, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What the topology is called, instead of the name of the file
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// Scenario files, or folders: a folder means its *.toml, not its sub-folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The seed, instead of the scenario's own
    #[arg(long)]
    seed: Option<u64>,
    /// What carries the bytes, instead of what the topology says
    #[arg(long)]
    engine: Option<Engine>,
    /// Print one JSON object per scenario
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Engine {
    /// Byte streams: fast
    Flow,
    /// Packets, on turmoil-net: slower, and an independent witness
    Turmoil,
}

impl From<Engine> for EngineKind {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Flow => EngineKind::Flow,
            Engine::Turmoil => EngineKind::Turmoil,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaKind {
    /// What a topology file may hold
    Topology,
    /// What a scenario file may hold
    Scenario,
}

/// Runs the command that the process was started with.
pub fn main(harness: &Harness) -> ExitCode {
    let command = Command::parse();
    let colours =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut console = Console {
        out: io::stdout(),
        err: io::stderr(),
        style: Style { colours },
    };
    let result = match &command.verb {
        Verb::Run(args) => run::run(harness, args, &mut console),
        Verb::Check(args) => check::check(harness, args, &mut console),
        Verb::Import(args) => import::run(harness, args, &mut console),
        Verb::Schema { kind } => schema::schema(*kind, &mut console),
        Verb::Bench(args) => bench::bench(harness, args, &mut console),
    };
    match result {
        Ok(exit) => exit.into(),
        // The reader of our output has seen enough (`squall run ... | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone as well, there is nobody left to tell.
            let _ = writeln!(console.err, "error: cannot write: {error}");
            Exit::BadInput.into()
        }
    }
}

/// Where a command prints.
struct Console<O, E> {
    out: O,
    err: E,
    style: Style,
}
