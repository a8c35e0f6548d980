//! Lines 30 to 33: names, and results.

use crate::support::*;
use squall_router::{Destination, Format, Options, names};

#[test]
fn line_30_only_a_node_with_a_port_is_a_destination() {
    let parsed = |to| Destination::parse(to).ok().map(|it| (it.node, it.port));
    assert_eq!(
        parsed("a1b2.common-module-v0.router-x1:in"),
        Some(("a1b2.common-module-v0.router-x1", "in"))
    );
    for to in ["in", "node:port:more", "", ":in", "node:"] {
        assert_eq!(parsed(to), None, "{to}");
        assert!(Destination::parse_as(to, Format::Colon).is_err(), "{to}");
    }
}

#[test]
fn line_31_module_names_match_with_and_without_a_publisher() {
    let table = [
        ("web-v1", "acme-web-v1", true),
        ("acme-web-v1", "web-v1", true),
        ("acme/web-v1", "acme-web-v1", true),
        ("acme/web-v1", "web-v1", true),
        ("web-v1", "web-v1", true),
        ("WEB-V1", "web-v1", true),
        ("acme-web-v1", "big-web-v1", false),
        ("web-v2", "web-v1", false),
        ("web-v1", "mail-v1", false),
        // Nothing tells a publisher from the first part of a name: accepted.
        ("module-v1", "mail-module-v1", true),
        ("rest-web-v1", "soap-mail-v1", false),
        ("", "web-v1", false),
        ("web-v1", "", false),
    ];
    for (found, running, expected) in table {
        assert_eq!(names::matches(found, running), expected, "{found} {running}");
        assert_eq!(names::matches(running, found), expected, "{running} {found}");
    }
    // Part of a word is no part of a name.
    assert!(!names::matches("b-v1", "web-v1"));
}

#[tokio::test(start_paused = true)]
async fn line_31_a_node_reaches_its_module_by_another_spelling_and_an_ambiguous_one_says_so() {
    let network = Network::default();
    let (a, _) = start(network.host(), "big-web-v1", Options::default()).await;
    let (b, address) = start(network.host(), "acme-mail-v1", Options::default()).await;
    a.register("acme-mail-v1", vec![address.clone()]);
    place(&b, &[], "there", Echo, &[]);
    a.set_node("there", "acme/mail-v1");
    assert_eq!(ask(&a, "there.in").await.unwrap(), Some(json("1")));
    a.set_node("there", "mail-v1");
    assert_eq!(ask(&a, "there.in").await.unwrap(), Some(json("1")));

    // Its own name counts too: nothing is dialled, and nothing is said of a module unknown.
    a.set_node("mine", "web-v1");
    let error = ask(&a, "mine.in").await.expect_err("there is no instance");
    assert_eq!(error.to_string(), "instance not found: mine");

    a.register("big-mail-v1", vec![address]);
    let error = ask(&a, "there.in").await.expect_err("two match");
    assert_eq!(
        error.to_string(),
        "module name mail-v1 is ambiguous: it matches acme-mail-v1, big-mail-v1"
    );
    a.deregister("big-mail-v1");
    assert_eq!(ask(&a, "there.in").await.unwrap(), Some(json("1")));
}

#[test]
fn line_32_sanitised_names_are_lower_case_collapsed_short_and_trimmed() {
    let long = "x".repeat(60);
    let table = [
        ("Common-Module", "common-module"),
        (
            "github.com/Tiny_Systems//http module",
            "github-com-tiny-systems-http-module",
        ),
        ("--edges--", "edges"),
        ("naïve→name", "na-ve-name"),
        ("///", ""),
        ("", ""),
        (&long, &long[..48]),
        // The last 48 characters begin with a separator, which goes.
        (&format!("prefix/{}", "y".repeat(47)), &"y".repeat(47)),
    ];
    for (name, expected) in table {
        assert_eq!(names::sanitise(name), *expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn line_33_no_value_is_success_and_a_failure_has_no_value() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "first", Pass, &[("out", "nothing.in")]);
    place(&b, &[&a], "nothing", Constant(None), &[]);
    place(&b, &[&a], "bad", Fail(|| "".into()), &[]);
    assert_eq!(ask(&a, "first.in").await.unwrap(), None);
    // That a failure has no value is the type's doing; that one without a text is none, the wire's.
    ask(&a, "bad.in")
        .await
        .expect_err("an error without a text is one");
}
