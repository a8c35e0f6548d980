//! `squall components`

use std::io::{self, Write};

use serde_json::{Value, json};
use squall_core::registry::{Declaration, Setting};

use super::{Console, Exit, one_line, plain};
use crate::Harness;
use crate::report::wrapped;

pub(super) fn components<O: Write, E: Write>(
    harness: &Harness,
    as_json: bool,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let components = harness.components();
    for name in components.names() {
        let Some(declaration) = components.declaration(name) else {
            continue;
        };
        let keys = components.keys(name).unwrap_or_default();
        if as_json {
            writeln!(console.out, "{}", one_line(&object(name, declaration)))?;
        } else {
            writeln!(console.out, "{}", plain(&text(name, declaration, keys)))?;
        }
    }
    Ok(Exit::Held)
}

/// The settings of a component if all are omitted: for the ports of a node without settings.
fn usual() -> Value {
    json!({})
}

fn object(name: &str, declaration: &Declaration) -> Value {
    let setting = |it: Setting| {
        json!({
            "name": it.name,
            "shape": it.shape,
            "default": it.default,
            "required": it.required,
            "about": it.about,
        })
    };
    json!({
        "name": name,
        "about": declaration.doc(),
        "inputs": declaration.inputs_with(&usual()),
        "outputs": outputs(declaration),
        "outputs_when": Some(declaration.outputs_doc()).filter(|when| !when.is_empty()),
        "settings": declaration.settings().into_iter().map(setting).collect::<Vec<_>>(),
        "schema": declaration.settings_schema(),
    })
}

/// `None` if they depend on the settings, or are not declared.
fn outputs(declaration: &Declaration) -> Option<Vec<String>> {
    let own = declaration.outputs_with(&usual());
    let usual_port = || {
        let port = declaration.settings().into_iter().find(|it| it.name == "port")?;
        Some(vec![port.default?.as_str()?.to_owned()])
    };
    match own {
        // Required settings may name ports: `port` at its default does not.
        None => usual_port(),
        // It emits with other than the default settings.
        Some(none) if none.is_empty() && !declaration.outputs_doc().is_empty() => usual_port(),
        own => own,
    }
}

fn text(name: &str, declaration: &Declaration, keys: &[&str]) -> String {
    let mut lines = vec![name.to_owned()];
    if !declaration.doc().is_empty() {
        lines.extend(wrapped(declaration.doc(), "  ", "  "));
    }
    let ports = |ports: Option<Vec<String>>, other: &str| match ports {
        None => other.to_owned(),
        Some(ports) if ports.is_empty() => "none".to_owned(),
        Some(ports) => ports.join(", "),
    };
    let mut inputs = ports(declaration.inputs_with(&usual()), "any");
    if declaration.has_inputs_of_node() {
        inputs.push_str(", unless its node names others");
    }
    let when = declaration.outputs_doc();
    let outputs = match outputs(declaration) {
        None if !when.is_empty() => when.to_owned(),
        Some(some) if !when.is_empty() => format!("{}, {when}", some.join(", ")),
        outputs => ports(outputs, "as its settings say"),
    };
    lines.push(format!("  inputs    {inputs}"));
    lines.push(format!("  outputs   {outputs}"));
    let settings = declaration.settings();
    if settings.is_empty() && !keys.is_empty() {
        lines.push(format!("  settings  {}", keys.join(", ")));
    }
    for setting in settings {
        let default = match &setting.default {
            None if setting.required => ", required".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(default) => format!(", {default} when absent"),
        };
        let said = format!("{}: {}{default}. {}", setting.name, setting.shape, setting.about);
        lines.extend(wrapped(&said, "  setting   ", "            "));
    }
    lines.push(String::new());
    lines.join("\n")
}
