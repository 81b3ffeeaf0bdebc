//! Where names of a Python text are bound, and by what: to which function, class or module each statement
//! belongs, and for each name all that it may stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::{Chain, Statement, Step, is_augmented, is_keyword, is_literal, is_name};

/// Meanings of one name in one scope; people give it some.
const MEANINGS: usize = 1000;

/// The module's own scope.
pub(super) const MODULE: usize = 0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Module,
    Class,
    Function,
}

/// What has names of its own.
pub(super) struct Scope<'t> {
    pub(super) kind: Kind,
    pub(super) name: &'t str,
    pub(super) parent: usize,
    /// The statement that begins it.
    pub(super) head: Option<usize>,
    pub(super) parameters: Vec<&'t str>,
    /// The statements of its decorators.
    pub(super) decorators: Vec<usize>,
    /// Where it gives something: the statement, and where in it the value begins.
    pub(super) gives: Vec<(usize, usize)>,
    pub(super) yields: bool,
}

/// A value in a statement: where, and from which token to which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) statement: usize,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// A module, under its own name or another.
    Module,
    /// Something of a module.
    Import,
    Value(Place),
    /// What a context manager gives.
    Entered(Place),
    /// Some of a value.
    Part(Place),
    Function(usize),
    Class(usize),
    Parameter(usize),
    /// What a pattern caught, or an exception.
    Unknown,
}

impl Bound {
    /// What one of several names gets.
    fn part(self) -> Self {
        match self {
            Self::Value(place) | Self::Entered(place) => Self::Part(place),
            other => other,
        }
    }
}

/// Something that is assigned to, and by what.
pub(super) struct Assigned<'t> {
    pub(super) statement: usize,
    pub(super) chain: Chain<'t>,
    /// None for what is deleted.
    pub(super) value: Option<Bound>,
    pub(super) augmented: bool,
}

