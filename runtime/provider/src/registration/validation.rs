//! The checks of a registration, in their order: the first that fails is the reason. Spec: provider 2.3.
//!
//! | # | check | of |
//! |---|---|---|
//! | 1 | executor url | the request: every module gets the reason |
//! | 2 | namespace | the request |
//! | 2a | **ours**: length of the group's id, number of modules, number of types in all of them, number of connections, size of all registrations | the request |
//! | 3 | reserved namespace | each module, as in all following checks |
//! | 4 | name | |
//! | 4a | **ours**: length of the version and of the description; a duplicate name | |
//! | 5 | ownership | |
//! | 6 | a module of that name exists, when the namespace has no owner | |
//! | 7, 8 | input schema, output schema | |
//! | 9 | **ours**: a member of a group has the same modules as the others | |
//!
//! A request without modules is checked too, unlike in upstream: it would be kept, whatever it contains.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message;
use squall_engine::ModuleSpec;
use squall_proto::provider::{ModuleDeclaration, RegisterRequest};
use squall_value::CType;

use super::declares::{Declares, TYPES_MAX};
use super::rejection::Rejection;
use crate::table::{Declared, Namespace};
use crate::{Config, address, names};

/// One verdict for each module; `None` for valid ones. A request without modules, or with too many, has one verdict
/// for the whole request.
pub(crate) type Verdicts = Vec<Option<Rejection>>;

/// The state that a request is checked against.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    pub(super) owner: Owner<'a>,
    pub(super) connections: usize,
    /// The size of the existing registrations, in bytes.
    pub(super) registered: usize,
    /// The size that the request would add.
    pub(super) bytes: usize,
    /// Whether a module of this qualified name exists already, in any process.
    pub(super) exists: &'a dyn Fn(&str) -> bool,
}

/// The owner of the namespace.
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

/// Reads the schemas of a module.
pub(super) fn declared(
    namespace: &str,
    module: &ModuleDeclaration,
    config: &Config,
) -> Result<Declared, Rejection> {
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
        bytes: module.encoded_len(),
    })
}

/// Checks a request whose schemas have been read, and takes them if it is valid. Otherwise they stay in the request,
/// because dropping them may take long.
///
/// # Errors
/// The verdicts, if one of them is a rejection.
pub(super) fn validate(
    request: &RegisterRequest,
    schemas: &mut Vec<Result<Declared, Rejection>>,
    ground: &Ground<'_>,
) -> Result<Vec<Declared>, Verdicts> {
    check_request(request, ground)?;
    let missing = missing_of_group(request, ground);
    let mut earlier = BTreeSet::new();
    let verdicts = request.modules.iter().zip(&*schemas).map(|(module, schemas)| {
        let is_first = earlier.insert(module.name.as_str());
        check_module(request, module, is_first, ground)?;
        let declared = schemas.as_ref().map_err(Clone::clone)?;
        check_group(declared, missing, ground)
    });
    let verdicts: Verdicts = verdicts.map(Result::err).collect();
    if verdicts.iter().all(Option::is_none) {
        Ok(schemas.drain(..).flatten().collect())
    } else {
        Err(verdicts)
    }
}

/// Whether the response has a result for each module. A result that would be the same for any number of modules, or
/// for none, is a status.
pub(super) fn has_results(request: &RegisterRequest, config: &Config) -> bool {
    (1..=config.max_modules).contains(&request.modules.len())
}

/// Checks 1 to 2a, without other registrations; `declares` has the contents of the request before it was truncated.
///
/// # Errors
/// The verdicts, which are all the same.
pub(super) fn check_alone(
    request: &RegisterRequest,
    declares: Declares,
    config: &Config,
) -> Result<(), Verdicts> {
    let check = || {
        address::check(&request.executor_url)?;
        names::check_namespace(&request.namespace)?;
        let group = request.group_id.len();
        if group > names::NAME_BYTES_MAX {
            return Err(Rejection::GroupTooLong(group));
        }
        let (modules, limit) = (declares.modules, config.max_modules);
        if modules > limit {
            return Err(Rejection::TooManyModules { modules, limit });
        }
        if declares.types > TYPES_MAX {
            return Err(Rejection::TooManyTypes);
        }
        Ok(())
    };
    check().map_err(|reason| of_all(reason, request, config))
}

/// The rest of check 2a.
///
/// # Errors
/// The verdicts, which are all the same.
pub(super) fn check_request(request: &RegisterRequest, ground: &Ground<'_>) -> Result<(), Verdicts> {
    check_room(ground).map_err(|reason| of_all(reason, request, ground.config))
}

fn of_all(reason: Rejection, request: &RegisterRequest, config: &Config) -> Verdicts {
    let each = match has_results(request, config) {
        true => request.modules.len(),
        false => 1,
    };
    vec![Some(reason); each]
}

fn check_room(ground: &Ground<'_>) -> Result<(), Rejection> {
    let limit = ground.config.max_connections;
    if ground.connections >= limit {
        return Err(Rejection::TooManyConnections { limit });
    }
    let (bytes, registered, limit) = (
        ground.bytes,
        ground.registered,
        ground.config.max_registered_bytes,
    );
    if registered.saturating_add(bytes) > limit {
        return Err(Rejection::TooMuch {
            bytes,
            registered,
            limit,
        });
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
    if module.version.len() > names::VERSION_BYTES_MAX {
        return Err(Rejection::VersionTooLong(module.version.len()));
    }
    if module.description.len() > names::DESCRIPTION_BYTES_MAX {
        return Err(Rejection::DescriptionTooLong(module.description.len()));
    }
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

/// The first module of the group that is missing in the request.
fn missing_of_group<'a>(request: &RegisterRequest, ground: &Ground<'a>) -> Option<&'a Arc<str>> {
    let Owner::Group { modules, .. } = &ground.owner else {
        return None;
    };
    let has: BTreeSet<&str> = request.modules.iter().map(|it| it.name.as_str()).collect();
    modules.keys().find(|name| !has.contains(&***name))
}

/// Check 9. Spec: provider section 5, row 10.
fn check_group(
    declared: &Declared,
    missing: Option<&Arc<str>>,
    ground: &Ground<'_>,
) -> Result<(), Rejection> {
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
    // Most are shared, which is found without comparing their contents.
    let same = |theirs: &CType, it: &CType| match theirs == it {
        true => Ok(()),
        false => theirs.check_same_structure(it),
    };
    let same_input = same(&theirs.input, &declared.input);
    same_input.map_err(|how| Rejection::GroupInput {
        module: module(),
        group: group(),
        how,
    })?;
    let same_output = same(&theirs.spec.output, &declared.spec.output);
    same_output.map_err(|how| Rejection::GroupOutput {
        module: module(),
        group: group(),
        how,
    })?;
    match missing {
        Some(missing) => Err(Rejection::MissingFromGroup {
            group: group(),
            missing: missing.as_ref().into(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
