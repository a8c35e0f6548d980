//! Manifests as a source of owners and endpoints.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use squall_platform::{Authority, OwnedTask, Platform};
use squall_router::Discovery;
use squall_router::discovery::{Fact, Listener, Registry};
use tracing::{Level, event};

use crate::names;
use crate::resource::{Address, Module, Node};
use crate::{Problem, Reading, Resource, Severity, read};

/// A file with manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Owners and endpoints from TinyNode and TinyModule manifests. Spec: router S-13, S-15, 6.1.
///
/// It is empty until it is [loaded](Manifests::reload) for the first time. Of two resources of the same name the
/// higher `metadata.resourceVersion` counts; for equal versions, the later one.
pub struct Manifests {
    registry: Registry,
    files: Box<dyn Fn() -> io::Result<Vec<File>> + Send + Sync>,
    /// The number of loads.
    generation: Mutex<u64>,
}

/// Why manifests were rejected. The previous state remains.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A file or folder cannot be read.
    #[error("the manifests cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A file is invalid.
    #[error("{file}:{line}: {}", problem.message)]
    Malformed {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The problem.
        problem: Box<Problem>,
    },
}

impl Manifests {
    /// A source whose files are those that `files` returns.
    pub fn new(files: impl Fn() -> io::Result<Vec<File>> + Send + Sync + 'static) -> Self {
        Manifests {
            registry: Registry::new(),
            files: Box::new(files),
            generation: Mutex::new(0),
        }
    }

    /// A source of files and folders; a folder means its `*.yaml`, `*.yml` and `*.json`, not its sub-folders. They
    /// are read synchronously, in [`Manifests::reload`].
    pub fn from_paths(paths: Vec<PathBuf>) -> Self {
        Manifests::new(move || {
            let mut files = Vec::new();
            for path in &paths {
                for path in files_of(path)? {
                    files.push(File {
                        text: std::fs::read_to_string(&path)?,
                        name: path.display().to_string(),
                    });
                }
            }
            Ok(files)
        })
    }

    /// Reads everything again. If one file is invalid, nothing changes. Returns the warnings, each with its file.
    ///
    /// # Errors
    /// When something cannot be read. The previous state remains.
    pub fn reload(&self) -> Result<Vec<(String, Problem)>, ReloadError> {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = Newest::default();
        let mut warnings = Vec::new();
        for file in (self.files)()? {
            let Reading { resources, problems } = read(&file.text);
            for problem in problems {
                if problem.severity == Severity::Error {
                    let before = file.text.get(..problem.span.start).unwrap_or_default();
                    return Err(ReloadError::Malformed {
                        file: file.name,
                        line: before.matches('\n').count() + 1,
                        problem: Box::new(problem),
                    });
                }
                warnings.push((file.name.clone(), problem));
            }
            resources.into_iter().for_each(|resource| newest.add(resource));
        }
        *generation += 1;
        let version = *generation;
        self.registry
            .replace(version, newest.facts().into_iter().map(|fact| (version, fact)));
        Ok(warnings)
    }

    /// Reads everything at the interval `every`, until the task is dropped. Errors are reported as the event
    /// `discovery.unreadable`, and each warning once as `discovery.warning`.
    pub fn follow<P: Platform>(self: &Arc<Self>, platform: &P, every: Duration) -> OwnedTask {
        let source = Arc::downgrade(self);
        let task = async move {
            let mut told: Vec<(String, Problem)> = Vec::new();
            while let Some(source) = source.upgrade() {
                told = match source.reload() {
                    Ok(warnings) => {
                        let news = warnings.iter().filter(|warning| !told.contains(warning));
                        news.for_each(warned);
                        warnings
                    }
                    Err(error) => {
                        unreadable(&error);
                        told
                    }
                };
                drop(source);
                tokio::time::sleep(every).await;
            }
        };
        platform.spawn(task).into()
    }
}

fn unreadable(error: &ReloadError) {
    event!(
        name: "discovery.unreadable",
        target: "squall::router",
        Level::WARN,
        error = error.to_string().as_str(),
    );
}

fn warned((file, problem): &(String, Problem)) {
    event!(
        name: "discovery.warning",
        target: "squall::router",
        Level::WARN,
        file = file.as_str(),
        warning = problem.message.as_str(),
    );
}

/// The newest resources of each name.
#[derive(Default)]
struct Newest {
    nodes: BTreeMap<String, Node>,
    modules: BTreeMap<String, Module>,
}

impl Newest {
    fn add(&mut self, resource: Resource) {
        let (name, version) = (resource.name().value.clone(), resource.version());
        match resource {
            Resource::Node(node) if self.nodes.get(&name).is_none_or(|old| old.version <= version) => {
                self.nodes.insert(name, node);
            }
            Resource::Module(module) if self.modules.get(&name).is_none_or(|old| old.version <= version) => {
                self.modules.insert(name, module);
            }
            Resource::Node(_) | Resource::Module(_) => {}
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let owner = |node: &Node| {
            let owner = names::owner(node, self.modules.keys().map(String::as_str))?;
            Some(Fact::Owner {
                node: node.name.as_str().into(),
                module: Some(owner.module.into()),
            })
        };
        let endpoints = |module: &Module| Fact::Endpoints {
            module: module.name.as_str().into(),
            endpoints: match &module.address.value {
                Address::Endpoint(authority) => vec![authority.clone()],
                Address::None | Address::Unsupported(_) | Address::Malformed(_) => vec![],
            },
        };
        let owners = self.nodes.values().filter_map(owner);
        owners.chain(self.modules.values().map(endpoints)).collect()
    }
}

fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let is_manifest =
            |extension: &std::ffi::OsStr| ["yaml", "yml", "json"].iter().any(|it| extension == *it);
        if path.is_file() && path.extension().is_some_and(is_manifest) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Discovery for Manifests {
    fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.registry.owner(node)
    }

    fn endpoints(&self, module: &str) -> Option<Vec<Authority>> {
        self.registry.endpoints(module)
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.registry.listen(listener);
    }
}

impl fmt::Debug for Manifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manifests").field(&self.registry).finish()
    }
}
