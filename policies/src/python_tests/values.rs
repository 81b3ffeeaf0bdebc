//! What the values of a Python text are: its own, or what others have as well.
//!
//! # Theory of operation
//!
//! Each name, attribute and function starts as the text's own, and whatever binds it raises it, until nothing is
//! raised any more. Order is not looked at: a name is the worst that it ever is. What is not known (a parameter, a
//! name that Python brings, what a pattern caught) is foreign. A call is taken to make something new, unless it was
//! given something foreign, or its name says that it hands on what is there (`get`, `import_module`).

use std::collections::{BTreeMap, BTreeSet};

use super::lines::{Chain, Statement, Step, is_keyword, is_literal};
use super::scopes::{Bound, Kind, MODULE, Place, Scope, Scopes, fixture_name};
use super::words::{CHANGING, MAKING, MOCKS, STANDING_IN};
use calls::Call;
pub(super) use parameters::is_called_by_runner;

mod calls;
mod parameters;

/// Rounds until nothing is raised; real files need four.
const ROUNDS: usize = 30;

/// Whose a value is, from what nobody else has to what everybody may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// New, and of nothing that others have.
    #[default]
    Own,
    /// A class or function of the text, or an instance: it inherits what is not assigned here.
    Mine,
    /// New, but what it holds is foreign.
    Holder,
    Foreign,
}

impl Whose {
    /// What a new thing is that is made of this.
    fn within(self) -> Self {
        if self == Self::Own {
            Self::Own
        } else {
            Self::Holder
        }
    }

    /// Some of it.
    fn part(self) -> Self {
        if self == Self::Own {
            Self::Own
        } else {
            Self::Foreign
        }
    }
}

/// All values of a text.
pub(super) struct Values<'s, 't> {
    scopes: &'s Scopes<'t>,
    /// What the fixtures of other files give.
    fixtures: &'s BTreeMap<String, Whose>,
    names: BTreeMap<(usize, &'t str), Whose>,
    /// By the attribute's name, whatever has it.
    attributes: BTreeMap<&'t str, Whose>,
    /// What the function of each scope gives.
    given: BTreeMap<usize, Whose>,
    /// What the methods of a name give, in whatever class.
    methods: BTreeMap<&'t str, Whose>,
    /// What the text's fixtures give.
    asked: BTreeMap<&'t str, Whose>,
    /// Classes that may give something else for an instance.
    bent: BTreeSet<usize>,
    raised: bool,
}

impl<'s, 't> Values<'s, 't> {
    /// None where no end is found.
    pub(super) fn new(
        scopes: &'s Scopes<'t>,
        fixtures: &'s BTreeMap<String, Whose>,
    ) -> Option<Self> {
        let mut values = Self {
            scopes,
            fixtures,
            names: BTreeMap::new(),
            attributes: BTreeMap::new(),
            given: BTreeMap::new(),
            methods: BTreeMap::new(),
            asked: BTreeMap::new(),
            bent: BTreeSet::new(),
            raised: true,
        };
        // What there is is known before what it gives.
        for (at, scope) in scopes.scopes.iter().enumerate() {
            values.note_scope(at, scope, Whose::Own);
        }
        for _ in 0..ROUNDS {
            if !std::mem::take(&mut values.raised) {
                return Some(values);
            }
            values.round();
        }
        None
    }

    fn round(&mut self) {
        for ((scope, name), bound) in &self.scopes.bound {
            let whose = bound.iter().map(|one| self.bound(*one, name)).max();
            let around = self.around(*scope, name);
            self.raise_name(*scope, name, whose.unwrap_or_default().max(around));
            if self
                .scopes
                .scope(*scope)
                .is_some_and(|one| one.kind == Kind::Class)
            {
                self.raise_attribute(name, whose.unwrap_or_default());
            }
        }
        for (at, scope) in self.scopes.scopes.iter().enumerate() {
            let gives = scope.gives.iter();
            let whose = gives
                .map(|(statement, begin)| self.value(*statement, *begin))
                .max();
            let whose = whose.unwrap_or_default();
            self.raised |= raise(&mut self.given, at, whose);
            self.note_scope(at, scope, whose);
        }
        for one in &self.scopes.assigned {
            let whose = one.value.map_or(Whose::Own, |value| self.bound(value, ""));
            match one.chain.last_attribute() {
                Some(name) if !one.augmented => self.raise_attribute(name, whose),
                _ if whose == Whose::Own => {}
                _ => self.put_into(one.statement, &one.chain, one.chain.steps.len()),
            }
        }
        for (at, statement) in self.scopes.statements.iter().enumerate() {
            for chain in statement.chains() {
                self.take_in(at, statement, &chain);
            }
        }
    }

