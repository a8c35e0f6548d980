//! Executor addresses: `host:port`, checked at registration and parsed again at a call. Spec: provider 2.4.
//!
//! There are two functions because the protocol has two sets of texts. The second accepts everything that the first
//! accepts, so a provider that could never be called is refused at registration.

use squall_platform::Authority;

/// The port of an address without one.
pub const PORT: u16 = 9090;
/// The maximum length of an executor url, in bytes: reasons repeat it, once for each module.
pub const URL_BYTES_MAX: usize = 256;

/// Why an executor url is not accepted. The texts are the protocol's, except for the last three.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is missing.
    #[error("executor_url cannot be empty")]
    Empty,
    /// It has a scheme.
    #[error("executor_url must be host:port format, not a URL with scheme: {0}")]
    Scheme(Box<str>),
    /// Its port is not a number.
    #[error("Invalid port in executor_url: {0}")]
    Port(Box<str>),
    /// Its port is not between 1 and 65535.
    #[error("Port out of range in executor_url: {0}")]
    PortRange(Box<str>),
    /// It has a port, but no host. **ours**
    #[error("Empty host in executor_url: {0}")]
    EmptyHost(Box<str>),
    /// No connection to such a host is possible. **ours**
    #[error("Invalid host in executor_url: {0}")]
    Host(Box<str>),
    /// It is longer than [`URL_BYTES_MAX`]. **ours**
    #[error("executor_url is too long: {0} bytes, the limit is {URL_BYTES_MAX}")]
    TooLong(usize),
}

/// Checks the executor url of a registration.
///
/// # Errors
/// The provider is at fault, and has to send another url.
pub fn check(url: &str) -> Result<(), UrlError> {
    let url = trimmed(url);
    if url.is_empty() {
        return Err(UrlError::Empty);
    }
    if url.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong(url.len()));
    }
    if url.contains("://") {
        return Err(UrlError::Scheme(url.into()));
    }
    let bracketed = url.starts_with('[') && url.ends_with(']');
    if let Some((host, port)) = url.rsplit_once(':').filter(|_| !bracketed) {
        if host.is_empty() {
            return Err(UrlError::EmptyHost(url.into()));
        }
        match port.parse::<i32>() {
            Err(_) => return Err(UrlError::Port(url.into())),
            Ok(1..=65535) => {}
            Ok(_) => return Err(UrlError::PortRange(url.into())),
        }
    }
    match parse(url) {
        Ok(_) => Ok(()),
        Err(_) => Err(UrlError::Host(url.into())),
    }
}

/// Why no connection to an executor url is possible. The texts are the protocol's, except for the last one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It is missing.
    #[error("Empty executor URL")]
    Empty,
    /// It has a scheme.
    #[error("Executor URL must be host:port, not a URL with scheme: {0}")]
    Scheme(Box<str>),
    /// A bracket is not closed.
    #[error("Invalid IPv6 address in URL: {0}")]
    Ipv6(Box<str>),
    /// Its port is not between 1 and 65535.
    #[error("Port out of range in URL: {0}")]
    PortRange(Box<str>),
    /// The text after an address in brackets and a colon is not a number.
    #[error("Invalid port in URL: {0}")]
    Ipv6Port(Box<str>),
    /// The text after an address in brackets is not a port.
    #[error("Invalid URL format: {0}")]
    Format(Box<str>),
    /// It has a port, but no host.
    #[error("Empty host in URL: {0}")]
    EmptyHost(Box<str>),
    /// Its port is not a number.
    #[error("Invalid port '{port}' in URL: {url}")]
    Port {
        /// The text of the port.
        port: Box<str>,
        /// The whole url.
        url: Box<str>,
    },
    /// No connection to such a host is possible. **ours**
    #[error("Invalid host in URL: {0}")]
    Host(Box<str>),
}

/// Parses an executor url for a call; the port is [`PORT`] when it has none.
///
/// # Errors
/// For every url that a registration would not have been accepted with.
pub fn parse(url: &str) -> Result<Authority, ParseError> {
    let url = trimmed(url);
    if url.is_empty() {
        return Err(ParseError::Empty);
    }
    if url.contains("://") {
        return Err(ParseError::Scheme(url.into()));
    }
    let (host, port) = if url.starts_with('[') {
        bracketed(url)?
    } else {
        plain(url)?
    };
    format!("{host}:{port}")
        .parse()
        .ok()
        .filter(|authority: &Authority| authority.host() == host && authority.port_u16() == Some(port))
        .ok_or_else(|| ParseError::Host(url.into()))
}

