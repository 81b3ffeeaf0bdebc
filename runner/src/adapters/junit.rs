//! Any tool that writes JUnit XML at `{report}`: a file, or a directory of files.
//!
//! There is no standard, so reading is lenient: unknown elements are passed over, a missing class name is the suite's name.
//! Entities are never expanded beyond XML's own five and characters, so a report cannot grow while it is read.

use std::path::Path;

use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use quick_xml::Reader as Xml;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::draft::Draft;
use super::{
    AdapterError, Launch, PhaseEnd, Phases, Places, ids,
    reports::{Reports, files},
};

/// What `{report}` stands for, below the report directory: a good name for a file and for a directory.
const REPORT: &str = "junit.xml";

/// Directories that are searched below the report directory.
const DEPTH: usize = 4;

/// Cap of the text of one failure while it is read, in bytes.
const TEXT_CAP: usize = 64 * 1024;

/// Runs the policy's command once. A selection cannot be told to an unknown tool: the whole run is done again.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let report = launch.report(REPORT);
    let place = report.to_string_lossy();
    let phase = launch.reporting(&place);
    let end = launch.launch(phase).await?;
    Ok(read(&end, launch.places, launch.job.cwd.as_deref()).finish())
}

pub(super) fn read(end: &PhaseEnd, places: &Places, cwd: Option<&Path>) -> Draft {
    let mut draft = Draft::default();
    draft.phase(end);
    let mut reports = Reports::default();
    for path in files(&end.reports, DEPTH) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match reports.read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let cwd = cwd.unwrap_or(&places.tree);
                let reader = Reader {
                    tree: &places.tree,
                    cwd,
                    found: Vec::new(),
                    suites: Vec::new(),
                    case: None,
                };
                let (results, broken) = reader.read(&text);
                draft.reported();
                results.into_iter().for_each(|result| draft.add(result));
                if let Some(why) = broken {
                    draft.incomplete(format!("{name} is not whole XML: {why}"));
                }
            }
            Err(_) => draft.incomplete(format!("{name} cannot be read")),
        }
    }
    draft
}

struct Reader<'a> {
    tree: &'a Path,
    cwd: &'a Path,
    found: Vec<TestResult>,
    /// The suites around the current place.
    suites: Vec<Suite>,
    case: Option<Case>,
}

#[derive(Default)]
struct Suite {
    name: String,
    file: Option<String>,
}

#[derive(Default)]
struct Case {
    name: String,
    class: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    seconds: Option<f64>,
    status: Option<TestStatus>,
    message: String,
    text: String,
    /// Whether the text that follows belongs to the failure.
    collecting: bool,
}

impl Reader<'_> {
    /// The tests found, and what is wrong with the XML.
    fn read(mut self, text: &str) -> (Vec<TestResult>, Option<String>) {
        let mut xml = Xml::from_str(text);
        let (mut depth, mut elements) = (0_usize, 0_usize);
        let broken = loop {
            match xml.read_event() {
                Err(error) => break Some(error.to_string()),
                Ok(Event::Eof) if depth > 0 => break Some("it ends inside an element".to_owned()),
                Ok(Event::Eof) if elements == 0 => break Some("it has no element".to_owned()),
                Ok(Event::Eof) => break None,
                Ok(event) => {
                    match &event {
                        Event::Start(_) => (depth, elements) = (depth + 1, elements + 1),
                        Event::Empty(_) => elements += 1,
                        Event::End(_) => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    self.event(&event);
                }
            }
        };
        (self.found, broken)
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Empty(start) => {
                self.start(start);
                self.end(&local(start.name().as_ref()));
            }
            Event::End(end) => self.end(&local(end.name().as_ref())),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(text),
            Event::GeneralRef(reference) => self.text(&resolved(reference)),
            _ => {}
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) {
        match local(element.name().as_ref()).as_str() {
            "testsuite" => self.suites.push(Suite {
                name: attribute(element, "name").unwrap_or_default(),
                file: attribute(element, "file").or_else(|| attribute(element, "filepath")),
            }),
            "testcase" => self.case = Some(case(element)),
            "failure" | "error" => self.state(element, TestStatus::Failed),
            "skipped" => self.state(element, TestStatus::Skipped),
            _ => {}
        }
    }

    fn state(&mut self, element: &BytesStart<'_>, status: TestStatus) {
        let Some(case) = &mut self.case else { return };
        if case.status == Some(TestStatus::Failed) {
            return;
        }
        case.status = Some(status);
        case.message = attribute(element, "message").unwrap_or_default();
        case.text.clear();
        case.collecting = true;
    }

    fn text(&mut self, text: &str) {
        if let Some(case) = self
            .case
            .as_mut()
            .filter(|case| case.collecting && case.text.len() < TEXT_CAP)
        {
            case.text.push_str(super::draft::head(text, TEXT_CAP));
        }
    }

    fn end(&mut self, element: &str) {
        match element {
            "testsuite" => drop(self.suites.pop()),
            "failure" | "error" | "skipped" => {
                if let Some(case) = &mut self.case {
                    case.collecting = false;
                }
            }
            "testcase" => {
                if let Some(case) = self.case.take() {
                    let result = self.result(case);
                    self.found.push(result);
                }
            }
            _ => {}
        }
    }

    fn result(&self, case: Case) -> TestResult {
        let suite = self.suites.last();
        let file = case.file.or_else(|| suite?.file.clone());
        let file = file.and_then(|file| ids::in_tree(self.tree, self.cwd, &file));
        let unit = case
            .class
            .unwrap_or_else(|| suite.map(|suite| suite.name.clone()).unwrap_or_default());
        let status = case.status.unwrap_or(TestStatus::Passed);
        let first = || {
            case.text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .unwrap_or_default()
                .to_owned()
        };
        let failure = (status != TestStatus::Passed).then(|| Failure {
            message: case
                .message
                .lines()
                .next()
                .map_or_else(first, str::to_owned),
            file: file.clone(),
            line: case.line,
            detail: case.text.clone(),
            ..Failure::default()
        });
        TestResult {
            id: TestId {
                unit: ids::stable(&self.relative(unit)),
                file,
                name: ids::stable(&case.name),
                parameters: None,
                ordinal: 0,
            },
            status,
            selector: case.name,
            failure,
            millis: case
                .seconds
                .filter(|s| s.is_finite() && *s >= 0.0)
                .map(|s| (s * 1000.0) as u64),
        }
    }

    /// Some tools name a unit by the absolute path of its file.
    fn relative(&self, unit: String) -> String {
        let inside = Some(&unit).filter(|unit| unit.starts_with('/'));
        inside
            .and_then(|unit| ids::in_tree(self.tree, self.cwd, unit))
            .map_or(unit, |path| path.to_string())
    }
}

