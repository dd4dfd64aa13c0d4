"""What is on this machine: the driver, the GPU, PyTorch, and the libraries and headers that a GPU backend would load.

Writes one line to $RESULTS, and cuDNN's description of the device, from which graphs can be checked elsewhere, to
cudnn-device.json beside it. Needs no PyTorch, though it says less without.
"""

import ctypes
import glob
import json
import os
import platform
import shutil
import site
import subprocess
import sys
from pathlib import Path

RESULTS = Path(os.environ["RESULTS"])
LIBRARIES = ["libcuda", "libnvrtc", "libcublasLt", "libcudnn", "libnccl", "libcudart", "libnvJitLink"]
HEADERS = ["cuda_fp16.h", "cublasLt.h", "cudnn_graph.h", "nccl.h", "cuda/barrier"]


def answer(*command):
    """What a program prints, or why it prints nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"({error})"
    return (done.stdout or done.stderr).strip()


def folders():
    """Where CUDA's files are usually."""
    places = [place for place in [*site.getsitepackages(), *sys.path] if place]
    packages = [path for place in places for path in glob.glob(f"{place}/nvidia/*")]
    toolkits = [*glob.glob("/usr/local/cuda*"), "/opt/cuda", "/usr", "/usr/local/nvidia", os.environ.get("CUDA_PATH")]
    return [folder for folder in dict.fromkeys(toolkits + packages) if folder and os.path.isdir(folder)]


def found(name, places):
    paths = [path for folder in folders() for place in places for path in glob.glob(f"{folder}/{place}/{name}")]
    return list(dict.fromkeys(os.path.realpath(path) for path in paths))


def libraries():
    cached = answer("ldconfig", "-p").splitlines()
    places = ["lib", "lib64", "targets/*/lib", "lib/x86_64-linux-gnu"]
    answers = {}
    for library in LIBRARIES:
        by_loader = [line.split()[-1] for line in cached if line.strip().startswith(f"{library}.so")]
        answers[library] = {"ldconfig": by_loader, "elsewhere": found(f"{library}.so*", places)}
    return answers


def pytorch():
    try:
        import torch
    except ImportError as error:
        return {"error": str(error)}
    answers = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    for package in ["triton", "transformers", "numpy"]:
        try:
            answers[package] = __import__(package).__version__
        except ImportError:
            answers[package] = None
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        answers["device"] = {
            "name": properties.name,
            "capability": list(torch.cuda.get_device_capability(0)),
            "multiprocessors": properties.multi_processor_count,
            "memory_bytes": properties.total_memory,
            "l2_bytes": getattr(properties, "L2_cache_size", None),
        }
        answers["nccl"] = list(torch.cuda.nccl.version())
    return answers


def device_description():
    """cuDNN's JSON of the device (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, since cuDNN 9.8), or why there is none."""
    descriptor_type, device_id, json_representation, int32, char = 38, 2700, 2702, 23, 24
    places = ["lib", "lib64", "targets/*/lib"]
    paths = [path for path in found("libcudnn.so.9*", places)] or ["libcudnn.so.9"]
    try:
        library = ctypes.CDLL(paths[0], mode=ctypes.RTLD_GLOBAL)
        descriptor, index, count = ctypes.c_void_p(), ctypes.c_int32(0), ctypes.c_int64()
        buffer = ctypes.create_string_buffer(1 << 20)

        def call(name, *arguments):
            status = getattr(library, f"cudnnBackend{name}")(*arguments)
            if status != 0:
                raise RuntimeError(f"cudnnBackend{name} gives status {status}")

        one = ctypes.c_int64(1)
        call("CreateDescriptor", descriptor_type, ctypes.byref(descriptor))
        call("SetAttribute", descriptor, device_id, int32, one, ctypes.byref(index))
        call("Finalize", descriptor)
        length = ctypes.c_int64(len(buffer))
        call("GetAttribute", descriptor, json_representation, char, length, ctypes.byref(count), buffer)
        text = buffer.raw[: count.value].rstrip(b"\0").decode()
        (RESULTS.parent / "cudnn-device.json").write_text(text)
        return {"library": paths[0], "bytes": len(text)}
    except (OSError, AttributeError, RuntimeError, UnicodeDecodeError) as error:
        return {"library": paths[0], "error": str(error)}


def main():
    query = "name,driver_version,memory.total,clocks.sm,clocks.mem,clocks.max.sm,power.limit,persistence_mode"
    line = {
        "program": "machine",
        "part": "machine",
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "python": f"{platform.python_version()} at {sys.executable}",
        "nvidia-smi": answer("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"),
        "nvcc": answer("nvcc", "--version").splitlines()[-1:],
        "programs": {name: shutil.which(name) for name in ["nvcc", "ncu", "nsys", "compute-sanitizer", "xz", "zstd"]},
        "CUDA_PATH": os.environ.get("CUDA_PATH"),
        "libraries": libraries(),
        "headers": {name: found(name, ["include", "include/cccl"]) for name in HEADERS},
        "pytorch": pytorch(),
        "cudnn_device_description": device_description(),
    }
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


main()
