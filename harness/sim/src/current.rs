//! The current world and process of a simulation thread.

use std::cell::RefCell;
use std::sync::Arc;

use crate::host::HostId;
use crate::platform::SimPlatform;
use crate::world::World;

thread_local! {
    static WORLD: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

pub(crate) fn set(world: Option<Arc<World>>) {
    WORLD.with(|slot| *slot.borrow_mut() = world);
}

/// The current position in a run: virtual nanoseconds and the host whose task is being polled (`None` for the world
/// itself). `None` on a thread that runs no simulation.
pub fn position() -> Option<(u64, Option<Arc<str>>)> {
    WORLD.with(|slot| {
        let world = slot.borrow();
        let world = world.as_ref()?;
        let host = world.current();
        Some((
            world.now(),
            (host != HostId::WORLD).then(|| world.host_name(host)),
        ))
    })
}

/// Whether a task of `tokio::spawn` is being polled on this thread. For panic hooks, which may run at any point.
pub(crate) fn polls_spawned() -> bool {
    let polled = WORLD.try_with(|slot| {
        let world = slot.try_borrow().ok()?;
        Some(world.as_ref()?.spawned().is_polled())
    });
    polled.ok().flatten().unwrap_or(false)
}

/// The process whose task is being polled on this thread, for code that does not get a platform. `None` for the world's
/// own tasks, and on a thread that runs no simulation.
pub fn process() -> Option<SimPlatform> {
    WORLD.with(|slot| {
        let world = slot.borrow();
        let world = world.as_ref()?;
        let process = world.process_of(world.current_owner())?;
        Some(SimPlatform::new(world.clone(), process))
    })
}
