"""Makes the golden files of learning rates, fifty steps by the schedulers of transformers and PyTorch.

crates/outgrow-train/tests/golden/learning-rates: config.json and model.safetensors (the start), settings.json (the
optimizer, and for each case its stages as Outgrow has them), expected.safetensors (tokens; losses, norms and rates).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, LRScheduler, SequentialLR
from transformers import LlamaForCausalLM, get_scheduler

from golden.optimization import (
    GOLDEN as OPTIMIZER,
    SEED,
    TOKENS_PER_STEP,
    WEIGHT_STD,
    predictable_tokens,
    tiny_model,
)
from models.tiny_llama import (
    compute_reproducibly,
    empty_folder,
    mean_cross_entropy,
    open_model,
    write_expected,
    write_random_model,
)

GOLDEN = OPTIMIZER / "learning-rates"
STEPS = 50
PEAK, MINIMUM = 0.01, 0.001
WARMUP = 5
ADAMW = {"betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
CLIP = 1.5

Schedule = Callable[[torch.optim.Optimizer], LRScheduler]


@dataclass(frozen=True)
class Stage:
    """Steps with one curve: in Outgrow's words, and as the scheduler that a user of PyTorch would take."""

    schedule: Schedule
    shape: Any
    steps: int = STEPS
    peak: float = PEAK
    minimum: float = 0.0
    warmup: int = WARMUP
    horizon: int = STEPS
    at_growth: str = "restart"

    def in_tokens(self) -> dict[str, Any]:
        """As a stage of a recipe has it."""
        return {
            "at_growth": self.at_growth,
            "tokens": self.steps * TOKENS_PER_STEP,
            "learning_rate": {
                "peak": self.peak,
                "minimum": self.minimum,
                "warmup_tokens": self.warmup * TOKENS_PER_STEP,
                "horizon_tokens": self.horizon * TOKENS_PER_STEP,
                "shape": self.shape,
            },
        }


def by_name(name: str, warmup: int = WARMUP, **specific: Any) -> Schedule:
    """The front door of transformers, which its Trainer goes through too."""
    return lambda optimizer: get_scheduler(
        name, optimizer, num_warmup_steps=warmup, num_training_steps=STEPS, scheduler_specific_kwargs=specific or None
    )


def up_from(rate: float, peak: float, minimum: float, warmup: int, steps: int) -> Schedule:
    """A line from `rate` to `peak`, then a cosine: two of PyTorch's, one after the other."""
    return lambda optimizer: SequentialLR(
        optimizer,
        [
            LinearLR(optimizer, start_factor=rate / peak, total_iters=warmup),
            CosineAnnealingLR(optimizer, T_max=steps - warmup, eta_min=minimum),
        ],
        milestones=[warmup],
    )


DECAY = 20
WSD = {"num_decay_steps": DECAY}
SECOND = {"peak": 0.008, "minimum": 0.0005, "warmup": 4}
FIRST_STEPS = 24


@dataclass(frozen=True)
class Case:
    """A run."""

    name: str
    stages: list[Stage] = field(default_factory=list)


def cases() -> list[Case]:
    """Every shape, and a second stage whose rate begins anew, goes on, and goes up again from where it is."""
    decay_tokens = DECAY * TOKENS_PER_STEP
    cosine = Stage(by_name("cosine_with_min_lr", min_lr_rate=MINIMUM / PEAK), "cosine", minimum=MINIMUM)
    first = Stage(cosine.schedule, "cosine", minimum=MINIMUM, steps=FIRST_STEPS)
    rest = STEPS - FIRST_STEPS

    def second(at_growth: str, rate: float) -> Stage:
        return Stage(
            up_from(rate, SECOND["peak"], SECOND["minimum"], SECOND["warmup"], rest),
            "cosine",
            steps=rest,
            horizon=rest,
            at_growth=at_growth,
            **SECOND,
        )

    return [
        Case("cosine", [cosine]),
        Case("cosine-to-zero", [Stage(by_name("cosine"), "cosine")]),
        Case("linear", [Stage(by_name("linear"), "linear")]),
        Case("constant", [Stage(by_name("constant_with_warmup"), "constant", minimum=PEAK)]),
        Case("inverse-square-root", [Stage(by_name("inverse_sqrt"), "inverse-square-root")]),
        Case(
            "wsd-linear",
            [Stage(by_name("warmup_stable_decay", decay_type="linear", **WSD), {"wsd": {"decay_tokens": decay_tokens}})],
        ),
        Case(
            "wsd-one-minus-sqrt",
            [
                Stage(
                    # With a minimum, that of transformers warms up from it, and ours from 0: so without a warm-up.
                    by_name("warmup_stable_decay", 0, decay_type="1-sqrt", min_lr_ratio=MINIMUM / PEAK, **WSD),
                    {"wsd": {"decay_tokens": decay_tokens, "decay": "one-minus-sqrt"}},
                    minimum=MINIMUM,
                    warmup=0,
                )
            ],
        ),
        # LinearLR takes no factor of 0: one that is next to nothing.
        Case("restart", [first, second("restart", 1e-18)]),
        Case("rewarm", [first, second("rewarm", rates(first)[-1])]),
    ]


