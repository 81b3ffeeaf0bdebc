#!/usr/bin/env bash
# Builds the shipped plugins: dist/NAME.wasm and dist/digests.toml. The same tools give the same bytes, on any machine and in any
# folder; `build.sh --check` builds into a temporary folder and compares.
#
# The compiler is Rust 1.96.0 with its library's sources, because the library is built for size as well. Two ways to have it:
#   rustup toolchain install 1.96.0 --profile minimal --component rust-src
#   apt-get install rustc-web rust-web-src            (Debian 12; the recorded digests come from this one)
# PASSMUSTER_GUEST_RUSTC names another `rustc`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version=1.96.0
target=wasm32-unknown-unknown
plugins=(companions duplication large-files layers)

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

# The first compiler of the right version that has its library's sources.
compiler() {
  local candidate
  for candidate in "${PASSMUSTER_GUEST_RUSTC:-}" "$(rustup which --toolchain "$version" rustc 2> /dev/null || true)" /usr/bin/rustc; do
    [[ -n "$candidate" && -x "$candidate" ]] || continue
    [[ "$("$candidate" --version)" == "rustc $version "* ]] || continue
    [[ -f "$("$candidate" --print sysroot)/lib/rustlib/src/rust/library/Cargo.toml" ]] || continue
    echo "$candidate"
    return
  done
  fail "no rustc $version with its library's sources was found. Install one with
  rustup toolchain install $version --profile minimal --component rust-src
or, on Debian, apt-get install rustc-web rust-web-src; or name one in PASSMUSTER_GUEST_RUSTC."
}

# LLVM's linker is part of every toolchain of rustup.
linker() {
  local found
  found="$(find "$(rustc --print sysroot)/lib/rustlib" -name rust-lld -type f 2> /dev/null | head -n 1)"
  [[ -n "$found" ]] || found="$(command -v wasm-ld || true)"
  [[ -n "$found" ]] || fail "no linker for WebAssembly was found: install a toolchain of rustup (rust-lld), or lld (wasm-ld)."
  echo "$found"
}

command -v cargo > /dev/null || fail "cargo was not found: install Rust from https://rustup.rs"
rustc="$(compiler)"
linker="$(linker)"
sysroot="$("$rustc" --print sysroot)"
host="$("$rustc" -vV | sed -n 's/^host: //p')"

# Paths of this machine would stand in the components, and panics would carry texts that nobody could read: a guest has no output.
export RUSTC="$rustc" RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS
flags=(-Zunstable-options -Cpanic=immediate-abort
  "--remap-path-prefix=$PWD=plugins" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" "--remap-path-prefix=$sysroot=rust")
CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"

out=dist
if [[ "${1:-}" == --check ]]; then
  out="$(mktemp -d)"
  trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

for plugin in "${plugins[@]}"; do
  smaller=()
  # The largest: a call in place of a copy of what is called, also of what the library marks for inlining.
  [[ "$plugin" == layers ]] && smaller=(-Cllvm-args=-inline-threshold=2 -Cllvm-args=-inlinehint-threshold=2)
  cargo rustc --quiet --release --locked --lib --package "$plugin" --target "$target" \
    -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size -- "${smaller[@]}"
done
env -u CARGO_ENCODED_RUSTFLAGS -u RUSTC -u RUSTC_BOOTSTRAP cargo build --quiet --release --locked --package componentize

rows="$(mktemp)"
{
  echo "# Made by build.sh with $("$rustc" --version)."
  for plugin in "${plugins[@]}"; do
    echo
    target/release/componentize "target/$target/release/${plugin//-/_}.wasm" "$out/$plugin.wasm"
  done
} > "$rows"
mv "$rows" "$out/digests.toml"
chmod 644 "$out"/*

if [[ "$out" != dist ]]; then
  diff -u dist/digests.toml "$out/digests.toml" || fail "the committed plugins are others than these sources give."
  echo "the committed plugins are what these sources give"
else
  cat "$out/digests.toml"
fi
