//! Calls, when nothing goes wrong.

use std::net::Ipv4Addr;
use std::time::Duration;

use squall_echo::{EchoClient, EchoServer, Line, Parrot, line};
use squall_sim::EngineKind;
use squall_site::{Names, Site};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

use super::support::{
    ALL_KINDS, Outcome, all_kinds, channel, config, endpoint, host, on_host, serve, simulate, until,
};

#[test]
fn all_kinds_of_calls_are_answered_on_simulated_hosts() {
    for engine in EngineKind::ALL {
        let mut config = config();
        config.engine = engine;
        let finished = squall_sim::run(config, |sim| async move {
            host(&sim, "server", serve);
            on_host(&sim, "client", |site| async move {
                all_kinds(EchoClient::new(channel(&site))).await
            })
            .await
        });
        assert_eq!(finished.expect("the run ends").value, ALL_KINDS);
    }
}

#[tokio::test]
async fn all_kinds_of_calls_are_answered_on_real_sockets() {
    let names = Names::new();
    names.set_port("server", 50051, (Ipv4Addr::LOCALHOST, 0).into());
    let (server, client) = (Site::real("server", names.clone()), Site::real("client", names));
    let incoming = server.listen(50051).await.expect("a free port");
    server.spawn(async move {
        let server = Server::builder().add_service(EchoServer::new(Parrot));
        server.serve_with_incoming(incoming).await.expect("it serves");
    });
    let endpoint = endpoint().timeout(Duration::from_secs(30));
    let channel = endpoint.connect_with_connector_lazy(client.connector());
    assert_eq!(all_kinds(EchoClient::new(channel)).await, ALL_KINDS);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digest = || {
        simulate(|sim| async move {
            host(&sim, "server", serve);
            on_host(&sim, "client", |site| async move {
                all_kinds(EchoClient::new(channel(&site))).await
            })
            .await;
        })
        .digest
    };
    assert_eq!(digest(), digest());
}

/// A server with health beside echo, which knows a password.
async fn serve_several(site: Site) -> Outcome<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<EchoServer<Parrot>>().await;
    let secret = |request: Request<()>| match request.metadata().get("password") {
        Some(it) if it == "parsley" => Ok(request),
        _ => Err(Status::unauthenticated("what is the password?")),
    };
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(2)))
        .http2_keepalive_timeout(Some(Duration::from_secs(1)))
        .add_service(health)
        .add_service(InterceptedService::new(EchoServer::new(Parrot), secret))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

#[test]
fn several_services_and_an_interceptor_are_served_by_one_process() {
    let said = simulate(|sim| async move {
        host(&sim, "server", serve_several);
        on_host(&sim, "client", |site| async move {
            let channel = channel(&site);
            let mut health = HealthClient::new(channel.clone());
            let service = "squall.echo.Echo".to_owned();
            let health = health.check(HealthCheckRequest { service }).await;
            let health = health.expect("an answer").into_inner().status();
            let refused = EchoClient::new(channel.clone()).say(line("hello")).await;
            let with_password = |mut request: Request<()>| {
                let password = "parsley".parse().expect("a value");
                request.metadata_mut().insert("password", password);
                Ok(request)
            };
            let mut client = EchoClient::with_interceptor(channel, with_password);
            let answer = client.say(line("hello")).await;
            (
                health,
                refused.expect_err("no password").code(),
                answer.expect("an answer").into_inner().text,
            )
        })
        .await
    });
    let expected = (ServingStatus::Serving, Code::Unauthenticated, "hello".to_owned());
    assert_eq!(said.value, expected);
}

#[test]
fn keepalive_finds_out_that_a_process_hangs() {
    simulate(|sim| async move {
        let server = host(&sim, "server", serve_several);
        let director = sim.clone();
        on_host(&sim, "client", move |site| async move {
            let endpoint = endpoint()
                .timeout(Duration::from_secs(60))
                .http2_keep_alive_interval(Duration::from_secs(2))
                .keep_alive_timeout(Duration::from_secs(1))
                .keep_alive_while_idle(true);
            let channel = endpoint.connect_with_connector(site.connector()).await;
            let mut health = HealthClient::new(channel.expect("the server is there"));
            until(&director, 30_000).await;
            let check = |service: &str| HealthCheckRequest {
                service: service.to_owned(),
            };
            assert!(health.check(check("")).await.is_ok(), "pings were answered");
            // Its kernel goes on: a connection that nobody pings is not found to be dead.
            director.pause(server);
            let before = director.now();
            let hung = health.check(check("")).await.expect_err("nobody answers");
            let took = director.now() - before;
            assert_eq!(hung.code(), Code::Unavailable, "{hung}");
            assert!(took <= Duration::from_secs(4), "{took:?}");
        })
        .await;
    });
}

#[test]
fn a_timeout_of_an_endpoint_counts_virtual_time() {
    let (code, took) = simulate(|sim| async move {
        host(&sim, "server", serve);
        let director = sim.clone();
        on_host(&sim, "client", |site| async move {
            let mut client = EchoClient::new(channel(&site));
            client.say(line("")).await.expect("an answer");
            let before = director.now();
            let slow = Line {
                wait_ms: 5_000,
                ..line("")
            };
            let late = client.say(slow).await.expect_err("it takes too long");
            (late.code(), director.now() - before)
        })
        .await
    })
    .value;
    assert!(
        matches!(code, Code::Cancelled | Code::DeadlineExceeded),
        "{code:?}"
    );
    assert_eq!(took, Duration::from_secs(1));
}

#[test]
fn a_handler_is_told_of_its_peer() {
    let peers = simulate(|sim| async move {
        let seen = super::support::Notes::default();
        let noted = seen.clone();
        host(&sim, "server", move |site| {
            let noted = noted.clone();
            async move {
                let look = move |request: Request<()>| {
                    noted.add(request.remote_addr().expect("an address").ip().to_string());
                    Ok(request)
                };
                Server::builder()
                    .add_service(EchoServer::with_interceptor(Parrot, look))
                    .serve_with_incoming(site.listen(50051).await?)
                    .await?;
                Ok(())
            }
        });
        on_host(&sim, "client", |site| async move {
            let mut client = EchoClient::new(channel(&site));
            client.say(line("")).await.expect("an answer");
        })
        .await;
        let client = sim.host("client").expect("it is there");
        (seen.between(0, 1_000), sim.address(client).to_string())
    })
    .value;
    assert_eq!(peers.0, [peers.1]);
}
