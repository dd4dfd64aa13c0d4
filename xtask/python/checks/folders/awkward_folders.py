"""Small folders with a model as other people's tools leave them, each with one awkward property, for check_folders.py.

A case makes a folder and says what it stands for: which plain folder has the same model (`like`), how many notes
outgrow prints of it, what is refused and in which words, and what transformers makes of it where that is something
else.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

LAYERS = 3
SIZES = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64)  # fmt: skip
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
INDEX = "model.safetensors.index.json"


@dataclass
class Case:
    """A folder, and what it must give."""

    name: str
    make: Callable[[Path], None]
    like: str | None = "plain"
    notes: int = 0
    # Words of the line that running it is refused with. Growth goes on without what running needs, unless `grows` says
    # otherwise.
    refused: str | None = None
    grows: bool = True
    # "same", "error", or "random" where transformers draws what is missing.
    transformers: str = "same"
    # What of the folder is given; all of it.
    path: str = ""
    # The grown folder has more tensors than that of `like`: buffers, which come along with their layers.
    has_buffers: bool = False


CASES: list[Case] = []


def case(**expected) -> Callable:
    """Adds the function below as a case of its name."""

    def add(make: Callable[[Path], None]) -> Callable[[Path], None]:
        CASES.append(Case(make.__name__, make, **expected))
        return make

    return add


def config(**changes) -> dict:
    base = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0,
                tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, torch_dtype="float32", **SIZES)  # fmt: skip
    base.update(changes)
    return {key: value for key, value in base.items() if value != "ABSENT"}


def weights(head: bool = True, seed: int = 0, vocab_size: int = SIZES["vocab_size"]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * 0.25

    hidden, inner, keys = SIZES["hidden_size"], SIZES["intermediate_size"], SIZES["hidden_size"] // 2
    tensors = {EMBEDDING: draw(vocab_size, hidden)}
    for layer in range(LAYERS):
        shapes = {"self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (keys, hidden), "self_attn.v_proj": (keys, hidden),
                  "self_attn.o_proj": (hidden, hidden), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
                  "mlp.down_proj": (hidden, inner)}  # fmt: skip
        for name, shape in shapes.items():
            tensors[f"model.layers.{layer}.{name}.weight"] = draw(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"model.layers.{layer}.{name}.weight"] = 1 + draw(hidden)
    tensors["model.norm.weight"] = 1 + draw(hidden)
    if head:
        tensors[HEAD] = draw(vocab_size, hidden)
    return tensors


def write(folder: Path, settings: dict | str, tensors: dict[str, torch.Tensor] | None) -> None:
    """config.json, a tokenizer of words, and the tensors in one file."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        settings if isinstance(settings, str) else json.dumps(settings), encoding="utf-8"
    )
    tokenizer = Tokenizer(models.WordLevel({f"w{word}": word for word in range(SIZES["vocab_size"])}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    if tensors is not None:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def shard(
    folder: Path, settings: dict, tensors: dict[str, torch.Tensor], change: Callable[[dict], None] = lambda _: None
) -> None:
    """The same in two shards; `change` is done to the index."""
    write(folder, settings, None)
    names, index = list(tensors), {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    whole = {"metadata": {"total_size": 1}, "weight_map": index}
    change(whole)
    (folder / INDEX).write_text(json.dumps(whole))


def with_head(**changes) -> dict[str, torch.Tensor]:
    """Tied weights with a head once more."""
    tensors = weights(head=False)
    return tensors | {HEAD: tensors[EMBEDDING].clone()} | changes


TIED = dict(tie_word_embeddings=True)
SECOND = "model-00002-of-00002.safetensors"


@case()
def plain(folder):
    write(folder, config(), weights())


@case(like="tied")
def tied(folder):
    write(folder, config(**TIED), weights(head=False))


@case(notes=1)
def tied_but_other_head(folder):
    write(folder, config(**TIED), weights())


@case(like="tied")
def tied_same_head(folder):
    write(folder, config(**TIED), with_head())


@case(like="tied", notes=1)
def tied_only_head(folder):
    tensors = with_head()
    del tensors[EMBEDDING]
    write(folder, config(**TIED), tensors)


@case(refused="`lm_head.weight` is missing", grows=False, transformers="random")
def untied_no_head(folder):
    write(folder, config(), weights(head=False))


@case(like="tied", notes=1)
def tied_base_model(folder):
    tensors = {name.removeprefix("model."): one for name, one in weights(head=False).items()}
    write(folder, config(architectures=["LlamaModel"], **TIED), tensors)


@case(refused="a model without its head", notes=1, transformers="random", like=None)
def base_model(folder):
    tensors = {name.removeprefix("model."): one for name, one in weights(head=False).items()}
    write(folder, config(architectures=["LlamaModel"]), tensors)


@case(notes=1, transformers="random")
def compiled(folder):
    write(folder, config(), {f"_orig_mod.{name}": one for name, one in weights().items()})


@case(notes=1, transformers="random")
def data_parallel(folder):
    write(folder, config(), {f"module.{name}": one for name, one in weights().items()})


@case(notes=1)
def inv_freq(folder):
    more = {f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": torch.rand(4) for layer in range(LAYERS)}
    write(folder, config(), weights() | more)


@case(notes=1)
def integers(folder):
    write(folder, config(), weights() | {"model.position_ids": torch.arange(64).unsqueeze(0)})


@case(notes=1)
def truth_values(folder):
    write(folder, config(), weights() | {"model.layers.0.self_attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool)})


@case(notes=1)
def bytes_unknown(folder):
    write(folder, config(), weights() | {"model.layers.0.self_attn.table": torch.zeros(8, dtype=torch.uint8)})


@case(notes=1)
def unknown_floats(folder):
    write(folder, config(), weights() | {"model.layers.0.self_attn.masked_bias": torch.tensor(-1e9)})


@case()
def sixty_four_bits(folder):
    tensors = weights()
    tensors["model.norm.weight"] = tensors["model.norm.weight"].double()
    write(folder, config(), tensors)


@case(like="tied", notes=1)
def index_lacks_a_head(folder):
    shard(folder, config(**TIED), with_head(), lambda index: index["weight_map"].pop(HEAD))


@case(like="tied", notes=1)
def index_lists_a_ghost(folder):
    shard(folder, config(**TIED), weights(head=False), lambda index: index["weight_map"].update({HEAD: SECOND}))


@case(notes=1, transformers="error")
def index_lists_a_missing_file(folder):
    shard(
        folder,
        config(),
        weights(),
        lambda index: index["weight_map"].update({"model.position_ids": "gone.safetensors"}),
    )


@case(transformers="error")
def index_without_metadata(folder):
    shard(folder, config(), weights(), lambda index: index.pop("metadata"))


# Two things are odd about it: it isn't listed, and it isn't needed.
@case(notes=2)
def shard_holds_more_than_the_index(folder):
    shard(
        folder,
        config(),
        weights() | {"model.extra": torch.ones(3)},
        lambda index: index["weight_map"].pop("model.extra"),
    )


@case(notes=1, transformers="error")
def no_index(folder):
    shard(folder, config(), weights())
    (folder / INDEX).unlink()


@case(notes=1)
def one_file_and_shards(folder):
    shard(folder, config(), weights(seed=5))
    save_file(weights(), folder / "model.safetensors", metadata={"format": "pt"})


@case(refused="names shards that are not there", grows=False, transformers="error")
def shard_missing(folder):
    shard(folder, config(), weights())
    (folder / SECOND).unlink()


@case(notes=1)
def attention_dropout(folder):
    write(folder, config(attention_dropout=0.1), weights())


@case(notes=1)
def mistral_with_a_long_window(folder):
    write(folder, config(architectures=["MistralForCausalLM"], model_type="mistral", sliding_window=4096), weights())


@case(notes=1)
def mistral_that_leaves_its_window_out(folder):
    write(folder, config(architectures=["MistralForCausalLM"], model_type="mistral"), weights())


@case(refused="`sliding_window` is 8", like=None)
def mistral_with_a_window(folder):
    write(folder, config(architectures=["MistralForCausalLM"], model_type="mistral", sliding_window=8), weights())


@case(notes=1)
def window_not_used(folder):
    write(folder, config(sliding_window=8, use_sliding_window=False, max_window_layers=1), weights())


@case(notes=1)
def bare_infinity(folder):
    write(folder, json.dumps(config(router_limit=float("inf"), loss_scale=float("nan"), low=float("-inf"))), weights())


@case()
def tagged_infinity(folder):
    write(folder, config(time_step_limit=[0.0, {"__float__": "Infinity"}]), weights())


@case(notes=1, transformers="error")
def byte_order_mark(folder):
    write(folder, "\ufeff" + json.dumps(config()), weights())


@case()
def long_number(folder):
    write(folder, config(model_max_length=1000000000000000019884624838656), weights())
    (folder / "tokenizer_config.json").write_text(
        '{"model_max_length": 1000000000000000019884624838656, "limit": Infinity}'
    )


@case(notes=2)
def negative_ids(folder):
    write(folder, config(bos_token_id=-1, eos_token_id=[-1], pad_token_id=-1), weights())


@case()
def newer_spelling(folder):
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    write(
        folder,
        config(rope_theta="ABSENT", rope_parameters=rope, torch_dtype="ABSENT", dtype="float32", head_dim=None),
        weights(),
    )


@case(like="theta", notes=1)
def two_thetas(folder):
    write(folder, config(rope_parameters={"rope_type": "default", "rope_theta": 500.0}), weights())


@case(like="theta")
def theta(folder):
    write(folder, config(rope_theta=500.0), weights())


@case(notes=1)
def dynamic_rope(folder):
    write(folder, config(rope_scaling={"type": "dynamic", "factor": 2.0}), weights())


@case(transformers="error")
def rope_of_nulls(folder):
    write(folder, config(rope_scaling={"type": None, "factor": None}), weights())


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


@case(like="llama3")
def llama3(folder):
    write(folder, config(rope_scaling=LLAMA3 | {"original_max_position_embeddings": 16}), weights())


@case(like="llama3")
def llama3_with_the_length_outside(folder):
    write(folder, config(rope_scaling=LLAMA3, original_max_position_embeddings=16), weights())


@case(like="llama3", notes=1)
def llama3_with_two_lengths(folder):
    scaling = LLAMA3 | {"original_max_position_embeddings": 32}
    write(folder, config(rope_scaling=scaling, original_max_position_embeddings=16), weights())


@case(refused='`rope_type` is "yarn"', like=None)
def yarn(folder):
    write(
        folder,
        config(rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}),
        weights(),
    )


@case(notes=1, transformers="error")
def type_auto(folder):
    write(folder, config(torch_dtype="auto"), weights())


@case()
def type_float(folder):
    write(folder, config(torch_dtype="float"), weights())


@case(transformers="error")
def model_type_missing(folder):
    write(folder, config(model_type="ABSENT"), weights())


@case(refused="quantised", grows=False, transformers="error")
def quantised(folder):
    write(folder, config(quantization_config={"quant_method": "gptq", "bits": 4}), weights())


@case(refused="set `vocab_size` to 65", grows=False, transformers="error")
def resized(folder):
    write(folder, config(), weights(vocab_size=65))


@case(refused="is F8_E4M3", grows=False, like=None)
def eight_bits(folder):
    tensors = weights()
    tensors["model.norm.weight"] = tensors["model.norm.weight"].to(torch.float8_e4m3fn)
    write(folder, config(), tensors)


@case(refused="LlamaForSequenceClassification", transformers="random", like=None)
def classifier(folder):
    write(
        folder,
        config(architectures=["LlamaForSequenceClassification"]),
        weights(head=False) | {"score.weight": torch.ones(2, 32)},
    )


@case(refused="aren't numbers", like=None)
def not_a_number(folder):
    tensors = weights()
    tensors["model.norm.weight"][3] = float("nan")
    write(folder, config(), tensors)


@case(notes=1, transformers="error")
def adapter_config_left_over(folder):
    write(folder, config(), weights())
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "x", "peft_type": "LORA"}')


# With PEFT installed, transformers applies the adapter to the model beside it.
@case(refused="an adapter (LoRA) beside a whole model", grows=False, like=None)
def adapter_beside_a_model(folder):
    adapter_config_left_over(folder)
    settings = {"base_model_name_or_path": "x", "peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    shapes = {"lora_A": (2, SIZES["hidden_size"]), "lora_B": (SIZES["hidden_size"], 2)}
    names = {f"base_model.model.model.layers.{layer}.self_attn.q_proj.{part}.weight": shape
             for layer in range(LAYERS) for part, shape in shapes.items()}  # fmt: skip
    save_file({name: torch.ones(shape) for name, shape in names.items()}, folder / "adapter_model.safetensors")


@case(refused="is an adapter (LoRA) for org/base", grows=False, transformers="error")
def adapter(folder):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base", "peft_type": "LORA"}')
    save_file({"base_model.model.x": torch.ones(1)}, folder / "adapter_model.safetensors")


@case(refused="give its snapshot, ", grows=False, transformers="error", path="models--some--llama")
def hub_cache(folder):
    plain(folder / "plain")
    repository = folder / "models--some--llama"
    for name in ("blobs", "refs", "snapshots"):
        (repository / name).mkdir(parents=True)
    shutil.move(folder / "plain", repository / "snapshots" / "0123")
    (repository / "refs" / "main").write_text("0123")


@case(path="models--some--llama/snapshots/0123")
def hub_snapshot(folder):
    hub_cache(folder)
    repository = folder / "models--some--llama"
    for number, file in enumerate(sorted((repository / "snapshots" / "0123").iterdir())):
        blob = repository / "blobs" / f"{number:040x}"
        shutil.move(file, blob)
        file.symlink_to(blob)


@case(refused="pytorch_model.bin is pickled", grows=False)
def pickled(folder):
    write(folder, config(), None)
    torch.save(weights(), folder / "pytorch_model.bin")


@case(refused="is a file; give its folder", grows=False, transformers="error", path="model.safetensors")
def a_file(folder):
    plain(folder)


def neox(buffers: bool) -> tuple[dict, dict[str, torch.Tensor]]:
    settings = dict(architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", vocab_size=64, hidden_size=32, intermediate_size=48,
                    num_hidden_layers=LAYERS, num_attention_heads=4, max_position_embeddings=64, rotary_pct=0.25,
                    tie_word_embeddings=False, torch_dtype="float16", bos_token_id=0, eos_token_id=0)  # fmt: skip
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return (torch.randn(*shape, generator=generator) * 0.2).half()

    tensors = {"gpt_neox.embed_in.weight": draw(64, 32), "embed_out.weight": draw(64, 32),
               "gpt_neox.final_layer_norm.weight": draw(32), "gpt_neox.final_layer_norm.bias": draw(32)}  # fmt: skip
    for layer in range(LAYERS):
        prefix = f"gpt_neox.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors |= {f"{prefix}{name}.weight": draw(32), f"{prefix}{name}.bias": draw(32)}
        for name, rows, columns in (("attention.query_key_value", 96, 32), ("attention.dense", 32, 32),
                                    ("mlp.dense_h_to_4h", 48, 32), ("mlp.dense_4h_to_h", 32, 48)):  # fmt: skip
            tensors |= {f"{prefix}{name}.weight": draw(rows, columns), f"{prefix}{name}.bias": draw(rows)}
        if buffers:
            tensors[f"{prefix}attention.bias"] = torch.tril(torch.ones(64, 64)).bool().view(1, 1, 64, 64)
            tensors[f"{prefix}attention.masked_bias"] = torch.tensor(-1e4).half()
            tensors[f"{prefix}attention.rotary_emb.inv_freq"] = torch.rand(1).half()
    return settings, tensors


@case(like="pythia", refused="gpt_neox")
def pythia(folder):
    write(folder, *neox(False))


@case(like="pythia", refused="gpt_neox", notes=1, has_buffers=True)
def pythia_with_buffers(folder):
    write(folder, *neox(True))


@case(like=None, refused="gpt_neox", notes=1)
def pythia_tied_but_other_head(folder):
    settings, tensors = neox(False)
    write(folder, settings | TIED, tensors)


CASES_BY_NAME = {one.name: one for one in CASES}


def stored(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a grown folder."""
    return load_file(folder / "model.safetensors")
