//! `heartbeat_loss`: heartbeats of providers, or their acknowledgements, are not sent; all else is.

use std::sync::Arc;

use async_trait::async_trait;
use squall_core::faults::{Count, FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use squall_core::file::read::{At, tables};
use squall_core::file::report::Problems;
use squall_core::history;
use squall_core::oracle::Run;
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};

use crate::Fleet;
use crate::evidence::Providers;
use crate::file::provider_hosts;

/// Heartbeats of providers, or their acknowledgements, are not sent. All else is.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatLoss {
    /// The provider, or one of its hosts, as named in the file.
    pub provider: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Whether acknowledgements are suppressed, not heartbeats.
    pub acks: bool,
}

tables! {
    /// Whose heartbeats are not sent
    #[schemars(rename = "HeartbeatLoss")]
    pub Raw("`heartbeat_loss`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// Whether it is the managers' acknowledgements that are not sent. false when absent
        acks: Option<bool>,
    }
}

impl Shape for HeartbeatLoss {
    const KEY: &'static str = "heartbeat_loss";
    const ABOUT: &'static str = "Heartbeats of a provider are not sent, or not acknowledged; all else is";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let (_, hosts) = provider_hosts(&raw.provider, topology, problems)?;
        Some(Open::exactly(HeartbeatLoss {
            provider: raw.provider.value.clone(),
            hosts,
            acks: raw.acks.unwrap_or_default(),
        }))
    }
}

#[async_trait]
impl FaultKind for HeartbeatLoss {
    fn text(&self) -> String {
        match self.acks {
            false => format!("heartbeat loss {}", self.provider),
            true => format!("heartbeat ack loss {}", self.provider),
        }
    }

    async fn act(&self, scene: &Scene, end: End) {
        if let Some(fleet) = scene.system::<Fleet>() {
            fleet.mute(&self.hosts, self.acks, true);
            end.reached(scene).await;
            fleet.mute(&self.hosts, self.acks, false);
        }
    }

    fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Served {
            hosts: self.hosts.clone(),
            until: past.ended,
            all: false,
        }]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }

    fn counts(&self, past: &history::Fault<'_>, run: &Run<'_>) -> Vec<Count> {
        let providers = run.evidence::<Providers>();
        let (lost, how, key) = match self.acks {
            false => (&providers.heartbeats_lost, "not sent", "heartbeats_lost"),
            true => (&providers.acks_lost, "not acknowledged", "acks_lost"),
        };
        let window = past.started.unwrap_or(u64::MAX)..=past.ended.unwrap_or(u64::MAX);
        let is_its = |(at, host): &&(u64, Arc<str>)| {
            window.contains(at) && self.hosts.iter().any(|other| *other == **host)
        };
        vec![Count {
            count: lost.iter().filter(is_its).count() as u64,
            what: "heartbeat",
            how,
            key,
        }]
    }
}
