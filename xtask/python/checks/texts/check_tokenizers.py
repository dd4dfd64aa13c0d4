"""outgrow-tokenizer against the Python library: the same tokenizer.json files and texts through both.

    cargo xtask compare tokenizers ENCODE [--tokenizers FOLDER] [--random N] [--texts N] [--seed N]
        [--only WORDS …] [--failing FOLDER]

ENCODE is the crate's example of that name. Shapes are those of models/tokenizer_shapes.py (every kind of part by
itself, every list of added tokens, N random combinations), and the files of FOLDER as <name>/tokenizer.json or
<name>.json with parts exchanged. For each: either both open it or both refuse it; ids of every text read as text
(encode_special_tokens), as tokens, and with the post-processor's tokens; what these ids and random ones decode to; ids
of added tokens; and the same once more by the reference engine alone where the fast one encodes. A line for each shape;
the exit status is 1 if something differs.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer

from models import tokenizer_shapes as shapes


def python_answer(path, texts, drawn):
    """What the Python library says, in the form of the example's answer."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.no_truncation()
    except BaseException as error:  # A panic is no Exception.
        return {"refused": str(error)}, []

    def attempt(call):
        try:
            return call()
        except BaseException as error:
            return {"failed": str(error)}

    answer, decoded = {}, []
    for name, as_text, special in (("text", True, False), ("tokens", False, False), ("added", False, True)):
        tokenizer.encode_special_tokens = as_text
        answer[name] = [attempt(lambda: tokenizer.encode(text, add_special_tokens=special).ids) for text in texts]
    # Ids outside the vocabulary, which a template may put in, are refused by design.
    beyond = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    decoded = [ids for ids in answer["added"] if isinstance(ids, list) and max(ids, default=0) <= beyond]
    draw = random.Random(0)
    decoded += [[draw.randint(0, beyond) for _ in range(draw.randint(1, 12))] for _ in range(drawn)]
    answer["decoded"] = [attempt(lambda: tokenizer.decode(ids, skip_special_tokens=False)) for ids in decoded]
    answer["vocab_size"] = beyond + 1
    answer["ids"] = {
        token.content: tokenizer.token_to_id(token.content) for token in tokenizer.get_added_tokens_decoder().values()
    }
    return answer, decoded


def differences(theirs, ours, texts):
    """What differs, a line each."""
    if "refused" in theirs or "refused" in ours:
        if ("refused" in theirs) != ("refused" in ours):
            yield f"python: {theirs.get('refused', 'opens it')[:100]} | ours: {ours.get('refused', 'opens it')[:160]}"
        return
    failed = lambda result: isinstance(result, dict)
    beyond = lambda ids: isinstance(ids, list) and max(ids, default=0) >= theirs["vocab_size"]
    for reading in ("text", "tokens", "added"):
        for text, their, our in zip(texts, theirs[reading], ours[reading], strict=True):
            if failed(our) and (failed(their) or beyond(their)):
                continue
            if their != our:
                at = (
                    next((i for i, (a, b) in enumerate(zip(their, our)) if a != b), -1)
                    if isinstance(our, list) and isinstance(their, list)
                    else -1
                )
                yield f"{reading} {text[:60]!r}: python {str(their)[:90]} ours {str(our)[:90]} (first at {at})"
    for their, our in zip(theirs["decoded"], ours["decoded"], strict=True):
        # Some decoders of the library panic without tokens; here no tokens are no text.
        if their != our and not (failed(their) and (failed(our) or our == "")):
            yield f"decoded: python {str(their)[:80]!r} ours {str(our)[:80]!r}"
    if theirs["vocab_size"] != ours["vocab_size"]:
        yield f"vocab_size: python {theirs['vocab_size']} ours {ours['vocab_size']}"
    listed = {content: identity for identity, content, _ in ours["added_tokens"]}
    for content, identity in theirs["ids"].items():
        if listed.get(content) != identity:
            yield f"added token {content!r}: python {identity} ours {listed.get(content)}"


