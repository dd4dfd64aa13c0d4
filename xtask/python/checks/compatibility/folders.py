"""Small random folders for check_compatibility.py, each with one property that people's folders have.

A case is the plain LLaMA with something changed: keys of config.json, tensors, how they are stored, files beside them.
`outcome` says what is to be expected of a program that does right: "same" (whatever transformers gives), "plain"
(transformers can't open it; who does gets the plain folder's text), "refused" (no one could honour it), or None where
either can be argued for and the table only shows what is done.
"""

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from checks.compatibility.plain_folder import ABSENT, BYTE_TOKENS, GENERIC, PLAIN, Folder, decoder
from checks.compatibility.tokenizer_variants import added, byte_level, sentencepiece_model, template


@dataclass(frozen=True)
class Case:
    name: str
    words: str
    outcome: str | None
    change: Callable[[Folder], None]


CASES: list[Case] = []


def case(name: str, words: str, outcome: str | None = "same"):
    def register(change: Callable[[Folder], None]) -> Callable[[Folder], None]:
        CASES.append(Case(name, words, outcome, change))
        return change

    return register


def keys(name: str, words: str, outcome: str | None = "same", **changes) -> None:
    """A case that changes nothing but keys of config.json."""
    CASES.append(Case(name, words, outcome, lambda folder: folder.set(**changes) and None))


LLAMA_3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
BASE = {"rope_type": "default", "rope_theta": 500000.0}

keys("plain", "nothing odd")
keys("two-thetas", "rope_parameters, and an older rope_theta beside it", rope_parameters=BASE)
keys(
    "version-5",
    "as transformers 5 spells it",
    rope_theta=ABSENT,
    torch_dtype=ABSENT,
    dtype="float32",
    rope_parameters=BASE,
)
keys(
    "rope-scaling-added",
    "rope_scaling beside rope_parameters: transformers loses the base",
    None,
    rope_theta=ABSENT,
    rope_parameters=BASE,
    rope_scaling={"rope_type": "linear", "factor": 2.0},
)
keys("rope-nulls", "rope_scaling with nulls in it", "plain", rope_scaling={"type": None, "factor": None})
keys("rope-empty", "rope_scaling: {}", rope_scaling={})
keys("llama-3-rope", "llama3 scaling", rope_scaling=LLAMA_3 | {"original_max_position_embeddings": 64})
keys(
    "llama-3-outer-length",
    "llama3 scaling, original length at top level only",
    None,
    original_max_position_embeddings=64,
    rope_scaling=LLAMA_3,
)
keys("linear-rope", "linear scaling, old spelling", rope_scaling={"type": "linear", "factor": 2.0})
keys("yarn", "YaRN", rope_scaling=YARN)
keys(
    "yarn-mscale",
    "YaRN with bounds and scales of its own",
    rope_scaling=YARN | {"beta_fast": 16, "beta_slow": 0.5, "mscale": 1.2, "mscale_all_dim": 0.8, "truncate": False},
)
keys("dynamic-rope", "dynamic scaling, within its length", None, rope_scaling={"type": "dynamic", "factor": 2.0})
keys(
    "nulls",
    "head_dim, sliding_window, rope_scaling: null",
    head_dim=None,
    sliding_window=None,
    rope_scaling=None,
    pad_token_id=None,
)
keys("attention-dropout", "attention_dropout: 0.1", attention_dropout=0.1)
keys("unknown-keys", "keys that no LLaMA has", pretraining_tp=2, my_note="mine", router_limit=3)
keys("other-dropouts", "hidden_dropout, resid_pdrop", None, hidden_dropout=0.1, resid_pdrop=0.1)
keys("no-model-type", "no model_type", "plain", model_type=ABSENT)
keys("dtype-auto", "torch_dtype: auto", "plain", torch_dtype="auto")
keys("spelt-SiLU", "hidden_act: SiLU", None, hidden_act="SiLU")
keys(
    "window-beyond",
    "Mistral with a window larger than its positions",
    model_type="mistral",
    architectures=["MistralForCausalLM"],
    sliding_window=4096,
)
keys(
    "window-null",
    "Mistral without a window",
    model_type="mistral",
    architectures=["MistralForCausalLM"],
    sliding_window=None,
)
keys("ids-of-minus-one", "bos and pad of -1", bos_token_id=-1, pad_token_id=-1)
keys("tied-and-another-head", "tied, and a head of other values is stored", tie_word_embeddings=True)


@case("tied-and-the-same-head", "tied, and the embedding is stored again as head")
def _(folder: Folder) -> None:
    folder.set(tie_word_embeddings=True).tensors["lm_head.weight"] = folder.tensors["model.embed_tokens.weight"].clone()


