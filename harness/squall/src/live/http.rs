//! Plain HTTP/1 beside gRPC: serves `/metrics` and `/healthz` for monitoring, and fetches them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HOST};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_platform::{Authority, Listener, Platform, TokioListener, TokioPlatform};
use squall_provider_http::{Hosts, WrongHost};
use squall_router::metrics;
use tokio::time::{Instant, sleep, timeout};

/// How long accepting pauses after a failure.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The maximum number of open connections; more are closed. HTTP/1 itself closes silent ones after 30 s.
const CONNECTIONS_MAX: usize = 256;
/// The minimum interval between two log lines about the same failure.
const SAID_AGAIN: Duration = Duration::from_secs(10);
/// The timeout of a request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a metrics response.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The server of `/metrics` and `/healthz`.
pub struct Endpoint {
    platform: TokioPlatform,
    listener: TokioListener,
    hosts: Hosts,
}

impl Endpoint {
    /// Listens at `address`; port 0 selects a free one.
    ///
    /// # Errors
    /// If the address is unavailable.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let platform = TokioPlatform::at(address.ip());
        let listener = platform.bind(address.port()).await?;
        Ok(Endpoint {
            platform,
            listener,
            hosts: Hosts::default(),
        })
    }

    /// Also accepts requests for these host names. Other accepted hosts are addresses, `localhost`, or none; the rest is
    /// rejected, so that pages of other sites cannot read the responses (DNS rebinding).
    #[must_use]
    pub fn hosts(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.hosts = Hosts::new(names);
        self
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// I/O errors of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the future is dropped. `metrics` returns the text of `/metrics`. `/healthz` is 200 while `healthy` is
    /// true, and 503 otherwise.
    pub async fn serve(
        mut self,
        metrics: impl Fn() -> String + Send + Sync + 'static,
        healthy: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let served = Arc::new(Served {
            metrics: Box::new(metrics),
            healthy: Box::new(healthy),
            hosts: self.hosts,
        });
        // Each connection has a clone.
        let open = Arc::new(());
        let (mut failed, mut refused) = (Seldom::default(), Seldom::default());
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if failed.is_due() {
                        tracing::warn!("no connection for /metrics can be accepted: {error}");
                    }
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if Arc::strong_count(&open) > CONNECTIONS_MAX {
                if refused.is_due() {
                    tracing::warn!("a connection for /metrics was closed: {CONNECTIONS_MAX} are open");
                }
                continue;
            }
            let is_open = Arc::clone(&open);
            let served = Arc::clone(&served);
            let answer = service_fn(move |request: Request<Incoming>| {
                let answer = served.answer(&request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut protocol = hyper::server::conn::http1::Builder::new();
            protocol.timer(TokioTimer::new());
            let connection = protocol.serve_connection(TokioIo::new(stream), answer);
            self.platform.spawn(async move {
                // How a connection ends is for its peer to report.
                drop(connection.await);
                drop(is_open);
            });
        }
    }
}

/// Limits repeated log lines.
#[derive(Default)]
struct Seldom(Option<Instant>);

impl Seldom {
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.0.is_none_or(|last| now - last >= SAID_AGAIN);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

struct Served {
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    healthy: Box<dyn Fn() -> bool + Send + Sync>,
    hosts: Hosts,
}

impl Served {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        if let Err(wrong) = self.hosts.check(request.headers(), request.uri()) {
            let remedy = match wrong {
                WrongHost::Other(_) => ", or start it with --metrics-host NAME",
                _ => "",
            };
            return reply(wrong.status(), TEXT, format!("{wrong}{remedy}\n"));
        }
        if request.method() != Method::GET {
            let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET\n".to_owned());
            refused
                .headers_mut()
                .insert(ALLOW, hyper::header::HeaderValue::from_static("GET"));
            return refused;
        }
        match request.uri().path() {
            "/metrics" => reply(StatusCode::OK, metrics::CONTENT_TYPE, (self.metrics)()),
            "/healthz" if (self.healthy)() => reply(StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/healthz" => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "stopping\n".to_owned()),
            path => {
                let text = format!("there is no {path} here: /metrics and /healthz are\n");
                reply(StatusCode::NOT_FOUND, TEXT, text)
            }
        }
    }
}

fn reply(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let content_type = hyper::header::HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// The URL of a system's metrics: `host:port`, or with `http://`. The default path is `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    authority: Authority,
    path: String,
}

/// Why a text is not a valid target.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text:?} is not where metrics can be: write host:port or http://host:port/metrics")]
pub struct TargetError {
    text: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError {
            text: text.to_owned(),
        };
        let url = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri
            .authority()
            .filter(|it| !it.host().is_empty())
            .ok_or_else(wrong)?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong());
        }
        let authority = match authority.port_u16() {
            Some(_) => authority.clone(),
            None => format!("{authority}:80").parse().map_err(|_| wrong())?,
        };
        let path = match uri.path_and_query().map_or("/", |it| it.as_str()) {
            "/" => "/metrics".to_owned(),
            path => path.to_owned(),
        };
        Ok(Target { authority, path })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot get {target}: {cause}")]
pub struct GetError {
    target: String,
    cause: String,
}

/// Fetches the text at `target`. Takes 5 s at most.
///
/// # Errors
/// If there is no connection, no response in time, or a status other than 200.
pub async fn get(target: &Target) -> Result<String, GetError> {
    let failed = |cause: String| GetError {
        target: target.to_string(),
        cause,
    };
    match timeout(ANSWER_TIMEOUT, fetch(target)).await {
        Ok(text) => text.map_err(failed),
        Err(_) => Err(failed(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
    }
}

async fn fetch(target: &Target) -> Result<String, String> {
    let platform = TokioPlatform::new();
    let stream = platform
        .connect(&target.authority)
        .await
        .map_err(|error| error.to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| said(&error))?;
    platform.spawn(async move {
        // Connection errors are reported through the request.
        drop(connection.await);
    });
    let request = Request::get(&target.path)
        .header(HOST, target.authority.as_str())
        .body(Full::<Bytes>::default())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| said(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("it answers with {}", response.status()));
    }
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let body = body.collect().await.map_err(|error| error.to_string())?;
    String::from_utf8(body.to_bytes().to_vec()).map_err(|_| "its answer is not UTF-8".to_owned())
}

/// The error of a request, with a hint for users who confused the system's ports.
fn said(error: &hyper::Error) -> String {
    if error.is_parse() || error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return format!(
            "what listens there does not speak HTTP/1.1, as gRPC ports do not ({error}). Give the address behind \
             `metrics` that `squall up --metrics` prints, or the HTTP port of a manager"
        );
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_a_url() {
        for (text, shown) in [
            ("localhost:9464", "http://localhost:9464/metrics"),
            ("http://a.b:1/", "http://a.b:1/metrics"),
            ("http://a.b/other?x=1", "http://a.b:80/other?x=1"),
            ("[::1]:9464", "http://[::1]:9464/metrics"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
        for text in ["", "https://a.b:1/", "a b", "http://"] {
            let error = text.parse::<Target>().expect_err(text).to_string();
            assert!(error.contains("host:port"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_request_that_names_another_host_is_refused_unless_that_was_named() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let endpoint = endpoint.hosts(["Metrics.example".to_owned()]);
        let address: Authority = endpoint.local_addr().unwrap().to_string().parse().unwrap();
        let platform = TokioPlatform::loopback();
        platform.spawn(endpoint.serve(|| "metrics".to_owned(), || true));
        for (host, status) in [
            (address.as_str(), "200"),
            ("localhost", "200"),
            ("metrics.example:9464", "200"),
            ("evil.example", "421"),
            ("a@localhost", "400"),
            ("localhost\r\nhost: localhost", "400"),
        ] {
            let mut stream = platform.connect(&address).await.unwrap();
            let request = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer[..12], format!("HTTP/1.1 {status}"), "{host}: {answer}");
            assert_eq!(answer.contains("--metrics-host"), status == "421", "{answer}");
        }
    }

    #[tokio::test]
    async fn a_connection_too_many_is_closed_and_there_is_room_again() {
        use tokio::io::AsyncReadExt;
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address: Authority = endpoint.local_addr().unwrap().to_string().parse().unwrap();
        let platform = TokioPlatform::loopback();
        platform.spawn(endpoint.serve(|| "metrics".to_owned(), || true));
        let mut open = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            open.push(platform.connect(&address).await.unwrap());
        }
        let mut surplus = platform.connect(&address).await.unwrap();
        let read = timeout(Duration::from_secs(5), surplus.read(&mut [0]))
            .await
            .expect("it is closed");
        assert!(read.is_err() || read.is_ok_and(|read| read == 0));
        open.clear();
        let target: Target = address.as_str().parse().unwrap();
        let again = async {
            // The server notices closed connections a little later.
            while get(&target).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), again)
            .await
            .expect("there is room again");
    }
}
