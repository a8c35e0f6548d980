//! User-defined faults.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use globset::Glob;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::read::read;
use crate::faults::{FaultKind, Kind, Lasts, Open, Said};
use crate::file::report::{Problem, Problems};
use crate::file::settings::Sort;
use crate::plan::Topology;

/// A user-defined kind of fault: a key of `[[fault]]`, added with `squall::Harness::fault`.
///
/// Its fields are the fields of the key's value; its behaviour is its [`FaultKind`].
///
/// ```
/// use serde::Deserialize;
/// use squall::faults::{End, FaultKind, Heals, MustTouch, Past, Scene, Touches};
/// use squall::plan::Topology;
/// use squall::schemars::JsonSchema;
/// use squall::{CustomFault, Harness, HostNames, async_trait};
///
/// /// Hosts are restarted one by one.
/// #[derive(Debug, Clone, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// #[schemars(crate = "squall::schemars")]
/// struct Rolling {
///     /// Which ones.
///     hosts: HostNames,
/// }
///
/// impl CustomFault for Rolling {
///     const KEY: &'static str = "rolling_restart";
///     const IS_INSTANT: bool = true;
///
///     fn check(&mut self, topology: &Topology) -> Result<(), String> {
///         self.hosts.resolve(topology)
///     }
/// }
///
/// #[async_trait]
/// impl FaultKind for Rolling {
///     fn text(&self) -> String {
///         format!("rolling restart of {}", self.hosts)
///     }
///
///     async fn act(&self, scene: &Scene, _: End) {
///         for host in self.hosts.names() {
///             scene.restart(std::slice::from_ref(host));
///             scene.sim().sleep(std::time::Duration::from_secs(1)).await;
///         }
///     }
///
///     fn touches(&self, _: &Past<'_>) -> Vec<Touches> {
///         vec![Touches::Hosts(self.hosts.names().to_vec())]
///     }
///
///     fn heals(&self) -> Heals {
///         Heals::AtEnd
///     }
///
///     fn must_touch(&self, _: &Topology) -> MustTouch {
///         MustTouch::Nothing
///     }
/// }
///
/// let harness = Harness::new().fault::<Rolling>();
/// # drop(harness);
/// ```
pub trait CustomFault: FaultKind + DeserializeOwned + JsonSchema + Clone {
    /// The key of `[[fault]]`.
    const KEY: &'static str;

    /// Whether it is instantaneous, and takes no `for`.
    const IS_INSTANT: bool = false;

    /// Resolves names from the file.
    ///
    /// # Errors
    /// What is wrong, to be shown at the key's value.
    fn check(&mut self, topology: &Topology) -> Result<(), String> {
        let _ = topology;
        Ok(())
    }
}

const FAULT: Sort = Sort::with_keys("fault");

impl Kind {
    /// A user-defined kind.
    pub fn custom<F: CustomFault>() -> Self {
        Kind {
            key: F::KEY,
            about: "",
            read: |value, problems| {
                let (fault, data) = read::<F>(FAULT, F::KEY, value, problems)?;
                Some(Arc::new(SaidCustom {
                    fault,
                    span: data.span,
                }))
            },
            schema: |generator| generator.subschema_for::<Option<F>>(),
        }
    }
}

struct SaidCustom<F> {
    fault: F,
    span: Range<usize>,
}

impl<F: CustomFault> fmt::Debug for SaidCustom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl<F: CustomFault> Said for SaidCustom<F> {
    fn key(&self) -> &'static str {
        F::KEY
    }

    fn span(&self) -> &Range<usize> {
        &self.span
    }

    fn lasts(&self) -> Lasts<'_> {
        match F::IS_INSTANT {
            true => Lasts::Instant("drop `for`"),
            false => Lasts::For,
        }
    }

    fn check(&self, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let mut fault = self.fault.clone();
        match fault.check(topology) {
            Ok(()) => Some(Open::exactly(fault)),
            Err(why) => {
                let problem = Problem::new(format!("the fault `{}` cannot be this", F::KEY));
                problems.add(problem.at(&self.span, why));
                None
            }
        }
    }
}

/// Hosts, as files name them: one name or a list, each of a host, of a module or service (all its replicas), or a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// Resolves the names to hosts of the topology.
    ///
    /// # Errors
    /// The first name that matches no host.
    pub fn resolve(&mut self, topology: &Topology) -> Result<(), String> {
        let mut hosts: Vec<String> = Vec::new();
        for name in &self.0 {
            let glob =
                Glob::new(name).map_err(|error| format!("`{name}` is not a glob: {}", error.kind()))?;
            let matcher = glob.compile_matcher();
            let matching = || topology.all_hosts().filter(|host| matcher.is_match(host));
            let found = topology.hosts_of(name);
            let found = found.unwrap_or_else(|| matching().map(str::to_owned).collect());
            if found.is_empty() {
                return Err(format!("there is no host `{name}`"));
            }
            for host in found {
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        self.0 = hosts;
        Ok(())
    }

    /// The names as written or, once resolved, the hosts.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl<'de> Deserialize<'de> for HostNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = HostNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a host, or a list of hosts")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<HostNames, E> {
                Ok(HostNames(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<HostNames, A::Error> {
                let mut all = Vec::new();
                while let Some(name) = names.next_element()? {
                    all.push(name);
                }
                Ok(HostNames(all))
            }
        }

        deserializer.deserialize_any(Names)
    }
}

impl JsonSchema for HostNames {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HostNames".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] })
    }
}
