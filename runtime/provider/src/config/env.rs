//! Configuration from environment variables.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Config;
use crate::names;

/// A variable has an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is '{value}': {remedy}")]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// The valid values.
    pub remedy: &'static str,
}

/// In the order in which they are read.
pub(super) const VARIABLES: [&str; 6] = [
    "CONSTELLATION_PROVIDER_PORT",
    "CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL",
    "CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT",
    "CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT",
    "CONSTELLATION_PROVIDER_REPORT_INTERVAL",
    "CONSTELLATION_PROVIDER_RESERVED_NS",
];

pub(super) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let reader = Reader { get };
    reader.set(
        "CONSTELLATION_PROVIDER_PORT",
        &mut config.grpc_port,
        port,
        "write a port from 1 to 65535",
    )?;
    let durations = [
        (
            "CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL",
            &mut config.heartbeat_interval,
        ),
        (
            "CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT",
            &mut config.heartbeat_timeout,
        ),
        (
            "CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT",
            &mut config.control_plane_timeout,
        ),
        (
            "CONSTELLATION_PROVIDER_REPORT_INTERVAL",
            &mut config.report_interval,
        ),
    ];
    for (variable, field) in durations {
        reader.set(
            variable,
            field,
            duration,
            "write a number of seconds such as 15, or a duration such as 15s or 1m 30s, and not 0",
        )?;
    }
    reader.set(
        "CONSTELLATION_PROVIDER_RESERVED_NS",
        &mut config.reserved_namespaces,
        namespaces,
        "write namespaces such as stdlib, separated by commas",
    )?;
    Ok(config)
}

struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn set<T>(
        &self,
        variable: &'static str,
        field: &mut T,
        parse: impl Fn(&str) -> Option<T>,
        remedy: &'static str,
    ) -> Result<(), ConfigError> {
        let Some(value) = (self.get)(variable) else {
            return Ok(());
        };
        match parse(value.trim()) {
            Some(parsed) => *field = parsed,
            None => {
                return Err(ConfigError {
                    variable,
                    value,
                    remedy,
                });
            }
        }
        Ok(())
    }
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// A bare integer is in seconds, the only form that upstream accepts.
fn duration(text: &str) -> Option<Duration> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text).ok()?,
    };
    (!duration.is_zero()).then_some(duration)
}

fn namespaces(text: &str) -> Option<BTreeSet<String>> {
    if text.is_empty() {
        return Some(BTreeSet::new());
    }
    let namespace = |word: &str| {
        let word = word.trim();
        names::check_namespace(word).ok().map(|()| word.to_owned())
    };
    text.split(',').map(namespace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variable: &str, value: &str) -> Result<Config, ConfigError> {
        Config::from_env(|asked| (asked == variable).then(|| value.to_owned()))
    }

    #[test]
    fn an_empty_environment_leaves_the_defaults() {
        let asked = std::cell::RefCell::new(Vec::new());
        let none = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            None
        };
        assert_eq!(Config::from_env(none), Ok(Config::default()));
        assert_eq!(asked.into_inner(), Config::VARIABLES);
    }

    #[test]
    fn each_variable_sets_its_field() {
        let seconds = Duration::from_secs;
        assert_eq!(with("CONSTELLATION_PROVIDER_PORT", "7").unwrap().grpc_port, 7);
        let config = with("CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL", "2").unwrap();
        assert_eq!(config.heartbeat_interval, seconds(2));
        let config = with("CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT", "2").unwrap();
        assert_eq!(config.heartbeat_timeout, seconds(2));
        let config = with("CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT", "2").unwrap();
        assert_eq!(config.control_plane_timeout, seconds(2));
        let config = with("CONSTELLATION_PROVIDER_REPORT_INTERVAL", "2").unwrap();
        assert_eq!(config.report_interval, seconds(2));
        let config = with("CONSTELLATION_PROVIDER_RESERVED_NS", "stdlib, core.text").unwrap();
        assert!(
            config
                .reserved_namespaces
                .iter()
                .eq(["core.text", "stdlib"].iter())
        );
        let config = with("CONSTELLATION_PROVIDER_RESERVED_NS", "").unwrap();
        assert!(config.reserved_namespaces.is_empty());
    }

    #[test]
    fn a_bare_number_is_in_seconds_and_units_are_understood() {
        let read = |text| {
            with("CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT", text)
                .unwrap()
                .heartbeat_timeout
        };
        assert_eq!(read("15"), Duration::from_secs(15));
        assert_eq!(read("15s"), Duration::from_secs(15));
        assert_eq!(read(" 1m 30s "), Duration::from_secs(90));
        assert_eq!(read("500ms"), Duration::from_millis(500));
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_the_variable_the_value_and_the_remedy() {
        let error = with("CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT", "soon").unwrap_err();
        assert_eq!(
            error.to_string(),
            "CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT is 'soon': write a number of seconds such as 15, or a \
             duration such as 15s or 1m 30s, and not 0"
        );
        for text in ["0", "-1", "1.5", "", "15 parsecs"] {
            assert!(
                with("CONSTELLATION_PROVIDER_REPORT_INTERVAL", text).is_err(),
                "{text}"
            );
        }
        for text in ["0", "65536", "-1", "grpc"] {
            assert!(with("CONSTELLATION_PROVIDER_PORT", text).is_err(), "{text}");
        }
        for text in ["stdlib,", "a b", ".", "1st"] {
            assert!(
                with("CONSTELLATION_PROVIDER_RESERVED_NS", text).is_err(),
                "{text}"
            );
        }
    }
}
