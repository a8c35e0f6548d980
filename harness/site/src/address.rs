//! Address types in code of services.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// The address types of [`TcpStream::connect`](crate::TcpStream::connect) and
/// [`TcpListener::bind`](crate::TcpListener::bind): most of those that tokio accepts.
pub trait Address {
    /// As `host:port`.
    fn into_text(self) -> String;
}

impl Address for String {
    fn into_text(self) -> String {
        self
    }
}

impl Address for &String {
    fn into_text(self) -> String {
        self.clone()
    }
}

impl Address for &str {
    fn into_text(self) -> String {
        self.to_owned()
    }
}

impl Address for (&str, u16) {
    fn into_text(self) -> String {
        match self.0.parse::<Ipv6Addr>() {
            Ok(ip) => (ip, self.1).into_text(),
            Err(_) => format!("{}:{}", self.0, self.1),
        }
    }
}

impl Address for (String, u16) {
    fn into_text(self) -> String {
        (self.0.as_str(), self.1).into_text()
    }
}

macro_rules! addresses {
    ($($kind:ty),*) => {
        $(impl Address for $kind {
            fn into_text(self) -> String {
                SocketAddr::from(self).to_string()
            }
        })*
    };
}

addresses!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl Address for &SocketAddr {
    fn into_text(self) -> String {
        self.to_string()
    }
}

/// The host and the port of `host:port`; an IPv6 address without its brackets.
///
/// # Errors
/// `InvalidInput` if there is no port.
pub(crate) fn split(address: &str) -> io::Result<(&str, u16)> {
    let parts = address.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parts.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("no port in the address {address}: write host:port"),
        )
    })?;
    Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
}

/// Whether `host` is the local machine.
pub(crate) fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(address: &str) -> (&str, u16) {
        split(address).expect("a port")
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(parts("shop:50051"), ("shop", 50051));
        assert_eq!(parts("[::1]:7"), ("::1", 7));
        assert_eq!(parts(&(Ipv4Addr::LOCALHOST, 7).into_text()), ("127.0.0.1", 7));
        assert_eq!(parts(&("::1", 7).into_text()), ("::1", 7));
        assert_eq!(parts(&("shop", 7).into_text()), ("shop", 7));
        for wrong in ["shop", "shop:", "shop:http", "shop:70000", ""] {
            let error = split(wrong).expect_err("no port");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("write host:port"), "{error}");
        }
    }

    #[test]
    fn some_names_mean_here() {
        for here in ["localhost", "127.0.0.1", "127.3.2.1", "::1", "0.0.0.0", "::"] {
            assert!(is_here(here), "{here}");
        }
        for there in ["shop", "10.0.0.1", "localhost.example"] {
            assert!(!is_here(there), "{there}");
        }
    }
}
