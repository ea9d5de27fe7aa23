#!/bin/sh
# Compiles the kernels to PTX with clang alone, no CUDA toolkit: kernels.ptx, with the sha256 of the sources in its
# head. The driver compiles the PTX for its card when it is loaded. sm_70 and PTX 6.4 are the least that the kernels
# need.
set -eu
cd "$(dirname "$0")"
hash=$(cat $(ls *.cu *.h | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)
clang=${CLANG:-clang-14}
"$clang" -x cuda --cuda-device-only -nocudainc -nocudalib -S -O3 -std=c++17 -ffp-contract=off --cuda-path=/nonexistent \
  -Wall -Wno-unknown-cuda-version -Wno-pass-failed --cuda-gpu-arch=sm_70 -Xclang -target-feature -Xclang +ptx64 \
  -o kernels.ptx.new kernels.cu
{ echo "// sources sha256: $hash"; grep -v '^//' kernels.ptx.new; } >kernels.ptx.tmp
mv kernels.ptx.tmp kernels.ptx
rm kernels.ptx.new
