//! The history: results that are reused and verdicts that can be shown again, in one SQLite file.
//!
//! A base result is stored under everything it depends on, so that it may be reused for every
//! candidate of that base. A verdict is stored under its subject: the second answer for the same
//! candidate is the first one, never a new roll of the dice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Row, ToSql, Transaction, TransactionBehavior, params,
};
use thiserror::Error;

/// How long a writer waits for another runner's transaction.
const BUSY: Duration = Duration::from_secs(20);

/// Raised whenever a table changes; files of other versions are moved aside, since all they hold can be measured again.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE results (key TEXT PRIMARY KEY, json TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE verdicts (
    run TEXT PRIMARY KEY, key TEXT NOT NULL, repository TEXT NOT NULL, base TEXT NOT NULL,
    candidate TEXT NOT NULL, verdict TEXT NOT NULL, json TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_by_key ON verdicts (key, at);
CREATE INDEX verdicts_by_base ON verdicts (repository, base);
CREATE TABLE flaky (
    repository TEXT NOT NULL, \"check\" TEXT NOT NULL, test TEXT NOT NULL, candidate TEXT NOT NULL,
    PRIMARY KEY (repository, \"check\", test, candidate)
) STRICT, WITHOUT ROWID;
";

/// The history file cannot be read or written.
#[derive(Debug, Error)]
#[error("cannot {step} the history {}: {source}{}", path.display(), remedy(source))]
pub struct StoreError {
    /// What was being done, as a verb.
    step: &'static str,
    path: PathBuf,
    source: Cause,
}

/// Why the history cannot be used.
#[derive(Debug, Error)]
#[error(transparent)]
enum Cause {
    Database(#[from] rusqlite::Error),
    File(#[from] io::Error),
}

impl StoreError {
    fn is_damage(&self) -> bool {
        is_damage(&self.source)
    }
}

fn is_damage(cause: &Cause) -> bool {
    let Cause::Database(error) = cause else {
        return false;
    };
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Damage in the middle of a file shows after it was opened.
fn remedy(cause: &Cause) -> &'static str {
    match is_damage(cause) {
        true => "; remove it: all that it holds can be measured again",
        false => "",
    }
}

/// The open history.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

/// A transaction of [`Store::begin`].
#[derive(Debug)]
#[must_use = "nothing is written without a commit"]
pub struct Begun<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

impl Begun<'_> {
    /// Writes what was stored since the start.
    pub fn commit(self) -> Result<(), StoreError> {
        self.transaction
            .commit()
            .map_err(failed("write", self.path))
    }
}

/// Whole, the write-ahead log of a runner that has it open included, and over nothing that was moved aside before.
fn move_aside(path: &Path, extension: &str) -> Result<(), StoreError> {
    let numbered = (1..).map(|number| path.with_extension(format!("{extension}.{number}")));
    let free = |aside: &PathBuf| !aside.exists();
    let aside = [path.with_extension(extension)]
        .into_iter()
        .chain(numbered)
        .find(free);
    let aside = aside.unwrap_or_else(|| path.with_extension(extension));
    std::fs::rename(path, &aside).map_err(failed("move aside", path))?;
    for companion in ["-wal", "-shm"] {
        let beside = |file: &Path| {
            let mut name = file.as_os_str().to_owned();
            name.push(companion);
            PathBuf::from(name)
        };
        // There, where somebody has the file open or died with it.
        let _ = std::fs::rename(beside(path), beside(&aside));
    }
    Ok(())
}

/// A stored verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVerdict {
    /// Id of the run that gave it.
    pub run: String,
    /// The verdict document.
    pub json: String,
    /// Root of the repository that it was given in.
    pub repository: String,
}

/// A verdict of the past, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastVerdict {
    /// Id of the run.
    pub run: String,
    /// When it was stored, in seconds since 1970.
    pub at: i64,
    /// The verdict document.
    pub json: String,
}

/// A test that was flaky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlakyTest {
    /// Its check.
    pub check: String,
    /// Its id.
    pub test: String,
    /// In how many candidates.
    pub candidates: u32,
}

