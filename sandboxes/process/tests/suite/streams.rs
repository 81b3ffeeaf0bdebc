//! Standard streams that are passed on.

use std::io::{PipeWriter, Write, pipe};
use std::time::Duration;

use nix::sys::signal::Signal;
use passmuster_process::{Exit, Launcher, Report, Streams, run_with};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use crate::support::{Sandbox, helper};

/// Runs a script whose output goes to the returned stream's other end while `talk` goes on.
fn converse<F: Future<Output = ()>>(
    script: &str,
    talk: impl FnOnce(PipeWriter, DuplexStream) -> F,
) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (reading, writing) = pipe().unwrap();
    let (theirs, ours) = duplex(16);
    let streams = Streams {
        input: Some(reading.into()),
        stdout: Some(Box::new(theirs)),
        ..Streams::default()
    };
    runtime.block_on(async {
        let sandbox = Sandbox::shell(script);
        let launcher = Launcher::new(helper());
        let running = run_with(&launcher, &sandbox.0, streams, std::future::pending());
        let (report, ()) = tokio::join!(running, talk(writing, ours));
        report.unwrap_or_else(|error| panic!("{error}"))
    })
}

async fn line(from: &mut DuplexStream) -> String {
    let mut text = String::new();
    while !text.ends_with('\n') {
        text.push(char::from(from.read_u8().await.unwrap()));
    }
    text
}

#[test]
fn a_command_is_spoken_with_while_it_runs() {
    let script = "echo who; read name; echo hello $name; cat > /dev/null; echo over";
    let report = converse(script, async |mut input, mut output| {
        assert_eq!(line(&mut output).await, "who\n");
        input.write_all(b"you\n").unwrap();
        assert_eq!(line(&mut output).await, "hello you\n");
        drop(input);
        assert_eq!(line(&mut output).await, "over\n");
    });
    assert_eq!(report.exit, Exit::Exited(0));
    assert_eq!(
        (report.stdout.total, report.stdout.dropped()),
        (19, 19),
        "what was passed on is counted and not kept"
    );
}

#[test]
fn output_that_is_passed_on_arrives_whole_however_slowly_it_is_taken() {
    let script = "head -c 100000 /dev/zero; echo end >&2";
    let report = converse(script, async |_input, mut output| {
        // Longer than what is left in a pipe is waited for once everything is dead.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let mut all = Vec::new();
        output.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 100_000);
    });
    assert_eq!(report.stdout.total, 100_000);
    assert_eq!(report.stderr.bytes(), b"end\n");
}

#[test]
fn a_reader_that_is_gone_ends_the_writer() {
    let report = converse("exec yes", async |_input, output| drop(output));
    assert_eq!(report.exit, Exit::Signalled(Signal::SIGPIPE as i32));
}

#[test]
fn input_is_a_pipe_and_nothing_else_of_the_caller() {
    let script = "readlink /proc/self/fd/0 | cut -d: -f1; ls /proc/self/fd | tr '\\n' ' '";
    converse(script, async |_input, mut output| {
        let mut all = String::new();
        output.read_to_string(&mut all).await.unwrap();
        // The last is the directory that `ls` reads.
        assert_eq!(all, "pipe\n0 1 2 3 ");
    });
}

#[test]
fn a_command_that_does_not_read_its_input_is_not_waited_for() {
    let report = converse("exit 3", async |mut input, _output| {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let gone = input.write_all(b"too late");
        assert!(gone.is_err(), "nobody holds the other end");
    });
    assert_eq!(report.exit, Exit::Exited(3));
}
