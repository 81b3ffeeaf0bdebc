//! `componentize CORE OUT`: makes a component of a core module that carries its interface, and prints what the policy, the
//! digests and the reader of a rebuild need to know: name, digest, bytes and imports.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [core, out] = arguments.as_slice() else {
        eprintln!("usage: componentize CORE OUT");
        return ExitCode::from(2);
    };
    match run(Path::new(core), Path::new(out)) {
        Ok(row) => {
            print!("{row}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("componentize: {core}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the component and gives its row of `digests.toml`.
fn run(core: &Path, out: &Path) -> Result<String, Failure> {
    let module = fs::read(core)?;
    let mut encoder = ComponentEncoder::default().validate(true).module(&module)?;
    let component = encoder.encode()?;
    fs::write(out, &component)?;
    let name = out
        .file_stem()
        .ok_or("the output has no name")?
        .to_string_lossy();
    let imports = imports(&component)?;
    let digest: String = Sha256::digest(&component)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!(
        "[{name}]\nsha256 = \"{digest}\"\nbytes = {}\nimports = {imports:?}\n",
        component.len()
    ))
}

/// The interfaces that a component cannot be linked without. `types` and `change` are words and no capability.
fn imports(component: &[u8]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
