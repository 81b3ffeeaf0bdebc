//! Positions of a list by its texts: the one map of all guests. A general map would be built again for each type of value, and
//! code is what a component is made of.

/// An index over a list of texts.
#[derive(Clone, Debug, Default)]
pub struct Index(Vec<(String, usize)>);

impl Index {
    /// Indexes a list, whose order is that of the positions.
    #[must_use]
    pub fn new(texts: Vec<String>) -> Self {
        let numbered = texts.into_iter().enumerate();
        let mut sorted: Vec<(String, usize)> = numbered.map(|(at, text)| (text, at)).collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The first position of a text.
    #[must_use]
    pub fn first(&self, text: &str) -> Option<usize> {
        let at = self.0.partition_point(|(known, _)| known.as_str() < text);
        self.0
            .get(at)
            .filter(|(known, _)| known == text)
            .map(|(_, position)| *position)
    }

    /// Whether the text is in the list.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.first(text).is_some()
    }

    /// The positions at which a text stands for the first time, in the order of the list.
    #[must_use]
    pub fn firsts(&self) -> Vec<usize> {
        let mut firsts = Vec::new();
        let mut last: Option<&str> = None;
        for (text, at) in &self.0 {
            if last != Some(text.as_str()) {
                firsts.push(*at);
                last = Some(text);
            }
        }
        firsts.sort_unstable();
        firsts
    }
}

/// Values by their names. Of two with one name the first counts.
#[derive(Clone, Debug)]
pub struct Named<T> {
    names: Index,
    values: Vec<T>,
}

impl<T> Named<T> {
    /// Takes values, each behind its name.
    #[must_use]
    pub fn new(named: Vec<(String, T)>) -> Self {
        let (names, values) = named.into_iter().unzip();
        Self {
            names: Index::new(names),
            values,
        }
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.values.get(self.names.first(name)?)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            names: Index::default(),
            values: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_name() {
        let named = Named::new(vec![
            ("b".to_owned(), 1),
            ("a".to_owned(), 2),
            ("b".to_owned(), 3),
        ]);
        assert_eq!(
            [named.get("a"), named.get("b"), named.get("c")],
            [Some(&2), Some(&1), None]
        );
    }

    #[test]
    fn a_text_is_found_at_its_first_position() {
        let index = Index::new(["b", "a", "b", "c", "a"].map(str::to_owned).into());
        let found: Vec<_> = ["a", "b", "c", "d", ""]
            .map(|text| index.first(text))
            .into();
        assert_eq!(found, [Some(1), Some(0), Some(3), None, None]);
        assert_eq!(index.firsts(), [0, 1, 3]);
    }
}