def charsmap():
    """The character map of SentencePiece's usual normalisation, as converted files have it."""
    import base64

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(shapes.CORPUS * 20),
        model_writer=model,
        vocab_size=200,
        hard_vocab_limit=False,
        minloglevel=3,
    )
    from sentencepiece import sentencepiece_model_pb2 as protocol

    read = protocol.ModelProto()
    read.ParseFromString(model.getvalue())
    return base64.b64encode(read.normalizer_spec.precompiled_charsmap).decode()


def of_folder(folder):
    """Whole tokenizers with one part exchanged."""
    for path in sorted([*folder.glob("*/tokenizer.json"), *folder.glob("*.json"), *folder.glob("*/*.json")]):
        if path.name in ("vocab.json", "tokenizer_config.json", "special_tokens_map.json"):
            continue
        base = json.loads(path.read_text())
        if "model" not in base:
            continue
        name = path.parent.name if path.name == "tokenizer.json" else path.stem
        yield name, base
        if base["normalizer"] is None:
            for pre in (
                "llama3",
                "qwen",
                "smollm",
                "byte_level_prefix",
                "falcon",
                "deepseek_llama",
                "deepseek_v3",
                "bloom",
                "o200k",
                "tekken",
                "one_member",
                "digits_together",
            ):
                yield f"{name} {pre}", shapes.varied(base, pre_tokenizer=shapes.pre_tokenizers_tried()[pre])
            for norm in ("nfc", "nfkc", "lowercase"):
                yield f"{name} {norm}", shapes.varied(base, normalizer=shapes.normalizers_tried()[norm])
            yield (
                f"{name} qwen nfc",
                shapes.varied(base, normalizer={"type": "NFC"}, pre_tokenizer=shapes.pre_tokenizers_tried()["qwen"]),
            )
        else:
            for pre in ("metaspace_first_whole", "metaspace_always_split", "metaspace_never_whole", "metaspace_old"):
                yield (
                    f"{name} {pre}",
                    shapes.varied(base, normalizer=None, pre_tokenizer=shapes.pre_tokenizers_tried()[pre]),
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encode", type=Path)
    parser.add_argument("--tokenizers", type=Path)
    parser.add_argument("--random", type=int, default=400)
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--failing", type=Path, help="where to leave the files that differ")
    arguments = parser.parse_args()

    texts = shapes.TEXTS + shapes.random_texts(arguments.seed, arguments.texts)
    cases = [*shapes.shapes(arguments.seed, arguments.random, charsmap()), *shapes.refused_shapes()]
    if arguments.tokenizers:
        cases += of_folder(arguments.tokenizers)
    differing, engines, refused = 0, {}, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        program = subprocess.Popen([arguments.encode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(**question):
            program.stdin.write(json.dumps(question) + "\n")
            program.stdin.flush()
            return json.loads(program.stdout.readline())

        for name, made in cases:
            if arguments.only and not any(word in name for word in arguments.only):
                continue
            path.write_text(json.dumps(made, ensure_ascii=False))
            theirs, decoded = python_answer(path, texts, 20)
            ours = ask(tokenizer=str(path), texts=texts, decode=decoded)
            engine = ours.get("engine", "refused")
            engines[engine] = engines.get(engine, 0) + 1
            found = list(differences(theirs, ours, texts))
            if engine == "fast":
                found += [
                    f"reference engine: {line}"
                    for line in differences(
                        theirs, ask(tokenizer=str(path), texts=texts, decode=decoded, reference=True), texts
                    )
                ]
            differing += bool(found)
            note = ours.get("refused") or "; ".join(ours.get("notes", []))
            print(
                f"{'DIFFERS' if found else 'same':8}{engine:10}{name}"
                + (f"  [{note.replace(folder + '/', '')[:200]}]" if note else ""),
                flush=True,
            )
            for line in found[:4]:
                print("    " + line)
            if found and arguments.failing:
                arguments.failing.mkdir(parents=True, exist_ok=True)
                (arguments.failing / (name.replace(" ", "_") + ".json")).write_text(
                    json.dumps(made, ensure_ascii=False)
                )
        program.stdin.close()
        if program.wait() != 0:
            sys.exit("the example ended with an error")
    total = sum(engines.values())
    print(f"{total} shapes × {len(texts)} texts × 3 readings: {differing} differ; {engines}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
