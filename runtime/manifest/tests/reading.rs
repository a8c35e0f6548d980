//! What is read of a file, whatever is in it.

use proptest::prelude::*;
use squall_manifest::resource::{Address, Node};
use squall_manifest::{Resource, Severity, read};

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
    assert_eq!(told("a\n---\nkind: TinyNode"), error(1, "this is no resource"));
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
