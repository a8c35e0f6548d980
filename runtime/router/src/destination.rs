//! The destination of a message: `node.port` or `node:port`.

use crate::Error;

/// A parsed destination. Spec: router 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The node's name, which may itself contain dots.
    pub node: &'a str,
    /// The port on that node.
    pub port: &'a str,
}

/// The accepted formats of a destination. Spec: router H-8, 3.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Both.
    #[default]
    Any,
    /// Only `node.port`.
    Dot,
    /// Only `node:port`, as deployed Go modules write it.
    Colon,
}

impl<'a> Destination<'a> {
    /// Splits `to` at its only colon or, if it has none, at its last dot.
    ///
    /// # Errors
    /// [`Error::InvalidDestination`] when a side is empty, there is more than one colon, or nothing to
    /// split at. The message's author is at fault.
    pub fn parse(to: &'a str) -> Result<Self, Error> {
        let split = match to.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(Error::invalid(to, "more than one ':'")),
            Some(split) => split,
            None => to
                .rsplit_once('.')
                .ok_or_else(|| Error::invalid(to, "no port: write node.port"))?,
        };
        match split {
            ("", _) => Err(Error::invalid(to, "the node is empty")),
            (_, "") => Err(Error::invalid(to, "the port is empty")),
            (node, port) => Ok(Destination { node, port }),
        }
    }

    /// As [`Destination::parse`], but only one format.
    ///
    /// # Errors
    /// As there, and when `to` has the other format.
    pub fn parse_as(to: &'a str, format: Format) -> Result<Self, Error> {
        match format {
            Format::Dot if to.contains(':') => {
                Err(Error::invalid(to, "':' is not accepted here: write node.port"))
            }
            Format::Colon if !to.contains(':') => Err(Error::invalid(to, "no ':': write node:port")),
            _ => Destination::parse(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(to: &str) -> Option<(&str, &str)> {
        Destination::parse(to).ok().map(|it| (it.node, it.port))
    }

    #[test]
    fn a_dot_splits_at_the_last_one() {
        assert_eq!(
            parse("http-server-abc123.request"),
            Some(("http-server-abc123", "request"))
        );
        assert_eq!(
            parse("p.common-module-v0.router-x1.in"),
            Some(("p.common-module-v0.router-x1", "in"))
        );
    }

    #[test]
    fn a_single_colon_wins_over_dots() {
        assert_eq!(parse("p.m.router-x1:in"), Some(("p.m.router-x1", "in")));
        assert_eq!(parse("node:port.with.dots"), Some(("node", "port.with.dots")));
    }

    #[test]
    fn everything_else_is_invalid() {
        for to in ["", "bare", ".in", "node.", ":in", "node:", "a:b:c", ":", "."] {
            assert_eq!(parse(to), None, "{to}");
        }
    }

    #[test]
    fn a_strict_format_refuses_the_other_one() {
        let accepted = |to, format| Destination::parse_as(to, format).is_ok();
        let table = [("node.port", Format::Dot), ("p.m.node:port", Format::Colon)];
        for (to, own) in table {
            for format in [Format::Any, Format::Dot, Format::Colon] {
                assert_eq!(
                    accepted(to, format),
                    format == Format::Any || format == own,
                    "{to} {format:?}"
                );
            }
        }
    }
}
