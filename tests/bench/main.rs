//! The ratios that are promised, each measured against its peer in the same run. Prints a table in
//! Markdown; a row that misses its target says so, and the program ends with 0 all the same: how
//! busy the machine is decides as well. Names of groups as arguments choose them.
//!
//! Not part of the ordinary tests, because times are not true or false: `make bench`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal that is test code: an error ends it with its place and cause"
)]

mod project;
mod python;
mod rust;
mod sandbox;
mod table;
mod tree;

use std::process::ExitCode;

use passmuster_tests::TestEnv;

use crate::table::{HEAD, Row};

type Group = (&'static str, fn(&TestEnv) -> Vec<Row>);

const GROUPS: [Group; 4] = [
    ("sandbox", sandbox::rows),
    ("python", python::rows),
    ("tree", tree::rows),
    ("rust", rust::rows),
];

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("a debug build says nothing about speed; `make bench` builds for release");
        return ExitCode::FAILURE;
    }
    let only: Vec<String> = std::env::args().skip(1).collect();
    println!("{}\n\n{HEAD}", machine());
    for (name, rows) in GROUPS {
        if only.is_empty() || only.iter().any(|chosen| chosen == name) {
            let env = TestEnv::new();
            for row in rows(&env) {
                println!("{}", row.line());
            }
        }
    }
    println!("\nload at the end: {}", load());
    ExitCode::SUCCESS
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{processors} processors, load at the start: {}; times are medians, ratios the median of each round's",
        load()
    )
}

/// Of the last one, five and fifteen minutes.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    averages.join(" ")
}
