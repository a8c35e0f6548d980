//! The bug is found, and the fix holds.

use own_system::squalls::harness;
use squall::report::Style;

#[test]
fn orders_that_say_whose_they_are_lose_no_stock() {
    let harness = harness().deny_vacuous().deny_incidents();
    for seed in 0..20 {
        let run = harness.run_file("scenarios/cut.toml", Some(seed));
        run.expect("it is a scenario").assert_held();
    }
}

#[test]
fn blind_retries_lose_stock_and_the_oracle_says_so() {
    let run = harness().run_file("scenarios/negative/blind-retries.toml", None);
    let run = run.expect("it is a scenario");
    let judgement = run.judge();
    let broken = judgement.verdict().oracles.iter().filter(|it| !it.held);
    let broken: Vec<_> = broken.map(|it| it.name.as_str()).collect();
    assert_eq!(
        broken,
        ["nothing lost"],
        "{}",
        judgement.text("", Style::default())
    );
}
