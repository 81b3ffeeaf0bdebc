//! The program once more, so that Cargo builds it before the tests of this package.

fn main() -> std::process::ExitCode {
    passmuster::main()
}
