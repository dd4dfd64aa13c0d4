"""A training step of a LLaMA in PyTorch as fast as a few lines have it: bf16 by autocast, with torch.compile or not.

usage: training_step.py MODEL    (a name of benches/src/gpu/models.json)

Tokens a second, memory, and the time of the first step, in which it compiles. Weights, moments and residuals are f32.
What MFU that is, `gpu table` says.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from results import DEVICE, finish, measure, model, synchronize

WARMUP_STEPS, STEPS = 3, 10


class Layer(nn.Module):
    """Queries, keys and values are one product, and so are gate and up."""

    def __init__(self, numbers):
        super().__init__()
        hidden, intermediate = numbers["hidden"], numbers["intermediate"]
        self.heads, self.key_value_heads = numbers["heads"], numbers["key_value_heads"]
        self.head_dim = hidden // self.heads
        rows = (self.heads + 2 * self.key_value_heads) * self.head_dim
        self.input_layernorm = nn.RMSNorm(hidden, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(hidden, eps=1e-5)
        self.qkv_proj = nn.Linear(hidden, rows, bias=False)
        self.o_proj = nn.Linear(hidden, hidden, bias=False)
        self.gate_up_proj = nn.Linear(hidden, 2 * intermediate, bias=False)
        self.down_proj = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x, cosines, sines):
        batch, sequence, hidden = x.shape
        heads = self.qkv_proj(self.input_layernorm(x)).view(batch, sequence, -1, self.head_dim).transpose(1, 2)
        query, key, value = heads.split([self.heads, self.key_value_heads, self.key_value_heads], 1)

        def rotate(rows):
            first, second = rows.float().chunk(2, -1)
            turned = (first * cosines - second * sines, second * cosines + first * sines)
            return torch.cat(turned, -1).to(rows.dtype)

        grouped = self.heads != self.key_value_heads
        attended = F.scaled_dot_product_attention(rotate(query), rotate(key), value, is_causal=True, enable_gqa=grouped)
        x = x + self.o_proj(attended.transpose(1, 2).reshape(batch, sequence, hidden))
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, -1)
        return x + self.down_proj(F.silu(gate) * up)


class Head(nn.Module):
    def __init__(self, numbers):
        super().__init__()
        self.norm = nn.RMSNorm(numbers["hidden"], eps=1e-5)
        self.lm_head = nn.Linear(numbers["hidden"], numbers["vocabulary"], bias=False)

    def forward(self, x, targets):
        logits = self.lm_head(self.norm(x)).flatten(0, 1)
        return F.cross_entropy(logits.float(), targets.flatten())


class Decoder(nn.Module):
    def __init__(self, numbers):
        super().__init__()
        self.embed_tokens = nn.Embedding(numbers["vocabulary"], numbers["hidden"])
        self.layers = nn.ModuleList(Layer(numbers) for _ in range(numbers["layers"]))
        self.head = Head(numbers)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        if numbers["tied"]:
            self.head.lm_head.weight = self.embed_tokens.weight
        half = numbers["hidden"] // numbers["heads"] // 2
        positions = torch.arange(numbers["sequence"]).float()
        angles = torch.outer(positions, 10000.0 ** (-torch.arange(half).float() / half))
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())

    def forward(self, inputs, targets):
        x = self.embed_tokens(inputs)
        for layer in self.layers:
            x = layer(x, self.cosines, self.sines)
        return self.head(x, targets)


def steps(numbers, compiled):
    torch.manual_seed(0)
    with torch.device(DEVICE):
        decoder = Decoder(numbers)
    if compiled:
        # Layers share their code, so that one of them is compiled for all.
        for module in [*decoder.layers, decoder.head]:
            module.compile()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    shape, losses, first_seconds = (numbers["batch"], numbers["sequence"] + 1), [], 0.0
    for step in range(WARMUP_STEPS + STEPS):
        if step == WARMUP_STEPS:
            synchronize()
            start = time.perf_counter()
        begin = time.perf_counter()
        tokens = torch.randint(0, numbers["vocabulary"], shape, device=DEVICE)
        with torch.autocast(DEVICE, torch.bfloat16):
            loss = decoder(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.detach())
        if step == 0:
            synchronize()
            first_seconds = time.perf_counter() - begin
    synchronize()
    seconds = (time.perf_counter() - start) / STEPS
    return {
        "compiled": compiled,
        "parameters": sum(parameter.numel() for parameter in decoder.parameters()),
        "sequence": numbers["sequence"],
        "batch": numbers["batch"],
        "milliseconds": 1e3 * seconds,
        "tokens_per_second": numbers["batch"] * numbers["sequence"] / seconds,
        "first_seconds": first_seconds,
        "losses": [loss.item() for loss in losses],
        "reserved_bytes": torch.cuda.max_memory_reserved() if DEVICE == "cuda" else None,
    }


def main():
    torch.set_float32_matmul_precision("high")
    name = sys.argv[1]
    # The eager one takes seconds and is something to have, should the compiler fail or take too long.
    for compiled in [False, True]:
        words = f"{name} step in bf16, {'compiled' if compiled else 'eager'}"
        measure(f"step-{name} of PyTorch", words, lambda: {"model": name, **steps(model(name), compiled)})


main()
finish()
