//! The command line. `main` takes a harness, so that a binary of your own can offer the same commands with
//! your components.

mod actor;
mod aside;
mod bench;
mod call;
mod check;
mod components;
mod environment;
mod import;
mod init;
mod manager;
mod output;
mod pipe;
mod process;
mod program;
mod progress;
mod run;
mod scenarios;
mod schema;
mod top;
mod up;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::aside::Aside;
use self::pipe::Pipe;
use crate::Harness;
use crate::plan::EngineKind;
use crate::report::{self, Style};

/// How a command ends. The numbers are part of the interface: scripts decide by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything held; a call was answered; a system was stopped as it should be.
    Held = 0,
    /// A promise broke; a call failed; a system was stopped before it was done.
    Broken = 1,
    /// The command or a file is wrong.
    BadInput = 2,
    /// A run did not end, or was not deterministic; a call timed out.
    NoVerdict = 3,
    /// Nobody was there: a call had no connection, or lost it; metrics could not be got.
    Unavailable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Squall puts modules that call each other over gRPC into a storm, and says which promise broke.
#[derive(Debug, Parser)]
#[command(name = "squall", version, max_term_width = 80)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a start for a project of your own: a topology, a scenario, its test and its CI
    Init(InitArgs),
    /// Run scenarios in the simulator and judge them
    Run(RunArgs),
    /// Validate topologies and scenarios
    Check(CheckArgs),
    /// Make a topology of TinyNode and TinyModule manifests
    Import(ImportArgs),
    /// List the components that topologies can use, with their ports and settings
    Components {
        /// Print one JSON object per component
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a kind of file, for editors
    Schema {
        /// Which kind of file
        kind: SchemaKind,
    },
    /// Measure the latency between modules, in virtual time: exact, so CI can gate on it
    Bench(BenchArgs),
    /// Run a topology on real sockets, until SIGTERM or SIGINT: all of its modules, or some
    Up(up::UpArgs),
    /// Run a provider manager on real sockets, until SIGTERM or SIGINT: gRPC for providers, HTTP for everybody else
    #[command(after_help = MANAGER_ENVIRONMENT)]
    Manager(manager::ManagerArgs),
    /// Call a node of a running module, and print its answer as JSON
    #[command(after_help = CALL_EXITS)]
    Call(call::CallArgs),
    /// Ask a running node of a cluster: spawn an actor, deliver an event, print a past state
    #[command(subcommand, after_help = CALL_EXITS)]
    Actor(actor::ActorVerb),
    /// Show what goes between the modules of a running system: rate, mean, p99, errors
    Top(top::TopArgs),
}

const CALL_EXITS: &str = "Exit codes: 0 answered, 1 the call failed, 2 bad input, 3 timed out, 4 unavailable";

const MANAGER_ENVIRONMENT: &str = "\
Environment: CONSTELLATION_PROVIDER_PORT (9090), CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL (5s),
CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT (15s), CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT (30s),
CONSTELLATION_PROVIDER_REPORT_INTERVAL (30s), CONSTELLATION_PROVIDER_RESERVED_NS (stdlib)";

