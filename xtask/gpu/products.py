"""Matrix products of PyTorch and of cuBLASLt at the shapes that benches/src/gpu/products.rs has, in TFLOP/s.

NT is a linear map forward, NN the gradient of its input, TN that of its weight. PyTorch multiplies bf16 into
bf16 and f32 into f32. cuBLASLt, asked directly, multiplies bf16 into f32, alone and with an f32 matrix added that isn't
the result: what residual sums and the accumulation of gradients would need.
"""

import sys
import time

import torch

from cublaslt import Library
from results import DEVICE, REHEARSE, finish, measure, milliseconds, model

PART = "products of PyTorch"
ROWS, ROWS_OF_HEAD, SIDE = (256, 256, 256) if REHEARSE else (16384, 4096, 8192)


def products():
    """Name, rows, inputs and outputs of each linear map."""
    yield f"{SIDE}³", SIDE, SIDE, SIDE
    for name in ["small"] if REHEARSE else ["1.1b", "124m", "410m"]:
        numbers = model(name)
        hidden, intermediate = numbers["hidden"], numbers["intermediate"]
        yield f"{name} queries", ROWS, hidden, hidden
        yield f"{name} gate", ROWS, hidden, intermediate
        yield f"{name} down", ROWS, intermediate, hidden
        yield f"{name} head", ROWS_OF_HEAD, hidden, numbers["vocabulary"]


def operands(arrangement, rows, inputs, outputs, dtype):
    """Two matrices as they lie in memory, and whether each is read transposed."""

    def matrix(*shape):
        return torch.randn(shape, device=DEVICE, dtype=dtype)

    if arrangement == "NT":
        return matrix(rows, inputs), False, matrix(outputs, inputs), True
    if arrangement == "NN":
        return matrix(rows, outputs), False, matrix(outputs, inputs), False
    return matrix(rows, outputs), True, matrix(rows, inputs), False


def rate(product, arrangement, precision, multiply):
    name, rows, inputs, outputs = product
    took = milliseconds(multiply)
    return {
        "product": name,
        "arrangement": arrangement,
        "precision": precision,
        "rows_inputs_outputs": [rows, inputs, outputs],
        "milliseconds": took,
        "teraflops": 2 * rows * inputs * outputs / took / 1e9,
    }


def by_pytorch(product, arrangement, dtype, precision):
    left, left_transposed, right, right_transposed = operands(arrangement, *product[1:], dtype)
    left, right = left.t() if left_transposed else left, right.t() if right_transposed else right
    return rate(product, arrangement, precision, lambda: torch.mm(left, right))


def by_cublaslt(library, product, arrangement, added):
    left, left_transposed, right, right_transposed = operands(arrangement, *product[1:], torch.bfloat16)
    multiply = library.product(left, left_transposed, right, right_transposed, added)
    expected = (left.t() if left_transposed else left).float() @ (right.t() if right_transposed else right).float()
    error = (multiply() - expected - (1.0 if added else 0.0)).norm() / expected.norm()
    line = rate(product, arrangement, "bf16 to f32 + C" if added else "bf16 to f32", multiply)
    return {**line, "relative_error": error.item()}


def main():
    library, why_not = None, "a rehearsal has no GPU"
    if not REHEARSE:
        try:
            library = Library()
        except Exception as error:
            why_not = str(error)
    if library is None:
        print(f"cuBLASLt isn't asked directly: {why_not}", file=sys.stderr)
    ways = [("bf16", lambda product, arrangement: by_pytorch(product, arrangement, torch.bfloat16, "bf16"))]
    if library is not None:
        ways.append(("bf16 to f32", lambda product, arrangement: by_cublaslt(library, product, arrangement, False)))
        ways.append(("bf16 to f32 + C", lambda product, arrangement: by_cublaslt(library, product, arrangement, True)))
    ways.append(("f32", lambda product, arrangement: by_pytorch(product, arrangement, torch.float32, "f32")))
    start = time.monotonic()
    for precision, way in ways:
        for arrangement in ["NT", "NN", "TN"]:
            for product in products():
                # Large f32 products are slow and decide little: only the forward ones.
                if precision == "f32" and arrangement != "NT":
                    continue
                name = f"{product[0]} {arrangement} in {precision}"
                measure(PART, name, lambda: way(product, arrangement))
    print(f"products: {time.monotonic() - start:.0f} s", file=sys.stderr)


main()
finish()
