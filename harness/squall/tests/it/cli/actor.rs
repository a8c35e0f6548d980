//! `squall actor`, against a node on real sockets.

use std::sync::Arc;
use std::time::Duration;

use squall_cluster::{Actor, BoxError, Context, HistoryError, Next, System, TimeTravel, async_trait};
use squall_platform::TokioPlatform;
use squall_transport::{Node, Server};

use super::{err, out, squall};

/// Adds up numbers.
struct Sum(i64);

#[async_trait]
impl Actor<serde_json::Value> for Sum {
    async fn handle(
        &mut self,
        event: serde_json::Value,
        _: &mut Context<'_, serde_json::Value>,
    ) -> Result<Next, BoxError> {
        match event.as_i64() {
            Some(0) => Ok(Next::Ignored),
            Some(number) if number < 0 => Ok(Next::Rejected(format!("{number} is negative"))),
            Some(number) => {
                self.0 += number;
                Ok(Next::Handled)
            }
            None => Err("no number".into()),
        }
    }
}

/// The past of one instance: its state is its step.
struct Past;

#[async_trait]
impl TimeTravel for Past {
    async fn state_at(&self, id: &str, step: i64) -> Result<bytes::Bytes, HistoryError> {
        match (id, step) {
            ("sum-1", -1..3) => Ok(format!("{{\"step\":{step},\"large\":18446744073709551616}}").into()),
            ("sum-1", _) => Err(HistoryError::OutOfRange {
                id: id.to_owned(),
                step,
                first: -1,
                last: 2,
            }),
            _ => Err(HistoryError::NotFound { id: id.to_owned() }),
        }
    }

    async fn steps(&self, _: &str) -> Result<Vec<i64>, HistoryError> {
        Ok(vec![0, 1, 2])
    }
}

/// Runs `squall actor` with these words, against a node that lives as long as the test.
fn with_a_node(test: impl FnOnce(&dyn Fn(&[&str]) -> (Option<i32>, String, String))) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let address = runtime.block_on(async {
        let platform = TokioPlatform::new();
        let system = System::<serde_json::Value>::builder(platform, "node-b")
            .behaviour("sum", |_| Ok(Sum(0)))
            .build();
        let node = Node::builder(platform)
            .endpoint(Arc::new(system))
            .time_travel(Arc::new(Past))
            .build();
        let server = Server::bind(platform, 0, node).await.expect("a free port");
        let port = server.local_addr().port();
        tokio::spawn(server.run_until(std::future::pending(), Duration::ZERO));
        format!("127.0.0.1:{port}")
    });
    test(&|words| {
        let place = ["--node", "node-b", "--address", &address];
        let output = squall(&[&["actor"], words, &place[..]].concat());
        (output.status.code(), out(&output), err(&output))
    });
    runtime.shutdown_background();
}

#[test]
fn an_actor_is_spawned_gets_events_and_says_what_it_did() {
    with_a_node(|actor| {
        let spawned = actor(&["spawn", "sum", "sum-1", "{\"from\":1}"]);
        let reference = "{\"ID\":\"sum-1\",\"SystemID\":\"\",\"Src\":\"sum\",\"Node\":\"node-b\"}\n";
        assert_eq!(spawned, (Some(0), reference.to_owned(), String::new()));
        for (event, said) in [
            ("5", "{\"delivered\":true,\"outcome\":\"handled\"}\n"),
            ("0", "{\"delivered\":true,\"outcome\":\"ignored\"}\n"),
            (
                "-1",
                "{\"delivered\":true,\"outcome\":\"rejected\",\"reason\":\"-1 is negative\"}\n",
            ),
        ] {
            let delivered = actor(&["deliver", "sum-1", event, "--message-id", event]);
            assert_eq!(delivered, (Some(0), said.to_owned(), String::new()), "{event}");
        }
    });
}

#[test]
fn what_fails_has_an_exit_code_and_a_reason() {
    with_a_node(|actor| {
        let (code, _, why) = actor(&["deliver", "sum-7", "1"]);
        assert_eq!(
            (code, why.as_str()),
            (Some(1), "error: no actor 'sum-7@node-b' runs there\n")
        );
        let (code, _, why) = actor(&["spawn", "product", "p-1"]);
        assert_eq!(code, Some(1));
        assert!(why.contains("it has no behaviour 'product'"), "{why}");
        let (code, _, why) = actor(&["deliver", "sum-1", "{"]);
        assert_eq!(code, Some(2));
        assert!(why.contains("not JSON"), "{why}");
        let (code, _, why) = actor(&["spawn", "sum", "sum-2", "[1]"]);
        assert_eq!(
            (code, why.as_str()),
            (Some(2), "error: the input must be a JSON object\n")
        );
    });
    let words = [
        "actor",
        "steps",
        "sum-1",
        "--node",
        "n",
        "--address",
        "127.0.0.1:1",
    ];
    let output = squall(&words);
    assert_eq!(output.status.code(), Some(4), "{}", err(&output));
}

#[test]
fn the_past_is_printed_as_it_was_sent() {
    with_a_node(|actor| {
        let (code, state, _) = actor(&["state-at", "sum-1", "-1"]);
        assert_eq!(
            (code, state.as_str()),
            (Some(0), "{\"step\":-1,\"large\":18446744073709551616}\n")
        );
        assert_eq!(actor(&["steps", "sum-1"]).1, "[0,1,2]\n");
        let (code, _, why) = actor(&["state-at", "sum-1", "9"]);
        assert_eq!(code, Some(1));
        assert!(why.contains('9') && why.contains('2'), "{why}");
        let (code, _, why) = actor(&["state-at", "other", "0"]);
        assert_eq!(code, Some(1));
        assert!(why.contains("other"), "{why}");
    });
}
