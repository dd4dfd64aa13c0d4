"""Small tokenizers for check_compatibility.py: two that are fitted here, and variants of their tokenizer.json.

Each variant has one property that published files have: a layout of another family, a setting that is rarely used, or
tokens whose ids are out of the usual order. Nothing is read from anywhere; the corpus is below.
"""

import io
import json
from functools import cache

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "The river was high that spring, and nobody crossed it before May.",
    "Bees and their hives stood in rows: 12 in 1987, 345 in 2024, and 6789 after that.",
    "don't, I'll, we've, they're; if x:\n\treturn 1234567 + 89\n\n\nand  two   spaces    here",
    "One question is what the river carried; another is who counted the bees, and when.",
]
TEXTS = [
    "The river was high",
    " leading space",
    "  two, and at the end  ",
    "\nline\r\nanother\n\n\nlast",
    "tabs\tif x:\n\t\treturn 1234567 + 89 - 3.14",
    "don't I'LL we've they're",
    "a  b   c    d",
    "x" * 90,
    "....!!!??? --- :;,",
    "naïve café ﬁ ①",
    "日本語 ไทย العربية",
    "e\u0301 and \u00a0nbsp and \u200b",
    "</s> and <s> and <|endoftext|> inside",
    "riverbank river, River. rivers <sep> river<sep>river",
    "a\0b",
    "2024-01-01T00:00:00Z",
]
END = "<|endoftext|>"
# What splits Llama 3's texts, and DeepSeek's first LLaMAs'.
LLAMA_3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@cache
def byte_level() -> str:
    """A byte-level BPE as GPT-2's, END first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=[END], initial_alphabet=alphabet, show_progress=False, max_token_length=16
    )
    tokenizer.train_from_iterator(CORPUS * 20, trainer)
    written = json.loads(tokenizer.to_str())
    # So that every tokenizer here has 512 entries.
    vocabulary = written["model"]["vocab"]
    vocabulary.update({f"unused{i}": i for i in range(len(vocabulary), 512)})
    return json.dumps(written)


@cache
def sentencepiece_model() -> bytes:
    """A SentencePiece BPE with byte fallback in Llama 2's settings: <unk>, <s>, </s>, bytes, pieces."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_writer=model,
        vocab_size=512,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


