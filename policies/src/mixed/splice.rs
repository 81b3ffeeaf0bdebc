//! One manifest with the steering tables of another.
//!
//! The base's tables in the candidate's manifest make a part of the oracle tree; the candidate's in the
//! base's one of the probe tree. All else keeps its bytes, where the format lets it.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::{
    CARGO_TABLES, NODE_KEYS, ODD_BREAKS, PYTHON_BUILD_STEERING, PYTHON_BUILD_TOOLS, TARGET_KEYS,
    WORKSPACE_KEYS, heading, steers_in_setup_cfg,
};
use crate::path::RepoPath;

/// The text of `product` with the steering tables of `steering` in place of its own. An absent file
/// has an empty text. None for a path that holds no such tables, or where one of the texts cannot be
/// read in its format.
///
/// Of development dependencies only those are taken that `steering` names: new tests may need more
/// than the old ones did.
#[must_use]
pub fn splice(path: &RepoPath, product: &str, steering: &str) -> Option<String> {
    match path.file_name() {
        b"pyproject.toml" => edited(product, steering, pyproject),
        b"Cargo.toml" => edited(product, steering, cargo),
        b"setup.cfg" => setup_cfg(product, steering),
        b"package.json" => package_json(product, steering),
        _ => None,
    }
}

fn edited(
    product: &str,
    steering: &str,
    edit: impl FnOnce(&mut DocumentMut, &DocumentMut),
) -> Option<String> {
    let mut document: DocumentMut = product.parse().ok()?;
    let steering: DocumentMut = steering.parse().ok()?;
    edit(&mut document, &steering);
    Some(document.to_string())
}

fn pyproject(document: &mut DocumentMut, steering: &DocumentMut) {
    let builds = |name: &str| PYTHON_BUILD_TOOLS.contains(&name);
    let tools = steering.get("tool").and_then(Item::as_table_like);
    let names = names(document.get("tool").and_then(Item::as_table_like), tools);
    let tool = child(document.as_table_mut(), "tool");
    for name in names.iter().filter(|name| !builds(name)) {
        put(tool, name, tools.and_then(|tools| tools.get(name)));
    }
    for (name, key) in PYTHON_BUILD_STEERING {
        let commands = tools.and_then(|tools| tools.get(name)?.get(key));
        if commands.is_some() || tool.get(name).is_some_and(|own| own.get(key).is_some()) {
            put(child(tool, name), key, commands);
        }
    }
    drop_empty(document.as_table_mut(), "tool");
}

fn cargo(document: &mut DocumentMut, steering: &DocumentMut) {
    let own: &mut dyn TableLike = document.as_table_mut();
    for name in CARGO_TABLES {
        put(own, name, steering.get(name));
    }
    automatic_targets(own, steering.as_table());
    if own.contains_key("workspace") {
        for key in WORKSPACE_KEYS {
            let item = steering.get("workspace").and_then(|table| table.get(key));
            put(child(own, "workspace"), key, item);
        }
        keep_heading(own, "workspace");
    }
    for kind in ["lib", "bin", "example"] {
        targets(own, kind, steering.get(kind));
    }
    development(own, steering.as_table());
    let platforms = steering.get("target").and_then(Item::as_table_like);
    for (name, platform) in platforms.into_iter().flat_map(TableLike::iter) {
        let known = own.get("target").and_then(|all| all.get(name)).is_some();
        if let Some(platform) = platform.as_table_like().filter(|_| known) {
            development(child(child(own, "target"), name), platform);
        }
    }
}

/// `autotests` and its like: whether cargo looks for targets by itself.
fn automatic_targets(own: &mut dyn TableLike, steering: &Table) {
    let package = steering.get("package").and_then(Item::as_table_like);
    let names = names(own.get("package").and_then(Item::as_table_like), package);
    for name in names.iter().filter(|name| name.starts_with("auto")) {
        put(
            child(own, "package"),
            name,
            package.and_then(|table| table.get(name)),
        );
    }
}

