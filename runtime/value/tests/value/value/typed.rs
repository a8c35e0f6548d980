//! Values as types of the user's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use squall_value::{CType, CValue};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Review {
    text: String,
    stars: Option<i64>,
    score: f64,
    tags: Vec<String>,
    counts: BTreeMap<i64, u8>,
    verdict: Verdict,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Verdict {
    Unknown,
    Good(f64),
    Bad { reason: String },
}

fn verdicts() -> [(&'static str, CType); 3] {
    [
        ("Unknown", CType::product::<&str>([])),
        ("Good", CType::Float),
        ("Bad", CType::product([("reason", CType::String)])),
    ]
}

fn review() -> CType {
    CType::product([
        ("text", CType::String),
        ("stars", CType::optional(CType::Int)),
        ("score", CType::Float),
        ("tags", CType::list(CType::String)),
        ("counts", CType::map(CType::Int, CType::Int)),
        ("verdict", CType::union(verdicts())),
    ])
}

fn example(stars: Option<i64>, score: f64, verdict: Verdict) -> Review {
    Review {
        text: "fine".into(),
        stars,
        score,
        tags: vec!["a".into(), "b".into()],
        counts: [(-1, 2), (3, 4)].into(),
        verdict,
    }
}

#[test]
fn a_struct_becomes_a_value_of_the_declared_type_and_comes_back() {
    let bad = Verdict::Bad {
        reason: "slow".into(),
    };
    for it in [
        example(None, 0.5, Verdict::Unknown),
        example(Some(9_007_199_254_740_993), f64::INFINITY, Verdict::Good(-0.0)),
        example(Some(i64::MIN), 1.0, bad),
    ] {
        let value = CValue::from_serialize(&it, &review()).unwrap();
        assert_eq!(value.check(&review()), Ok(()));
        assert_eq!(value.ctype(), review());
        assert_eq!(value.deserialize::<Review>(), Ok(it));
    }
}

#[test]
fn each_field_is_the_value_that_it_would_be_by_hand() {
    let it = example(Some(4), 0.5, Verdict::Good(1.0));
    let value = CValue::from_serialize(&it, &review()).unwrap();
    assert_eq!(value.field("text"), Some(&CValue::string("fine")));
    assert_eq!(value.field("stars"), Some(&CValue::some(CValue::Int(4))));
    let verdict = CValue::union("Good", CValue::Float(1.0), verdicts());
    assert_eq!(value.field("verdict"), Some(&verdict));
    let it = example(None, 0.5, Verdict::Unknown);
    let value = CValue::from_serialize(&it, &review()).unwrap();
    assert_eq!(value.field("stars"), Some(&CValue::none(CType::Int)));
}

#[test]
fn nan_survives_and_an_option_of_it_too() {
    let value = CValue::from_serialize(&f64::NAN, &CType::Float).unwrap();
    assert!(value.deserialize::<f64>().unwrap().is_nan());
    let value = CValue::from_serialize(&Some(f64::NAN), &CType::optional(CType::Float)).unwrap();
    assert!(value.deserialize::<Option<f64>>().unwrap().unwrap().is_nan());
}

#[test]
fn options_nest() {
    let declared = CType::optional(CType::optional(CType::Int));
    for it in [None, Some(None), Some(Some(7_i64))] {
        let value = CValue::from_serialize(&it, &declared).unwrap();
        assert_eq!(value.deserialize::<Option<Option<i64>>>(), Ok(it));
    }
}

#[test]
fn tuples_are_lists_and_newtypes_what_is_in_them() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Meters(f64);
    let declared = CType::list(CType::Float);
    let value = CValue::from_serialize(&(1.0, Meters(2.0)), &declared).unwrap();
    assert_eq!(
        value,
        CValue::list(CType::Float, [CValue::Float(1.0), CValue::Float(2.0)])
    );
    assert_eq!(value.deserialize(), Ok((1.0, Meters(2.0))));
}

#[test]
fn a_map_may_be_pairs_in_rust_too() {
    let declared = CType::map(CType::Int, CType::String);
    let pairs = vec![(1, "one".to_owned()), (1, "uno".to_owned())];
    let value = CValue::from_serialize(&pairs, &declared).unwrap();
    assert_eq!(value.deserialize::<Vec<(i64, String)>>(), Ok(pairs));
    let last: BTreeMap<i64, String> = value.deserialize().unwrap();
    assert_eq!(last, [(1, "uno".to_owned())].into());
}

#[test]
fn what_does_not_fit_says_where() {
    let declared = CType::product([("stars", CType::list(CType::Int))]);
    #[derive(Debug, Deserialize)]
    struct Rated {
        #[expect(dead_code, reason = "it is never read: there is none")]
        stars: Vec<u8>,
    }
    let value = CValue::from_plain(&serde_json::json!({"stars": [5, -1]}), &declared).unwrap();
    assert_eq!(
        value.deserialize::<Rated>().unwrap_err().to_string(),
        "stars[1]: invalid value: integer `-1`, expected u8"
    );
    assert_eq!(
        CValue::string("x").deserialize::<i64>().unwrap_err().to_string(),
        "invalid type: string \"x\", expected i64"
    );
    let it = example(None, 0.5, Verdict::Unknown);
    assert_eq!(
        CValue::from_serialize(&it, &declared).unwrap_err().to_string(),
        "text: there is no such field"
    );
    assert_eq!(
        CValue::from_serialize(&u64::MAX, &CType::Int)
            .unwrap_err()
            .to_string(),
        "expected a number of 64 bits"
    );
}
