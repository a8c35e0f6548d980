use super::*;
use crate::testing::{MS, S, Script, TIMEOUT};

/// One ok call each second from 1 s to 20 s, but for two: a timeout at 5 s, and an unavailable one at 15 s.
fn judged(from: u64, until: u64, check: Check) -> Judged {
    let mut script = Script::new();
    script.expect(from, Some(until), "", check);
    for call in 1..=20 {
        let script = script.at(call * S);
        match call {
            5 => script.timed_out(call),
            15 => script.unavailable(call),
            // Each is slower than the one before, by a millisecond for the whole way.
            _ => script.chain_of(call, call * MS / 4),
        };
    }
    let (plan, journal) = script.finish();
    plan.expectations[0].judge(&Run::of(&plan, &journal))
}

fn at_least<T>(bound: T) -> Bounds<T> {
    Bounds {
        at_least: Some(bound),
        at_most: None,
    }
}

fn at_most<T>(bound: T) -> Bounds<T> {
    Bounds {
        at_least: None,
        at_most: Some(bound),
    }
}

fn culprit(judged: &Judged) -> Option<u64> {
    judged.counterexample.as_ref()?.call
}

#[test]
fn a_success_rate_is_compared_exactly() {
    let judged_rate = |bounds| judged(0, 100 * S, Check::SuccessRate(bounds));
    let holds = judged_rate(at_least(0.9));
    assert!(holds.held);
    assert_eq!(holds.measured, "is 0.9 (18 of 20)");
    assert_eq!(holds.counterexample, None);
    let breaks = judged_rate(at_least(0.900_000_1));
    assert!(!breaks.held);
    assert_eq!(culprit(&breaks), Some(5));
    let too_many = judged_rate(at_most(0.5));
    assert_eq!((too_many.held, culprit(&too_many)), (false, Some(1)));
}

#[test]
fn a_share_below_one_never_reads_as_one() {
    assert_eq!(share(99_999, 100_000), "0.9999");
    assert_eq!(share(7, 7), "1.0");
    assert_eq!(share(0, 7), "0.0");
    assert_eq!(share(1, 3), "0.3333");
}

#[test]
fn a_window_takes_the_calls_that_start_in_it() {
    let count = |from, until| judged(from, until, Check::Calls(at_least(0))).measured;
    assert_eq!(count(5 * S, 6 * S), "is 1");
    assert_eq!(count(5 * S, 6 * S + 1), "is 2");
    assert_eq!(count(5 * S + 1, 6 * S), "is 0");
}

#[test]
fn counts_hold_within_their_bounds() {
    for (check, held, who) in [
        (Check::Calls(at_least(20)), true, None),
        (Check::Calls(at_least(21)), false, None),
        (Check::Calls(at_most(19)), false, Some(1)),
        (Check::Ok(at_least(18)), true, None),
        (Check::Ok(at_least(19)), false, Some(5)),
        (Check::Failed(at_most(1)), true, None),
        (Check::Failed(at_most(0)), false, Some(15)),
        (
            Check::Unknown(Bounds {
                at_least: Some(1),
                at_most: Some(1),
            }),
            true,
            None,
        ),
        (Check::Unknown(at_most(0)), false, Some(5)),
    ] {
        let judged = judged(0, 100 * S, check);
        assert_eq!((judged.held, culprit(&judged)), (held, who), "{}", judged.text);
    }
}

#[test]
fn errors_are_judged_by_their_class() {
    let classes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (check, held, who) in [
        (
            Check::ErrorsOnly(classes(&["timeout", "unavailable"])),
            true,
            None,
        ),
        (Check::ErrorsOnly(classes(&["timeout"])), false, Some(15)),
        (Check::ErrorsOnly(classes(&[])), false, Some(5)),
        (Check::ErrorsNever(classes(&["cancelled"])), true, None),
        (
            Check::ErrorsNever(classes(&["cancelled", "unavailable"])),
            false,
            Some(15),
        ),
        (
            Check::ErrorsSome(classes(&["timeout", "unavailable"])),
            true,
            None,
        ),
        (Check::ErrorsSome(classes(&["timeout", "cancelled"])), false, None),
    ] {
        let judged = judged(0, 100 * S, check);
        assert_eq!((judged.held, culprit(&judged)), (held, who), "{}", judged.text);
        assert_eq!(judged.measured, "timeout 1, unavailable 1");
    }
}

