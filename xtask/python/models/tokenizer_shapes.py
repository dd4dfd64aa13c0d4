"""tokenizer.json files of many shapes, and texts that are awkward for them; for checks/texts/check_tokenizers.py and
golden/tokenizer_ids.py.

Models are small and trained here on a few paragraphs, so the same call gives the same files with the same version of
the library.
"""

import json
import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "The river ran down to the sea, and the sea gave it back as rain: 1234 times, or 56.78 % of 2024-01-01.",
    "Don't say we've never said I'll go; they'd say he's here, she's there. DON'T SHOUT!",
    "def f(x):\n\tif x > 10:\n\t\treturn x ** 2  # squares\n    else:\r\n        pass\n\n\n",
    "Ça coûte 20 € à Zürich, naïve café; señor, mañana. Ἐν ἀρχῇ ἦν ὁ λόγος. В начале было Слово.",
    "日本語の文章です。カタカナとひらがな。漢字も。 한국어 문장입니다. ไทยไม่มีช่องว่าง العربية هنا",
    "<html><body class='x'>a &amp; b</body></html> {\"key\": [1, 2, 3]} https://example.org/a?b=c&d=e",
    "aaa bbb aaabbb abab abc abcabc  two  spaces   three\ttabs\t\tmore 🤖 👩‍👩‍👧 ✨",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace("{1,3}", "")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK_LLAMA = [
    "[\r\n]",
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ]+",
    "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
    "\\s+$",
    "[一-龥ࠀ-一가-퟿]+",
]
DEEPSEEK_V3 = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
]
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
BEHAVIORS = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def sequence(kind, members):
    return {"type": "Sequence", kind: list(members)}


def split(pattern, behavior="Isolated", invert=False, regex=True):
    return {
        "type": "Split",
        "pattern": {"Regex" if regex else "String": pattern},
        "behavior": behavior,
        "invert": invert,
    }


def replace(pattern, content, regex=False):
    return {"type": "Replace", "pattern": {"Regex" if regex else "String": pattern}, "content": content}


def byte_level(prefix=False, regex=True, trim=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": regex}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def added(content, identity, special=True, **flags):
    defaults = dict(single_word=False, lstrip=False, rstrip=False, normalized=False)
    return dict(id=identity, content=content, **(defaults | flags), special=special)


def copy(value):
    return json.loads(json.dumps(value))


def varied(base, **parts):
    made = copy(base)
    for key, value in parts.items():
        if key.startswith("model_"):
            made["model"][key.removeprefix("model_")] = copy(value)
        else:
            made[key] = copy(value)
    return made


def trained(model, trainer, normalizer=None, pre_tokenizer=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    return json.loads(tokenizer.to_str())


def bases(size=420):
    """Small models of every kind, by name."""
    quiet = dict(show_progress=False)
    byte = trained(
        models.BPE(),
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            **quiet,
        ),
        pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoder=decoders.ByteLevel(),
    )
    # As SentencePiece's BPE is converted: Prepend and Replace, no pre-tokenizer, bytes for what is unknown.
    piece = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        trainers.BpeTrainer(
            vocab_size=size + 260,
            special_tokens=["<unk>", "<s>", "</s>", *[f"<0x{b:02X}>" for b in range(256)]],
            **quiet,
        ),
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        pre_tokenizer=pre_tokenizers.Split("▁", "merged_with_next"),
        decoder=decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        ),
    )
    piece["pre_tokenizer"] = None
    piece["added_tokens"] = piece["added_tokens"][:3]
    unigram = trained(
        models.Unigram(),
        trainers.UnigramTrainer(vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", **quiet),
        normalizer=normalizers.NFKC(),
        pre_tokenizer=pre_tokenizers.Metaspace(),
        decoder=decoders.Metaspace(),
    )
    wordpiece = trained(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], **quiet
        ),
        normalizer=normalizers.BertNormalizer(),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.WordPiece(),
    )
    word = trained(
        models.WordLevel(unk_token="<unk>"),
        trainers.WordLevelTrainer(vocab_size=size, special_tokens=["<unk>", "<eos>"], **quiet),
        pre_tokenizer=pre_tokenizers.Whitespace(),
    )
    suffix = trained(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=False),
        trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>", "<s>"], end_of_word_suffix="</w>", **quiet),
        normalizer=normalizers.BertNormalizer(),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.BPEDecoder(),
    )
    prefix = trained(
        models.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
        trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>"], continuing_subword_prefix="##", **quiet),
        pre_tokenizer=pre_tokenizers.Whitespace(),
        decoder=decoders.WordPiece(),
    )
    return dict(byte=byte, piece=piece, unigram=unigram, wordpiece=wordpiece, word=word, suffix=suffix, prefix=prefix)


