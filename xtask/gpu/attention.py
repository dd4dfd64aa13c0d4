"""PyTorch's scaled dot-product attention by backend: causal, bf16, forward and backward, in TFLOP/s of the causal half.

Heads of 64 and 128, as many key-value heads as heads and grouped ones, sequences of 1k and 2k.
"""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from results import DEVICE, REHEARSE, finish, measure, milliseconds

PART = "attention of PyTorch"
BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}
TOKENS = 256 if REHEARSE else 16384
SEQUENCES = [64, 128] if REHEARSE else [2048, 1024]


def attend(backend, sequence, heads, key_value_heads, head_dim, is_backward):
    batch = TOKENS // sequence

    def rows(count):
        shape = (batch, count, sequence, head_dim)
        return torch.randn(shape, device=DEVICE, dtype=torch.bfloat16, requires_grad=True)

    query, key, value = rows(heads), rows(key_value_heads), rows(key_value_heads)
    gradient = torch.randn_like(query)
    grouped = {"enable_gqa": True} if heads != key_value_heads else {}

    def forward():
        return F.scaled_dot_product_attention(query, key, value, is_causal=True, **grouped)

    # Two products forward and five backward (PyTorch's makes the scores again), of half the square.
    product = batch * heads * sequence * sequence * head_dim
    with sdpa_kernel(backend):
        if is_backward:
            output = forward()
            inputs = (query, key, value)
            took = milliseconds(lambda: torch.autograd.grad(output, inputs, gradient, retain_graph=True))
        else:
            with torch.no_grad():
                took = milliseconds(forward)
    products = 5 if is_backward else 2
    return {"milliseconds": took, "teraflops": products * product / took / 1e9}


def main():
    # The math backend keeps all scores: last, and only where they are few.
    for name, backend in BACKENDS.items():
        for sequence in SEQUENCES[1:] if name == "math" else SEQUENCES:
            for heads, key_value_heads, head_dim in [(32, 4, 64), (16, 4, 128), (12, 12, 64), (16, 16, 128)]:
                shape = (sequence, heads, key_value_heads, head_dim)
                words = f"{name}, {heads} heads on {key_value_heads} of {head_dim}, {sequence} tokens"
                measure(PART, f"{words}, forward", lambda: attend(backend, *shape, False))
                measure(PART, f"{words}, backward", lambda: attend(backend, *shape, True))


main()
finish()
