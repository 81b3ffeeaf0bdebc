//! Makes components from text: a core module in WAT with the canonical ABI written out, wrapped with the
//! interface in `wit/`. When the interface changes, what is laid out here does not fit any more, and every
//! test says so.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The interface's exports begin with this.
pub(crate) const CHECKER: &str = "passmuster:check/checker@0.1.0";

/// Where the constant data begins.
const DATA: u32 = 1024;

/// Constant data of a guest, laid out as the canonical ABI wants it.
#[derive(Default, Clone)]
pub(crate) struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Puts bytes at a place aligned for anything, and returns the place.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = DATA + u32::try_from(self.bytes.len()).unwrap();
        self.bytes.extend_from_slice(bytes);
        at
    }

    /// Pointer and length of a string.
    pub(crate) fn string(&mut self, text: &[u8]) -> [u32; 2] {
        [self.put(text), u32::try_from(text.len()).unwrap()]
    }

    /// Pointer and length of a list whose elements are these words.
    fn list(&mut self, elements: &[Vec<u32>]) -> [u32; 2] {
        let at = self.words(&elements.concat());
        [at, u32::try_from(elements.len()).unwrap()]
    }

    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    fn option(&mut self, text: Option<&str>) -> [u32; 3] {
        text.map_or([0; 3], |text| {
            let [at, length] = self.string(text.as_bytes());
            [1, at, length]
        })
    }

    fn escaped(&self) -> String {
        self.bytes
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect()
    }
}

/// `line`, `column` from, and the same to; none is without.
pub(crate) type Span = (u32, Option<u32>, Option<(u32, Option<u32>)>);

/// A path, what goes, and what comes.
pub(crate) type RawEdit = (String, Span, String);
/// A description and its edits.
pub(crate) type RawFix = (String, Vec<RawEdit>);

/// A finding as a guest lays it out: nothing is checked.
#[derive(Clone)]
pub(crate) struct RawFinding {
    pub(crate) rule: &'static str,
    pub(crate) severity: u32,
    pub(crate) message: Vec<u8>,
    pub(crate) locations: Vec<(u32, String, Option<Span>)>,
    pub(crate) fixes: Vec<RawFix>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) preexisting: u32,
}

impl Default for RawFinding {
    fn default() -> Self {
        Self {
            rule: "rule",
            severity: 2,
            message: b"something".to_vec(),
            locations: vec![(1, "src/lib.rs".to_owned(), Some((3, None, None)))],
            fixes: Vec::new(),
            fingerprint: None,
            preexisting: 0,
        }
    }
}

/// A metric's value.
#[derive(Clone, Copy)]
pub(crate) enum RawNumber {
    Integer(i64),
    Decimal(f64),
}

/// A report as a guest lays it out.
#[derive(Clone, Default)]
pub(crate) struct RawReport {
    pub(crate) outcome: u32,
    pub(crate) summary: Option<Vec<u8>>,
    pub(crate) findings: Vec<RawFinding>,
    pub(crate) metrics: Vec<(String, RawNumber, Option<String>)>,
}

fn region(span: Span) -> Vec<u32> {
    let position = |line: u32, column: Option<u32>| {
        vec![
            line,
            u32::from(column.is_some()),
            column.unwrap_or_default(),
        ]
    };
    let (line, column, end) = span;
    let (has_end, end) = match end {
        Some((line, column)) => (1, position(line, column)),
        None => (0, vec![0; 3]),
    };
    [position(line, column), vec![has_end], end].concat()
}

impl Image {
    fn finding(&mut self, raw: &RawFinding) -> Vec<u32> {
        let locations: Vec<Vec<u32>> = raw.locations.iter().map(|one| self.location(one)).collect();
        let fixes: Vec<Vec<u32>> = raw.fixes.iter().map(|one| self.fix(one)).collect();
        let mut words = self.string(raw.rule.as_bytes()).to_vec();
        words.push(raw.severity);
        words.extend(self.string(&raw.message));
        words.extend(self.list(&locations));
        words.extend(self.list(&fixes));
        words.extend(self.option(raw.fingerprint.as_deref()));
        words.push(raw.preexisting);
        words
    }

    fn location(&mut self, (side, path, span): &(u32, String, Option<Span>)) -> Vec<u32> {
        let [at, length] = self.string(path.as_bytes());
        let (has, words) = match span {
            Some(span) => (1, region(*span)),
            None => (0, vec![0; 7]),
        };
        [vec![*side, at, length, has], words].concat()
    }

