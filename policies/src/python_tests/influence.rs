//! Whether a module of Python tests may change what the tests of other files see.
//!
//! # Theory of operation
//!
//! Test files of one run share a process, so a file that comes with a change can patch the product for all the
//! others. Running every other test once more without it would show that, and cost a second suite for each added
//! test. So this reads the text, and lets pass what is known to end with the test or to stay in the file:
//!
//! * what is assigned to, deleted, or changed by a method in place belongs to the file ([`super::values`]);
//! * what replaces something (`patch`, `monkeypatch`, `mocker`) stands where pytest or Python puts it back;
//! * of what reaches anything (`sys`, names with two underscores, pytest's `request`) only what is known to be
//!   harmless is used.
//!
//! All else counts, and costs honest files a second run and nothing else. It is no proof: code that a test calls
//! can change state as well, the product's own above all.

use std::collections::BTreeMap;

use super::lines::{Chain, Statement, Step, is_literal, is_name, statements};
use super::scopes::{
    Bound, Kind, Place, Scope, Scopes, fixture_name, is_fixture, is_plain_fixture,
};
use super::values::{Values, Whose, is_called_by_runner};
use super::words::{
    CHANGING, DEFINED, FIXTURES, HARMLESS_CALLED, HARMLESS_PARTS, HARMLESS_READ, IN_PLACE,
    PATCHING, REACHING, REACHING_ANYWHERE, REQUEST, UNDONE,
};

/// Whether the text may reach into other modules; true also of what is no Python. What the fixtures give that
/// these other texts have, each a `conftest.py`, is known.
#[must_use]
pub fn may_influence(text: &str, conftests: &[String]) -> bool {
    influence(text, conftests).is_some()
}

/// What in the text may, in the words of the text.
fn influence(text: &str, conftests: &[String]) -> Option<String> {
    let Some(statements) = statements(text) else {
        return Some("no Python, or too much".to_owned());
    };
    let mut fixtures = BTreeMap::new();
    for (name, whose) in conftests.iter().flat_map(|text| fixtures_of(text)) {
        let known: &mut Whose = fixtures.entry(name).or_default();
        *known = whose.max(*known);
    }
    let scopes = Scopes::new(statements);
    let values = Some(&scopes).filter(|scopes| scopes.are_few());
    let Some(values) = values.and_then(|scopes| Values::new(scopes, &fixtures)) else {
        return Some("no end".to_owned());
    };
    let judge = Judge {
        scopes: &scopes,
        values: &values,
    };
    judge.found()
}

/// What the fixtures of a text give; what lives on after a test is everybody's.
fn fixtures_of(text: &str) -> Vec<(String, Whose)> {
    let Some(statements) = statements(text) else {
        return Vec::new();
    };
    let scopes = Scopes::new(statements);
    let none = BTreeMap::new();
    let values = Some(&scopes).filter(|scopes| scopes.are_few());
    let Some(values) = values.and_then(|scopes| Values::new(scopes, &none)) else {
        return Vec::new();
    };
    let all = scopes.scopes.iter().enumerate();
    let fixtures = all.filter(|(_, one)| is_fixture(one, &scopes));
    let whose = |at: usize, one: &Scope<'_>| match is_plain_fixture(one, &scopes) {
        true => values.given_by(at),
        false => Whose::Foreign,
    };
    fixtures
        .filter_map(|(at, one)| Some((fixture_name(one, &scopes)?.to_owned(), whose(at, one))))
        .collect()
}

struct Judge<'j, 't> {
    scopes: &'j Scopes<'t>,
    values: &'j Values<'j, 't>,
}

/// A chain, with all that is known of it.
struct Seen<'c, 't> {
    at: usize,
    one: &'c Statement<'t>,
    chain: &'c Chain<'t>,
    root: &'t str,
    whose: Vec<Whose>,
}

impl<'t> Seen<'_, 't> {
    /// What stands before a step.
    fn before(&self, step: usize) -> Whose {
        self.whose.get(step).copied().unwrap_or(Whose::Foreign)
    }

    fn step(&self, step: usize) -> Option<Step<'t>> {
        self.chain.steps.get(step).copied()
    }

    fn attributes(&self) -> impl Iterator<Item = (usize, &'t str)> {
        let steps = self.chain.steps.iter().enumerate();
        steps.filter_map(|(at, step)| match step {
            Step::Attribute(name) => Some((at, *name)),
            _ => None,
        })
    }

    /// Whether the root is a name, and nothing in brackets.
    fn is_name(&self) -> bool {
        self.chain.first == self.chain.begin + 1
    }

    /// `super()`, which is the instance.
    fn is_super(&self) -> bool {
        let empty = matches!(self.step(0), Some(Step::Call(begin, end)) if begin == end);
        self.root == "super" && empty
    }
}

