//! Each limit, and the plugin that hits it. What it does to the host's memory is measured at the end.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use passmuster_wasm::limits::{COMPONENT_BYTES, FINDINGS, HANDLES, STACK};
use passmuster_wasm::{Failure, Limits, Node, Phase, Resource, Source, SourceError, Tree};

use crate::guest::{Guest, LOOP, RawFinding, RawReport};
use crate::support::{
    all, alone, answer, brief, check, host, info, inputs, is_alone, limits, load, resident,
};

fn limit(resource: Resource, limit: u64, phase: Phase) -> Failure {
    Failure::Limit {
        resource,
        limit,
        phase,
    }
}

fn deadline(phase: Phase) -> Failure {
    Failure::Deadline {
        limit_ms: 500,
        phase,
    }
}

/// Ends, in `check`, with this.
#[track_caller]
fn assert_ends(guest: &Guest, inputs: &passmuster_wasm::Inputs, limits: &Limits, with: &Failure) {
    let started = Instant::now();
    let ended = answer(guest, inputs, limits).result;
    assert_eq!(ended.as_ref(), Err(with));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// A guest with a start function.
fn starting_with(start: &str) -> Guest {
    Guest {
        more: format!("(func $start {start}) (start $start)"),
        ..Guest::default()
    }
}

#[test]
fn a_plugin_that_loops_is_stopped_at_its_deadline_wherever_it_loops() {
    let cases = [
        ("start", starting_with(LOOP), Phase::Instantiate),
        ("check", Guest::doing(LOOP), Phase::Check),
        (
            "memory for arguments",
            Guest {
                realloc: LOOP.to_owned(),
                ..Guest::default()
            },
            Phase::Check,
        ),
        (
            "clean-up",
            Guest {
                post: Some(LOOP.to_owned()),
                ..Guest::default()
            },
            Phase::Check,
        ),
    ];
    for (place, guest, phase) in cases {
        let started = Instant::now();
        let answer = answer(&guest, &inputs(), &brief());
        assert_eq!(answer.result, Err(deadline(phase)), "{place}");
        let wall = answer.cost.wall;
        assert!(wall >= Duration::from_millis(490), "{place}: {wall:?}");
        assert!(wall < Duration::from_secs(10), "{place}: {wall:?}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_plugin_that_loops_in_describe_is_stopped_as_well() {
    let guest = Guest {
        describe: LOOP.to_owned(),
        ..Guest::default()
    };
    let answer = load(&guest).describe(&brief());
    assert_eq!(answer.result, Err(deadline(Phase::Describe)));
    let answer = load(&starting_with(LOOP)).describe(&brief());
    assert_eq!(answer.result, Err(deadline(Phase::Instantiate)));
}

#[test]
fn calls_of_the_host_in_a_loop_are_stopped_at_the_deadline() {
    let mut guest = Guest::default().with_trees();
    let glob = guest.image.string(b"**/nothing");
    guest.check = format!(
        "(local $tree i32)
         (local.set $tree (call $open (i32.const 1)))
         (loop $ever
           (call $find (local.get $tree) (i32.const {}) (i32.const {})
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 16))
           (br $ever)) unreachable",
        glob[0], glob[1]
    );
    let unlimited = Limits {
        tree_work: u64::MAX,
        ..brief()
    };
    assert_ends(&guest, &inputs(), &unlimited, &deadline(Phase::Check));
}

/// A tree that takes its time.
struct Slow;

impl Source for Slow {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        thread::sleep(Duration::from_millis(700));
        Ok(Vec::new())
    }

    fn size(&self, _path: &str) -> Result<u64, SourceError> {
        Err(SourceError::Absent)
    }

    fn read(&self, _path: &str, _offset: u64, _length: usize) -> Result<Vec<u8>, SourceError> {
        Err(SourceError::Absent)
    }
}

#[test]
fn time_that_the_host_takes_counts_even_if_the_plugin_does_nothing_after_it() {
    let guest = Guest::default().with_trees();
    let guest = Guest {
        check: format!(
            "(call $stat (call $open (i32.const 1)) (local.get $config) (local.get $length)
               (i32.const 16)) {}",
            guest.check
        ),
        ..guest
    };
    let mut inputs = inputs();
    assert!(answer(&guest, &inputs, &limits()).result.is_ok());
    inputs.candidate = Arc::new(Tree::new(Slow));
    assert_ends(&guest, &inputs, &brief(), &deadline(Phase::Check));
}