def rates(stage: Stage) -> list[float]:
    """Those of its steps, by its scheduler alone."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=stage.peak)
    schedule = scheduler(optimizer, stage)
    return [next_rate(optimizer, schedule) for _ in range(stage.steps)]


def scheduler(optimizer: torch.optim.Optimizer, stage: Stage) -> LRScheduler:
    """Begins a stage's curve, whatever the rate was until then."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = stage.peak
    return stage.schedule(optimizer)


def next_rate(optimizer: torch.optim.Optimizer, schedule: LRScheduler) -> float:
    """The rate of a step, its own tokens included: a scheduler that counts finished steps is one step behind."""
    optimizer._opt_called = True  # the scheduler goes first on purpose, and would warn
    schedule.step()
    return optimizer.param_groups[0]["lr"]


RATIO, REWARM = 1.5, 8


def rate_of_new(step: int, of_stage: list[float]) -> float:
    """The rate of new parameters in a step, from those of the stage: up by the ratio, then down to the same minimum."""
    rate, up = of_stage[step], REWARM - 1
    if step < up:
        return rate * (1.0 + (RATIO - 1.0) * (step + 1) / REWARM)
    return MINIMUM + (RATIO * of_stage[up] - MINIMUM) * (rate - MINIMUM) / (of_stage[up] - MINIMUM)


def train_stacked(stage: Stage, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """The model stacked to twice its layers, with the upper ones as a parameter group of their own rate."""
    small = open_model(GOLDEN)
    config = tiny_model()
    config.num_hidden_layers *= 2
    model = LlamaForCausalLM._from_config(config, dtype=torch.float32, attn_implementation="eager")
    layers = small.config.num_hidden_layers
    values = small.state_dict()
    for name in model.state_dict():
        parts = name.split(".")
        if parts[1] == "layers":
            parts[2] = str(int(parts[2]) % layers)
        model.state_dict()[name].copy_(values[".".join(parts)])

    def is_new(name: str) -> bool:
        return name.startswith(tuple(f"model.layers.{layer}." for layer in range(layers, 2 * layers)))

    named = list(model.named_parameters())
    groups = [{"params": [p for n, p in named if is_new(n) == new]} for new in (False, True)]
    optimizer = torch.optim.AdamW(groups, **ADAMW)
    of_stage = rates(stage)
    # Rates are asked for once before the first step, so that step 0 is that of no tokens.
    after = [lambda step: of_stage[max(step - 1, 0)], lambda step: rate_of_new(max(step - 1, 0), of_stage)]
    for group in optimizer.param_groups:
        group["lr"] = 1.0
    schedule = LambdaLR(optimizer, after)
    losses, norms, of_new = [], [], []
    for batch in tokens:
        optimizer._opt_called = True
        schedule.step()
        of_new.append(optimizer.param_groups[1]["lr"])
        loss = mean_cross_entropy(model(input_ids=batch[:, :-1]).logits, batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP))
        optimizer.step()
        losses.append(loss.detach())
    return {
        "losses.new-parameters": torch.stack(losses),
        "gradient_norms.new-parameters": torch.stack(norms),
        "learning_rates.new-parameters": torch.tensor(of_stage, dtype=torch.float64),
        "new_learning_rates.new-parameters": torch.tensor(of_new, dtype=torch.float64),
    }


def train(case: Case, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """Takes all steps, and returns what each saw before its update."""
    model = open_model(GOLDEN)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, **ADAMW)
    losses, norms, learning_rates = [], [], []
    batches = iter(tokens)
    for stage in case.stages:
        schedule = scheduler(optimizer, stage)
        for _ in range(stage.steps):
            batch = next(batches)
            learning_rates.append(next_rate(optimizer, schedule))
            loss = mean_cross_entropy(model(input_ids=batch[:, :-1]).logits, batch[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP))
            optimizer.step()
            losses.append(loss.detach())
    clipped = sum(norm > CLIP for norm in norms)
    assert 5 <= clipped <= STEPS - 5, f"{case.name}: clip {CLIP} acts on {clipped} of {STEPS} steps"
    return {
        f"losses.{case.name}": torch.stack(losses),
        f"gradient_norms.{case.name}": torch.stack(norms),
        f"learning_rates.{case.name}": torch.tensor(learning_rates, dtype=torch.float64),
    }


def main() -> None:
    compute_reproducibly()
    random = numpy.random.default_rng(SEED)
    write_random_model(empty_folder(GOLDEN), tiny_model(), random, WEIGHT_STD)
    tokens = predictable_tokens(random, STEPS)
    expected = {"tokens": tokens.to(torch.uint8)}
    for case in cases():
        expected |= train(case, tokens)
    stacked = cases()[0].stages[0]
    expected |= train_stacked(stacked, tokens)
    settings = {
        "weight_decay": ADAMW["weight_decay"],
        "betas": ADAMW["betas"],
        "epsilon": ADAMW["eps"],
        "clip": CLIP,
        "new_parameters": {
            "stage": stacked.in_tokens(),
            "at_growth": {"ratio": RATIO, "rewarm_tokens": REWARM * TOKENS_PER_STEP},
        },
        "cases": {case.name: [stage.in_tokens() for stage in case.stages] for case in cases()},
    }
    (GOLDEN / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    write_expected(GOLDEN, expected)


if __name__ == "__main__":
    main()
