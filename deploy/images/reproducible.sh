#!/bin/sh
# Runs a build by cargo in the checkout whose result does not tell where it was made: the folders of the crates and of the build are replaced
# by names that are the same everywhere. The checkout's own files go by their places in it already.
#
#   reproducible.sh COMMAND…
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
target=${CARGO_TARGET_DIR:-$root/target}

# The folder of the crates is named after the registry, and is there only when a crate is.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo fetch --quiet --locked --target "$host" --manifest-path "$root/Cargo.toml"

separator=$(printf '\037')
flags="--remap-path-prefix=$target=/target"
c_flags="-ffile-prefix-map=$target=/target"
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  flags="$flags$separator--remap-path-prefix=$crates=/crates"
  c_flags="$c_flags -ffile-prefix-map=$crates=/crates"
done
export CARGO_ENCODED_RUSTFLAGS="$flags" CFLAGS="$c_flags"
exec "$@"
