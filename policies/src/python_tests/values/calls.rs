//! What calls give: something new, what they were given, or what is everybody's.

use super::super::lines::{Chain, Statement, Step, is_literal};
use super::super::scopes::{Bound, Kind, Scope};
use super::super::words::{COPYING, HANDING_ON, MAKING, SAME};
use super::{Values, Whose, is_class, is_exception};

/// A call within a chain.
pub(super) struct Call<'c, 't> {
    pub(super) at: usize,
    pub(super) one: &'c Statement<'t>,
    pub(super) chain: &'c Chain<'t>,
    pub(super) step: usize,
    pub(super) of: Option<Whose>,
    /// What is called.
    pub(super) called: Whose,
    pub(super) arguments: Whose,
}

impl Call<'_, '_> {
    /// Whether a class stands among what is given.
    fn names_class(&self) -> bool {
        let Some(Step::Call(begin, end)) = self.chain.steps.get(self.step) else {
            return true;
        };
        let called = |at: usize| self.one.token(at + 1) == Some("(");
        (*begin..*end).any(|at| self.one.token(at).is_some_and(is_class) && !called(at))
    }
}

impl<'t> Values<'_, 't> {
    pub(super) fn call(&self, call: &Call<'_, 't>) -> Whose {
        let Call {
            one,
            chain,
            step,
            arguments,
            ..
        } = *call;
        let new = if arguments <= Whose::Mine {
            Whose::Own
        } else {
            Whose::Holder
        };
        let strict = if arguments <= Whose::Mine {
            Whose::Own
        } else {
            Whose::Foreign
        };
        if self.stands_in(call.at, one, chain, step) {
            return arguments;
        }
        let before = step
            .checked_sub(1)
            .and_then(|before| chain.steps.get(before));
        let (name, of) = match before {
            None => match self.called(call) {
                Ok(whose) => return whose,
                Err(name) => (name, Whose::Foreign),
            },
            Some(Step::Attribute(name)) => (*name, call.of.unwrap_or(Whose::Foreign)),
            Some(_) => return strict.max(call.of.unwrap_or(Whose::Foreign).part()),
        };
        let methods = self.methods.get(name).copied();
        match (of, methods) {
            (Whose::Own, Some(given)) => given.max(new),
            (Whose::Mine, Some(given)) => given,
            (Whose::Own, None) if hands_on(name) => strict,
            (Whose::Own, None) => new,
            (Whose::Holder, _) => Whose::Foreign,
            // A class is its own copy.
            _ if SAME.contains(&name) && call.names_class() => Whose::Foreign,
            _ if name == "deepcopy" => Whose::Own,
            _ if hands_on(name) || name.starts_with("__") => Whose::Foreign,
            // It writes through.
            _ if name == "ChainMap" => strict,
            _ if is_class(name) || COPYING.contains(&name) => new,
            _ => strict,
        }
    }

    /// What the call of a name gives; the name where that is something imported.
    fn called(&self, call: &Call<'_, 't>) -> Result<Whose, &'t str> {
        let Call {
            one,
            chain,
            arguments,
            ..
        } = *call;
        let name = one.token(chain.begin).unwrap_or_default();
        if chain.first != chain.begin + 1 || is_literal(name) {
            return Ok(call.called.part().max(arguments.part()));
        }
        let scope = self.scope_of(call.at);
        let Some((_, bound)) = self.scopes.find(scope, name) else {
            let making = MAKING.contains(&name) || is_exception(name);
            return Ok(match making {
                true => arguments.within().min(if arguments == Whose::Mine {
                    Whose::Own
                } else {
                    Whose::Holder
                }),
                false => Whose::Foreign,
            });
        };
        let results = bound.iter().map(|one| match one {
            Bound::Import | Bound::Module | Bound::Parameter(_) => None,
            Bound::Function(scope) | Bound::Class(scope) if self.is_replaced(*scope) => {
                Some(Whose::Foreign)
            }
            Bound::Function(scope) => Some(self.given_by(*scope)),
            Bound::Class(scope) => Some(self.made(*scope, arguments)),
            _ => Some(
                self.name(self.scope_of(call.at), name)
                    .part()
                    .max(arguments.part()),
            ),
        });
        let results: Vec<Option<Whose>> = results.collect();
        match results.iter().any(Option::is_none) {
            true => Err(name),
            false => Ok(results
                .into_iter()
                .flatten()
                .max()
                .unwrap_or(Whose::Foreign)),
        }
    }

    /// An instance of a class of the text.
    fn made(&self, class: usize, arguments: Whose) -> Whose {
        match arguments {
            _ if self.bent.contains(&class) => Whose::Foreign,
            Whose::Own | Whose::Mine => Whose::Own,
            _ => Whose::Holder,
        }
    }

    /// Whether a scope is a class that something else makes than Python.
    pub(super) fn is_odd(&self, scope: usize) -> bool {
        let one = self
            .scopes
            .scope(scope)
            .filter(|one| one.kind == Kind::Class);
        let head = one.and_then(|one| self.scopes.statement(one.head?));
        head.is_some_and(|head| head.has("metaclass"))
    }

    /// Whether a class is made of one of the text that is bent.
    pub(super) fn has_bent_base(&self, class: usize, scope: &Scope<'t>) -> bool {
        let head = scope.head.and_then(|at| self.scopes.statement(at));
        let names = head.map(|head| head.tokens.iter().skip(2));
        let names = names.into_iter().flatten();
        let mut bases = names
            .filter_map(|name| self.scopes.find(scope.parent, name))
            .flat_map(|(_, bound)| bound);
        bases.any(
            |one| matches!(one, Bound::Class(base) if *base != class && self.bent.contains(base)),
        )
    }
}

/// Whether a function's name says that it gives what is there.
fn hands_on(name: &str) -> bool {
    HANDING_ON.contains(&name)
        || name.starts_with("get")
        || name.contains("import")
        || name.contains("resolve")
}