/// A text's statements, with all that is bound and assigned in them.
pub(super) struct Scopes<'t> {
    pub(super) statements: Vec<Statement<'t>>,
    pub(super) scopes: Vec<Scope<'t>>,
    /// The scope of each statement.
    pub(super) scope_of: Vec<usize>,
    pub(super) bound: BTreeMap<(usize, &'t str), Vec<Bound>>,
    pub(super) assigned: Vec<Assigned<'t>>,
    /// Functions whose first parameter is the instance that they are called on.
    pub(super) methods: BTreeSet<&'t str>,
    /// Names that stand for what is bound here only within an expression, and for what is around otherwise.
    pub(super) passing: BTreeSet<(usize, &'t str)>,
    /// Names that functions share with what is around them.
    shared: BTreeSet<&'t str>,
}

impl<'t> Scopes<'t> {
    pub(super) fn new(statements: Vec<Statement<'t>>) -> Self {
        let shared = statements
            .iter()
            .filter(|one| one.has("global") || one.has("nonlocal"));
        let shared = shared.flat_map(|one| one.tokens.iter().copied()).collect();
        let mut all = Self {
            statements,
            scopes: vec![Scope::new(Kind::Module, "", MODULE)],
            scope_of: Vec::new(),
            bound: BTreeMap::new(),
            assigned: Vec::new(),
            methods: BTreeSet::new(),
            passing: BTreeSet::new(),
            shared,
        };
        all.nest();
        for statement in 0..all.statements.len() {
            all.bind(statement);
        }
        all
    }

    pub(super) fn scope(&self, scope: usize) -> Option<&Scope<'t>> {
        self.scopes.get(scope)
    }

    pub(super) fn statement(&self, at: usize) -> Option<&Statement<'t>> {
        self.statements.get(at)
    }

    /// What a name stands for where it is used, and in which scope it is bound; none for what Python brings.
    pub(super) fn find(&self, from: usize, name: &'t str) -> Option<(usize, &[Bound])> {
        let mut scope = if self.shared.contains(name) {
            MODULE
        } else {
            from
        };
        loop {
            let one = self.scope(scope)?;
            // Functions do not see the names of the class around them.
            let visible = scope == from || one.kind != Kind::Class;
            if let Some(bound) = self.bound.get(&(scope, name)).filter(|_| visible) {
                return Some((scope, bound));
            }
            if scope == MODULE {
                return None;
            }
            scope = one.parent;
        }
    }

    /// The function that a scope is, or stands in.
    pub(super) fn function(&self, scope: usize) -> Option<&Scope<'t>> {
        self.scope(scope).filter(|one| one.kind == Kind::Function)
    }

    /// Gives every statement its scope.
    fn nest(&mut self) {
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut decorators = Vec::new();
        for at in 0..self.statements.len() {
            let Some(one) = self.statements.get(at) else {
                return;
            };
            while open.last().is_some_and(|(indent, _)| *indent >= one.indent) {
                open.pop();
            }
            let parent = open.last().map_or(MODULE, |(_, scope)| *scope);
            self.scope_of.push(parent);
            if one.token(0) == Some("@") {
                decorators.push(at);
                continue;
            }
            let gives = gives(one, at);
            if let Some(scope) = self.scopes.get_mut(parent) {
                scope.gives.extend(gives);
                scope.yields |= one.has("yield");
            }
            if let Some((name, rest)) = one.defines() {
                let mut scope = Scope::new(Kind::Class, name, parent);
                scope.head = Some(at);
                scope.decorators = std::mem::take(&mut decorators);
                if one.token(0) != Some("class") {
                    scope.kind = Kind::Function;
                    scope.parameters = parameters(one, rest);
                }
                open.push((one.indent, self.scopes.len()));
                self.scopes.push(scope);
            }
            decorators.clear();
        }
        self.name_scopes();
    }

    /// Whether no name stands for so many things that looking at each would take for ever.
    pub(super) fn are_few(&self) -> bool {
        self.bound.values().all(|bound| bound.len() <= MEANINGS)
    }

    /// Binds the names of functions and classes, and those of parameters.
    fn name_scopes(&mut self) {
        let functions = self.scopes.iter().enumerate();
        let names = functions.skip(1).map(|(at, one)| {
            let bound = match one.kind {
                Kind::Class => Bound::Class(at),
                _ => Bound::Function(at),
            };
            (one.parent, one.name, bound)
        });
        let parameters = self.scopes.iter().enumerate().flat_map(|(at, one)| {
            let names = one.parameters.iter();
            names.map(move |name| (at, *name, Bound::Parameter(at)))
        });
        let methods = self
            .scopes
            .iter()
            .filter(|one| one.parameters.first() == Some(&"self"));
        self.methods = methods.map(|one| one.name).collect();
        for (scope, name, bound) in names.chain(parameters).collect::<Vec<_>>() {
            self.name(scope, name, bound);
        }
    }

    fn name(&mut self, scope: usize, name: &'t str, bound: Bound) {
        let scope = if self.shared.contains(name) {
            MODULE
        } else {
            scope
        };
        self.bound.entry((scope, name)).or_default().push(bound);
    }

    /// Notes what a statement binds and assigns.
    fn bind(&mut self, statement: usize) {
        let Some(one) = self.statements.get(statement) else {
            return;
        };
        let mut found = Vec::new();
        one.targets_of(&mut Targets {
            statement,
            passing: false,
            found: &mut found,
        });
        let scope = self.scope_of.get(statement).copied().unwrap_or(MODULE);
        for one in found {
            match one {
                Found::Name(name, bound, passing) => {
                    self.name(scope, name, bound);
                    let class = self
                        .scopes
                        .get(scope)
                        .is_some_and(|one| one.kind == Kind::Class);
                    if passing || class {
                        self.passing.insert((scope, name));
                    }
                }
                Found::Assigned(one) => self.assigned.push(one),
            }
        }
    }
}

impl<'t> Scope<'t> {
    fn new(kind: Kind, name: &'t str, parent: usize) -> Self {
        Self {
            kind,
            name,
            parent,
            head: None,
            parameters: Vec::new(),
            decorators: Vec::new(),
            gives: Vec::new(),
            yields: false,
        }
    }
}

/// Where a statement gives a value to who called.
fn gives(one: &Statement<'_>, at: usize) -> Option<(usize, usize)> {
    let words = one.tokens.iter();
    let word = words
        .enumerate()
        .find(|(_, word)| ["return", "yield"].contains(word));
    word.filter(|(place, _)| place + 1 < one.tokens.len())
        .map(|(place, _)| (at, place + 1))
}

fn parameters<'t>(one: &Statement<'t>, mut at: usize) -> Vec<&'t str> {
    if one.token(at) == Some("[") {
        at = one.after(at);
    }
    let parts = one.parts(at + 1, one.after(at).saturating_sub(1));
    let name = |(begin, end): (usize, usize)| {
        let mut names = (begin..end).filter_map(|at| one.token(at));
        names.find(|token| is_name(token))
    };
    parts.into_iter().filter_map(name).collect()
}

/// Whether a function is a fixture.
pub(super) fn is_fixture(one: &Scope<'_>, scopes: &Scopes<'_>) -> bool {
    let mut lines = one.decorators.iter().filter_map(|at| scopes.statement(*at));
    lines.any(|line| line.has("fixture"))
}