#[test]
fn fuel_is_a_budget_with_the_same_end_ten_times() {
    let plugin = host()
        .load(&Guest::doing(LOOP).bytes(), Some(1_000_000))
        .unwrap();
    let budget = limit(Resource::Fuel, 1_000_000, Phase::Check);
    let slow = Limits {
        wall: Duration::from_secs(60),
        ..limits()
    };
    for _ in 0..10 {
        let answer = plugin.check(&info(), &inputs(), &all(), &slow);
        assert_eq!(answer.result, Err(budget.clone()));
    }
    let honest = host()
        .load(&Guest::default().bytes(), Some(1_000_000))
        .unwrap();
    let spent = || {
        honest
            .check(&info(), &inputs(), &all(), &slow)
            .cost
            .fuel
            .unwrap()
    };
    let first = spent();
    assert!(first > 0 && first < 10_000, "{first}");
    for _ in 0..10 {
        assert_eq!(spent(), first);
    }
}

/// Grows the memory for ever, as many pages at a time.
fn memory_bomb(pages: u32) -> Guest {
    Guest::doing(&format!(
        "(loop $ever (drop (memory.grow (i32.const {pages}))) (br $ever)) unreachable"
    ))
}

#[test]
fn memory_is_limited() {
    let memory = limits().memory;
    for pages in [1, 64, 100_000] {
        // More than a memory of 32 bits can have fails as it always does; what counts is the next time.
        let guest = if pages == 100_000 {
            Guest::doing("(drop (memory.grow (i32.const 100000))) unreachable")
        } else {
            memory_bomb(pages)
        };
        if pages == 100_000 {
            let ended = answer(&guest, &inputs(), &limits()).result.unwrap_err();
            assert!(matches!(ended, Failure::Trap { .. }), "{ended:?}");
        } else {
            let ended = limit(Resource::Memory, memory, Phase::Check);
            assert_ends(&guest, &inputs(), &limits(), &ended);
        }
    }
    let large = Guest {
        pages: 2_000,
        ..Guest::default()
    };
    let ended = limit(Resource::Memory, memory, Phase::Instantiate);
    assert_ends(&large, &inputs(), &limits(), &ended);
    let large = load(&large).describe(&Limits::for_describe());
    let ended = limit(Resource::Memory, 64 << 20, Phase::Instantiate);
    assert_eq!(large.result, Err(ended));
}

#[test]
fn what_a_plugin_uses_within_its_limits_it_gets() {
    let guest = Guest::doing(
        "(if (i32.eq (memory.grow (i32.const 300)) (i32.const -1)) (then unreachable))",
    );
    let answer = answer(&guest, &inputs(), &limits());
    assert!(answer.result.is_ok());
    assert_eq!(answer.cost.memory, (300 + 2) << 16);
}

#[test]
fn tables_are_limited() {
    let few = Limits {
        table_elements: 10_000,
        ..limits()
    };
    let growing = |more: &str| Guest {
        more: more.to_owned(),
        ..Guest::doing(
            "(loop $ever
               (drop (table.grow $table (ref.null func) (i32.const 1000)))
               (br $ever)) unreachable",
        )
    };
    let ended = limit(Resource::TableElements, 10_000, Phase::Check);
    assert_ends(
        &growing("(table $table 1 funcref)"),
        &inputs(),
        &few,
        &ended,
    );
    let large = Guest {
        more: "(table 100000 funcref)".to_owned(),
        ..Guest::default()
    };
    let ended = limit(Resource::TableElements, 10_000, Phase::Instantiate);
    assert_ends(&large, &inputs(), &few, &ended);
}

#[test]
fn there_are_not_many_tables_or_memories() {
    let many = |one: &str, count: usize| Guest {
        more: one.repeat(count),
        ..Guest::default()
    };
    for (guest, word) in [
        (many("(table 1 funcref)", 80), "table count too high"),
        (many("(memory 1)", 20), "memory count too high"),
    ] {
        let ended = check(&guest).unwrap_err();
        assert!(
            matches!(&ended, Failure::Setup { detail } if detail.contains(word)),
            "{ended:?}"
        );
    }
}

#[test]
fn recursion_ends_at_the_stack() {
    let guest = Guest {
        more: "(func $deeper (param i32) (result i32)
                 (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))"
            .to_owned(),
        ..Guest::doing("(drop (call $deeper (i32.const 0)))")
    };
    let ended = limit(Resource::Stack, STACK as u64, Phase::Check);
    assert_ends(&guest, &inputs(), &limits(), &ended);
}