def normalizers_tried(charsmap=None):
    """By name; None is none."""
    tried = {
        "none": None,
        "nfc": {"type": "NFC"},
        "nfd": {"type": "NFD"},
        "nfkc": {"type": "NFKC"},
        "nfkd": {"type": "NFKD"},
        "nmt": {"type": "Nmt"},
        "lowercase": {"type": "Lowercase"},
        "strip_accents": {"type": "StripAccents"},
        "nfd_strip_accents": sequence(
            "normalizers", [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]
        ),
        "bert": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "bert_cased": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": False,
            "lowercase": False,
        },
        "bert_accents": {
            "type": "BertNormalizer",
            "clean_text": False,
            "handle_chinese_chars": False,
            "strip_accents": True,
            "lowercase": False,
        },
        "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
        "strip_left": {"type": "Strip", "strip_left": True, "strip_right": False},
        "strip_right": {"type": "Strip", "strip_left": False, "strip_right": True},
        "prepend": {"type": "Prepend", "prepend": "▁"},
        "prepend_word": {"type": "Prepend", "prepend": "ab "},
        "byte_level": {"type": "ByteLevel"},
        "replace_space": replace(" ", "▁"),
        "replace_regex_spaces": replace(" {2,}", " ", regex=True),
        "replace_regex_digits": replace(r"\d", "0", regex=True),
        "replace_regex_empty": replace("x*", "-", regex=True),
        "replace_regex_removed": replace(r"[^\x00-\x7f]", "", regex=True),
        "replace_quotes": sequence("normalizers", [replace("``", '"'), replace("''", '"'), replace("’", "'")]),
        "llama": sequence("normalizers", [{"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")]),
        "llama_reversed": sequence("normalizers", [replace(" ", "▁"), {"type": "Prepend", "prepend": "▁"}]),
        "empty_sequence": sequence("normalizers", []),
        "nested": sequence(
            "normalizers",
            [sequence("normalizers", [{"type": "NFC"}]), sequence("normalizers", []), {"type": "Lowercase"}],
        ),
        "t5_like": sequence(
            "normalizers",
            [
                {"type": "NFKC"},
                {"type": "Strip", "strip_left": False, "strip_right": True},
                replace(" {2,}", "▁", regex=True),
            ],
        ),
        "albert_like": sequence(
            "normalizers",
            [
                replace("``", '"'),
                replace("''", '"'),
                {"type": "NFKD"},
                {"type": "StripAccents"},
                {"type": "Lowercase"},
                replace(" {2,}", " ", regex=True),
            ],
        ),
    }
    if charsmap:
        tried["precompiled"] = {"type": "Precompiled", "precompiled_charsmap": charsmap}
        tried["t5"] = sequence(
            "normalizers",
            [
                tried["precompiled"],
                {"type": "Strip", "strip_left": False, "strip_right": True},
                replace(" {2,}", "▁", regex=True),
            ],
        )
    return tried