/// The name by which tests ask for a fixture.
pub(super) fn fixture_name<'t>(one: &Scope<'t>, scopes: &Scopes<'t>) -> Option<&'t str> {
    let mut lines = one.decorators.iter().filter_map(|at| scopes.statement(*at));
    let line = lines.find(|line| line.has("fixture"))?;
    let named = line.tokens.windows(3).find_map(|three| match three {
        ["name", "=", name] => Some(name.trim_matches(['"', '\''])),
        _ => None,
    });
    Some(named.unwrap_or(one.name))
}

/// Whether pytest ends a fixture with the test that asked for it, and nobody else can begin it.
pub(super) fn is_plain_fixture(one: &Scope<'_>, scopes: &Scopes<'_>) -> bool {
    let lines = one.decorators.iter().filter_map(|at| scopes.statement(*at));
    let lines: Vec<&Statement<'_>> = lines.collect();
    let plain = |line: &Statement<'_>| {
        let begin = match line.tokens.as_slice() {
            ["@", "pytest", ".", "fixture", ..] => 4,
            ["@", "fixture", ..] => 2,
            _ => return false,
        };
        let root = line.token(1).and_then(|name| scopes.find(MODULE, name));
        let imported = root.is_some_and(|(_, bound)| {
            bound
                .iter()
                .all(|one| matches!(one, Bound::Module | Bound::Import))
        });
        let options = line.parts(begin + 1, line.after(begin).saturating_sub(1));
        let harmless = ["autouse", "params", "ids", "name"];
        let mut options = options
            .iter()
            .map(|(begin, _)| line.token(*begin).unwrap_or_default());
        imported && options.all(|option| harmless.contains(&option))
    };
    matches!(lines.as_slice(), [only] if plain(only))
}

enum Found<'t> {
    /// And whether only until the expression ends.
    Name(&'t str, Bound, bool),
    Assigned(Assigned<'t>),
}

struct Targets<'f, 't> {
    statement: usize,
    passing: bool,
    found: &'f mut Vec<Found<'t>>,
}

impl<'t> Targets<'_, 't> {
    fn place(&self, begin: usize, end: usize) -> Place {
        Place {
            statement: self.statement,
            begin,
            end,
        }
    }

    fn name(&mut self, name: &'t str, bound: Bound) {
        self.found.push(Found::Name(name, bound, self.passing));
    }
}

impl<'t> Statement<'t> {
    fn targets_of(&self, to: &mut Targets<'_, 't>) {
        let end = self.tokens.len();
        match self.tokens.as_slice() {
            ["import", ..] => self.imports(1, Bound::Module, to),
            ["from", ..] => {
                let begin = self.tokens.iter().position(|token| *token == "import");
                self.imports(begin.unwrap_or(end) + 1, Bound::Import, to);
            }
            ["del", ..] => self.targets(1, end, None, false, to),
            ["def" | "class" | "@" | "global" | "nonlocal" | "return", ..]
            | ["async", "def", ..] => {}
            ["with", ..] | ["async", "with", ..] => self.entered(to),
            ["except", ..] => {
                let name = self.tokens.iter().position(|token| *token == "as");
                if let Some(name) = name.and_then(|at| self.token(at + 1)) {
                    to.name(name, Bound::Unknown);
                }
            }
            ["case", ..] => {
                for token in self
                    .tokens
                    .iter()
                    .skip(1)
                    .filter(|token| is_name(token) && !is_keyword(token))
                {
                    to.name(token, Bound::Unknown);
                }
            }
            _ => self.assignments(to),
        }
        self.inner(to);
    }

    fn imports(&self, begin: usize, bound: Bound, to: &mut Targets<'_, 't>) {
        for (begin, end) in self.parts(begin, self.tokens.len()) {
            // The first word, unless there is another name for it; all of those in parentheses.
            let names = (begin..end).filter(|at| {
                self.token(*at).is_some_and(is_name)
                    && self.token(*at + 1) != Some("as")
                    && self.before(*at) != Some(".")
                    && self.token(*at) != Some("as")
            });
            for at in names {
                let name = self.token(at).unwrap_or_default();
                to.name(name, bound);
            }
        }
    }

    fn entered(&self, to: &mut Targets<'_, 't>) {
        let begin = self
            .tokens
            .iter()
            .position(|token| *token == "with")
            .unwrap_or_default()
            + 1;
        let end = self.tokens.len();
        // The managers may stand in parentheses, all together.
        let inner = self.token(begin) == Some("(") && self.after(begin) == end;
        let parts = if inner {
            self.parts(begin + 1, end - 1)
        } else {
            self.parts(begin, end)
        };
        for (begin, end) in parts {
            let name = self
                .outside(begin, end)
                .find(|at| self.token(*at) == Some("as"));
            if let Some(name) = name {
                let value = Bound::Entered(to.place(begin, name));
                self.targets(name + 1, end, Some(value), false, to);
            }
        }
    }

