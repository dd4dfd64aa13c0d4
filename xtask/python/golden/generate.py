"""Makes the golden files of decoder and optimizer anew, and prints their sizes.

Fails if they have grown beyond the limit.
"""

import sys

from golden import autocast, decoder, generation, learning_rates, muon, optimization
from models.tiny_llama import REPOSITORY

LIMIT_BYTES = 550_000


def main() -> None:
    decoder.main()
    autocast.main()
    generation.main()
    optimization.main()
    learning_rates.main()
    muon.main()
    folders = [decoder.GOLDEN / case.name for case in decoder.CASES]
    folders += [optimization.GOLDEN / name for name in optimization.VARIANTS]
    folders += [learning_rates.GOLDEN, muon.GOLDEN]
    total = 0
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{size:>9,} bytes  {folder.relative_to(REPOSITORY)}")
        total += size
    print(f"{total:>9,} bytes  together, of at most {LIMIT_BYTES:,}")
    if total > LIMIT_BYTES:
        sys.exit(f"golden files take {total:,} bytes, the limit is {LIMIT_BYTES:,}: make the models smaller")


if __name__ == "__main__":
    main()
