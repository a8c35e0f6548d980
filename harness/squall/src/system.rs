//! User-defined systems.

use crate::Harness;

/// A system as one plug-in: kinds of hosts, targets, faults, expectations, oracles and report sections that belong
/// together, added with one call of [`Harness::system`]. A crate can export one for others.
///
/// ```
/// use serde::Deserialize;
/// use squall::{Call, CallError, Harness, Section, Site, System, note};
///
/// /// Queues: `[queue.*]` in topologies, `push = { item = ".." }` in workloads.
/// struct Queues;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Queue {
///     capacity: usize,
/// }
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Push {
///     item: String,
/// }
///
/// impl System for Queues {
///     fn add_to(self, harness: Harness) -> Harness {
///         harness
///             .hosts("queue", |site: Site, queue: Queue| async move {
///                 let listener = site.listen(7000).await?;
///                 // Serve at most queue.capacity items...
///                 drop((listener, queue.capacity));
///                 Ok::<(), std::io::Error>(())
///             })
///             .target("push", |site: Site, call: Call<Push>| async move {
///                 // Connect to a queue, push...
///                 note("pushed", &call.payload.item);
///                 drop(site);
///                 Ok::<(), CallError>(())
///             })
///             .section(|run| {
///                 let mut section = Section::new(["pushed", "by"]);
///                 for note in run.notes().filter(|note| note.name == "pushed") {
///                     section.row([note.value, note.host]);
///                 }
///                 section
///             })
///     }
/// }
///
/// let harness = Harness::new().system(Queues);
/// # drop(harness);
/// ```
pub trait System {
    /// Adds all parts of the system.
    fn add_to(self, harness: Harness) -> Harness;
}
