"""Makes what AutoTokenizer gives for a folder's files: what it builds, and its ids.

    cargo xtask golden pretrained_tokenizers [OUT]                    the golden cases
    cargo xtask golden pretrained_tokenizers --random N --seed S OUT  N random folders

Golden cases go into crates/outgrow-tokenizer/tests/golden/pretrained; the same test reads random folders with
OUTGROW_PRETRAINED_CASES=OUT.

Small vocabularies are trained here on a made-up text. A case is a folder: a vocabulary and the files beside it; each is
opened by `AutoTokenizer.from_pretrained` with `add_bos_token` as lm-evaluation-harness passes it on (not at all, true
or false).
"""

import argparse
import base64
import contextlib
import copy
import hashlib
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import sentencepiece
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()

TARGET = Path(__file__).resolve().parents[3] / "crates/outgrow-tokenizer/tests/golden/pretrained"

WORDS = "the river was high that spring and nobody crossed it before the bees came back to their hives in 1234567 days".split()
CORPUS = [
    " ".join(WORDS[(start + step * stride) % len(WORDS)] for step in range(12)) + ending
    for start in range(len(WORDS))
    for stride in (1, 2, 3)
    for ending in (".", "!", ", isn't it?", " naïve café.", "\n")
]

TEXTS = [
    "Hello world",
    " the river",
    "  two  spaces",
    "the river was high in 1234567 days",
    "\nline\n\n\n  end ",
    "",
    " ",
    "naïve cafe\u0301 ﬁ ① 日本語 🤖",
    "</s>the<s> river<|endoftext|> and <unk>x",
    "don't I'LL we've THE",
    "▁the▁river ▁ ▁▁",
    "a <mask> b<mask> c <|im_start|>user<|im_end|> <far> x",
    "\t\tif x:\r\n\r\n    return 0x1F",
    "crossed river<SEP>the  <SEP>  bees<PAD> <BOS_TOKEN>",
]


# Vocabularies


def added(content: str, **flags) -> dict:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"content": content, **plain, **flags}


def byte_level() -> dict:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return json.loads(tokenizer.to_str())


def sentencepiece_model(folder: Path, name: str, **settings) -> bytes:
    prefix = folder / name
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(line.strip() for line in CORPUS), encoding="utf-8")
    # The model file keeps the names that it was given.
    with contextlib.chdir(prefix.parent):
        corpus_name = os.path.relpath(corpus, prefix.parent)
        sentencepiece.SentencePieceTrainer.train(
            input=corpus_name, model_prefix=prefix.name, minloglevel=2, num_threads=1, **settings
        )
    return prefix.with_suffix(".model").read_bytes()


