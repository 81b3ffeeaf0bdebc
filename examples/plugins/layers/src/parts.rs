//! Which part of the tree a file belongs to: at most one.

use guest::globs::Globs;

/// The parts, by number.
#[derive(Debug)]
pub(crate) struct Parts {
    names: Vec<String>,
    /// As many as names; none where the names themselves say it.
    globs: Option<Vec<Globs>>,
}

impl Parts {
    /// Parts that are declared.
    pub(crate) fn by_globs(parts: Vec<(String, Globs)>) -> Self {
        let (names, globs) = parts.into_iter().unzip();
        Self {
            names,
            globs: Some(globs),
        }
    }

    /// Parts that are only named: folders and files of that name, anywhere.
    pub(crate) fn by_name(names: &[&str]) -> Self {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        Self { names, globs: None }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn name(&self, part: usize) -> &str {
        self.names.get(part).map_or("", String::as_str)
    }

    /// The part of a file. Of several the one whose glob says most of its path, the first by name where they say as much.
    pub(crate) fn of(&self, path: &str) -> Option<usize> {
        let Some(globs) = &self.globs else {
            return self.named(path);
        };
        let mut best: Option<(usize, usize)> = None;
        for (part, globs) in globs.iter().enumerate() {
            let said = globs.specificity(path);
            if let Some(said) = said.filter(|said| best.is_none_or(|(_, most)| *said > most)) {
                best = Some((part, said));
            }
        }
        best.map(|(part, _)| part)
    }

    /// The innermost folder that has the name of a part; the file itself is innermost of all.
    fn named(&self, path: &str) -> Option<usize> {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.split('.').next().unwrap_or(file);
        let mut names = std::iter::once(stem).chain(folders.rsplit('/'));
        names.find_map(|name| self.names.iter().position(|part| part == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_part_that_says_most_of_its_path() {
        let globs = |globs: &[&str]| Globs::new(globs).unwrap();
        let parts = Parts::by_globs(vec![
            ("all".into(), globs(&["src/**"])),
            ("web".into(), globs(&["src/web/**", "app.py"])),
        ]);
        for (path, part) in [
            ("src/web/a.py", Some(1)),
            ("src/a.py", Some(0)),
            ("app.py", Some(1)),
            ("a.py", None),
        ] {
            assert_eq!(parts.of(path), part, "{path}");
        }
    }

    #[test]
    fn a_part_without_globs_is_a_folder_or_a_file_of_its_name() {
        let parts = Parts::by_name(&["web", "domain", "web"]);
        for (path, part) in [
            ("src/domain/a.py", Some(0)),
            ("src/domain.rs", Some(0)),
            ("web/domain/a.py", Some(0)),
            ("domain/web/a.py", Some(1)),
            ("domain/web.d.ts", Some(1)),
            ("src/webs/a.py", None),
        ] {
            assert_eq!(parts.of(path), part, "{path}");
        }
    }
}
