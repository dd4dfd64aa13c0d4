"""cuBLASLt by ctypes: D = A·B + C of bf16 into f32 with C apart from D, by the heuristic's first choice.

PyTorch doesn't offer this product. The numbers of the enumerations are those of cublasLt.h in CUDA 13.
"""

import ctypes
import glob
import os

import torch

CUDA_R_32F, CUDA_R_16BF, COMPUTE_32F = 0, 14, 68
TRANSPOSE_A, TRANSPOSE_B, WORKSPACE_BYTES = 3, 4, 1
WORKSPACE = 32 << 20


class Heuristic(ctypes.Structure):
    _fields_ = [
        ("algorithm", ctypes.c_uint64 * 8),
        ("workspace", ctypes.c_size_t),
        ("state", ctypes.c_int),
        ("waves", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    ]


def find():
    """The library that PyTorch has loaded, or the one beside it, or the loader's."""
    with open("/proc/self/maps") as maps:
        loaded = {line.split()[-1] for line in maps if "libcublasLt.so" in line}
    beside = glob.glob(os.path.join(os.path.dirname(torch.__file__), "../nvidia/*/lib/libcublasLt.so*"))
    return next(iter(sorted(loaded) + sorted(beside)), "libcublasLt.so")


class Library:
    def __init__(self):
        torch.mm(*[torch.ones(16, 16, device="cuda", dtype=torch.bfloat16)] * 2)
        self.library = ctypes.CDLL(find())
        self.handle = ctypes.c_void_p()
        self.call("Create", ctypes.byref(self.handle))
        self.space = torch.empty(WORKSPACE, device="cuda", dtype=torch.uint8)

    def call(self, name, *arguments):
        status = getattr(self.library, f"cublasLt{name}")(*arguments)
        if status != 0:
            raise RuntimeError(f"cublasLt{name} gives status {status}")

    def layout(self, kind, matrix):
        """A row-major matrix, which cuBLASLt sees as its transpose by columns."""
        rows, columns = matrix.shape
        layout = ctypes.c_void_p()
        numbers = [ctypes.c_uint64(columns), ctypes.c_uint64(rows), ctypes.c_int64(columns)]
        self.call("MatrixLayoutCreate", ctypes.byref(layout), ctypes.c_int(kind), *numbers)
        return layout

    def product(self, left, left_transposed, right, right_transposed, added):
        """A function that multiplies, and gives the same f32 matrix each time; `added` adds one of ones."""
        rows = left.shape[1] if left_transposed else left.shape[0]
        columns = right.shape[0] if right_transposed else right.shape[1]
        result = torch.empty(rows, columns, device="cuda", dtype=torch.float32)
        addend = torch.ones_like(result) if added else result
        description, preference = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("MatmulDescCreate", ctypes.byref(description), COMPUTE_32F, CUDA_R_32F)
        # By columns, the transposed product is right times left.
        for attribute, transposed in [(TRANSPOSE_A, right_transposed), (TRANSPOSE_B, left_transposed)]:
            value = ctypes.c_int32(int(transposed))
            self.call("MatmulDescSetAttribute", description, attribute, ctypes.byref(value), ctypes.c_size_t(4))
        self.call("MatmulPreferenceCreate", ctypes.byref(preference))
        space = ctypes.c_uint64(WORKSPACE)
        arguments = [preference, WORKSPACE_BYTES, ctypes.byref(space), ctypes.c_size_t(8)]
        self.call("MatmulPreferenceSetAttribute", *arguments)
        layouts = [self.layout(CUDA_R_16BF, right), self.layout(CUDA_R_16BF, left)]
        layouts += [self.layout(CUDA_R_32F, addend), self.layout(CUDA_R_32F, result)]
        choice, found = Heuristic(), ctypes.c_int()
        arguments = [self.handle, description, *layouts, preference, 1, ctypes.byref(choice), ctypes.byref(found)]
        self.call("MatmulAlgoGetHeuristic", *arguments)
        if found.value == 0 or choice.state != 0:
            raise RuntimeError("the heuristic offers no algorithm")
        one, beta = ctypes.c_float(1.0), ctypes.c_float(1.0 if added else 0.0)

        def pointer(matrix):
            return ctypes.c_void_p(matrix.data_ptr())

        def multiply():
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            arguments = [self.handle, description, ctypes.byref(one)]
            arguments += [pointer(right), layouts[0], pointer(left), layouts[1]]
            arguments += [ctypes.byref(beta), pointer(addend), layouts[2], pointer(result), layouts[3]]
            arguments += [ctypes.byref(choice.algorithm), pointer(self.space), ctypes.c_size_t(WORKSPACE), stream]
            self.call("Matmul", *arguments)
            return result

        return multiply
