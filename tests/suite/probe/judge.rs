//! What the probe said inside and outside against what its table promises.

use std::collections::BTreeMap;

/// What an entry said that did not run.
const NOTHING: &str = "said nothing";

/// Who called the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Root,
    User,
}

/// A line of the probe's table.
pub(super) struct Row {
    name: String,
    control: String,
    inside: Vec<String>,
}

/// What came of each entry, by name.
pub(super) type Results = BTreeMap<String, String>;

impl Row {
    pub(super) fn is_use(&self) -> bool {
        self.control == "works"
    }

    pub(super) fn class(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    /// The control shows another answer of the kernel, not a success.
    pub(super) fn is_only_different(&self) -> bool {
        self.control.starts_with("differs")
    }

    /// What is wrong with what was said inside.
    fn inside(&self, said: &str) -> Option<String> {
        let fits =
            |one: &String| one == said || (one == "fails" && said != "ok" && said != NOTHING);
        let expected = self.inside.iter().any(fits);
        let what = match (expected, said) {
            (true, _) => return None,
            (false, _) if self.is_use() => "does not work inside",
            (false, "ok") => "VIOLATION SUCCEEDED",
            (false, _) => "was refused in another way",
        };
        Some(format!(
            "{}: {what}: {said}, not {:?}",
            self.name, self.inside
        ))
    }

    /// What is wrong with what was said outside.
    fn outside(&self, said: &str, caller: Caller) -> Option<String> {
        let holds = match self.control.as_str() {
            "works" | "succeeds" => said == "ok",
            "succeeds-for-root" => said == "ok" || caller == Caller::User,
            "differs" => !self.inside.iter().any(|one| one == said),
            "differs-for-root" => {
                caller == Caller::User || !self.inside.iter().any(|one| one == said)
            }
            other => panic!("{}: no such control: {other}", self.name),
        };
        (!holds).then(|| format!("{}: the control ({}) said {said}", self.name, self.control))
    }
}

pub(super) fn rows(table: &str) -> Vec<Row> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, control, inside] = words[..] else {
            panic!("{line}")
        };
        Row {
            name: name.to_owned(),
            control: control.to_owned(),
            inside: inside.split('|').map(str::to_owned).collect(),
        }
    };
    table.lines().map(row).collect()
}

/// Replaces what a sandbox of another tier answers: lines of caller (`all`, `root`, `user`), name and answers, and why.
#[track_caller]
pub(super) fn expect_otherwise(rows: &mut [Row], caller: Caller, table: &str) {
    let own = match caller {
        Caller::Root => "root",
        Caller::User => "user",
    };
    let lines = table.lines().filter_map(|line| line.split('#').next());
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [whose, name, inside] = words[..] else {
            panic!("{line}")
        };
        let row = rows.iter_mut().find(|row| row.name == name);
        let row = row.unwrap_or_else(|| panic!("no such entry: {name}"));
        let inside: Vec<String> = inside.split('|').map(str::to_owned).collect();
        assert_ne!(
            row.inside, inside,
            "{name} is answered as in the full sandbox"
        );
        if whose == "all" || whose == own {
            row.inside = inside;
        }
    }
}

pub(super) fn results(said: &str) -> Results {
    said.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, said)| (name.to_owned(), said.to_owned()))
        .collect()
}

/// Everything that is not as the table promises, one line each.
pub(super) fn wrong(
    rows: &[Row],
    inside: &Results,
    outside: &Results,
    caller: Caller,
) -> Vec<String> {
    let missing = NOTHING.to_owned();
    rows.iter()
        .flat_map(|row| {
            let said = |results: &Results| results.get(&row.name).unwrap_or(&missing).clone();
            [
                row.inside(&said(inside)),
                row.outside(&said(outside), caller),
            ]
        })
        .flatten()
        .collect()
}

#[test]
fn what_succeeds_inside_or_is_not_proven_outside_is_named() {
    let rows = rows(
        "a/open succeeds EPERM\na/root succeeds-for-root EPERM|EINVAL\na/odd differs ENOSYS\nb/use works ok",
    );
    let told = |inside: &str, outside: &str, caller| {
        wrong(&rows, &results(inside), &results(outside), caller)
    };
    let good = "a/open EPERM\na/root EINVAL\na/odd ENOSYS\nb/use ok";
    let control = "a/open ok\na/root ok\na/odd EFAULT\nb/use ok";
    assert!(told(good, control, Caller::Root).is_empty());
    let by_user = control.replace("a/root ok", "a/root EPERM");
    assert!(told(good, &by_user, Caller::User).is_empty());
    assert_eq!(told(good, &by_user, Caller::Root).len(), 1);
    let open = told(
        &good.replace("a/open EPERM", "a/open ok"),
        control,
        Caller::Root,
    );
    assert!(
        open.len() == 1 && open[0].starts_with("a/open: VIOLATION SUCCEEDED"),
        "{open:?}"
    );
    for (inside, outside) in [
        (
            good.replace("a/open EPERM", "a/open ENOENT"),
            control.to_owned(),
        ),
        (good.replace("a/open EPERM\n", ""), control.to_owned()),
        (good.replace("b/use ok", "b/use EPERM"), control.to_owned()),
        (
            good.to_owned(),
            control.replace("a/open ok", "a/open EPERM"),
        ),
        (
            good.to_owned(),
            control.replace("a/odd EFAULT", "a/odd ENOSYS"),
        ),
        (good.to_owned(), control.replace("b/use ok", "b/use EPERM")),
    ] {
        assert_eq!(
            told(&inside, &outside, Caller::Root).len(),
            1,
            "{inside}\n{outside}"
        );
    }
}
