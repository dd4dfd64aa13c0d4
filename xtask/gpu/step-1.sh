#!/usr/bin/env bash
# One look at a GPU: what burn, PyTorch and the machine around them can do, in nine minutes, with one table at the end.
#
# usage: xtask/gpu/step-1.sh [--rehearse] [--device DEVICE] [--minutes N]
#
#   --rehearse         small sizes, without a GPU: PyTorch on the CPU, ours on llvmpipe where it is installed, else on
#                      the CPU; parts have four times as long
#   --device DEVICE    what our program runs on: cuda, wgpu or cpu
#   --minutes N        all of it is done, or ended, by then (9)
#
# Environment: OUT (the folder of results, ./gpu-results), GPU_PROGRAM (our program, already unpacked), PYTHON (one that
# has PyTorch).
# Needs no network, no cargo, and nothing but what build.sh made. Changes no setting of the GPU.
set -u
cd "$(dirname "$0")/../.." || exit 2

rehearse=0 device="" minutes=9 patience=1
while [ $# -gt 0 ]; do
    case $1 in
        --rehearse) rehearse=1 patience=4 ;;
        --device) device=${2:?--device needs a device}; shift ;;
        --minutes) minutes=${2:?--minutes needs a number}; shift ;;
        *) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

OUT=${OUT:-gpu-results}
mkdir -p "$OUT" || exit 2
OUT=$(cd "$OUT" && pwd)
export RESULTS=$OUT/results.jsonl REHEARSE=$rehearse PYTHONUNBUFFERED=1
log=$OUT/results.log
: >"$RESULTS"
: >"$log"
# The table and the files have to be written too.
end=$((SECONDS + minutes * 60 - 15))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

say() { echo "[$SECONDS s] $*"; }

# Our program: as it is, unpacked from what was carried, or a developer's own.
find_program() {
    local packed=target/gpu/outgrow-gpu
    if [ -n "${GPU_PROGRAM:-}" ]; then program=$GPU_PROGRAM
    elif [ -x $packed ]; then program=$PWD/$packed
    elif [ -f $packed.xz ]; then unpack $packed.xz "$scratch/gpu" && program=$scratch/gpu
    elif [ $rehearse = 1 ] && [ -x target/debug/gpu ]; then program=$PWD/target/debug/gpu
    else say "our program isn't here: xtask/gpu/build.sh builds target/gpu/outgrow-gpu.xz"
    fi
}

unpack() {
    xz -dc "$1" >"$2" 2>>"$log" ||
        python3 -c 'import lzma, sys; open(sys.argv[2], "wb").write(lzma.open(sys.argv[1]).read())' "$1" "$2" ||
        return 1
    chmod +x "$2"
}

# A Python with PyTorch, wherever the machine has one.
find_python() {
    local candidate usual=(python3 python /usr/local/bin/python3 /opt/*/bin/python3 /opt/*/.venv/bin/python3)
    for candidate in "${PYTHON:-}" "${usual[@]}"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        any_python=${any_python:-$candidate}
        if timeout 60 "$candidate" -c 'import torch' 2>/dev/null; then python=$candidate; return; fi
    done
    say "no Python here has PyTorch: its parts are left out"
}

