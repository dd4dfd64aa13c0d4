"""Makes tokenizers.json of outgrow-tokenizer: ids and texts of the Python library for tens of shapes.

    cargo xtask golden tokenizer_ids [TARGET]

Small models (models/tokenizer_shapes.py) are there once, each case says which parts of its model it exchanges.
"""

import json
import sys
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer

from models import tokenizer_shapes as shapes

TARGET = Path(__file__).resolve().parents[3] / "crates/outgrow-tokenizer/tests/golden/tokenizers.json"
# Beginnings of the texts that are in; the check by hand has all and drawn ones.
TAKEN = (
    "Hello world",
    "  two leading",
    "trailing ",
    "\r\nwindows",
    "\tif x",
    "1 12 123",
    "naïve",
    "</s> and",
    "<|endoftext|><|",
    "a\0b",
    "riverbank",
    "x <sep>",
    "\u200b\ufeff",
    "don't",
    "abcabcabc",
    "ا ل",
    "....!!!",
    "▁meta",
    "x     ",
    "\U0001f1e9",
    "ÀÉÎ",
    "line one",
    "a\u0300",
    "the the",
    "<｜end",
)


def cases(bases):
    """(name, base, parts)"""
    norms, pres, posts, decs = (
        shapes.normalizers_tried(),
        shapes.pre_tokenizers_tried(),
        shapes.post_processors_tried(),
        shapes.decoders_tried(),
    )
    yield from ((name, name, {}) for name in bases)
    for pre in (
        "llama3",
        "llama3_digits_2",
        "llama3_digits_all",
        "qwen",
        "o200k",
        "smollm",
        "deepseek_llama",
        "deepseek_v3",
        "falcon",
        "bloom",
        "byte_level_prefix",
        "byte_level_raw",
        "byte_level_first",
        "nested",
        "empty_sequence",
        "nested_empty",
        "split_removed_inverted",
        "lookahead",
    ):
        yield f"byte {pre}", "byte", dict(pre_tokenizer=pres[pre])
    for norm in ("nfc", "nfkc", "lowercase", "nested", "replace_regex_spaces", "bert", "strip"):
        yield f"byte {norm}", "byte", dict(normalizer=norms[norm])
    yield "byte nfc qwen", "byte", dict(normalizer=norms["nfc"], pre_tokenizer=pres["qwen"])
    for pre in (
        "metaspace_first_whole",
        "metaspace_always_split",
        "metaspace_never_split",
        "metaspace_old",
        "scripts",
        "fixed_5",
        "delimiter",
    ):
        yield f"piece {pre}", "piece", dict(normalizer=None, pre_tokenizer=pres[pre])
    yield "piece t5_like", "piece", dict(normalizer=norms["t5_like"])
    yield "piece without bytes", "piece", dict(model_byte_fallback=False, model_fuse_unk=False)
    yield "unigram t5", "unigram", dict(pre_tokenizer=pres["t5"])
    yield "word split_mergedwithnext", "word", dict(pre_tokenizer=pres["split_mergedwithnext"])
    for post in ("two_templates", "nested", "roberta", "several_ids", "twice_a"):
        yield f"byte {post}", "byte", dict(post_processor=posts[post])
    for dec in ("wordpiece", "ctc", "fuse", "none", "metaspace", "empty_sequence"):
        yield f"piece decoder {dec}", "piece", dict(decoder=decs[dec])
    for base in ("byte", "piece"):
        for name in (
            "gap",
            "unsorted",
            "twice",
            "empty",
            "own_reversed",
            "of_the_vocabulary",
            "strips",
            "single_word",
            "overlapping",
            "spaces",
            "words",
        ):
            yield f"{base} added {name}", base, dict(added_tokens=shapes.added_tokens_tried(bases[base])[name])
    yield "byte dropout of one", "byte", dict(model_dropout=1.0)
    yield "byte ignore_merges", "byte", dict(model_ignore_merges=True)
    vocab = {
        token: identity + (identity > 20) * 7 for token, identity in list(bases["word"]["model"]["vocab"].items())[:60]
    }
    yield (
        "word with holes",
        "word",
        dict(
            model_vocab=vocab,
            added_tokens=bases["word"]["added_tokens"] + [shapes.added("<far>", 999), shapes.added("<near>", 1000)],
        ),
    )


def answer(made, texts):
    tokenizer = Tokenizer.from_str(json.dumps(made))
    found = {}
    for reading, as_text, special in (("text", True, False), ("tokens", False, False), ("added", False, True)):
        tokenizer.encode_special_tokens = as_text
        found[reading] = [tokenizer.encode(text, add_special_tokens=special).ids for text in texts]
    found["decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in found["added"]]
    vocab = tokenizer.get_vocab(with_added_tokens=True)
    found["vocab_size"] = max(vocab.values()) + 1
    found["ids"] = {token.content: vocab[token.content] for token in tokenizer.get_added_tokens_decoder().values()}
    return found


def without_repetition(found, of_base):
    """null for ids as text and decoded texts that the base has too, for ids as tokens that are those as text, and for
    ids with the post-processor's that are those without; a list of nulls is null."""
    less = dict(found)
    for reading, known in (
        ("text", of_base and of_base["text"]),
        ("decoded", of_base and of_base["decoded"]),
        ("tokens", found["text"]),
        ("added", found["tokens"]),
    ):
        less[reading] = [None if known and entry == known[i] else entry for i, entry in enumerate(found[reading])]
        if not any(entry is not None for entry in less[reading]):
            less[reading] = None
    return less


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    texts = [next(text for text in shapes.TEXTS if text.startswith(start)) for start in TAKEN]
    bases = shapes.bases()
    compact = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    of_bases, lines = {}, []
    for name, base, parts in cases(bases):
        found = answer(shapes.varied(bases[base], **parts), texts)
        lines.append(compact(dict(name=name, base=base, parts=parts) | without_repetition(found, of_bases.get(base))))
        of_bases.setdefault(base, found)
    models = [f"{compact(name)}:{compact(made)}" for name, made in bases.items()]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        "{"
        + f'"tokenizers":{compact(tokenizers.__version__)},\n"texts":{compact(texts)},\n"bases":{{\n'
        + ",\n".join(models)
        + "\n},\n"
        '"cases":[\n' + ",\n".join(lines) + "\n]}\n"
    )
    print(f"{target}: {len(lines)} cases × {len(texts)} texts, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
