//! Declarations of components: description, ports and settings.
//!
//! Files are checked against them: a message to a port that does not exist is lost without an error, so a test with a
//! misspelt port would pass vacuously.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The default input port.
const INPUT: &str = "in";

/// The ports that a node has with these settings. `None`: the settings are invalid, which is reported elsewhere.
type PortsOf = Arc<dyn Fn(&Value) -> Option<Vec<String>> + Send + Sync>;

/// A component's declaration. Omitted parts are not checked.
///
/// ```
/// use squall::Declaration;
///
/// let shout = Declaration::new()
///     .about("answers with what it got, in capitals")
///     .inputs(["in"])
///     .outputs(["heard"]);
/// assert_eq!(shout.outputs_with(&serde_json::json!({})), Some(vec!["heard".to_owned()]));
/// ```
#[derive(Clone, Default)]
pub struct Declaration {
    about: String,
    inputs: Inputs,
    outputs: Option<PortsOf>,
    /// What determines the ports at which it emits.
    outputs_when: &'static str,
    settings: Option<Value>,
}

#[derive(Clone, Default)]
enum Inputs {
    /// Unknown.
    #[default]
    Any,
    /// A fixed list.
    These(Vec<String>),
    /// The node's own, or else [`INPUT`]; and those that answer without emitting.
    OfNode { answers: Option<PortsOf> },
}

/// One setting, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub name: String,
    /// Its type: `string`, `integer`, `a of b` for others.
    pub shape: String,
    /// The default, as JSON.
    pub default: Option<Value>,
    /// Whether it is required.
    pub required: bool,
    /// Its description.
    pub about: String,
}

impl Declaration {
    /// An empty declaration.
    #[must_use]
    pub fn new() -> Self {
        Declaration::default()
    }

    /// Derives keys, types, defaults and docs from the settings struct `S`. The doc of `S` itself is the component's
    /// description.
    #[must_use]
    pub fn of<S: JsonSchema>() -> Self {
        let generator = SchemaSettings::draft07()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator();
        let mut schema = generator.into_root_schema_for::<S>();
        schema.remove("$schema");
        schema.remove("title");
        let about = schema.remove("description");
        Declaration {
            about: about
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            settings: Some(crate::schema::for_toml(schema)),
            ..Declaration::default()
        }
    }

    /// Sets the description.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// Restricts its inputs to these ports.
    #[must_use]
    pub fn inputs<P: Into<String>>(mut self, ports: impl IntoIterator<Item = P>) -> Self {
        self.inputs = Inputs::These(ports.into_iter().map(Into::into).collect());
        self
    }

    /// Restricts its outputs to these ports; none if the list is empty.
    #[must_use]
    pub fn outputs<P: Into<String>>(mut self, ports: impl IntoIterator<Item = P>) -> Self {
        let ports: Vec<String> = ports.into_iter().map(Into::into).collect();
        self.outputs = Some(Arc::new(move |_| Some(ports.clone())));
        self
    }

    /// Computes its outputs from the node's settings.
    #[must_use]
    pub fn outputs_by<S: DeserializeOwned>(
        mut self,
        ports: impl Fn(S) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.outputs = Some(by(ports));
        self
    }

    /// Describes what determines its outputs: "those of `routes`".
    pub fn outputs_when(mut self, when: &'static str) -> Self {
        self.outputs_when = when;
        self
    }

    /// A stand-in: each node names its own inputs.
    pub fn inputs_of_node(mut self) -> Self {
        self.inputs = Inputs::OfNode { answers: None };
        self
    }

    /// The same, with ports from its settings that answer without emitting.
    pub fn answers_by<S: DeserializeOwned>(
        mut self,
        ports: impl Fn(S) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.inputs = Inputs::OfNode {
            answers: Some(by(ports)),
        };
        self
    }

    /// The description; may be empty.
    #[must_use]
    pub fn doc(&self) -> &str {
        &self.about
    }