#[test]
fn a_thread_with_twice_the_stack_is_enough() {
    let guest = Guest {
        more: "(func $deeper (param i32) (result i32)
                 (i32.add (call $deeper (local.get 0)) (i32.const 1)))"
            .to_owned(),
        ..Guest::doing("(drop (call $deeper (i32.const 0)))")
    };
    let (plugin, info) = (load(&guest), info());
    let call = move || plugin.check(&info, &inputs(), &all(), &limits()).result;
    let thread = thread::Builder::new()
        .stack_size(2 * STACK)
        .spawn(call)
        .unwrap();
    let ended = limit(Resource::Stack, STACK as u64, Phase::Check);
    assert_eq!(thread.join().unwrap(), Err(ended));
}

/// Returns a report whose list of findings has this length, all of them zeros.
fn findings_bomb(count: u32) -> Guest {
    let mut guest = Guest {
        pages: 1_700,
        ..Guest::default()
    };
    let zeros = 4 << 20;
    let report = guest.image.words(&[0, 0, 0, 0, 0, zeros, count, zeros, 0]);
    guest.check = format!("(i32.const {report})");
    guest
}

fn roomy() -> Limits {
    Limits {
        memory: 256 << 20,
        ..limits()
    }
}

#[test]
fn two_million_findings_are_too_much_to_hand_over() {
    let ended = limit(Resource::Transfer, 16 << 20, Phase::Check);
    assert_ends(&findings_bomb(2_000_000), &inputs(), &roomy(), &ended);
}

#[test]
fn findings_are_limited() {
    let most = u32::try_from(FINDINGS).unwrap();
    let ended = limit(Resource::Findings, FINDINGS as u64, Phase::Check);
    assert_ends(&findings_bomb(most + 1), &inputs(), &roomy(), &ended);
    let few = Limits {
        findings: 1,
        ..limits()
    };
    let two = Guest::reporting(&RawReport {
        findings: vec![RawFinding::default(); 2],
        ..RawReport::default()
    });
    assert_ends(
        &two,
        &inputs(),
        &few,
        &limit(Resource::Findings, 1, Phase::Check),
    );
    assert!(answer(&two, &inputs(), &limits()).result.is_ok());
}

/// Returns a summary of this many bytes.
fn long_summary(bytes: u32) -> Guest {
    let mut guest = Guest {
        pages: 1_700,
        ..Guest::default()
    };
    let report = guest.image.words(&[0, 0, 1, 4 << 20, bytes, 0, 0, 0, 0]);
    guest.check = format!(
        "(memory.fill (i32.const 4194304) (i32.const 97) (i32.const {bytes})) (i32.const {report})"
    );
    guest
}

#[test]
fn a_huge_string_is_too_much_to_hand_over_and_a_long_one_is_shortened() {
    let ended = limit(Resource::Transfer, 16 << 20, Phase::Check);
    assert_ends(&long_summary(100 << 20), &inputs(), &roomy(), &ended);
    let report = answer(&long_summary(1 << 20), &inputs(), &roomy())
        .result
        .unwrap();
    assert!(report.summary.unwrap().len() <= passmuster_wasm::limits::TEXT);
}

