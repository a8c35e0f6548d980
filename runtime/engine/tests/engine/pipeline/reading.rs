//! What is read, and what is no program.

use squall_engine::pipeline::{
    DEPTH_MAX, Mistake, NAME_LENGTH_MAX, PROBLEMS_MAX, Pipeline, SOURCE_BYTES_MAX, STATEMENTS_MAX,
};

use crate::pipeline::support::mistakes;

fn parsed(source: &str) -> Pipeline {
    Pipeline::parse(source).unwrap_or_else(|errors| panic!("{errors}"))
}

fn only_mistake(source: &str) -> Mistake {
    let errors = Pipeline::parse(source).expect_err("the program is wrong");
    match errors.problems() {
        [problem] => problem.mistake.clone(),
        problems => panic!("expected one problem, not {problems:?}"),
    }
}

#[test]
fn the_program_of_the_guide_is_read() {
    let source = "in text: String\nresult = ml.Analyze(text)\nout result\n";
    assert_eq!(parsed(source).to_string(), source);
}

#[test]
fn everything_that_can_be_written_is_printed_as_it_was() {
    let source = r#"in a_b-c: { age: Int, tags: List<Map<String, Optional<Float>>>, ok: Boolean }
x = data.transform.Enrich(a_b-c.age, "say \"hi\"\n\u{7}\\", -12, 1.5e-300, true, false).inner.deep
y = f(g(h()), in: x, out: x.true)
out x
out x.y.z
out name = f()
"#;
    let sorted = source
        .replace("age: Int, tags", "age: Int, ok: Boolean, tags")
        .replace(", ok: Boolean }", " }");
    assert_eq!(parsed(source).to_string(), sorted);
}

#[test]
fn layout_and_comments_do_not_count() {
    let plain = parsed("in text: String\nresult = ml.Analyze(text, 1)\nout result");
    let spread = "\u{feff}# A comment.\r\n\r\n  in text :String # another\r\n\tresult=ml . Analyze(\n text, # why\n\n 1,\n)\r\nout result #";
    assert_eq!(parsed(spread), plain);
    assert_ne!(
        parsed("in text: String\nresult = ml.Analyze(text, 2)\nout result"),
        plain
    );
}

