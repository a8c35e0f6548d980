//! Edges: what an emission takes to succeed, what goes along them, and what becomes of it when they change.

use std::sync::Arc;

use crate::support::*;
use squall_platform::Platform;
use squall_router::{
    Component, ComponentError, Edge, Emission, Input, Module, Options, Output, Payload, Policy, async_trait,
};

/// A module with `pass`, whose port `out` leads to these nodes.
fn fan_out(edges: Vec<Edge>) -> Module<impl Platform> {
    let module = alone(Options::default());
    module.install("pass", Arc::new(Pass), edges);
    place(&module, &[], "good", Constant(Some("\"good\"")), &[]);
    place(&module, &[], "late", Slow(ms(50), "\"late\""), &[]);
    place(&module, &[], "bad", Fail(|| "bad".into()), &[]);
    place(&module, &[], "worse", Fail(|| "worse".into()), &[]);
    module
}

fn edge(to: &str, policy: Policy) -> Edge {
    Edge::new("out", format!("{to}.in")).policy(policy)
}

/// What an emission along these edges comes to: its value or the text of its error.
async fn outcome(edges: &[(&str, Policy)]) -> String {
    let edges = edges.iter().map(|(to, policy)| edge(to, *policy)).collect();
    match ask(&fan_out(edges), "pass.in").await {
        Ok(value) => value.unwrap().json().unwrap().as_str().unwrap().to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn all_edges_have_to_succeed_but_of_those_that_say_so_any_one() {
    use Policy::{All, Any};
    assert_eq!(outcome(&[("bad", All), ("good", All)]).await, "error: bad");
    assert_eq!(outcome(&[("bad", Any), ("good", Any)]).await, "good");
    assert_eq!(
        outcome(&[("late", Any), ("bad", Any), ("good", Any)]).await,
        "late"
    );
    assert_eq!(outcome(&[("worse", Any), ("bad", Any)]).await, "error: worse");
    assert_eq!(
        outcome(&[("bad", Any), ("good", Any), ("worse", All)]).await,
        "error: worse"
    );
    assert_eq!(outcome(&[("bad", Any), ("good", All)]).await, "error: bad");
}

#[tokio::test(start_paused = true)]
async fn an_emission_can_have_a_policy_and_a_timeout_of_its_own() {
    struct Own(Emission);
    #[async_trait]
    impl Component for Own {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            Ok(output.emit_with("out", input.data, &self.0).await?)
        }
    }
    let edges = || vec![edge("bad", Policy::All), edge("good", Policy::All)];
    let module = fan_out(Vec::new());
    let any = Emission::new().policy(Policy::Any);
    module.install("any", Arc::new(Own(any)), edges());
    assert_eq!(ask(&module, "any.in").await.unwrap(), Some(json("\"good\"")));
    let late = vec![edge("late", Policy::All).timeout(ms(1000))];
    let hurried = Emission::new().timeout(ms(49));
    module.install("hurried", Arc::new(Own(hurried)), late.clone());
    let error = ask(&module, "hurried.in").await.expect_err("it takes 50 ms");
    assert_eq!(error.to_string(), "call timed out on node late");
    module.install("patient", Arc::new(Own(Emission::new())), late);
    assert_eq!(ask(&module, "patient.in").await.unwrap(), Some(json("\"late\"")));
}

#[tokio::test(start_paused = true)]
async fn edges_between_the_same_ports_carry_a_message_once_and_like_sounding_ones_are_others() {
    let module = alone(Options::default());
    let (counted, calls) = Counted::new(|_| Ok(None));
    place(&module, &[], "node", counted, &[]);
    let edges = vec![
        Edge::new("out", "node.in"),
        Edge::new("out", "node.in").timeout(ms(1)),
        // Strung together, port and destination read the same as those of the first.
        Edge::new("ou", "tnode.in"),
    ];
    module.install("pass", Arc::new(Pass), edges);
    ask(&module, "pass.in").await.unwrap();
    assert_eq!(count(&calls), 1);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_on_its_way_along_a_removed_edge_ends_and_nothing_else() {
    let network = Network::default();
    let host = network.host();
    let (a, b) = pair(host.clone(), network.host(), Options::default()).await;
    let (gone, kept) = (Held::new(), Held::new());
    let edges = [("out", "gone.in"), ("other", "kept.in")];
    place(&a, &[], "pass", Pass, &edges);
    place(&a, &[], "second", Pass, &[("out", "gone.in")]);
    place(&b, &[&a], "gone", gone.clone(), &[]);
    place(&b, &[&a], "kept", kept.clone(), &[]);
    struct Other;
    #[async_trait]
    impl Component for Other {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            Ok(output.emit("other", input.data).await?)
        }
    }
    let cut = [(); 3].map(|()| call(&host, &a, message("pass.in")));
    let mut another = call(&host, &a, message("second.in"));
    gone.arrived(4).await;
    // Another component in its place, with one of the two edges.
    a.install("pass", Arc::new(Other), vec![Edge::new("other", "kept.in")]);
    for answer in cut {
        let error = answer.await.unwrap().expect_err("its edge is gone");
        assert_eq!(
            error.to_string(),
            "cancelled: the edge from pass.out to gone.in was removed"
        );
        assert_eq!(
            (error.class(), error.outcome()),
            ("cancelled", squall_router::Outcome::Unknown)
        );
    }
    assert!(
        another.try_recv().is_err(),
        "another node's edge to the same port"
    );
    gone.let_go(1);
    assert_eq!(another.await.unwrap().unwrap(), Some(json("1")));

    let answer = call(&host, &a, message("pass.in"));
    kept.arrived(1).await;
    a.set_edges(
        "pass",
        vec![Edge::new("other", "kept.in"), Edge::new("out", "gone.in")],
    );
    kept.let_go(1);
    assert_eq!(answer.await.unwrap().unwrap(), Some(json("1")), "its edge stayed");
}

#[tokio::test(start_paused = true)]
async fn failures_go_to_the_error_port_with_their_request_and_successes_to_the_other() {
    struct Divides;
    #[async_trait]
    impl Component for Divides {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            let divisor: i64 = input.data.decode()?;
            let result = match divisor {
                0 => Err("division by zero"),
                divisor => Payload::encode(&(6 / divisor)).map_err(|_| "unwritable"),
            };
            Ok(output.respond(result, &input.data).await?)
        }
    }
    struct Gives;
    #[async_trait]
    impl Component for Gives {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            let error = ComponentError::new("busy").retryable(true);
            Ok(output.fail(error, &input.data).await?)
        }
    }
    let module = alone(Options::default());
    let edges = [("success", "echo.in"), ("error", "echo.in")];
    place(&module, &[], "divides", Divides, &edges);
    place(&module, &[], "gives", Gives, &edges);
    place(&module, &[], "echo", Echo, &[]);
    let said = async |to: &str, data: &str| {
        let message = squall_router::Message::new(to, json(data));
        let answer = module.scheduler().handle(message).await.unwrap();
        answer.unwrap().json().unwrap()
    };
    assert_eq!(said("divides.in", "3").await, serde_json::json!(2));
    assert_eq!(
        said("divides.in", "0").await,
        serde_json::json!({ "error": "division by zero", "request": 0 })
    );
    assert_eq!(
        said("gives.in", "[1]").await,
        serde_json::json!({ "context": [1], "error": "busy", "retryable": true })
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_for_the_runtime_never_leaves_the_node_and_a_destination_needs_no_edge() {
    struct Emits;
    #[async_trait]
    impl Component for Emits {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            Ok(output.emit(input.from, input.data).await?)
        }
    }
    let module = alone(Options::default());
    place(
        &module,
        &[],
        "emits",
        Emits,
        &[("_control", "echo.in"), ("_reconcile", "echo.in")],
    );
    place(&module, &[], "echo", Reflect, &[]);
    for (port, arrives) in [("_control", false), ("_reconcile", false), ("echo:in", true)] {
        let answer = module
            .scheduler()
            .handle(message("emits.in").from(port))
            .await
            .unwrap();
        assert_eq!(answer.is_some(), arrives, "{port}");
        if let Some(seen) = answer {
            assert_eq!(seen.json().unwrap()["from"], "", "it comes from nobody");
        }
    }
}
