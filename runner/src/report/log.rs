//! Lines of a report in a CI service's log.
//!
//! GitHub, Azure and TeamCity take orders from what a job prints: set a variable, hide a text, add an annotation. What tests and tools
//! printed is quoted in reports, and must give none.

/// What begins an order anywhere in a line.
const ANYWHERE: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// The same text with a space inside what would begin an order.
pub(crate) fn without_orders(text: &str) -> String {
    let told = ANYWHERE.iter().fold(text.to_owned(), |text, order| {
        text.replace(order, &order.replacen("##", "# #", 1))
    });
    let lines = told
        .split_inclusive('\n')
        .map(|line| match line.trim_start().starts_with("::") {
            true => line.replacen("::", ": :", 1),
            false => line.to_owned(),
        });
    lines.collect()
}

/// The same document with escapes inside what would begin an order; in JSON a line begins with none.
pub(crate) fn json_without_orders(document: &str) -> String {
    escaped(document, "\\u0023")
}

/// The same for XML.
pub(super) fn xml_without_orders(document: &str) -> String {
    let lines =
        document
            .split_inclusive('\n')
            .map(|line| match line.trim_start().starts_with("::") {
                true => line.replacen(':', "&#58;", 1),
                false => line.to_owned(),
            });
    escaped(&lines.collect::<String>(), "&#35;")
}

fn escaped(document: &str, hash: &str) -> String {
    ANYWHERE.iter().fold(document.to_owned(), |text, order| {
        text.replace(order, &order.replacen('#', hash, 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_the_same_with_escapes_in_place_of_orders() {
        let value = serde_json::json!(["##vso[a]", "::b", "x ##[c"]);
        let json = json_without_orders(&value.to_string());
        assert!(!ANYWHERE.iter().any(|order| json.contains(order)), "{json}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap(),
            value
        );
        let xml = xml_without_orders("<a b=\"##[\">\n ::error::x</a>\n");
        assert_eq!(xml, "<a b=\"&#35;#[\">\n &#58;:error::x</a>\n");
    }

    #[test]
    fn no_line_orders_anything_and_every_other_line_stays() {
        for (text, written) in [
            ("a::b\n  x\n", "a::b\n  x\n"),
            ("::error::x\n", ": :error::x\n"),
            (
                "a\n  ::set-output name=a::b\nb",
                "a\n  : :set-output name=a::b\nb",
            ),
            ("x ##[set-output name=a]b", "x # #[set-output name=a]b"),
            ("##vso[task.x]##teamcity[y]", "# #vso[task.x]# #teamcity[y]"),
            ("## a ###[b", "## a ## #[b"),
            ("", ""),
        ] {
            assert_eq!(without_orders(text), written, "{text:?}");
        }
    }
}
