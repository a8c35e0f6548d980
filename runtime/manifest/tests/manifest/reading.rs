//! What is read of a file, whatever is in it.

use std::time::Duration;

use proptest::prelude::*;
use squall_manifest::resource::{Address, Node};
use squall_manifest::{Resource, Severity, read};
use squall_router::RetryPolicy;

fn only_node(text: &str) -> Node {
    let reading = read(text);
    assert_eq!(reading.problems, [], "{text}");
    match <[_; 1]>::try_from(reading.resources) {
        Ok([Resource::Node(node)]) => node,
        other => panic!("expected one node, not {other:?}"),
    }
}

fn node(spec: &str) -> String {
    format!(
        "apiVersion: operator.tinysystems.io/v1alpha1\nkind: TinyNode\nmetadata: {{ name: n }}\nspec: {spec}\n"
    )
}

#[test]
fn a_bytes_field_is_base64_or_json_text_or_the_value_itself() {
    let configuration = |value: &str| {
        let node = only_node(&node(&format!(
            "{{ ports: [{{ port: in, configuration: {value} }}] }}"
        )));
        node.inputs[0].configuration.clone()
    };
    let expected = Some(serde_json::json!({ "a": 1 }));
    for value in ["eyJhIjoxfQ==", r#"'{"a":1}'"#, "{ a: 1 }"] {
        assert_eq!(configuration(value), expected, "{value}");
    }
    assert_eq!(configuration("''"), None);
    let reading = read(&node("{ ports: [{ port: in, configuration: '{a' }] }"));
    assert_eq!(
        reading.problems[0].message,
        "the configuration of a port cannot be read"
    );
}

#[test]
fn edges_say_their_target_in_one_key_or_in_two() {
    let edges = [
        "{ id: e, port: out, to: 'p.m.c-1:in', flowID: f }",
        "{ id: e, port: out, to: p.m.c-1, toPort: in, flowID: f }",
        "{ id: e, fromPort: out, toNode: p.m.c-1, toPort: in, flowID: f }",
    ];
    for edge in edges {
        let node = only_node(&node(&format!("{{ edges: [{edge}] }}")));
        let edge = &node.edges[0];
        let told = (
            &**edge.port,
            &**edge.node,
            &*edge.target_port,
            edge.flow.as_deref(),
        );
        assert_eq!(told, ("out", "p.m.c-1", "in", Some("f")));
    }
}

fn edge(policy: &str) -> String {
    node(&format!(
        "{{ edges: [{{ port: out, to: 'b:in', retryPolicy: {policy} }}] }}"
    ))
}

/// The only edge's policy, without its places.
fn policy_of(text: &str) -> Option<RetryPolicy> {
    let policy = only_node(text).edges.remove(0).retry_policy?;
    let mut plain = RetryPolicy::attempts(policy.max_attempts.value).delays(
        policy.initial_delay.value,
        policy.coefficient,
        policy.max_delay.value,
    );
    plain.attempt_timeout = policy.timeout.map(|timeout| timeout.value);
    plain.non_retryable_codes = policy.non_retryable_codes;
    Some(plain)
}

#[test]
fn a_retry_policy_is_what_it_says_and_has_defaults_for_what_it_does_not() {
    let text = "{ maxAttempts: 5, initialDelayMs: 500, backoffCoefficient: '3.0', maxDelayMs: 10000, \
                nonRetryableErrorCodes: [quota_exceeded, '402', quota_exceeded], timeoutMs: 700 }";
    let ms = Duration::from_millis;
    let all = RetryPolicy::attempts(5)
        .delays(ms(500), 3.0, ms(10_000))
        .attempt_timeout(ms(700))
        .non_retryable("quota_exceeded")
        .non_retryable("402");
    let number = RetryPolicy::attempts(2).delays(ms(1000), 1.5, ms(30_000));
    for (text, expected) in [
        (text, Some(all)),
        ("{}", Some(RetryPolicy::attempts(1))),
        ("{ maxAttempts: 1 }", Some(RetryPolicy::attempts(1))),
        (
            "{ maxAttempts: '4', maxDelayMs: ~, timeoutMs: null }",
            Some(RetryPolicy::attempts(4)),
        ),
        ("{ maxAttempts: 2, backoffCoefficient: 1.5 }", Some(number)),
        ("~", None),
    ] {
        assert_eq!(policy_of(&edge(text)), expected, "{text}");
    }
}

