#!/usr/bin/env bash
# Builds the program `gpu` for NVIDIA GPUs, stripped and packed for carrying: target/gpu/outgrow-gpu.xz.
#
# usage: xtask/gpu/build.sh [--llvm] [--stub FOLDER]
#
#   --llvm           kernels by LLVM, as burn has them, in place of NVRTC: target/gpu/outgrow-gpu-llvm.xz.
#                    The build downloads LLVM.
#   --stub FOLDER    a crate that takes the place of cubecl-llvm, where LLVM can't be downloaded; only for NVRTC
#
# Nothing of CUDA is needed here. It takes a release build of burn, which is most of an hour on two cores; target/cuda
# keeps it.
set -eu
cd "$(dirname "$0")/../.."

name=outgrow-gpu features=outgrow-benches/nvrtc
stub=()
while [ $# -gt 0 ]; do
    case $1 in
        --llvm) name=outgrow-gpu-llvm features=outgrow-benches/cuda ;;
        --stub)
            folder=$(cd "${2:?--stub needs a folder}" && pwd)
            stub=(--config "patch.crates-io.cubecl-llvm.path=\"$folder\"")
            shift
            ;;
        *) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

# Cargo writes the stub into Cargo.lock, where it has no business.
lock=$(mktemp)
cp Cargo.lock "$lock"
trap 'cp "$lock" Cargo.lock; rm -f "$lock"' EXIT

# Which CUDA's bindings: the oldest whose libraries are looked for by today's names. They are loaded when the program
# runs.
export CUDARC_CUDA_VERSION=${CUDARC_CUDA_VERSION:-13000}
if [ ${#stub[@]} = 0 ]; then stub=(--locked); fi
cargo build --release --target-dir target/cuda --package outgrow-benches --bin gpu \
    --features "$features,outgrow-benches/wgpu" "${stub[@]}"

mkdir -p target/gpu
xz --threads=0 --keep --stdout -6 target/cuda/release/gpu >target/gpu/$name.xz
bytes=$(stat -c %s target/gpu/$name.xz)
echo "target/gpu/$name.xz: $((bytes >> 20)) MiB"
[ "$bytes" -lt $((64 << 20)) ] || { echo "more than 64 MiB" >&2; exit 1; }