    /// Notes what methods and fixtures give, and which classes make what.
    fn note_scope(&mut self, at: usize, scope: &Scope<'t>, gives: Whose) {
        let inside = self.scopes.scope(scope.parent);
        if scope.kind == Kind::Function && inside.is_some_and(|one| one.kind == Kind::Class) {
            self.raised |= raise(&mut self.methods, scope.name, gives);
            // What stands for an operator, or for an instance, gives what is not the text's own.
            if scope.name == "__new__" || scope.name.starts_with("__") && gives > Whose::Mine {
                self.raised |= self.bent.insert(scope.parent);
            }
        }
        if let Some(name) = fixture_name(scope, self.scopes) {
            self.raised |= raise(&mut self.asked, name, gives);
        }
        if scope.kind == Kind::Class && (self.is_odd(at) || self.has_bent_base(at, scope)) {
            self.raised |= self.bent.insert(at);
        }
    }

    /// What a name stands for outside of the expression, or class, that gives it another meaning.
    fn around(&self, scope: usize, name: &'t str) -> Whose {
        let parent = self.scopes.scope(scope).map_or(MODULE, |one| one.parent);
        let passing = scope != MODULE && self.scopes.passing.contains(&(scope, name));
        match self.scopes.find(parent, name) {
            Some((scope, _)) if passing => {
                self.names.get(&(scope, name)).copied().unwrap_or_default()
            }
            _ => Whose::Own,
        }
    }

    /// Notes what a method puts into what it is called on.
    fn take_in(&mut self, at: usize, statement: &Statement<'t>, chain: &Chain<'t>) {
        for (step, pair) in chain.steps.windows(2).enumerate() {
            if let [Step::Attribute(name), Step::Call(begin, end)] = pair
                && (CHANGING.contains(name) || self.may_keep(at, statement, chain, step))
                && self.arguments(at, statement, *begin, *end, false) > Whose::Mine
            {
                self.put_into(at, chain, step);
            }
        }
    }

    /// Whether a method is called on something of the text's own, which may keep what it is given.
    fn may_keep(
        &self,
        at: usize,
        statement: &Statement<'t>,
        chain: &Chain<'t>,
        step: usize,
    ) -> bool {
        let whose = self.steps(at, statement, chain);
        whose.get(step) == Some(&Whose::Own)
    }

    /// What the first steps lead to holds something foreign.
    fn put_into(&mut self, statement: usize, chain: &Chain<'t>, steps: usize) {
        let attributes = chain.steps.iter().take(steps).rev();
        let mut attributes = attributes.filter_map(|step| match step {
            Step::Attribute(name) => Some(*name),
            _ => None,
        });
        if let Some(name) = attributes.next() {
            return self.raise_attribute(name, Whose::Holder);
        }
        let name = self
            .scopes
            .statement(statement)
            .and_then(|one| one.token(chain.begin));
        let scope = self.scope_of(statement);
        if let Some((name, (scope, _))) =
            name.and_then(|name| Some((name, self.scopes.find(scope, name)?)))
        {
            self.raise_name(scope, name, Whose::Holder);
        }
    }

    fn raise_name(&mut self, scope: usize, name: &'t str, whose: Whose) {
        self.raised |= raise(&mut self.names, (scope, name), whose);
    }

    fn raise_attribute(&mut self, name: &'t str, whose: Whose) {
        self.raised |= raise(&mut self.attributes, name, whose);
    }

