//! All modules of a provider at one point in time.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_proto::provider::ModuleDeclaration;

use crate::names::check_module;
use crate::{Module, NameError};

/// The modules that are served together, in the given order. Their names differ.
#[derive(Debug, Default)]
pub(crate) struct Modules(Vec<Module>);

impl Modules {
    /// # Errors
    /// The first name that no server would accept, or that is a duplicate.
    pub(crate) fn new(modules: Vec<Module>) -> Result<Arc<Self>, NameError> {
        let mut seen = BTreeSet::new();
        for module in &modules {
            check_module(module.name())?;
            if !seen.insert(module.name()) {
                return Err(NameError::ModuleTwice {
                    name: module.name().as_ref().into(),
                });
            }
        }
        Ok(Arc::new(Modules(modules)))
    }

    pub(crate) fn list(&self) -> &[Module] {
        &self.0
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Module> {
        self.0.iter().find(|module| &**module.name() == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(Module::name)
    }

    pub(crate) fn declarations(&self) -> Vec<ModuleDeclaration> {
        self.0.iter().map(Module::declaration).collect()
    }

    /// The versions in use, each once: shown in reports of a rollout.
    pub(crate) fn versions(&self) -> String {
        let versions: BTreeSet<_> = self.0.iter().map(Module::version_text).collect();
        versions.into_iter().collect::<Vec<_>>().join(",")
    }

    /// True when a manager that knows the one set need not be notified of the other.
    pub(crate) fn are_declared_as(&self, other: &Modules) -> bool {
        let same = |module: &Module| {
            other
                .find(module.name())
                .is_some_and(|it| module.is_declared_as(it))
        };
        self.0.len() == other.0.len() && self.0.iter().all(same)
    }
}

#[cfg(test)]
mod tests {
    use squall_value::CType;

    use super::*;

    fn module(name: &str, output: CType) -> Module {
        Module::new(name, CType::String, output, |input, _| async { Ok(input) })
    }

    fn modules(list: &[(&str, CType)]) -> Arc<Modules> {
        let list = list.iter().map(|(name, output)| module(name, output.clone()));
        Modules::new(list.collect()).expect("good names")
    }

    #[test]
    fn a_name_that_is_there_twice_is_an_error_that_names_it() {
        let twice = vec![module("A", CType::Int), module("A", CType::Int)];
        let error = Modules::new(twice).expect_err("one of them would never be called");
        assert_eq!(error.to_string(), "Module name 'A' is declared twice");
    }

    #[test]
    fn order_and_versions_are_not_declared_but_names_and_types_are() {
        let two = modules(&[("A", CType::Int), ("B", CType::Int)]);
        assert!(two.are_declared_as(&modules(&[("B", CType::Int), ("A", CType::Int)])));
        assert!(!two.are_declared_as(&modules(&[("A", CType::Int)])));
        assert!(!two.are_declared_as(&modules(&[("A", CType::Int), ("B", CType::Float)])));
        assert!(!two.are_declared_as(&modules(&[("A", CType::Int), ("C", CType::Int)])));
        let newer = Modules::new(two.list().iter().map(|it| it.clone().version("2")).collect());
        let newer = newer.expect("good names");
        assert!(two.are_declared_as(&newer));
        assert_eq!(newer.versions(), "2");
    }
}
