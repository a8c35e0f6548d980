//! Schemas, beyond the checklist.

use squall_value::{CType, CValue, Limits, SchemaError};

#[test]
fn a_declaration_without_a_schema_says_which() {
    let limits = Limits::default();
    for (field, expected) in [
        ("input_schema", "Missing input_schema"),
        ("output_schema", "Missing output_schema"),
    ] {
        let error = CType::from_declared(None, field, &limits).unwrap_err();
        assert_eq!(error, SchemaError::Missing { field });
        assert_eq!(error.to_string(), expected);
    }
    let schema = CType::Int.to_schema();
    assert_eq!(
        CType::from_declared(Some(&schema), "input_schema", &limits),
        Ok(CType::Int)
    );
}

#[test]
fn names_of_variants_become_positions_in_natural_order() {
    let union = CType::union([
        ("b10", CType::Int),
        ("b2", CType::String),
        ("a", CType::Float),
        ("b", CType::Boolean),
    ]);
    let names: Vec<_> = union
        .variants_in_order()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a", "b", "b2", "b10"]);
    let back = CType::from_schema(&union.to_schema(), &Limits::default()).unwrap();
    assert_eq!(
        back.to_string(),
        "(variant0: Float | variant1: Boolean | variant2: String | variant3: Int)"
    );
    assert_eq!(CType::Int.variants_in_order(), []);
}

#[test]
fn a_value_with_names_of_its_own_becomes_one_with_positions_and_the_other_way_around() {
    let named = CType::union([("failed", CType::String), ("done", CType::Int)]);
    let on_the_wire = CType::from_schema(&named.to_schema(), &Limits::default()).unwrap();
    let own = CValue::union(
        "failed",
        CValue::string("no"),
        [("failed", CType::String), ("done", CType::Int)],
    );
    let there = own.clone().conformed(&on_the_wire).unwrap();
    let (one, two) = (("variant0", CType::Int), ("variant1", CType::String));
    assert_eq!(there, CValue::union("variant1", CValue::string("no"), [one, two]));
    assert_eq!(there.conformed(&named).unwrap(), own);
}
