//! What holds for all destinations, names and retry policies.

use std::time::Duration;

use proptest::prelude::*;
use squall_router::{Destination, Format, RetryPolicy, names};

/// Names and separators, in any order.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[a-zA-Z0-9]{1,5}", "[.:/_-]", "\\PC"], 0..12)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_destination_is_its_two_parts_and_the_separator(to in text()) {
        if let Ok(Destination { node, port }) = Destination::parse(&to) {
            let separator = if to.contains(':') { ':' } else { '.' };
            prop_assert_eq!(format!("{node}{separator}{port}"), to.clone());
            prop_assert!(!node.is_empty() && !port.is_empty());
            prop_assert!(!port.contains(separator));
        }
    }

    #[test]
    fn a_node_and_a_port_read_back(node in "[a-z0-9][a-z0-9.-]{0,20}", port in "[a-z0-9_]{1,10}") {
        let expected = Destination { node: &node, port: &port };
        let (dotted, colon) = (format!("{node}.{port}"), format!("{node}:{port}"));
        prop_assert_eq!(Destination::parse_as(&dotted, Format::Dot).unwrap(), expected);
        prop_assert_eq!(Destination::parse_as(&colon, Format::Colon).unwrap(), expected);
    }

    #[test]
    fn a_format_accepts_what_any_accepts_of_its_own_and_alike(to in text()) {
        let any = Destination::parse(&to).ok();
        let dot = Destination::parse_as(&to, Format::Dot).ok();
        let colon = Destination::parse_as(&to, Format::Colon).ok();
        prop_assert_eq!(any, dot.or(colon));
        prop_assert!(dot.is_none() || colon.is_none());
    }

    #[test]
    fn a_sanitised_name_is_a_label_or_empty_and_stays_as_it_is(name in "\\PC{0,80}") {
        let clean = names::sanitise(&name);
        prop_assert!(clean.len() <= 48);
        prop_assert!(clean.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-')));
        prop_assert!(!clean.starts_with('-') && !clean.ends_with('-') && !clean.contains("--"));
        prop_assert_eq!(names::sanitise(&clean), clean);
    }

    #[test]
    fn names_match_both_ways_and_with_any_publisher(
        name in "[a-z]{1,6}(-[a-z]{1,6}){0,2}-v[0-9]",
        other in "[a-z]{1,6}(-[a-z]{1,6}){0,2}-v[0-9]",
        publisher in "[A-Za-z]{1,8}",
    ) {
        prop_assert_eq!(names::matches(&name, &other), names::matches(&other, &name));
        prop_assert!(names::matches(&name, &name.to_uppercase()));
        for separator in ["-", "/"] {
            let published = format!("{publisher}{separator}{name}");
            prop_assert!(names::matches(&name, &published) && names::matches(&published, &name));
        }
        if name.len() == other.len() && name != other {
            prop_assert!(!names::matches(&name, &other));
        }
    }

    #[test]
    fn delays_never_shrink_nor_pass_their_cap(
        initial in 0u64..100_000,
        coefficient in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -2.0..10.0f64],
        max in 0u64..100_000,
        failures in 1u32..200,
    ) {
        let max = Duration::from_millis(max);
        let policy = RetryPolicy::default().delays(Duration::from_millis(initial), coefficient, max);
        let (now, next) = (policy.delay(failures), policy.delay(failures + 1));
        prop_assert!(now <= next && next <= max);
        prop_assert_eq!(policy.delay(1), Duration::from_millis(initial).min(max));
    }
}