/// Whether and how the tests of libraries and programs run. A target that only one side has keeps
/// what it says.
fn targets(own: &mut dyn TableLike, kind: &str, steering: Option<&Item>) {
    let steering = steering.map(target_tables).unwrap_or_default();
    let Some(own) = own.get_mut(kind) else { return };
    for target in target_tables_mut(own) {
        let name =
            |table: &dyn TableLike| table.get("name").and_then(Item::as_str).map(str::to_owned);
        // A library need not be named.
        let same = |other: &&&dyn TableLike| kind == "lib" || name(**other) == name(target);
        let other = steering.iter().find(same).copied();
        for key in TARGET_KEYS.iter().filter(|key| **key != "name") {
            put(target, key, other.and_then(|other| other.get(key)));
        }
    }
}

fn target_tables(item: &Item) -> Vec<&dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables.iter().map(|table| table as &dyn TableLike).collect(),
        item => item.as_table_like().into_iter().collect(),
    }
}

fn target_tables_mut(item: &mut Item) -> Vec<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables
            .iter_mut()
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        item => item.as_table_like_mut().into_iter().collect(),
    }
}

fn development(own: &mut dyn TableLike, steering: &dyn TableLike) {
    let Some(wanted) = steering
        .get("dev-dependencies")
        .and_then(Item::as_table_like)
    else {
        return;
    };
    let table = child(own, "dev-dependencies");
    for (name, item) in wanted.iter() {
        put(table, name, Some(item));
    }
}

/// The keys of both.
fn names(one: Option<&dyn TableLike>, other: Option<&dyn TableLike>) -> Vec<String> {
    let all = [one, other].into_iter().flatten();
    all.flat_map(TableLike::iter)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The table of this name; an empty one where there is none.
fn child<'a>(table: &'a mut dyn TableLike, name: &str) -> &'a mut dyn TableLike {
    let there = table.get(name).is_some_and(Item::is_table_like);
    if !there {
        let mut fresh = Table::new();
        fresh.set_implicit(true);
        table.insert(name, Item::Table(fresh));
    }
    match table.get_mut(name).and_then(Item::as_table_like_mut) {
        Some(child) => child,
        None => unreachable!("`{name}` was made a table just now"),
    }
}

/// Makes a key what it is on the other side, also absent; one that is equal keeps its bytes.
fn put(table: &mut dyn TableLike, name: &str, item: Option<&Item>) {
    let Some(item) = item else {
        table.remove(name);
        return;
    };
    let own = table.get(name);
    if own.is_none_or(|own| value(own) != value(item)) {
        let mut item = item.clone();
        unplace(&mut item);
        table.insert(name, item);
    }
}

/// What an item says, whatever it looks like.
fn value(item: &Item) -> Option<toml::Value> {
    let mut document = DocumentMut::new();
    document.insert("item", item.clone());
    let mut table: toml::Table = toml::from_str(&document.to_string()).ok()?;
    table.remove("item")
}

/// Tables are printed in the order of the places that they had in their own text; in another one they
/// go where their key is.
fn unplace(item: &mut Item) {
    match item {
        Item::Table(table) => unplace_table(table),
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(unplace_table),
        Item::Value(_) | Item::None => {}
    }
}

fn unplace_table(table: &mut Table) {
    table.set_position(None);
    table.iter_mut().for_each(|(_, item)| unplace(item));
}

/// Keeps a table that nothing is left in: that it is there says something by itself.
fn keep_heading(table: &mut dyn TableLike, name: &str) {
    if let Some(Item::Table(table)) = table.get_mut(name)
        && table.is_empty()
    {
        table.set_implicit(false);
    }
}

fn drop_empty(table: &mut Table, name: &str) {
    let empty = table
        .get(name)
        .and_then(Item::as_table_like)
        .is_some_and(TableLike::is_empty);
    if empty {
        table.remove(name);
    }
}

