"""What libraries read from the environment while they are imported: every package here imports this first.

Every model, tokenizer and document is a file that is named; nothing may be looked up by name on a hub.
"""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("LMEVAL_LOG_LEVEL", "ERROR")