#[derive(Debug, Args)]
struct InitArgs {
    /// Where to, made if it is not there. All files are written or none: what is there already is never replaced
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Where a checkout of Squall lies, instead of the version that Cargo.toml asks for
    #[arg(long, value_name = "PATH")]
    squall_path: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Scenario files, or folders: a folder means the scenarios among its *.toml, not its sub-folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The seed, instead of the scenario's own
    #[arg(long)]
    seed: Option<u64>,
    /// What carries the bytes, instead of what the topology says
    #[arg(long)]
    engine: Option<Engine>,
    /// Write the journal of the run to this file, as JSON Lines (one scenario only). Another journal there is replaced,
    /// another file is not
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write what crossed the network to this file, as pcapng for Wireshark (one scenario only). Another capture there
    /// is replaced, another file is not
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print one JSON object per scenario, as it ends
    #[arg(long)]
    json: bool,
    /// Break by what a run says nothing about, which is else a note in its report: no expectation, an expectation in
    /// whose window no call started or that nothing could break, a fault that touched nothing
    #[arg(long)]
    deny_vacuous: bool,
    /// Break by what nobody asked for, which is else a line in its report: a host that ended by itself, a panic, a stray
    /// task, an escape
    #[arg(long)]
    deny_incidents: bool,
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
    /// Write the topology to this file, instead of standard output. A file that is there already is left as it is
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file of --out if it is there already
    #[arg(long, requires = "out")]
    force: bool,
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

/// Text of arguments, files and peers, without terminal control characters.
fn plain(text: &dyn std::fmt::Display) -> String {
    report::clean_lines(&text.to_string())
}

/// The same, in one line.
fn line(text: &dyn std::fmt::Display) -> String {
    report::clean(&text.to_string()).into_owned()
}

/// A path for display.
fn shown(path: &Path) -> String {
    line(&path.display())
}

/// One line of JSON, without terminal control characters.
fn one_line(value: &serde_json::Value) -> String {
    report::clean_json(&value.to_string())
}

/// Parses the process's arguments. Errors are printed without terminal control characters, and end the process, as do
/// help requests.
fn arguments() -> Command {
    let error = match Command::try_parse() {
        Ok(command) => return command,
        Err(error) => error,
    };
    let is_plain = |text: &str| plain(&text) == text;
    if std::env::args_os().all(|argument| is_plain(&argument.to_string_lossy())) {
        error.exit();
    }
    // clap's own colours are off: remaining control characters come from the arguments.
    let said = plain(&error.render());
    // A closed pipe is ignored, as in clap.
    let _ = match error.use_stderr() {
        true => write!(io::stderr(), "{said}"),
        false => write!(io::stdout(), "{said}"),
    };
    std::process::exit(error.exit_code());
}

/// Runs the command in the process's arguments.
pub fn main(harness: &Harness) -> ExitCode {
    let command = arguments();
    let wants_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = io::stdout().is_terminal() && !wants_none && !progress::is_dumb();
    let style = Style { colours };
    let mut console = Console {
        out: Pipe::new(io::stdout()),
        err: Pipe::new(io::stderr()),
        style,
    };
    let result = match &command.verb {
        Verb::Init(args) => init::init(args, &mut console),
        Verb::Run(args) => run::run(harness, args, &mut console),
        Verb::Check(args) => check::check(harness, args, &mut console),
        Verb::Import(args) => import::run(harness, args, &mut console),
        Verb::Components { json } => components::components(harness, *json, &mut console),
        Verb::Schema { kind } => schema::schema(harness, *kind, &mut console),
        Verb::Bench(args) => bench::bench(harness, args, &mut console),
        Verb::Up(args) => served(console.style, |console| up::up(harness, args, console)),
        Verb::Manager(args) => served(console.style, |console| manager::manager(args, console)),
        Verb::Call(args) => call::call(args, &mut console),
        Verb::Actor(verb) => actor::actor(verb, &mut console),
        // It runs until its reader is gone.
        Verb::Top(args) => {
            let (out, err) = (io::stdout(), io::stderr());
            top::top(args, &mut Console { out, err, style })
        }
    };
    match result {
        Ok(exit) => exit.into(),
        // The reader of `squall top` has closed the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed as well, the error cannot be reported.
            let _ = writeln!(console.err, "error: cannot write: {error}");
            Exit::BadInput.into()
        }
    }
}

/// Runs a serving command: it neither blocks on the readers of its output, nor ends when they are gone.
fn served(
    style: Style,
    command: impl FnOnce(&mut Console<Aside, Aside>) -> io::Result<Exit>,
) -> io::Result<Exit> {
    let mut console = Console {
        out: Aside::new("stdout", io::stdout())?,
        err: Aside::new("stderr", io::stderr())?,
        style,
    };
    let ended = command(&mut console);
    console.out.finish();
    console.err.finish();
    ended
}

/// The runtime of commands on real sockets.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// The output streams of a command.
struct Console<O, E> {
    out: O,
    err: E,
    style: Style,
}
