//! Lines 110 to 116, and 129's part of them: types from schemas, and schemas from types.

use squall_proto::provider::primitive_type::Kind;
use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{
    ListType, MapType, OptionType, PrimitiveType, RecordType, TypeSchema, UnionType,
};
use squall_value::{CType, Limits};

fn schema(it: Type) -> TypeSchema {
    TypeSchema { r#type: Some(it) }
}

fn primitive(kind: i32) -> TypeSchema {
    schema(Type::Primitive(PrimitiveType { kind }))
}

fn of(kind: Kind) -> TypeSchema {
    primitive(kind.into())
}

fn boxed(kind: Kind) -> Option<Box<TypeSchema>> {
    Some(Box::new(of(kind)))
}

fn record<const N: usize>(fields: [(&str, TypeSchema); N]) -> TypeSchema {
    let fields = fields.map(|(name, field)| (name.to_owned(), field)).into();
    schema(Type::Record(RecordType { fields }))
}

fn list(element: Option<Box<TypeSchema>>) -> TypeSchema {
    schema(Type::List(Box::new(ListType {
        element_type: element,
    })))
}

fn map(key: Option<Box<TypeSchema>>, value: Option<Box<TypeSchema>>) -> TypeSchema {
    schema(Type::Map(Box::new(MapType {
        key_type: key,
        value_type: value,
    })))
}

fn union(variants: Vec<TypeSchema>) -> TypeSchema {
    schema(Type::Union(UnionType { variants }))
}

fn option(inner: Option<Box<TypeSchema>>) -> TypeSchema {
    schema(Type::Option(Box::new(OptionType { inner_type: inner })))
}

/// Schemas and the types that they declare, to be read in both directions.
fn pairs() -> Vec<(TypeSchema, CType)> {
    vec![
        (of(Kind::String), CType::String),
        (of(Kind::Int), CType::Int),
        (of(Kind::Float), CType::Float),
        (of(Kind::Bool), CType::Boolean),
        (
            record([("age", of(Kind::Int)), ("name", of(Kind::String))]),
            CType::product([("name", CType::String), ("age", CType::Int)]),
        ),
        (list(boxed(Kind::Float)), CType::list(CType::Float)),
        (
            map(boxed(Kind::String), boxed(Kind::Int)),
            CType::map(CType::String, CType::Int),
        ),
        (option(boxed(Kind::String)), CType::optional(CType::String)),
        (
            union(vec![of(Kind::String), of(Kind::Int)]),
            CType::union([("variant0", CType::String), ("variant1", CType::Int)]),
        ),
        (record([]), CType::product::<&str>([])),
    ]
}

fn converted(schema: &TypeSchema) -> Result<CType, String> {
    CType::from_schema(schema, &Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn line_110_a_schema_of_each_kind_is_its_type() {
    for (schema, expected) in pairs() {
        assert_eq!(converted(&schema), Ok(expected));
    }
    let empty = schema(Type::Primitive(PrimitiveType::default()));
    assert_eq!(
        converted(&empty),
        Ok(CType::String),
        "a primitive that is set and empty is a string"
    );
}

#[test]
fn line_112_variants_are_named_by_their_positions() {
    let kinds = [Kind::Int, Kind::String, Kind::Int];
    let converted = converted(&union(kinds.map(of).into())).unwrap();
    assert_eq!(
        converted.to_string(),
        "(variant0: Int | variant1: String | variant2: Int)"
    );
}

#[test]
fn line_113_a_schema_that_lacks_something_says_what() {
    for (schema, expected) in [
        (TypeSchema::default(), "TypeSchema has no type set"),
        (list(None), "ListType missing element_type"),
        (map(None, boxed(Kind::Int)), "MapType missing key_type"),
        (map(boxed(Kind::Int), None), "MapType missing value_type"),
        (union(vec![]), "UnionType must have at least one variant"),
        (option(None), "OptionType missing inner_type"),
        (primitive(999), "Unrecognized primitive kind: 999"),
    ] {
        assert_eq!(converted(&schema), Err(expected.into()));
    }
}

#[test]
fn line_114_an_error_inside_a_field_and_inside_an_element_comes_out_unchanged() {
    let bad = TypeSchema::default;
    let in_a_field = record([("a", of(Kind::Int)), ("b", bad())]);
    let in_an_element = list(Some(Box::new(bad())));
    for schema in [in_a_field, in_an_element] {
        assert_eq!(converted(&schema), Err("TypeSchema has no type set".into()));
    }
}

#[test]
fn line_114_of_two_errors_the_leftmost_field_is_named_and_a_key_before_its_value() {
    let two = record([
        ("b", of(Kind::Int)),
        ("c", option(None)),
        ("a", of(Kind::Int)),
        ("d", list(None)),
    ]);
    assert_eq!(converted(&two), Err("OptionType missing inner_type".into()));
    let both = map(Some(Box::new(list(None))), Some(Box::new(TypeSchema::default())));
    assert_eq!(converted(&both), Err("ListType missing element_type".into()));
    assert_eq!(
        converted(&map(None, None)),
        Err("MapType missing key_type".into())
    );
}

#[test]
fn line_115_a_type_of_each_kind_is_its_schema() {
    for (schema, it) in pairs() {
        assert_eq!(it.to_schema(), schema, "{it}");
    }
}

#[test]
fn line_116_types_come_back_from_their_schemas() {
    let item = CType::product([("price", CType::Float), ("tags", CType::list(CType::String))]);
    let order = CType::product([("items", CType::list(item)), ("paid", CType::Boolean)]);
    let types = pairs().into_iter().map(|(_, it)| it).chain([order]);
    for it in types {
        assert_eq!(converted(&it.to_schema()), Ok(it.clone()), "{it}");
    }
}

#[test]
fn line_116_so_do_unions_of_more_than_ten_variants() {
    let kinds = [CType::String, CType::Int, CType::Float, CType::Boolean];
    let variants = (0..25).map(|position| (format!("variant{position}"), kinds[position % 4].clone()));
    let union = CType::union(variants);
    assert_eq!(converted(&union.to_schema()), Ok(union));
}
