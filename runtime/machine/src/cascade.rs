//! Which states a transition leaves and enters.

use crate::machine::Inner;

impl<C, E> Inner<C, E> {
    /// A state and all around it, innermost first.
    pub(crate) fn chain(&self, state: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(state), |it| self.nodes[*it].parent)
    }

    /// The leaf that is active once `state` is entered.
    pub(crate) fn leaf_of(&self, state: usize) -> usize {
        let mut leaf = state;
        while let Some(child) = self.nodes[leaf].initial_child {
            leaf = child;
        }
        leaf
    }

    /// The states that a way from the active `leaf` to `target` leaves, innermost first, and those that it enters,
    /// outermost first. A target that is active already is left and entered.
    pub(crate) fn cascade(&self, leaf: usize, target: usize) -> (Vec<usize>, Vec<usize>) {
        let around_target: Vec<usize> = self.chain(target).skip(1).collect();
        // The innermost state that stays active: around both, and not the target.
        let stays = self.chain(leaf).find(|state| around_target.contains(state));
        let exits = self
            .chain(leaf)
            .take_while(|state| Some(*state) != stays)
            .collect();
        (exits, self.entries(target, stays))
    }

    /// The states within `stays` that are entered with `target`, outermost first.
    pub(crate) fn entries(&self, target: usize, stays: Option<usize>) -> Vec<usize> {
        let leaf = self.leaf_of(target);
        let mut entries: Vec<usize> = self
            .chain(leaf)
            .take_while(|state| Some(*state) != stays)
            .collect();
        entries.reverse();
        entries
    }
}
