//! `init`: look at the repository, write a policy, try it once on the base.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use passmuster_policy::policy::FILE_NAME;

use super::{palette, place, print, say};
use crate::cli::Init;
use crate::content::Content;
use crate::detect::{self, Detected};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::offline::Offline;
use crate::policy_source::{self, Choice, PolicySourceError};
use crate::proposal::{self, Input};
use crate::report;
use crate::repository::Repository;
use crate::verify::{Proposed, Request, World, verify};

pub(super) async fn run(world: &World, arguments: &Init) -> Result<Exit, UserError> {
    let directory = place(arguments.repo.as_ref())?;
    let repository = Repository::open(&directory, &world.cache.git())?;
    let operator = world.operator.outside(repository.root());
    let empty = Input::Patch {
        bytes: b"",
        name: "-",
    };
    let base = proposal::base_of(&repository, empty, None)?;
    let (tree, _) =
        Content::new(repository.git(), &world.cache.git()).snapshot(&repository, &base.tree)?;
    let found = policy_source::detect_in(repository.git(), &tree, &operator)?;
    if found.is_empty() {
        return Err(PolicySourceError::NothingDetected.into());
    }
    let text = detect::policy_text(&found);
    if arguments.print {
        print(text.as_bytes())?;
        return Ok(Exit::Pass);
    }
    let path = write_new(&repository, &text)?;
    explain(&found);
    let offline = try_on_base(world, &directory).await?;
    if !offline.is_empty() {
        add_offline(&path, &found, &offline)?;
    }
    print(
        format!("\ncommit {FILE_NAME}: a policy counts once it is part of the base\n").as_bytes(),
    )?;
    Ok(Exit::Pass)
}

/// Never over a policy that is there: somebody decided what it says.
fn write_new(repository: &Repository, text: &str) -> Result<PathBuf, UserError> {
    let work_tree = repository.work_tree().ok_or_else(|| {
        UserError::usage("a bare repository has no place for a policy; use --print and commit it")
    })?;
    let path = work_tree.join(FILE_NAME);
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => UserError::usage(format!(
            "{} is there already; --print shows what init would write",
            path.display()
        )),
        _ => UserError::usage(format!("cannot write {}: {source}", path.display())),
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    say(&format!("wrote {}", path.display()));
    Ok(path)
}

/// Why each check is there.
fn explain(found: &Detected) {
    for check in &found.checks {
        let why = check.why.join("; ");
        let off = check
            .off
            .as_ref()
            .map(|off| format!(" (written as a comment: {off})"))
            .unwrap_or_default();
        say(&format!(
            "check {}: `{}`{off}; {why}",
            check.name,
            check.run.join(" ")
        ));
    }
    found.notes.iter().for_each(|note| say(note));
}

/// Writes the policy once more, with the tests that the trial showed to need a network.
fn add_offline(path: &Path, found: &Detected, offline: &[Offline]) -> Result<(), UserError> {
    let text = detect::policy_text_after_trial(found, offline);
    std::fs::write(path, text)
        .map_err(|source| UserError::usage(format!("cannot write {}: {source}", path.display())))?;
    for Offline {
        check,
        certain,
        possible,
    } in offline
    {
        say(&format!(
            "check {check}: {} tests need a network and are `unavailable` now; {} more failed and are named in a comment",
            certain.len(),
            possible.len()
        ));
    }
    Ok(())
}

/// Runs everything once on the base against itself and says what each check gave.
async fn try_on_base(world: &World, directory: &Path) -> Result<Vec<Offline>, UserError> {
    say("trying it once on the base");
    let request = Request {
        repository: directory.to_owned(),
        proposed: Proposed::Patch {
            bytes: Vec::new(),
            name: "-".to_owned(),
        },
        base: Default::default(),
        policy: Choice::Auto,
        isolation: None,
        checks: Vec::new(),
        use_stored: true,
        trial: true,
    };
    let verified = verify(world, &request).await?;
    let mut text = Vec::new();
    report::trial(&mut text, palette(), &verified.verdict)?;
    print(&text)?;
    Ok(verified.offline)
}
