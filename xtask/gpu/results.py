"""What the PyTorch programs of step-1.sh share: lines of results, the models' numbers, and time.

A result is a line of JSON, written when it is there, so that a program that is ended keeps what it measured. A
measurement that fails is a line as well.
"""

import json
import os
import statistics
import sys
import time
import traceback
from pathlib import Path

import torch

REHEARSE = os.environ.get("REHEARSE") == "1"
DEVICE = "cpu" if REHEARSE else "cuda"
RESULTS = Path(os.environ["RESULTS"])
MODELS = json.loads((Path(__file__).parents[2] / "benches/src/gpu/models.json").read_text())
# When this program is to be done by itself: no measurement begins later.
measured = 0
END = time.monotonic() + float(os.environ.get("SECONDS_LEFT", "600"))


def model(name):
    """The numbers of a model; in a rehearsal those of the small one."""
    return MODELS["small" if REHEARSE else name]


def write(part, measurement, values):
    line = {"program": "PyTorch", "part": part, "measurement": measurement, **values}
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


def measure(part, measurement, run):
    """Takes a measurement, a function to a dict, unless time is over."""
    global measured
    if time.monotonic() > END:
        write(part, measurement, {"error": "no time was left"})
        return
    try:
        values = run()
        measured += 1
    except Exception as error:  # whatever it is, the next measurement is worth trying
        traceback.print_exc()
        values = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:400]}
    write(part, measurement, values)


def finish():
    """Ends the program: some backend may be missing, but not everything."""
    sys.exit(0 if measured else "nothing could be measured")


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def milliseconds(run, patience=0.2):
    """The median of batches of about ten milliseconds, after a first time and a batch to warm up."""

    def batch(times):
        synchronize()
        start = time.perf_counter()
        for _ in range(times):
            run()
        synchronize()
        return (time.perf_counter() - start) / times

    batch(1)
    times = max(1, min(50, round(0.01 / max(batch(1), 1e-9))))
    batch(times)
    start, seconds = time.perf_counter(), []
    while len(seconds) < 3 or (time.perf_counter() - start < patience and len(seconds) < 20):
        seconds.append(batch(times))
    return 1e3 * statistics.median(seconds)