/// Sections by their lines: those of `product` that steer nothing, then those of `steering` that do.
fn setup_cfg(product: &str, steering: &str) -> Option<String> {
    if product.contains(ODD_BREAKS_BUT_RETURN) || steering.contains(ODD_BREAKS_BUT_RETURN) {
        return None;
    }
    let mut text = sections(product, false)?;
    let tables = sections(steering, true)?;
    if sections(product, true)? == tables {
        return Some(product.to_owned());
    }
    if !text.is_empty() && !text.ends_with('\n') && !tables.is_empty() {
        text.push('\n');
    }
    text.push_str(&tables);
    Some(text)
}

/// As [`ODD_BREAKS`] without the one that `\r\n` ends lines with.
const ODD_BREAKS_BUT_RETURN: [char; 9] = {
    let mut rest = ['\0'; 9];
    let mut at = 0;
    while at < rest.len() {
        rest[at] = ODD_BREAKS[at + 1];
        at += 1;
    }
    rest
};

/// The sections that steer a check, or the others.
fn sections(text: &str, steering: bool) -> Option<String> {
    if text.replace("\r\n", "\n").contains('\r') {
        return None;
    }
    let mut kept = String::new();
    let mut wanted = !steering;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        if content.trim_start().starts_with('[') {
            wanted = steers_in_setup_cfg(heading(content)?) == steering;
        }
        if wanted {
            kept.push_str(line);
        }
    }
    Some(kept)
}

/// The members of a JSON object as they are written, in their order; of equal names the last one
/// counts, as for every reader of this format.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members(Vec::new());
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.set(name, value);
                }
                Ok(members)
            }
        }
        from.deserialize_map(Reader)
    }
}

