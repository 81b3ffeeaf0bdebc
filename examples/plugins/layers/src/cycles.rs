//! Circles of parts: which imports of parts lie on one, and how it closes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which parts import which.
#[derive(Debug, Default)]
pub(crate) struct Graph(BTreeMap<usize, BTreeSet<usize>>);

impl Graph {
    pub(crate) fn new(edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut graph = Self::default();
        for (from, to) in edges {
            graph.0.entry(from).or_default().insert(to);
        }
        graph
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let each = self.0.iter();
        each.flat_map(|(from, to)| to.iter().map(|to| (*from, *to)))
    }

    pub(crate) fn has(&self, (from, to): (usize, usize)) -> bool {
        self.0.get(&from).is_some_and(|all| all.contains(&to))
    }

    /// The shortest way from one part to another, both included.
    pub(crate) fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut before = BTreeMap::from([(from, from)]);
        let mut open = VecDeque::from([from]);
        while let Some(part) = open.pop_front() {
            if part == to {
                return Some(way_back(&before, to));
            }
            for next in self.0.get(&part).into_iter().flatten() {
                before.entry(*next).or_insert_with(|| {
                    open.push_back(*next);
                    part
                });
            }
        }
        None
    }
}

fn way_back(before: &BTreeMap<usize, usize>, end: usize) -> Vec<usize> {
    let mut way = vec![end];
    let mut at = end;
    while let Some(previous) = before.get(&at).copied().filter(|previous| *previous != at) {
        way.push(previous);
        at = previous;
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_found() {
        let graph = Graph::new([(0, 1), (1, 2), (2, 3), (1, 3), (3, 0)]);
        assert_eq!(graph.way(0, 3), Some(vec![0, 1, 3]));
        assert_eq!(graph.way(3, 2), Some(vec![3, 0, 1, 2]));
        assert_eq!(graph.way(2, 2), Some(vec![2]));
        assert_eq!(graph.way(0, 9), None);
    }
}
