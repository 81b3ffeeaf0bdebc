//! Lines of a report in a CI service's log.
//!
//! GitHub, Azure and TeamCity take orders from what a job prints: set a variable, hide a text, add an annotation. What tests and tools
//! printed is quoted in reports, and must give none.

/// What begins an order anywhere in a line.
const ANYWHERE: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// The same text with a space inside what would begin an order.
pub(super) fn without_orders(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
