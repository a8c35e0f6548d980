//! A module's limits on its callers.

use std::time::Duration;

use squall_router::Options;

/// A module's limits on its callers. See `docs/limits.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of in-flight requests; `None` is unlimited.
    pub requests: Option<usize>,
    /// The limits of its server.
    pub server: squall_router::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        let usual = Options::default();
        Limits {
            requests: usual.max_in_flight,
            server: usual.limits,
        }
    }
}

/// Sets one limit from its text.
type Set = fn(&mut Limits, &str) -> Result<(), String>;

/// The limits, by their name in files and on the command line.
const NAMED: [(&str, Set); 9] = [
    ("connections", |it, text| {
        number(text).map(|n| it.server.connections = n)
    }),
    ("address_connections", |it, text| {
        number(text).map(|n| it.server.address_connections = n)
    }),
    ("streams", |it, text| number(text).map(|n| it.server.streams = n)),
    ("requests", |it, text| number(text).map(|n| it.requests = Some(n))),
    ("connection_bytes", |it, text| {
        number(text).map(|n| it.server.connection_bytes = n)
    }),
    ("server_bytes", |it, text| {
        number(text).map(|n| it.server.server_bytes = n)
    }),
    ("handshake", |it, text| {
        duration(text).map(|d| it.server.handshake = d)
    }),
    ("read", |it, text| duration(text).map(|d| it.server.read = d)),
    ("take", |it, text| duration(text).map(|d| it.server.take = d)),
];

impl Limits {
    /// Sets the limit with this name from command-line text: a number, or a duration such as `20s`.
    ///
    /// # Errors
    /// What is wrong, and what is valid.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Some((_, set)) = NAMED.iter().find(|(known, _)| *known == name) else {
            let names: Vec<_> = NAMED.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "there is no limit `{name}`: there are {}",
                names.join(", ")
            ));
        };
        set(self, value)
    }
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{text}` is no number of 1 or more"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("`{text}`: {error}"))?;
    match duration.is_zero() {
        true => Err("a peer needs time: write more than 0s".to_owned()),
        false => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_by_its_name_and_no_other_one() {
        for (name, _) in NAMED {
            let mut limits = Limits::default();
            let value = if matches!(name, "handshake" | "read" | "take") {
                "7s"
            } else {
                "7"
            };
            limits.set(name, value).expect("it is one");
            assert!(
                format!("{limits:?}").contains(": 7") || limits.requests == Some(7),
                "{name}"
            );
            assert!(limits.set(name, "0").is_err(), "{name}");
            assert!(limits.set(name, "much").is_err(), "{name}");
        }
        let error = Limits::default().set("stream", "7").expect_err("no such limit");
        assert!(
            error.starts_with(
                "there is no limit `stream`: there are connections, address_connections, streams, "
            ),
            "{error}"
        );
    }
}
