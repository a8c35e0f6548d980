//! Instances at rest, and back.

use squall_machine::{
    Codec, CodecError, Machine, RestoreError, RestoreOptions, Retain, SNAPSHOT_VERSION, Snapshot, State,
    Status, Transition,
};

use crate::support::*;

fn snapshot() -> Snapshot {
    let mut instance = begin(&counter(), Counter::default());
    fire(&mut instance, "next");
    instance.snapshot().unwrap()
}

fn refused(change: impl FnOnce(&mut Snapshot)) -> RestoreError {
    let mut it = snapshot();
    change(&mut it);
    counter().restore(&it, RestoreOptions::default()).unwrap_err()
}

#[test]
fn a_restored_instance_goes_on_as_the_other_one_does() {
    let mut live = begin(&counter(), Counter::default());
    fire(&mut live, "next");
    let mut restored = counter()
        .restore(&live.snapshot().unwrap(), RestoreOptions::default())
        .unwrap();
    for instance in [&mut live, &mut restored] {
        fire(instance, "back");
        fire(instance, "next");
    }
    assert_eq!(json(&live), json(&restored));
}

#[test]
fn a_snapshot_that_is_none_of_the_machine_is_refused_by_its_name() {
    assert!(matches!(
        refused(|it| it.machine = "x".into()),
        RestoreError::OtherMachine { .. }
    ));
    assert!(matches!(
        refused(|it| it.snapshot_version = 2000),
        RestoreError::OtherFormat { found: 2000 }
    ));
    assert!(matches!(
        refused(|it| it.configuration = vec!["z".into()]),
        RestoreError::UnknownState { .. }
    ));
    assert!(matches!(
        refused(|it| {
            it.configuration.clear();
            it.current = "z".into();
        }),
        RestoreError::UnknownState { .. }
    ));
    assert!(matches!(
        refused(|it| it.configuration = vec!["a".into(), "b".into()]),
        RestoreError::Parallel { leaves: 2, .. }
    ));
    assert!(matches!(
        refused(|it| it.context = Some(serde_json::json!("n"))),
        RestoreError::Context { .. }
    ));
    let strict = RestoreOptions {
        same_version: true,
        ..RestoreOptions::default()
    };
    let mut other = snapshot();
    other.machine_version = "0.9".into();
    let error = counter().restore(&other, strict).unwrap_err();
    assert!(matches!(error, RestoreError::OtherVersion { .. }), "{error}");
}

#[test]
fn what_is_compatible_is_accepted() {
    for version in [0, SNAPSHOT_VERSION, SNAPSHOT_VERSION + 1] {
        let mut it = snapshot();
        it.snapshot_version = version;
        it.machine_version = "another".into();
        assert!(counter().restore(&it, RestoreOptions::default()).is_ok());
    }
    let mut it = snapshot();
    it.configuration.clear();
    let instance = counter().restore(&it, RestoreOptions::default()).unwrap();
    assert_eq!(instance.state(), "b");
    let null = br#"{"machine":"counter","current":"a","configuration":null,"context":{"n":0},"status":0,"pending":{}}"#;
    let instance = counter().restore(&Snapshot::from_json(null).unwrap(), RestoreOptions::default());
    assert_eq!(instance.unwrap().state(), "a");
}

#[test]
fn a_compound_state_is_no_leaf() {
    let mut it = begin(&heater(), vec![]).snapshot().unwrap();
    it.configuration = vec!["on".into()];
    let error = heater().restore(&it, RestoreOptions::default()).unwrap_err();
    assert!(matches!(error, RestoreError::UnknownState { .. }), "{error}");
}

#[test]
fn only_the_last_traces_are_kept_where_that_is_asked_for() {
    let mut instance = counter()
        .cast_with(Counter::default(), Retain::Last(2))
        .unwrap()
        .instance;
    for event in ["next", "back", "next"] {
        fire(&mut instance, event);
    }
    let it = instance.snapshot().unwrap();
    assert_eq!((it.traces.len(), it.hist_limit), (2, 2));
    let mut restored = counter().restore(&it, RestoreOptions::default()).unwrap();
    fire(&mut restored, "back");
    fire(&mut instance, "back");
    assert_eq!(json(&restored), json(&instance));
}

#[test]
fn how_an_instance_ended_is_in_its_snapshot_and_stays() {
    let mut instance = begin(&counter(), Counter::default());
    instance.set_output(serde_json::json!({"total": 3}));
    instance.set_failed("the actor was given up");
    let it = instance.snapshot().unwrap();
    assert_eq!(
        (it.status, &*it.error),
        (Status::Failed, "the actor was given up")
    );
    let restored = counter().restore(&it, RestoreOptions::default()).unwrap();
    assert_eq!(json(&restored), json(&instance));
}

/// Writes a number as a text.
struct Texts;

impl Codec<u32> for Texts {
    fn encode(&self, value: &u32) -> Result<Vec<u8>, CodecError> {
        Ok(format!("\"n{value}\"").into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<u32, CodecError> {
        let text: String = serde_json::from_slice(bytes)?;
        let number = text.strip_prefix('n').and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| CodecError::new(format!("{text:?} is no number")))
    }
}

#[test]
fn a_context_has_the_codec_that_the_machine_was_given() {
    let machine = Machine::<u32, String>::builder("m")
        .initial("a")
        .state(State::new("a").with(Transition::on("go")))
        .context_codec(Texts)
        .build()
        .unwrap();
    let mut it = machine.cast(7).unwrap().instance.snapshot().unwrap();
    assert_eq!(it.context, Some(serde_json::json!("n7")));
    let restored = machine.restore(&it, RestoreOptions::default()).unwrap();
    assert_eq!(*restored.context(), 7);
    it.context = Some(serde_json::json!(7));
    assert!(machine.restore(&it, RestoreOptions::default()).is_err());
}