#[test]
fn a_latency_is_that_of_the_calls_that_are_ok() {
    let most = |quantile, bound| {
        let bounds = at_most(Duration::from_nanos(bound));
        judged(0, 100 * S, Check::Latency { quantile, bounds })
    };
    // Call n takes n + 1 ms; 5 and 15 are missing.
    assert!(most(Quantile::Max, 21 * MS).held);
    let breaks = most(Quantile::Max, 21 * MS - 1);
    assert_eq!((breaks.held, culprit(&breaks)), (false, Some(20)));
    assert_eq!(breaks.measured, "is 21 ms");
    assert_eq!(most(Quantile::P50, 11 * MS).measured, "is 11 ms");
    let least = Check::Latency {
        quantile: Quantile::P50,
        bounds: at_least(Duration::from_secs(1)),
    };
    assert_eq!(culprit(&judged(0, 100 * S, least)), Some(1));
}

#[test]
fn rates_and_latencies_of_no_call_do_not_hold() {
    let latency = |from, until| {
        let bounds = at_most(Duration::from_secs(9));
        judged(
            from,
            until,
            Check::Latency {
                quantile: Quantile::P99,
                bounds,
            },
        )
    };
    let rate = judged(30 * S, 40 * S, Check::SuccessRate(at_most(1.0)));
    assert_eq!((rate.held, rate.measured.as_str()), (false, "no call"));
    assert!(!latency(30 * S, 40 * S).held);
    let only_errors = latency(5 * S, 6 * S);
    assert_eq!((only_errors.held, culprit(&only_errors)), (false, Some(5)));
    assert!(judged(30 * S, 40 * S, Check::ErrorsOnly(Vec::new())).held);
}

#[test]
fn a_call_that_never_ended_counts_against_expectations() {
    let mut script = Script::new();
    script.at(S).call_started(1, 0, "echo.in");
    script.expect(0, None, "", Check::ErrorsOnly(vec!["timeout".to_owned()]));
    let (plan, journal) = script.finish();
    let judged = plan.expectations[0].judge(&Run::of(&plan, &journal));
    assert_eq!((judged.held, judged.measured.as_str()), (false, "unended 1"));
    assert_eq!(judged.counterexample.unwrap().what, "never ended");
}

#[test]
fn a_counterexample_says_what_happened_to_the_call() {
    let judged = judged(0, 100 * S, Check::ErrorsNever(vec!["timeout".to_owned()]));
    assert_eq!(
        judged.counterexample.unwrap().to_string(),
        format!(
            "call 5 at 5.000 s, front -> echo.in, timeout after {} (it broke)",
            time::exact(TIMEOUT)
        )
    );
}

#[test]
fn an_expectation_reads_as_a_statement() {
    let mut script = Script::new();
    let latency = |least: Option<u64>, most: Option<u64>| Check::Latency {
        quantile: Quantile::P99,
        bounds: Bounds {
            at_least: least.map(Duration::from_millis),
            at_most: most.map(Duration::from_millis),
        },
    };
    script.expect(0, None, "from 2s after split", Check::SuccessRate(at_least(1.0)));
    script.expect(
        0,
        None,
        "during split",
        Check::ErrorsOnly(vec!["a".to_owned(), "b".to_owned()]),
    );
    script.expect(
        0,
        None,
        "",
        Check::Failed(Bounds {
            at_least: Some(0),
            at_most: Some(0),
        }),
    );
    script.expect(0, None, "", latency(Some(1), Some(2500)));
    let texts: Vec<_> = script.plan.expectations.iter().map(|it| it.text()).collect();
    assert_eq!(
        texts,
        [
            "orders from 2s after split: success rate >= 1.0",
            "orders during split: only a, b",
            "orders: failed = 0",
            "orders: p99 >= 1 ms and <= 2.5 s",
        ]
    );
}
