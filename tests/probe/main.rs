//! Tries to get out, and to do what builds and tests have to do.
//!
//! The suite runs this program twice: inside a sandbox, where every violation must be refused in the way that its entry
//! says, and outside as the control, where the same attempt must succeed against stand-ins that the test made.
//!
//! - `probe table`: every entry, what shows that its refusal is the sandbox's doing, and what a sandbox answers.
//! - `probe run SCENE`: tries all of them, each in a process of its own, and says what came of each.
//! - `probe one SCENE ENTRY`: tries one.
//!
//! It judges nothing. A program without `unsafe` cannot make bare system calls, so `call.c` beside it does.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

mod entry;
mod scene;
mod uses;
mod violations;

use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use entry::{Attempt, Entry};
use scene::{Scene, signal_name};

/// Longer than the slowest entry, a compiler run, takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["table"] => table(),
        ["run", scene] => run(scene),
        ["one", scene, name] => println!("{}", one(scene, name)),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    violations::all().chain(uses::all())
}

fn name(entry: &Entry) -> String {
    format!("{}/{}", entry.class, entry.name)
}

fn table() {
    for entry in entries() {
        println!("{} {} {}", name(entry), entry.control.word(), entry.inside);
    }
}

fn run(scene: &str) {
    for entry in entries() {
        let name = name(entry);
        let said = apart(scene, &name).unwrap_or_else(|error| answer(Err(error)));
        println!("{name} {said}");
    }
}

/// Tries an entry in another process: some change the process that they are made in, some end it.
fn apart(scene: &str, name: &str) -> io::Result<String> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["one", scene, name])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Ok("no end".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    if status.signal().is_some() {
        return Ok(signal_name(status.signal()));
    }
    let mut said = String::new();
    if let Some(stdout) = child.stdout.as_mut() {
        stdout.read_to_string(&mut said)?;
    }
    Ok(said.trim().to_owned())
}

fn one(scene: &str, wanted: &str) -> String {
    let attempt = || {
        let scene = Scene::read(scene)?;
        let entry = entries()
            .find(|entry| name(entry) == wanted)
            .ok_or_else(|| io::Error::other("no such entry"))?;
        match entry.attempt {
            Attempt::Code(code) => code(&scene),
            Attempt::Special(words) => scene.call(words),
            Attempt::Call(before, number, arguments) => {
                scene.call(format!("{before} {number} {arguments}").trim())
            }
        }
    };
    answer(attempt())
}

/// A result as one word: `ok`, the name of an error number, or what else there is to say.
fn answer(result: io::Result<()>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => match error.raw_os_error() {
            Some(number) => format!("{:?}", nix::errno::Errno::from_raw(number)),
            None => error.to_string().replace(['\n', '\t'], " "),
        },
    }
}
