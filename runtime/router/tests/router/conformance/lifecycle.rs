//! Lines 34 to 37: what a component is told, and the runtime's own ports.

use std::sync::{Arc, Mutex};

use crate::support::*;
use squall_router::{
    Client, Component, ComponentError, Edge, Identity, Input, Message, Options, Output, Payload, SystemPort,
    async_trait,
};

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Component for Diary {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        self.note("handle");
        Ok(None)
    }

    fn ports(&self) -> Option<Vec<String>> {
        Some(
            ["_settings", "z", "_client", "in", "_identity"]
                .map(String::from)
                .into(),
        )
    }

    async fn identity(&self, identity: &Identity) {
        self.note(format!("identity {} on {}", identity.node, identity.module));
    }

    async fn client(&self, client: &Client) {
        self.note(format!("client {:?}", client.downcast_ref::<u8>()));
    }

    async fn state(&self, output: &Output) {
        self.note(format!("state of {}", output.node()));
    }

    async fn reconcile(&self) -> Result<(), ComponentError> {
        self.note("reconcile");
        Ok(())
    }

    async fn settings(&self, settings: Payload) -> Result<(), ComponentError> {
        self.note(format!("settings {}", settings.json()?));
        Ok(())
    }

    async fn control(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        self.note(format!("control {}", input.data.json()?));
        Ok(Some(json("\"pressed\"")))
    }
}

#[tokio::test(start_paused = true)]
async fn line_34_a_fresh_instance_is_told_all_in_order_and_handles_nothing() {
    let module = alone(Options::default());
    module.set_client(Some(Arc::new(7u8)));
    let diary = Diary::default();
    let component = Arc::new(diary.clone());
    module
        .deploy("node", component, Vec::new(), json("{}"))
        .await
        .unwrap();
    assert_eq!(
        diary.take(),
        [
            "identity node on a",
            "client Some(7)",
            "state of node",
            "reconcile",
            "settings {}"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn line_35_the_way_out_is_given_once_however_often_the_node_changes() {
    let module = alone(Options::default());
    let diary = Diary::default();
    let component = Arc::new(diary.clone());
    module
        .deploy("node", component, Vec::new(), json("1"))
        .await
        .unwrap();
    diary.take();
    module.update("node", Vec::new(), json("2")).await.unwrap();
    assert_eq!(diary.take(), ["identity node on a", "reconcile", "settings 2"]);
    module.update("node", Vec::new(), json("2")).await.unwrap();
    assert_eq!(
        diary.take(),
        ["identity node on a", "reconcile"],
        "the settings are the same"
    );
    let error = module.update("other", Vec::new(), json("2")).await;
    assert_eq!(error.unwrap_err().to_string(), "instance not found: other");
}

#[tokio::test(start_paused = true)]
async fn line_35_what_refuses_its_settings_stays_as_it_was() {
    struct Picky;
    #[async_trait]
    impl Component for Picky {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            Ok(output.emit("out", input.data).await?)
        }
        async fn settings(&self, settings: Payload) -> Result<(), ComponentError> {
            match settings.json()? {
                serde_json::Value::Null => Err("settings are missing".into()),
                _ => Ok(()),
            }
        }
    }
    let module = alone(Options::default());
    let picky = || Arc::new(Picky);
    let edges = || vec![Edge::new("out", "echo.in")];
    place(&module, &[], "echo", Echo, &[]);
    let refused = module.deploy("node", picky(), edges(), json("null")).await;
    assert_eq!(refused.unwrap_err().message(), "settings are missing");
    ask(&module, "node.in").await.expect_err("it was never installed");
    module.deploy("node", picky(), edges(), json("1")).await.unwrap();
    module
        .update("node", Vec::new(), json("null"))
        .await
        .expect_err("settings are missing");
    assert_eq!(
        ask(&module, "node.in").await.unwrap(),
        Some(json("1")),
        "its edges are there"
    );
}

#[tokio::test(start_paused = true)]
async fn line_36_a_component_without_capabilities_handles_nothing_of_the_runtimes_ports() {
    let module = alone(Options::default());
    let (counted, calls) = Counted::new(|_| Ok(Some(json("1"))));
    place(&module, &[], "node", counted, &[]);
    for port in SystemPort::ALL {
        let answer = ask(&module, &format!("node.{}", port.as_str())).await;
        assert_eq!(answer.unwrap(), None, "{port:?}");
    }
    assert_eq!(count(&calls), 0);
    ask(&module, "node.in").await.unwrap();
    assert_eq!(count(&calls), 1);
}

#[tokio::test(start_paused = true)]
async fn line_37_all_five_ports_are_the_runtimes_and_go_to_capabilities_alone() {
    let names = SystemPort::ALL.map(SystemPort::as_str);
    assert_eq!(
        names,
        ["_settings", "_control", "_reconcile", "_identity", "_client"]
    );
    for port in ["in", "error", "settings", "_", "_other", "_settings2"] {
        assert_eq!(SystemPort::parse(port), None, "{port}");
    }
    let module = alone(Options::default());
    let diary = Diary::default();
    place(&module, &[], "node", diary.clone(), &[]);
    for port in names {
        let message = Message::new(format!("node.{port}"), json("3"));
        let answer = module.scheduler().handle(message).await.unwrap();
        assert_eq!(answer.is_some(), port == "_control", "{port}");
    }
    assert_eq!(diary.take(), ["settings 3", "control 3"]);
    ask(&module, "node.in").await.unwrap();
    assert_eq!(diary.take(), ["handle"]);
}
