//! Modules that come, are found, and go.

use std::sync::Arc;

use squall_engine::pipeline::Pipeline;
use squall_engine::{Call, Code, Engine, LocalEngine, ModuleSpec, Outcome, SetError, module_fn};
use squall_value::CType;

use crate::engine::support::{names, set, spec, text, text_type};

#[test]
fn line_25_no_module_is_listed_at_first_and_what_is_set_is_found_until_it_is_removed() {
    let engine = LocalEngine::new();
    assert_eq!((names(&engine).len(), engine.module("ml.Analyze")), (0, None));
    set(&engine, "ml.Analyze").unwrap();
    assert_eq!(engine.module("ml.Analyze").as_deref(), Some(&spec("ml.Analyze")));
    assert_eq!(engine.module("ml.Analyse"), None);
    assert!(engine.remove_module("ml.Analyze"));
    assert_eq!((names(&engine).len(), engine.module("ml.Analyze")), (0, None));
}

#[test]
fn line_25_there_is_a_store_of_pipelines() {
    let engine = LocalEngine::new();
    let pipeline = Arc::new(Pipeline::parse("out a = 1").unwrap());
    let store = engine.pipelines().expect("this engine keeps pipelines");
    store.set("one", pipeline.clone()).unwrap();
    let again = engine.pipelines().and_then(|store| store.get("one"));
    assert_eq!(again, Some(pipeline));
}

#[test]
fn line_13_and_14_the_fields_of_a_record_are_the_inputs_and_the_outputs() {
    let input = CType::product([("b", CType::Int), ("a", CType::list(CType::String))]);
    let spec = ModuleSpec::new("ns.Name", &input, text_type());
    let inputs: Vec<_> = spec
        .inputs
        .iter()
        .map(|(name, ctype)| (&**name, ctype.clone()))
        .collect();
    assert_eq!(inputs, [("a", CType::list(CType::String)), ("b", CType::Int)]);
    assert_eq!(*spec.outputs(), [("text".into(), CType::String)].into());
}

#[test]
fn line_16_what_is_no_record_is_a_field_called_input_or_output() {
    let spec = ModuleSpec::new("ns.Name", &CType::String, CType::Int);
    assert_eq!(*spec.inputs, [("input".into(), CType::String)].into());
    assert_eq!(*spec.outputs(), [("output".into(), CType::Int)].into());
    assert_eq!(spec.output, CType::Int);
}

#[test]
fn line_18_types_are_kept_exactly_however_deep() {
    let deep = CType::product([(
        "a",
        CType::map(CType::String, CType::optional(CType::list(text_type()))),
    )]);
    let engine = LocalEngine::new();
    let spec = ModuleSpec::new("ns.Deep", &deep, CType::list(deep.clone()));
    engine
        .set_module(module_fn(spec, |input| async { Ok(input) }))
        .unwrap();
    let found = engine.module("ns.Deep").unwrap();
    assert_eq!(
        (CType::Product(found.inputs.clone()), &found.output),
        (deep.clone(), &CType::list(deep))
    );
}

#[test]
fn line_26_to_28_a_specification_has_namespace_short_name_and_all_inputs() {
    let input = CType::product([("a", CType::Int), ("b", CType::Int), ("c", CType::Int)]);
    let spec = ModuleSpec::new("data.transform.Enrich", &input, text_type());
    assert_eq!(
        (spec.namespace(), spec.short_name()),
        (Some("data.transform"), "Enrich")
    );
    assert_eq!(
        spec.inputs.keys().map(|name| &**name).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    let spec = ModuleSpec::new("Enrich", &CType::String, text_type());
    assert_eq!((spec.namespace(), spec.short_name()), (None, "Enrich"));
    assert_eq!(
        spec.inputs.keys().map(|name| &**name).collect::<Vec<_>>(),
        ["input"]
    );
}

#[test]
fn line_29_setting_looking_up_and_removing_at_once_loses_nothing() {
    let engine = LocalEngine::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                for index in 0..200 {
                    let name = format!("t{thread}.M{index}");
                    set(engine, &name).unwrap();
                    assert!(engine.module(&name).is_some());
                    assert!(index % 2 == 0 || engine.remove_module(&name));
                }
            });
        }
    });
    let mut expected: Vec<String> = (0..4)
        .flat_map(|thread| {
            (0..200)
                .step_by(2)
                .map(move |index| format!("t{thread}.M{index}"))
        })
        .collect();
    expected.sort();
    assert_eq!(names(&engine), expected);
}

#[test]
fn line_30_and_31_removal_takes_that_module_alone_and_what_is_unknown_is_no_trouble() {
    let engine = LocalEngine::new();
    for name in ["a.Same", "b.Same", "Same"] {
        set(&engine, name).unwrap();
    }
    assert!(engine.remove_module("a.Same"));
    assert_eq!(names(&engine), ["Same", "b.Same"]);
    assert!(!engine.remove_module("a.Same"));
    assert!(!engine.remove_module("never.Known"));
    assert!(engine.remove_module("Same"));
    assert_eq!(names(&engine), ["b.Same"]);
    set(&engine, "a.Same").unwrap();
    assert_eq!(names(&engine), ["a.Same", "b.Same"]);
}

#[tokio::test(start_paused = true)]
async fn line_30_a_short_name_is_nobodys() {
    let engine = LocalEngine::new();
    set(&engine, "a.Module").unwrap();
    let error = engine.call(Call::new("Module", text(""))).await.unwrap_err();
    assert_eq!(
        (error.code, error.outcome),
        (Code::ModuleNotFound, Outcome::Failed)
    );
    assert_eq!(error.to_string(), "[MODULE_NOT_FOUND] Module not found: Module");
}

#[test]
fn a_name_that_is_none_is_refused_and_nothing_is_kept() {
    let engine = LocalEngine::new();
    for name in ["", "a..B", "1a.B", "a.B-c", "a b", "ä.B"] {
        let refused = set(&engine, name).unwrap_err();
        assert!(
            matches!(&refused, SetError::Name { name: told, .. } if &**told == name),
            "{refused}"
        );
    }
    assert_eq!(names(&engine).len(), 0);
    for name in ["B", "a.B", "a.b_1.C"] {
        set(&engine, name).unwrap();
    }
}