def pre_tokenizers_tried():
    digits = lambda each: {"type": "Digits", "individual_digits": each}
    punctuation = lambda behavior: {"type": "Punctuation", "behavior": behavior}
    tried = {
        "none": None,
        "byte_level": byte_level(),
        "byte_level_raw": byte_level(regex=False),
        "byte_level_prefix": byte_level(prefix=True),
        "byte_level_prefix_raw": byte_level(prefix=True, regex=False),
        "byte_level_old": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "llama3": sequence("pretokenizers", [split(LLAMA3), byte_level(regex=False)]),
        "llama3_removed_inverted": sequence("pretokenizers", [split(LLAMA3, "Removed", True), byte_level(regex=False)]),
        "llama3_digits_2": sequence(
            "pretokenizers", [split(LLAMA3.replace("{1,3}", "{1,2}")), byte_level(regex=False)]
        ),
        "llama3_digits_all": sequence("pretokenizers", [split(LLAMA3.replace("{1,3}", "+")), byte_level(regex=False)]),
        "llama3_digits_4": sequence(
            "pretokenizers", [split(LLAMA3.replace("{1,3}", "{1,4}")), byte_level(regex=False)]
        ),
        "qwen": sequence("pretokenizers", [split(QWEN), byte_level(regex=False)]),
        "qwen_prefix": sequence("pretokenizers", [split(QWEN), byte_level(prefix=True, regex=False)]),
        "o200k": sequence("pretokenizers", [split(O200K), byte_level(regex=False)]),
        "o200k_removed_inverted": sequence("pretokenizers", [split(O200K, "Removed", True), byte_level(regex=False)]),
        "tekken": sequence("pretokenizers", [split(TEKKEN), byte_level(regex=False)]),
        "gpt2_split": sequence("pretokenizers", [split(GPT2), byte_level(regex=False)]),
        "smollm": sequence("pretokenizers", [digits(True), byte_level()]),
        "digits_together": sequence("pretokenizers", [digits(False), byte_level()]),
        "starcoder": sequence("pretokenizers", [digits(True), byte_level(prefix=False)]),
        "deepseek_llama": sequence(
            "pretokenizers", [*map(split, DEEPSEEK_LLAMA), digits(True), byte_level(regex=False)]
        ),
        "deepseek_coder": sequence(
            "pretokenizers",
            [
                split("[\r\n]"),
                split(r"\s?\p{L}+"),
                split(r"\s?\p{P}+"),
                split(DEEPSEEK_LLAMA[4]),
                digits(True),
                byte_level(regex=False),
            ],
        ),
        "deepseek_v3": sequence("pretokenizers", [*map(split, DEEPSEEK_V3), byte_level(regex=False)]),
        "falcon": sequence(
            "pretokenizers", [punctuation("Contiguous"), byte_level(), digits(False), split("[0-9][0-9][0-9]")]
        ),
        "bloom": sequence("pretokenizers", [split(BLOOM), byte_level(regex=False)]),
        "byte_level_first": sequence("pretokenizers", [byte_level(), digits(True)]),
        "byte_level_twice": sequence("pretokenizers", [byte_level(), byte_level()]),
        "one_member": sequence("pretokenizers", [byte_level()]),
        "empty_sequence": sequence("pretokenizers", []),
        "nested": sequence(
            "pretokenizers",
            [
                sequence("pretokenizers", [digits(True)]),
                sequence("pretokenizers", [sequence("pretokenizers", [byte_level()])]),
            ],
        ),
        "nested_empty": sequence("pretokenizers", [sequence("pretokenizers", []), byte_level()]),
        "whitespace": {"type": "Whitespace"},
        "whitespace_split": {"type": "WhitespaceSplit"},
        "bert": {"type": "BertPreTokenizer"},
        "digits": digits(False),
        "digits_each": digits(True),
        "delimiter": {"type": "CharDelimiterSplit", "delimiter": "a"},
        "delimiter_space": {"type": "CharDelimiterSplit", "delimiter": " "},
        "delimiter_wide": {"type": "CharDelimiterSplit", "delimiter": "語"},
        "scripts": {"type": "UnicodeScripts"},
        "fixed_1": {"type": "FixedLength", "length": 1},
        "fixed_5": {"type": "FixedLength", "length": 5},
        "xlnet": sequence("pretokenizers", [{"type": "WhitespaceSplit"}, metaspace()]),
        "t5": sequence("pretokenizers", [{"type": "WhitespaceSplit"}, metaspace("always", True)]),
        "t5_first": sequence("pretokenizers", [{"type": "WhitespaceSplit"}, metaspace("first")]),
        "t5_unsplit": sequence("pretokenizers", [{"type": "WhitespaceSplit"}, metaspace("always", False)]),
        "metaspace_scripts": sequence("pretokenizers", [{"type": "UnicodeScripts"}, metaspace("never"), digits(True)]),
        "metaspace_digits": sequence("pretokenizers", [metaspace("first", False), digits(True)]),
        "whitespace_digits": sequence("pretokenizers", [{"type": "Whitespace"}, digits(True)]),
        "whitespace_punctuation": sequence("pretokenizers", [{"type": "WhitespaceSplit"}, punctuation("Isolated")]),
        "string_split": split("ab", regex=False),
        "string_split_odd": split(".", regex=False),
        "empty_string": split("", regex=False),
        "empty_matches": split("x*"),
        "lookahead": split(r"(?=[A-Z])"),
        "lookbehind": split(r"(?<=\.)"),
        "word_boundary": split(r"\b"),
        "anchors": split(r"^a|z$"),
        "possessive": split(r"\w++|\s++|."),
        "classes": split(r"[[:alpha:]]+|[[:digit:]]+|\p{Han}+"),
        "atomic_case": split(r"(?i)the|(?>a+)b"),
        "replaced_letters": split(r"[^\W\d_]+"),
    }
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            tried[f"metaspace_{scheme}_{'split' if cut else 'whole'}"] = metaspace(scheme, cut)
    tried["metaspace_old"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    tried["metaspace_old_never"] = {
        "type": "Metaspace",
        "replacement": "▁",
        "add_prefix_space": False,
        "prepend_scheme": "never",
    }
    tried["metaspace_old_false"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}
    tried["metaspace_str_rep"] = {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}
    tried["metaspace_other"] = {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True}
    for behavior in BEHAVIORS:
        name = behavior.lower()
        tried[f"punctuation_{name}"] = punctuation(behavior)
        tried[f"split_{name}"] = split(r"\s+", behavior)
        tried[f"split_{name}_inverted"] = split(r"\w+", behavior, True)
        tried[f"split_string_{name}"] = split(" ", behavior, regex=False)
        tried[f"split_string_{name}_inverted"] = split("a", behavior, True, regex=False)
        tried[f"llama3_{name}"] = sequence("pretokenizers", [split(LLAMA3, behavior), byte_level(regex=False)])
    return tried


def template(before, after, special):
    piece = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    single = [*map(piece, before), {"Sequence": {"id": "A", "type_id": 0}}, *map(piece, after)]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}]
    tokens = {name: {"id": name, "ids": [identity], "tokens": [name]} for name, identity in special.items()}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


