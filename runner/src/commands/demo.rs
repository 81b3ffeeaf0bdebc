//! `demo`: shipped proposals against a shipped example, each verdict explained.

use std::fs;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::{palette, print};
use crate::cli::Demo;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::Choice;
use crate::report::{self, word};
use crate::verify::{Proposed, Request, Verified, World, verify};

static REPOSITORY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../examples/repos/rust-calculator");
static PROPOSALS: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../examples/proposals/rust-calculator");
const ORDER: &str = include_str!("../../../examples/proposals/demo.toml");

/// Which proposals are shown.
#[derive(Deserialize)]
struct Order {
    proposals: Vec<String>,
}

/// What a proposal is about and what must come of it.
#[derive(Deserialize)]
struct Expected {
    title: String,
    story: String,
    verdict: String,
}

/// Ends with 0 when every verdict is the expected one.
pub(super) async fn run(world: &World, arguments: &Demo) -> Result<Exit, UserError> {
    let scratch = world.cache.scratch()?;
    let repository = scratch.path().join("calculator");
    unpack(&REPOSITORY, &repository)?;
    let order: Order = shipped(toml::from_str(ORDER))?;
    let wanted = arguments.name.as_deref().unwrap_or_default();
    let names: Vec<&String> = order
        .proposals
        .iter()
        .filter(|name| name.contains(wanted))
        .collect();
    if names.is_empty() {
        return Err(UserError::usage(format!(
            "no proposal is called `{wanted}`; there are: {}",
            order.proposals.join(", ")
        )));
    }
    print(INTRODUCTION.as_bytes())?;
    let mut as_expected = 0;
    for (number, name) in names.iter().enumerate() {
        if world.stop.is_requested() {
            return Ok(Exit::Inconclusive);
        }
        print(format!("\n── {} of {}: ", number + 1, names.len()).as_bytes())?;
        as_expected += usize::from(one(world, &repository, name).await?);
    }
    print(
        format!(
            "\n{as_expected} of {} verdicts are as they should be\n",
            names.len()
        )
        .as_bytes(),
    )?;
    Ok(if as_expected == names.len() {
        Exit::Pass
    } else {
        Exit::Fail
    })
}

const INTRODUCTION: &str = "\
A small calculator in Rust, and proposals to change it, as an agent might make them. Each is applied to
an isolated tree; the calculator's own tests run in a sandbox on the base and on the candidate.
The first one takes longer: the base is built and its tests are measured once.
";

/// Vets one proposal; true when the verdict is the expected one.
async fn one(world: &World, repository: &Path, name: &str) -> Result<bool, UserError> {
    let expected: Expected = shipped(toml::from_str(file(&format!("{name}.expect.toml"))?))?;
    print(format!("{}\n{}\n\n", expected.title, expected.story).as_bytes())?;
    let request = Request {
        repository: repository.to_owned(),
        proposed: Proposed::Patch {
            bytes: file(&format!("{name}.patch"))?.as_bytes().to_vec(),
            name: format!("{name}.patch"),
        },
        base: Default::default(),
        policy: Choice::Base,
        isolation: None,
        checks: Vec::new(),
        use_stored: true,
        trial: false,
    };
    let Verified { run, verdict, .. } = verify(world, &request).await?;
    let mut text = Vec::new();
    report::brief(&mut text, palette(), &verdict, &run)?;
    print(&text)?;
    Ok(word(verdict.verdict) == expected.verdict)
}

fn file(name: &str) -> Result<&'static str, UserError> {
    let found = PROPOSALS
        .get_file(name)
        .and_then(|file| file.contents_utf8());
    found.ok_or_else(|| UserError::internal(format!("the demo lacks {name}")))
}

fn unpack(from: &Dir<'_>, to: &Path) -> Result<(), UserError> {
    fs::create_dir_all(to)?;
    from.extract(to)?;
    Ok(())
}

/// Shipped files are part of the program: if one does not parse, the program is wrong.
fn shipped<T>(parsed: Result<T, toml::de::Error>) -> Result<T, UserError> {
    parsed
        .map_err(|error| UserError::internal(format!("a file of the demo does not parse: {error}")))
}
