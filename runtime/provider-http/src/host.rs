//! Which `Host` a request may name. A page of another site can make a browser ask this API, by a name that it has made
//! resolve to this machine, and then read the answers (DNS rebinding); the browser tells by the name that it does.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Error;

/// The names that are accepted beside those of this machine's loopback, and addresses: a name that is an address cannot
/// be made to resolve to another one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts(Arc<BTreeSet<String>>);

impl Hosts {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase());
        Hosts(Arc::new(names.collect()))
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

/// Refuses requests that name another host. One that names none comes from no browser.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let header = request.headers().get(HOST);
    let said = header.map(|it| it.to_str().ok().and_then(|it| it.parse::<Authority>().ok()));
    let in_uri = request.uri().authority().cloned().map(Some);
    for named in [said, in_uri].into_iter().flatten() {
        let name = match named {
            Some(authority) if hosts.accept(&authority) => continue,
            Some(authority) => authority.host().to_owned(),
            None => "what its Host header says, which is no name".to_owned(),
        };
        let message = format!(
            "this is not {name}: ask by an address or as localhost, or start the manager with --http-host NAME"
        );
        return Error::new(StatusCode::MISDIRECTED_REQUEST, "WRONG_HOST", message).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

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