#[test]
fn a_flood_of_log_lines_is_kept_in_bounds_and_counted() {
    let mut guest = Guest::default().with_log();
    let line = guest.image.string(b"all is well");
    guest.check = format!(
        "(local $left i32) (local.set $left (i32.const 200000))
         (loop $more
           (call $log (i32.const 1) (i32.const {}) (i32.const {}))
           (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        line[0], line[1], guest.check
    );
    let answer = answer(&guest, &inputs(), &roomy());
    assert!(answer.result.is_ok());
    assert_eq!(
        (answer.log.lines.len(), answer.log.dropped),
        (1_000, 199_000)
    );
    let ever = Guest {
        check: format!(
            "(loop $ever (call $log (i32.const 1) (i32.const {}) (i32.const {})) (br $ever)) unreachable",
            line[0], line[1]
        ),
        ..guest
    };
    assert_ends(&ever, &inputs(), &brief(), &deadline(Phase::Check));
}

/// Opens this many trees, and drops each at once or not.
fn opening(count: u32, then: &str) -> Guest {
    let mut guest = Guest::default().with_trees();
    guest.check = format!(
        "(local $left i32) (local $tree i32) (local.set $left (i32.const {count}))
         (loop $more
           (local.set $tree (call $open (i32.const 0))) {then}
           (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        guest.check
    );
    guest
}

#[test]
fn a_hundred_thousand_open_trees_are_too_many_and_closed_ones_do_not_count() {
    let ended = limit(Resource::Handles, HANDLES.into(), Phase::Check);
    assert_ends(&opening(100_000, ""), &inputs(), &limits(), &ended);
    let closing = opening(100_000, "(call $drop (local.get $tree))");
    assert!(answer(&closing, &inputs(), &roomy()).result.is_ok());
    assert!(
        answer(&opening(HANDLES, ""), &inputs(), &limits())
            .result
            .is_ok()
    );
}

/// Reads a file for ever, without keeping it.
fn reading() -> Guest {
    let mut guest = Guest::default().with_trees();
    let path = guest.image.string(b"src/lib.rs");
    guest.check = format!(
        "(local $tree i32) (local $memory i32)
         (local.set $tree (call $open (i32.const 1)))
         (local.set $memory (global.get $next))
         (loop $ever
           (global.set $next (local.get $memory))
           (call $read (local.get $tree) (i32.const {}) (i32.const {})
             (i64.const 0) (i32.const 1000000) (i32.const 16))
           (br $ever)) unreachable",
        path[0], path[1]
    );
    guest
}

#[test]
fn what_is_read_and_looked_at_is_limited_altogether() {
    let little = Limits {
        tree_bytes: 1_000,
        ..limits()
    };
    let ended = limit(Resource::TreeBytes, 1_000, Phase::Check);
    assert_ends(&reading(), &inputs(), &little, &ended);
    let little = Limits {
        tree_work: 100,
        ..limits()
    };
    let ended = limit(Resource::TreeWork, 100, Phase::Check);
    assert_ends(&reading(), &inputs(), &little, &ended);
}

#[test]
fn a_component_that_is_too_large_is_not_even_parsed() {
    let started = Instant::now();
    let mut bytes = Guest::default().bytes();
    bytes.resize(COMPONENT_BYTES + 1, 0);
    let refused = host().load(&bytes, None).err().unwrap();
    let limit = COMPONENT_BYTES as u64;
    assert_eq!(
        refused,
        Failure::TooLarge {
            bytes: limit + 1,
            limit
        }
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Runs each bomb several times: the bytes of this process before, after one round, after all, and at most.
fn run_the_bombs() -> [u64; 4] {
    let bombs = [
        memory_bomb(64),
        findings_bomb(2_000_000),
        findings_bomb(20_000),
        long_summary(100 << 20),
        opening(100_000, ""),
    ];
    let plugins: Vec<_> = bombs.iter().map(load).collect();
    let info = info();
    let run = || {
        for plugin in &plugins {
            let ended = plugin.check(&info, &inputs(), &all(), &roomy()).result;
            assert!(matches!(ended, Err(Failure::Limit { .. })), "{ended:?}");
        }
    };
    let (before, _) = resident();
    run();
    let (once, _) = resident();
    (0..5).for_each(|_| run());
    let (after, peak) = resident();
    [before, once, after, peak]
}

/// In a process of its own: other tests need memory as well.
#[test]
fn the_hosts_memory_stays_bounded_under_all_of_it() {
    const NAME: &str = "limits::the_hosts_memory_stays_bounded_under_all_of_it";
    if is_alone() {
        let [before, once, after, peak] = run_the_bombs();
        println!("memory {before} {once} {after} {peak}");
        return;
    }
    let output = String::from_utf8(alone(NAME, &[]).output().unwrap().stdout).unwrap();
    let line = output
        .lines()
        .find_map(|line| line.split_once("memory "))
        .expect(&output)
        .1;
    let numbers: Vec<u64> = line.split(' ').map(|one| one.parse().unwrap()).collect();
    let [before, once, after, peak] = numbers[..] else {
        panic!("{line}");
    };
    let mib = |bytes: u64| bytes >> 20;
    // A plugin's own memory is given back; what stays is what the allocator keeps.
    assert!(
        once < before + (64 << 20),
        "{} → {} MiB",
        mib(before),
        mib(once)
    );
    assert!(
        after < once + (16 << 20),
        "{} → {} MiB",
        mib(once),
        mib(after)
    );
    // Its limit is 256 MiB, and what it may hand over is 16 MiB in its own layout.
    assert!(peak < before + (400 << 20), "{} MiB", mib(peak));
}
