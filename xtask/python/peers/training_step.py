"""A training step of a LLaMA decoder in PyTorch on the CPU, as fast as PyTorch has it.

The peer of `cargo xtask bench step`.

    python -m peers.training_step --mode eager|compile|bf16|bf16-compile --threads N --layers N --hidden N
        --intermediate N --heads N --vocabulary N --sequence N --batch N --steps N --frozen-layers N

Prints one JSON line: milliseconds of each timed step (forward, backward, global clip, AdamW), seconds until the first step
was done, peak memory in bytes. Queries, keys and values are one product, and so are gate and up.
"""

import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn

WARMUP_STEPS = 3


class Layer(nn.Module):
    def __init__(self, hidden, intermediate, heads):
        super().__init__()
        self.heads = heads
        self.input_layernorm = nn.RMSNorm(hidden, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(hidden, eps=1e-5)
        self.qkv_proj = nn.Linear(hidden, 3 * hidden, bias=False)
        self.o_proj = nn.Linear(hidden, hidden, bias=False)
        self.gate_up_proj = nn.Linear(hidden, 2 * intermediate, bias=False)
        self.down_proj = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x, cosines, sines):
        batch, sequence, hidden = x.shape
        qkv = self.qkv_proj(self.input_layernorm(x)).view(batch, sequence, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)

        def rotate(heads):
            first, second = heads.chunk(2, -1)
            return torch.cat((first * cosines - second * sines, second * cosines + first * sines), -1).to(value.dtype)

        attended = F.scaled_dot_product_attention(rotate(query), rotate(key), value, is_causal=True)
        x = x + self.o_proj(attended.transpose(1, 2).reshape(batch, sequence, hidden))
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, -1)
        return x + self.down_proj(F.silu(gate) * up)


class Decoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.embed_tokens = nn.Embedding(sizes.vocabulary, sizes.hidden)
        self.layers = nn.ModuleList(Layer(sizes.hidden, sizes.intermediate, sizes.heads) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.hidden, eps=1e-5)
        self.lm_head = nn.Linear(sizes.hidden, sizes.vocabulary, bias=False)
        half = sizes.hidden // sizes.heads // 2
        angles = torch.outer(torch.arange(sizes.sequence).float(), 10000.0 ** (-torch.arange(half).float() / half))
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())

    def forward(self, inputs, targets):
        x = self.embed_tokens(inputs)
        for layer in self.layers:
            x = layer(x, self.cosines, self.sines)
        logits = self.lm_head(self.norm(x)).flatten(0, 1)
        return F.cross_entropy(logits.float(), targets.flatten())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["eager", "compile", "bf16", "bf16-compile"], required=True)
    names = ["threads", "layers", "hidden", "intermediate", "heads", "vocabulary", "sequence", "batch", "steps"]
    for name in names + ["frozen-layers"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    sizes = parser.parse_args()
    torch.set_num_threads(sizes.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    model = Decoder(sizes)
    if sizes.frozen_layers:
        model.embed_tokens.requires_grad_(False)
        for layer in model.layers[: sizes.frozen_layers]:
            layer.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    run = torch.compile(model) if sizes.mode.endswith("compile") else model
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=sizes.mode.startswith("bf16"))
    milliseconds = []
    begin = time.perf_counter()
    for step in range(WARMUP_STEPS + sizes.steps):
        tokens = torch.randint(0, sizes.vocabulary, (sizes.batch, sizes.sequence + 1))
        start = time.perf_counter()
        with autocast:
            loss = run(tokens[:, :-1], tokens[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        loss.item()
        if step == 0:
            first_step_seconds = time.perf_counter() - begin
        if step >= WARMUP_STEPS:
            milliseconds.append((time.perf_counter() - start) * 1e3)
    line = {
        "milliseconds": milliseconds,
        "first_step_seconds": first_step_seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "torch": torch.__version__,
    }
    print(json.dumps(line))


main()