    /// `a = b = value`, `a: int = value`, `a += value`.
    fn assignments(&self, to: &mut Targets<'_, 't>) {
        let end = self.tokens.len();
        let places = self
            .outside(0, end)
            .take_while(|at| self.token(*at) != Some("lambda"));
        let is_sign = |token: &str| token == "=" || is_augmented(token);
        let signs: Vec<usize> = places
            .filter(|at| self.token(*at).is_some_and(is_sign))
            .collect();
        let Some(last) = signs.last().copied() else {
            return;
        };
        let value = Bound::Value(to.place(last + 1, end));
        let mut begin = 0;
        for sign in signs {
            let colon = self
                .outside(begin, sign)
                .find(|at| self.token(*at) == Some(":"));
            let augmented = self.token(sign).is_some_and(is_augmented);
            self.targets(begin, colon.unwrap_or(sign), Some(value), augmented, to);
            begin = sign + 1;
        }
    }

    /// What is bound anywhere in a statement: by loops, and by what assigns within an expression.
    fn inner(&self, to: &mut Targets<'_, 't>) {
        for at in 0..self.tokens.len() {
            match self.token(at) {
                Some(":=") => {
                    let stop =
                        |at: &usize| matches!(self.token(*at), None | Some("," | ")" | "]" | "}"));
                    let end = self.outside(at + 1, self.tokens.len() + 1).find(stop);
                    let value = Bound::Value(to.place(at + 1, end.unwrap_or(self.tokens.len())));
                    if let Some(name) = self.before(at) {
                        to.name(name, value);
                    }
                }
                Some("for") => self.loops(at + 1, to),
                Some("lambda") => {
                    let colon = self
                        .outside(at, self.tokens.len())
                        .find(|at| self.token(*at) == Some(":"));
                    to.passing = true;
                    for name in (at + 1..colon.unwrap_or(at))
                        .filter_map(|at| self.token(at))
                        .filter(|name| is_name(name))
                    {
                        to.name(name, Bound::Unknown);
                    }
                    to.passing = false;
                }
                _ => {}
            }
        }
    }

    fn loops(&self, begin: usize, to: &mut Targets<'_, 't>) {
        let end = self.tokens.len();
        let Some(word) = self
            .outside(begin, end)
            .find(|at| self.token(*at) == Some("in"))
        else {
            return;
        };
        let stop = |at: &usize| {
            matches!(
                self.token(*at),
                Some("if" | "for" | "async" | ")" | "]" | "}")
            )
        };
        let stop = self.outside(word + 1, end).find(stop).unwrap_or(end);
        let value = Bound::Part(to.place(word + 1, stop));
        to.passing = self
            .before(begin - 1)
            .is_some_and(|before| before != "async");
        self.targets(begin, word, Some(value), false, to);
        to.passing = false;
    }

    fn targets(
        &self,
        begin: usize,
        end: usize,
        value: Option<Bound>,
        augmented: bool,
        to: &mut Targets<'_, 't>,
    ) {
        let parts = self.parts(begin, end);
        // Of several each gets some, and so does one with a comma behind it.
        let several = self
            .outside(begin, end)
            .any(|at| self.token(at) == Some(","));
        let value = if several {
            value.map(Bound::part)
        } else {
            value
        };
        for (begin, end) in parts {
            let begin = begin + usize::from(self.token(begin) == Some("*"));
            let Some(chain) = self.chain(begin) else {
                continue;
            };
            let bracket = matches!(self.token(begin), Some("(" | "["));
            match chain.steps.is_empty() {
                true if bracket => {
                    let value = value.map(Bound::part);
                    self.targets(begin + 1, end.saturating_sub(1), value, augmented, to);
                }
                true if !augmented => {
                    let name = self.token(begin).filter(|name| !is_literal(name));
                    if let (Some(name), Some(value)) = (name, value) {
                        to.name(name, value);
                    }
                }
                _ => to.found.push(Found::Assigned(Assigned {
                    statement: to.statement,
                    chain,
                    value,
                    augmented,
                })),
            }
        }
    }
}

impl<'t> Chain<'t> {
    /// The name at its end, where that is an attribute.
    pub(super) fn last_attribute(&self) -> Option<&'t str> {
        match self.steps.last()? {
            Step::Attribute(name) => Some(name),
            _ => None,
        }
    }
}