def post_processors_tried():
    """On any model: the ids 0, 1 and 2 are there."""
    bos, eos, both = (
        template(["B"], [], {"B": 1}),
        template([], ["E"], {"E": 2}),
        template(["B"], ["E", "E"], {"B": 1, "E": 2}),
    )
    return {
        "none": None,
        "byte_level": byte_level(prefix=True),
        "bos": bos,
        "eos": eos,
        "both": both,
        "bert": {"type": "BertProcessing", "sep": ["S", 2], "cls": ["C", 1]},
        "roberta": {
            "type": "RobertaProcessing",
            "sep": ["S", 2],
            "cls": ["C", 1],
            "trim_offsets": True,
            "add_prefix_space": True,
        },
        "two_templates": sequence("processors", [bos, eos]),
        "byte_level_template": sequence("processors", [byte_level(), bos]),
        "template_roberta": sequence(
            "processors",
            [
                both,
                {
                    "type": "RobertaProcessing",
                    "sep": ["S", 2],
                    "cls": ["C", 1],
                    "trim_offsets": True,
                    "add_prefix_space": True,
                },
            ],
        ),
        "empty_sequence": sequence("processors", []),
        "nested": sequence("processors", [sequence("processors", [eos]), sequence("processors", []), bos]),
        "several_ids": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "P", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"P": {"id": "P", "ids": [0, 2, 1], "tokens": ["x", "y", "z"]}},
        },
        "twice_a": {
            "type": "TemplateProcessing",
            "single": [
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "P", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"P": {"id": "P", "ids": [2], "tokens": ["x"]}},
        },
    }


