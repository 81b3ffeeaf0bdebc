//! Checkstyle's XML, which many tools write.
//!
//! Entities are never expanded beyond XML's own, so a report cannot grow while it is read.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{FINDINGS_CAP, Raw, Reference, Report, lines};
use crate::adapters::{attribute, local};

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its report is not UTF-8".to_owned())?;
    let mut xml = Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        match xml.read_event() {
            Err(error) => return Err(format!("its report is not whole XML: {error}")),
            Ok(Event::Start(start)) => {
                reading.depth += 1;
                reading.element(&start);
            }
            Ok(Event::Empty(start)) => reading.element(&start),
            Ok(Event::End(_)) => reading.depth = reading.depth.saturating_sub(1),
            Ok(Event::Eof) => return reading.finish(),
            Ok(_) => {}
        }
        if reading.report.findings.len() > FINDINGS_CAP {
            return Ok(reading.report);
        }
    }
}

#[derive(Default)]
struct Reading {
    report: Report,
    depth: u64,
    /// Whether the root was there.
    root: bool,
    file: Option<String>,
}

impl Reading {
    fn element(&mut self, element: &BytesStart<'_>) {
        match local(element.name().as_ref()).as_str() {
            "checkstyle" => self.root = true,
            "file" => self.file = attribute(element, "name"),
            "error" => {
                self.report.entries += 1;
                self.report.findings.push(self.finding(element));
            }
            _ => {}
        }
    }

    fn finding(&self, element: &BytesStart<'_>) -> Raw {
        let line = attribute(element, "line").and_then(|line| line.trim().parse().ok());
        Raw {
            rule: attribute(element, "source").unwrap_or_default(),
            place: self.file.clone().map(Reference::Path),
            lines: lines(line, None),
            message: attribute(element, "message").unwrap_or_default(),
            fix: None,
        }
    }

    fn finish(self) -> Result<Report, String> {
        match (self.root, self.depth) {
            (true, 0) => Ok(self.report),
            (true, _) => Err("its report ends inside an element".to_owned()),
            (false, _) => Err("its report holds no `checkstyle` element".to_owned()),
        }
    }
}