#[test]
fn a_sign_of_a_comment_inside_a_text_is_text() {
    assert_eq!(
        parsed(r##"out a = "# no comment""##).to_string(),
        "out a = \"# no comment\"\n"
    );
}

#[test]
fn an_empty_program_is_read() {
    for source in ["", "\n\n", "  ", "# nothing", "\u{feff}"] {
        assert_eq!(parsed(source).to_string(), "", "{source:?}");
    }
}

#[test]
fn numbers_are_whole_or_not_and_have_a_range() {
    for (written, printed) in [
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-0", "0"),
        ("1.0", "1.0"),
        ("1e3", "1000.0"),
        ("-2.5E+1", "-25.0"),
    ] {
        assert_eq!(
            parsed(&format!("out a = {written}")).to_string(),
            format!("out a = {printed}\n")
        );
    }
    for written in ["9223372036854775808", "1e999"] {
        let mistake = only_mistake(&format!("a = f({written})"));
        assert_eq!(mistake, Mistake::NumberTooLarge(written.into()));
    }
    for written in ["12ab", "1-2", "1_000", "1e", "0x1F"] {
        let mistake = only_mistake(&format!("a = f({written})"));
        assert_eq!(mistake, Mistake::NotANumber(written.into()));
    }
}

#[test]
fn every_line_that_is_wrong_is_told_with_its_place() {
    let source = "in text String\nok = f(text)\nresult = = 1\n\nout\n   what is this\nout ok";
    let places: Vec<_> = mistakes(source)
        .into_iter()
        .map(|(line, column, _)| (line, column))
        .collect();
    assert_eq!(places, [(1, 9), (3, 10), (5, 4), (6, 9)]);
}

#[test]
fn columns_are_characters_and_not_bytes() {
    let found = mistakes("a = f(\"übergrößenträger\", \u{1F32A})");
    assert_eq!(found, [(1, 27, Mistake::Characters("\u{1F32A}".into()))]);
}

#[test]
fn a_text_ends_on_its_line_and_has_known_escapes() {
    assert_eq!(only_mistake("a = f(\"open)\n"), Mistake::UnclosedText);
    for escape in [r"\x", r"\u", r"\u{110000}", r"\u{d800}", r"\u{}", r"\é"] {
        let mistake = only_mistake(&format!("out a = \"b {escape} c\""));
        let Mistake::UnknownEscape(found) = mistake else {
            panic!("{mistake}")
        };
        assert!(escape.starts_with(&*found), "{found} of {escape}");
    }
}

#[test]
fn brackets_close_what_was_opened() {
    let opened = |sign| Mistake::NeverClosed(sign);
    assert_eq!(only_mistake("in ok: Int\na = f(ok\nout a"), opened('('));
    assert_eq!(only_mistake("in a: { b: Int"), opened('{'));
    let mismatched = Mistake::Mismatched {
        opened: '<',
        closed: ')',
    };
    assert_eq!(only_mistake("in a: List<Int)"), mismatched);
    assert!(matches!(only_mistake("a = f())"), Mistake::Unexpected { .. }));
}

#[test]
fn only_known_types_are_types() {
    let nearest = Some("String".into());
    assert_eq!(
        only_mistake("in a: Sting"),
        Mistake::UnknownType {
            name: "Sting".into(),
            nearest
        }
    );
    assert_eq!(
        only_mistake("in a: Vector<Int>"),
        Mistake::UnknownType {
            name: "Vector".into(),
            nearest: None
        }
    );
    for (written, wanted, given) in [
        ("List", 1, 0),
        ("Map<Int>", 2, 1),
        ("Int<Int>", 0, 1),
        ("Map<Int, Int, Int>", 2, 3),
    ] {
        let name = written.split('<').next().unwrap().into();
        let mistake = Mistake::TypeArguments { name, wanted, given };
        assert_eq!(only_mistake(&format!("in a: {written}")), mistake);
    }
    assert_eq!(
        only_mistake("in a: { b: Int, b: Int }"),
        Mistake::FieldTwice { name: "b".into() }
    );
}

#[test]
fn keywords_are_no_names_of_variables_but_parts_of_others() {
    for source in ["in in: Int", "out = 1", "true = 1", "in false: Int"] {
        assert!(
            matches!(only_mistake(source), Mistake::Unexpected { .. }),
            "{source}"
        );
    }
    parsed("in a: { in: Int, true: Int }\nb = a.in\nc = x.out.F(b)");
}

#[test]
fn a_program_may_be_so_long_and_no_longer() {
    let just = format!("#{}", "-".repeat(SOURCE_BYTES_MAX - 1));
    parsed(&just);
    let bytes = SOURCE_BYTES_MAX + 1;
    assert_eq!(only_mistake(&(just + "-")), Mistake::TooLong { bytes });
}

#[test]
fn a_program_may_have_so_many_statements_and_no_more() {
    let just = "out a\n".repeat(STATEMENTS_MAX);
    parsed(&just);
    assert_eq!(only_mistake(&(just + "out a\n")), Mistake::TooManyStatements);
}

#[test]
fn brackets_may_nest_so_deep_and_no_deeper() {
    let values = |depth| format!("out a = {}1{}", "f(".repeat(depth), ")".repeat(depth));
    let types = |depth| format!("in a: {}Int{}", "List<".repeat(depth), ">".repeat(depth));
    for nested in [values, types] {
        let pipeline = parsed(&nested(DEPTH_MAX));
        assert_eq!(parsed(&pipeline.to_string()), pipeline);
        assert_eq!(only_mistake(&nested(DEPTH_MAX + 1)), Mistake::TooDeep);
        assert_eq!(only_mistake(&nested(9_000)), Mistake::TooDeep);
    }
}

#[test]
fn a_name_may_be_so_long_and_no_longer() {
    let name = "n".repeat(NAME_LENGTH_MAX);
    parsed(&format!("out {name}"));
    let found = mistakes(&format!("out a\nout {name}n"));
    assert_eq!(found, [(2, 5, Mistake::NameTooLong)]);
}

#[test]
fn a_long_chain_of_fields_is_not_deep() {
    let source = format!("out a{}\n", ".b".repeat(20_000));
    assert_eq!(parsed(&source).to_string(), source);
}

#[test]
fn no_more_problems_are_told_than_somebody_reads() {
    let errors = Pipeline::parse("in\n".repeat(STATEMENTS_MAX)).unwrap_err();
    assert_eq!(errors.problems().len(), PROBLEMS_MAX);
    assert!(errors.to_string().ends_with("and 980 more"));
}

#[test]
fn a_long_text_is_cut_where_it_is_quoted() {
    let shown = only_mistake(&"ä".repeat(5000)).to_string();
    assert!(shown.ends_with("ä...' means nothing here"), "{shown}");
    assert!(shown.chars().count() < 400, "{shown}");
}
