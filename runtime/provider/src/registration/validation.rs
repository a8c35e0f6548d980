//! Every check of a registration, in its order: the first that fails is the reason. Spec: provider 2.3.
//!
//! | # | check | of |
//! |---|---|---|
//! | 1 | executor url | the request: every module gets the reason |
//! | 2 | namespace | the request |
//! | 2a | **ours**: length of the group's id, number of modules, number of connections | the request |
//! | 3 | reserved namespace | each module, as all that follow |
//! | 4 | name | |
//! | 4a | **ours**: a name that comes twice | |
//! | 5 | ownership | |
//! | 6 | a module of that name exists, when nobody owns the namespace | |
//! | 7, 8 | input schema, output schema | |
//! | 9 | **ours**: a member of a group has the same modules as the others | |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use squall_engine::ModuleSpec;
use squall_proto::provider::{ModuleDeclaration, RegisterRequest};
use squall_value::CType;

use super::rejection::Rejection;
use crate::table::{Declared, Namespace};
use crate::{Config, address, names};

/// One verdict for each module; nothing for those with which nothing is wrong.
pub(crate) type Verdicts = Vec<Option<Rejection>>;

/// What a request is checked against.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    pub(super) owner: Owner<'a>,
    pub(super) connections: usize,
    /// Whether a module of this qualified name is there already, of whatever process.
    pub(super) exists: &'a dyn Fn(&str) -> bool,
}

/// Who has the namespace.
pub(super) enum Owner<'a> {
    Nobody,
    Provider,
    Group {
        id: &'a str,
        modules: &'a BTreeMap<Arc<str>, Declared>,
    },
}

impl<'a> Owner<'a> {
    pub(super) fn of(namespace: Option<&'a Namespace>) -> Self {
        match namespace {
            None => Owner::Nobody,
            Some(Namespace { group: None, .. }) => Owner::Provider,
            Some(Namespace {
                group: Some(id),
                modules,
                ..
            }) => Owner::Group { id, modules },
        }
    }
}

/// Reads the schemas of all modules; of none when there are more than there may be.
pub(super) fn schemas(request: &RegisterRequest, config: &Config) -> Vec<Result<Declared, Rejection>> {
    if request.modules.len() > config.max_modules {
        return vec![];
    }
    let read = |module| declared(&request.namespace, module, config);
    request.modules.iter().map(read).collect()
}

fn declared(namespace: &str, module: &ModuleDeclaration, config: &Config) -> Result<Declared, Rejection> {
    let limits = &config.schema_limits;
    let input = CType::from_declared(module.input_schema.as_ref(), "input_schema", limits)
        .map_err(Rejection::Input)?;
    let output = CType::from_declared(module.output_schema.as_ref(), "output_schema", limits)
        .map_err(Rejection::Output)?;
    let mut spec = ModuleSpec::new(format!("{namespace}.{}", module.name), &input, output);
    spec.description = module.description.as_str().into();
    spec.tags = BTreeSet::from(["external".into(), "provider".into()]);
    if !module.version.is_empty() {
        spec.version = module.version.as_str().into();
    }
    Ok(Declared {
        short_name: module.name.as_str().into(),
        input,
        spec: Arc::new(spec),
    })
}

/// Checks a request whose schemas are read.
///
/// # Errors
/// The verdicts, when one of them is a rejection.
pub(super) fn validate(
    request: &RegisterRequest,
    schemas: Vec<Result<Declared, Rejection>>,
    ground: &Ground<'_>,
) -> Result<Vec<Declared>, Verdicts> {
    let everyone = |reason: Rejection| vec![Some(reason); request.modules.len()];
    if request.modules.is_empty() {
        // Without a module there is nobody to get a reason, and nothing is claimed. Spec: provider 2.3.
        return check_room(ground).map(|()| vec![]).map_err(everyone);
    }
    check_request(request, ground).map_err(everyone)?;
    let mut earlier = BTreeSet::new();
    let verdicts = request.modules.iter().zip(schemas).map(|(module, schemas)| {
        let is_first = earlier.insert(module.name.as_str());
        check_module(request, module, is_first, ground)?;
        let declared = schemas?;
        check_group(request, &declared, ground)?;
        Ok(declared)
    });
    let verdicts: Vec<Result<_, Rejection>> = verdicts.collect();
    if verdicts.iter().all(Result::is_ok) {
        Ok(verdicts.into_iter().flatten().collect())
    } else {
        Err(verdicts.into_iter().map(Result::err).collect())
    }
}

/// Checks 1 to 2a.
fn check_request(request: &RegisterRequest, ground: &Ground<'_>) -> Result<(), Rejection> {
    address::check(&request.executor_url)?;
    names::check_namespace(&request.namespace)?;
    let (group, modules) = (request.group_id.len(), request.modules.len());
    if group > names::NAME_BYTES_MAX {
        return Err(Rejection::GroupTooLong(group));
    }
    let limit = ground.config.max_modules;
    if modules > limit {
        return Err(Rejection::TooManyModules { modules, limit });
    }
    check_room(ground)
}

fn check_room(ground: &Ground<'_>) -> Result<(), Rejection> {
    let limit = ground.config.max_connections;
    if ground.connections >= limit {
        return Err(Rejection::TooManyConnections { limit });
    }
    Ok(())
}

/// Checks 3 to 6.
fn check_module(
    request: &RegisterRequest,
    module: &ModuleDeclaration,
    is_first: bool,
    ground: &Ground<'_>,
) -> Result<(), Rejection> {
    let namespace = request.namespace.as_str();
    if names::is_reserved(namespace, &ground.config.reserved_namespaces) {
        return Err(Rejection::Reserved(namespace.into()));
    }
    names::check_module(&module.name)?;
    if !is_first {
        return Err(Rejection::Twice(module.name.as_str().into()));
    }
    match &ground.owner {
        Owner::Nobody => {
            let qualified = format!("{namespace}.{}", module.name);
            if (ground.exists)(&qualified) {
                return Err(Rejection::Exists(qualified.into()));
            }
        }
        Owner::Group { id, .. } if *id == request.group_id => {}
        Owner::Group { .. } if !request.group_id.is_empty() => {
            return Err(Rejection::OtherGroup(namespace.into()));
        }
        Owner::Group { .. } | Owner::Provider => {
            return Err(Rejection::OtherProvider(namespace.into()));
        }
    }
    Ok(())
}

/// Check 9. Spec: provider section 5, row 10.
fn check_group(request: &RegisterRequest, declared: &Declared, ground: &Ground<'_>) -> Result<(), Rejection> {
    let Owner::Group { id, modules } = &ground.owner else {
        return Ok(());
    };
    let (module, group) = (|| declared.spec.name.as_ref().into(), || Box::from(*id));
    let Some(theirs) = modules.get(&declared.short_name) else {
        return Err(Rejection::NotInGroup {
            module: module(),
            group: group(),
        });
    };
    let same_input = theirs.input.check_same_structure(&declared.input);
    same_input.map_err(|how| Rejection::GroupInput {
        module: module(),
        group: group(),
        how,
    })?;
    let same_output = theirs.spec.output.check_same_structure(&declared.spec.output);
    same_output.map_err(|how| Rejection::GroupOutput {
        module: module(),
        group: group(),
        how,
    })?;
    let has = |name: &Arc<str>| request.modules.iter().any(|it| *it.name == **name);
    match modules.keys().find(|name| !has(name)) {
        Some(missing) => Err(Rejection::MissingFromGroup {
            group: group(),
            missing: missing.as_ref().into(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