#[test]
fn the_values_of_a_retry_policy_have_places() {
    let text = edge("{ maxAttempts: 5, initialDelayMs: 500, maxDelayMs: 9000, timeoutMs: 700 }");
    let policy = only_node(&text).edges.remove(0).retry_policy.expect("a policy");
    assert_eq!(&text[policy.max_attempts.span], "5");
    assert_eq!(&text[policy.initial_delay.span], "500");
    assert_eq!(&text[policy.max_delay.span], "9000");
    assert_eq!(&text[policy.timeout.expect("a timeout").span], "700");
}

#[test]
fn what_cannot_be_used_of_a_retry_policy_is_told_with_what_is_taken_instead() {
    let as_deployed = |what: &str| format!("{what} taken, as deployed modules do");
    let not_again = "1 is taken: nothing is sent again".to_owned();
    for (key, value, message, taken) in [
        ("maxAttempts", "0", "is less than 1", as_deployed("3 are")),
        ("maxAttempts", "-7", "is less than 1", as_deployed("3 are")),
        ("maxAttempts", "two", "is no whole number", not_again.clone()),
        ("maxAttempts", "1.5", "is no whole number", not_again.clone()),
        ("maxAttempts", "[2]", "is no whole number", not_again),
        (
            "initialDelayMs",
            "0",
            "is not more than 0",
            as_deployed("1000 is"),
        ),
        (
            "maxDelayMs",
            "1s",
            "is no whole number",
            "30000 is taken".to_owned(),
        ),
        ("timeoutMs", "-1", "is not more than 0", as_deployed("none is")),
        (
            "timeoutMs",
            "{}",
            "is no whole number",
            "none is taken".to_owned(),
        ),
        (
            "backoffCoefficient",
            "two",
            "is no number of 1 or more",
            as_deployed("2 is"),
        ),
        (
            "backoffCoefficient",
            "0.5",
            "is no number of 1 or more",
            as_deployed("2 is"),
        ),
    ] {
        let text = edge(&format!("{{ {key}: {value} }}"));
        let problem = read(&text).problems.remove(0);
        assert_eq!(problem.severity, Severity::Warning);
        assert_eq!(problem.message, format!("`{key}` of a retry policy {message}"));
        assert_eq!(problem.label, taken);
        let at_value = text.find(value).expect("it is there");
        assert_eq!(problem.span.start, at_value, "{text}");
    }
    let told = |policy: &str| {
        let problem = read(&edge(policy)).problems.remove(0);
        (problem.message, problem.label)
    };
    let pair = |message: &str, label: &str| (message.to_owned(), label.to_owned());
    assert_eq!(
        told("3"),
        pair("the retry policy of an edge is left out", "expected a mapping")
    );
    assert_eq!(
        told("{ attempts: 3 }"),
        pair("a retry policy has no key `attempts`", "skipped")
    );
    assert_eq!(
        told("{ nonRetryableErrorCodes: E402 }"),
        pair(
            "the final error codes of a retry policy are skipped",
            "expected a list"
        )
    );
    for codes in ["['']", "[~]", "[[a]]"] {
        assert_eq!(
            told(&format!("{{ nonRetryableErrorCodes: {codes} }}")),
            pair(
                "a final error code of a retry policy is skipped",
                "expected the code of an error, as text"
            )
        );
    }
}

#[test]
fn numbers_beyond_64_bits_are_the_most_that_there_is() {
    let text = edge("{ maxAttempts: 99999999999999999999, maxDelayMs: 99999999999999999999 }");
    let policy = policy_of(&text).expect("a policy");
    assert_eq!(policy.max_attempts, u32::MAX);
    assert_eq!(policy.max_delay.as_millis(), 9_223_372_036_854_775_807);
}

#[test]
fn places_are_bytes_also_behind_letters_of_several() {
    let text = "# übergrößenträger\nkind: TinyNode\nmetadata: { name: naïve }\n";
    let node = only_node(text);
    assert_eq!(&text[node.name.span], "naïve");
}

