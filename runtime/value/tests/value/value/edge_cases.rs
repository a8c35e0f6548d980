//! The table of edge cases of the specification, section 2.15, row by row: lenient in, strict out.

use squall_value::{CType, CValue};

use crate::value::support::{json, structure, value};

fn int(text: &str) -> Result<CValue, String> {
    value(format!(r#"{{"tag":"CInt","value":{text}}}"#))
}

fn float(text: &str) -> f64 {
    match value(format!(r#"{{"tag":"CFloat","value":{text}}}"#)) {
        Ok(CValue::Float(float)) => float,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn an_integer_beyond_2_to_the_53_is_exact_in_and_out() {
    for exact in [9_007_199_254_740_993, i64::MAX, i64::MIN] {
        let text = format!(r#"{{"tag":"CInt","value":{exact}}}"#);
        assert_eq!(value(&text), Ok(CValue::Int(exact)));
        assert_eq!(json(&CValue::Int(exact)), text);
    }
    let beyond = Err(r#"CInt "value" must be a number of 64 bits"#.to_owned());
    assert_eq!(int("9223372036854775808"), beyond);
    assert_eq!(int("-9223372036854775809"), beyond);
}

#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    for text in ["1000", "1000.0", "1e3", "1.0E3", r#""1000""#, r#""1e3""#] {
        assert_eq!(int(text), Ok(CValue::Int(1000)), "{text}");
    }
    assert_eq!(int("-0.0"), Ok(CValue::Int(0)));
}

#[test]
fn a_fraction_is_no_integer_nor_is_null_true_or_other_text() {
    let whole = Err(r#"CInt "value" must be a whole number"#.to_owned());
    assert_eq!(int("1.5"), whole);
    assert_eq!(int(r#""1.5""#), whole);
    let number = Err(r#"CInt "value" must be a number"#.to_owned());
    for text in ["null", "true", r#""""#, r#"" 1""#, r#""0x1""#, "[1]", "{}"] {
        assert_eq!(int(text), number, "{text}");
    }
}

#[test]
fn a_float_may_be_a_whole_number_or_text_or_beyond_a_double() {
    assert_eq!(float("1"), 1.0);
    assert_eq!(float("1.0E10"), 1e10);
    assert_eq!(float(r#""2.5""#), 2.5);
    assert_eq!(float("1e400"), f64::INFINITY);
    assert_eq!(float("-1e400"), f64::NEG_INFINITY);
    assert_eq!(float(r#""1e400""#), f64::INFINITY);
    assert_eq!(float("1e-400"), 0.0);
    assert_eq!(float("123456789012345678901234567890"), 1.2345678901234568e29);
    assert!(float("-0.0").is_sign_negative());
    for text in [r#""NaN""#, r#""Infinity""#, r#""""#, "false", "[]"] {
        let read = value(format!(r#"{{"tag":"CFloat","value":{text}}}"#));
        assert_eq!(read, Err(r#"CFloat "value" must be a number"#.into()), "{text}");
    }
}

#[test]
fn nan_and_infinities_go_out_as_null_which_comes_in_as_nan() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(json(&CValue::Float(float)), r#"{"tag":"CFloat","value":null}"#);
    }
    assert!(float("null").is_nan());
}

#[test]
fn floats_go_out_as_json_that_every_reader_takes_for_the_same_double() {
    for (float, text) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e10, "10000000000.0"),
        (1e21, "1e+21"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
    ] {
        assert_eq!(
            json(&CValue::Float(float)),
            format!(r#"{{"tag":"CFloat","value":{text}}}"#)
        );
    }
}

#[test]
fn keys_of_maps_are_of_any_type_and_duplicates_are_kept_in_order() {
    let text = r#"{"tag":"CMap","value":[{"key":{"tag":"CList","value":[],"subtype":{"tag":"CInt"}},"value":{"tag":"CInt","value":2}},{"key":{"tag":"CList","value":[],"subtype":{"tag":"CInt"}},"value":{"tag":"CInt","value":1}}],"keysType":{"tag":"CList","valuesType":{"tag":"CInt"}},"valuesType":{"tag":"CInt"}}"#;
    let key = || CValue::list(CType::Int, []);
    let pairs = vec![(key(), CValue::Int(2)), (key(), CValue::Int(1))];
    let expected = CValue::map(CType::list(CType::Int), CType::Int, pairs);
    assert_eq!(json(&expected), text);
    assert_eq!(value(text), Ok(expected));
}

#[test]
fn an_entry_of_a_map_is_a_key_and_a_value_in_any_order() {
    let with = |entry: &str| {
        value(format!(
            r#"{{"tag":"CMap","value":[{entry}],"keysType":{{"tag":"CInt"}},"valuesType":{{"tag":"CInt"}}}}"#
        ))
    };
    let (key, it) = (
        r#""key":{"tag":"CInt","value":1}"#,
        r#""value":{"tag":"CInt","value":2}"#,
    );
    let expected = CValue::map(CType::Int, CType::Int, vec![(CValue::Int(1), CValue::Int(2))]);
    assert_eq!(with(&format!("{{{it},\"other\":[],{key}}}")), Ok(expected));
    let problem = |path: &str| {
        Err(format!(
            r#"{path}CMap entry must be an object with "key" and "value" fields"#
        ))
    };
    assert_eq!(with("[1,2]"), problem("value[0]: "));
    assert_eq!(with(&format!("{{{key}}}")), problem("value[0]: "));
    assert_eq!(with(&format!("{{{it}}}")), problem("value[0]: "));
}

#[test]
fn a_record_may_say_other_fields_of_itself_than_it_has() {
    let text =
        r#"{"tag":"CProduct","value":{"a":{"tag":"CInt","value":1}},"structure":{"b":{"tag":"CString"}}}"#;
    let expected = CValue::Product {
        value: [("a".into(), CValue::Int(1))].into(),
        structure: structure([("b", CType::String)]),
    };
    assert_eq!(value(text), Ok(expected));
}

#[test]
fn a_tag_may_be_none_of_its_union_and_an_element_of_another_type() {
    let text = r#"{"tag":"CUnion","value":{"tag":"CInt","value":3},"structure":{"a":{"tag":"CString"}},"unionTag":"b"}"#;
    let expected = CValue::union("b", CValue::Int(3), [("a", CType::String)]);
    assert_eq!(value(text), Ok(expected));
    let text = r#"{"tag":"CList","value":[{"tag":"CString","value":"x"}],"subtype":{"tag":"CInt"}}"#;
    assert_eq!(value(text), Ok(CValue::list(CType::Int, [CValue::string("x")])));
}

#[test]
fn invalid_utf_8_is_replaced_and_so_are_halves_of_surrogate_pairs() {
    let bytes = b"{\"tag\":\"CString\",\"value\":\"a\xff\xfeb\"}";
    assert_eq!(value(bytes), Ok(CValue::string("a\u{FFFD}\u{FFFD}b")));
    for (text, expected) in [
        (r"\ud83d\ude00", "\u{1F600}"),
        (r"\ud83d", "\u{FFFD}"),
        (r"\ude00x", "\u{FFFD}x"),
        (r"\ud83d\u0041", "\u{FFFD}A"),
        (r"\u0000\b\f\n\r\t\/\\\u00e9", "\0\u{8}\u{c}\n\r\t/\\é"),
    ] {
        let read = value(format!(r#"{{"tag":"CString","value":"{text}"}}"#));
        assert_eq!(read, Ok(CValue::string(expected)), "{text}");
    }
}

#[test]
fn nothing_and_what_is_no_json_are_errors_that_say_where() {
    let start = r#"{"tag":"CInt","value":1"#;
    for (text, expected) in [
        (String::new(), "expected a value at byte 0"),
        (start.to_owned(), "expected `,` or `}` at byte 23"),
        (format!("{start}}} x"), "expected the end at byte 25"),
        (format!("{start},}}"), "expected a name in quotes at byte 24"),
        (format!("{start},\"a\" 1}}"), "expected `:` at byte 28"),
        (format!("{start},\"a\":nul}}"), "expected a value at byte 28"),
        (
            format!("{start},\"a\":\"\u{1}\"}}"),
            "expected no control character in a string at byte 29",
        ),
    ] {
        assert_eq!(value(&text), Err(format!("not JSON: {expected}")), "{text}");
    }
    let text = r#"{"tag":"CList","value":[{"tag":"CInt","value":01}],"subtype":{"tag":"CInt"}}"#;
    assert_eq!(
        value(text),
        Err("value[0]: not JSON: expected `,` or `}` at byte 47".into())
    );
}

#[test]
fn a_sequence_is_read_as_a_list_and_never_written() {
    let text = r#"{"tag":"CSeq","value":[{"tag":"CInt","value":1}],"subtype":{"tag":"CSeq","valuesType":{"tag":"CInt"}}}"#;
    let expected = CValue::list(CType::list(CType::Int), [CValue::Int(1)]);
    assert_eq!(value(text).as_ref(), Ok(&expected));
    assert_eq!(
        json(&expected),
        r#"{"tag":"CList","value":[{"tag":"CInt","value":1}],"subtype":{"tag":"CList","valuesType":{"tag":"CInt"}}}"#
    );
}

#[test]
fn unknown_members_are_ignored_and_so_are_those_of_other_tags() {
    let text =
        r#"{"extra":{"deep":[1,{"x":null}]},"value":"x","tag":"CString","structure":"junk","unionTag":7}"#;
    assert_eq!(value(text), Ok(CValue::string("x")));
    assert_eq!(value(r#" { "tag" : "CInt" , "value" : 1 } "#), Ok(CValue::Int(1)));
}

#[test]
fn tags_are_case_sensitive_and_those_of_types_are_none_of_values() {
    for tag in ["cstring", "COptional", "CSTRING", "String", ""] {
        let read = value(format!(r#"{{"tag":"{tag}","value":"x"}}"#));
        assert_eq!(read, Err(format!("Unknown CValue tag: {tag}")));
    }
    for tag in ["CSome", "CNone"] {
        let read = crate::value::support::ctype(&format!(r#"{{"tag":"{tag}"}}"#));
        assert_eq!(read, Err(format!("Unknown CType tag: {tag}")));
    }
    for text in [r#"{"tag":7}"#, r#"{"tag":null}"#, "[]", "7", r#""CInt""#] {
        assert_eq!(
            value(text),
            Err(r#"Invalid CValue JSON: expected object with "tag" field"#.into())
        );
    }
}

#[test]
fn a_member_or_a_field_that_comes_twice_is_an_error() {
    for (text, expected) in [
        (r#"{"tag":"CInt","value":1,"value":2}"#, r#""value" comes twice"#),
        (r#"{"value":1,"value":2,"tag":"CInt"}"#, r#""value" comes twice"#),
        (r#"{"tag":"CInt","tag":"CInt","value":1}"#, r#""tag" comes twice"#),
        (
            r#"{"tag":"CProduct","value":{"a":{"tag":"CInt","value":1},"a":{"tag":"CInt","value":2}},"structure":{}}"#,
            r#"value: "a" comes twice"#,
        ),
    ] {
        assert_eq!(value(text), Err(expected.into()), "{text}");
    }
}

#[test]
fn an_error_says_where_in_the_json_it_is() {
    for (text, expected) in [
        (
            r#"{"tag":"CProduct","value":{"text":{"tag":"CString","value":1}},"structure":{}}"#,
            r#"value.text: CString "value" must be a string"#,
        ),
        (
            r#"{"tag":"CProduct","value":{"a b":{"tag":"CSome","value":{"tag":"X"}}},"structure":{}}"#,
            r#"value["a b"].value: Unknown CValue tag: X"#,
        ),
        (
            r#"{"tag":"CMap","value":[{"key":{"tag":"CInt","value":1},"value":{"tag":"CInt"}}]}"#,
            r#"value[0].value: CInt "value" must be a number"#,
        ),
        (
            r#"{"tag":"CList","value":[],"subtype":{"tag":"CMap","keysType":{"tag":"CList"}}}"#,
            r#"subtype.keysType: CList missing "valuesType" field"#,
        ),
        (
            r#"{"tag":"CUnion","structure":{"ok":{"tag":"?"}}}"#,
            "structure.ok: Unknown CType tag: ?",
        ),
        (
            r#"{"tag":"CSome","value":{"tag":"CSome","value":{"tag":"CInt","value":"x"}}}"#,
            r#"value.value: CInt "value" must be a number"#,
        ),
        (
            r#"{"tag":"CList","value":[],"subtype":{"tag":"CProduct","structure":7}}"#,
            r#"subtype: CProduct "structure" must be an object"#,
        ),
        (
            r#"{"tag":"CUnion","structure":[]}"#,
            r#"CUnion "structure" must be an object"#,
        ),
        (
            r#"{"tag":"CUnion","unionTag":1}"#,
            r#"CUnion "unionTag" must be a string"#,
        ),
    ] {
        assert_eq!(value(text), Err(expected.into()), "{text}");
    }
}

#[test]
fn records_of_one_list_share_what_they_say_of_themselves() {
    let record =
        r#"{"tag":"CProduct","value":{"a":{"tag":"CInt","value":1}},"structure":{"a":{"tag":"CInt"}}}"#;
    let text = format!(r#"{{"tag":"CList","value":[{record},{record}],"subtype":{{"tag":"CInt"}}}}"#);
    let Ok(CValue::List { value, .. }) = value(&text) else {
        panic!("{text}")
    };
    let [
        CValue::Product { structure: one, .. },
        CValue::Product { structure: other, .. },
    ] = &value[..]
    else {
        panic!("{value:?}")
    };
    assert!(std::sync::Arc::ptr_eq(one, other));
}
