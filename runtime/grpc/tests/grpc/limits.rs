//! What a client can exhaust, and what it is refused: each beside one that asks for little and is served.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use squall_grpc::{
    Accept, Connections, Ledger, Limits, Outcome, Refusal, STREAM_WINDOW, Serving, Tonic, Trouble, accept,
};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, Listener, OwnedTask, Platform};
use squall_proto::provider::module_executor_server::{ModuleExecutor, ModuleExecutorServer};
use squall_proto::provider::{ExecuteRequest, ExecuteResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Response, Status};

use crate::support::{Echo, PATH, ask, asked, channel};

pub(crate) const S: Duration = Duration::from_secs(1);

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: Authority,
    ledger: Arc<Ledger>,
    _task: OwnedTask,
}

impl Server {
    pub(crate) async fn start(
        network: &Network,
        limits: Limits,
        service: impl squall_grpc::Service + Sync,
    ) -> Self {
        let host = network.host();
        let mut listener = host.bind(0).await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let ledger = Arc::new(Ledger::new("server"));
        let mut connections = Connections::counted(Arc::clone(&ledger));
        let platform = host.clone();
        let task = host.spawn(async move {
            let serving = Serving {
                limits,
                ..Serving::default()
            };
            let accepting = Accept {
                platform: &platform,
                serving,
                service,
                going_away: || None::<std::future::Ready<()>>,
            };
            accept(&mut listener, accepting, &mut connections).await;
        });
        Server {
            address,
            ledger,
            _task: task.into(),
        }
    }

