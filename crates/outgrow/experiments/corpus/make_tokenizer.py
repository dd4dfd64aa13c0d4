"""Makes tokenizer.json: a byte-level BPE of 2048 entries fitted to train.jsonl.zst.

    pip install tokenizers==0.23.3
    python make_tokenizer.py train.jsonl.zst tokenizer.json

`<|endoftext|>` is entry 0, then the 256 bytes, then the merges. No normaliser: decoding gives back every byte.
Needs zstd on the path.
"""

import json
import subprocess
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

corpus, target = sys.argv[1:]
lines = subprocess.run(["zstd", "-dc", corpus], check=True, capture_output=True).stdout.decode().splitlines()
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=2048,
    special_tokens=["<|endoftext|>"],
    initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    show_progress=False,
)
tokenizer.train_from_iterator((json.loads(line)["text"] for line in lines), trainer)
assert tokenizer.get_vocab_size() == 2048 and tokenizer.token_to_id("<|endoftext|>") == 0
tokenizer.save(target)
