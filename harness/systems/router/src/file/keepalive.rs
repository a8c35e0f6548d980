//! Keepalive of a module's connections.

use std::time::Duration;

use schemars::JsonSchema;
use squall_core::file::choice::{Choice, Word};
use squall_core::file::read::{At, Read, Value, tables, wrong_type};
use squall_core::file::report::{Problem, Problems};
use squall_core::file::value::Exact;
use squall_router::Keepalive as Rules;

/// When connections are pinged, and when their peers count as gone: a usual way, or times
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Keepalive {
    /// A usual way
    Usual(Word<Usual>),
    /// Times
    Times(Box<KeepaliveTimes>),
}

/// A usual way to ping.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Usual {
    /// As any gRPC server permits.
    Grpc,
    /// As modules of TinySystems do.
    TinySystems,
    /// Not at all.
    Off,
}

impl Choice for Usual {
    const WHAT: &'static str = "keepalive";
    const EXPECTED: &'static str = "a keepalive";
    const REMEDY: &'static str = r#"write "grpc", "tinysystems" or "off""#;
    const TITLE: &'static str = "UsualKeepalive";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("grpc", Usual::Grpc),
        ("tinysystems", Usual::TinySystems),
        ("off", Usual::Off),
    ];
}

tables! {
    /// When connections are pinged, and when their peers count as gone
    pub KeepaliveTimes("`keepalive`") {
        /// After how long a silence a ping is sent. 10s when absent
        interval: Option<At<Exact<Duration>>>,
        /// How long nothing at all may come after a ping. 20s when absent
        timeout: Option<At<Exact<Duration>>>,
        /// Whether pings are sent also while no call waits. false when absent
        while_idle: Option<bool>,
        /// How often the peer permits pings between which it has answered nothing. 5min when absent
        permitted: Option<At<Exact<Duration>>>,
    }
}

impl Read for Keepalive {
    const EXPECTED: &'static str = "a keepalive";
    const REMEDY: &'static str =
        r#"write "grpc", "tinysystems", "off" or { interval = "10s", timeout = "20s" }"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_table() {
            KeepaliveTimes::read(value, problems)
                .map(Box::new)
                .map(Self::Times)
        } else if value.get_ref().is_str() {
            Word::read(value, problems).map(Self::Usual)
        } else {
            wrong_type::<Self, _>(value, problems)
        }
    }
}

impl Keepalive {
    /// The rules in the file; `None`: no pings.
    pub(crate) fn rules(&self, problems: &mut Problems) -> Option<Rules> {
        let times = match self {
            Keepalive::Usual(Word(Usual::Grpc)) => return Some(Rules::client()),
            Keepalive::Usual(Word(Usual::TinySystems)) => return Some(Rules::tiny_systems()),
            Keepalive::Usual(Word(Usual::Off)) => return None,
            Keepalive::Times(times) => times,
        };
        for time in [&times.interval, &times.timeout].into_iter().flatten() {
            if time.0.is_zero() {
                problems
                    .add(Problem::new("a peer needs time to answer").at(&time.span, "expected more than 0"));
            }
        }
        let usual = Rules::client();
        let said = |time: &Option<At<Exact<Duration>>>, usual| time.as_ref().map_or(usual, |time| time.0);
        Some(Rules {
            interval: said(&times.interval, usual.interval),
            timeout: said(&times.timeout, usual.timeout),
            while_idle: times.while_idle.unwrap_or(usual.while_idle),
            permitted: said(&times.permitted, usual.permitted),
        })
    }
}
