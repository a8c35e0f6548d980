//! What names mean, and which types fit.

use squall_engine::pipeline::Mistake;
use squall_engine::{Engine, LocalEngine};
use squall_value::CType;

use crate::pipeline::support::{checked, engine, mistakes};

fn only_mistake(source: &str) -> Mistake {
    match &mistakes(source)[..] {
        [(_, _, mistake)] => mistake.clone(),
        mistakes => panic!("expected one mistake, not {mistakes:?}"),
    }
}

#[test]
fn the_program_of_the_guide_takes_a_text_and_gives_a_record() {
    let checked = checked(
        &engine(),
        "in text: String\nresult = ml.Analyze(text)\nout result",
    );
    assert_eq!(**checked.inputs(), [("text".into(), CType::String)].into());
    let record = CType::product([("confidence", CType::Float), ("sentiment", CType::Float)]);
    assert_eq!(**checked.outputs(), [("result".into(), record)].into());
    let steps: Vec<String> = checked.steps().map(ToString::to_string).collect();
    assert_eq!(steps, ["step 'result' on line 2, a call of ml.Analyze"]);
}

#[test]
fn an_output_is_called_like_what_it_is_unless_it_is_given_a_name() {
    let source = "in text: String\nresult = ml.Analyze(text)\nout text\nout result.sentiment\nout n = text.Length(text)\nout ml.Analyze(text).confidence";
    let checked = checked(&engine(), source);
    let outputs: Vec<&str> = checked.outputs().keys().map(|name| &**name).collect();
    assert_eq!(outputs, ["confidence", "n", "sentiment", "text"]);
    assert_eq!(only_mistake("out 5"), Mistake::UnnamedOutput);
    assert_eq!(only_mistake("out Now()"), Mistake::UnnamedOutput);
}

#[test]
fn an_output_of_one_field_stays_a_record_and_one_that_is_no_record_has_no_field() {
    let checked = checked(
        &engine(),
        "in text: String\nout a = text.Wrap(text)\nout b = text.Wrap(text).text\nout c = Now()",
    );
    let wrapped = CType::product([("text", CType::String)]);
    let outputs = [
        ("a".into(), wrapped),
        ("b".into(), CType::String),
        ("c".into(), CType::Int),
    ];
    assert_eq!(**checked.outputs(), outputs.into());
    assert_eq!(
        only_mistake("out a = Now().output"),
        Mistake::NotARecord { ctype: "Int".into() }
    );
}

#[test]
fn positional_arguments_are_in_the_order_of_the_names_of_the_inputs() {
    let inputs = "in by: Float\nin on: { sentiment: Float }\nin text: String\n";
    // `by` is before `sentiment`, though the module declares it behind.
    checked(&engine(), &format!("{inputs}out w = ml.Weigh(by, on.sentiment)"));
    let mistake = only_mistake(&format!("{inputs}out w = ml.Weigh(text, by)"));
    assert!(matches!(mistake, Mistake::ArgumentType { input, .. } if &*input == "by"));
}

#[test]
fn named_arguments_are_in_any_order_and_complete() {
    checked(&engine(), "out w = ml.Weigh(sentiment: 0.5, by: 2)");
    assert_eq!(
        only_mistake("out w = ml.Weigh(0.5, by: 2)"),
        Mistake::MixedArguments
    );
    assert_eq!(
        only_mistake("out w = ml.Weigh(by: 0.5, by: 2)"),
        Mistake::ArgumentTwice { name: "by".into() }
    );
    assert!(matches!(
        only_mistake("out w = ml.Weigh(by: 0.5)"),
        Mistake::ArgumentCount {
            given: 1,
            wanted: 2,
            ..
        }
    ));
    let mistake = only_mistake("out w = ml.Weigh(by: 0.5, sentimant: 2)");
    assert!(matches!(mistake, Mistake::UnknownArgument { nearest: Some(name), .. } if &*name == "sentiment"));
}

#[test]
fn a_whole_number_is_a_float_where_one_is_wanted_if_it_is_written_in_the_program() {
    checked(&engine(), "two = 2\nout w = ml.Weigh(two, 3)");
    assert!(matches!(
        only_mistake("in two: Int\nout w = ml.Weigh(two, 3.0)"),
        Mistake::ArgumentType { .. }
    ));
    assert!(matches!(
        only_mistake("out w = ml.Weigh(9007199254740993, 3)"),
        Mistake::ArgumentType { .. }
    ));
    assert!(matches!(
        only_mistake("out n = text.Length(2.0)"),
        Mistake::ArgumentType { .. }
    ));
}