#[test]
fn places_are_right_behind_line_ends_of_windows_and_a_byte_order_mark() {
    for text in [
        "kind: TinyNode\r\nmetadata:\r\n  name: here\r\n",
        "\u{feff}kind: TinyNode\nmetadata: { name: here }\n",
    ] {
        let node = only_node(text);
        assert_eq!(&text[node.name.span], "here", "{text:?}");
    }
}

#[test]
fn addresses_without_a_host_are_at_the_module_and_others_are_what_they_are() {
    let endpoint = |text: &str| Address::Endpoint(text.parse().expect("an authority"));
    assert_eq!(Address::parse(":50051", "m"), endpoint("m:50051"));
    assert_eq!(Address::parse("h:1", "m"), endpoint("h:1"));
    assert_eq!(Address::parse("", "m"), Address::None);
    assert_eq!(
        Address::parse("nats://x", "m"),
        Address::Unsupported("nats://x".to_owned())
    );
    for text in ["h", "h:", "h:99999", ":", "a b:1"] {
        assert_eq!(Address::parse(text, "m"), Address::Malformed(text.to_owned()));
    }
}

#[test]
fn what_cannot_be_taken_is_told_with_its_place() {
    let deep = format!("kind: {}{}", "[".repeat(200), "]".repeat(200));
    let told = |text: &str| {
        let problem = read(text).problems.remove(0);
        let line = text[..problem.span.start].matches('\n').count() + 1;
        (problem.severity, line, problem.message)
    };
    let error = |line, message: &str| (Severity::Error, line, message.to_owned());
    let foreign = (
        Severity::Warning,
        1,
        "this is no resource: it is skipped".to_owned(),
    );
    assert_eq!(told("a\n---\nkind: TinyNode"), foreign);
    assert_eq!(told("replicas: 3\nimage: nginx"), foreign);
    assert_eq!(
        told("kind: TinyNode\nspec: {}"),
        error(1, "the resource has no name")
    );
    assert_eq!(
        told("metadata: { name: n }"),
        error(1, "the resource does not say its kind")
    );
    assert_eq!(told("a: 1\nb: 2\na: 3"), error(3, "the key `a` is there twice"));
    assert_eq!(
        told("a: &x 1\nb: *x"),
        error(2, "aliases are not read: write the value out")
    );
    assert_eq!(told(&deep), error(1, "nested more than 100 deep"));
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }";
    let warning = "a resource of the kind `ConfigMap` is skipped".to_owned();
    assert_eq!(told(other), (Severity::Warning, 2, warning));
}

#[test]
fn documents_before_a_mistake_are_read() {
    let text = format!("{}---\nkind: {{", node("{ module: m }"));
    let reading = read(&text);
    assert_eq!((reading.resources.len(), reading.problems.len()), (1, 1));
}

/// Pieces that manifests are made of.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "kind: TinyNode",
        "kind: TinyModule",
        "kind: List",
        "items:",
        "metadata:",
        "name: a.b.c",
        "spec:",
        "status:",
        "edges:",
        "ports:",
        "- ",
        "port: out",
        "to: 'a:b'",
        "toPort: in",
        "addr: ':1'",
        "configuration: e30=",
        "edges: [{port: o, to: 'a:b', retryPolicy: {",
        "}}]",
        "maxAttempts: 3, ",
        "timeoutMs: -1, ",
        "nonRetryableErrorCodes: [a, ",
        "backoffCoefficient: ",
        "\n",
        "\n  ",
        "\n    ",
        "---\n",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "&a ",
        "*a",
        "!!str ",
        "|",
        ">-",
        "? ",
        ": ",
        "#",
        "\t",
        "é",
        "\u{feff}",
        "<<: ",
        "%YAML 9.9\n",
        "...\n",
        "~",
    ];
    prop_oneof![6 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => ".{0,4}"]
}

fn check(text: &str) {
    for problem in read(text).problems {
        assert!(
            text.get(problem.span.clone()).is_some(),
            "{problem:?} is not in {text:?}"
        );
        assert!(!problem.message.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn arbitrary_text_is_answered(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn arbitrary_pieces_of_manifests_are_answered(pieces in prop::collection::vec(piece(), 0..40)) {
        check(&pieces.concat());
    }
}