    fn fix(&mut self, (description, edits): &RawFix) -> Vec<u32> {
        let edits: Vec<Vec<u32>> = edits
            .iter()
            .map(|(path, span, text)| {
                let path = self.string(path.as_bytes());
                let text = self.string(text.as_bytes());
                [path.to_vec(), region(*span), text.to_vec()].concat()
            })
            .collect();
        let description = self.string(description.as_bytes());
        [description, self.list(&edits)].concat()
    }

    /// Where `result<report, check-error>` stands.
    pub(crate) fn report(&mut self, raw: &RawReport) -> u32 {
        let findings: Vec<Vec<u32>> = raw.findings.iter().map(|one| self.finding(one)).collect();
        let metrics: Vec<Vec<u32>> = raw.metrics.iter().map(|one| self.metric(one)).collect();
        let summary = raw.summary.as_deref().map(|text| self.string(text));
        let [has, at, length] = summary.map_or([0; 3], |[at, length]| [1, at, length]);
        let findings = self.list(&findings);
        let metrics = self.list(&metrics);
        let words = [&[0, raw.outcome, has, at, length][..], &findings, &metrics].concat();
        self.words(&words)
    }

    fn metric(&mut self, (name, number, unit): &(String, RawNumber, Option<String>)) -> Vec<u32> {
        let [name_at, name_length] = self.string(name.as_bytes());
        let (case, bits) = match number {
            RawNumber::Integer(value) => (0, value.cast_unsigned()),
            RawNumber::Decimal(value) => (1, value.to_bits()),
        };
        let low = u32::try_from(bits & 0xffff_ffff).unwrap();
        let high = u32::try_from(bits >> 32).unwrap();
        // The number is aligned to eight bytes, and so is the record.
        let unit = self.option(unit.as_deref());
        [&[name_at, name_length, case, 0, low, high][..], &unit, &[0]].concat()
    }

    /// Where `result<report, check-error>` with this error stands.
    pub(crate) fn check_error(&mut self, case: u32, message: &[u8]) -> u32 {
        let [at, length] = self.string(message);
        self.words(&[1, case, at, length])
    }

    /// Where an `info` stands.
    pub(crate) fn info(&mut self, raw: &RawInfo) -> u32 {
        let rules: Vec<Vec<u32>> = raw
            .rules
            .iter()
            .map(|(id, summary, uri)| {
                let strings = [self.string(id.as_bytes()), self.string(summary.as_bytes())];
                [strings.concat(), self.option(*uri).to_vec()].concat()
            })
            .collect();
        let strings =
            [raw.name, raw.version, raw.description].map(|one| self.string(one.as_bytes()));
        let rules = self.list(&rules);
        let schema = self.option(raw.schema);
        let words = [&strings.concat()[..], &rules, &schema].concat();
        self.words(&words)
    }
}

/// What `describe` returns.
#[derive(Clone)]
pub(crate) struct RawInfo {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) description: &'static str,
    pub(crate) rules: Vec<(&'static str, &'static str, Option<&'static str>)>,
    pub(crate) schema: Option<&'static str>,
}

impl Default for RawInfo {
    fn default() -> Self {
        Self {
            name: "sample",
            version: "1.0",
            description: "A check for tests.",
            rules: vec![("rule", "There is a rule.", None)],
            schema: None,
        }
    }
}

/// A component to be made. The functions are bodies in WAT.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) world: &'static str,
    pub(crate) image: Image,
    /// Imports, in WAT.
    pub(crate) imports: String,
    /// More of the module, in WAT.
    pub(crate) more: String,
    /// `() -> i32`
    pub(crate) describe: String,
    /// `($files i32) ($count i32) ($unnamed i32) ($config i32) ($length i32) -> i32`
    pub(crate) check: String,
    /// `($old i32) ($size i32) ($align i32) ($new i32) -> i32`
    pub(crate) realloc: String,
    /// After `check`, with its result; none is without.
    pub(crate) post: Option<String>,
    /// Of the memory, in pages of 64 KiB.
    pub(crate) pages: u32,
}

/// Hands out memory from the end of the constant data on, and never takes it back; grows as needed.
pub(crate) const BUMP: &str = "
    (local $at i32)
    (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.xor (i32.sub (local.get $align) (i32.const 1)) (i32.const -1))))
    (global.set $next (i32.add (local.get $at) (local.get $new)))
    (block $fits (loop $grow
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        unreachable))
    (local.get $at)";

/// Never ends.
pub(crate) const LOOP: &str = "(loop $ever (br $ever)) unreachable";

