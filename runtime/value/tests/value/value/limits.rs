//! What is too large, too deep or too much is an error, and no crash.

use squall_value::{CType, CValue, Limits};

use crate::value::support::ctype;

/// JSON of a present value in a present value, and so on.
fn nested(levels: usize) -> String {
    let open = r#"{"tag":"CSome","innerType":{"tag":"CInt"},"value":"#.repeat(levels);
    format!(r#"{open}{{"tag":"CInt","value":1}}{}"#, "}".repeat(levels))
}

fn read(json: &str, limits: Limits) -> Result<CValue, String> {
    CValue::from_json(json.as_bytes(), &limits).map_err(|error| error.to_string())
}

#[test]
fn json_over_the_limit_of_bytes_is_not_looked_at() {
    let limits = Limits {
        bytes_max: 10,
        ..Limits::default()
    };
    let json = r#"{"tag":"CInt","value":1}"#;
    assert_eq!(
        read(json, limits),
        Err("JSON of 24 bytes is over the limit of 10".into())
    );
    let limits = Limits {
        bytes_max: 24,
        ..limits
    };
    assert_eq!(read(json, limits), Ok(CValue::Int(1)));
}

#[test]
fn values_nest_as_deep_as_the_limit_and_no_deeper() {
    let depth_max = Limits::default().depth_max;
    assert!(read(&nested(depth_max - 1), Limits::default()).is_ok());
    let error = read(&nested(depth_max), Limits::default()).unwrap_err();
    assert!(error.ends_with(": nested deeper than 64 levels"), "{error}");
    assert!(error.starts_with("value.value."), "{error}");
}

#[test]
fn types_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |levels: usize| {
        let open = r#"{"tag":"CList","valuesType":"#.repeat(levels);
        format!(r#"{open}{{"tag":"CInt"}}{}"#, "}".repeat(levels))
    };
    let depth_max = Limits::default().depth_max;
    assert!(ctype(&nested(depth_max - 1)).is_ok());
    let error = ctype(&nested(depth_max)).unwrap_err();
    assert!(error.ends_with(": nested deeper than 64 levels"), "{error}");
}

#[test]
fn a_type_that_is_known_from_elsewhere_does_not_pass_the_limit() {
    let limits = Limits {
        depth_max: 3,
        ..Limits::default()
    };
    let list = r#"{"tag":"CList","valuesType":{"tag":"CList","valuesType":{"tag":"CInt"}}}"#;
    let map = |values: &str| {
        let json = format!(r#"{{"tag":"CMap","value":[],"keysType":{list},"valuesType":{values}}}"#);
        read(&json, limits).map(drop)
    };
    assert_eq!(map(list), Ok(()));
    let deeper = format!(r#"{{"tag":"COptional","innerType":{list}}}"#);
    assert_eq!(
        map(&deeper),
        Err("valuesType.innerType.valuesType.valuesType: nested deeper than 3 levels".into())
    );
    let known = r#"{"tag":"CInt"}"#;
    let deepest = list.replace(known, &format!(r#"{{"tag":"CList","valuesType":{known}}}"#));
    assert!(map(&deepest).is_err());
}

#[test]
fn the_stack_of_a_thread_is_enough_for_ten_times_the_default() {
    let limits = Limits {
        depth_max: 640,
        ..Limits::default()
    };
    let value = read(&nested(639), limits).unwrap();
    let declared = (0..639).fold(CType::Int, |it, _| CType::optional(it));
    assert_eq!(value.check(&declared), Ok(()));
    assert_eq!(value.to_json().len(), nested(639).len());
    assert_eq!(value.to_plain(), serde_json::json!(1));
    assert_eq!(CType::from_json(&declared.to_json(), &limits), Ok(declared));
    assert!(read(&nested(640), limits).is_err());
}

#[test]
fn hundreds_of_thousands_of_levels_are_an_error_wherever_they_are() {
    let levels = 200_000;
    let arrays = "[".repeat(levels) + &"]".repeat(levels);
    let ignored = format!(r#"{{"tag":"CInt","other":{arrays},"value":1}}"#);
    assert_eq!(read(&ignored, Limits::default()), Ok(CValue::Int(1)));
    let open = r#"{"a":"#.repeat(levels);
    for json in [
        arrays,
        nested(levels / 4),
        open.clone(),
        format!(r#"{{"tag":"CProduct","value":{open}"#),
        format!(r#"{{"tag":"CProduct","structure":{open}"#),
        r#"{"value":"#.repeat(levels),
    ] {
        let limits = Limits {
            bytes_max: 16 << 20,
            ..Limits::default()
        };
        assert!(read(&json, limits).is_err());
    }
}

#[test]
fn a_value_whose_tags_all_come_last_is_read_about_as_quickly_as_any() {
    // Each level skips what is in it, to know what it is: without memory, 60 levels would skip a megabyte 60 times.
    let large = format!(r#"{{"value":"{}","tag":"CString"}}"#, "x".repeat(1 << 20));
    let open = r#"{"value":"#.repeat(60);
    let close = r#","innerType":{"tag":"CInt"},"tag":"CSome"}"#.repeat(60);
    let value = read(&format!("{open}{large}{close}"), Limits::default()).unwrap();
    let mut inner = &value;
    while let CValue::Some { value, .. } = inner {
        inner = value;
    }
    assert!(matches!(inner, CValue::String(text) if text.len() == 1 << 20));
}

#[test]
fn there_are_as_many_values_as_the_limit_says_and_no_more() {
    let list = |count: usize| {
        let items = vec![r#"{"tag":"CInt","value":1}"#; count].join(",");
        format!(r#"{{"tag":"CList","value":[{items}],"subtype":{{"tag":"CInt"}}}}"#)
    };
    let limits = Limits {
        nodes_max: 12,
        ..Limits::default()
    };
    // The list, its elements, and its type.
    assert!(read(&list(10), limits).is_ok());
    assert_eq!(
        read(&list(11), limits),
        Err("subtype: more than 12 values and types".into())
    );
    assert_eq!(
        read(&list(12), limits),
        Err("value[11]: more than 12 values and types".into())
    );
}

#[test]
fn schemas_have_the_same_limits() {
    let nested = |levels: usize| (0..levels).fold(CType::Int, |it, _| CType::list(it));
    let limits = Limits::default();
    assert!(CType::from_schema(&nested(63).to_schema(), &limits).is_ok());
    let error = CType::from_schema(&nested(64).to_schema(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "TypeSchema is nested deeper than 64 levels");

    let wide = CType::union((0..10).map(|it| (format!("variant{it}"), CType::Int)));
    let limits = Limits {
        nodes_max: 10,
        ..limits
    };
    let error = CType::from_schema(&wide.to_schema(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "TypeSchema has more than 10 types");
}

#[test]
fn an_error_shows_only_the_beginning_of_a_name_of_megabytes() {
    let name = "n".repeat(1 << 20);
    for json in [
        format!(r#"{{"tag":"{name}"}}"#),
        format!(r#"{{"tag":"CProduct","value":{{"{name}":1}}}}"#),
    ] {
        let error = read(&json, Limits::default()).unwrap_err();
        assert!(error.len() < 200, "{} bytes", error.len());
    }
}
