//! From the table to a program of the kernel's filter language (classic BPF).

use super::Action;
use super::table::{Condition, Entry, Half, Rule, Table};

type Program = Vec<libc::sock_filter>;

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// AUDIT_ARCH_* of the one architecture whose calls are judged; int 0x80 on x86_64 comes with
/// another.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// Consecutive numbers with one decision, from `first` to the next range's `first`.
struct Range {
    first: u32,
    entry: Entry,
}

/// The filter. Numbers beyond the table, those with the x32 bit among them, end in the last range:
/// absent.
pub(super) fn compile(table: &Table, supervised: bool) -> Program {
    let mut program = vec![
        instruction(LOAD, ARCHITECTURE, 0, 0),
        instruction(EQUAL, NATIVE, 1, 0),
        // Another architecture's numbers mean other calls; nothing that was built for this machine
        // makes them.
        instruction(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
        instruction(LOAD, NUMBER, 0, 0),
    ];
    search(&ranges(table), supervised, &mut program);
    program
}

fn ranges(table: &Table) -> Vec<Range> {
    let absent = Entry {
        rules: Vec::new(),
        otherwise: Action::Absent,
    };
    let mut ranges = vec![Range {
        first: 0,
        entry: absent.clone(),
    }];
    let mut next = 0;
    for (number, entry) in table {
        if *number > next {
            extend(&mut ranges, next, &absent);
        }
        extend(&mut ranges, *number, entry);
        next = number + 1;
    }
    extend(&mut ranges, next, &absent);
    ranges
}

fn extend(ranges: &mut Vec<Range>, first: u32, entry: &Entry) {
    ranges.retain(|range| range.first != first);
    if ranges.last().is_none_or(|last| last.entry != *entry) {
        ranges.push(Range {
            first,
            entry: entry.clone(),
        });
    }
}

/// Binary search: every way through the program compares the number about eight times.
fn search(ranges: &[Range], supervised: bool, program: &mut Program) {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    match (low, high) {
        ([], []) => decide(
            &Entry {
                rules: Vec::new(),
                otherwise: Action::Absent,
            },
            supervised,
            program,
        ),
        ([], [only, ..]) => decide(&only.entry, supervised, program),
        (_, [pivot, ..]) => {
            let mut below = Program::new();
            search(low, supervised, &mut below);
            match u8::try_from(below.len()) {
                Ok(distance) => program.push(instruction(AT_LEAST, pivot.first, distance, 0)),
                // Conditional jumps reach 255 instructions, this one any distance.
                Err(_) => program.extend([
                    instruction(AT_LEAST, pivot.first, 0, 1),
                    instruction(JUMP, below.len() as u32, 0, 0),
                ]),
            }
            program.extend(below);
            search(high, supervised, program);
        }
        (_, []) => {}
    }
}

fn decide(entry: &Entry, supervised: bool, program: &mut Program) {
    for rule in &entry.rules {
        try_rule(rule, supervised, program);
    }
    program.push(answer(entry.otherwise, supervised));
}

/// Each condition that fails jumps behind the rule.
fn try_rule(rule: &Rule, supervised: bool, program: &mut Program) {
    let comparisons: Vec<_> = rule.conditions.iter().map(compare).collect();
    let mut rest: usize = comparisons.iter().map(Vec::len).sum();
    for comparison in comparisons {
        rest -= comparison.len();
        program.extend(comparison);
        if let Some(last) = program.last_mut() {
            last.jf = (rest + 1) as u8;
        }
    }
    program.push(answer(rule.action, supervised));
}

fn compare(condition: &Condition) -> Program {
    let half = if condition.half == FIRST_HALF { 0 } else { 4 };
    let offset = ARGUMENTS + 8 * condition.argument + half;
    let mut program = vec![instruction(LOAD, offset, 0, 0)];
    if condition.mask != u32::MAX {
        program.push(instruction(AND, condition.mask, 0, 0));
    }
    program.push(instruction(EQUAL, condition.value, 0, 0));
    program
}

/// Which half of a 64-bit argument comes first in memory.
const FIRST_HALF: Half = if cfg!(target_endian = "little") {
    Half::Low
} else {
    Half::High
};

fn answer(action: Action, supervised: bool) -> libc::sock_filter {
    let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
    let value = match action {
        Action::Report | Action::Watch | Action::Perform if supervised => {
            libc::SECCOMP_RET_USER_NOTIF
        }
        Action::Allow | Action::Watch => libc::SECCOMP_RET_ALLOW,
        Action::Refuse | Action::Report | Action::Perform => errno(libc::EPERM),
        Action::Absent => errno(libc::ENOSYS),
        Action::Unsupported => errno(libc::EAFNOSUPPORT),
        Action::Pretend => errno(0),
    };
    instruction(RETURN, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::TABLE;
    use crate::seccomp::numbers::number;
    use crate::seccomp::table::parse;

    /// What the kernel would answer: an interpreter of the few instructions used.
    fn answered(program: &Program, architecture: u32, number: u32, arguments: &[u64]) -> u32 {
        let mut data = [0u8; 64];
        data[0..4].copy_from_slice(&number.to_ne_bytes());
        data[4..8].copy_from_slice(&architecture.to_ne_bytes());
        for (place, argument) in data[16..].chunks_mut(8).zip(arguments) {
            place.copy_from_slice(&argument.to_ne_bytes());
        }
        let (mut at, mut value) = (0, 0u32);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                LOAD => {
                    let from = step.k as usize;
                    value = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
                }
                AND => value &= step.k,
                EQUAL => at += usize::from(if value == step.k { step.jt } else { step.jf }),
                AT_LEAST => at += usize::from(if value >= step.k { step.jt } else { step.jf }),
                JUMP => at += step.k as usize,
                RETURN => return step.k,
                other => panic!("unknown instruction {other}"),
            }
        }
    }

    #[test]
    fn the_filter_answers_as_the_table_says() {
        use Action::*;
        let table = parse(TABLE).unwrap();
        let cases: [(&str, &[u64], Action); 46] = [
            ("read", &[], Allow),
            ("execve", &[], Allow),
            ("mount", &[], Report),
            ("ptrace", &[], Report),
            ("clone3", &[], Absent),
            ("io_uring_setup", &[], Absent),
            (
                "clone",
                &[libc::CLONE_THREAD as u64 | libc::CLONE_VM as u64],
                Allow,
            ),
            ("clone", &[libc::SIGCHLD as u64], Allow),
            ("clone", &[libc::CLONE_NEWUSER as u64], Report),
            (
                "clone",
                &[libc::CLONE_NEWNS as u64 | libc::SIGCHLD as u64],
                Report,
            ),
            ("clone", &[libc::CLONE_NEWNET as u64 | 1 << 40], Report),
            ("socket", &[1, 5, 0], Allow),
            ("socket", &[2, 1 | 0o2000000, 0], Allow),
            ("socket", &[10, 2, 17], Allow),
            ("socket", &[2, 3, 1], Report),
            ("socket", &[10, 3 | 0o4000, 1], Report),
            ("socket", &[2, 5, 132], Unsupported),
            ("socket", &[2 | 1 << 32, 3, 1], Report),
            ("socket", &[16, 3, 0], Allow),
            ("socket", &[16, 3, 4], Unsupported),
            ("socket", &[17, 3, 0], Report),
            ("socket", &[40, 1, 0], Report),
            ("socket", &[38, 5, 0], Unsupported),
            ("connect", &[3], Watch),
            ("sendto", &[3, 1 << 33, 9, 0, 0], Allow),
            ("sendto", &[3, 0, 9, 0, 1 << 33], Watch),
            ("mbind", &[], Refuse),
            ("fchmodat", &[0, 0, 0o1777], Allow),
            ("fchmodat", &[0, 0, 0o4755], Report),
            ("fchmod", &[0, 0o2755], Report),
            ("openat", &[0, 0, 0x40, 0o644], Allow),
            ("openat", &[0, 0, 0x40, 0o4644], Report),
            ("openat", &[0, 0, 0x410000, 0o2644], Report),
            ("openat", &[0, 0, 0x240, 0o644], Watch),
            ("openat", &[0, 0, 0, 0o7777], Allow),
            ("openat2", &[], Absent),
            ("sendmsg", &[], Allow),
            ("ioctl", &[0, 0x5412], Report),
            ("ioctl", &[0, 0x5412 | 1 << 32], Report),
            ("ioctl", &[0, 0x5413], Allow),
            ("ioctl", &[0, 0x5423], Refuse),
            ("personality", &[0x0400000], Report),
            ("setrlimit", &[4, 1 << 32], Pretend),
            ("prlimit64", &[0, 4, 0, 1], Allow),
            ("prlimit64", &[0, 4, 1 << 32], Pretend),
            ("prlimit64", &[0, 7, 1 << 32], Allow),
        ];
        for (name, arguments, expected) in cases {
            let number = number(name).unwrap();
            let mut six = [0; 6];
            six[..arguments.len()].copy_from_slice(arguments);
            let judged = table.get(&number).map_or(Absent, |entry| entry.judge(&six));
            assert_eq!(judged, expected, "{name} {arguments:x?}");
            for supervised in [false, true] {
                let program = compile(&table, supervised);
                let found = answered(&program, NATIVE, number, arguments);
                let expected = answer(expected, supervised).k;
                assert_eq!(found, expected, "{name} {arguments:x?} {supervised}");
            }
        }
    }

    #[test]
    fn every_number_is_answered_and_unknown_ones_do_not_exist() {
        let table = parse(TABLE).unwrap();
        let program = compile(&table, true);
        for number in 0..1024 {
            let expected = match table.get(&number) {
                Some(entry) if entry.rules.is_empty() => entry.otherwise,
                Some(_) => continue,
                None => Action::Absent,
            };
            assert_eq!(
                answered(&program, NATIVE, number, &[]),
                answer(expected, true).k,
                "{number}"
            );
        }
        let x32_read = 0x4000_0000;
        assert_eq!(
            answered(&program, NATIVE, x32_read, &[]),
            answer(Action::Absent, true).k
        );
        assert_eq!(
            answered(&program, NATIVE, u32::MAX, &[]),
            answer(Action::Absent, true).k
        );
    }

    #[test]
    fn another_architecture_is_killed() {
        let program = compile(&parse(TABLE).unwrap(), true);
        let i386 = 0x4000_0003;
        assert_eq!(
            answered(&program, i386, 3, &[]),
            libc::SECCOMP_RET_KILL_PROCESS
        );
    }
}
