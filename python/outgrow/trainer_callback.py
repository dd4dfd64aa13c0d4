"""A callback for the Trainer of transformers that writes a run: `outgrow report` then shows it beside others.

    from outgrow.token_shards import TokenShards
    from outgrow.trainer_callback import RunCallback

    training = TokenShards("shards/training", sequence_length=512)
    validation = TokenShards("shards/validation", sequence_length=512, sequences=64)
    arguments = TrainingArguments(..., logging_steps=1, eval_strategy="steps", eval_steps=100, eval_on_start=True)
    callback = RunCallback("runs/scratch-seed-1", training=training, validation=validation)
    trainer = Trainer(model, arguments, train_dataset=training, eval_dataset=validation, callbacks=[callback])
    trainer.train()

Any other data set of sequences of one length does too, with `sequence_length` in place of the two; the report then says
that it is not known whether runs were measured on the same tokens.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, Optional

from transformers import TrainerCallback

from .flops import KNOWN, flops_per_token, model_description
from .program import PathLike
from .token_shards import TokenShards, data_description

#: What a model folder says that its training has cost; `outgrow grow` hands it on to the grown folder.
COST_FILE = "outgrow.json"


class RunCallback(TrainerCallback):
    """Writes `run.json` and `metrics.jsonl` into a folder of their own while a Trainer trains.

    - Each log with a loss is a step of the run, and each evaluation a validation. The seconds of a run are known only
      with `logging_steps=1`; they leave out evaluations and the loading of batches.
    - Tokens are counted as steps times the sequences of a step times the sequence's length; a last batch that is
      smaller counts whole, which `dataloader_drop_last=True` avoids.
    - FLOPs are counted for LLaMA, Mistral and Qwen2, all of them trained. Anything else needs `exact_flops_per_token`.
    - Each checkpoint of the Trainer gets an `outgrow.json` with what its training has cost. `outgrow grow` hands it on,
      and a run that begins with such a folder (`base`) counts it.

    `method` is `scratch` for what others are measured against; name it otherwise for anything grown. A run that begins
    with trained weights names their folder as `base`. Runs of one method that differ in their seed only should have
    names that end in it.
    """

    def __init__(
        self,
        folder: PathLike,
        *,
        training: Optional[TokenShards] = None,
        validation: Optional[TokenShards] = None,
        sequence_length: Optional[int] = None,
        method: str = "scratch",
        name: Optional[str] = None,
        base: Optional[PathLike] = None,
        stage: str = "train",
        exact_flops_per_token: Optional[float] = None,
    ) -> None:
        if (training is None) != (validation is None):
            raise ValueError("training and validation belong together: give both, or sequence_length")
        if (training is None) == (sequence_length is None):
            raise ValueError("give training and validation, or sequence_length in their place")
        if training is not None and validation is not None:
            sequence_length = training.sequence_length
            if validation.sequence_length != sequence_length:
                lengths = f"{sequence_length} and {validation.sequence_length}"
                raise ValueError(f"sequences of training and validation have {lengths} tokens; they must be equal")
        self.folder = Path(folder)
        self._sequence_length = int(sequence_length or 0)
        self._data = data_description(training, validation) if training and validation else None
        self._method, self._stage = method, stage
        self._name = name or self.folder.name
        self._base = None if base is None else _base(Path(base))
        self._flops_per_token = exact_flops_per_token
        self._run: Dict[str, Any] = {}
        self._step_tokens = 0
        self._began: Optional[float] = None
        self._seconds = 0.0
        self._logged_step = 0

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        config = model.config.to_dict()
        is_known = config.get("model_type") in KNOWN
        if self._flops_per_token is None:
            if not is_known:
                kinds = "LLaMA, Mistral and Qwen2"
                raise ValueError(f"FLOPs are known of {kinds}; of another model give exact_flops_per_token")
            if not all(parameter.requires_grad for parameter in model.parameters()):
                raise ValueError("FLOPs are known of models that are trained whole; give exact_flops_per_token")
            self._flops_per_token = flops_per_token(config, self._sequence_length)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        sequences = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        self._step_tokens = sequences * self._sequence_length
        self._logged_step = state.global_step
        import torch
        import transformers

        self._run = {
            "format": 1,
            "name": self._name,
            "method": self._method,
            "seed": args.seed,
            "device": f"{next(model.parameters()).device.type} (PyTorch {torch.__version__})",
            "dtype": "bf16" if args.bf16 else "f16" if args.fp16 else str(model.dtype).replace("torch.float", "f"),
            "version": f"transformers {transformers.__version__}",
            "model": model_description(config) if is_known else None,
            "parameters": parameters,
            "finished": False,
        }
        if self._data is not None:
            self._run["data"] = self._data
        if self._base is not None:
            self._run["base"] = self._base
        if not state.is_world_process_zero:
            return
        metrics = self.folder / "metrics.jsonl"
        if state.global_step == 0 and metrics.exists() and metrics.stat().st_size > 0:
            raise FileExistsError(f"{self.folder}: holds a run already; give the callback another folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        # A Trainer that goes on from a checkpoint takes the steps behind it again.
        lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True) if metrics.exists() else []
        metrics.write_text("".join(filter(_is_until(state.global_step), lines)), encoding="utf-8")
        self._write_run()

    def on_step_begin(self, args, state, control, **kwargs):
        self._began = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        if self._began is not None:
            self._seconds += time.perf_counter() - self._began

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        steps = state.global_step - self._logged_step
        line = self._line(state.global_step)
        line.update({"loss": logs["loss"], "learning_rate": logs.get("learning_rate", 0.0)})
        if "grad_norm" in logs:
            line["grad_norm"] = logs["grad_norm"]
        if steps > 0 and self._seconds > 0.0:
            line["tokens_per_second"] = round(steps * self._step_tokens / self._seconds)
            if steps == 1:
                line["seconds"] = round(self._seconds, 6)
        self._seconds, self._logged_step = 0.0, state.global_step
        self._append(line)

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        if metrics and "eval_loss" in metrics and state.is_world_process_zero:
            self._append({**self._line(state.global_step), "validation_loss": metrics["eval_loss"]})

    def on_save(self, args, state, control, **kwargs):
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            self.write_cost(folder, state.global_step)

    def on_train_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self._run["finished"] = state.global_step >= state.max_steps
            self._logged_step = state.global_step
            self._write_run()

    def write_cost(self, folder: PathLike, step: Optional[int] = None) -> None:
        """Says in a model's folder what it has cost, after `trainer.save_model(folder)`, say; by default until now."""
        line = self._line(self._logged_step if step is None else step)
        cost: Dict[str, Any] = {"format": 1}
        for key in ("tokens", "flops", "flops_6nt"):
            before = 0 if self._base is None else self._base[key]
            cost[key] = None if before is None else before + line[key]
        _write(Path(folder) / COST_FILE, json.dumps(cost, indent=2) + "\n")

    def _line(self, step: int) -> Dict[str, Any]:
        tokens = step * self._step_tokens
        return {
            "step": step,
            "tokens": tokens,
            "stage": self._stage,
            "flops": tokens * float(self._flops_per_token or 0.0),
            "flops_6nt": 6.0 * self._run["parameters"] * tokens,
        }

    def _append(self, line: Dict[str, Any]) -> None:
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _write_run(self) -> None:
        _write(self.folder / "run.json", json.dumps(self._run, indent=2) + "\n")


def _base(folder: Path) -> Dict[str, Any]:
    """A base as run.json names it. What its folder doesn't say is unknown, and so is then what the run has cost.

    A run's folder stands for its last checkpoint.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"base: {folder}: no such folder; give the one of the model that the run begins with")
    name = folder.name
    if (folder / "run.json").is_file() and (folder / "final").is_dir():
        folder = folder / "final"
    file = folder / COST_FILE
    cost = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {"name": name, **{key: cost.get(key) for key in ("tokens", "flops", "flops_6nt")}}


def _is_until(step: int):
    def is_until(line: str) -> bool:
        try:
            return json.loads(line)["step"] <= step
        except ValueError:
            return False

    return is_until


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
