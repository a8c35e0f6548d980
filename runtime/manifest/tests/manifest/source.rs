//! Manifests as a source of owners and endpoints.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_manifest::Manifests;
use squall_manifest::source::File;
use squall_platform::TokioPlatform;
use squall_router::Discovery;

const MODULE: &str = "
kind: TinyModule
metadata: { name: http-module-v0 }
status: { addr: ':50051' }
";

fn node(module: &str) -> String {
    format!(
        "kind: TinyNode\nmetadata: {{ name: a1b2c3d4.http-module-v0.server-x }}\nspec: {{ module: {module} }}\n"
    )
}

/// Manifests of one file, whose text can be changed.
fn of(text: &str) -> (Arc<Manifests>, Arc<Mutex<String>>) {
    let text = Arc::new(Mutex::new(text.to_owned()));
    let file = Arc::clone(&text);
    let manifests = Manifests::new(move || {
        let text = file.lock().expect("one thread").clone();
        Ok(vec![File {
            name: "all.yaml".to_owned(),
            text,
        }])
    });
    (Arc::new(manifests), text)
}

fn endpoints(manifests: &Manifests, module: &str) -> Option<Vec<String>> {
    let endpoints = manifests.endpoints(module)?;
    Some(endpoints.iter().map(ToString::to_string).collect())
}

#[test]
fn owners_and_endpoints_are_those_of_the_files() {
    let (manifests, _) = of(&[MODULE, &node("tiny-systems/http-module-v0")].join("---\n"));
    assert_eq!(
        endpoints(&manifests, "http-module-v0"),
        None,
        "nothing is read yet"
    );
    manifests.reload().expect("it is sound");
    let expected = Some(vec!["http-module-v0:50051".to_owned()]);
    assert_eq!(endpoints(&manifests, "http-module-v0"), expected);
    let owner = manifests.owner("a1b2c3d4.http-module-v0.server-x");
    assert_eq!(owner.as_deref(), Some("http-module-v0"));
}

#[test]
fn a_file_that_is_wrong_leaves_what_was_known_and_says_where() {
    let (manifests, text) = of(MODULE);
    manifests.reload().expect("it is sound");
    text.lock()
        .expect("one thread")
        .push_str("---\nkind: [TinyNode\n");
    let error = manifests.reload().expect_err("a bracket is open");
    assert!(
        error.to_string().starts_with("all.yaml:7: this is not YAML"),
        "{error}"
    );
    assert!(endpoints(&manifests, "http-module-v0").is_some());
    *text.lock().expect("one thread") = node("other-module");
    manifests.reload().expect("it is sound again");
    assert_eq!(
        endpoints(&manifests, "http-module-v0"),
        None,
        "it is gone from the file"
    );
}

#[test]
fn of_two_manifests_of_one_name_the_newer_counts_wherever_it_stands() {
    let module = |version: u32, addr: &str| {
        format!(
            "kind: TinyModule\nmetadata: {{ name: m, resourceVersion: '{version}' }}\nstatus: {{ addr: '{addr}' }}\n"
        )
    };
    let both = [module(12, "new:1"), module(9, "old:1")];
    let (manifests, text) = of(&both.join("---\n"));
    manifests.reload().expect("it is sound");
    assert_eq!(endpoints(&manifests, "m"), Some(vec!["new:1".to_owned()]));
    *text.lock().expect("one thread") = [module(12, "first:1"), module(12, "second:1")].join("---\n");
    manifests.reload().expect("it is sound");
    assert_eq!(endpoints(&manifests, "m"), Some(vec!["second:1".to_owned()]));
}

#[test]
fn an_address_that_grpc_cannot_call_is_no_endpoint_and_a_warning() {
    let text = MODULE.replace("':50051'", "nats://tinymodule.http-module-v0.msg");
    let (manifests, _) = of(&text);
    let warnings = manifests.reload().expect("a warning is no error");
    assert_eq!(endpoints(&manifests, "http-module-v0"), None);
    let messages: Vec<_> = warnings
        .iter()
        .map(|(file, it)| format!("{file}: {}", it.message))
        .collect();
    assert_eq!(
        messages,
        ["all.yaml: the address `nats://tinymodule.http-module-v0.msg` is not one of gRPC"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_followed_is_read_again_until_its_task_is_dropped() {
    let (manifests, text) = of(MODULE);
    let task = manifests.follow(&TokioPlatform::loopback(), Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(endpoints(&manifests, "http-module-v0").is_some());
    *text.lock().expect("one thread") = MODULE.replace(":50051", "moved:1");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        endpoints(&manifests, "http-module-v0"),
        Some(vec!["moved:1".to_owned()])
    );
    drop(task);
    *text.lock().expect("one thread") = MODULE.to_owned();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(
        endpoints(&manifests, "http-module-v0"),
        Some(vec!["moved:1".to_owned()])
    );
}