# What our program compiles kernels by, where the loader or CubeCL wouldn't look.
find_nvrtc() {
    local packages="" folder
    [ -n "$python" ] && packages=$("$python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1] / "nvidia")')
    nvrtc_folder="" cuda_folder=${CUDA_PATH:-}
    if ! ldconfig -p 2>/dev/null | grep -q 'libnvrtc\.so'; then
        for folder in /usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib "$packages"/*/lib; do
            if ls "$folder"/libnvrtc.so* >/dev/null 2>&1; then nvrtc_folder=$folder; break; fi
        done
    fi
    if [ -z "$cuda_folder" ]; then
        for folder in /usr/local/cuda /usr/local/cuda-* /opt/cuda "$packages"/*; do
            if [ -f "$folder/include/cuda_fp16.h" ]; then cuda_folder=$folder; break; fi
        done
    fi
    say "NVRTC: ${nvrtc_folder:-by the loader}; CUDA's headers: ${cuda_folder:-not found}/include"
}

# part NAME LIMIT COMMAND...: the command, ended when its limit or the whole time is over; how it ended is a line of the
# results.
part() {
    local name=$1 limit=$(($2 * patience)) left=$((end - SECONDS)) begin=$SECONDS status ending
    shift 2
    [ "$left" -lt "$limit" ] && limit=$left
    if [ "$limit" -lt 3 ]; then
        ending="no time was left" status=1
    else
        SECONDS_LEFT=$((limit - 2)) timeout -k 3 "$limit" "$@" >>"$log" 2>&1 </dev/null
        status=$?
        case $status in 0) ending=done ;; 124 | 137) ending="out of time" ;; *) ending="failed" ;; esac
    fi
    [ "$status" = 0 ] || failures=$((failures + 1))
    say "$name: $ending"
    printf '{"program": "step-1.sh", "part": "%s", "ending": "%s", "seconds": %d, "status": %d}\n' \
        "$name" "$ending" $((SECONDS - begin)) "$status" >>"$RESULTS"
}

# ours LIMIT PART...: parts of our program, which end themselves by their own limits and write how.
ours() {
    local limit=$(($1 * patience)) left=$((end - SECONDS))
    shift
    [ -n "$program" ] || return
    [ "$left" -lt "$limit" ] && limit=$left
    [ "$limit" -lt 3 ] && { say "no time was left for $*"; return; }
    env ${nvrtc_folder:+LD_LIBRARY_PATH="$nvrtc_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"} \
        ${cuda_folder:+CUDA_PATH="$cuda_folder"} "${using:-$program}" measure --device "$device" --results "$RESULTS" --seconds "$limit" \
        $([ $rehearse = 1 ] && echo --rehearse) --part "$@" </dev/null 2>&1 | sed "s/^/[ours] /"
    [ "${PIPESTATUS[0]}" = 0 ] || failures=$((failures + 1))
}

# theirs NAME LIMIT FILE ARGUMENTS...: a program of PyTorch. What a compiler that was ended left half-written is
# nobody's cache.
theirs() {
    local name=$1 limit=$2 cache
    shift 2
    [ -n "$python" ] || return
    cache=$(mktemp -d -p "$scratch")
    part "$name" "$limit" env TORCHINDUCTOR_CACHE_DIR="$cache" TRITON_CACHE_DIR="$cache/triton" "$python" "$@"
}

program="" python="" any_python=""
find_program
find_python
find_nvrtc
if [ -z "$device" ]; then
    device=cuda
    if [ $rehearse = 1 ]; then
        device=wgpu
        [ -n "$program" ] && "$program" part device --device wgpu --rehearse >/dev/null 2>&1 </dev/null || device=cpu
    fi
fi
say "ours on $device: ${program:-none}; PyTorch: ${python:-none}; results in $OUT"

here=xtask/gpu
[ -n "$any_python" ] && part machine 40 "$any_python" $here/machine.py
ldconfig -p >"$OUT/ldconfig.txt" 2>&1
nvidia-smi -q >"$OUT/nvidia-smi.txt" 2>&1

ours 100 device first-step
# The same by LLVM, where its binary was carried too.
if [ -f target/gpu/outgrow-gpu-llvm.xz ] && unpack target/gpu/outgrow-gpu-llvm.xz "$scratch/gpu-llvm"; then
    using=$scratch/gpu-llvm ours 60 device first-step
fi
theirs "products of PyTorch" 70 $here/products.py
theirs "attention of PyTorch" 45 $here/attention.py
theirs "step of 124m in PyTorch" 80 $here/training_step.py 124m
ours 130 pieces step-124m
ours 80 products
[ $rehearse = 1 ] || theirs "step of 410m in PyTorch" 75 $here/training_step.py 410m
ours 60 copies tuning
[ $rehearse = 1 ] || theirs "step of 1.1b in PyTorch" 60 $here/training_step.py 1.1b
ours 90 step-410m step-1.1b

if [ -n "$program" ]; then
    "$program" table "$RESULTS" 2>&1 | tee "$OUT/table.txt"
else
    tail -n 200 "$RESULTS"
fi
[ $failures = 0 ] || say "$failures part(s) failed: $log"
say "done"
[ $failures = 0 ]