/// `[v6]` or `[v6]:port`. The host keeps its brackets.
fn bracketed(url: &str) -> Result<(&str, u16), ParseError> {
    let end = url.find(']').ok_or_else(|| ParseError::Ipv6(url.into()))?;
    let (host, rest) = url.split_at(end + 1);
    if rest.is_empty() {
        return Ok((host, PORT));
    }
    let port = rest
        .strip_prefix(':')
        .ok_or_else(|| ParseError::Format(url.into()))?;
    let port: i32 = port.parse().map_err(|_| ParseError::Ipv6Port(url.into()))?;
    Ok((host, in_range(port, url)?))
}

/// `host` or `host:port`.
fn plain(url: &str) -> Result<(&str, u16), ParseError> {
    let Some((host, port)) = url.rsplit_once(':') else {
        return Ok((url, PORT));
    };
    if host.is_empty() {
        return Err(ParseError::EmptyHost(url.into()));
    }
    let port: i32 = port.parse().map_err(|_| ParseError::Port {
        port: port.into(),
        url: url.into(),
    })?;
    Ok((host, in_range(port, url)?))
}

fn in_range(port: i32, url: &str) -> Result<u16, ParseError> {
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ParseError::PortRange(url.into())),
    }
}

/// Trims as Java does, where the protocol's texts come from.
fn trimmed(url: &str) -> &str {
    url.trim_matches(|c| c <= ' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_with_or_without_a_port_is_accepted() {
        let urls = [
            "localhost:9091",
            "localhost",
            "ml.example.com:1",
            "  padded:65535\t",
            "10.0.0.1:9091",
            "[::1]:9090",
            "[::1]",
            "plus:+9090",
        ];
        for url in urls {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn the_texts_of_a_rejected_url_are_the_protocols() {
        let long = "x".repeat(URL_BYTES_MAX + 1);
        let texts = [
            ("", "executor_url cannot be empty"),
            (" \t ", "executor_url cannot be empty"),
            (
                " http://h:1 ",
                "executor_url must be host:port format, not a URL with scheme: http://h:1",
            ),
            ("h:port", "Invalid port in executor_url: h:port"),
            ("h:", "Invalid port in executor_url: h:"),
            ("h:99999999999", "Invalid port in executor_url: h:99999999999"),
            ("h:0", "Port out of range in executor_url: h:0"),
            ("h:-1", "Port out of range in executor_url: h:-1"),
            ("h:70000", "Port out of range in executor_url: h:70000"),
            (":9090", "Empty host in executor_url: :9090"),
            ("::1", "Invalid host in executor_url: ::1"),
            ("two words:1", "Invalid host in executor_url: two words:1"),
            ("a/b:1", "Invalid host in executor_url: a/b:1"),
            ("user@host:1", "Invalid host in executor_url: user@host:1"),
            (&long, "executor_url is too long: 257 bytes, the limit is 256"),
        ];
        for (url, text) in texts {
            assert_eq!(check(url).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn a_url_leads_to_a_host_and_a_port() {
        let read = [
            ("localhost:9091", "localhost:9091"),
            ("localhost", "localhost:9090"),
            (" ml.example.com:80 ", "ml.example.com:80"),
            ("[::1]:7", "[::1]:7"),
            ("[::1]", "[::1]:9090"),
            ("h:1", "h:1"),
            ("h:65535", "h:65535"),
        ];
        for (url, authority) in read {
            assert_eq!(parse(url).unwrap().as_str(), authority);
        }
    }

    #[test]
    fn the_texts_of_a_url_that_leads_nowhere_are_the_protocols() {
        let texts = [
            ("", "Empty executor URL"),
            ("  ", "Empty executor URL"),
            (
                "grpc://h:1",
                "Executor URL must be host:port, not a URL with scheme: grpc://h:1",
            ),
            ("[::1", "Invalid IPv6 address in URL: [::1"),
            ("[::1]:0", "Port out of range in URL: [::1]:0"),
            ("[::1]:x", "Invalid port in URL: [::1]:x"),
            ("[::1]x", "Invalid URL format: [::1]x"),
            (":9090", "Empty host in URL: :9090"),
            ("h:abc", "Invalid port 'abc' in URL: h:abc"),
            ("h:0", "Port out of range in URL: h:0"),
            ("h:70000", "Port out of range in URL: h:70000"),
        ];
        for (url, text) in texts {
            assert_eq!(parse(url).unwrap_err().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_can_be_called(url in "[\\[\\]:a-z0-9+./@% -]{0,12}") {
            prop_assert_eq!(check(&url).is_ok(), parse(&url).is_ok());
        }

        #[test]
        fn no_text_makes_it_panic(url in ".{0,20}") {
            prop_assert!(check(&url).is_err() || parse(&url).is_ok());
        }
    }
}
