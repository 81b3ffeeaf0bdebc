//! The binary.

fn main() -> std::process::ExitCode {
    passmuster::main()
}
