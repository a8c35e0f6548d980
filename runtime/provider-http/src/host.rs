//! The permitted `Host` of a request. A page of another site can make a browser call this API, through a name that it
//! makes resolve to this machine, and then read the responses (DNS rebinding). The browser sends that name as the
//! host.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Error;

/// The accepted names beside those of this machine's loopback, and addresses: a name that is an address cannot be
/// made to resolve to another one.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<BTreeSet<String>>);

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongHost {
    /// It does not have exactly one host: 400, from any sender. Spec: RFC 9112, 3.2.
    #[error("{0}")]
    Malformed(&'static str),
    /// It names another host: 421.
    #[error("this is not {0}: ask by an address or as localhost")]
    Other(String),
}

impl WrongHost {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            WrongHost::Malformed(_) => StatusCode::BAD_REQUEST,
            WrongHost::Other(_) => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

impl Hosts {
    /// These names, in any case, beside loopback's and addresses.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase());
        Hosts(Arc::new(names.collect()))
    }

    /// Whether a request may be answered. A request without a host does not come from a browser.
    ///
    /// # Errors
    /// When it names another host, or the host is ambiguous.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), WrongHost> {
        let mut said = headers.get_all(HOST).iter();
        let named = said.next();
        if said.next().is_some() {
            // A proxy before this server may have checked the other one.
            return Err(WrongHost::Malformed("there are several Host headers: send one"));
        }
        let read = |value: &str| value.parse::<Authority>().ok();
        let named = match named.map(|it| it.to_str().ok().and_then(read)) {
            Some(None) => {
                return Err(WrongHost::Malformed(
                    "the Host header is no name or address of a host",
                ));
            }
            named => named.flatten(),
        };
        for authority in named.iter().chain(uri.authority()) {
            if authority.as_str().contains('@') {
                return Err(WrongHost::Malformed(
                    "the host has a user before it: name the host alone, without an @",
                ));
            }
            if !self.accept(authority) {
                return Err(WrongHost::Other(authority.host().to_owned()));
            }
        }
        Ok(())
    }

    fn accept(&self, authority: &Authority) -> bool {
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        host == "localhost"
            || host.ends_with(".localhost")
            || address.unwrap_or(&host).parse::<IpAddr>().is_ok()
            || self.0.contains(&host)
    }
}

/// Refuses requests that name another host.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if let Err(wrong) = hosts.check(request.headers(), request.uri()) {
        return match &wrong {
            WrongHost::Malformed(_) => Error::new(wrong.status(), "BAD_REQUEST", wrong.to_string()),
            WrongHost::Other(_) => {
                let message = format!("{wrong}, or start the manager with --http-host NAME");
                Error::new(wrong.status(), "WRONG_HOST", message)
            }
        }
        .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_one_host_and_nothing_beside_it() {
        let hosts = Hosts::default();
        let check = |said: &[&str], uri: &str| {
            let said = said.iter().map(|it| (HOST, it.parse().expect("a header")));
            hosts.check(&said.collect(), &uri.parse().expect("a URI"))
        };
        for (said, uri) in [
            (&[][..], "/"),
            (&["localhost:1"], "/"),
            (&["localhost"], "http://127.0.0.1/"),
        ] {
            assert_eq!(check(said, uri), Ok(()), "{said:?} {uri}");
        }
        for (said, uri, status) in [
            (&["localhost", "localhost"][..], "/", 400),
            (&["localhost", "evil.example"], "/", 400),
            (&["a@localhost"], "/", 400),
            (&["evil.example@localhost:80"], "/", 400),
            (&["localhost"], "http://a:b@localhost/", 400),
            (&["a b"], "/", 400),
            (&[""], "/", 400),
            (&["localhost/"], "/", 400),
            (&["evil.example"], "/", 421),
            (&["localhost"], "http://evil.example/", 421),
        ] {
            let wrong = check(said, uri).expect_err(uri);
            assert_eq!(wrong.status(), status, "{said:?} {uri}: {wrong}");
        }
    }

    #[test]
    fn loopback_addresses_and_what_was_named_are_accepted_and_nothing_else() {
        let hosts = Hosts::new(["Manager.example".to_owned()]);
        let accepted = |host: &str| hosts.accept(&host.parse().expect(host));
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "a.localhost:1",
            "127.0.0.1:8080",
            "10.0.0.7",
            "[::1]:8080",
            "manager.example",
            "MANAGER.example:80",
        ] {
            assert!(accepted(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "manager.example.evil.example",
            "notlocalhost",
            "manager",
        ] {
            assert!(!accepted(host), "{host}");
        }
    }
}
