//! Is a value of a type? Are two types alike?

use squall_value::{CType, CValue, Kind, MismatchProblem};

use crate::value::support::structure;

fn checked(value: &CValue, declared: &CType) -> Result<(), String> {
    value.check(declared).map_err(|it| it.to_string())
}

fn person() -> CType {
    CType::product([("name", CType::String), ("age", CType::optional(CType::Int))])
}

#[test]
fn a_value_is_of_its_own_type() {
    for value in [
        CValue::string("x"),
        CValue::Float(f64::NAN),
        CValue::product([
            ("name", CValue::string("Ann")),
            ("age", CValue::some(CValue::Int(3))),
        ]),
        CValue::list(CType::list(CType::Int), [CValue::list(CType::Int, [])]),
        CValue::map(
            CType::Int,
            CType::String,
            vec![(CValue::Int(1), CValue::string("one"))],
        ),
        CValue::union("b", CValue::Int(1), [("a", CType::String), ("b", CType::Int)]),
        CValue::some(CValue::none(CType::Int)),
    ] {
        assert_eq!(checked(&value, &value.ctype()), Ok(()), "{value:?}");
    }
}

#[test]
fn what_is_something_else_says_what_was_expected() {
    for (value, declared, expected) in [
        (CValue::Int(1), CType::String, "expected String, found Int"),
        (CValue::Int(1), CType::Float, "expected Float, found Int"),
        (
            CValue::Int(1),
            CType::optional(CType::Int),
            "expected Optional, found Int",
        ),
        (
            CValue::some(CValue::Int(1)),
            CType::Int,
            "expected Int, found Optional",
        ),
        (
            CValue::Boolean(true),
            person(),
            "expected a record, found Boolean",
        ),
        (
            CValue::map(CType::Int, CType::Int, vec![]),
            CType::list(CType::Int),
            "expected List, found Map",
        ),
    ] {
        assert_eq!(checked(&value, &declared), Err(expected.into()));
    }
}

#[test]
fn a_mismatch_says_where_it_is() {
    let people = CType::product([("people", CType::list(person()))]);
    let ann = CValue::product([
        ("name", CValue::string("Ann")),
        ("age", CValue::some(CValue::string("old"))),
    ]);
    let value = CValue::product([("people", CValue::list(person(), [ann]))]);
    let error = value.check(&people).unwrap_err();
    assert_eq!(error.to_string(), "people[0].age: expected Int, found String");
    let expected = MismatchProblem::Kind {
        expected: Kind::Int,
        found: Kind::String,
    };
    assert_eq!(error.problem, expected);

    let pairs = vec![
        (CValue::Int(1), CValue::Int(2)),
        (CValue::Int(1), CValue::Float(2.0)),
    ];
    assert_eq!(
        checked(
            &CValue::map(CType::Int, CType::Int, pairs),
            &CType::map(CType::Int, CType::Int)
        ),
        Err("[1].value: expected Int, found Float".into())
    );
}

#[test]
fn a_record_has_exactly_the_declared_fields() {
    let name = || ("name", CValue::string("Ann"));
    let age = || ("age", CValue::none(CType::Int));
    assert_eq!(checked(&CValue::product([name(), age()]), &person()), Ok(()));
    let extra = CValue::product([name(), age(), ("size", CValue::Int(1))]);
    assert_eq!(
        checked(&extra, &person()),
        Err("size: there is no such field".into())
    );
    assert_eq!(
        checked(&CValue::product([age()]), &person()),
        Err("name: the field is missing".into())
    );
}

#[test]
fn an_optional_field_that_is_missing_is_not_the_same_as_none() {
    let value = CValue::product([("name", CValue::string("Ann"))]);
    assert_eq!(
        checked(&value, &person()),
        Err("age: the field is missing".into())
    );
}

#[test]
fn what_a_value_says_of_itself_is_not_looked_at_and_can_be_made_true() {
    let value = CValue::Product {
        value: [
            ("age".into(), CValue::none(CType::String)),
            ("name".into(), CValue::string("Ann")),
        ]
        .into(),
        structure: structure([("nonsense", CType::Int)]),
    };
    assert_eq!(checked(&value, &person()), Ok(()));
    let told = value.conformed(&person()).unwrap();
    assert_eq!(
        told,
        CValue::product([("name", CValue::string("Ann")), ("age", CValue::none(CType::Int))])
    );
    assert_eq!(told.ctype(), person());
}