    /// The inputs of a node with these settings that names none itself. `None`: any.
    #[must_use]
    pub fn inputs_with(&self, settings: &Value) -> Option<Vec<String>> {
        match &self.inputs {
            Inputs::Any => None,
            Inputs::These(ports) => Some(ports.clone()),
            Inputs::OfNode { .. } => Some([vec![INPUT.to_owned()], self.answers_with(settings)].concat()),
        }
    }

    /// The inputs at which a node with these settings answers without emitting.
    #[must_use]
    pub fn answers_with(&self, settings: &Value) -> Vec<String> {
        match &self.inputs {
            Inputs::OfNode { answers: Some(of) } => of(settings).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The outputs of a node with these settings. `None`: any.
    #[must_use]
    pub fn outputs_with(&self, settings: &Value) -> Option<Vec<String>> {
        self.outputs.as_ref()?(settings)
    }

    /// What determines a node's outputs; may be empty.
    pub fn outputs_doc(&self) -> &'static str {
        self.outputs_when
    }

    /// Whether a node names its inputs, or has the default one.
    pub fn has_inputs_of_node(&self) -> bool {
        matches!(self.inputs, Inputs::OfNode { .. })
    }

    /// Whether a node may name its inputs.
    pub fn is_named_by_node(&self) -> bool {
        !matches!(self.inputs, Inputs::These(_))
    }

    /// The JSON Schema of its settings, if declared.
    #[must_use]
    pub fn settings_schema(&self) -> Option<&Value> {
        self.settings.as_ref()
    }

    /// Its settings, in declaration order.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let Some(schema) = &self.settings else {
            return Vec::new();
        };
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        let properties = schema["properties"].as_object().into_iter().flatten();
        let setting = |(name, schema): (&String, &Value)| Setting {
            name: name.clone(),
            shape: shape(schema),
            default: schema.get("default").cloned(),
            required: required.iter().any(|it| it == name),
            about: schema["description"].as_str().unwrap_or_default().to_owned(),
        };
        properties.map(setting).collect()
    }
}

fn by<S: DeserializeOwned>(ports: impl Fn(S) -> Vec<String> + Send + Sync + 'static) -> PortsOf {
    Arc::new(move |settings| Some(ports(S::deserialize(settings).ok()?)))
}

/// `string`, `list of string`, `table of string`, `"all" or "any"`.
fn shape(schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return choices.iter().map(shape).collect::<Vec<_>>().join(" or ");
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choices
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(" or ");
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return shape(only);
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", shape(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("table of {}", shape(&schema["additionalProperties"]))
        }
        Some("object") => "table".to_owned(),
        Some("string") => schema["format"].as_str().unwrap_or("string").to_owned(),
        Some(other) => other.to_owned(),
        None => "any".to_owned(),
    }
}

impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// Says hello.
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    struct Greet {
        /// Whom.
        names: Vec<String>,
        /// How often.
        times: Option<u32>,
    }

    #[test]
    fn settings_are_told_as_their_struct_has_them() {
        let declaration = Declaration::of::<Greet>();
        assert_eq!(declaration.doc(), "Says hello.");
        let [names, times] = &declaration.settings()[..] else {
            panic!("two settings: {:?}", declaration.settings())
        };
        assert_eq!(
            (
                names.name.as_str(),
                names.shape.as_str(),
                names.required,
                names.about.as_str()
            ),
            ("names", "list of string", true, "Whom.")
        );
        assert_eq!((times.shape.as_str(), times.required), ("integer", false));
    }

    #[test]
    fn what_is_not_declared_is_not_known() {
        let nothing = Declaration::new();
        assert_eq!(
            (nothing.inputs_with(&json!({})), nothing.outputs_with(&json!({}))),
            (None, None)
        );
        assert!(nothing.settings_schema().is_none());
        let by_names = Declaration::new().outputs_by(|greet: Greet| greet.names);
        assert_eq!(
            by_names.outputs_with(&json!({ "names": ["a"] })),
            Some(vec!["a".to_owned()])
        );
        assert_eq!(
            by_names.outputs_with(&json!({})),
            None,
            "settings that cannot be read"
        );
    }
}
