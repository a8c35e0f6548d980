//! The edges of a node, live: they can change while messages are on their way. Spec: router 3.6, 3.9.

use std::sync::{Arc, PoisonError, RwLock};

use crate::Edge;
use crate::signal::Signal;

/// An edge with the full name of the port that it starts from.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) edge: Edge,
    pub(crate) from: Arc<str>,
    /// Given when the edge is removed: every send along it ends then.
    pub(crate) removed: Arc<Signal>,
}

/// What leaves a node. It belongs to the node and not to an instance: one that is replaced goes on with the
/// edges of its successor.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) node: Arc<str>,
    list: RwLock<Arc<[Arc<Route>]>>,
}

impl Routes {
    pub(crate) fn new(node: Arc<str>, edges: Vec<Edge>) -> Self {
        let routes = Routes {
            node,
            list: RwLock::default(),
        };
        routes.set(edges);
        routes
    }

    /// All routes as they are now.
    pub(crate) fn list(&self) -> Arc<[Arc<Route>]> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the edges. Of two that join the same ports the first counts: one message goes there once.
    /// What is on its way along an edge that is not among them ends.
    pub(crate) fn set(&self, edges: Vec<Edge>) {
        let old = self.list();
        let mut routes: Vec<Arc<Route>> = Vec::with_capacity(edges.len());
        for edge in edges {
            if find(&routes, &edge).is_some() {
                continue;
            }
            let (from, removed) = match find(&old, &edge) {
                Some(route) => (Arc::clone(&route.from), Arc::clone(&route.removed)),
                None => (format!("{}.{}", self.node, edge.port).into(), Arc::default()),
            };
            routes.push(Arc::new(Route { edge, from, removed }));
        }
        let gone = old.iter().filter(|route| find(&routes, &route.edge).is_none());
        let gone: Vec<_> = gone.map(|route| Arc::clone(&route.removed)).collect();
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = routes.into();
        for removed in gone {
            removed.give();
        }
    }
}

/// The route that joins the same ports as `edge`. By the pair, not by a text made of it: two pairs can make
/// the same text.
fn find<'a>(routes: &'a [Arc<Route>], edge: &Edge) -> Option<&'a Arc<Route>> {
    routes
        .iter()
        .find(|route| route.edge.port == edge.port && route.edge.to == edge.to)
}