/// What is stored for a verdict.
#[derive(Clone, Copy, Debug)]
pub struct VerdictRow<'a> {
    /// Id of the run.
    pub run: &'a str,
    /// Key of its subject.
    pub key: &'a str,
    /// Path of the repository, for people.
    pub repository: &'a str,
    /// Tree id of the base.
    pub base: &'a str,
    /// Tree id of the candidate; empty where there is none, or none that counts.
    pub candidate: &'a str,
    /// The verdict word.
    pub verdict: &'a str,
    /// The verdict document.
    pub json: &'a str,
}

impl Store {
    /// Opens or makes the file. One that is no database any more (cut short, overwritten), or that holds the tables of another
    /// version or program, is moved aside: all that ours held can be measured again.
    ///
    /// One runner at a time: SQLite answers "locked" at once, whatever the timeout, when two of
    /// them turn a new file into a write-ahead one, and only one may move a file aside.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let _turn = turn(&path.with_extension("lock")).map_err(failed("lock", path))?;
        match Self::open_file(path) {
            Ok(Some(store)) => return Ok(store),
            Ok(None) => move_aside(path, "db.other")?,
            Err(error) if error.is_damage() => move_aside(path, "db.damaged")?,
            Err(error) => return Err(error),
        }
        let new = Self::open_file(path)?;
        new.ok_or_else(|| failed("set up", path)(rusqlite::Error::InvalidQuery))
    }

    /// None where the tables are not ours.
    fn open_file(path: &Path) -> Result<Option<Self>, StoreError> {
        let connection = Connection::open(path).map_err(failed("open", path))?;
        let store = Self {
            path: path.to_owned(),
            connection,
        };
        let ours = store.prepare().map_err(failed("set up", path))?;
        Ok(ours.then_some(store))
    }

    fn prepare(&self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(BUSY)?;
        let version: i64 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables: i64 =
            self.connection
                .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        let is_new = (version, tables) == (0, 0);
        if version != VERSION && !is_new {
            return Ok(false);
        }
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        // A lost last transaction after a power cut is measured again.
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        if is_new {
            // All at once: tables without their version would be somebody else's.
            let made =
                format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
            self.connection.execute_batch(&made)?;
        }
        Ok(true)
    }

    /// The stored result of this key.
    pub fn result(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.connection
            .query_row("SELECT json FROM results WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional()
            .map_err(failed("read", &self.path))
    }

    /// Stores a result; an earlier one under the same key stays.
    pub fn put_result(&self, key: &str, json: &str) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT OR IGNORE INTO results VALUES (?1, ?2, ?3)",
                params![key, json, now()],
            )
            .map(drop)
            .map_err(failed("write", &self.path))
    }

    /// The verdict that counts for this key: the latest.
    pub fn verdict(&self, key: &str) -> Result<Option<StoredVerdict>, StoreError> {
        self.one(
            "SELECT run, json, repository FROM verdicts WHERE key = ?1 ORDER BY at DESC, rowid DESC LIMIT 1",
            key,
        )
    }

    /// The verdict of the run whose id starts so; the latest when the text is empty. None also
    /// when more than one run matches.
    pub fn run(&self, prefix: &str) -> Result<Option<StoredVerdict>, StoreError> {
        if prefix.is_empty() {
            return self.one(
                "SELECT run, json, repository FROM verdicts WHERE ?1 = '' ORDER BY at DESC, rowid DESC LIMIT 1",
                "",
            );
        }
        let unique = "SELECT run, json, repository FROM verdicts WHERE substr(run, 1, length(?1)) = ?1
                      GROUP BY 1 HAVING (SELECT count(*) FROM verdicts WHERE substr(run, 1, length(?1)) = ?1) = 1";
        self.one(unique, prefix)
    }

    /// Starts a transaction that no other runner writes during: what is read in it still holds when
    /// it is committed. Dropped without that, nothing of it was written.
    pub fn begin(&self) -> Result<Begun<'_>, StoreError> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map(|transaction| Begun {
                transaction,
                path: &self.path,
            })
            .map_err(failed("lock", &self.path))
    }

    /// Stores a verdict.
    pub fn put_verdict(&self, row: VerdictRow<'_>) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO verdicts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    row.run,
                    row.key,
                    row.repository,
                    row.base,
                    row.candidate,
                    row.verdict,
                    row.json,
                    now()
                ],
            )
            .map(drop)
            .map_err(failed("write", &self.path))
    }

    /// The candidates that were judged on a base, with the word of the latest verdict on each.
    pub fn candidates(
        &self,
        repository: &str,
        base: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let latest = "SELECT candidate, verdict, max(rowid) FROM verdicts
                      WHERE repository = ?1 AND base = ?2 AND candidate <> '' GROUP BY candidate";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.all(latest, params![repository, base], row)
    }

    /// The latest verdicts in a repository, the newest first.
    pub fn verdicts(&self, repository: &str, limit: u32) -> Result<Vec<PastVerdict>, StoreError> {
        let sql = "SELECT run, at, json FROM verdicts WHERE repository = ?1
                   ORDER BY at DESC, rowid DESC LIMIT ?2";
        self.all(sql, params![repository, limit], |row| {
            Ok(PastVerdict {
                run: row.get(0)?,
                at: row.get(1)?,
                json: row.get(2)?,
            })
        })
    }

    /// The tests of a repository that were flaky, those of most candidates first.
    pub fn flaky(&self, repository: &str) -> Result<Vec<FlakyTest>, StoreError> {
        let sql = "SELECT \"check\", test, count(*) FROM flaky WHERE repository = ?1
                   GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2";
        self.all(sql, params![repository], |row| {
            Ok(FlakyTest {
                check: row.get(0)?,
                test: row.get(1)?,
                candidates: row.get(2)?,
            })
        })
    }

    /// Notes that a test was flaky in a candidate.
    pub fn put_flaky(
        &self,
        repository: &str,
        check: &str,
        test: &str,
        candidate: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT OR IGNORE INTO flaky VALUES (?1, ?2, ?3, ?4)",
                params![repository, check, test, candidate],
            )
            .map(drop)
            .map_err(failed("write", &self.path))
    }

    /// The candidates in which a test was flaky.
    pub fn flaky_in(
        &self,
        repository: &str,
        check: &str,
        test: &str,
    ) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT candidate FROM flaky
                   WHERE repository = ?1 AND \"check\" = ?2 AND test = ?3";
        self.all(sql, params![repository, check, test], |row| row.get(0))
    }

    fn all<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C, StoreError> {
        let all = || -> rusqlite::Result<C> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(parameters, read)?.collect()
        };
        all().map_err(failed("read", &self.path))
    }

    fn one(&self, sql: &str, parameter: &str) -> Result<Option<StoredVerdict>, StoreError> {
        self.connection
            .query_row(sql, [parameter], |row| {
                Ok(StoredVerdict {
                    run: row.get(0)?,
                    json: row.get(1)?,
                    repository: row.get(2)?,
                })
            })
            .optional()
            .map_err(failed("read", &self.path))
    }
}

