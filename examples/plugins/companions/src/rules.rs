//! The rules, and which of them a change breaks.

use guest::changes::old_path;
use guest::config::{self, Table, Wrong, required};
use guest::globs::{Glob, Globs};
use guest::report;
use guest::{ChangeSet, ChangedFile, CheckError, Finding, Mode, Report, Severity, Side, Status};

/// The one rule of this check.
pub(crate) const MISSING: &str = "companion-missing";

/// Files that one finding names.
const NAMED: usize = 5;

/// The keys of the configuration and of a rule.
const KEYS: &[&str] = &["rules"];
const RULE_KEYS: &[&str] = &["when", "also", "unless", "on", "message", "severity"];

/// The configuration.
#[derive(Debug)]
pub struct Config {
    rules: Vec<Companion>,
}

#[derive(Debug)]
struct Companion {
    when: Globs,
    also: Vec<Wanted>,
    unless: Globs,
    on: Vec<Event>,
    message: Option<String>,
    severity: Severity,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `bad-config`.
    pub fn read(json: &str) -> Result<Self, CheckError> {
        config::read(json, |table| {
            let table = table.only(KEYS)?;
            let rules = required(&table, "rules", table.list("rules")?)?;
            let rules = rules.iter().enumerate().map(|(at, rule)| {
                Companion::read(Table::new(rule, &format!("rule {}", at + 1))?.only(RULE_KEYS)?)
            });
            Ok(Self {
                rules: rules.collect::<Result<_, _>>()?,
            })
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Added,
    Modified,
    Deleted,
    Renamed,
}

impl Event {
    const ALL: [Self; 4] = [Self::Added, Self::Modified, Self::Deleted, Self::Renamed];

    fn read(word: &str) -> Option<Self> {
        match word {
            "added" => Some(Self::Added),
            "modified" => Some(Self::Modified),
            "deleted" => Some(Self::Deleted),
            "renamed" => Some(Self::Renamed),
            _ => None,
        }
    }

    fn of(file: &ChangedFile) -> Self {
        match file.status {
            Status::Added => Self::Added,
            Status::Deleted => Self::Deleted,
            Status::Renamed => Self::Renamed,
            Status::Modified | Status::TypeChanged => Self::Modified,
        }
    }
}

/// A glob of `also`. With `$dir` or `$stem` it is another one for each file that needs a companion.
#[derive(Debug)]
enum Wanted {
    Fixed(Globs, String),
    Relative(String),
}

impl Wanted {
    fn read(text: &str) -> Result<Self, Wrong> {
        if text.contains("$dir") || text.contains("$stem") {
            // Whether it is a glob does not depend on what is put in.
            filled(text, "dir/stem.x")?;
            return Ok(Self::Relative(text.to_owned()));
        }
        Ok(Self::Fixed(Globs::new([text])?, text.to_owned()))
    }

    /// The glob for this file, and how it is written.
    fn by(&self, path: &str) -> Result<(Globs, String), CheckError> {
        match self {
            Self::Fixed(globs, text) => Ok((globs.clone(), text.clone())),
            Self::Relative(text) => filled(text, path).map_err(CheckError::BadConfig),
        }
    }

    fn is_relative(&self) -> bool {
        matches!(self, Self::Relative(_))
    }
}

fn filled(text: &str, path: &str) -> Result<(Globs, String), String> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    let text = match dir {
        // In the root `$dir/x` is `x`.
        "" => text.replace("$dir/", ""),
        _ => text.to_owned(),
    };
    let glob = text
        .replace("$dir", &Glob::escape(dir))
        .replace("$stem", &Glob::escape(stem));
    let plain = text.replace("$dir", dir).replace("$stem", stem);
    Ok((Globs::new([glob])?, plain))
}

/// Judges a change by the rules.
///
/// # Errors
/// `bad-config` for a glob that is none.
pub fn judge(change: &ChangeSet, config: &Config) -> Result<Report, CheckError> {
    let mut findings = Vec::new();
    let mut applied = 0;
    for rule in &config.rules {
        let triggers = rule.triggers(change)?;
        applied += usize::from(!triggers.is_empty());
        findings.extend(rule.missing(change, &triggers)?);
    }
    let mut summary = match applied {
        0 => "No rule applies to this change.".to_owned(),
        _ => format!(
            "{} {} to this change; {} missing.",
            report::counted(applied, "rule"),
            if applied == 1 { "applies" } else { "apply" },
            match findings.len() {
                0 => "no companion is".to_owned(),
                1 => "1 companion is".to_owned(),
                many => format!("{many} companions are"),
            }
        ),
    };
    if change.unnamed > 0 {
        let files = report::counted(change.unnamed as usize, "file");
        summary.push_str(&format!(" Not looked at: {files} whose path is not UTF-8."));
    }
    let metrics = vec![report::count("rules-applied", applied, None)];
    Ok(report::conclude(findings, summary, metrics))
}

/// Another mode is no entry, and neither is a link in the place of the file.
fn has_other_content(file: &ChangedFile) -> bool {
    let is_link = matches!(file.new_mode, Some(Mode::Symlink | Mode::Submodule));
    let same = file.status == Status::Modified && file.hunks.is_empty() && !file.binary;
    !is_link && !same
}

impl Companion {
    fn read(table: Table<'_>) -> Result<Self, Wrong> {
        let also = required(&table, "also", table.texts("also")?)?;
        let also = also.into_iter().map(Wanted::read).collect::<Result<_, _>>();
        let on = match table.texts("on")? {
            None => Some(Event::ALL.to_vec()),
            Some(words) => words.into_iter().map(Event::read).collect(),
        };
        Ok(Self {
            when: required(&table, "when", table.globs("when")?)?,
            also: also.map_err(|why| table.wrong("also", &format!("is wrong: {why}")))?,
            unless: table.globs("unless")?.unwrap_or_default(),
            on: on.ok_or_else(|| {
                table.wrong("on", "is not a list of added, modified, deleted, renamed")
            })?,
            message: table.text("message")?.map(str::to_owned),
            severity: table.severity("severity")?,
        })
    }

    fn is_triggered_by(&self, file: &ChangedFile) -> bool {
        let matches = |path: &str| self.when.matches(path) && !self.unless.matches(path);
        let on = |event: Event| self.on.contains(&event);
        match (matches(&file.path), matches(old_path(file))) {
            (false, false) => false,
            // Moved here from elsewhere, or away from here.
            (true, false) => on(Event::of(file)) || on(Event::Added),
            (false, true) => on(Event::of(file)) || on(Event::Deleted),
            (true, true) => on(Event::of(file)),
        }
    }

    /// A file that `also` names is what others need, and needs none itself.
    fn is_companion(&self, file: &ChangedFile) -> Result<bool, CheckError> {
        for wanted in &self.also {
            if wanted.by(&file.path)?.0.matches(&file.path) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The files that need a companion.
    fn triggers<'a>(&self, change: &'a ChangeSet) -> Result<Vec<&'a ChangedFile>, CheckError> {
        let mut triggers = Vec::new();
        for file in &change.files {
            if self.is_triggered_by(file) && !self.is_companion(file)? {
                triggers.push(file);
            }
        }
        Ok(triggers)
    }

    /// One finding for all triggers where their companion is the same, else one for each that has none.
    fn missing(
        &self,
        change: &ChangeSet,
        triggers: &[&ChangedFile],
    ) -> Result<Vec<Finding>, CheckError> {
        if self.also.iter().any(Wanted::is_relative) {
            let each = triggers
                .iter()
                .map(|trigger| self.missing_for(change, &[trigger]));
            return Ok(each
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect());
        }
        Ok(self.missing_for(change, triggers)?.into_iter().collect())
    }

    fn missing_for(
        &self,
        change: &ChangeSet,
        triggers: &[&ChangedFile],
    ) -> Result<Option<Finding>, CheckError> {
        let Some(first) = triggers.first() else {
            return Ok(None);
        };
        let wanted = self.also.iter().map(|wanted| wanted.by(&first.path));
        let wanted: Vec<(Globs, String)> = wanted.collect::<Result<_, _>>()?;
        let all_deleted = triggers.iter().all(|file| file.status == Status::Deleted);
        let is_companion = |file: &ChangedFile| {
            // Taking the changelog away is no entry in it; a lock file goes with its manifest.
            let counts = file.status != Status::Deleted || all_deleted;
            counts
                && has_other_content(file)
                && wanted.iter().any(|(glob, _)| glob.matches(&file.path))
        };
        if change.files.iter().any(is_companion) {
            return Ok(None);
        }
        let texts: Vec<&str> = wanted.iter().map(|(_, text)| text.as_str()).collect();
        Ok(Some(self.finding(first, triggers, &texts)))
    }

    fn finding(&self, first: &ChangedFile, triggers: &[&ChangedFile], wanted: &[&str]) -> Finding {
        let paths: Vec<&str> = triggers.iter().map(|file| file.path.as_str()).collect();
        let mut message = format!(
            "{} changed, and no file that matches {} did.",
            report::some_of(&paths, NAMED),
            report::some_of(wanted, NAMED)
        );
        if let Some(why) = &self.message {
            message = format!("{why} ({message})");
        }
        let mut finding = report::finding(MISSING, self.severity, message, place(first));
        let others = triggers.iter().skip(1).take(NAMED - 1);
        finding.locations.extend(others.map(|file| place(file)));
        let when: Vec<&str> = self.when.texts().collect();
        let names = [first.path.as_str(), &when.join(","), &wanted.join(",")];
        finding.fingerprint = Some(report::fingerprint(&names));
        finding
    }
}

/// Where a reader should look: the first line that changed, or the file that is gone.
fn place(file: &ChangedFile) -> guest::Location {
    if file.status == Status::Deleted {
        return report::file_of(Side::Base, &file.path);
    }
    match file.hunks.first() {
        Some(hunk) => report::point(&file.path, hunk.new_start.max(1), None),
        None => report::file(&file.path),
    }
}

#[cfg(test)]
mod tests;
