//! Loads plugins: from bytes to a component that is known to fit the interface, before any of it has run.

use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmtime::CacheConfig;
use wasmtime::component::Component;

use crate::cache::{Cache, CacheError};
use crate::engine::{Metering, compatibility, engine};
use crate::failure::Failure;
use crate::limits::COMPONENT_BYTES;
use crate::link::{self, describe_error};
use crate::plugin::{Code, Plugin};
use crate::seal::{CODE, hex};
use crate::surface;
use crate::ticker::Ticker;

/// Nothing can be loaded on this machine.
#[derive(Debug, Error)]
pub enum HostError {
    /// The cache's directory cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The thread that keeps deadlines cannot be started.
    #[error("starting the clock of plugins: {0}")]
    Clock(io::Error),
    /// Code for this processor cannot be made.
    #[error("plugins cannot be compiled on this machine: {0}")]
    Compiler(String),
}

/// Where the compiled code of a plugin came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was compiled now.
    Compiled,
    /// It was in the cache.
    Cached,
}

/// Loads plugins and keeps their time. One for a process is enough; it can be used from many threads.
pub struct Host {
    clock: Arc<Ticker>,
    cache: Option<Cache>,
    /// What code depends on besides the component: without and with fuel.
    compatibility: [[u8; 32]; 2],
}

impl Host {
    /// A host that keeps compiled code in this directory, or compiles anew each time.
    ///
    /// The directory is made with mode 0700 if it does not exist. It must be outside of anything that is
    /// under test: what lies in it is run as native code.
    ///
    /// # Errors
    /// When the directory cannot be made or others can write to it, when no thread can be started, or when
    /// there is no code for this processor.
    pub fn new(cache: Option<&Path>) -> Result<Self, HostError> {
        let depends = |metering| {
            engine(metering, None)
                .map(|engine| compatibility(&engine))
                .map_err(|error| HostError::Compiler(describe_error(&error)))
        };
        Ok(Self {
            cache: cache.map(Cache::open).transpose()?,
            compatibility: [depends(Metering::Clock)?, depends(Metering::Fuel)?],
            clock: Arc::new(Ticker::start().map_err(HostError::Clock)?),
        })
    }

    /// Checks and compiles a component. With `fuel`, each of its calls has this deterministic budget besides
    /// its deadline: the same end on every machine with this version of the runner, for tight loops that take
    /// 3.5 times as long.
    ///
    /// # Errors
    /// When the bytes are no component that fits the interface; nothing of it has run then.
    pub fn load(&self, bytes: &[u8], fuel: Option<u64>) -> Result<Plugin, Failure> {
        form(bytes)?;
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        let metering = fuel.map_or(Metering::Clock, |_| Metering::Fuel);
        let (component, origin) = self.component(bytes, &sha256, metering)?;
        let [imports, exports] = surface_of(&component);
        let needs = surface::needs(&imports, &exports)?;
        let code = Code {
            ready: link::prepare(&component, &needs)?,
            component,
            imports,
            needs,
        };
        let clock = Arc::clone(&self.clock);
        Ok(Plugin::new(code, fuel, hex(&sha256), origin, clock))
    }

    fn component(
        &self,
        bytes: &[u8],
        sha256: &[u8; 32],
        metering: Metering,
    ) -> Result<(Component, Origin), Failure> {
        let Some(cache) = &self.cache else {
            return Ok((compile(bytes, metering, None)?.0, Origin::Compiled));
        };
        let key = self.key(sha256, metering);
        if let Some(directory) = cache.sealed(&key) {
            let (component, hit) = compile(bytes, metering, Some(&directory))?;
            if hit {
                return Ok((component, Origin::Cached));
            }
            // It holds something else than what was looked for.
            cache.discard(&key);
            return Ok((component, Origin::Compiled));
        }
        let Ok(fresh) = cache.fresh() else {
            return Ok((compile(bytes, metering, None)?.0, Origin::Compiled));
        };
        let (component, _) = compile(bytes, metering, Some(fresh.path()))?;
        fresh.keep(&key);
        Ok((component, Origin::Compiled))
    }

    fn key(&self, sha256: &[u8; 32], metering: Metering) -> String {
        let [clock, fuel] = &self.compatibility;
        let mut hasher = Sha256::new();
        hasher.update(match metering {
            Metering::Clock => clock,
            Metering::Fuel => fuel,
        });
        hasher.update(sha256);
        hex(&hasher.finalize())
    }
}

/// Size and first bytes, before anything parses the rest.
fn form(bytes: &[u8]) -> Result<(), Failure> {
    /// `\0asm`, then the version and the layer: 1 and 0 for a module, 13 and 1 for a component.
    const MAGIC: &[u8] = b"\0asm";
    if bytes.len() > COMPONENT_BYTES {
        return Err(Failure::TooLarge {
            bytes: bytes.len() as u64,
            limit: COMPONENT_BYTES as u64,
        });
    }
    match bytes.strip_prefix(MAGIC) {
        None => Err(Failure::NotWasm),
        Some([1, 0, 0, 0, ..]) => Err(Failure::CoreModule),
        Some(_) => Ok(()),
    }
}

/// Compiles, or takes what the directory's cache has; then the second is true.
fn compile(
    bytes: &[u8],
    metering: Metering,
    directory: Option<&Path>,
) -> Result<(Component, bool), Failure> {
    // Without its cache it only takes longer.
    let cache = directory.and_then(|directory| cache_in(directory).ok());
    let engine = engine(metering, cache.clone()).map_err(|error| Failure::Setup {
        detail: describe_error(&error),
    })?;
    let component = Component::from_binary(&engine, bytes).map_err(|error| Failure::Damaged {
        detail: describe_error(&error),
    })?;
    Ok((component, cache.is_some_and(|cache| cache.cache_hits() > 0)))
}

/// wasmtime's cache in this directory. It never writes a file again: the seal covers what is there.
fn cache_in(directory: &Path) -> wasmtime::Result<wasmtime::Cache> {
    let mut config = CacheConfig::new();
    let level = 3;
    config
        .with_directory(directory.join(CODE))
        .with_baseline_compression_level(level)
        .with_optimized_compression_level(level);
    wasmtime::Cache::new(config)
}

/// The names of what it imports and exports.
fn surface_of(component: &Component) -> [Vec<String>; 2] {
    let engine = component.engine();
    let kind = component.component_type();
    let imports = kind.imports(engine).map(|(name, _)| name.to_owned());
    let exports = kind.exports(engine).map(|(name, _)| name.to_owned());
    [imports.collect(), exports.collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        assert_eq!(form(b"(component)"), Err(Failure::NotWasm));
        assert_eq!(form(b""), Err(Failure::NotWasm));
        assert_eq!(form(b"\0asm\x01\0\0\0"), Err(Failure::CoreModule));
        assert_eq!(form(b"\0asm\x0d\0\x01\0"), Ok(()));
        let large = vec![0; COMPONENT_BYTES + 1];
        assert!(matches!(form(&large), Err(Failure::TooLarge { .. })));
    }
}