fn case(element: &BytesStart<'_>) -> Case {
    let idle = |key| {
        attribute(element, key)
            .is_some_and(|value| ["notrun", "suppressed", "disabled"].contains(&value.as_str()))
    };
    Case {
        name: attribute(element, "name").unwrap_or_default(),
        class: attribute(element, "classname").filter(|class| !class.is_empty()),
        file: attribute(element, "file"),
        line: attribute(element, "line").and_then(|line| line.parse().ok()),
        seconds: attribute(element, "time").and_then(|time| time.replace(',', "").parse().ok()),
        status: (idle("status") || idle("result")).then_some(TestStatus::Skipped),
        ..Case::default()
    }
}

/// An attribute's value, its references resolved.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let attributes = attributes.with_checks(false).flatten();
    let found = attributes
        .filter(|attribute| local(attribute.key.as_ref()) == name)
        .last()?;
    found
        .normalized_value(XmlVersion::Implicit1_0)
        .ok()
        .map(|value| value.into_owned())
}

/// A name without its namespace prefix.
pub(crate) fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

/// XML's five entities and character references; any other stays as it is written.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name: &str = reference;
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        other => return format!("&{other};"),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<TestResult>, Option<String>) {
        let tree = Path::new("/t");
        Reader {
            tree,
            cwd: tree,
            found: Vec::new(),
            suites: Vec::new(),
            case: None,
        }
        .read(text)
    }

    #[test]
    fn reports_of_different_tools_are_read() {
        let text = r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<testsuites><testsuite name="/t/web/a.test.ts" tests="4"><properties><property name="x" value="y"/></properties>
<testcase classname="tests.test_a.TestA" name="test[a &lt; b]" file="tests/test_a.py" line="7" time="1,000.5"/>
<testcase name="größe &#x26; 日本"><failure message="1 != 2&#10;more" type="E"><![CDATA[<trace> at]]> &b;&lt;</failure><system-out>noise</system-out></testcase>
<testcase classname="c" name="err"><error>boom
at x</error><failure message="second"/></testcase>
<testcase classname="c" name="skip"><skipped message="later"/></testcase>
<testcase classname="c" name="idle" status="notrun"/>
</testsuite></testsuites>"#;
        let (found, broken) = read(text);
        assert_eq!(broken, None);
        let lines: Vec<_> = found
            .iter()
            .map(|test| format!("{:?} {}", test.status, test.id))
            .collect();
        assert_eq!(
            lines,
            [
                "Passed tests.test_a.TestA::tests/test_a.py::test[a < b]",
                "Failed web/a.test.ts::größe & 日本",
                "Failed c::err",
                "Skipped c::skip",
                "Skipped c::idle",
            ]
        );
        let failure = found[1].failure.clone().unwrap();
        assert_eq!(
            (failure.message.as_str(), failure.detail.as_str()),
            ("1 != 2", "<trace> at &b;<")
        );
        assert_eq!(found[2].failure.clone().unwrap().message, "boom");
        assert_eq!(found[0].millis, Some(1_000_500));
    }

    #[test]
    fn broken_xml_keeps_what_was_read_and_says_so() {
        let (found, broken) =
            read(r#"<testsuite name="s"><testcase name="a"/><testcase name="b">"#);
        assert_eq!(found.len(), 1);
        assert!(broken.is_some());
        for text in ["", "<a></b>", "<testsuite", "plain"] {
            assert!(read(text).1.is_some(), "{text}");
        }
    }
}
