//! A scenario file.

use std::time::Duration;

use schemars::JsonSchema;

use super::latency::Latency;
use super::rollout::{Canary, DrainProvider, HeartbeatLoss};
use crate::draw::Ranged;
use crate::file::choice::Word;
use crate::file::data::TableData;
use crate::file::read::{At, Read, Value, tables, wrong_type};
use crate::file::report::Problems;
use crate::file::value::{Count, Exact, Hosts, Json};
use crate::plan::{Bandwidth, CanaryEnd, ProviderState, Ratio};
use crate::units::Rate;

tables! {
    /// What happens to a topology, and what must hold nevertheless
    Scenario("the scenario") {
        /// What reports call it
        name: At<String>,
        /// What one learns from it
        description: Option<At<String>>,
        /// The topology file, relative to this file
        topology: At<String>,
        /// How long the run lasts, in virtual time
        duration: At<Ranged<Duration>>,
        /// From which everything random derives. 0 when absent; the command line may say another
        seed: Option<At<u64>>,
        /// How long the run may take on the wall clock before it counts as hung. 60s when absent
        wall_limit: Option<At<Exact<Duration>>>,
        /// With which probability a ready task is put back once before it runs: explores other orders of
        /// tasks. 0 when absent
        interleave: Option<At<Ranged<Ratio>>>,
        /// Who calls whom, and how often. They run concurrently
        workload: Option<Vec<At<Workload>>>,
        /// What goes wrong, and when. They run concurrently
        fault: Option<Vec<At<Fault>>>,
        /// What must hold at the end
        expect: Option<Vec<At<Expect>>>,
    }

    /// A stream of calls: open loop with `rate`, closed loop with `clients`
    Workload("[[workload]]") {
        /// Unique in the scenario
        name: At<String>,
        /// The hosts where the calls start, taken in turn
        from: At<Hosts>,
        /// Whom they call: "node.port"
        to: Option<At<String>>,
        /// Instead of `to`, from a manager: the module that they call, "ns.Name"
        call: Option<At<String>>,
        /// Instead of `to`, from a manager: a program that calls modules
        pipeline: Option<At<String>>,
        /// Open loop: calls per time, however long they take
        rate: Option<At<Ranged<Rate>>>,
        /// Closed loop: so many clients, each with one call at a time. 1 to 100000
        clients: Option<At<Count>>,
        /// How long a client waits after an answer before its next call. 0s when absent
        think: Option<At<Ranged<Duration>>>,
        /// When the first call starts. 0s when absent
        start: Option<At<Ranged<Duration>>>,
        /// When calls cease to start. The end of the run when absent, or when it lies behind that
        end: Option<At<Ranged<Duration>>>,
        /// Instead of `end`: for how long calls start
        r#for: Option<At<Ranged<Duration>>>,
        /// At most so many calls
        limit: Option<At<Count>>,
        /// How long one call may take. The calling module's, or manager's, call_timeout when absent
        timeout: Option<At<Ranged<Duration>>>,
        /// With `to`: what every call carries. {} when absent
        payload: Option<At<Json>>,
        /// With `call` and `pipeline`: the inputs, of the types that the module or program declares. {} when absent
        input: Option<At<TableData>>,
    }

    /// One thing that goes wrong
    Fault("[[fault]]") {
        /// Unique in the scenario. "#3" for the third fault when absent
        name: Option<At<String>>,
        /// When it strikes
        at: At<Ranged<Duration>>,
        /// How long it lasts. Until the end of the run when absent. Not for `restart`, `reset`, `drain_provider` and
        /// `canary`
        r#for: Option<At<Ranged<Duration>>>,
        /// Nothing gets through between hosts
        partition: Option<At<Partition>>,
        /// Links take longer
        latency: Option<At<LinkLatency>>,
        /// Links lose segments
        loss: Option<At<LinkLoss>>,
        /// Links are narrower
        bandwidth: Option<At<LinkBandwidth>>,
        /// Segments stop on their links, and go on when the fault ends
        hold: Option<At<Links>>,
        /// Connections are reset, at one instant
        reset: Option<At<Links>>,
        /// Connects are refused at once; open connections go on
        refuse: Option<At<Connects>>,
        /// Connects are never answered; open connections go on
        blackhole: Option<At<Connects>>,
        /// Processes die; their kernels close their sockets. They start again when the fault ends
        kill: Option<At<Targets>>,
        /// Machines die without a word. They boot again when the fault ends
        crash: Option<At<Targets>>,
        /// Processes die and start again after a while
        restart: Option<At<Restart>>,
        /// Processes are not scheduled until the fault ends
        pause: Option<At<Targets>>,
        /// Wall clocks jump, and jump back when the fault ends
        clock: Option<At<Clock>>,
        /// Servers shut down in phases. Their processes start anew when the fault ends
        drain: Option<At<Drain>>,
        /// A node is destroyed. It is installed again when the fault ends
        remove: Option<At<OneNode>>,
        /// A node is on another module until the fault ends
        r#move: Option<At<Move>>,
        /// No port of a node can be delivered to until the fault ends
        close: Option<At<OneNode>>,
        /// Discovery says that a module runs elsewhere, until the fault ends
        announce: Option<At<Announce>>,
        /// Heartbeats of a provider are not sent, or not acknowledged; all else is
        heartbeat_loss: Option<At<HeartbeatLoss>>,
        /// A provider is asked to end what it has, and to leave
        drain_provider: Option<At<DrainProvider>>,
        /// A provider tries out other modules, manager by manager
        canary: Option<At<Canary>>,
    }

    /// Both ways with `between` and `and`, one way with `from` and `to`, or `isolate` from the rest
    Partition("`partition`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: nothing gets through from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// Nothing gets through between these and all others
        isolate: Option<At<Hosts>>,
    }

    /// Which links, and either `add` or `set`
    LinkLatency("`latency`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// On top of the link's own latency
        add: Option<At<Latency<Ranged<Duration>>>>,
        /// Instead of the link's own latency
        set: Option<At<Latency<Ranged<Duration>>>>,
    }

    /// Which links, and how much they lose
    LinkLoss("`loss`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// How many segments are lost. Instead of the link's own loss
        ratio: At<Ranged<Ratio>>,
    }

    /// Which links, and how much crosses them
    LinkBandwidth("`bandwidth`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// How much crosses each of them, each way. Instead of the link's own bandwidth
        rate: At<Ranged<Bandwidth>>,
    }

    /// Which links: both ways with `between` and `and`, one way with `from` and `to`
    Links("the fault") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
    }

    /// Which connects: all that go to `hosts`, or those between some hosts, by who dials whom
    Connects("the fault") {
        /// Whoever connects to these
        hosts: Option<At<Hosts>>,
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: these connect...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
    }

    /// Which hosts
    Targets("the fault") {
        /// The hosts that it strikes
        hosts: At<Hosts>,
    }

    /// Which hosts, and how long they stay down
    Restart("`restart`") {
        /// The hosts that it strikes
        hosts: At<Hosts>,
        /// How long they are down
        down: At<Ranged<Duration>>,
    }

    /// Which hosts, and either `ahead` or `behind`
    Clock("`clock`") {
        /// The hosts whose wall clocks jump
        hosts: At<Hosts>,
        /// So far into the future
        ahead: Option<At<Ranged<Duration>>>,
        /// So far into the past
        behind: Option<At<Ranged<Duration>>>,
    }

    /// Which hosts, and how long they wait
    Drain("`drain`") {
        /// The hosts whose servers shut down
        hosts: At<Hosts>,
        /// How long they wait for what is in the works, before they cancel it. 10s when absent
        grace: Option<At<Ranged<Duration>>>,
    }

    /// Which node
    OneNode("the fault") {
        /// Its name
        node: At<String>,
    }

    /// Which node, where it goes, and how that becomes known
    Move("`move`") {
        /// Its name
        node: At<String>,
        /// The module that has it meanwhile
        to: At<String>,
        /// Each host hears of each change after a time of its own, up to this: also in another order than it
        /// happened. At once when absent
        late: Option<At<Ranged<Duration>>>,
        /// Whether each host hears of each change a second time. false when absent
        twice: Option<bool>,
    }

    /// Where a module runs, and how that becomes known
    Announce("`announce`") {
        /// The module
        module: At<String>,
        /// Those of its hosts that it runs on. Nowhere when absent: it is not discovered
        hosts: Option<At<Hosts>>,
        /// Each host hears of each change after a time of its own, up to this: also in another order than it
        /// happened. At once when absent
        late: Option<At<Ranged<Duration>>>,
        /// Whether each host hears of each change a second time. false when absent
        twice: Option<bool>,
    }

    /// What must hold: for the calls of a workload that start within a window (for all of them without one), for the
    /// state of a provider within a window, or for the end of a canary
    Expect("[[expect]]") {
        /// Which workload
        workload: Option<At<String>>,
        /// Instead of `workload`: which provider, with all of its hosts, or which host of one
        provider: Option<At<String>>,
        /// Instead of `workload`: which canary, by the name of its fault
        canary: Option<At<String>>,
        /// Calls that start while this fault lasts
        during: Option<At<String>>,
        /// Calls that start after this fault ended, or after this time
        after: Option<At<String>>,
        /// With `after`: so much later
        settle: Option<At<Exact<Duration>>>,
        /// Calls that start before this fault strikes, or before this time
        before: Option<At<String>>,
        /// Calls that start at this time or later
        from: Option<At<Exact<Duration>>>,
        /// Calls that start before this time
        until: Option<At<Exact<Duration>>>,
        /// The share of calls that are ok, of 0.0 to 1.0
        success_rate: Option<At<Numbers>>,
        /// How many calls
        calls: Option<At<Integers>>,
        /// How many calls are ok
        ok: Option<At<Integers>>,
        /// How many calls failed: they certainly did not happen
        failed: Option<At<Integers>>,
        /// How many calls ended without anybody knowing whether they happened
        unknown: Option<At<Integers>>,
        /// Which errors occur
        errors: Option<At<Errors>>,
        /// Quantiles of the latency of the calls that are ok
        latency: Option<At<Quantiles>>,
        /// Of a provider, only as this manager sees it. As all of its managers do when absent
        manager: Option<At<String>>,
        /// Of a provider: it is in this state when the window begins, or comes to be
        becomes: Option<At<Word<ProviderState>>>,
        /// Of a provider: it is never in this state
        never: Option<At<Word<ProviderState>>>,
        /// With `becomes`: after so much of the window. With `ends`: so long after the canary began
        within: Option<At<Exact<Duration>>>,
        /// Of a canary: how it ends
        ends: Option<At<Word<CanaryEnd>>>,
    }

    /// Inclusive bounds, at least one of them
    Numbers("`success_rate`") {
        /// The least
        at_least: Option<At<f64>>,
        /// The most
        at_most: Option<At<f64>>,
    }

    /// Inclusive bounds, at least one of them
    Integers("the bounds") {
        /// The least
        at_least: Option<At<u64>>,
        /// The most
        at_most: Option<At<u64>>,
    }

    /// Inclusive bounds, at least one of them
    Durations("the bounds") {
        /// The least
        at_least: Option<At<Exact<Duration>>>,
        /// The most
        at_most: Option<At<Exact<Duration>>>,
    }

    /// Classes of errors
    Errors("`errors`") {
        /// Every error is of one of these classes
        only: Option<At<Vec<At<String>>>>,
        /// No error is of one of these classes
        never: Option<At<Vec<At<String>>>>,
        /// At least one error is of each of these classes
        some: Option<At<Vec<At<String>>>>,
    }

    /// A duration is the most that the quantile may be
    Quantiles("`latency`") {
        /// 50 of 100
        p50: Option<At<DurationBounds>>,
        /// 90 of 100
        p90: Option<At<DurationBounds>>,
        /// 99 of 100
        p99: Option<At<DurationBounds>>,
        /// All
        max: Option<At<DurationBounds>>,
    }
}

/// The most, or bounds
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum DurationBounds {
    /// At most this
    AtMost(Exact<Duration>),
    /// Bounds
    Bounds(Durations),
}

impl Read for DurationBounds {
    const EXPECTED: &'static str = "a duration, or bounds";
    const REMEDY: &'static str =
        r#"write "50ms", which is the most, or { at_least = "10ms", at_most = "50ms" }"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_table() {
            Durations::read(value, problems).map(Self::Bounds)
        } else if value.get_ref().is_str() {
            Exact::read(value, problems).map(Self::AtMost)
        } else {
            wrong_type::<Self, _>(value, problems)
        }
    }
}
