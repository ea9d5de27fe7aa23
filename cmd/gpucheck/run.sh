#!/bin/sh
# Checks and measures an NVIDIA card: run.sh OUTDIR [flags of gpucheck run]. It needs an NVIDIA driver, and no Go and no
# CUDA. PyTorch is measured too where python3 has it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
test $# -ge 1 || { echo "usage: run.sh OUTDIR" >&2; exit 2; }
out=$1
shift
chmod +x "$here/gpucheck" "$here/cuda.test" 2>/dev/null || : # carrying may have lost it
exec "$here/gpucheck" run -data "$here/data" -tests "$here/cuda.test" "$@" "$out"
