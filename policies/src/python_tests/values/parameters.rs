//! What Python text is given by whoever calls its functions: by pytest, by unittest, by anybody.

use super::super::lines::{Statement, Step, is_literal};
use super::super::scopes::{Kind, Scope, Scopes, fixture_name, is_fixture};
use super::super::words::FIXTURES;
use super::{Values, Whose};

impl<'s, 't> Values<'s, 't> {
    fn decorators(&self, scope: &Scope<'t>) -> impl Iterator<Item = (usize, &'s Statement<'t>)> {
        let scopes = self.scopes;
        let own = scope.decorators.clone().into_iter();
        let of_class = scopes
            .scope(scope.parent)
            .map(|class| class.decorators.clone());
        let all = own.chain(of_class.unwrap_or_default());
        all.filter_map(move |at| Some((at, scopes.statement(at)?)))
    }

    pub(super) fn parameter(&self, scope: usize, name: &str) -> Whose {
        self.known_parameter(scope, name).unwrap_or(Whose::Foreign)
    }

    /// None for what some other file gives.
    pub(in super::super) fn known_parameter(&self, scope: usize, name: &str) -> Option<Whose> {
        let Some(one) = self.scopes.scope(scope) else {
            return Some(Whose::Foreign);
        };
        let method = self
            .scopes
            .scope(one.parent)
            .is_some_and(|parent| parent.kind == Kind::Class);
        let at = one
            .parameters
            .iter()
            .position(|parameter| *parameter == name)
            .unwrap_or_default();
        let is_static = self
            .decorators(one)
            .any(|(_, line)| line.token(1) == Some("staticmethod"));
        if method && at == 0 && ["self", "cls", "mcs"].contains(&name) && !is_static {
            return Some(Whose::Mine);
        }
        // Python makes a new dictionary of what is given by name.
        if self.is_gathered(one, name) {
            return Some(Whose::Holder);
        }
        // Whoever calls a function gives it what he likes.
        if !is_called_by_runner(one, self.scopes) {
            return Some(Whose::Foreign);
        }
        let stand_ins = self
            .decorators(one)
            .filter(|(at, line)| self.gives_stand_in(*at, line))
            .count();
        if at < stand_ins + usize::from(method && !is_static) {
            return Some(Whose::Own);
        }
        let sets = self
            .decorators(one)
            .filter_map(|(at, line)| self.parametrized(at, line, name));
        match sets.max() {
            Some(whose) => Some(whose.part()),
            None => self.asked_for(scope, name),
        }
    }

    /// What a fixture gives: one of the text, of a `conftest.py`, of pytest.
    fn asked_for(&self, scope: usize, name: &str) -> Option<Whose> {
        // One that takes the place of another of its name asks for that.
        let replaces = self
            .scopes
            .scope(scope)
            .and_then(|one| fixture_name(one, self.scopes));
        let known = self.asked.get(name).copied();
        let given = known.filter(|_| replaces != Some(name));
        let given = given.or_else(|| self.fixtures.get(name).copied());
        given.or(FIXTURES.contains(&name).then_some(Whose::Own))
    }

    /// Whether a parameter takes all that is given by name: `**options`.
    fn is_gathered(&self, function: &Scope<'t>, name: &str) -> bool {
        let head = function.head.and_then(|at| self.scopes.statement(at));
        let tokens = head.map(|head| head.tokens.as_slice()).unwrap_or_default();
        tokens.windows(2).any(|pair| *pair == ["**", name])
    }

    /// Whether a decorator hands the test what it put in a thing's place.
    fn gives_stand_in(&self, at: usize, line: &Statement<'t>) -> bool {
        let Some(chain) = line
            .chain(1)
            .filter(|chain| self.stands_in(at, line, chain, chain.steps.len()))
        else {
            return false;
        };
        let names: Vec<&str> = chain
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Attribute(name) => Some(*name),
                _ => None,
            })
            .collect();
        let Some(Step::Call(begin, end)) = chain.steps.last().copied() else {
            return false;
        };
        let parts = line.parts(begin, end);
        let of_object = names.contains(&"object");
        let given = parts
            .iter()
            .filter(|(begin, _)| line.token(begin + 1) != Some("="))
            .count();
        let new = parts
            .iter()
            .any(|(begin, _)| line.token(*begin) == Some("new"));
        !new && given <= 1 + usize::from(of_object)
            && !names.contains(&"dict")
            && !names.contains(&"multiple")
    }

    /// The values that a decorator gives a parameter.
    fn parametrized(&self, at: usize, line: &Statement<'t>, name: &str) -> Option<Whose> {
        let word = line
            .tokens
            .iter()
            .position(|token| *token == "parametrize")?;
        let parts = line.parts(word + 2, line.after(word + 1).checked_sub(1)?);
        let ((begin, end), values) = (parts.first()?, parts.get(1)?);
        let strings = line
            .tokens
            .get(*begin..*end)?
            .iter()
            .filter(|token| is_literal(token));
        let letter = |letter: char| !(letter.is_alphanumeric() || letter == '_');
        let named = strings
            .flat_map(|string| string.split(letter))
            .any(|word| word == name);
        let skipped = usize::from(line.token(values.0 + 1) == Some("=")) * 2;
        named.then(|| self.expression(at, line, values.0 + skipped, values.1))
    }
}

/// Whether pytest or unittest calls a function, and gives it what it asks for.
pub(in super::super) fn is_called_by_runner(one: &Scope<'_>, scopes: &Scopes<'_>) -> bool {
    let outside = scopes
        .scope(one.parent)
        .is_some_and(|parent| parent.kind != Kind::Function);
    outside && (one.name.starts_with("test") || is_fixture(one, scopes))
}
