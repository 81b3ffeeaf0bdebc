//! What shells complete.

use std::process::Command;

use passmuster_tests::TestEnv;

#[test]
fn bash_completes_the_commands_and_options_of_this_program() {
    let env = TestEnv::new();
    let made = env.passmuster(["completions", "bash"]).run();
    made.assert_code(0);
    let file = env.path("completions.bash");
    std::fs::write(&file, made.out()).unwrap();
    for (typed, expected) in [
        ("passmuster ver", "verify"),
        ("passmuster verify --st", "--staged"),
        ("passmuster verify --format ag", "agent"),
        ("passmuster plugin new --lang r", "rust"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let last = words.len() - 1;
        let script = format!(
            ". {}; COMP_WORDS=({typed}); COMP_CWORD={last}; _passmuster passmuster \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; echo \"${{COMPREPLY[*]}}\"",
            file.display()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            said.split_whitespace().any(|one| one == expected),
            "{typed}: {output:?}"
        );
    }
}

#[test]
fn every_shell_gets_its_text_and_no_other_word_is_one() {
    let env = TestEnv::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let made = env.passmuster(["completions", shell]).run();
        made.assert_code(0);
        assert!(made.out().contains("verify"), "{shell}");
    }
    env.passmuster(["completions", "csh"]).run().assert_code(2);
}