@cache
def llama_2() -> str:
    """The same pieces and merges as tokenizer.json, laid out as Llama 2's conversion."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model())
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    pieces += [f"unused{i}" for i in range(len(pieces), 512)]
    ids = {piece: i for i, piece in enumerate(pieces)}
    plain = [
        i
        for i in range(len(processor))
        if not (processor.is_control(i) or processor.is_byte(i) or processor.is_unknown(i))
    ]
    # A merge for each way to put a piece together, the better piece first; of one piece, in the order of its parts.
    merges = []
    for i in plain:
        ways = [(pieces[i][:cut], pieces[i][cut:]) for cut in range(1, len(pieces[i]))]
        merges += sorted(
            (way for way in ways if way[0] in ids and way[1] in ids), key=lambda way: (ids[way[0]], ids[way[1]])
        )
    model = models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    written = json.loads(tokenizer.to_str())
    written["post_processor"] = template(["<s>", None], {"<s>": 1})
    return json.dumps(written)


def template(words: list[str | None], ids: dict[str, int]) -> dict:
    """A template of special tokens around a text, which stands where None does."""

    def entry(word: str | None, sequence: str, kind: int) -> dict:
        return (
            {"SpecialToken": {"id": word, "type_id": kind}} if word else {"Sequence": {"id": sequence, "type_id": kind}}
        )

    single = [entry(word, "A", 0) for word in words]
    tokens = {word: {"id": word, "ids": [i], "tokens": [word]} for word, i in ids.items()}
    pair = single + [entry(word, "B", 1) for word in words]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


def added(identity: int, content: str, **changes: bool) -> dict:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": identity, "content": content} | flags | changes


def split(pattern: str, behavior: str = "Isolated") -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}


def sequence(*parts: dict) -> dict:
    return {"type": "Sequence", "pretokenizers": list(parts)}


# The separator that a variant is asked for, where it isn't the one that is found by itself.
SEPARATORS = {"ids with a gap": "<far>", "ids unsorted": "<b>"}


def variants() -> dict[str, tuple[str, dict]]:
    """By name: what is odd about it, and the tokenizer.json."""
    bpe, llama = json.loads(byte_level()), json.loads(llama_2())
    byte = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    gpt_2 = byte | {"use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    metaspace = {"type": "Metaspace", "replacement": "▁"}
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    many_spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    deepseek = [split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(r"\s+$"), digits, byte]
    ends = bpe["added_tokens"]
    two_templates = {"type": "Sequence", "processors": [byte, template([END, None], {END: 0})]}
    string_merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in bpe["model"]["merges"]]
    unk = llama["model"] | {"byte_fallback": False}
    return {
        "byte-level": ("GPT-2's layout", bpe),
        "llama-2": ("Llama 2's conversion", llama),
        "llama-3": (
            "Split by regex, ignore_merges",
            bpe | {"pre_tokenizer": sequence(split(LLAMA_3), byte), "model": bpe["model"] | {"ignore_merges": True}},
        ),
        "qwen2": (
            "NFC, one digit a token",
            bpe | {"normalizer": {"type": "NFC"}, "pre_tokenizer": sequence(split(LLAMA_3.replace("{1,3}", "")), byte)},
        ),
        "smollm": ("Digits, then ByteLevel", bpe | {"pre_tokenizer": sequence(digits, gpt_2)}),
        "deepseek": ("five Splits in a row", bpe | {"pre_tokenizer": sequence(*deepseek)}),
        "bloom": (
            "Split by a negated class",
            bpe | {"pre_tokenizer": sequence(split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), byte)},
        ),
        "falcon": (
            "Punctuation, ByteLevel, Digits, Split of three digits",
            bpe
            | {
                "pre_tokenizer": sequence(
                    {"type": "Punctuation", "behavior": "Contiguous"}, gpt_2, digits, split("[0-9][0-9][0-9]")
                )
            },
        ),
        "three digits": (r"Split by \p{N}{1,3}", bpe | {"pre_tokenizer": sequence(split(r"\p{N}{1,3}"), gpt_2)}),
        "prefix space": (
            "ByteLevel with add_prefix_space: true",
            bpe | {"pre_tokenizer": gpt_2 | {"add_prefix_space": True}},
        ),
        "nested sequences": (
            "a Sequence in a Sequence",
            bpe | {"pre_tokenizer": sequence(sequence(digits), sequence(gpt_2))},
        ),
        "empty sequences": (
            "Sequences with nothing in them",
            bpe | {"normalizer": {"type": "Sequence", "normalizers": []}, "pre_tokenizer": sequence(sequence(), gpt_2)},
        ),
        "two processors": ("ByteLevel and a template in a Sequence", bpe | {"post_processor": two_templates}),
        "dropout 0": ("dropout: 0.0", bpe | {"model": bpe["model"] | {"dropout": 0.0}}),
        "merges as strings": (
            "merges as older files have them",
            bpe | {"model": bpe["model"] | {"merges": string_merges}},
        ),
        "truncating": (
            "truncation and padding left in the file",
            bpe
            | {
                "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
                "padding": {
                    "strategy": {"Fixed": 16},
                    "direction": "Right",
                    "pad_to_multiple_of": None,
                    "pad_id": 0,
                    "pad_type_id": 0,
                    "pad_token": END,
                },
            },
        ),
        "ids with a gap": ("an added token with id 70000", bpe | {"added_tokens": [*ends, added(70000, "<far>")]}),
        "ids unsorted": (
            "added tokens in another order than their ids",
            bpe | {"added_tokens": [added(513, "<b>"), added(512, "<a>"), *ends]},
        ),
        "plain added words": (
            "added tokens that aren't special",
            bpe
            | {
                "added_tokens": [
                    *ends,
                    added(512, "    ", special=False, normalized=True),
                    added(513, "river", special=False, single_word=True),
                    added(514, "<sep>", lstrip=True, rstrip=True, special=False),
                ]
            },
        ),
        "normalized added words": (
            "added tokens that are normalised first",
            llama
            | {
                "added_tokens": [t | {"normalized": True} for t in llama["added_tokens"]]
                + [added(512, "river", special=False, normalized=True)]
            },
        ),
        "metaspace first": (
            "Metaspace, prefix at the text's start only",
            llama | {"normalizer": None, "pre_tokenizer": metaspace | {"prepend_scheme": "first", "split": False}},
        ),
        "metaspace always": (
            "Metaspace, split at spaces",
            llama | {"normalizer": None, "pre_tokenizer": metaspace | {"prepend_scheme": "always", "split": True}},
        ),
        "metaspace of old": (
            "Metaspace with add_prefix_space",
            llama | {"normalizer": None, "pre_tokenizer": metaspace | {"add_prefix_space": True}},
        ),
        "no prefix": ("spaces replaced, none in front", llama | {"normalizer": spaces}),
        "nfkc and strip": (
            "NFKC, Strip, Replace by regex",
            llama
            | {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [
                        {"type": "NFKC"},
                        {"type": "Strip", "strip_left": True, "strip_right": True},
                        many_spaces,
                        *llama["normalizer"]["normalizers"],
                    ],
                }
            },
        ),
        "unknown": ("no byte fallback, <unk>", llama | {"model": unk}),
        "unknown vanish": ("no byte fallback, no <unk>", llama | {"model": unk | {"unk_token": None}}),
    }


def ids_of(written: dict, texts: list[str], separator: int | str) -> list[int]:
    """The Python library's ids: the separator, then a text without special tokens of its own, for each text."""
    tokenizer = Tokenizer.from_str(json.dumps(written))
    if isinstance(separator, str):
        separator = tokenizer.token_to_id(separator)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return [i for text in texts for i in (separator, *tokenizer.encode(text, add_special_tokens=False).ids)]
