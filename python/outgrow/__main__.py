"""`python -m outgrow …`: the program, where its folder isn't on the PATH."""

import subprocess
import sys

from .program import program_path

if __name__ == "__main__":
    try:
        sys.exit(subprocess.run([program_path(), *sys.argv[1:]]).returncode)
    except KeyboardInterrupt:
        # The program has had it too, and has said what there is to say.
        sys.exit(130)
