//! Every check of a registration, over gRPC.

use squall_proto::provider::{ModuleDeclaration, RegisterRequest, TypeSchema};
use squall_provider::address;

use crate::support::*;

const NAME_START: &str = "Module name must start with a letter";
const NAME_CHARACTERS: &str = "Module name must contain only alphanumeric characters and underscores";

/// Registers `ml.Analyze`, with that change, at a manager where nobody is: the reasons, which are empty for what is
/// accepted.
async fn reasons(change: impl FnOnce(&mut RegisterRequest)) -> Vec<String> {
    reasons_at(&World::start().await, change).await
}

async fn reasons_at(world: &World, change: impl FnOnce(&mut RegisterRequest)) -> Vec<String> {
    let mut provider = Provider::start(world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &["Analyze"]);
    change(&mut request);
    let response = provider.try_register(request).await;
    let results = response.results.into_iter().map(|it| {
        assert_eq!(it.accepted, it.rejection_reason.is_empty());
        it.rejection_reason
    });
    let reasons: Vec<_> = results.collect();
    assert_eq!(response.success, reasons.iter().all(String::is_empty));
    reasons
}

async fn namespace_reason(namespace: &str) -> String {
    reasons(|it| it.namespace = namespace.to_owned()).await.remove(0)
}

async fn url_reason(url: &str) -> String {
    reasons(|it| it.executor_url = url.to_owned()).await.remove(0)
}

async fn name_reason(name: &str) -> String {
    reasons(|it| it.modules[0].name = name.to_owned()).await.remove(0)
}

/// With the schemas of the module changed.
async fn schema_reason(change: impl FnOnce(&mut ModuleDeclaration)) -> String {
    reasons(|it| change(&mut it.modules[0])).await.remove(0)
}

