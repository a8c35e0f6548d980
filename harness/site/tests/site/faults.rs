//! Kills, restarts and pauses of hosts whose tasks are tonic's and the service's own.

use std::time::Duration;

use squall_echo::{EchoClient, Line, line};
use squall_sim::{HostOptions, Left, Sim};
use squall_site::Site;
use tokio::time::sleep;
use tonic::Code;

use super::support::{Notes, Outcome, channel, endpoint, host, on_host, serve, simulate, until};

/// A server that notes whom it serves, in place of [`serve`].
async fn serve_noting(site: Site, notes: Notes) -> Outcome<()> {
    use squall_echo::{EchoServer, Parrot};
    let note = move |request: tonic::Request<()>| {
        let from = request.metadata().get("from").and_then(|it| it.to_str().ok());
        notes.add(from.unwrap_or("nobody"));
        Ok(request)
    };
    tonic::transport::Server::builder()
        .add_service(EchoServer::with_interceptor(Parrot, note))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

/// Calls each second, from a loop that `tokio::spawn` has started, and notes errors.
async fn call_each_second(site: Site, incarnation: u32, own: Notes) -> Outcome<()> {
    let from = move |mut request: tonic::Request<()>| {
        let name = format!("#{incarnation}").parse().expect("a value");
        request.metadata_mut().insert("from", name);
        Ok(request)
    };
    let mut client = EchoClient::with_interceptor(channel(&site), from);
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            if let Err(status) = client.say(line("hello")).await {
                own.add(format!("#{incarnation} {:?}", status.code()));
            }
        }
    });
    std::future::pending().await
}

/// A server that notes, and a client that calls it each second, and that is struck.
fn struck<F>(strike: impl FnOnce(Sim, squall_sim::HostId) -> F + Send + 'static) -> (Notes, Notes, u64)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (heard, own) = (Notes::default(), Notes::default());
    let (hears, noted) = (heard.clone(), own.clone());
    let finished = simulate(move |sim| async move {
        host(&sim, "server", move |site| serve_noting(site, hears.clone()));
        let client = sim.add_host_with("client", HostOptions::new().adopting(), move |process| {
            let incarnation = process.incarnation();
            let calls = call_each_second(Site::simulated(process), incarnation, noted.clone());
            async move { calls.await.map_err(|error| error.to_string()) }
        });
        sim.start(client);
        strike(sim, client).await;
    });
    (heard, own, finished.digest)
}

#[test]
fn a_loop_of_tokio_spawn_calls_nobody_after_its_host_was_killed() {
    for end in [Sim::kill, Sim::crash] {
        let run = move || {
            struck(move |sim, client| async move {
                until(&sim, 3_500).await;
                end(&sim, client);
                until(&sim, 10_250).await;
                sim.start(client);
                until(&sim, 13_500).await;
                assert_eq!(
                    Left {
                        adopted: 0,
                        ..sim.left_behind()
                    },
                    Left::default()
                );
            })
        };
        let (heard, own, digest) = run();
        assert_eq!(heard.between(0, 3_500), ["#0"; 3]);
        assert_eq!(heard.between(3_500, 13_500), ["#1"; 3], "its successor");
        assert_eq!(own.all(), [], "the old loop waits in its call");
        assert_eq!(run().2, digest);
    }
}

#[test]
fn a_paused_host_calls_nobody_and_goes_on_afterwards() {
    let (heard, own, _) = struck(|sim, client| async move {
        until(&sim, 2_500).await;
        sim.pause(client);
        until(&sim, 7_500).await;
        sim.resume(client);
        until(&sim, 10_250).await;
    });
    assert_eq!(heard.between(0, 2_500), ["#0"; 2]);
    assert_eq!(heard.between(2_500, 7_500), [""; 0]);
    assert!(heard.between(7_500, 10_250).len() >= 3, "{:?}", heard.all());
    // tokio's timers go on meanwhile: its calls have timed out, unseen.
    assert!(
        own.all().iter().all(|(_, line)| line == "#0 Cancelled"),
        "{:?}",
        own.all()
    );
}

#[test]
fn a_channel_connects_again_to_a_server_that_was_restarted() {
    let codes = simulate(|sim| async move {
        let server = host(&sim, "server", serve);
        let director = sim.clone();
        on_host(&sim, "client", move |site| async move {
            let mut client = EchoClient::new(channel(&site));
            let mut codes = Vec::new();
            for second in 1..=5 {
                until(&director, second * 1_000).await;
                match second {
                    2 => director.kill(server),
                    4 => director.start(server),
                    _ => {}
                }
                // The server listens, and the client has heard of its end.
                sleep(Duration::from_millis(20)).await;
                let answer = client.say(line("")).await;
                codes.push(answer.map_or_else(|status| status.code(), |_| Code::Ok));
            }
            codes
        })
        .await
    });
    let (up, down) = (Code::Ok, Code::Unavailable);
    assert_eq!(codes.value, [up, down, down, up, up]);
}

