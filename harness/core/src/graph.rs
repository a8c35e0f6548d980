//! Graphs of nodes and of modules, both as lists of successors.

/// Strongly connected components, in the order of their first members. A single node counts only if it has an edge to
/// itself.
pub fn cycles(successors: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut predecessors = vec![Vec::new(); successors.len()];
    for (from, targets) in successors.iter().enumerate() {
        targets.iter().for_each(|to| predecessors[*to].push(from));
    }
    // Kosaraju: the last node to finish in one direction is visited first in the other.
    let mut seen = vec![false; successors.len()];
    let mut finished = Vec::new();
    for start in 0..successors.len() {
        finished.extend(walk(start, successors, &mut seen));
    }
    let mut seen = vec![false; successors.len()];
    let mut groups = Vec::new();
    for start in finished.into_iter().rev() {
        let mut group = walk(start, &predecessors, &mut seen);
        group.sort_unstable();
        let is_cycle = match group[..] {
            [] => false,
            [one] => successors[one].contains(&one),
            _ => true,
        };
        groups.extend(is_cycle.then_some(group));
    }
    groups.sort_unstable();
    groups
}

/// All unvisited nodes reachable from `start`, in post-order.
fn walk(start: usize, successors: &[Vec<usize>], seen: &mut [bool]) -> Vec<usize> {
    let mut finished = Vec::new();
    if std::mem::replace(&mut seen[start], true) {
        return finished;
    }
    let mut path = vec![(start, successors[start].iter())];
    while let Some((at, rest)) = path.last_mut() {
        match rest.next() {
            Some(next) if std::mem::replace(&mut seen[*next], true) => {}
            Some(next) => path.push((*next, successors[*next].iter())),
            None => {
                finished.push(*at);
                path.pop();
            }
        }
    }
    finished
}

/// Chains of at least `length` members without branches in or out.
pub fn chains(
    successors: &[Vec<usize>],
    is_member: impl Fn(usize) -> bool,
    length: usize,
) -> Vec<Vec<usize>> {
    let mut predecessors = vec![Vec::new(); successors.len()];
    for (from, targets) in successors.iter().enumerate() {
        targets.iter().for_each(|to| predecessors[*to].push(from));
    }
    let next = |at: usize| match successors[at][..] {
        [next] if is_member(next) && predecessors[next].len() == 1 => Some(next),
        _ => None,
    };
    let is_start = |at: usize| match predecessors[at][..] {
        [before] => !is_member(before) || next(before) != Some(at),
        _ => true,
    };
    let starts = (0..successors.len()).filter(|at| is_member(*at) && is_start(*at));
    let chain = |start| std::iter::successors(Some(start), |at| next(*at)).collect::<Vec<_>>();
    starts.map(chain).filter(|chain| chain.len() >= length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found_and_what_leads_into_them_is_none() {
        let graph = [vec![1], vec![2, 4], vec![1, 3], vec![3], vec![]];
        assert_eq!(cycles(&graph), [vec![1, 2], vec![3]]);
        assert!(cycles(&[vec![1, 2], vec![2], vec![]]).is_empty());
    }

    #[test]
    fn a_long_path_is_walked_without_recursion() {
        const LENGTH: usize = 100_000;
        let mut graph: Vec<_> = (1..LENGTH).map(|next| vec![next]).collect();
        graph.push(vec![0]);
        assert_eq!(cycles(&graph)[0].len(), LENGTH);
    }

    #[test]
    fn chains_end_where_ways_part_or_meet_and_where_members_end() {
        let graph = [vec![1], vec![2], vec![3], vec![4, 5], vec![], vec![]];
        assert_eq!(chains(&graph, |_| true, 3), [vec![0, 1, 2, 3]]);
        assert_eq!(chains(&graph, |at| at != 1, 2), [vec![2, 3]]);
        assert!(chains(&[vec![2], vec![2], vec![]], |_| true, 2).is_empty());
        assert!(
            chains(&[vec![1], vec![0]], |_| true, 2).is_empty(),
            "a ring is a cycle and not a chain"
        );
    }
}
