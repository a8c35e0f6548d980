//! Names of namespaces and modules. Spec: provider 2.5.

use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};

/// Spec: provider 2.5, as in our implementation: ASCII, and no empty segment.
pub(super) fn check_namespace(name: &At<String>, problems: &mut Problems) {
    if name.is_empty() {
        let problem = Problem::new("the namespace is empty").at(&name.span, "expected a name");
        problems.add(problem.help(NAMESPACE_HELP));
    } else if let Some(part) = name.split('.').find(|part| !is_identifier(part)) {
        let problem = Problem::new(format!("`{}` cannot be a namespace", name.escape_debug())).at(
            &name.span,
            match part {
                "" => "a part of it is empty".to_owned(),
                part => format!("the part `{}` is not allowed", part.escape_debug()),
            },
        );
        problems.add(problem.help(NAMESPACE_HELP));
    }
}

const NAMESPACE_HELP: &str = "the parts between dots start with a letter, and go on with letters, digits and `_`, as in \"data.transform\"";

pub(super) fn check_short(name: &At<String>, problems: &mut Problems) {
    if !is_identifier(name) {
        let problem = Problem::new(format!("`{}` cannot be the name of a module", name.escape_debug()))
            .at(&name.span, "not allowed as a name")
            .help("it starts with a letter, and goes on with letters, digits and `_`; its namespace is the provider's");
        problems.add(problem);
    }
}

pub(super) fn check_qualified(name: &At<String>, problems: &mut Problems) {
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() < 2 || !parts.iter().all(|part| is_identifier(part)) {
        let problem = Problem::new(format!(
            "`{}` cannot be the name of a manager's module",
            name.escape_debug()
        ))
        .at(&name.span, "not a qualified name")
        .help(r#"write the namespace, a dot, and the name: [manager.engine.module."stdlib.Upper"]"#);
        problems.add(problem);
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