impl Members {
    fn set(&mut self, name: String, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    fn get(&self, name: &str) -> Option<&RawValue> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}

fn package_json(product: &str, steering: &str) -> Option<String> {
    let read = |text: &str| match text.trim() {
        "" => Some(Members(Vec::new())),
        text => serde_json::from_str(text).ok(),
    };
    let (mut members, steering) = (read(product)?, read(steering)?);
    let same =
        |name: &&str| members.get(name).map(RawValue::get) == steering.get(name).map(RawValue::get);
    if NODE_KEYS.iter().all(same) {
        return Some(product.to_owned());
    }
    for name in NODE_KEYS {
        match steering.get(name) {
            Some(value) => members.set(name.to_owned(), value.to_owned()),
            None => members.0.retain(|(known, _)| known != name),
        }
    }
    let lines = members.0.iter().map(|(name, value)| {
        let name = serde_json::to_string(name).ok()?;
        Some(format!("  {name}: {value}"))
    });
    let lines: Vec<String> = lines.collect::<Option<_>>()?;
    Some(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixed::{Side, steering_changed};

    /// Path, product's text, the other side's text, what must come out.
    const CASES: &[(&str, &str, &str, &str)] = &[
        (
            "pyproject.toml",
            "[project]\nname = \"a\" # mine\n\n[tool.pytest.ini_options]\naddopts = \"-k x\"\n",
            "[project]\nname = \"b\"\n\n[tool.pytest.ini_options]\naddopts = \"-q\"\n",
            "[project]\nname = \"a\" # mine\n\n[tool.pytest.ini_options]\naddopts = \"-q\"\n",
        ),
        (
            "pyproject.toml",
            "[tool.ruff]\nline-length = 9\n[tool.uv]\na = 1\n",
            "",
            "[tool.uv]\na = 1\n",
        ),
        ("pyproject.toml", "[tool.mypy]\nstrict = false\n", "", ""),
        (
            "a/pyproject.toml",
            "[project]\nname = \"a\"\n",
            "[tool.mypy]\nstrict = true\n",
            "[project]\nname = \"a\"\n[tool.mypy]\nstrict = true\n",
        ),
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\nautotests = false\n[dependencies]\nx = \"2\"\n",
            "[package]\nname = \"a\"\n[dependencies]\nx = \"1\"\n[[test]]\nname = \"it\"\n",
            "[package]\nname = \"a\"\n[dependencies]\nx = \"2\"\n[[test]]\nname = \"it\"\n",
        ),
        (
            "Cargo.toml",
            "[lib]\npath = \"b.rs\"\ntest = false\n",
            "[lib]\npath = \"a.rs\"\n",
            "[lib]\npath = \"b.rs\"\n",
        ),
        (
            "Cargo.toml",
            "[[bin]]\nname = \"b\"\nharness = false\n[[bin]]\nname = \"c\"\ntest = false\n",
            "[[bin]]\nname = \"b\"\n",
            "[[bin]]\nname = \"b\"\n[[bin]]\nname = \"c\"\n",
        ),
        (
            "Cargo.toml",
            "[dev-dependencies]\nnew = \"1\"\nold = \"2\"\n",
            "[dev-dependencies]\nold = \"1\"\n",
            "[dev-dependencies]\nnew = \"1\"\nold = \"1\"\n",
        ),
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"a\"]\n[workspace.lints.rust]\nx = \"allow\"\n",
            "[workspace]\nmembers = []\n[workspace.lints.rust]\nx = \"deny\"\n",
            "[workspace]\nmembers = [\"a\"]\n[workspace.lints.rust]\nx = \"deny\"\n",
        ),
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\n[workspace.lints.rust]\nx = \"allow\"\n",
            "[package]\nname = \"a\"\n",
            "[package]\nname = \"a\"\n\n[workspace]\n",
        ),
        (
            "setup.cfg",
            "[metadata]\nname = a\n[tool:pytest]\naddopts = -k x\n[options]\nz = 1\n",
            "[tool:pytest]\naddopts = -q\n",
            "[metadata]\nname = a\n[options]\nz = 1\n[tool:pytest]\naddopts = -q\n",
        ),
        (
            "package.json",
            "{\"version\": \"2\", \"scripts\": {\"test\": \"true\"}, \"exports\": {\"b\": 1, \"a\": 2}}",
            "{\"version\": \"1\", \"scripts\": {\"test\": \"node --test\"}, \"jest\": {}}",
            "{\n  \"version\": \"2\",\n  \"scripts\": {\"test\": \"node --test\"},\n  \
             \"exports\": {\"b\": 1, \"a\": 2},\n  \"jest\": {}\n}\n",
        ),
    ];

    #[test]
    fn the_tables_of_one_side_take_the_place_of_the_others() {
        for (path, product, steering, expected) in CASES {
            let spliced = splice(&(*path).into(), product, steering).unwrap();
            assert_eq!(spliced, *expected, "{path}: {product}");
        }
    }

    #[test]
    fn what_is_spliced_steers_as_the_other_side_does() {
        let side = |text: &str| match text {
            "" => Side::Absent,
            text => Side::Text(text.as_bytes().to_vec()),
        };
        for (path, product, steering, _) in CASES {
            // A target that the other side lacks keeps its name, which says nothing by itself.
            let path = (*path).into();
            let spliced = splice(&path, product, steering).unwrap();
            assert!(
                !steering_changed(&path, &side(steering), &side(&spliced)),
                "{path}: {spliced}"
            );
        }
    }

    #[test]
    fn equal_tables_leave_every_byte() {
        for (path, product, ..) in CASES {
            let spliced = splice(&(*path).into(), product, product);
            assert_eq!(spliced.as_deref(), Some(*product), "{path}");
        }
    }

    #[test]
    fn texts_that_cannot_be_read_are_not_spliced() {
        for (path, text) in [
            ("pyproject.toml", "[tool"),
            ("Cargo.toml", "= 1"),
            ("setup.cfg", "[a]\n [flake8]\n"),
            ("setup.cfg", "[a]\rb = 1"),
            ("package.json", "[]"),
            ("other.toml", ""),
        ] {
            assert_eq!(splice(&path.into(), text, ""), None, "{path}: {text}");
            assert_eq!(splice(&path.into(), "", text), None, "{path}: {text}");
        }
    }
}
