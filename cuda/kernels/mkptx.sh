#!/bin/sh
# Compiles the kernels to PTX with clang alone, no CUDA toolkit: kernels.ptx and fleet.ptx, with the sha256 of all
# sources in their heads. The driver compiles the PTX for its card when it is loaded. sm_70 and PTX 6.4 are the least
# that the kernels need.
set -eu
cd "$(dirname "$0")"
hash=$(cat $(ls *.cu *.h | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)
clang=${CLANG:-clang-14}
for name in kernels fleet; do
  "$clang" -x cuda --cuda-device-only -nocudainc -nocudalib -S -O3 -std=c++17 -ffp-contract=off \
    --cuda-path=/nonexistent -Wall -Wno-unknown-cuda-version -Wno-pass-failed --cuda-gpu-arch=sm_70 \
    -Xclang -target-feature -Xclang +ptx64 -o $name.ptx.new $name.cu
  { echo "// sources sha256: $hash"; grep -v '^//' $name.ptx.new; } >$name.ptx.tmp
  mv $name.ptx.tmp $name.ptx
  rm $name.ptx.new
done
