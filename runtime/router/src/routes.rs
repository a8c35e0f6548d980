//! The edges of a node, live: they can change while messages are in flight. Spec: router 3.6, 3.9.

use std::sync::{Arc, PoisonError, RwLock};

use crate::Edge;
use crate::signal::Signal;

/// An edge with the full name of the port that it starts from.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) edge: Edge,
    pub(crate) from: Arc<str>,
    /// Set when the edge is removed: every send along it ends then.
    pub(crate) removed: Arc<Signal>,
}

/// The outgoing edges of a node. They belong to the node and not to an instance: a replaced instance continues with
/// the edges of its successor.
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

    /// All current routes.
    pub(crate) fn list(&self) -> Arc<[Arc<Route>]> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the edges. Of two that join the same ports the first counts: one message goes there once. Messages in
    /// flight along a removed edge end.
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

/// The route that joins the same ports as `edge`. Compared as a pair, because two pairs can have the same
/// concatenated text.
fn find<'a>(routes: &'a [Arc<Route>], edge: &Edge) -> Option<&'a Arc<Route>> {
    routes
        .iter()
        .find(|route| route.edge.port == edge.port && route.edge.to == edge.to)
}