impl Default for Guest {
    /// Passes everything.
    fn default() -> Self {
        let mut image = Image::default();
        let info = image.info(&RawInfo::default());
        let report = image.report(&RawReport::default());
        Self {
            world: "check",
            image,
            imports: String::new(),
            more: String::new(),
            describe: format!("(i32.const {info})"),
            check: format!("(i32.const {report})"),
            realloc: BUMP.to_owned(),
            post: None,
            pages: 2,
        }
    }
}

impl Guest {
    /// Reports this.
    pub(crate) fn reporting(report: &RawReport) -> Self {
        let mut guest = Self::default();
        let at = guest.image.report(report);
        guest.check = format!("(i32.const {at})");
        guest
    }

    /// Describes itself so.
    pub(crate) fn describing(info: &RawInfo) -> Self {
        let mut guest = Self::default();
        let at = guest.image.info(info);
        guest.describe = format!("(i32.const {at})");
        guest
    }

    /// Does this in `check`, in WAT, before it passes everything.
    pub(crate) fn doing(check: &str) -> Self {
        let mut guest = Self::default();
        guest.check = format!("{check} {}", guest.check);
        guest
    }

    /// Imports a function of an interface of ours: its name, its name here, and its type in WAT.
    pub(crate) fn import(mut self, interface: &str, name: &str, here: &str, kind: &str) -> Self {
        self.imports += &format!(
            "(import \"passmuster:check/{interface}@0.1.0\" \"{name}\" (func ${here} {kind}))\n"
        );
        self
    }

    /// With all of `trees` that the tests use.
    pub(crate) fn with_trees(self) -> Self {
        self.import("trees", "open", "open", "(param i32) (result i32)")
            .import("trees", "[resource-drop]tree", "drop", "(param i32)")
            .import(
                "trees",
                "[method]tree.read-text",
                "read_text",
                "(param i32 i32 i32 i32)",
            )
            .import(
                "trees",
                "[method]tree.read",
                "read",
                "(param i32 i32 i32 i64 i32 i32)",
            )
            .import(
                "trees",
                "[method]tree.stat",
                "stat",
                "(param i32 i32 i32 i32)",
            )
            .import(
                "trees",
                "[method]tree.entries",
                "entries",
                "(param i32 i32 i32 i32)",
            )
            .import(
                "trees",
                "[method]tree.find",
                "find",
                "(param i32 i32 i32 i32 i32 i32 i32 i32)",
            )
    }

    /// With `log`.
    pub(crate) fn with_log(self) -> Self {
        self.import("log", "write", "log", "(param i32 i32 i32)")
    }

    fn module(&self) -> String {
        let end = DATA as usize + self.image.bytes.len();
        let pages = self
            .pages
            .max(u32::try_from(end.div_ceil(65_536)).unwrap() + 1);
        let post = self.post.as_ref().map_or_else(String::new, |body| {
            format!("(func (export \"cabi_post_{CHECKER}#check\") (param $result i32) {body})")
        });
        format!(
            "(module
                {imports}
                (memory (export \"memory\") {pages})
                (global $next (mut i32) (i32.const {next}))
                (data (i32.const {DATA}) \"{data}\")
                (func $realloc (export \"cabi_realloc\")
                    (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
                    {realloc})
                (func $describe (export \"{CHECKER}#describe\") (result i32) {describe})
                (func $check (export \"{CHECKER}#check\")
                    (param $files i32) (param $count i32) (param $unnamed i32)
                    (param $config i32) (param $length i32) (result i32)
                    {check})
                {post}
                {more})",
            imports = self.imports,
            next = end.next_multiple_of(8),
            data = self.image.escaped(),
            realloc = self.realloc,
            describe = self.describe,
            check = self.check,
            more = self.more,
        )
    }

    /// The component.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut core = wat::parse_str(self.module()).expect("the fixture is valid WAT");
        let mut resolve = Resolve::default();
        // Tests of the program make components with this as well.
        let up = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let wit = up
            .map(|up| up.join("sandboxes/wasm/wit"))
            .find(|wit| wit.is_dir())
            .unwrap();
        let (package, _) = resolve.push_path(wit).expect("the interface parses");
        let world = resolve
            .select_world(&[package], Some(self.world))
            .expect("the interface has this world");
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)
            .expect("the interface is embedded");
        ComponentEncoder::default()
            .validate(true)
            .module(&core)
            .expect("the fixture fits the interface")
            .encode()
            .expect("a component is made")
    }
}
