//! How components are compiled and run: one place for every setting that could make two runs differ or
//! let a plugin do more than compute.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::{Cache, Config, Engine, OptLevel, WasmBacktraceDetails};

use crate::limits::STACK;

/// Whether instructions are counted. Counting makes tight loops 3.5 times slower, so it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metering {
    Clock,
    Fuel,
}

/// An engine of its own for each component: it carries the component's cache directory.
///
/// # Errors
/// When the processor lacks what compiled code needs.
pub(crate) fn engine(metering: Metering, cache: Option<Cache>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    deterministic(&mut config);
    config
        .epoch_interruption(true)
        .consume_fuel(metering == Metering::Fuel)
        .max_wasm_stack(STACK)
        .cranelift_opt_level(OptLevel::Speed)
        // Names of functions are enough; the debug information of a plugin is never parsed.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(false)
        .cache(cache);
    Engine::new(&config)
}

/// The same bits on every machine, and nothing that is not needed.
fn deterministic(config: &mut Config) {
    config
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .shared_memory(false);
}

/// What compiled code depends on besides the component: version, settings, processor features.
pub(crate) fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Makes a strong digest of what a `Hash` feeds.
struct Sha(Sha256);

impl Hasher for Sha {
    /// Part of the trait; the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_with_and_without_metering_is_not_mixed_up() {
        let of = |metering| compatibility(&engine(metering, None).unwrap());
        assert_eq!(of(Metering::Clock), of(Metering::Clock));
        assert_ne!(of(Metering::Clock), of(Metering::Fuel));
    }
}