@case("tied-and-only-the-head", "tied, stored under the head's name (save_model)")
def _(folder: Folder) -> None:
    folder.set(tie_word_embeddings=True).tensors["lm_head.weight"] = folder.tensors.pop("model.embed_tokens.weight")


@case("untied-without-head", "not tied, and no head: transformers draws a random one", "refused")
def _(folder: Folder) -> None:
    del folder.tensors["lm_head.weight"]


@case("attention-biases", "biases at q, k, v and o")
def _(folder: Folder) -> None:
    folder.set(attention_bias=True).tensors = decoder(folder.config, biases=("q_proj", "k_proj", "v_proj", "o_proj"))


QWEN2 = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}


@case("qwen2", "Qwen2: biases at q, k and v")
def _(folder: Folder) -> None:
    folder.set(**QWEN2)
    folder.tensors = decoder(folder.config, biases=("q_proj", "k_proj", "v_proj"))


@case("qwen2-yarn", "Qwen2 as 2.5 has it: tied, a window that isn't used, YaRN")
def _(folder: Folder) -> None:
    window = dict(use_sliding_window=False, sliding_window=64, max_window_layers=2)
    folder.set(**QWEN2, **window, rope_scaling={"type": "yarn"} | YARN, tie_word_embeddings=True)
    folder.config["rope_scaling"].pop("rope_type")
    folder.tensors = decoder(folder.config, biases=("q_proj", "k_proj", "v_proj"), head=False)


@case("qwen2-window", "Qwen2 whose upper layers have a window", "refused")
def _(folder: Folder) -> None:
    folder.set(**QWEN2, use_sliding_window=True, sliding_window=16, max_window_layers=1)
    folder.tensors = decoder(folder.config, biases=("q_proj", "k_proj", "v_proj"))


@case("headless-names", "saved as LlamaModel: names without `model.`, no head", "refused")
def _(folder: Folder) -> None:
    del folder.set(architectures=["LlamaModel"]).tensors["lm_head.weight"]
    folder.tensors = {name.removeprefix("model."): tensor for name, tensor in folder.tensors.items()}


@case("compiled-names", "names that begin with _orig_mod.", "plain")
def _(folder: Folder) -> None:
    folder.tensors = {f"_orig_mod.{name}": tensor for name, tensor in folder.tensors.items()}


@case("classifier", "a LlamaForSequenceClassification", "refused")
def _(folder: Folder) -> None:
    del folder.set(architectures=["LlamaForSequenceClassification"]).tensors["lm_head.weight"]
    folder.tensors["score.weight"] = torch.ones(2, 32)


@case("bare-infinity", "Infinity and NaN in config.json, as json.dump writes them")
def _(folder: Folder) -> None:
    folder.config_text = json.dumps(folder.config | {"router_limit": float("inf"), "loss_scale": float("nan")})


@case("infinity-as-object", "the same as transformers 5 writes it")
def _(folder: Folder) -> None:
    folder.set(router_limit={"__float__": "Infinity"})


@case("byte-order-mark", "config.json begins with a byte order mark", "plain")
def _(folder: Folder) -> None:
    folder.config_text = "\ufeff" + json.dumps(folder.config)


@case("huge-length", "model_max_length of 1e30 in tokenizer_config.json")
def _(folder: Folder) -> None:
    folder.tokenizer_config["model_max_length"] = 1000000000000000019884624838656


@case("rotary-buffers", "rotary_emb.inv_freq is stored")
def _(folder: Folder) -> None:
    folder.tensors |= {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in range(3)}


@case("whole-number-buffer", "position_ids (I64) are stored")
def _(folder: Folder) -> None:
    folder.tensors["model.position_ids"] = torch.arange(128).unsqueeze(0)


