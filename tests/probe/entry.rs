//! What an entry of the probe is: something to try, what the sandbox answers, and what shows that it would work outside.

use std::io;

use crate::scene::Scene;

/// One thing to try. Its full name is `class/name`.
pub(crate) struct Entry {
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) control: Control,
    /// What a sandbox answers, alternatives between `|`: names of error numbers, `nothing`, a signal.
    pub(crate) inside: &'static str,
    pub(crate) attempt: Attempt,
}

/// What the same attempt comes to without a sandbox.
#[derive(Clone, Copy)]
pub(crate) enum Control {
    /// It succeeds, whoever the caller is.
    Succeeds,
    /// It succeeds for root. The kernel itself refuses it to an ordinary user.
    SucceedsForRoot,
    /// A success would harm the machine, or needs something that not every machine has. With arguments
    /// that do nothing, the kernel's own answer is another one than the sandbox's.
    Differs,
    /// The same, for root. An ordinary user gets the sandbox's answer from the kernel itself.
    DiffersForRoot,
    /// It must work on both sides.
    Works,
}

impl Control {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Succeeds => "succeeds",
            Self::SucceedsForRoot => "succeeds-for-root",
            Self::Differs => "differs",
            Self::DiffersForRoot => "differs-for-root",
            Self::Works => "works",
        }
    }
}

/// How to try it; each in a process of its own.
#[derive(Clone, Copy)]
pub(crate) enum Attempt {
    /// In this program.
    Code(fn(&Scene) -> io::Result<()>),
    /// By one bare system call: words before its number, the number, its arguments, all as `call.c` reads them. `{key}`
    /// stands for a value of the scene.
    Call(&'static str, i64, &'static str),
    /// By one of the other things that `call.c` does.
    Special(&'static str),
}

/// A violation that code tries.
pub(crate) const fn code(
    class: &'static str,
    name: &'static str,
    control: Control,
    inside: &'static str,
    attempt: fn(&Scene) -> io::Result<()>,
) -> Entry {
    Entry {
        class,
        name,
        control,
        inside,
        attempt: Attempt::Code(attempt),
    }
}

/// A violation that is one system call.
pub(crate) const fn call(
    (class, name): (&'static str, &'static str),
    control: Control,
    inside: &'static str,
    before: &'static str,
    number: i64,
    arguments: &'static str,
) -> Entry {
    Entry {
        class,
        name,
        control,
        inside,
        attempt: Attempt::Call(before, number, arguments),
    }
}

/// Something that must work.
pub(crate) const fn works(
    class: &'static str,
    name: &'static str,
    attempt: fn(&Scene) -> io::Result<()>,
) -> Entry {
    Entry {
        class,
        name,
        control: Control::Works,
        inside: "ok",
        attempt: Attempt::Code(attempt),
    }
}

/// The attempt was not refused, and there was nothing to be had.
pub(crate) fn nothing() -> io::Error {
    io::Error::other("nothing")
}

/// Success where something was found.
pub(crate) fn found(what: bool) -> io::Result<()> {
    what.then_some(()).ok_or_else(nothing)
}