impl<'t> Judge<'_, 't> {
    fn found(&self) -> Option<String> {
        let statements = self.scopes.statements.iter().enumerate();
        let mut bad = statements
            .filter(|(at, one)| self.statement(*at, one))
            .map(|(_, one)| one.tokens.join(" "));
        let assigned = || {
            self.scopes
                .assigned
                .iter()
                .find(|one| self.assigned(one.statement, &one.chain))
        };
        let scope = || self.scopes.scopes.iter().find(|one| self.defined(one));
        bad.next()
            .or_else(|| {
                let statement = self.scopes.statement(assigned()?.statement)?;
                Some(statement.tokens.join(" "))
            })
            .or_else(|| Some(scope()?.name.to_owned()))
    }

    /// Whether something is assigned that others have.
    fn assigned(&self, at: usize, chain: &Chain<'t>) -> bool {
        let Some(one) = self.scopes.statement(at) else {
            return true;
        };
        let whose = self.values.steps(at, one, chain);
        let before = whose.get(chain.steps.len().saturating_sub(1)).copied();
        match before.unwrap_or(Whose::Foreign) {
            Whose::Own | Whose::Holder => false,
            Whose::Mine => !self.is_bound(at, one.token(chain.begin).unwrap_or_default()),
            Whose::Foreign => true,
        }
    }

    fn is_bound(&self, at: usize, name: &'t str) -> bool {
        self.bound(at, name).is_some()
    }

    fn bound(&self, at: usize, name: &'t str) -> Option<&[Bound]> {
        let found = self.scopes.find(self.values.scope_of(at), name);
        found.map(|(_, bound)| bound)
    }

    /// Whether a name stands for a module here, and for nothing else anywhere.
    fn is_module(&self, at: usize, name: &'t str) -> bool {
        self.bound(at, name)
            .is_some_and(|bound| bound.iter().all(|one| matches!(one, Bound::Module)))
    }

    /// Whether a function takes the place of what is trusted, or undoes a patch who knows when.
    fn defined(&self, one: &Scope<'t>) -> bool {
        let trusted = FIXTURES.contains(&one.name)
            || UNDONE.contains(&one.name)
            || one.name == "request"
            || one.name == "load_tests";
        let decorators = one
            .decorators
            .iter()
            .filter_map(|at| self.scopes.statement(*at));
        let mut decorators = decorators.filter(|line| line.has("patch"));
        one.kind == Kind::Function && trusted || one.yields && decorators.next().is_some()
    }

    fn statement(&self, at: usize, one: &Statement<'t>) -> bool {
        if let ["import" | "from", rest @ ..] = one.tokens.as_slice() {
            return imports(one, rest);
        }
        let reaches = one
            .tokens
            .iter()
            .any(|token| REACHING_ANYWHERE.contains(token));
        let outer = one.has("parametrize")
            && one
                .tokens
                .iter()
                .any(|token| UNDONE.iter().any(|name| token.contains(name)));
        reaches || outer || one.chains().any(|chain| self.chain(at, one, &chain))
    }

    fn chain(&self, at: usize, one: &Statement<'t>, chain: &Chain<'t>) -> bool {
        let seen = Seen {
            at,
            one,
            chain,
            root: one.token(chain.begin).unwrap_or_default(),
            whose: self.values.steps(at, one, chain),
        };
        self.root(&seen)
            || seen
                .attributes()
                .any(|(step, name)| self.attribute(&seen, step, name))
    }

    /// Whether the name that a chain begins with reaches further.
    fn root(&self, seen: &Seen<'_, 't>) -> bool {
        if !seen.is_name() || (seen.chain.steps.is_empty() && seen.one.defines().is_some()) {
            return false;
        }
        let name = seen.root;
        let known = [HARMLESS_READ, HARMLESS_CALLED, DEFINED]
            .iter()
            .any(|names| names.contains(&name));
        // A class says what it has by such a name.
        let is_given = seen.chain.steps.is_empty()
            && matches!(seen.one.token(seen.chain.end), Some(":" | "="));
        let special = is_special(name) && !known && !is_given;
        if special || name == "MonkeyPatch" && !is_annotation(seen) {
            return true;
        }
        if name == "patch" && !self.is_put_back(seen) {
            let given = seen.chain.steps.is_empty() && self.is_parameter(seen);
            return !given && seen.before(0) > Whose::Holder;
        }
        if REACHING.contains(&name) {
            let given = matches!(seen.step(0), Some(Step::Call(begin, end))
                if self.values.arguments(seen.at, seen.one, begin, end, false) <= Whose::Mine);
            return !(["setattr", "delattr"].contains(&name) && given && self.is_of_own(seen, 0));
        }
        if IN_PLACE.contains(&name) {
            return !self.is_of_own(seen, 0);
        }
        if self.is_runner_s(seen) {
            return true;
        }
        self.leaves_module(seen)
    }

    /// Whether more is used of a module that reaches others than what is known to be harmless.
    fn leaves_module(&self, seen: &Seen<'_, 't>) -> bool {
        let known = HARMLESS_PARTS
            .iter()
            .find(|(module, _)| *module == seen.root);
        let bound = self.bound(seen.at, seen.root).unwrap_or_default();
        let is_module = bound.iter().any(|one| matches!(one, Bound::Module));
        let Some((_, parts)) = known.filter(|_| is_module) else {
            return false;
        };
        let harmless = match seen.step(0) {
            Some(Step::Attribute(part)) => parts.contains(&part),
            _ => false,
        };
        !harmless && !is_replaced(seen)
    }

    /// Whether a function that pytest calls, with what is known, is given something else here.
    fn is_runner_s(&self, seen: &Seen<'_, 't>) -> bool {
        let bare = matches!(seen.step(0), Some(Step::Call(begin, end)) if begin == end);
        let bound = self.bound(seen.at, seen.root).unwrap_or_default();
        let takes = |one: &Bound| match one {
            Bound::Function(scope) => self.scopes.scope(*scope).is_some_and(|one| {
                is_called_by_runner(one, self.scopes) && !one.parameters.is_empty()
            }),
            _ => false,
        };
        !bare && bound.iter().any(takes)
    }

    /// Whether a method of a class of the text is taken from the class, to be called on something else.
    fn is_unbound(&self, seen: &Seen<'_, 't>, step: usize, name: &str) -> bool {
        let bound = self.bound(seen.at, seen.root).unwrap_or_default();
        let of_class = step == 0 && bound.iter().any(|one| matches!(one, Bound::Class(_)));
        let of_self = self.scopes.methods.contains(name);
        let harmless = match seen.step(1) {
            Some(Step::Call(begin, end)) => {
                let first = seen.one.parts(begin, end).first().copied();
                let first = first.map(|(begin, end)| {
                    self.values.arguments(seen.at, seen.one, begin, end, false)
                });
                first.is_none_or(|first| first <= Whose::Holder)
            }
            _ => false,
        };
        of_class && of_self && !harmless
    }

    /// Whether a function is called here on what is the file's own.
    fn is_of_own(&self, seen: &Seen<'_, 't>, step: usize) -> bool {
        let Some(Step::Call(begin, end)) = seen.step(step) else {
            return false;
        };
        let first = seen.one.parts(begin, end).first().copied();
        first.is_some_and(|(begin, end)| {
            // Of a list that is spread nobody knows what comes first.
            if matches!(seen.one.token(begin), Some("*" | "**")) {
                return false;
            }
            let first = seen.one.chain(begin).filter(|chain| chain.end == end);
            let class = first.is_some_and(|chain| {
                chain.steps.is_empty()
                    && !self.is_bound(seen.at, seen.one.token(begin).unwrap_or_default())
            });
            let whose = self.values.arguments(seen.at, seen.one, begin, end, false);
            whose <= Whose::Holder && !(class && whose == Whose::Mine)
        })
    }

    fn attribute(&self, seen: &Seen<'_, 't>, step: usize, name: &'t str) -> bool {
        let called = matches!(seen.step(step + 1), Some(Step::Call(..)));
        if name == "MonkeyPatch" {
            return !is_annotation(seen);
        }
        if is_special(name) {
            return !self.is_harmless(seen, step, name, called);
        }
        if name.starts_with('_') && (UNDONE.contains(&seen.root) || seen.root == "request") {
            return true;
        }
        if name == "patch" {
            return !self.is_put_back(seen) && !self.is_other_patch(seen, step);
        }
        if PATCHING.contains(&name) {
            return !self.is_undone(seen) && seen.before(step) > Whose::Mine;
        }
        if self.leads_to_session(seen, step, name) || self.is_unbound(seen, step, name) {
            return true;
        }
        if IN_PLACE.contains(&name) {
            return !self.is_of_own(seen, step + 1);
        }
        CHANGING.contains(&name) && self.changes(seen, step, called)
    }

    /// Whether pytest's `request`, or its configuration, is asked for what all tests have.
    fn leads_to_session(&self, seen: &Seen<'_, 't>, step: usize, name: &str) -> bool {
        let next = match seen.step(1) {
            Some(Step::Attribute(next)) => next,
            _ => "",
        };
        let (part, next) = match seen.root {
            "request" => (name, next),
            "pytestconfig" => ("config", name),
            _ => return false,
        };
        let mut known = REQUEST.iter().filter(|(known, _)| *known == part);
        let leads = known.any(|(_, harmless)| !harmless.contains(&next));
        step == 0 && leads && self.is_parameter(seen)
    }

    /// Whether a name with two underscores around it is used in a way that changes nothing.
    fn is_harmless(&self, seen: &Seen<'_, 't>, step: usize, name: &str, called: bool) -> bool {
        if !called {
            return name.starts_with("__attrs_")
                || HARMLESS_READ.contains(&name)
                || HARMLESS_CALLED.contains(&name);
        }
        let of_self = match seen.step(step + 1) {
            Some(Step::Call(begin, _)) => {
                let first = seen.one.chain(begin).filter(|chain| chain.steps.is_empty());
                let is_self = ["self", "cls"].contains(&seen.one.token(begin).unwrap_or_default());
                is_self
                    && first.is_some_and(|chain| {
                        self.values.steps(seen.at, seen.one, &chain) == [Whose::Mine]
                    })
            }
            _ => false,
        };
        let of_own = matches!(seen.before(step), Whose::Own | Whose::Holder);
        HARMLESS_CALLED.contains(&name) || of_own || seen.is_super() || of_self
    }

    /// Whether a method that changes something in place is called on what others have, or handed on.
    fn changes(&self, seen: &Seen<'_, 't>, step: usize, called: bool) -> bool {
        let next = seen.one.token(seen.chain.end);
        let handed_on = step + 1 == seen.chain.steps.len()
            && matches!(next, None | Some("," | ")" | "]" | "}"));
        // A module's function by that name; a parameter that pytest makes.
        let function = step == 0 && self.is_module(seen.at, seen.root);
        if !(called || handed_on)
            || function
            || (step == 1 && seen.is_super())
            || self.is_undone(seen)
        {
            return false;
        }
        // A class's own method changes whatever it is given.
        let of_class = step == 0 && seen.is_name() && self.is_class(seen);
        of_class || seen.before(step) == Whose::Foreign
    }

    /// Whether a root that is the file's own is a class, or one that Python brings.
    fn is_class(&self, seen: &Seen<'_, 't>) -> bool {
        let bound = self.bound(seen.at, seen.root);
        !is_literal(seen.root)
            && bound.is_none_or(|bound| bound.iter().any(|one| matches!(one, Bound::Class(_))))
    }

    fn is_parameter(&self, seen: &Seen<'_, 't>) -> bool {
        let bound = self.bound(seen.at, seen.root);
        bound.is_some_and(|bound| bound.iter().all(|one| matches!(one, Bound::Parameter(_))))
    }

    /// Whether the chain's root is what pytest undoes when the function around it ends.
    fn is_undone(&self, seen: &Seen<'_, 't>) -> bool {
        let bound = self.bound(seen.at, seen.root).unwrap_or_default();
        let until_test_ends = |one: &Bound| match one {
            Bound::Parameter(scope) => self.scopes.scope(*scope).is_some_and(|one| {
                let mut lines = one
                    .decorators
                    .iter()
                    .filter_map(|at| self.scopes.statement(*at));
                UNDONE.contains(&seen.root) && !lines.any(|line| line.has("scope"))
            }),
            Bound::Entered(place) => self.is_context(*place),
            _ => false,
        };
        !bound.is_empty() && bound.iter().all(until_test_ends)
    }

    /// `with monkeypatch.context() as here`.
    fn is_context(&self, place: Place) -> bool {
        let line = self.scopes.statement(place.statement);
        let words = line.and_then(|line| line.tokens.get(place.begin..place.end));
        words == Some(&["monkeypatch", ".", "context", "(", ")"])
    }

    /// Whether a patch begins and ends with a function, as decorator, in a `with` or through `mocker`.
    fn is_put_back(&self, seen: &Seen<'_, 't>) -> bool {
        let one = seen.one;
        if one.token(0) == Some("@") {
            return seen.chain.begin == 1;
        }
        if self.is_undone(seen) {
            return true;
        }
        let started = seen.attributes().any(|(_, name)| name == "start");
        let before = one.before(seen.chain.begin);
        let entered = matches!(before, Some("with" | ","))
            || (before == Some("(")
                && one.token(seen.chain.begin.saturating_sub(2)) == Some("with"));
        let scope = self.values.scope_of(seen.at);
        let ends = self
            .scopes
            .function(scope)
            .is_some_and(|one| !one.yields || is_plain_fixture(one, self.scopes));
        one.is_with()
            && entered
            && ends
            && !started
            && !one.has(":=")
            && !self.imports_within(seen.at)
    }

    /// Whether something is imported in the block of a statement: it may keep what stands in another's place.
    fn imports_within(&self, at: usize) -> bool {
        let indent = self.scopes.statement(at).map_or(0, |one| one.indent);
        let block = self
            .scopes
            .statements
            .iter()
            .skip(at + 1)
            .take_while(|one| one.indent > indent);
        block
            .filter(|one| matches!(one.token(0), Some("import" | "from")))
            .count()
            > 0
    }

    /// Whether this is a method by that name, as clients of HTTP have.
    fn is_other_patch(&self, seen: &Seen<'_, 't>, step: usize) -> bool {
        if seen.before(step) <= Whose::Holder {
            return true;
        }
        let client =
            ["requests", "httpx"].contains(&seen.root) && self.is_module(seen.at, seen.root);
        let inherited = match seen.step(0) {
            Some(Step::Attribute(name)) => {
                seen.before(0) == Whose::Mine && step == 1 && !self.values.assigns(name)
            }
            _ => false,
        };
        let bound = self.bound(seen.at, seen.root).unwrap_or_default();
        let given = bound.iter().all(|one| match one {
            Bound::Parameter(scope) => self.values.known_parameter(*scope, seen.root).is_none(),
            _ => false,
        });
        client || inherited || (given && !bound.is_empty())
    }
}

