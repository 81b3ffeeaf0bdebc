//! The verdict as JUnit XML, in the form that Jenkins' xUnit plugin publishes a schema of (`junit-10.xsd`): one suite for each check.
//!
//! The schema has no attribute for a test's file, so places stand in the text of a failure. What could not be verified is
//! an `error`, a review item a `failure`: a report that is not green is what makes a forge stop.

use std::io;

use passmuster_policy::verdict::Verdict;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::cases::{Case, OWN, Outcome, Suite, suites};
use super::word;

/// Writes the document.
pub(super) fn write(out: &mut dyn io::Write, verdict: &Verdict, run: &str) -> io::Result<()> {
    let (suites, left_out) = suites(verdict);
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count = |outcome| suites.iter().map(|suite| of(suite, outcome)).sum::<usize>();
    let cases = suites.iter().map(|suite| suite.cases.len()).sum::<usize>();
    let all = element(
        "testsuites",
        &[
            ("name", "passmuster"),
            ("time", &seconds(verdict.timing.total_ms)),
            ("tests", &cases.to_string()),
            ("failures", &count(Outcome::Failed).to_string()),
            ("errors", &count(Outcome::Error).to_string()),
        ],
    );
    let end = all.to_end().into_owned();
    xml.write_event(Event::Start(all))?;
    for one in &suites {
        let properties = match one.name == OWN {
            true => properties(verdict, run, left_out),
            false => Vec::new(),
        };
        suite(&mut xml, one, &properties)?;
    }
    xml.write_event(Event::End(end))?;
    xml.into_inner().write_all(b"\n")
}

fn suite<W: io::Write>(
    xml: &mut Writer<W>,
    suite: &Suite,
    properties: &[(&str, String)],
) -> io::Result<()> {
    let start = element(
        "testsuite",
        &[
            ("name", &suite.name),
            ("tests", &suite.cases.len().to_string()),
            ("failures", &of(suite, Outcome::Failed).to_string()),
            ("errors", &of(suite, Outcome::Error).to_string()),
            ("skipped", &of(suite, Outcome::Skipped).to_string()),
        ],
    );
    let end = start.to_end().into_owned();
    xml.write_event(Event::Start(start))?;
    if !properties.is_empty() {
        xml.write_event(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in properties {
            let property = element("property", &[("name", name), ("value", value)]);
            xml.write_event(Event::Empty(property))?;
        }
        xml.write_event(Event::End(BytesEnd::new("properties")))?;
    }
    for one in &suite.cases {
        case(xml, suite, one)?;
    }
    xml.write_event(Event::End(end))
}

fn case<W: io::Write>(xml: &mut Writer<W>, suite: &Suite, case: &Case) -> io::Result<()> {
    let start = element(
        "testcase",
        &[("classname", &suite.name), ("name", &case.name)],
    );
    let inside = match case.outcome {
        Outcome::Passed => return xml.write_event(Event::Empty(start)),
        Outcome::Flaky => "flakyFailure",
        Outcome::Failed => "failure",
        Outcome::Error => "error",
        Outcome::Skipped => "skipped",
    };
    let told = element(inside, &[("type", &case.kind), ("message", &case.message)]);
    let (end, told_end) = (start.to_end().into_owned(), told.to_end().into_owned());
    xml.write_event(Event::Start(start))?;
    match case.detail.is_empty() {
        true => xml.write_event(Event::Empty(told))?,
        false => {
            xml.write_event(Event::Start(told))?;
            xml.write_event(Event::Text(BytesText::new(&allowed(&case.detail))))?;
            xml.write_event(Event::End(told_end))?;
        }
    }
    xml.write_event(Event::End(end))
}

/// What the verdict says of all tests together, and how to find it again.
fn properties(verdict: &Verdict, run: &str, left_out: usize) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("verdict", word(verdict.verdict).to_owned()),
        ("run", run.to_owned()),
        ("digest", verdict.digest.clone()),
        ("base-tree", verdict.subject.base_tree.clone()),
    ];
    let candidate = verdict.subject.candidate_tree.clone();
    properties.extend(candidate.map(|tree| ("candidate-tree", tree)));
    if let Some(tests) = &verdict.tests {
        properties.extend([
            ("tests-maintained", tests.maintained.to_string()),
            ("tests-failing-before-too", tests.preexisting.to_string()),
            ("tests-unavailable", tests.unavailable.to_string()),
        ]);
    }
    if left_out > 0 {
        properties.push(("problems-left-out", left_out.to_string()));
    }
    properties
}

fn of(suite: &Suite, outcome: Outcome) -> usize {
    let cases = suite.cases.iter();
    cases.filter(|case| case.outcome == outcome).count()
}

fn element<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (name, value) in attributes {
        element.push_attribute((*name, allowed(value).as_str()));
    }
    element
}

/// Without the characters that XML 1.0 knows no way to write.
fn allowed(text: &str) -> String {
    let is_allowed = |one: &char| matches!(one, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(is_allowed).collect()
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_element_or_attribute_and_what_xml_cannot_say_is_left_out() {
        let mut xml = Writer::new(Vec::new());
        let told = Case {
            name: "a\"<b>&\u{0}\u{b}\u{fffe}".to_owned(),
            outcome: Outcome::Failed,
            kind: "'".to_owned(),
            message: "\n]]>".to_owned(),
            detail: "]]></failure><!--\u{1}".to_owned(),
            place: None,
            reruns: None,
        };
        let suite = Suite {
            name: "s".to_owned(),
            cases: Vec::new(),
        };
        case(&mut xml, &suite, &told).unwrap();
        let text = String::from_utf8(xml.into_inner()).unwrap();
        assert!(
            text.starts_with("<testcase classname=\"s\" name=\"a&quot;&lt;b&gt;&amp;\">"),
            "{text}"
        );
        assert!(
            text.contains(">]]&gt;&lt;/failure&gt;&lt;!--</failure></testcase>"),
            "{text}"
        );
    }

    #[test]
    fn times_are_seconds_with_three_decimals() {
        assert_eq!([seconds(0), seconds(61_005)], ["0.000", "61.005"]);
    }
}