/// Waits until no other runner holds this lock file; the kernel gives it back with the process.
fn turn(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    file.lock()?;
    Ok(file)
}

fn failed<E: Into<Cause>>(step: &'static str, path: &Path) -> impl FnOnce(E) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError {
        step,
        path,
        source: source.into(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(run: &'a str, json: &'a str) -> VerdictRow<'a> {
        VerdictRow {
            run,
            key: "key",
            repository: "/r",
            base: "base",
            candidate: run,
            verdict: "pass",
            json,
        }
    }

    #[test]
    fn the_first_result_of_a_key_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        assert_eq!(store.result("key").unwrap(), None);
        store.put_result("key", "1").unwrap();
        store.put_result("key", "2").unwrap();
        assert_eq!(store.result("key").unwrap().as_deref(), Some("1"));
    }

    #[test]
    fn the_latest_verdict_counts_and_a_run_is_found_by_a_unique_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        for (run, json) in [("ab12", "first"), ("ab34", "second")] {
            store.put_verdict(verdict(run, json)).unwrap();
        }
        assert_eq!(store.verdict("key").unwrap().unwrap().json, "second");
        assert_eq!(store.run("").unwrap().unwrap().run, "ab34");
        assert_eq!(store.run("ab1").unwrap().unwrap().json, "first");
        assert_eq!(store.run("ab").unwrap(), None);
        assert_eq!(store.run("%").unwrap(), None);
    }

    #[test]
    fn each_candidate_of_a_base_counts_once_with_its_latest_verdict() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        for (run, candidate, word) in [
            ("1", "a", "fail"),
            ("2", "b", "review"),
            ("3", "a", "pass"),
            ("4", "", "fail"),
        ] {
            let row = VerdictRow {
                candidate,
                verdict: word,
                ..verdict(run, "")
            };
            store.put_verdict(row).unwrap();
        }
        let found = store.candidates("/r", "base").unwrap();
        let expected = [("a", "pass"), ("b", "review")];
        let expected = expected.map(|(one, word)| (one.to_owned(), word.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
        assert!(store.candidates("/other", "base").unwrap().is_empty());
    }

    #[test]
    fn a_repository_has_its_own_verdicts_the_newest_first_and_its_own_flaky_tests() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        for (run, repository) in [("1", "/r"), ("2", "/r"), ("3", "/other"), ("4", "/r")] {
            let row = VerdictRow {
                repository,
                ..verdict(run, "")
            };
            store.put_verdict(row).unwrap();
        }
        let runs = |limit: u32| -> Vec<String> {
            let found = store.verdicts("/r", limit).unwrap();
            found.into_iter().map(|one| one.run).collect()
        };
        assert_eq!(runs(10), ["4", "2", "1"]);
        assert_eq!(runs(2), ["4", "2"]);
        for (repository, test, candidate) in [
            ("/r", "a", "1"),
            ("/r", "b", "1"),
            ("/r", "b", "2"),
            ("/other", "c", "1"),
        ] {
            store
                .put_flaky(repository, "tests", test, candidate)
                .unwrap();
        }
        let found = store.flaky("/r").unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.test.as_str(), one.candidates))
            .collect();
        assert_eq!(found, [("b", 2), ("a", 1)]);
    }

    #[test]
    fn what_is_read_before_a_verdict_is_stored_cannot_change_until_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.db");
        let first = Store::open(&path).unwrap();
        let begun = first.begin().unwrap();
        assert_eq!(first.verdict("key").unwrap(), None);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let second = Store::open(&path).unwrap();
                let begun = second.begin().unwrap();
                let found = second.verdict("key").unwrap();
                begun.commit().unwrap();
                found
            });
            // Long enough that one who does not wait has read by then.
            std::thread::sleep(Duration::from_millis(300));
            first.put_verdict(verdict("1", "first")).unwrap();
            begun.commit().unwrap();
            assert_eq!(second.join().unwrap().unwrap().json, "first");
        });
    }

    #[test]
    fn many_that_open_a_new_file_at_once_all_can() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("history.db");
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        Store::open(&path).unwrap().put_result("key", "1").unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_moved_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.db");
        std::fs::write(&path, "not a database, by far not one at all").unwrap();
        let store = Store::open(&path).unwrap();
        store.put_result("key", "1").unwrap();
        assert_eq!(store.result("key").unwrap().as_deref(), Some("1"));
        assert!(dir.path().join("history.db.damaged").exists());
    }
    #[test]
    fn tables_of_another_version_or_program_are_moved_aside_whole() {
        for (version, table) in [(VERSION + 1, "verdicts"), (7, "results"), (0, "anything")] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("history.db");
            let other = Connection::open(&path).unwrap();
            other.pragma_update(None, "journal_mode", "WAL").unwrap();
            std::fs::write(dir.path().join("history.db.other"), "moved before").unwrap();
            let made = format!(
                "CREATE TABLE {table} (x); INSERT INTO {table} VALUES (1); PRAGMA user_version = {version};"
            );
            other.execute_batch(&made).unwrap();
            let store = Store::open(&path).unwrap();
            store.put_result("key", "1").unwrap();
            let aside = Connection::open(dir.path().join("history.db.other.1")).unwrap();
            let rows = format!("SELECT count(*) FROM {table}");
            let rows: i64 = aside.query_row(&rows, [], |row| row.get(0)).unwrap();
            assert_eq!(rows, 1, "{table}");
            assert_eq!(
                Store::open(&path)
                    .unwrap()
                    .result("key")
                    .unwrap()
                    .as_deref(),
                Some("1")
            );
        }
    }
}