#[test]
fn a_stream_ends_with_an_error_when_its_server_is_killed() {
    let (letters, code, at) = simulate(|sim| async move {
        let server = host(&sim, "server", serve);
        let director = sim.clone();
        on_host(&sim, "client", move |site| async move {
            let endpoint = endpoint().timeout(Duration::from_secs(60));
            let channel = endpoint.connect_with_connector_lazy(site.connector());
            let slowly = Line {
                wait_ms: 1_000,
                ..line("abcdefgh")
            };
            let answer = EchoClient::new(channel).spell(slowly).await;
            let mut stream = answer.expect("letters").into_inner();
            let mut letters = String::new();
            loop {
                match stream.message().await {
                    Ok(letter) => letters += &letter.expect("it does not end in order").text,
                    Err(status) => return (letters, status.code(), director.now()),
                }
                if letters.len() == 3 {
                    director.kill(server);
                }
            }
        })
        .await
    })
    .value;
    assert_eq!(letters, "abc");
    assert!(
        matches!(code, Code::Unavailable | Code::Unknown | Code::Internal),
        "{code:?}"
    );
    assert!((3_000..3_100).contains(&at.as_millis()), "{at:?}");
}

#[test]
fn tasks_of_a_site_end_at_the_instant_of_death() {
    simulate(|sim| async move {
        host(&sim, "server", serve);
        let client = host(&sim, "client", |site| async move {
            let mut client = EchoClient::new(channel(&site));
            let timer = site.clone();
            site.spawn(async move {
                loop {
                    timer.sleep(Duration::from_micros(1_500)).await;
                    let _ = client.say(line("")).await;
                }
            });
            std::future::pending().await
        });
        until(&sim, 1_000).await;
        sim.kill(client);
        until(&sim, 1_001).await;
        assert_eq!(sim.left_behind(), Left::default());
    });
}

#[test]
fn who_calls_through_a_channel_on_a_sites_executor_sees_nothing_of_its_death() {
    let own = Notes::default();
    let noted = own.clone();
    let left = simulate(move |sim| async move {
        host(&sim, "server", serve);
        let client = host(&sim, "client", move |site| {
            let own = noted.clone();
            async move {
                let endpoint = endpoint().executor(site.executor());
                let mut client = EchoClient::new(endpoint.connect_with_connector_lazy(site.connector()));
                tokio::spawn(async move {
                    loop {
                        match client.say(line("")).await {
                            Ok(_) => own.add("answered"),
                            Err(status) => own.add(status.to_string()),
                        }
                    }
                });
                std::future::pending().await
            }
        });
        until(&sim, 1_000).await;
        sim.kill(client);
        until(&sim, 5_000).await;
        sim.left_behind()
    });
    assert!(own.between(0, 1_001).iter().all(|it| it == "answered"));
    assert_eq!(
        own.between(1_001, 5_000).len(),
        1,
        "its last call times out: tokio's timers go on"
    );
    let Left { adopted, .. } = left.value;
    assert!(
        adopted >= 2,
        "the loop, and the channel that it waits for: {adopted}"
    );
}

#[test]
fn tasks_of_a_killed_server_end_at_that_instant() {
    simulate(|sim| async move {
        let server = host(&sim, "server", serve);
        on_host(&sim, "client", move |site| async move {
            let mut client = EchoClient::new(channel(&site));
            client.say(line("")).await.expect("an answer");
            let late = Line {
                wait_ms: 500,
                ..line("")
            };
            tokio::spawn(async move { client.say(late).await });
            sleep(Duration::from_millis(100)).await;
        })
        .await;
        sim.kill(server);
        sleep(Duration::from_millis(1)).await;
        // Even the handler that sleeps: its stream is reset with its connection.
        assert_eq!(sim.left_behind(), Left::default());
    });
}

#[test]
fn a_site_is_found_where_none_is_handed_on() {
    simulate(|sim| async move {
        let name = on_host(&sim, "shop", |_| async move {
            let in_task = tokio::spawn(async { Site::here().map(|site| site.name().to_owned()) });
            in_task.await.expect("it ends")
        })
        .await;
        assert_eq!(name.as_deref(), Some("shop"));
        assert!(Site::here().is_none(), "the director is on no host");
    });
}