def sentencepiece_json(folder: Path, model: bytes) -> dict:
    """As Llama 2's own tokenizer.json has it: a normalizer, no pre-tokenizer, a template with the token that begins a
    text."""
    from transformers.convert_slow_tokenizer import SentencePieceExtractor, generate_merges

    path = folder / "extracted.model"
    path.write_bytes(model)
    proto = SentencePieceExtractor(str(path)).proto
    vocab = {piece.piece: index for index, piece in enumerate(proto.pieces)}
    tokenizer = Tokenizer(
        models.BPE(vocab, generate_merges(vocab), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return json.loads(tokenizer.to_str())


def unigram() -> dict:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return json.loads(tokenizer.to_str())


def word_level() -> dict:
    vocab = {"<unk>": 0, "<eos>": 1} | {word: index for index, word in enumerate(dict.fromkeys(WORDS), 2)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<eos>"])
    return json.loads(tokenizer.to_str())


def vocabularies(folder: Path) -> dict[str, dict]:
    """By name, a folder's vocabulary files: JSON, text or bytes."""
    bpe = byte_level()
    plain = {"model_type": "bpe", "vocab_size": 420, "byte_fallback": True, "add_dummy_prefix": True}
    plain |= {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "character_coverage": 1.0}
    like_llama = sentencepiece_model(folder, "like_llama", **plain)
    symbols = {"user_defined_symbols": ["<mask>", "river", "12"], "control_symbols": ["<SEP>"]}
    tidy = sentencepiece_model(
        folder, "tidy", model_type="bpe", vocab_size=150, normalization_rule_name="identity", **symbols
    )
    pieces = sentencepiece_model(folder, "pieces", model_type="unigram", vocab_size=60, byte_fallback=False)
    merges = "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in bpe["model"]["merges"])
    return {
        "byte_level": {"tokenizer.json": bpe},
        "like_llama": {"tokenizer.json": sentencepiece_json(folder, like_llama)},
        "unigram": {"tokenizer.json": unigram()},
        "word_level": {"tokenizer.json": word_level()},
        "vocab_and_merges": {"vocab.json": bpe["model"]["vocab"], "merges.txt": merges},
        "like_llama_model": {"tokenizer.model": like_llama},
        "tidy_model": {"tokenizer.model": tidy},
        "pieces_model": {"tokenizer.model": pieces},
    }


# Cases


def template(*tokens: tuple[str, int], behind: tuple[tuple[str, int], ...] = ()) -> dict:
    single = " ".join([*(token for token, _ in tokens), "$A", *(token for token, _ in behind)])
    pair = single + " $B:1"
    processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=list(dict.fromkeys([*tokens, *behind]))
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.post_processor = processor
    return json.loads(tokenizer.to_str())["post_processor"]


CLASSES = ["LlamaTokenizer", "GPT2Tokenizer", "GPTNeoXTokenizer", "Qwen2Tokenizer", "CohereTokenizer"]
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
END = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
ANGLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def case(
    name: str,
    vocabulary: str,
    configuration: dict | None = None,
    *,
    edit: dict | None = None,
    add_bos_token=None,
    **files,
) -> dict:
    """`edit` replaces keys of tokenizer.json; `files` are the others by their names without `.json`."""
    named = {"config": LLAMA, "tokenizer_config": configuration, **files}
    named = {f"{key}.json": value for key, value in named.items() if value is not None}
    return {"name": name, "vocabulary": vocabulary, "edit": edit or {}, "files": named, "add_bos_token": add_bos_token}


def golden_cases() -> list[dict]:
    cases = []
    for kind in (*CLASSES, "PreTrainedTokenizerFast", "TokenizersBackend", None):
        named = {} if kind is None else {"tokenizer_class": kind}
        for vocabulary, tokens in (("byte_level", END), ("like_llama", ANGLES)):
            for add_bos_token in (None, True, False):
                words = f"{kind or 'no class'}, {vocabulary}, {add_bos_token}"
                cases.append(case(words, vocabulary, {**named, **tokens}, add_bos_token=add_bos_token))
    both = template(("<s>", 1), behind=(("</s>", 2),))
    for kind in (*CLASSES, "PreTrainedTokenizerFast"):
        for add_bos_token in (None, True, False):
            named = {"tokenizer_class": kind + ("" if kind.endswith("Fast") else "Fast"), **ANGLES}
            cases.append(
                case(
                    f"{kind}, a template with both, {add_bos_token}",
                    "like_llama",
                    named,
                    edit={"post_processor": both},
                    add_bos_token=add_bos_token,
                )
            )
    fast = "PreTrainedTokenizerFast"
    cases += [
        case("llama class over byte level", "byte_level", {"tokenizer_class": "LlamaTokenizerFast", **END}),
        case("llama class, legacy", "like_llama", {"tokenizer_class": "LlamaTokenizer", "legacy": True, **ANGLES}),
        case("llama class, not legacy", "like_llama", {"tokenizer_class": "LlamaTokenizer", "legacy": False, **ANGLES}),
        case(
            "llama class, no prefix space",
            "like_llama",
            {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False, **ANGLES},
        ),
        case("llama class over unigram", "unigram", {"tokenizer_class": "LlamaTokenizer", **ANGLES}),
        case("no class over unigram", "unigram", {**ANGLES, "clean_up_tokenization_spaces": True}),
        case("no class over words", "word_level", {"eos_token": "<eos>", "clean_up_tokenization_spaces": True}),
        case(
            "flags of beginning and end in the configuration",
            "like_llama",
            {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": True, **ANGLES},
        ),
        case(
            "the same of no class",
            "like_llama",
            {"tokenizer_class": fast, "add_bos_token": False, "add_eos_token": True, **ANGLES},
        ),
        case(
            "the end asked for beside the beginning",
            "byte_level",
            {"tokenizer_class": fast, "add_eos_token": True, **END},
            add_bos_token=True,
        ),
        case("no configuration", "like_llama"),
        case("no configuration, beginning asked for", "byte_level", add_bos_token=True),
        case(
            "mistral takes the file",
            "like_llama",
            {"tokenizer_class": "LlamaTokenizer", **ANGLES},
            config={"model_type": "mistral"},
        ),
        case(
            "qwen2 insists on its class",
            "byte_level",
            {"tokenizer_class": "LlamaTokenizer", **END},
            config={"model_type": "qwen2"},
        ),
        case("class from config.json", "byte_level", END, config={**LLAMA, "tokenizer_class": "GPT2TokenizerFast"}),
        case("class from the model's type", "byte_level", END, config={"model_type": "gpt_neox"}),
        case("unknown class", "byte_level", {"tokenizer_class": "NobodysTokenizer", **END}),
        case(
            "a space in front by configuration",
            "byte_level",
            {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True, **END},
        ),
        case(
            "a space in front by configuration, no class",
            "byte_level",
            {"tokenizer_class": fast, "add_prefix_space": True, **END},
        ),
    ]
    chat = {str(331 + index): added(token) for index, token in enumerate(("<|im_start|>", "<|im_end|>"))}
    with_end = {"0": added("<|endoftext|>")} | chat
    for kind in ("GPT2Tokenizer", "Qwen2Tokenizer", fast):
        cases.append(
            case(
                f"{kind}, tokens that the file lacks",
                "byte_level",
                {"tokenizer_class": kind, "added_tokens_decoder": with_end, "eos_token": "<|im_end|>"},
                add_bos_token=True,
            )
        )
    flags = {
        "0": added("<|endoftext|>", lstrip=True, rstrip=True, special=False, normalized=True),
        "400": added("<far>", lstrip=True),
    }
    map_ = {
        "bos_token": added("<s>") | {"special": True},
        "eos_token": "<unk>",
        "additional_special_tokens": ["<mask>", "<far>"],
    }
    for kind in (*CLASSES, fast):
        cases += [
            case(f"{kind}, other flags", "byte_level", {"tokenizer_class": kind, "added_tokens_decoder": flags, **END}),
            case(
                f"{kind}, special_tokens_map.json wins",
                "like_llama",
                {"tokenizer_class": kind, **ANGLES},
                special_tokens_map=map_,
                add_bos_token=True,
            ),
            case(
                f"{kind}, unless tokens are listed",
                "like_llama",
                {"tokenizer_class": kind, "added_tokens_decoder": {"1": added("<s>"), "2": added("</s>")}, **ANGLES},
                special_tokens_map=map_,
            ),
            case(
                f"{kind}, added_tokens.json",
                "byte_level",
                {"tokenizer_class": kind, "pad_token": "<PAD>", **END},
                added_tokens={"<mask>": 332, "<PAD>": 331},
            ),
            case(
                f"{kind}, a filler by name",
                "byte_level",
                {
                    "tokenizer_class": kind,
                    "pad_token": "[PAD]",
                    "mask_token": {"__type": "AddedToken", **added("<mask>", lstrip=True)},
                    **END,
                },
            ),
            case(
                f"{kind}, no beginning",
                "byte_level",
                {"tokenizer_class": kind, "bos_token": None, "eos_token": "<|endoftext|>"},
                add_bos_token=True,
            ),
            case(
                f"{kind}, special tokens split",
                "like_llama",
                {"tokenizer_class": kind, "split_special_tokens": True, **ANGLES},
            ),
        ]
    gap = [{"id": 0, **added("<|endoftext|>")}, {"id": 900, **added("<far>")}, {"id": 340, **added("<mask>")}]
    padded = {
        "padding": {
            "strategy": {"Fixed": 16},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<PAD>",
        }
    }
    padded |= {"truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}}
    cases += [
        case("ids with a gap", "byte_level", {"tokenizer_class": fast, **END}, edit={"added_tokens": gap}),
        case(
            "ids with a gap, gpt2 class",
            "byte_level",
            {"tokenizer_class": "GPT2Tokenizer", **END},
            edit={"added_tokens": gap},
        ),
        case("padding and truncation", "byte_level", {"tokenizer_class": fast, **END}, edit=padded),
        case(
            "tokens with names of their own",
            "byte_level",
            {"tokenizer_class": fast, "image_token": "<image>", "extra_special_tokens": {"boi_token": "<boi>"}, **END},
        ),
        case(
            "extra special tokens",
            "byte_level",
            {
                "tokenizer_class": "GPT2Tokenizer",
                "extra_special_tokens": ["<SEP>", "<mask>"],
                "additional_special_tokens": ["<PAD>"],
                **END,
            },
        ),
    ]
    for kind in CLASSES[1:]:
        for add_bos_token in (None, True):
            cases.append(
                case(
                    f"{kind}, vocab.json and merges.txt, {add_bos_token}",
                    "vocab_and_merges",
                    {"tokenizer_class": kind, **END},
                    add_bos_token=add_bos_token,
                )
            )
    cases += [
        case("vocab.json and merges.txt, nothing said", "vocab_and_merges", {"tokenizer_class": "GPT2Tokenizer"}),
        case(
            "vocab.json and merges.txt, beginning and end",
            "vocab_and_merges",
            {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_eos_token": True, **END},
        ),
        case("vocab.json and merges.txt of gpt2's type", "vocab_and_merges", config={"model_type": "gpt2"}),
    ]
    for model in ("like_llama_model", "tidy_model", "pieces_model"):
        cases += [
            case(
                f"{model}, llama class",
                model,
                {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True, **ANGLES},
            ),
            case(f"{model}, llama class, nothing said", model, {"tokenizer_class": "LlamaTokenizer"}),
            case(
                f"{model}, llama class, not legacy, beginning asked for",
                model,
                {"tokenizer_class": "LlamaTokenizer", "legacy": False},
                add_bos_token=True,
            ),
            case(f"{model}, no class", model),
            case(
                f"{model}, no class, listed tokens",
                model,
                {
                    "added_tokens_decoder": {"1": added("<s>"), "2": added("</s>", normalized=True)},
                    "legacy": False,
                    **ANGLES,
                },
                add_bos_token=True,
            ),
        ]
    return cases


def random_case(dice: random.Random, number: int) -> dict:
    vocabulary = dice.choice(
        ["byte_level"] * 4
        + ["like_llama"] * 4
        + ["unigram", "word_level", "vocab_and_merges", "like_llama_model", "tidy_model", "pieces_model"]
    )
    some = lambda chance: dice.random() < chance
    tokens = [
        "<s>",
        "</s>",
        "<unk>",
        "<|endoftext|>",
        "<mask>",
        "<SEP>",
        "<PAD>",
        "<far>",
        "river",
        "the",
        "<|im_start|>",
        "<BOS_TOKEN>",
        "Ġriver",
        "▁river",
    ]

    def flagged(content: str) -> dict:
        return {
            "content": content,
            **{flag: some(0.3) for flag in ("single_word", "lstrip", "rstrip", "normalized")},
            "special": some(0.7),
        }

    configuration = {}
    kinds = [*CLASSES, "PreTrainedTokenizerFast", "TokenizersBackend", "PreTrainedTokenizer", "NobodysTokenizer"]
    if some(0.9):
        configuration["tokenizer_class"] = dice.choice(kinds) + dice.choice(["", "", "Fast"])
        configuration["tokenizer_class"] = configuration["tokenizer_class"].replace("FastFast", "Fast")
    for key in (
        "bos_token",
        "eos_token",
        "unk_token",
        "pad_token",
        "sep_token",
        "cls_token",
        "mask_token",
        "image_token",
    ):
        if some(0.5 if key[:3] in ("bos", "eos", "unk") else 0.15):
            content = dice.choice(tokens)
            configuration[key] = dice.choice(
                [content, content, content, None, {"__type": "AddedToken", **flagged(content)}]
            )
    for key in (
        "legacy",
        "add_prefix_space",
        "add_bos_token",
        "add_eos_token",
        "split_special_tokens",
        "clean_up_tokenization_spaces",
    ):
        if some(0.2):
            configuration[key] = some(0.5)
    if some(0.2):
        configuration["additional_special_tokens"] = dice.sample(tokens, 2)
    if some(0.2):
        configuration["extra_special_tokens"] = dice.choice([dice.sample(tokens, 2), {}, {"boi_token": "<boi>"}, []])
    listed = dice.sample(tokens, dice.randint(0, 5))
    if some(0.4):
        ids = dice.sample([0, 1, 2, *range(325, 345), 420, 421, 430], len(listed))
        configuration["added_tokens_decoder"] = {
            str(identity): flagged(token) for identity, token in zip(ids, listed, strict=True)
        }
    files = {}
    if some(0.35):
        files["special_tokens_map"] = {
            key: dice.choice([token, {key: value for key, value in flagged(token).items() if key != "special"}])
            for key in ("bos_token", "eos_token", "pad_token", "unk_token")
            if some(0.5) and (token := dice.choice(tokens))
        }
        if some(0.3):
            files["special_tokens_map"][dice.choice(["additional_special_tokens", "extra_special_tokens"])] = (
                dice.sample(tokens, 2)
            )
    if some(0.2):
        files["added_tokens"] = dict(
            zip(dice.sample(tokens, 3), dice.sample([325, 330, 331, 332, 420, 421], 3), strict=True)
        )
    edit = {}
    if vocabulary in ("byte_level", "like_llama", "unigram", "word_level"):
        if some(0.4):
            ids = dice.sample([0, 1, 2, *range(325, 345), 420, 421, 430, 900], len(listed))
            edit["added_tokens"] = [
                {"id": identity, **flagged(token)} for identity, token in zip(ids, listed, strict=True)
            ]
        if some(0.4):
            choices = [None, template(("<s>", 1)), template(("x", 2), behind=(("</s>", 2),))]
            choices += [
                {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
                {"type": "Sequence", "processors": []},
            ]
            choices += [{"type": "Sequence", "processors": [choices[3], choices[1]]}]
            edit["post_processor"] = dice.choice(choices)
        if some(0.15):
            edit["padding"] = {
                "strategy": "BatchLongest",
                "direction": "Left",
                "pad_to_multiple_of": None,
                "pad_id": 0,
                "pad_type_id": 0,
                "pad_token": dice.choice(tokens),
            }
        if some(0.2) and vocabulary in ("byte_level", "like_llama"):
            edit["normalizer"] = dice.choice([None, {"type": "NFC"}, {"type": "Lowercase"}])
    config = dice.choice(
        [LLAMA] * 5
        + [
            {"model_type": "mistral"},
            {"model_type": "qwen2"},
            {"model_type": "gpt_neox"},
            {**LLAMA, "tokenizer_class": dice.choice(CLASSES)},
        ]
    )
    if some(0.1):
        configuration = None
    return case(
        f"random {number}",
        vocabulary,
        configuration,
        edit=edit,
        add_bos_token=dice.choice([None, None, True, False]),
        config=config,
        **files,
    )


# What AutoTokenizer makes of them


def write_folder(folder: Path, files: dict) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, contents in files.items():
        if isinstance(contents, bytes):
            (folder / name).write_bytes(contents)
        else:
            text = contents if isinstance(contents, str) else json.dumps(contents, ensure_ascii=False)
            (folder / name).write_text(text, encoding="utf-8")


def opened(folder: Path, add_bos_token: bool | None) -> dict:
    flags = {} if add_bos_token is None else {"add_bos_token": add_bos_token}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **flags)
    except BaseException as error:  # a panic of the library is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0][:200]}
    built = json.loads(tokenizer.backend_tokenizer.to_str())
    for part in (built["normalizer"] or {}).get("normalizers", []):
        if "precompiled_charsmap" in part:  # two hundred kilobytes each time; the file has it
            part["precompiled_charsmap"] = hashlib.sha256(base64.b64decode(part["precompiled_charsmap"])).hexdigest()
    model = built["model"]
    size = len(model.pop("vocab"))
    merges = len(model.pop("merges", []))
    named = {}
    for key in ("bos_token", "eos_token", "unk_token", "pad_token"):
        token = getattr(tokenizer, key)
        named[key] = None if token is None else [token, getattr(tokenizer, f"{key}_id")]
    result = {
        "class": type(tokenizer).__name__,
        "tokenizer": built,
        "vocabulary": size,
        "merges": merges,
        "named": named,
        "ids": [],
        "decoded": [],
    }
    for text in TEXTS:
        try:
            ids = tokenizer.encode(text)
            result["ids"].append([ids, tokenizer.encode(text, add_special_tokens=False)])
            result["decoded"].append(tokenizer.decode(ids))
        except BaseException as error:
            result["ids"].append(f"{type(error).__name__}: {error}"[:200])
            result["decoded"].append(None)
    return result


def run(cases: list[dict], out: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        known = vocabularies(temporary)
        for number, one in enumerate(cases):
            files = copy.deepcopy(known[one["vocabulary"]])
            if one["edit"]:
                files["tokenizer.json"] |= one["edit"]
            folder = temporary / "folder"
            write_folder(folder, {**files, **one["files"]})
            one["expected"] = opened(folder, one["add_bos_token"])
            if number % 100 == 99:
                print(number + 1, flush=True)
        for name, files in known.items():
            write_folder(out / name, files)
    compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    lines, texts = ",\n".join(map(compact, cases)), compact(TEXTS)
    (out / "cases.json").write_text(
        f'{{"transformers":"{transformers.__version__}","texts":{texts},"cases":[\n{lines}\n]}}\n',
        encoding="utf-8",
    )
    errors = [one["name"] + ": " + one["expected"]["error"] for one in cases if "error" in one["expected"]]
    print(f"{len(cases)} cases, {len(errors)} that transformers refuses", *errors[:20], sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--random", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    cases = (
        golden_cases()
        if arguments.random is None
        else [random_case(dice, number) for number in range(arguments.random)]
    )
    run(cases, arguments.out)


if __name__ == "__main__":
    main()
