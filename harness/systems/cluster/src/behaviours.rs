//! What actors do: built-in behaviours, by the name that topologies use (`src`).

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use squall_cluster::{Actor, BoxError, Context, Input, Next, Palette, async_trait};
use squall_core::registry::{Registry, SettingsError};
use squall_platform::Platform;

/// The behaviour that fails on purpose.
pub(crate) const FAILING: &str = "fail";

/// What one actor does with events, which are JSON.
pub trait Behaviour: Send + 'static {
    /// The virtual time that it takes for each event.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }

    /// Handles an event, after that time.
    ///
    /// # Errors
    /// The actor fails.
    fn handle(&mut self, event: &Value) -> Result<Next, BoxError>;
}

/// Behaviours by name. Each start of an actor creates its behaviour anew, so its state is lost when it fails, or its
/// process dies.
#[derive(Debug, Clone)]
pub struct Behaviours(Registry<Box<dyn Behaviour>>);

impl Behaviours {
    /// Only the built-in behaviours.
    pub fn builtin() -> Self {
        let mut behaviours = Registry::default();
        behaviours.register("counter", |it: Counter| Ok(Box::new(it) as Box<dyn Behaviour>));
        behaviours.register(FAILING, |it: Fail| Ok(Box::new(it) as Box<dyn Behaviour>));
        Behaviours(behaviours)
    }

    /// The behaviours by name.
    pub fn registry(&self) -> &Registry<Box<dyn Behaviour>> {
        &self.0
    }

    /// The behaviours for the nodes of this process.
    pub(crate) fn palette<P: Platform>(&self, platform: &P) -> Palette<Value> {
        let mut palette = Palette::default();
        for name in self.0.names() {
            let (behaviours, src, platform) = (self.clone(), name.to_owned(), platform.clone());
            palette.insert(name, move |input| {
                Ok(Hosted {
                    platform: platform.clone(),
                    behaviour: behaviours.make(&src, input)?,
                })
            });
        }
        palette
    }

    fn make(&self, src: &str, input: Option<Input>) -> Result<Box<dyn Behaviour>, BoxError> {
        let none = || SettingsError::from(format!("no behaviour is called `{src}`"));
        let made = self.0.make(src, &Value::Object(input.unwrap_or_default()));
        made.ok_or_else(none)
            .and_then(|made| made)
            .map_err(|error| error.to_string().into())
    }
}

/// A behaviour as an actor.
struct Hosted<P> {
    platform: P,
    behaviour: Box<dyn Behaviour>,
}

#[async_trait]
impl<P: Platform> Actor<Value> for Hosted<P> {
    async fn handle(&mut self, event: Value, _: &mut Context<'_, Value>) -> Result<Next, BoxError> {
        let delay = self.behaviour.delay();
        if !delay.is_zero() {
            self.platform.sleep(delay).await;
        }
        self.behaviour.handle(&event)
    }
}

/// Adds the numbers that it gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    /// How long it takes for each event.
    #[serde(default, deserialize_with = "span")]
    delay: Duration,
    #[serde(skip)]
    number: i64,
}

/// The event of a counter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    add: i64,
}

impl Behaviour for Counter {
    fn delay(&self) -> Duration {
        self.delay
    }

    fn handle(&mut self, event: &Value) -> Result<Next, BoxError> {
        let sum = match Add::deserialize(event) {
            Ok(event) => self.number.checked_add(event.add),
            Err(error) => return Ok(Next::Rejected(format!("it counts {{ \"add\": 1 }}: {error}"))),
        };
        Ok(match sum {
            Some(sum) => {
                self.number = sum;
                Next::Handled
            }
            None => Next::Rejected(format!("it is at {}", self.number)),
        })
    }
}

/// Fails on purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fail {
    /// Every how many events. Each when absent.
    #[serde(default = "always")]
    every: NonZeroU64,
    #[serde(skip)]
    handled: u64,
}

fn always() -> NonZeroU64 {
    NonZeroU64::MIN
}

impl Behaviour for Fail {
    fn handle(&mut self, _: &Value) -> Result<Next, BoxError> {
        self.handled += 1;
        match self.handled % self.every {
            0 => Err("it fails on purpose".into()),
            _ => Ok(Next::Handled),
        }
    }
}

/// A duration written with its unit.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        de::Error::custom(format!(
            "`{text}` is no duration ({error}): write it like \"250ms\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn behaviour(src: &str, settings: Value) -> Result<Box<dyn Behaviour>, BoxError> {
        Behaviours::builtin().make(src, settings.as_object().cloned())
    }

    #[test]
    fn a_counter_counts_and_rejects_all_else() {
        let mut counter = behaviour("counter", json!({ "delay": "5ms" })).expect("it is valid");
        assert_eq!(counter.delay(), Duration::from_millis(5));
        assert_eq!(
            counter.handle(&json!({ "add": 1 })).expect("it counts"),
            Next::Handled
        );
        for event in [json!(null), json!({ "sub": 1 }), json!({ "add": i64::MAX })] {
            let next = counter.handle(&event).expect("it lives");
            assert!(matches!(next, Next::Rejected(_)), "{event}: {next:?}");
        }
    }

    #[test]
    fn it_fails_as_often_as_its_settings_say() {
        let mut fails = behaviour("fail", json!({ "every": 2 })).expect("it is valid");
        let failed = [(); 4].map(|()| fails.handle(&Value::Null).is_err());
        assert_eq!(failed, [false, true, false, true]);
    }

    #[test]
    fn invalid_settings_are_refused() {
        assert!(behaviour("counter", json!({ "delay": "5" })).is_err());
        assert!(behaviour("counter", json!({ "number": 5 })).is_err());
        assert!(behaviour("fail", json!({ "every": 0 })).is_err());
        assert!(behaviour("counting", json!({})).is_err());
    }
}
