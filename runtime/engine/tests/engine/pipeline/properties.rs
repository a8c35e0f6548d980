//! What holds of any text.

use proptest::prelude::*;
use squall_engine::pipeline::Pipeline;

use crate::pipeline::support::engine;

/// Whatever the text is: it is a program, or its errors can be shown, and each has a place in it.
fn is_read_or_refused(source: &str) {
    match Pipeline::parse(source).and_then(|pipeline| pipeline.check(&engine())) {
        Ok(_) => {}
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                assert!(source.get(problem.span.clone()).is_some(), "{problem:?}");
                assert!(errors.place(problem).line <= source.split('\n').count());
            }
            let shown = errors.to_string().matches("error: ").count();
            assert!(shown >= errors.problems().len(), "{errors}");
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_-]{0,8}".prop_filter("a keyword", |name| {
        !["in", "out", "true", "false"].contains(&&**name)
    })
}

fn ctype() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("String"),
        Just("Int"),
        Just("Float"),
        Just("Boolean"),
        Just("{}")
    ];
    leaf.prop_map(str::to_owned).prop_recursive(4, 16, 3, |inner| {
        let record = prop::collection::btree_map(name(), inner.clone(), 1..4);
        let fields = record.prop_map(|fields| {
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, ctype)| format!("{name}: {ctype}"))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        });
        prop_oneof![
            inner.clone().prop_map(|inner| format!("List<{inner}>")),
            inner.clone().prop_map(|inner| format!("Optional<{inner}>")),
            (inner.clone(), inner).prop_map(|(keys, values)| format!("Map<{keys}, {values}>")),
            fields,
        ]
    })
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|int| int.to_string()),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(|float| format!("{float:?}")),
        any::<bool>().prop_map(|boolean| boolean.to_string()),
        "[ -~äß\u{1F32A}]{0,12}"
            .prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
        path(),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let positional = prop::collection::vec(inner.clone(), 0..4);
        let named = prop::collection::vec((name(), inner), 1..3).prop_map(|arguments| {
            arguments
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect()
        });
        let arguments = prop_oneof![positional, named];
        (path(), arguments, prop::option::of(path())).prop_map(|(module, arguments, fields)| {
            let fields = fields.map(|fields| format!(".{fields}")).unwrap_or_default();
            format!("{module}({}){fields}", arguments.join(", "))
        })
    })
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..4).prop_map(|parts| parts.join("."))
}

fn statement() -> impl Strategy<Value = String> {
    prop_oneof![
        (name(), ctype()).prop_map(|(name, ctype)| format!("in {name}: {ctype}")),
        (name(), expression()).prop_map(|(name, value)| format!("{name} = {value}")),
        expression().prop_map(|value| format!("out {value}")),
        (name(), expression()).prop_map(|(name, value)| format!("out {name} = {value}")),
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_program_or_has_errors(source in any::<String>()) {
        is_read_or_refused(&source);
    }

    #[test]
    fn so_is_text_of_the_signs_that_programs_have(source in "([a-c.,:=<>{}()\"\\\\#\n\r\t 0-9eE+-]|in |out |String|List<|ml\\.Analyze\\(|u\\{|ä){0,60}") {
        is_read_or_refused(&source);
    }

    #[test]
    fn so_is_a_program_that_was_cut_and_joined(
        lines in prop::collection::vec(statement(), 1..6),
        cut in any::<prop::sample::Index>(),
        length in 0..9_usize,
    ) {
        let source: Vec<char> = lines.join("\n").chars().collect();
        let cut = cut.index(source.len());
        let kept = source[..cut].iter().chain(source[cut..].iter().skip(length));
        is_read_or_refused(&kept.collect::<String>());
    }

    #[test]
    fn a_printed_program_reads_as_the_same(lines in prop::collection::vec(statement(), 0..8)) {
        let source = lines.join("\n");
        let pipeline = Pipeline::parse(&*source).unwrap_or_else(|errors| panic!("{errors}"));
        let printed = pipeline.to_string();
        let again = Pipeline::parse(&*printed).unwrap_or_else(|errors| panic!("{errors}"));
        prop_assert_eq!(&again, &pipeline);
        prop_assert_eq!(again.to_string(), printed);
    }
}
