//! Circles of parts: which imports of parts lie on one, and how it closes.

/// Which of so many parts imports which.
#[derive(Debug)]
pub(crate) struct Graph {
    parts: usize,
    /// A row for each part that imports.
    edges: Vec<bool>,
}

impl Graph {
    pub(crate) fn new(parts: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut graph = Self {
            parts,
            edges: vec![false; parts * parts],
        };
        for (from, to) in edges {
            if let Some(edge) = graph.edges.get_mut(from * parts + to) {
                *edge = true;
            }
        }
        graph
    }

    pub(crate) fn has(&self, (from, to): (usize, usize)) -> bool {
        self.edges
            .get(from * self.parts + to)
            .copied()
            .unwrap_or(false)
    }

    /// The shortest way from one part to another, both included.
    pub(crate) fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        // From where each part was reached; parts are looked at in the order in which they are.
        let mut before = vec![usize::MAX; self.parts];
        let mut open = vec![from];
        *before.get_mut(from)? = from;
        let mut at = 0;
        while let Some(part) = open.get(at).copied() {
            if part == to {
                return Some(way_back(&before, to));
            }
            for (next, before) in before.iter_mut().enumerate() {
                if *before == usize::MAX && self.has((part, next)) {
                    *before = part;
                    open.push(next);
                }
            }
            at += 1;
        }
        None
    }
}

fn way_back(before: &[usize], end: usize) -> Vec<usize> {
    let mut way = vec![end];
    let mut at = end;
    while let Some(previous) = before.get(at).copied().filter(|previous| *previous != at) {
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
        let graph = Graph::new(4, [(0, 1), (1, 2), (2, 3), (1, 3), (3, 0)]);
        assert_eq!(graph.way(0, 3), Some(vec![0, 1, 3]));
        assert_eq!(graph.way(3, 2), Some(vec![3, 0, 1, 2]));
        assert_eq!(graph.way(2, 2), Some(vec![2]));
        assert_eq!(graph.way(0, 9), None);
    }
}