    /// What was refused, of all kinds.
    pub(crate) fn refused(&self) -> Vec<(&'static str, u64)> {
        let counts = Refusal::ALL.map(|it| (it.as_str(), self.ledger.refused(it)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) async fn serves(&self, network: &Network) {
        let answer = ask(&channel(network, &self.address), "hello").await.0;
        assert_eq!(answer.unwrap(), "hello");
    }
}

/// A client that takes so many bytes of each answer at first, and gives them back as it reads.
pub(crate) async fn dial(network: &Network, server: &Server, window: u32) -> SendRequest<Bytes> {
    let stream = network.host().connect(&server.address).await.unwrap();
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .handshake(stream)
        .await
        .unwrap();
    network.host().spawn(async move { drop(connection.await) });
    requests
}

fn head() -> http::request::Builder {
    Request::post(format!("http://peer{PATH}")).header("content-type", "application/grpc")
}

pub(crate) async fn send(requests: &SendRequest<Bytes>, text: &str) -> ResponseFuture {
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, mut body) = requests.send_request(head().body(()).unwrap(), false).unwrap();
    body.send_data(asked(text), true).unwrap();
    answer
}

/// The status of an answer that is nothing else.
async fn status(answer: ResponseFuture) -> Status {
    let answer = answer.await.unwrap();
    Status::from_header_map(answer.headers()).expect("a status alone")
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Echo::after(Duration::ZERO)).await;
    let begun = Instant::now();
    let silent = (0..5).map(|sent| {
        let (host, to) = (network.host(), server.address.clone());
        async move {
            let mut stream = host.connect(&to).await.unwrap();
            stream.write_all(&b"PRI * HTTP/2.0\r\n"[..sent]).await.unwrap();
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
        }
    });
    timeout(60 * S, join_all(silent))
        .await
        .expect("they are hung up on");
    assert_eq!(begun.elapsed(), Limits::default().handshake);
    assert_eq!(server.refused(), [("handshake", 5)]);
    server.serves(&network).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_many_is_closed_at_once_and_there_is_room_again() {
    let network = Network::default();
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(10 * S)).await;
    let one = dial(&network, &server, STREAM_WINDOW).await;
    let two = dial(&network, &server, STREAM_WINDOW).await;
    let (first, second) = (send(&one, "hello").await, send(&two, "hello").await);
    // Both are in use.
    sleep(S).await;
    let (refused, progress) = ask(&channel(&network, &server.address), "hello").await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    assert_eq!(progress.outcome_if_lost(), Outcome::Failed, "it never left");
    assert!(server.ledger.refused(Refusal::Connection) > 0);
    assert_eq!(server.ledger.refused(Refusal::Idle), 0);
    first.await.unwrap();
    drop(one);
    sleep(S).await;
    server.serves(&network).await;
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_uses_make_room_and_lock_nobody_out() {
    let network = Network::default();
    let limits = Limits {
        connections: 3,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(Duration::ZERO)).await;
    let used = channel(&network, &server.address);
    assert_eq!(ask(&used, "hello").await.0.unwrap(), "hello");
    let idle = dial(&network, &server, STREAM_WINDOW).await;
    let silent = network.host().connect(&server.address).await.unwrap();
    for _ in 0..20 {
        sleep(10 * S).await;
        assert_eq!(ask(&used, "hello").await.0.unwrap(), "hello");
        server.serves(&network).await;
    }
    let refused: Vec<_> = server.refused();
    assert_eq!(server.ledger.refused(Refusal::Connection), 0, "{refused:?}");
    assert!(server.ledger.refused(Refusal::Idle) > 0, "{refused:?}");
    let again = idle.ready().await.map(drop);
    assert!(
        again.is_err_and(|error| error.is_go_away()),
        "it was asked to leave"
    );
    assert_eq!(network.dials(&server.address), 2 + 1 + 20, "who is used stays");
    drop(silent);
}

/// A request is sent some turns before or after a connection comes for which its own is to make room: it is served, once.
/// So is the next one. Gives how many connections were dialled for each of the two.
async fn asked_while_another_one_comes(ahead: usize, behind: usize) -> [usize; 2] {
    let network = Network::default();
    let limits = Limits {
        connections: 16,
        ..Limits::default()
    };
    let echo = Echo::after(Duration::ZERO);
    let server = Server::start(&network, limits, echo.clone()).await;
    let used = channel(&network, &server.address);
    assert_eq!(ask(&used, "first").await.0.unwrap(), "first");
    // Of all others a request is in the works, which takes its time to arrive.
    let mut busy = vec![];
    for _ in 1..16 {
        let mut requests = dial(&network, &server, STREAM_WINDOW).await;
        let begun = requests.send_request(head().body(()).unwrap(), false).unwrap();
        busy.push((requests, begun));
    }
    sleep(S).await;
    let before = network.dials(&server.address);
    let in_turn = |turns| async move {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    let request = async {
        in_turn(behind).await;
        ask(&used, "crossing").await.0
    };
    let other = async {
        in_turn(ahead).await;
        dial(&network, &server, STREAM_WINDOW).await
    };
    let (answer, other) = tokio::join!(request, other);
    let case = format!("{ahead} turns ahead, {behind} behind");
    assert_eq!(answer.expect(&case), "crossing", "{case}");
    sleep(S).await;
    let dialled = || network.dials(&server.address) - before - 1;
    let crossing = dialled();
    assert!(
        server.ledger.refused(Refusal::Idle) > 0,
        "{case}: it was asked to leave"
    );
    assert_eq!(server.ledger.refused(Refusal::Connection), 0, "{case}");
    assert_eq!(ask(&used, "later").await.0.expect(&case), "later", "{case}");
    assert_eq!(echo.served.load(Ordering::SeqCst), 3, "{case}: each once");
    drop(other);
    [crossing, dialled() - crossing]
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_on_a_connection_that_makes_room_at_that_moment_is_served_and_the_next_on_another_one()
{
    let mut seen = std::collections::BTreeSet::new();
    for turns in 0..24 {
        seen.insert(asked_while_another_one_comes(turns, 0).await);
        seen.insert(asked_while_another_one_comes(0, turns).await);
    }
    let seen: Vec<_> = seen.into_iter().collect();
    // Request and GOAWAY have crossed, or GOAWAY was there before.
    assert_eq!(seen, [[0, 1], [1, 0]]);
}

/// Notes whose requests are begun with, in what order.
#[derive(Clone, Default)]
struct Order(Arc<std::sync::Mutex<Vec<bool>>>);

impl squall_grpc::Service for Order {
    fn call(&self, request: Request<squall_grpc::Incoming>) -> squall_grpc::Answer {
        let is_good = request.headers().contains_key("good");
        self.0.lock().unwrap().push(is_good);
        Box::pin(std::future::ready(Status::unimplemented("").into_http()))
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_thousand_at_once_is_not_served_before_one_who_asks_for_one() {
    let network = Network::default();
    let order = Order::default();
    let server = Server::start(&network, Limits::default(), order.clone()).await;
    let flood = dial(&network, &server, STREAM_WINDOW).await;
    let good = dial(&network, &server, STREAM_WINDOW).await;
    // Both have shaken hands.
    sleep(S).await;
    let ask = |requests: &SendRequest<Bytes>, head: http::request::Builder| {
        let mut requests = requests.clone();
        requests.send_request(head.body(()).unwrap(), true).unwrap().0
    };
    let many: Vec<_> = (0..1000).map(|_| ask(&flood, head())).collect();
    let one = ask(&good, head().header("good", "yes"));
    assert_eq!(status(one).await.code(), Code::Unimplemented);
    let before = order.0.lock().unwrap().iter().take_while(|good| !**good).count();
    assert!((1..=64).contains(&before), "{before} others came first");
    for answer in many {
        assert_eq!(status(answer).await.code(), Code::Unimplemented);
    }
    assert_eq!(order.0.lock().unwrap().len(), 1001, "all are served");
}

#[tokio::test(start_paused = true)]
async fn one_address_has_as_many_connections_as_it_may_and_no_more() {
    let network = Network::default();
    let limits = Limits {
        address_connections: 2,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(Duration::ZERO)).await;
    let host = network.host();
    let mut open = vec![];
    for _ in 0..3 {
        let mut stream = host.connect(&server.address).await.unwrap();
        stream.write_all(b"PRI").await.unwrap();
        open.push(stream);
    }
    let mut surplus = open.pop().unwrap();
    let read = timeout(S, surplus.read(&mut [0])).await.expect("it is closed");
    assert!(read.is_err() || read.is_ok_and(|read| read == 0));
    assert_eq!(server.refused(), [("address", 1)]);
    drop(open);
    sleep(S).await;
    server.serves(&network).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_arrive_is_given_up_at_its_own_deadline_or_the_servers() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Echo::after(Duration::ZERO)).await;
    let mut requests = dial(&network, &server, STREAM_WINDOW).await;
    for (own, lasts, refused) in [(Some("5S"), 5, 0), (None, 60, 1), (Some("1H"), 60, 2)] {
        let begun = Instant::now();
        let mut request = head();
        if let Some(own) = own {
            request = request.header("grpc-timeout", own);
        }
        let (answer, mut body) = requests.send_request(request.body(()).unwrap(), false).unwrap();
        // A byte each second: it is never silent.
        let dribble = async move {
            body.send_data(Bytes::from_static(&[0, 0, 0, 1, 0]), false)
                .unwrap();
            loop {
                sleep(S).await;
                if body.send_data(Bytes::from_static(&[7]), false).is_err() {
                    return;
                }
            }
        };
        let (status, ()) = tokio::join!(status(answer), dribble);
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(
            status.message(),
            format!("the request did not arrive within {lasts}s of its headers")
        );
        assert!(begun.elapsed() <= (lasts + 2) * S, "{:?}", begun.elapsed());
        assert_eq!(server.ledger.refused(Refusal::Read), refused, "{own:?}");
    }
    assert_eq!(server.ledger.request_bytes(), 0, "nothing is held for them");
    server.serves(&network).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_too_many_for_its_connection_is_refused_and_never_waits() {
    let network = Network::default();
    let limits = Limits {
        streams: 3,
        ..Limits::default()
    };
    let echo = Echo::after(10 * S);
    let server = Server::start(&network, limits, echo.clone()).await;
    let channel = channel(&network, &server.address);
    let begun = Instant::now();
    let calls = (0..5).map(|_| async {
        let answer = ask(&channel, "hello").await.0;
        (answer, begun.elapsed())
    });
    let answers = join_all(calls).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(answer, _)| answer.is_ok());
    assert_eq!((served.len(), refused.len()), (3, 2));
    for (answer, after) in refused {
        let status = answer.unwrap_err();
        assert!(
            matches!(Trouble::of(&status), Some(Trouble::Refused(_))),
            "{status:?}"
        );
        assert!(after < S, "at once: {after:?}");
    }
    // Each was sent again once.
    assert_eq!(server.refused(), [("stream", 4)]);
    assert_eq!(echo.served.load(Ordering::SeqCst), 3);
    assert_eq!(
        ask(&channel, "hello").await.0.unwrap(),
        "hello",
        "there is room again"
    );
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_not_taken_are_thrown_away_and_their_connection_is_closed() {
    let network = Network::default();
    let limits = Limits {
        connection_bytes: 2 << 20,
        ..Limits::default()
    };
    let echo = Echo::after(Duration::ZERO);
    let server = Server::start(&network, limits, echo.clone()).await;
    let greedy = dial(&network, &server, 0).await;
    let large = "x".repeat(900_000);
    let begun = Instant::now();
    let mut held = Vec::new();
    for _ in 0..2 {
        // One by one: their requests count as well, while they are read.
        held.push(send(&greedy, &large).await.await.unwrap());
    }
    let status = status(send(&greedy, &large).await).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(
        status.message(),
        "the answer was thrown away: the limit connection_bytes is reached: answers that were not taken yet hold \
         2097152 bytes of this connection"
    );
    assert!(server.ledger.answer_bytes() > 1_800_000);
    // Small ones are held as well, in HTTP/2's own buffers, until there is hardly room for one.
    let mut small = Vec::new();
    let error = loop {
        match send(&greedy, "small").await.await {
            Ok(answer) => small.push(answer),
            Err(error) => break error,
        }
    };
    assert!((130..170).contains(&small.len()), "{}", small.len());
    assert_eq!(
        error.reason(),
        Some(Reason::REFUSED_STREAM),
        "nobody has begun with it"
    );
    let before = echo.served.load(Ordering::SeqCst);
    for _ in 0..10 {
        send(&greedy, "small").await.await.unwrap_err();
    }
    assert_eq!(echo.served.load(Ordering::SeqCst), before);
    assert_eq!(server.refused(), [("answer_bytes", 12)]);
    server.serves(&network).await;

    let closed = async {
        while greedy.clone().ready().await.is_ok() {
            sleep(S).await;
        }
    };
    timeout(120 * S, closed).await.expect("it is closed");
    assert!(begun.elapsed() >= limits.take);
    let error = held[0].body_mut().data().await.unwrap().unwrap_err();
    assert!(error.is_io(), "its connection is gone: {error:?}");
    assert_eq!(server.ledger.answer_bytes(), 0);
    assert_eq!(server.ledger.refused(Refusal::Take), 1);
    server.serves(&network).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_alone_is_left_waiting_is_given_up_and_its_connection_goes_on() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Echo::after(Duration::ZERO)).await;
    // Less than that of the connection: what is left of that others have.
    let client = dial(&network, &server, 30_000).await;
    let large = "x".repeat(900_000);
    let mut left = send(&client, &large).await.await.unwrap();
    let busy = async {
        for _ in 0..130 {
            sleep(S).await;
            assert!(read(send(&client, &large).await.await.unwrap().into_body()).await > 900_000);
        }
    };
    busy.await;
    let ended = async {
        loop {
            if let Some(Err(error)) = left.body_mut().data().await {
                return error;
            }
        }
    };
    let error = timeout(S, ended).await.expect("it was given up");
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(server.refused(), [("take", 1)]);
    assert_eq!(server.ledger.answer_bytes(), 0);
}

/// Reads an answer to its end, and gives its length.
async fn read(mut answer: h2::RecvStream) -> usize {
    let mut length = 0;
    while let Some(data) = answer.data().await {
        let data = data.unwrap();
        length += data.len();
        answer.flow_control().release_capacity(data.len()).unwrap();
    }
    let trailers: HeaderMap = answer.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    length
}

#[tokio::test(start_paused = true)]
async fn who_takes_answers_slowly_gets_all_of_them() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Echo::after(Duration::ZERO)).await;
    let client = dial(&network, &server, 16 * 1024).await;
    let begun = Instant::now();
    let large = "x".repeat(900_000);
    let answers = (0..3).map(|_| async {
        let mut answer = send(&client, &large).await.await.unwrap().into_body();
        let mut length = 0;
        while let Some(data) = answer.data().await {
            let data = data.unwrap();
            // 13 kbit/s of each.
            sleep(Duration::from_millis(data.len() as u64 * 10 / 16)).await;
            length += data.len();
            answer.flow_control().release_capacity(data.len()).unwrap();
        }
        length
    });
    for length in join_all(answers).await {
        assert!(length > 900_000);
    }
    assert!(begun.elapsed() > 500 * S, "{:?}", begun.elapsed());
    assert_eq!(server.refused(), []);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_little_is_served_while_others_hold_all_there_is() {
    let network = Network::default();
    let limits = Limits {
        server_bytes: 1 << 20,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(Duration::ZERO)).await;
    let greedy = dial(&network, &server, 0).await;
    let large = "x".repeat(900_000);
    let _held = send(&greedy, &large).await.await.unwrap();
    let more = dial(&network, &server, 0).await;
    let status = status(send(&more, &large).await).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    server.serves(&network).await;
    assert_eq!(server.refused(), [("answer_bytes", 1)]);
}

#[tokio::test(start_paused = true)]
async fn requests_hold_memory_as_they_come_and_no_more_than_is_permitted() {
    let network = Network::default();
    let limits = Limits {
        connection_bytes: 1 << 20,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(Duration::ZERO)).await;
    let mut requests = dial(&network, &server, STREAM_WINDOW).await;
    let mut open = Vec::new();
    for _ in 0..200 {
        // A message of 1 MB is announced, and does not come.
        let (answer, mut body) = requests.send_request(head().body(()).unwrap(), false).unwrap();
        body.send_data(Bytes::from_static(&[0, 0, 0x0f, 0, 0]), false)
            .unwrap();
        open.push((answer, body));
    }
    sleep(S).await;
    assert!(
        server.ledger.request_bytes() <= 200 * 16,
        "{}",
        server.ledger.request_bytes()
    );
    assert_eq!(server.refused(), []);
    // Now it comes, of all of them.
    for (_, body) in &mut open {
        body.send_data(vec![7; 10_000].into(), false).unwrap();
    }
    sleep(S).await;
    assert!(server.ledger.request_bytes() <= limits.connection_bytes);
    assert!(server.ledger.refused(Refusal::RequestBytes) > 50);
    server.serves(&network).await;
    drop((open, requests));
    sleep(S).await;
    assert_eq!(server.ledger.request_bytes(), 0);
}

/// tonic's codec, behind [`Tonic`].
struct Counting;

#[tonic::async_trait]
impl ModuleExecutor for Counting {
    async fn execute(&self, _: tonic::Request<ExecuteRequest>) -> Result<Response<ExecuteResponse>, Status> {
        Ok(Response::new(ExecuteResponse::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_service_of_tonics_a_message_that_has_begun_has_to_arrive() {
    let network = Network::default();
    let service = Tonic(ModuleExecutorServer::new(Counting));
    let server = Server::start(&network, Limits::default(), service).await;
    let mut requests = dial(&network, &server, STREAM_WINDOW).await;
    let begun = Instant::now();
    let (answer, mut body) = requests.send_request(head().body(()).unwrap(), false).unwrap();
    body.send_data(Bytes::from_static(&[0, 0, 0x3f, 0, 0]), false)
        .unwrap();
    assert_eq!(status(answer).await.code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed(), 60 * S);
    assert_eq!(server.refused(), [("read", 1)]);
    let (answer, mut body) = requests.send_request(head().body(()).unwrap(), false).unwrap();
    let whole = asked("hello");
    body.send_data(whole.slice(..7), false).unwrap();
    sleep(S).await;
    body.send_data(whole.slice(7..), true).unwrap();
    read(answer.await.unwrap().into_body()).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_without_descriptors_says_so_does_not_spin_and_goes_on() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Echo::after(Duration::ZERO)).await;
    network.starve(&server.address, 5);
    let begun = Instant::now();
    let client: Memory = network.host();
    drop(client.connect(&server.address).await.unwrap());
    server.serves(&network).await;
    assert_eq!(server.refused(), [("accept", 5)]);
    // Twice as long each time.
    assert_eq!(
        begun.elapsed(),
        Duration::from_millis(100 + 200 + 400 + 800 + 1600)
    );
}