#[test]
fn a_declared_tag_must_tag_what_it_is_declared_for() {
    let declared = CType::union([("variant0", CType::String), ("variant1", CType::Int)]);
    let value = CValue::union::<&str>("variant1", CValue::Int(1), []);
    assert_eq!(checked(&value, &declared), Ok(()));
    let value = CValue::union::<&str>("variant0", CValue::Int(1), []);
    assert_eq!(
        checked(&value, &declared),
        Err("variant0: expected String, found Int".into())
    );
}

#[test]
fn a_tag_of_the_providers_own_is_accepted_when_a_variant_fits() {
    let declared = CType::union([("variant0", CType::String), ("variant1", CType::Int)]);
    let own = [("done", CType::Int), ("failed", CType::String)];
    let value = CValue::union("done", CValue::Int(1), own.clone());
    assert_eq!(checked(&value, &declared), Ok(()));
    let told = value.conformed(&declared).unwrap();
    assert_eq!(
        told,
        CValue::union(
            "variant1",
            CValue::Int(1),
            [("variant0", CType::String), ("variant1", CType::Int)]
        )
    );
    let value = CValue::union("done", CValue::Float(1.0), own);
    assert_eq!(
        checked(&value, &declared),
        Err(r#"tagged "done", and of no variant's type"#.into())
    );
}

#[test]
fn of_variants_of_one_type_the_one_at_the_tags_position_is_taken() {
    let declared = CType::union([("variant0", CType::Int), ("variant1", CType::Int)]);
    let own = [("first", CType::Int), ("second", CType::Int)];
    let told = CValue::union("second", CValue::Int(1), own)
        .conformed(&declared)
        .unwrap();
    assert!(matches!(told, CValue::Union { tag, .. } if &*tag == "variant1"));
}

#[test]
fn unions_in_unions_with_tags_of_their_own_take_no_exponential_time() {
    let depth = 40;
    let declared = (0..depth).fold(CType::Int, |it, _| {
        CType::union([("variant0", CType::String), ("variant1", it)])
    });
    let value = |last: CValue| {
        (0..depth).fold(last, |it, _| {
            CValue::union("own", it, [("other", CType::String), ("own", CType::Int)])
        })
    };
    assert_eq!(checked(&value(CValue::Int(1)), &declared), Ok(()));
    assert!(checked(&value(CValue::Float(1.0)), &declared).is_err());
}

#[test]
fn types_of_one_structure_are_alike_whatever_their_variants_are_called() {
    let one = CType::product([("it", CType::union([("a", CType::Int), ("b", CType::String)]))]);
    let other = CType::product([(
        "it",
        CType::union([("variant0", CType::Int), ("variant1", CType::String)]),
    )]);
    assert_eq!(one.check_same_structure(&other), Ok(()));
    assert_eq!(other.check_same_structure(&one), Ok(()));
}

#[test]
fn types_that_differ_say_where() {
    let list = |it| CType::product([("items", CType::list(it))]);
    let union = |variants: &[&str]| CType::union(variants.iter().map(|name| (*name, CType::Int)));
    for (one, other, expected) in [
        (CType::Int, CType::Float, "expected Int, found Float"),
        (
            list(CType::Int),
            list(CType::String),
            "items.element: expected Int, found String",
        ),
        (
            list(CType::Int),
            CType::product::<&str>([]),
            "items: the field is missing",
        ),
        (
            CType::product::<&str>([]),
            list(CType::Int),
            "items: there is no such field",
        ),
        (
            CType::map(CType::Int, CType::Int),
            CType::map(CType::Int, CType::String),
            "value: expected Int, found String",
        ),
        (union(&["a", "b"]), union(&["a"]), "expected 2 variants, found 1"),
        (
            CType::optional(CType::Int),
            CType::Int,
            "expected Optional, found Int",
        ),
    ] {
        let difference = one.check_same_structure(&other).unwrap_err();
        assert_eq!(difference.to_string(), expected);
    }
}
