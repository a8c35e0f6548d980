//! Lines 38 and 41: components that come and go, and the list of their ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::*;
use squall_router::{Component, ComponentError, Input, Options, Output, Payload, async_trait};

#[tokio::test(start_paused = true)]
async fn line_38_a_node_can_be_installed_at_run_time_and_is_gone_once() {
    let module = alone(Options::default());
    let error = ask(&module, "late.in").await.expect_err("nobody has it");
    assert_eq!(error.to_string(), "no module found for node: late");
    place(&module, &[], "late", Constant(Some("1")), &[]);
    assert_eq!(ask(&module, "late.in").await.unwrap(), Some(json("1")));
    // A name that is taken is taken over: an instance is replaced by its successor.
    place(&module, &[], "late", Constant(Some("2")), &[]);
    assert_eq!(ask(&module, "late.in").await.unwrap(), Some(json("2")));
    assert!(module.uninstall("late"));
    assert!(!module.uninstall("late"), "a second time");
    assert!(!module.uninstall(""), "the empty name");
    let error = ask(&module, "late.in").await.expect_err("it is gone");
    assert_eq!(error.to_string(), "instance not found: late");
}

/// Has the port `late` once it is open, and counts how often it is asked.
#[derive(Clone, Default)]
struct Asked {
    open: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
}

#[async_trait]
impl Component for Asked {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(Some(input.data))
    }

    fn ports(&self) -> Option<Vec<String>> {
        self.times.fetch_add(1, Ordering::SeqCst);
        let late = self.open.load(Ordering::SeqCst).then(|| "late".to_owned());
        Some(["in".to_owned()].into_iter().chain(late).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn line_41_the_list_of_ports_is_kept_until_it_is_refreshed_or_the_node_is_updated() {
    let module = alone(Options::default());
    let node = Asked::default();
    place(&module, &[], "node", node.clone(), &[]);
    let asked = count(&node.times);
    for _ in 0..10 {
        ask(&module, "node.in").await.unwrap();
    }
    assert_eq!(count(&node.times), asked, "nobody asks for each message");

    node.open.store(true, Ordering::SeqCst);
    let not_ready = "port late not ready on node node";
    let error = ask(&module, "node.late").await.expect_err("nobody has looked");
    assert_eq!(error.to_string(), not_ready);
    module.refresh_ports("node");
    assert_eq!(ask(&module, "node.late").await.unwrap(), Some(json("1")));

    node.open.store(false, Ordering::SeqCst);
    assert_eq!(
        ask(&module, "node.late").await.unwrap(),
        Some(json("1")),
        "as it was"
    );
    module.update("node", Vec::new(), json("{}")).await.unwrap();
    let error = ask(&module, "node.late")
        .await
        .expect_err("the update has looked");
    assert_eq!(error.to_string(), not_ready);
}
