//! What Go programs print when something goes wrong: errors of tests and their places, panics, errors of a build.

/// What one test or package printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    /// All of it.
    pub(super) text: String,
    /// Where the first part stands that the testing package itself calls an error (Go 1.26 and later).
    error: Option<usize>,
}

/// What a failure's output says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// The error in one line; empty where there is none.
    pub(super) message: String,
    /// A base name, or an absolute path.
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
}

impl Output {
    /// Adds a part, with the type that Go gives it.
    pub(super) fn add(&mut self, text: &str, kind: &str) {
        if kind == "error" {
            self.error.get_or_insert(self.text.len());
        }
        // Lines that frame a test repeat what the events say.
        if !(text.starts_with("=== ") || text.trim_start().starts_with("--- ")) {
            self.text.push_str(text);
        }
    }

    /// What the output says of a failure or a skip.
    pub(super) fn account(&self) -> Account {
        let (expected, actual) = compared(&self.text);
        let told = panic(&self.text)
            .or_else(|| self.error())
            .unwrap_or_default();
        Account {
            expected,
            actual,
            ..told
        }
    }

    /// The error that the testing package marked; in older versions the last place that is named, which a fatal error is.
    fn error(&self) -> Option<Account> {
        let marked = self.error.and_then(|at| self.text.get(at..));
        let lines: Vec<&str> = marked.unwrap_or(&self.text).lines().collect();
        let placed = |line: &&str| place(line).is_some();
        let at = match marked {
            Some(_) => lines.iter().position(placed),
            None => lines.iter().rposition(placed),
        };
        let (file, line, text) = place(lines.get(at?)?)?;
        let below = lines.get(at? + 1..).unwrap_or_default();
        let message = if text.is_empty() {
            explained(below)
        } else {
            text
        };
        Some(Account {
            message: message.to_owned(),
            file: Some(file.to_owned()),
            line: Some(line),
            ..Account::default()
        })
    }
}

/// `    price_test.go:12: text`: file, line and text.
fn place(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.trim_start().split_once(".go:")?;
    let (number, text) = rest.split_once(':')?;
    let file = line.trim_start().get(..file.len() + ".go".len())?;
    let plain = !file.contains(char::is_whitespace);
    Some((file, number.parse().ok()?, text.trim())).filter(|_| plain)
}

/// The message of assertion libraries, which stands below the place: behind `Error:`, or the first line.
fn explained<'a>(lines: &[&'a str]) -> &'a str {
    let named = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("Error:"));
    let first = lines.iter().find(|line| !line.trim().is_empty()).copied();
    named.or(first).unwrap_or_default().trim()
}

/// A panic's message, and its first frame in a file that is not Go's own.
fn panic(text: &str) -> Option<Account> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("panic: "));
    let message = lines.next()?.split(" [recovered").next()?;
    let frame = |line: &str| {
        let place = line.strip_prefix('\t')?.split(' ').next()?;
        let (file, number) = place.rsplit_once(':')?;
        let own = file.starts_with('/')
            && !["/src/testing/", "/src/runtime/", "/src/os/"]
                .iter()
                .any(|part| file.contains(part));
        Some((file.to_owned(), number.parse().ok()?)).filter(|_| own)
    };
    let (file, line) = lines.find_map(frame).unzip();
    Some(Account {
        message: message.to_owned(),
        file,
        line,
        ..Account::default()
    })
}

/// Expected and actual value, as examples and testify print them.
fn compared(text: &str) -> (Option<String>, Option<String>) {
    let after = |word: &str| {
        let found = text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(word));
        found.map(|value| value.trim().to_owned())
    };
    if let Some((got, want)) = text
        .split_once("got:\n")
        .and_then(|(_, rest)| rest.split_once("want:\n"))
    {
        return (
            Some(want.trim_end().to_owned()),
            Some(got.trim_end().to_owned()),
        );
    }
    let actual = after("actual  :").or_else(|| after("actual:"));
    (after("expected:").filter(|_| actual.is_some()), actual)
}