def decoders_tried():
    fallback = [
        replace("▁", " "),
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    return {
        "none": None,
        "byte_level": byte_level(prefix=True),
        "metaspace": metaspace(),
        "metaspace_never": metaspace("never"),
        "metaspace_old": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
        "wordpiece": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "wordpiece_raw": {"type": "WordPiece", "prefix": "##", "cleanup": False},
        "bpe": {"type": "BPEDecoder", "suffix": "</w>"},
        "ctc": {"type": "CTC", "pad_token": "<unk>", "word_delimiter_token": "a", "cleanup": True},
        "byte_fallback": {"type": "ByteFallback"},
        "fuse": {"type": "Fuse"},
        "strip": {"type": "Strip", "content": "a", "start": 2, "stop": 1},
        "replace_regex": replace(r"[aeiou]", "·", regex=True),
        "llama": sequence("decoders", fallback),
        "empty_sequence": sequence("decoders", []),
        "nested": sequence("decoders", [sequence("decoders", fallback[:2]), sequence("decoders", fallback[2:])]),
    }


def added_tokens_tried(base):
    """Lists behind the base's own, by name. `n` is the number that the library numbers on from."""
    own, n = base["added_tokens"], count(base)
    first_word = next(t for t in vocabulary(base) if len(t) > 2 and t.isascii() and t.isalpha())
    return {
        "plain": own + [added("<a>", n), added("<b>", n + 1)],
        "gap": own + [added("<a>", n + 50), added("<b>", n + 54)],
        "unsorted": own + [added("<b>", n + 1), added("<a>", n)],
        "far": own + [added("<a>", 70_000)],
        "below": own + [added("<a>", 3)],
        "twice": own + [added("<a>", n), added("<a>", n + 1, special=False, lstrip=True), added("<b>", n + 2)],
        "empty": own + [added("", n), added("<b>", n + 1)],
        "own_reversed": [added("<a>", n)] + own[::-1],
        "without_own": [added("<a>", n)],
        "of_the_vocabulary": own + [added(first_word, 0, special=False), added("<a>", n)],
        "of_the_vocabulary_special": own + [added(first_word, 5), added("<a>", n)],
        "none": [],
        "words": own
        + [
            added("river", n, special=False, single_word=True),
            added("sea", n + 1, special=False, normalized=True),
            added("    ", n + 2, special=False, normalized=True),
        ],
        "strips": own
        + [
            added("<sep>", n, lstrip=True, rstrip=True),
            added("<mask>", n + 1, lstrip=True),
            added("<r>", n + 2, special=False, rstrip=True),
        ],
        "single_word": own
        + [
            added("the", n, special=False, single_word=True, normalized=True),
            added("é", n + 1, special=False, single_word=True),
            added("<x>", n + 2, single_word=True),
        ],
        "normalized_special": own
        + [added("<S>", n, normalized=True), added("Hello", n + 1, special=False, normalized=True)],
        "overlapping": own
        + [added("ab", n, special=False), added("abc", n + 1, special=False), added("bcd", n + 2), added("b", n + 3)],
        "spaces": own
        + [
            added(" ", n, special=False),
            added("\n", n + 1, special=False),
            added("\n\n", n + 2, special=False),
            added("\t", n + 3, special=True),
        ],
        "wide": own
        + [
            added("<｜end▁of▁sentence｜>", n),
            added("日本", n + 1, special=False),
            added("🤖", n + 2, special=False, single_word=True),
        ],
        "metaspace_inside": own
        + [added("▁the", n, special=False, normalized=True), added(" the", n + 1, special=False, normalized=True)],
        "all_flags": own + [added("<z>", n, special=True, single_word=True, lstrip=True, rstrip=True, normalized=True)],
    }


def vocabulary(base):
    vocab = base["model"]["vocab"]
    return [piece for piece, _ in vocab] if isinstance(vocab, list) else list(vocab)


def count(base):
    return len(base["model"]["vocab"])


TEXTS = [
    "",
    " ",
    "  ",
    "\n",
    "\t",
    "a",
    "Hello world",
    " leading",
    "  two leading",
    "trailing ",
    "trailing two  ",
    "\nline\n",
    "\r\nwindows\r\n\r\n",
    "a  b   c    d     e",
    "\tif x:\n\t\treturn 1234567 + 89",
    "1 12 123 1234 12345 123456 1234567890 ١٢٣٤ ½ ² Ⅷ 一二三",
    "2024-01-01T00:00:00Z 3.14159 1,000,000 0x1F 1e-5",
    "naïve café ﬁ ① 日本語 🤖👩‍👩‍👧 e\u0301 A\u030a ﷺ",
    "</s> and <s> and <|endoftext|> and <unk> inside",
    "<|endoftext|><|endoftext|> <|endoftext|>x",
    "a\0b\x07c\x1b[0m",
    "riverbank river, River. drivers the sea; thesea sea",
    "x <sep> y<sep>z <mask> w <mask>v <r>  u<r>t <x> a<x>b <a> <b><a>",
    "\u200b\ufeff\u00a0nbsp\u2003em\u3000ideographic\u2028line\u2029par\u0085nel",
    "don't I'LL we've DON'T 's 't 're ’s I’ll 'S'T ''' ' d'd'd",
    "A" * 300,
    "ab" * 200,
    "abcabcabc abcd bcd abab <S> <s> hello HELLO Hello",
    "ا ل ع ر ب ي ة ๆ ไทย हिन्दी தமிழ் ქართული Հայերեն עברית",
    "....!!!???\n\n\n---___***   ///\\\\ \n/ \r\n/",
    "▁meta▁space ▁▁ ▁ x▁",
    "x" + " " * 70 + "y" + "\n" * 9 + "z" + "\t" * 7,
    "\U0001f1e9\U0001f1ea\u200d\ufe0f \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
    "ÀÉÎÕÜ àéîõü ẞ ß ŉ ǰ İ ı ſ K Å ΐ ς Σ",
    "한국어 ㄱㄴㄷ 가나다 \u1100\u1161\u11a8",
    "ｆｕｌｌ ｗｉｄｔｈ ﾊﾝｶｸ ㍿ ㎏ ﹏",
    "``quoted'' \"double\" ‘single’ “double” «guillemets»",
    "the the The THE tHe",
    "line one\nline two\r\nline three\rline four\u2028five",
    "a\u0300\u0301\u0302b \u0300alone \u05b0\u05b1",
    "\U00010348\U00020000\U0002f800\U000e0001\U0010ffff\ue000",
    "def f(x):\n    return x ** 2  # ok\n\n\nclass A:\n\tpass\n",
    "https://example.org/path?query=1&b=%20#frag user@mail.com",
    "$100.00 €20 £5 ¥1000 50% #hash @at ^caret ~tilde `tick`",
    "CamelCaseHTTPServer snake_case_name kebab-case XMLHttpRequest iPhone",
    "ＡＢＣ１２３　ａｂｃ",
    "…—–‐‑·•‰′″‹›⁄€™℠",
    "x\u00adsoft\u2060joiner\u034fcgj",
    "0" * 50 + " " + "9" * 7,
    "(a)(b)[c]{d}<e> !a ?b .c ,d ;e :f",
    "no_unk ☃ ☭ ♥ ✓",
    "end </s>",
    "<s> begin",
    "    four spaces    eight        end",
    "<｜end▁of▁sentence｜> 日本 日本語 🤖 a🤖b",
]


def random_texts(seed, number):
    """Texts of pieces that meet in odd ways."""
    draw = random.Random(seed)
    pieces = [
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u00a0",
        "\u3000",
        "\u2028",
        "\u0085",
        "\u200b",
        "\u200d",
        "a",
        "b",
        "c",
        "the",
        "river",
        "Sea",
        "'s",
        "'LL",
        "’t",
        "1",
        "23",
        "4567",
        "½",
        "²",
        "٣",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "Σ",
        "日",
        "本語",
        "カ",
        "한",
        "가",
        "ไท",
        "ع",
        "ह\u093f",
        ".",
        ",",
        "!?",
        "-",
        "_",
        "/",
        "\\",
        '"',
        "(",
        ")",
        "▁",
        "🤖",
        "👍🏽",
        "\U0001f1e9\U0001f1ea",
        "\ufe0f",
        "\u0300",
        "ﬁ",
        "①",
        "Ⅷ",
        "<s>",
        "</s>",
        "<unk>",
        "<|endoftext|>",
        "<a>",
        "<sep>",
        "<mask>",
        "\0",
        "\x7f",
        "\ufeff",
        "\U00020000",
        "\ue000",
        "x" * 40,
        " " * 20,
        "ａ",
        "１",
        "ｶﾞ",
        "㍿",
        "Ǆ",
        "ǅ",
        "ʰ",
        "\u0345",
        "ͺ",
    ]
    return ["".join(draw.choices(pieces, k=draw.randint(1, 40))) for _ in range(number)]


def shapes(seed=0, number=400, charsmap=None):
    """Every named part on a model that suits it, every list of added tokens, then random combinations; (name,
    tokenizer.json)."""
    models_by_name = bases()
    yield from models_by_name.items()
    norms, pres, posts, decs = (
        normalizers_tried(charsmap),
        pre_tokenizers_tried(),
        post_processors_tried(),
        decoders_tried(),
    )
    for base in ("byte", "piece", "unigram", "wordpiece"):
        for name, part in norms.items():
            yield f"{base} normalizer {name}", varied(models_by_name[base], normalizer=part)
    for base in ("byte", "piece", "unigram", "word", "wordpiece", "suffix"):
        for name, part in pres.items():
            parts = dict(pre_tokenizer=part) | (dict(normalizer=None) if base == "piece" else {})
            yield f"{base} pre_tokenizer {name}", varied(models_by_name[base], **parts)
    for base in ("byte", "piece"):
        for name, part in posts.items():
            yield f"{base} post_processor {name}", varied(models_by_name[base], post_processor=part)
        for name, part in decs.items():
            yield f"{base} decoder {name}", varied(models_by_name[base], decoder=part)
    for base in ("wordpiece", "unigram", "suffix"):
        for name, part in decs.items():
            yield f"{base} decoder {name}", varied(models_by_name[base], decoder=part)
    for base in models_by_name:
        for name, listed in added_tokens_tried(models_by_name[base]).items():
            yield f"{base} added_tokens {name}", varied(models_by_name[base], added_tokens=listed)
            if base in ("byte", "piece"):
                yield (
                    f"{base} lowercase added_tokens {name}",
                    varied(models_by_name[base], added_tokens=listed, normalizer={"type": "Lowercase"}),
                )
                yield (
                    f"{base} metaspace added_tokens {name}",
                    varied(
                        models_by_name[base], added_tokens=listed, normalizer=None, pre_tokenizer=metaspace("first")
                    ),
                )
    yield from models_with_options(models_by_name)
    draw = random.Random(seed)
    for index in range(number):
        base = models_by_name[draw.choice(list(models_by_name))]
        members = lambda tried: [part for part in tried.values() if part is not None]
        some = lambda tried, kind: draw.choice(
            [draw.choice(members(tried)), None, sequence(kind, draw.sample(members(tried), draw.randint(0, 3)))]
        )
        yield (
            f"random {index}",
            varied(
                base,
                normalizer=some(norms, "normalizers"),
                pre_tokenizer=some(pres, "pretokenizers"),
                post_processor=some(posts, "processors"),
                decoder=some(decs, "decoders"),
                added_tokens=draw.choice(list(added_tokens_tried(base).values())),
            ),
        )


def models_with_options(models_by_name):
    byte, piece = models_by_name["byte"], models_by_name["piece"]
    spaces = sequence("normalizers", [replace(" ", "▁")])
    for name, options in {
        "ignore_merges": dict(model_ignore_merges=True),
        "dropout_zero": dict(model_dropout=0.0),
        "dropout_null": dict(model_dropout=None),
        "dropout_one": dict(model_dropout=1.0),
        "unk": dict(model_unk_token="<|endoftext|>"),
        "unk_missing": dict(model_unk_token="<nowhere>"),
        "byte_fallback_without_bytes": dict(model_byte_fallback=True),
    }.items():
        yield f"byte model {name}", varied(byte, **options)
    for name, options in {
        "ignore_merges": dict(model_ignore_merges=True),
        "no_byte_fallback": dict(model_byte_fallback=False),
        "no_byte_fallback_unfused": dict(model_byte_fallback=False, model_fuse_unk=False),
        "no_unk": dict(model_byte_fallback=False, model_unk_token=None),
        "no_unk_byte_fallback": dict(model_unk_token=None),
        "no_prepend": dict(normalizer=spaces),
        "dropout_one": dict(model_dropout=1.0),
        "some_bytes_missing": dict(
            model_vocab={t: i for t, i in piece["model"]["vocab"].items() if t not in ("<0xE2>", "<0x0A>")}
        ),
    }.items():
        yield f"piece model {name}", varied(piece, **options)
    unigram = models_by_name["unigram"]
    pieces = unigram["model"]["vocab"] + [[f"<0x{b:02X}>", 0.0] for b in range(256)]
    yield "unigram model byte_fallback", varied(unigram, model_vocab=pieces, model_byte_fallback=True)
    yield "unigram model no_unk", varied(unigram, model_unk_id=None)
    yield (
        "unigram model t5 precise",
        varied(unigram, model_vocab=[[t, -abs(hash_score(t))] for t, _ in unigram["model"]["vocab"]]),
    )
    wordpiece = models_by_name["wordpiece"]
    yield "wordpiece model prefixless", varied(wordpiece, model_continuing_subword_prefix="")
    yield "wordpiece model short words", varied(wordpiece, model_max_input_chars_per_word=4)
    yield "wordpiece model other unk", varied(wordpiece, model_unk_token="[nowhere]")
    word = models_by_name["word"]
    yield "word model unk missing", varied(word, model_unk_token="[nowhere]")
    for name, base in models_by_name.items():
        untyped = copy(base)
        del untyped["model"]["type"]
        yield f"{name} model untyped", untyped
        if isinstance(base["model"].get("merges"), list):
            yield (
                f"{name} model old merges",
                varied(base, model_merges=[" ".join(pair) for pair in base["model"]["merges"]]),
            )
            yield f"{name} model no merges", varied(base, model_merges=[])
        vocab = base["model"]["vocab"]
        if isinstance(vocab, dict) and "merges" not in base["model"]:
            holes = {token: identity + (identity > 20) * 7 for token, identity in vocab.items()}
            yield (
                f"{name} model holes",
                varied(base, model_vocab=holes, added_tokens=base["added_tokens"] + [added("<far>", 999)]),
            )
    holes = {token: identity + (identity > 300) * 9 for token, identity in byte["model"]["vocab"].items()}
    yield (
        "byte model holes",
        varied(
            byte, model_vocab=holes, added_tokens=byte["added_tokens"] + [added("<far>", 999), added("<near>", 1000)]
        ),
    )
    truncating = dict(direction="Right", max_length=8, strategy="LongestFirst", stride=0)
    padding = dict(
        strategy={"Fixed": 16}, direction="Right", pad_to_multiple_of=None, pad_id=0, pad_type_id=0, pad_token="x"
    )
    yield "byte truncating and padding", varied(byte, truncation=truncating, padding=padding)


def hash_score(token):
    return int.from_bytes(token.encode(), "little") % 1_000_003 / 99_991 + 0.1


def refused_shapes():
    """What the Python library doesn't open."""
    byte = bases()["byte"]
    for name, made in {
        "bad regex": varied(byte, pre_tokenizer=split("(")),
        "unknown pre_tokenizer": varied(byte, pre_tokenizer={"type": "Sliced"}),
        "unknown normalizer": varied(byte, normalizer={"type": "NFQ"}),
        "unknown decoder": varied(byte, decoder={"type": "Riddle"}),
        "unknown post_processor": varied(byte, post_processor={"type": "Chat"}),
        "unknown model": varied(byte, model_type="Characters"),
        "merge of nothing": varied(byte, model_merges=[["qqqq", "q"]]),
        "dropout of two": varied(byte, model_dropout=2.0),
        "version": varied(byte, version="3.0"),
        "old metaspace false": varied(
            byte, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}
        ),
        "no model": {k: v for k, v in byte.items() if k != "model"},
        "empty object": {},
    }.items():
        yield f"refused {name}", made