@case("mask-buffers", "attention.bias (BOOL) and masked_bias are stored")
def _(folder: Folder) -> None:
    folder.tensors["model.layers.0.self_attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    folder.tensors["model.layers.0.self_attn.masked_bias"] = torch.tensor(-1e9)


@case("no-metadata", "a header without __metadata__")
def _(folder: Folder) -> None:
    folder.metadata = None


def unaligned(path: Path) -> None:
    """Takes the header's padding away, so that tensors begin at an odd place."""
    stored = (path / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", stored[:8])
    header = stored[8 : 8 + length].rstrip(b" ")
    if len(header) % 2 == 0:
        header = header.replace(b'"pt"', b'"pt","x":"y"', 1)
        header += b"" if len(header) % 2 else b" "
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + stored[8 + length :])


@case("unaligned", "tensors begin at an odd byte")
def _(folder: Folder) -> None:
    folder.afterwards = unaligned


@case("shards", "two shards and an index")
def _(folder: Folder) -> None:
    folder.shards = True


def index(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        file = path / "model.safetensors.index.json"
        written = json.loads(file.read_text())
        change(written["weight_map"])
        file.write_text(json.dumps(written))

    return edit


@case("index-lacks-a-tensor", "tied; a shard has the head, the index doesn't")
def _(folder: Folder) -> None:
    folder.set(tie_word_embeddings=True).tensors["lm_head.weight"] = folder.tensors["model.embed_tokens.weight"].clone()
    folder.shards, folder.afterwards = True, index(lambda where: where.pop("lm_head.weight"))


@case("index-has-a-ghost", "tied; the index has a head that no shard has")
def _(folder: Folder) -> None:
    del folder.set(tie_word_embeddings=True).tensors["lm_head.weight"]
    ghost = {"lm_head.weight": "model-00002-of-00002.safetensors"}
    folder.shards, folder.afterwards = True, index(lambda where: where.update(ghost))


@case("shard-missing", "the index names a shard that isn't there", "refused")
def _(folder: Folder) -> None:
    folder.shards = True
    folder.afterwards = lambda path: (path / "model-00002-of-00002.safetensors").unlink()


@case("index-missing", "shards, and no index", "plain")
def _(folder: Folder) -> None:
    folder.shards, folder.afterwards = True, lambda path: (path / "model.safetensors.index.json").unlink()


@case("whole-and-shards", "model.safetensors beside shards of other values", None)
def _(folder: Folder) -> None:
    folder.shards = True
    folder.afterwards = lambda path: save_file(
        decoder(PLAIN, seed=5), path / "model.safetensors", metadata={"format": "pt"}
    )


@case("two-formats", "Mistral's consolidated.safetensors and params.json beside it")
def _(folder: Folder) -> None:
    folder.afterwards = lambda path: save_file(
        {"layers.0.attention.wq.weight": torch.zeros(4, 4)}, path / "consolidated.safetensors"
    )
    folder.files["params.json"] = "{}"


@case("trainer-checkpoint", "what a Trainer leaves beside a model")
def _(folder: Folder) -> None:
    folder.files |= {
        name: b"\x80\x02}q." for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")
    }
    folder.files |= {"trainer_state.json": '{"global_step": 500}', "generation_config.json": '{"eos_token_id": 2}'}


@case("bf16-and-f32", "matrices in bf16, norms in f32")
def _(folder: Folder) -> None:
    folder.set(torch_dtype="bfloat16")
    folder.tensors = {name: tensor if "norm" in name else tensor.bfloat16() for name, tensor in folder.tensors.items()}


@case("f64", "a norm in f64", None)
def _(folder: Folder) -> None:
    folder.tensors["model.norm.weight"] = folder.tensors["model.norm.weight"].double()


@case("fp8", "a matrix in fp8 without its scale", "refused")
def _(folder: Folder) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    folder.tensors[name] = folder.tensors[name].to(torch.float8_e4m3fn)


@case("not-numbers", "NaN in a norm", None)
def _(folder: Folder) -> None:
    folder.tensors["model.norm.weight"][3] = float("nan")


@case("row-too-many", "the embedding has a row more than config.json says", "refused")
def _(folder: Folder) -> None:
    folder.tensors = decoder(PLAIN | {"vocab_size": 513})


@case("padded-vocabulary", "the embedding has more rows than the tokenizer has tokens")
def _(folder: Folder) -> None:
    folder.tensors = decoder(folder.set(vocab_size=640).config)


@case("adapter", "a LoRA folder", "refused")
def _(folder: Folder) -> None:
    folder.files["adapter_config.json"] = json.dumps(
        {"peft_type": "LORA", "base_model_name_or_path": "some/llama", "r": 4}
    )

    def only_adapter(path: Path) -> None:
        (path / "config.json").unlink()
        (path / "model.safetensors").rename(path / "adapter_model.safetensors")

    folder.afterwards = only_adapter


def as_cache(path: Path) -> None:
    """Lays the folder out as a hub cache does: snapshots of links into blobs."""
    kept = sorted(path.iterdir())
    snapshot = path / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (path / "blobs").mkdir()
    for number, file in enumerate(kept):
        shutil.move(file, path / "blobs" / f"{number:040x}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number:040x}")


@case("cache-root", "the root of a model in a hub cache instead of its snapshot", "refused")
def _(folder: Folder) -> None:
    folder.afterwards = as_cache


# The tokenizer's files.


@case("padding-beyond", "a [PAD] behind the embedding's last row")
def _(folder: Folder) -> None:
    folder.tokenizer["added_tokens"].append(added(512, "[PAD]"))
    folder.tokenizer_config["pad_token"] = "[PAD]"


@case("sentencepiece-only", "tokenizer.model, no tokenizer.json", None)
def _(folder: Folder) -> None:
    folder.tokenizer = None
    folder.files["tokenizer.model"] = sentencepiece_model()


@case("vocabulary-and-merges", "vocab.json and merges.txt, no tokenizer.json", None)
def _(folder: Folder) -> None:
    model = json.loads(byte_level())["model"]
    folder.tokenizer, folder.tokenizer_config = None, {"tokenizer_class": "GPT2Tokenizer"}
    lines = [" ".join(merge) for merge in model["merges"]]
    folder.files |= {"vocab.json": json.dumps(model["vocab"]), "merges.txt": "\n".join(["#version: 0.2", *lines, ""])}


def byte_level_folder(folder: Folder, **configuration) -> None:
    folder.set(bos_token_id=0, eos_token_id=0).tokenizer = json.loads(byte_level())
    folder.tokenizer_config = GENERIC | BYTE_TOKENS | configuration


@case("no-tokenizer-config", "byte-level tokenizer.json alone", None)
def _(folder: Folder) -> None:
    byte_level_folder(folder)
    folder.tokenizer_config = None


@case("byte-level-as-llama", "byte-level, and the class LlamaTokenizerFast")
def _(folder: Folder) -> None:
    byte_level_folder(folder, tokenizer_class="LlamaTokenizerFast")


@case("digits-as-gpt-2", "digits split in tokenizer.json, and the class GPT2Tokenizer")
def _(folder: Folder) -> None:
    byte_level_folder(folder, tokenizer_class="GPT2Tokenizer")
    byte = folder.tokenizer["pre_tokenizer"]
    digits = {"type": "Digits", "individual_digits": True}
    folder.tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [digits, byte]}


@case("llama-2-as-llama", "Llama 2's tokenizer.json, and the class LlamaTokenizer")
def _(folder: Folder) -> None:
    folder.tokenizer_config["tokenizer_class"] = "LlamaTokenizer"


@case("begin-off-in-config", "add_bos_token: false, and a template with BOS")
def _(folder: Folder) -> None:
    folder.tokenizer_config["add_bos_token"] = False


@case("begin-on-in-config", "add_bos_token: true, and a template without BOS")
def _(folder: Folder) -> None:
    byte_level_folder(folder, add_bos_token=True)


@case("template-with-end", "a template with BOS and EOS")
def _(folder: Folder) -> None:
    folder.tokenizer["post_processor"] = template(["<s>", None, "</s>"], {"<s>": 1, "</s>": 2})


@case("chat-tokens-in-config", "added_tokens_decoder has tokens that tokenizer.json lacks")
def _(folder: Folder) -> None:
    folder.tensors = decoder(folder.set(vocab_size=520).config)
    entry = {key: value for key, value in added(0, "").items() if key != "id"}
    tokens = {str(512 + i): entry | {"content": word} for i, word in enumerate(("<|im_start|>", "<|im_end|>"))}
    folder.tokenizer_config |= {"added_tokens_decoder": tokens, "eos_token": "<|im_end|>"}


@case("old-special-tokens-map", "special_tokens_map.json names another BOS")
def _(folder: Folder) -> None:
    folder.files["special_tokens_map.json"] = json.dumps({"bos_token": "</s>"})


# Where a text ends. The fifth token that the plain model writes is made an end.


@case("several-ends", "eos_token_id with two ids")
def _(folder: Folder) -> None:
    folder.set(eos_token_id=[2, folder.written[4]])


@case("end-in-generation-config", "generation_config.json has another EOS than config.json")
def _(folder: Folder) -> None:
    folder.files["generation_config.json"] = json.dumps({"eos_token_id": folder.written[4]})


@case("no-end-in-generation-config", "generation_config.json without an EOS beside a config.json with one")
def _(folder: Folder) -> None:
    folder.set(eos_token_id=folder.written[4]).files["generation_config.json"] = '{"do_sample": false}'


@case("end-in-tokenizer-config-only", "an EOS in tokenizer_config.json, none in config.json")
def _(folder: Folder) -> None:
    folder.set(eos_token_id=None)
    folder.tokenizer_config["eos_token"] = folder.spelt(folder.written[4])