/// Whether an import brings all there is, or a thing under a name by which it is not known here.
fn imports(one: &Statement<'_>, rest: &[&str]) -> bool {
    let plain = one.token(0) == Some("import");
    let special = |name: &&str| {
        HARMLESS_PARTS.iter().any(|(module, _)| module == name)
            || ["patch", "setitem", "delitem"].contains(name)
            || IN_PLACE.contains(name)
    };
    let mut renamed = rest.windows(2).filter(|pair| pair.contains(&"as"));
    let renamed = renamed.any(|pair| pair.first().is_some_and(special))
        || (plain && rest.contains(&"as") && rest.iter().any(special));
    let names = rest
        .iter()
        .copied()
        .skip_while(|word| !plain && *word != "import");
    let mut names = names.filter(|word| is_name(word) && !["import", "as"].contains(word));
    let reaches = |name: &str| REACHING.contains(&name) || REACHING_ANYWHERE.contains(&name);
    // Of a module that reaches others, the part, or what is brought from it itself.
    let known = HARMLESS_PARTS
        .iter()
        .find(|(module, _)| !plain && rest.first() == Some(module));
    let unknown = known.is_some_and(|(_, parts)| match rest {
        [_, ".", part, ..] => !parts.contains(part),
        _ => names.clone().any(|name| !parts.contains(&name)),
    });
    rest.last() == Some(&"*") || renamed || unknown || names.any(reaches)
}

fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Whether a chain is the type of a parameter.
fn is_annotation(seen: &Seen<'_, '_>) -> bool {
    let before = seen.one.before(seen.chain.begin);
    let attributes = seen.attributes().count();
    seen.one.defines().is_some()
        && matches!(before, Some(":" | "|" | "[" | ","))
        && attributes == seen.chain.steps.len()
}

/// Whether the chain is what a patch replaces, or a part of it: `monkeypatch.setitem(sys.modules, …)`.
fn is_replaced(seen: &Seen<'_, '_>) -> bool {
    let at = seen.chain.begin;
    let ends = matches!(seen.one.token(seen.chain.end), Some("," | ")"));
    let replaces = ["setattr", "delattr", "setitem", "delitem", "object", "dict"];
    let call = seen.one.before(at) == Some("(")
        && at
            .checked_sub(2)
            .and_then(|at| seen.one.token(at))
            .is_some_and(|name| replaces.contains(&name));
    let patch = ["monkeypatch", "mocker", "patch"]
        .iter()
        .any(|name| seen.one.has(name));
    let asked = at.checked_sub(2).and_then(|at| seen.one.token(at)) == Some("hasattr");
    // Another meaning of the name, or a question.
    if seen.chain.steps.is_empty() && (seen.one.token(seen.chain.end) == Some("=") || asked) {
        return true;
    }
    let steps = seen
        .chain
        .steps
        .iter()
        .all(|step| matches!(step, Step::Attribute(_)));
    call && ends && patch && steps
}

#[cfg(test)]
mod tests;
