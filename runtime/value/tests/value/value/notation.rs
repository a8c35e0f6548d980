//! Types as people read them.

use squall_value::CType;

#[test]
fn a_type_is_written_as_people_read_it() {
    let record = CType::product([("text", CType::String), ("n", CType::optional(CType::Int))]);
    for (it, expected) in [
        (CType::String, "String"),
        (CType::Int, "Int"),
        (CType::Float, "Float"),
        (CType::Boolean, "Boolean"),
        (record.clone(), "{n: Optional<Int>, text: String}"),
        (CType::product::<&str>([]), "{}"),
        (CType::list(record), "List<{n: Optional<Int>, text: String}>"),
        (CType::map(CType::Int, CType::Float), "Map<Int, Float>"),
        (
            CType::union([("ok", CType::String), ("err", CType::Int)]),
            "(err: Int | ok: String)",
        ),
        (CType::product([("a b", CType::Int)]), r#"{"a b": Int}"#),
    ] {
        assert_eq!(it.to_string(), expected);
    }
}
