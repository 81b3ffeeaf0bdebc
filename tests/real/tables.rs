//! What was found, as tables in Markdown. Times are multiples of the plain run, which alone is in seconds.

use std::time::Duration;

use crate::Row;
use crate::kinds::Kind;

/// One line a project: what verdicts cost, and those every project has to get.
pub(crate) fn speed(rows: &[Row]) -> String {
    let mut lines = vec![
        "| project | framework | tests | plain run | first verdict | same again | failing verdict | honest change | seeded regression | deleted test |".to_string(),
        "|---|---|---|---|---|---|---|---|---|---|".to_string(),
    ];
    lines.extend(rows.iter().map(|row| {
        let times = |time| ratio(time, row.plain);
        let [first, stored, next] = [row.first, row.stored, row.next].map(times);
        let [honest, regression, deletion] = &row.verdicts;
        let project = row.project;
        format!(
            "| {} {} | {} | {} | {:.2} s | {first} | {stored} | {next} | {honest} | {regression} | {deletion} |",
            project.name, project.version, project.framework, row.tests, row.plain.as_secs_f64()
        )
    }));
    lines.join("\n")
}

/// One line a project: what each kind of change got, and what that cost.
pub(crate) fn kinds(rows: &[Row]) -> String {
    let titles: String = Kind::ALL
        .iter()
        .map(|kind| format!(" {} |", kind.title()))
        .collect();
    let mut lines = vec![
        format!("| project |{titles}"),
        format!("|---|{}", "---|".repeat(Kind::ALL.len())),
    ];
    let tried = rows.iter().filter(|row| !row.proposals.is_empty());
    lines.extend(tried.map(|row| {
        let cells: String = Kind::ALL
            .iter()
            .map(|kind| format!(" {} |", cell(row, *kind)))
            .collect();
        format!("| {} |{cells}", row.project.name)
    }));
    lines.join("\n")
}

fn cell(row: &Row, kind: Kind) -> String {
    let of_kind = row.proposals.iter().filter(|(own, ..)| *own == kind);
    let cells: Vec<String> = of_kind
        .map(|(_, verdict, took)| format!("{verdict} {}", ratio(*took, row.plain)))
        .collect();
    cells.join("; ")
}

fn ratio(time: Duration, plain: Duration) -> String {
    let ratio = time.as_secs_f64() / plain.as_secs_f64();
    match ratio {
        small if small < 1.0 => format!("{small:.2} ×"),
        ratio => format!("{ratio:.1} ×"),
    }
}