#[test]
fn records_are_of_one_type_when_their_fields_are_in_whatever_order() {
    checked(
        &engine(),
        "in p: { age: Int, name: String }\nout data.transform.Enrich(p).inner.deep",
    );
    let mistake = only_mistake("in p: { age: Int }\nout data.transform.Enrich(p).inner.deep");
    let Mistake::ArgumentType { wanted, given, .. } = mistake else {
        panic!("{mistake}")
    };
    assert_eq!(
        (&*wanted, &*given),
        ("{ age: Int, name: String }", "{ age: Int }")
    );
}

#[test]
fn a_module_is_known_by_its_qualified_name_alone() {
    for (source, proposed) in [
        ("out a = ml.Analyse(\"\")", Some("ml.Analyze")),
        ("out a = Analyze(\"\")", Some("ml.Analyze")),
        ("out a = ml.analyze(\"\")", Some("ml.Analyze")),
        ("out a = completely.Different(\"\")", None),
    ] {
        let mistake = only_mistake(source);
        let Mistake::UnknownModule { nearest, .. } = mistake else {
            panic!("{mistake}")
        };
        assert_eq!(
            nearest.as_deref(),
            proposed.filter(|_| !source.contains(" Analyze")),
            "{source}"
        );
    }
}

#[test]
fn a_call_has_as_many_arguments_as_the_module_has_inputs() {
    for (call, given, wanted) in [
        ("Now(1)", 1, 0),
        ("text.Length()", 0, 1),
        ("ml.Weigh(1, 2, 3)", 3, 2),
    ] {
        let mistake = only_mistake(&format!("out a = {call}"));
        let Mistake::ArgumentCount {
            given: found,
            wanted: known,
            ..
        } = mistake
        else {
            panic!("{mistake}")
        };
        assert_eq!((found, known), (given, wanted), "{call}");
    }
}

#[test]
fn a_variable_is_defined_once_and_above_where_it_is_used() {
    let unknown = |name: &str| Mistake::UnknownVariable {
        name: name.into(),
        nearest: None,
    };
    assert_eq!(
        only_mistake("out a = text.Length(later)\nin later: String"),
        unknown("later")
    );
    assert_eq!(
        only_mistake("itself = text.Length(itself)\nout itself"),
        unknown("itself")
    );
    let twice = Mistake::VariableTwice {
        name: "a".into(),
        line: 1,
    };
    for source in [
        "in a: Int\nin a: Int\nout a",
        "in a: Int\na = 1\nout a",
        "a = 1\na = 2\nout a",
        "a = 1\nin a: Int\nout a",
    ] {
        assert_eq!(only_mistake(source), twice, "{source}");
    }
}

#[test]
fn fields_are_those_of_the_type() {
    let mistake = only_mistake("in text: String\nout ml.Analyze(text).sentimnet");
    assert!(matches!(mistake, Mistake::UnknownField { nearest: Some(name), .. } if &*name == "sentiment"));
    assert_eq!(
        only_mistake("in text: String\nout text.size"),
        Mistake::NotARecord {
            ctype: "String".into()
        }
    );
    assert_eq!(
        only_mistake("in a: List<{ b: Int }>\nout a.b"),
        Mistake::NotARecord {
            ctype: "List<{ b: Int }>".into()
        }
    );
}

#[test]
fn a_program_has_outputs_of_different_names() {
    for source in ["", "in a: Int", "# out a"] {
        assert_eq!(only_mistake(source), Mistake::NoOutput, "{source:?}");
    }
    let twice = Mistake::OutputTwice {
        name: "a".into(),
        line: 2,
    };
    assert_eq!(only_mistake("in a: Int\nout a\nout a = 5"), twice);
}

#[test]
fn what_follows_from_a_mistake_is_no_mistake() {
    let source = "a = gone.Module()\nb = text.Length(a)\nc = a.field\nout a\nout b\nout c";
    assert!(matches!(only_mistake(source), Mistake::UnknownModule { .. }));
}

#[test]
fn mistakes_that_do_not_follow_from_others_are_told_at_once() {
    let source = "in text: String\na = ml.Analyse(tekst)\nb = ml.Analyze(5)\nout b.sentimnet\nout text.x";
    let lines: Vec<usize> = mistakes(source).into_iter().map(|(line, ..)| line).collect();
    assert_eq!(lines, [2, 2, 3, 4, 5]);
}

#[test]
fn what_is_not_used_is_allowed() {
    checked(&engine(), "in text: String\nin more: Int\na = Now()\nout text");
}

#[test]
fn a_program_that_fits_one_engine_need_not_fit_another() {
    let pipeline = squall_engine::pipeline::Pipeline::parse("out a = Now()").unwrap();
    assert!(pipeline.check(&engine()).is_ok());
    let empty = LocalEngine::new();
    assert_eq!(empty.modules(), []);
    assert!(pipeline.check(&empty).is_err());
}
