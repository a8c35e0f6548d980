//! The log line of an answered cross-module message. Spec: router S-36.

use std::sync::Arc;

use squall_platform::{Platform, TokioPlatform};
use squall_router::{
    Component, ComponentError, Edge, Input, Message, Module, Options, Output, Payload, async_trait,
};
use tracing_test::traced_test;

struct Pass;

#[async_trait]
impl Component for Pass {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(output.emit("out", input.data).await?)
    }
}

#[traced_test]
#[tokio::test]
async fn an_answered_cross_module_message_is_logged_without_its_payload() {
    let platform = TokioPlatform::loopback();
    let (a, b) = ["a", "b"]
        .map(|name| Module::new(platform, name, Options::default()))
        .into();
    let server = b.bind(0).await.expect("a free port");
    a.install("pass", Arc::new(Pass), vec![Edge::new("out", "sink.in")]);
    a.set_node("sink", "b");
    a.register(
        "b",
        vec![server.local_addr().to_string().parse().expect("an authority")],
    );
    b.install("sink", Arc::new(Pass), vec![]);
    platform.spawn(server.run());

    let message = Message::new("pass.in", serde_json::json!("hunter2"));
    a.scheduler().handle(message).await.expect("b is there");
    logs_assert(|lines| {
        let sent: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("cross-module message sent"))
            .collect();
        let keys = r#"from="pass.out" to="sink.in" targetModule="b" durationMs="#;
        match sent[..] {
            [line] if line.contains("INFO") && line.contains("squall_router") && line.contains(keys) => {
                Ok(())
            }
            _ => Err(format!("not the line: {sent:?}")),
        }
    });
    logs_assert(|lines| {
        match lines
            .iter()
            .find(|line| line.contains("squall") && line.contains("hunter2"))
        {
            None => Ok(()),
            Some(line) => Err(format!("a payload is logged: {line}")),
        }
    });
}
