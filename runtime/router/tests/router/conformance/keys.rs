//! Lines 44 and 46: keys of what follows from a message with a key. There is no ledger: what a key is good for is
//! remembered in memory.

use std::sync::{Arc, Mutex};

use crate::support::*;
use squall_router::{Component, ComponentError, Edge, Input, Module, Options, Output, Payload, async_trait};

/// Emits twice on `out`, at once, and keeps the keys of what it is sent.
#[derive(Clone, Default)]
struct Twice(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Component for Twice {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        let key = input.context.key.as_deref().unwrap_or("none");
        self.0.lock().unwrap().push(key.to_owned());
        let (one, other) = tokio::join!(
            output.emit("out", input.data.clone()),
            output.emit("out", input.data)
        );
        Ok(one?.or(other?))
    }
}

/// The keys that `first`, and the two nodes behind it at each of two further levels, are called with.
async fn keys() -> Vec<Vec<String>> {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let levels = [(); 3].map(|()| Twice::default());
    let install = |module: &Module<Memory>, other: &Module<Memory>, node: &str, level: usize, to: &[&str]| {
        let edges = to.iter().map(|to| Edge::new("out", *to)).collect();
        module.install(node, Arc::new(levels[level].clone()), edges);
        other.set_node(node, module.name());
    };
    install(&a, &b, "first", 0, &["left.in", "right.in"]);
    install(&b, &a, "left", 1, &["last.in"]);
    install(&b, &a, "right", 1, &["last.in"]);
    install(&a, &b, "last", 2, &[]);
    let sent = message("first.in").idempotency_key("the run");
    a.scheduler().handle(sent).await.unwrap();
    let mut keys = levels.map(|level| level.0.lock().unwrap().clone());
    keys.iter_mut().for_each(|level| level.sort_unstable());
    keys.into()
}

#[tokio::test(start_paused = true)]
async fn line_44_keys_are_reproducible_distinct_and_of_one_length() {
    let first = keys().await;
    assert_eq!(first, keys().await);
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [1, 4, 8]);
    let mut derived: Vec<_> = first[1..].concat();
    assert!(derived.iter().all(|key| key.len() == 32), "{derived:?}");
    derived.sort_unstable();
    derived.dedup();
    assert_eq!(derived.len(), 12, "two steps have one key");
}

#[tokio::test(start_paused = true)]
async fn line_46_what_comes_again_after_it_was_done_is_skipped_with_all_that_follows_from_it() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = Counted::new(|_| Ok(Some(json("7"))));
    place(&b, &[&a], "step", Pass, &[("out", "next.in")]);
    place(&a, &[&b], "next", counted, &[]);
    for _ in 0..3 {
        let sent = message("step.in").idempotency_key("k");
        assert_eq!(a.scheduler().handle(sent).await.unwrap(), Some(json("7")));
    }
    assert_eq!(count(&calls), 1);
    ask(&a, "step.in").await.unwrap();
    assert_eq!(count(&calls), 2, "without the key it is another step");
}
