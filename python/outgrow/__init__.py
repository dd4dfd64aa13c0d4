"""Outgrow from Python: grow model folders, read runs as tables, make reports.

    import outgrow

    print(outgrow.plan_growth("a-llama", "grown", operator="stack", factor=4))
    outgrow.grow("a-llama", "grown", operator="stack", factor=4)

    run = outgrow.read_run("runs/mine")
    run.validations.plot(x="flops", y="validation_loss")

    outgrow.report("runs/mine", "runs/other", out="report.html")

Each of these runs the program `outgrow`, which the wheel brings along, or reads its files; `outgrow.program.run` runs
any other command of it. A refusal is an `OutgrowError` with the program's own message. Reading runs as tables needs
pandas, and `outgrow.trainer_callback` needs transformers; both are imported only where they are used.
"""

from .growing import GrowthOptions, grow, plan_growth
from .program import OutgrowError, program_path
from .reports import report
from .runs import Run, read_run

__all__ = [
    "GrowthOptions",
    "OutgrowError",
    "Run",
    "grow",
    "plan_growth",
    "program_path",
    "read_run",
    "report",
]