    /// Whether anything is assigned to an attribute of this name.
    pub(super) fn assigns(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// What the function of a scope gives.
    pub(super) fn given_by(&self, scope: usize) -> Whose {
        self.given.get(&scope).copied().unwrap_or_default()
    }

    pub(super) fn scope_of(&self, statement: usize) -> usize {
        self.scopes
            .scope_of
            .get(statement)
            .copied()
            .unwrap_or(MODULE)
    }

    pub(super) fn bound(&self, bound: Bound, name: &str) -> Whose {
        match bound {
            Bound::Module | Bound::Import | Bound::Unknown => Whose::Foreign,
            Bound::Value(place) | Bound::Entered(place) => self.place(place),
            Bound::Part(place) => self.place(place).part(),
            Bound::Function(scope) | Bound::Class(scope) => self.defined(scope),
            Bound::Parameter(scope) => self.parameter(scope, name),
        }
    }

    fn defined(&self, scope: usize) -> Whose {
        let decorated = self
            .scopes
            .scope(scope)
            .is_some_and(|one| one.kind == Kind::Function && !one.decorators.is_empty());
        if decorated || self.is_replaced(scope) || self.is_odd(scope) {
            Whose::Foreign
        } else {
            Whose::Mine
        }
    }

    /// Whether a decorator may have put something else in the place of a function or class.
    fn is_replaced(&self, scope: usize) -> bool {
        let Some(one) = self.scopes.scope(scope) else {
            return true;
        };
        let imported = |at: &usize| {
            let name = self.scopes.statement(*at).and_then(|one| one.token(1));
            let found = name.and_then(|name| self.scopes.find(one.parent, name));
            found.is_some_and(|(_, bound)| {
                bound
                    .iter()
                    .all(|one| matches!(one, Bound::Module | Bound::Import))
            })
        };
        !one.decorators.iter().all(imported)
    }

    fn place(&self, place: Place) -> Whose {
        let statement = self.scopes.statement(place.statement);
        statement.map_or(Whose::Foreign, |one| {
            self.expression(place.statement, one, place.begin, place.end)
        })
    }

    /// What a statement gives from here to its end.
    fn value(&self, statement: usize, begin: usize) -> Whose {
        let one = self.scopes.statement(statement);
        let end = one.map_or(0, |one| {
            let stop = one.outside(begin, one.tokens.len());
            let mut stop = stop.filter(|at| matches!(one.token(*at), Some(")" | "]" | "}")));
            stop.next().unwrap_or(one.tokens.len())
        });
        self.place(Place {
            statement,
            begin,
            end,
        })
    }

    fn expression(&self, at: usize, one: &Statement<'t>, begin: usize, end: usize) -> Whose {
        let (mut whose, mut next) = (Whose::Own, begin);
        let (mut several, mut choice, mut computed) = (false, false, false);
        while next < end {
            let token = one.token(next).unwrap_or_default();
            if let Some(chain) = one.chain(next) {
                let all = self.steps(at, one, &chain);
                whose = whose.max(all.last().copied().unwrap_or(Whose::Foreign));
                next = chain.end;
                continue;
            }
            match token {
                "lambda" => return self.lambda(at, one, next, end).max(whose),
                "yield" => return Whose::Foreign,
                "," | "for" => several = true,
                "or" | "and" | "if" | "else" | ":=" => choice = true,
                "await" | "*" | "**" => {}
                _ => computed = true,
            }
            next += 1;
        }
        if several || computed && !choice {
            whose.within()
        } else {
            whose
        }
    }

    /// A function without a name: as foreign as the names in it. What is done with them is not looked at here, or
    /// functions in functions would take for ever.
    fn lambda(&self, at: usize, one: &Statement<'t>, begin: usize, end: usize) -> Whose {
        let colon = one
            .outside(begin, end)
            .find(|at| one.token(*at) == Some(":"));
        let colon = colon.unwrap_or(begin);
        let taken = one.tokens.get(begin..colon).unwrap_or_default();
        let names = (colon + 1..end)
            .filter(|place| one.is_root(*place))
            .filter_map(|place| one.token(place));
        let names = names.filter(|name| !taken.contains(name));
        let worst = names.map(|name| self.word(self.scope_of(at), name)).max();
        if worst.unwrap_or_default() <= Whose::Mine {
            Whose::Own
        } else {
            Whose::Foreign
        }
    }

    /// What the beginning of a chain is, and what it is after each step.
    pub(super) fn steps(&self, at: usize, one: &Statement<'t>, chain: &Chain<'t>) -> Vec<Whose> {
        let first = self.first(at, one, chain);
        let mut all = vec![first];
        let mut whose = first;
        for (step, this) in chain.steps.iter().enumerate() {
            whose = match this {
                Step::Attribute(name) => self.attribute(whose, name),
                Step::Index => whose.part(),
                Step::Call(begin, end) => {
                    let call = Call {
                        at,
                        one,
                        chain,
                        step,
                        // What the method is called on.
                        of: step.checked_sub(1).and_then(|step| all.get(step)).copied(),
                        called: whose,
                        arguments: self.arguments(
                            at,
                            one,
                            *begin,
                            *end,
                            self.stands_in(at, one, chain, step),
                        ),
                    };
                    self.call(&call)
                }
            };
            all.push(whose);
        }
        all
    }

    fn first(&self, at: usize, one: &Statement<'t>, chain: &Chain<'t>) -> Whose {
        let inner = || self.expression(at, one, chain.begin + 1, chain.first - 1);
        match one.token(chain.begin).unwrap_or_default() {
            "(" => inner(),
            "[" | "{" => inner().within(),
            word => self.word(self.scope_of(at), word),
        }
    }

    /// What a name or a literal stands for.
    fn word(&self, scope: usize, word: &'t str) -> Whose {
        match word {
            "None" | "True" | "False" | "NotImplemented" | "__file__" | "__name__" => Whose::Own,
            word if is_literal(word) => Whose::Own,
            name => self.name(scope, name),
        }
    }

    fn name(&self, scope: usize, name: &'t str) -> Whose {
        match self.scopes.find(scope, name) {
            Some((scope, _)) => self.names.get(&(scope, name)).copied().unwrap_or_default(),
            // Types are asked about, and given to what wants one.
            None if MAKING.contains(&name) || is_exception(name) => Whose::Mine,
            None => Whose::Foreign,
        }
    }

    fn attribute(&self, whose: Whose, name: &str) -> Whose {
        let known = self.attributes.get(name).copied();
        match whose {
            // What says of what class a thing is, and all that it has.
            _ if name.starts_with("__") => Whose::Foreign,
            // By convention it is the class's, and so everybody's.
            Whose::Own if known.is_none() && is_constant(name) => Whose::Foreign,
            Whose::Own => known.unwrap_or_default(),
            Whose::Mine => known.unwrap_or(Whose::Foreign),
            _ => Whose::Foreign,
        }
    }

    /// The worst of what a call is given; `stands_in` for a stand-in, which does not hand on what it stands in for.
    pub(super) fn arguments(
        &self,
        at: usize,
        one: &Statement<'t>,
        begin: usize,
        end: usize,
        stands_in: bool,
    ) -> Whose {
        let parts = one.parts(begin, end).into_iter().enumerate();
        let parts = parts.filter_map(|(place, (begin, end))| {
            let keyword = (one.token(begin + 1) == Some("="))
                .then(|| one.token(begin))
                .flatten();
            let begin = begin + 2 * usize::from(keyword.is_some());
            let whose = || self.expression(at, one, begin, end);
            match keyword {
                _ if !stands_in => Some(whose()),
                // What is put in a thing's place is what is handed out.
                Some("new") => Some(whose()),
                Some(name) => (!STANDING_IN.contains(&name)).then(|| whose().within()),
                None => (place > 0).then(whose),
            }
        });
        parts.max().unwrap_or_default()
    }

    /// Whether the call at this step makes something that stands in for something else: by the names of the
    /// library's and of pytest-mock, as far as they are not the text's own.
    fn stands_in(&self, at: usize, one: &Statement<'t>, chain: &Chain<'t>, step: usize) -> bool {
        let names = chain.steps.iter().take(step).filter_map(|step| match step {
            Step::Attribute(name) => Some(*name),
            _ => None,
        });
        let root = one.token(chain.begin).unwrap_or_default();
        let Some((_, bound)) = self.scopes.find(self.scope_of(at), root) else {
            return false;
        };
        let given = |one: &Bound| matches!(one, Bound::Parameter(_));
        let imported = |one: &Bound| matches!(one, Bound::Module | Bound::Import);
        match root {
            "mocker" => bound.iter().all(given),
            _ => {
                bound.iter().all(imported)
                    && std::iter::once(root)
                        .chain(names)
                        .any(|name| MOCKS.contains(&name))
            }
        }
    }
}

fn raise<K: Ord>(map: &mut BTreeMap<K, Whose>, key: K, whose: Whose) -> bool {
    let new = !map.contains_key(&key);
    let known = map.entry(key).or_default();
    let raised = new || *known < whose;
    *known = whose.max(*known);
    raised
}

fn is_constant(name: &str) -> bool {
    let mut letters = name.chars();
    name.len() > 1
        && letters
            .all(|letter| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit())
}

fn is_exception(name: &str) -> bool {
    !is_keyword(name)
        && is_class(name)
        && ["Error", "Exception", "Warning", "Exit", "Interrupt"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// By convention.
fn is_class(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.starts_with(|first: char| first.is_ascii_uppercase()) && !is_constant(name)
}