#[tokio::test(start_paused = true)]
async fn line_32_a_namespace_has_one_segment_or_several() {
    for namespace in ["ml", "ml.text", "A1_.b2.c"] {
        assert_eq!(namespace_reason(namespace).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn line_33_a_namespace_is_not_empty_and_no_segment_is_empty_or_starts_with_a_digit() {
    assert_eq!(namespace_reason("").await, "Namespace cannot be empty");
    // The last three: ours.
    let wrong = [
        ("a..b", ""),
        ("ml.1st", "1st"),
        (".ml", ""),
        ("ml.", ""),
        ("ml.mél", "mél"),
    ];
    for (namespace, part) in wrong {
        assert_eq!(
            namespace_reason(namespace).await,
            format!(
                "Invalid namespace part '{part}': must start with a letter and contain only alphanumeric \
                 characters and underscores"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn line_34_an_executor_url_is_a_host_with_or_without_a_port() {
    for url in [
        "localhost:9091",
        "localhost",
        "provider.ml.svc.cluster.local:9091",
    ] {
        assert_eq!(url_reason(url).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn line_35_an_executor_url_is_not_blank() {
    for url in ["", "  \t "] {
        assert_eq!(url_reason(url).await, "executor_url cannot be empty");
    }
}

#[tokio::test(start_paused = true)]
async fn line_36_an_executor_url_has_no_scheme() {
    for url in ["http://localhost:9091", "grpc://localhost:9091"] {
        assert_eq!(
            url_reason(url).await,
            format!("executor_url must be host:port format, not a URL with scheme: {url}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn line_37_the_port_of_an_executor_url_is_a_number_from_1_to_65535() {
    assert_eq!(url_reason("h:http").await, "Invalid port in executor_url: h:http");
    for url in ["h:0", "h:70000"] {
        assert_eq!(
            url_reason(url).await,
            format!("Port out of range in executor_url: {url}")
        );
    }
    for url in ["h:1", "h:65535"] {
        assert_eq!(url_reason(url).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn line_38_an_invalid_url_rejects_every_module() {
    let reasons = reasons(|it| {
        it.modules.push(declaration("Other"));
        it.executor_url.clear();
    });
    assert_eq!(reasons.await, ["executor_url cannot be empty"; 2]);
}

#[tokio::test(start_paused = true)]
async fn line_39_an_invalid_namespace_rejects_every_module() {
    let reasons = reasons(|it| {
        it.modules.push(declaration("Other"));
        it.namespace.clear();
    });
    assert_eq!(reasons.await, ["Namespace cannot be empty"; 2]);
}

#[tokio::test(start_paused = true)]
async fn line_40_a_module_name_has_letters_digits_and_underscores() {
    for name in ["Analyze", "analyze_text", "Analyze2", "A"] {
        assert_eq!(name_reason(name).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn line_41_a_module_name_is_not_empty_starts_with_a_letter_and_has_nothing_else() {
    assert_eq!(name_reason("").await, "Module name cannot be empty");
    assert_eq!(name_reason("1Analyze").await, NAME_START);
    for name in ["Ana lyze", "Ana.lyze", "Analyze!", "Ana@lyze", "Ana-lyze"] {
        assert_eq!(name_reason(name).await, NAME_CHARACTERS);
    }
}

#[tokio::test(start_paused = true)]
async fn line_42_a_bad_module_name_is_one_rejection() {
    let reasons = reasons(|it| it.modules[0].name = "bad-name".to_owned()).await;
    assert_eq!(reasons, [NAME_CHARACTERS]);
}

#[tokio::test(start_paused = true)]
async fn line_43_one_and_two_valid_modules_are_accepted() {
    assert_eq!(reasons(|_| ()).await, [""]);
    assert_eq!(reasons(|it| it.modules.push(declaration("B"))).await, ["", ""]);
}

#[tokio::test(start_paused = true)]
async fn line_44_a_reserved_word_and_what_is_under_it_is_reserved_and_nothing_else() {
    for namespace in ["stdlib", "stdlib.text"] {
        assert_eq!(
            namespace_reason(namespace).await,
            format!("Namespace '{namespace}' is reserved")
        );
    }
    for namespace in ["stdlibx", "my.stdlib"] {
        assert_eq!(namespace_reason(namespace).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn line_45_a_namespace_of_another_connection_is_owned_by_another_provider() {
    let world = World::start().await;
    let _owner = world.active("ml", "", &["Other"]).await;
    assert_eq!(
        reasons_at(&world, |_| ()).await,
        ["Namespace 'ml' is owned by another provider"]
    );
}

#[tokio::test(start_paused = true)]
async fn line_46_whoever_registers_again_is_a_connection_of_its_own() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("ml", "", &["Analyze"]);
    assert!(provider.try_register(request.clone()).await.success);
    let first = provider.connection.clone();
    let again = provider.try_register(request.clone()).await;
    assert_eq!(
        again.results[0].rejection_reason,
        "Namespace 'ml' is owned by another provider"
    );
    provider.connection = first;
    assert!(provider.deregister(&["Analyze"]).await.success);
    assert!(provider.try_register(request).await.success);
}

#[tokio::test(start_paused = true)]
async fn line_47_a_module_has_an_input_schema_and_an_output_schema() {
    assert_eq!(
        schema_reason(|it| it.input_schema = None).await,
        "Invalid input schema: Missing input_schema"
    );
    assert_eq!(
        schema_reason(|it| it.output_schema = None).await,
        "Invalid output schema: Missing output_schema"
    );
}

#[tokio::test(start_paused = true)]
async fn line_48_a_schema_has_a_type() {
    let nothing = Some(TypeSchema { r#type: None });
    assert_eq!(
        schema_reason(|it| it.input_schema.clone_from(&nothing)).await,
        "Invalid input schema: TypeSchema has no type set"
    );
    assert_eq!(
        schema_reason(|it| it.output_schema.clone_from(&nothing)).await,
        "Invalid output schema: TypeSchema has no type set"
    );
}

#[tokio::test(start_paused = true)]
async fn line_49_a_name_that_exists_in_a_namespace_that_nobody_owns_already_exists() {
    let world = World::start().await;
    world.set_local("ml.Analyze");
    assert_eq!(
        reasons_at(&world, |_| ()).await,
        ["Module 'ml.Analyze' already exists"]
    );
    assert_eq!(
        reasons_at(&world, |it| it.modules[0].name = "Other".to_owned()).await,
        [""]
    );
}

#[test]
fn line_50_a_call_goes_to_a_host_and_a_port_which_is_9090_when_there_is_none() {
    let read = [
        ("localhost:9091", "localhost:9091"),
        ("localhost", "localhost:9090"),
        (
            "provider.ml.svc.cluster.local:9091",
            "provider.ml.svc.cluster.local:9091",
        ),
        ("[::1]:9090", "[::1]:9090"),
        ("[::1]", "[::1]:9090"),
        ("h:1", "h:1"),
        ("h:65535", "h:65535"),
        ("  h:80 ", "h:80"),
    ];
    for (url, authority) in read {
        assert_eq!(address::parse(url).unwrap().as_str(), authority);
    }
}

#[test]
fn line_51_a_url_that_leads_nowhere_says_why() {
    let wrong = [
        ("", "Empty executor URL"),
        ("   ", "Empty executor URL"),
        (
            "http://h:1",
            "Executor URL must be host:port, not a URL with scheme: http://h:1",
        ),
        (
            "grpc://h:1",
            "Executor URL must be host:port, not a URL with scheme: grpc://h:1",
        ),
        ("h:abc", "Invalid port 'abc' in URL: h:abc"),
        ("h:0", "Port out of range in URL: h:0"),
        ("h:70000", "Port out of range in URL: h:70000"),
        (":9090", "Empty host in URL: :9090"),
        ("[::1", "Invalid IPv6 address in URL: [::1"),
        ("[::1]x", "Invalid URL format: [::1]x"),
    ];
    for (url, text) in wrong {
        assert_eq!(address::parse(url).unwrap_err().to_string(), text);
    }
}
