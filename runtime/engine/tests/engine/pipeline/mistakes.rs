//! What people read when a program is wrong.

use crate::pipeline::support::errors;

macro_rules! shown {
    ($name:ident, $source:expr) => {
        #[test]
        fn $name() {
            let source: &str = $source;
            insta::assert_snapshot!(errors(source));
        }
    };
}

shown!(
    a_misspelt_variable,
    "in text: String\nresult = ml.Analyze(txet)\nout result"
);
shown!(
    a_misspelt_module,
    "in text: String\nresult = ml.Analyse(text)\nout result"
);
shown!(
    a_misspelt_field,
    "in text: String\nresult = ml.Analyze(text)\nout result.sentimant"
);
shown!(a_misspelt_type, "in text: Strin\nout text");
shown!(an_unknown_type, "in text: Text\nout text");
shown!(
    a_missing_argument,
    "in text: String\nresult = ml.Weigh(1)\nout result"
);
shown!(
    an_argument_of_another_type,
    "in person: { name: String }\nresult = data.transform.Enrich(person)\nout result"
);
shown!(a_second_value, "in text: String\ntext = 5\nout text");
shown!(no_output, "in text: String\nresult = ml.Analyze(text)\n");
shown!(an_output_without_a_name, "out 5");
shown!(a_missing_sign, "in text String\nout text");
shown!(a_line_that_ends_too_early, "in text: String\nresult =\nout text");
shown!(words_without_sense, "this is no program");
shown!(
    a_bracket_that_is_not_closed,
    "in text: String\nresult = ml.Analyze(text\nout result"
);
shown!(
    a_comment_of_another_language,
    "in text: String // what is read\nout text"
);
shown!(an_unknown_escape, r#"out a = "C:\windows""#);
shown!(
    several_at_once,
    "in text: Strin\nresult = ml.Analyze(text) 5\nout result.x +"
);