/// What builds said on standard error, by what was built: `# package [package.test]` and the lines below it.
pub(super) fn builds(stderr: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in stderr.lines() {
        match (line.strip_prefix("# "), found.last_mut()) {
            (Some(what), _) => found.push((what.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// File, line and text of the first error of a build.
pub(super) fn first_error(text: &str) -> (Option<String>, Option<u32>, String) {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or_default();
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    match place(line) {
        Some((file, number, text)) => {
            let column = text
                .split_once(": ")
                .filter(|(column, _)| column.parse::<u32>().is_ok());
            let message = column.map_or(text, |(_, message)| message);
            (Some(file.to_owned()), Some(number), message.to_owned())
        }
        None => (None, None, line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(parts: &[(&str, &str)]) -> Account {
        let mut output = Output::default();
        for (text, kind) in parts {
            output.add(text, kind);
        }
        output.account()
    }

    #[test]
    fn the_error_is_told_apart_from_what_was_logged() {
        let new = account(&[
            ("=== RUN   TestA\n", "frame"),
            ("    a_test.go:3: logged\n", ""),
            ("    a_test.go:4: bad\n", "error"),
            ("    a_test.go:5: more\n", ""),
        ]);
        assert_eq!((new.message.as_str(), new.line), ("bad", Some(4)));
        let old = account(&[("    a_test.go:3: logged\n    a_test.go:4: bad\n", "")]);
        assert_eq!((old.message.as_str(), old.line), ("bad", Some(4)));
        assert_eq!(account(&[("no place: at all\n", "")]), Account::default());
    }

    #[test]
    fn assertion_libraries_and_examples_tell_expected_and_actual() {
        let testify = account(&[(
            "    a_test.go:9: \n        \tError Trace:\t/t/a_test.go:9\n        \tError:      \tNot equal: \n        \t            \texpected: 3\n        \t            \tactual  : 2\n",
            "error",
        )]);
        assert_eq!(testify.message, "Not equal:");
        assert_eq!(
            (testify.expected.as_deref(), testify.actual.as_deref()),
            (Some("3"), Some("2"))
        );
        assert_eq!(testify.line, Some(9));
        let example = account(&[("got:\n", ""), ("a\nb\n", ""), ("want:\n", ""), ("c\n", "")]);
        assert_eq!(
            (example.expected.as_deref(), example.actual.as_deref()),
            (Some("c"), Some("a\nb"))
        );
    }

    #[test]
    fn a_panic_names_the_first_place_that_is_not_gos_own() {
        let told = account(&[(
            "panic: nil map [recovered, repanicked]\n\ngoroutine 6 [running]:\ntesting.x()\n\t/go/src/testing/testing.go:1 +0x2\na.T()\n\t/t/a_test.go:5 +0x28\n",
            "",
        )]);
        assert_eq!(
            (told.message.as_str(), told.file.as_deref(), told.line),
            ("panic: nil map", Some("/t/a_test.go"), Some(5))
        );
    }

    #[test]
    fn errors_of_a_build_have_a_place_or_are_told_as_they_are() {
        for (text, expected) in [
            (
                "# a [a.test]\nbad/b_test.go:5:28: undefined: x\n",
                (Some("bad/b_test.go"), Some(5), "undefined: x"),
            ),
            (
                "# a\n# [a]\nvet: ./v.go:7:2: y: z\n",
                (Some("./v.go"), Some(7), "y: z"),
            ),
            (
                "stat /t/missing: directory not found\n",
                (None, None, "stat /t/missing: directory not found"),
            ),
        ] {
            let (file, line, message) = first_error(text);
            assert_eq!((file.as_deref(), line, message.as_str()), expected);
        }
        let builds = builds("noise\n# a [a.test]\nx\ny\n# b\n");
        assert_eq!(builds[0], ("a [a.test]".to_owned(), "x\ny\n".to_owned()));
        assert_eq!(builds.len(), 2);
    }
}
