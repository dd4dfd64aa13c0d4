"""Intervals, tests, power, a bootstrap and fits of laws, by SciPy.

Quantiles and tails of Student's t, the power of its test, one-sided tests, and power laws with and without a floor.

crates/outgrow-statistics/tests/golden/scipy.json
"""

import json

import numpy
import scipy
from scipy import optimize, stats

from models.tiny_llama import REPOSITORY

GOLDEN = REPOSITORY / "crates" / "outgrow-statistics" / "tests" / "golden"
FILE = GOLDEN / "scipy.json"

DIFFERENCES = [
    [-0.031, -0.022, -0.040, -0.027, -0.035],
    [0.012, -0.004, 0.009],
    [1.5, 2.5],
    [0.101, 0.1015, 0.0995, 0.1, 0.1002, 0.0991, 0.1008],
]
# Skewed, so that both ends differ.
SKEWED = [0.11, 0.14, 0.09, 0.25, 0.21, 0.13, 0.30, 0.10, 0.17, 0.22, 0.12, 0.19]
DRAWS = 400_000


def t_tests() -> list[dict]:
    tests = []
    for values in DIFFERENCES:
        found = stats.ttest_1samp(values, 0.0)
        intervals = {str(level): list(found.confidence_interval(level)) for level in (0.9, 0.95, 0.99)}
        margin = 0.03
        above = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
        below = stats.ttest_1samp(values, margin, alternative="less").pvalue
        tests.append(
            {
                "values": values,
                "t": found.statistic,
                "p": found.pvalue,
                "intervals": intervals,
                "margin": margin,
                "p_within": max(above, below),
            }
        )
    return tests


def proportions() -> list[dict]:
    cases = [(0, 7), (3, 7), (50, 100), (331, 1267), (2376, 2376)]
    rows = []
    for yes, answers in cases:
        found = stats.binomtest(yes, answers).proportion_ci(0.95, method="wilson")
        rows.append({"yes": yes, "answers": answers, "interval": [found.low, found.high]})
    return rows


def powers() -> list[dict]:
    rows = []
    for pairs in (2, 3, 5, 8, 20, 60):
        for effect in (0.2, 0.8, 1.5, 3.0):
            quantile = stats.t.ppf(0.975, pairs - 1)
            shift = effect * pairs**0.5
            # The tail on the other side is nothing where SciPy has no number for it.
            power = stats.nct.sf(quantile, pairs - 1, shift)
            power += numpy.nan_to_num(stats.nct.cdf(-quantile, pairs - 1, shift))
            rows.append({"pairs": pairs, "effect": effect, "power": float(power)})
    return rows


def bootstrap() -> dict:
    """Studentized: SciPy has none, so in NumPy."""
    values = numpy.array(SKEWED)
    drawn = numpy.random.default_rng(1).choice(values, size=(DRAWS, len(values)))
    root = len(values) ** 0.5
    spreads = drawn.std(axis=1, ddof=1)
    has_spread = spreads > 1e-9
    distances = (drawn.mean(axis=1) - values.mean())[has_spread] / (spreads[has_spread] / root)
    standard_error = values.std(ddof=1) / root
    return {
        "values": SKEWED,
        "lower": values.mean() - numpy.quantile(distances, 0.975) * standard_error,
        "upper": values.mean() - numpy.quantile(distances, 0.025) * standard_error,
        "standard_error": standard_error,
    }


def fits() -> list[dict]:
    """In units of 1e18 FLOPs and in logarithms of the loss, as ours are, and from a start near the truth."""
    random = numpy.random.default_rng(7)
    cases = []
    for floor, scale, exponent in [(0.0, 3.2, -0.05), (1.7, 1.6, -0.15), (2.2, 0.9, -0.3)]:
        flops = numpy.array([1.0, 3.0, 12.0, 40.0, 180.0, 700.0])
        losses = (floor + scale * flops**exponent) * numpy.exp(0.002 * random.standard_normal(len(flops)))
        power_law, _ = optimize.curve_fit(
            lambda x, a, b: numpy.log(a) + b * numpy.log(x), flops, numpy.log(losses), p0=[scale, exponent]
        )
        case = {
            "flops": (flops * 1e18).tolist(),
            "losses": losses.tolist(),
            "reference": 1e18,
            "power_law": power_law.tolist(),
        }
        if floor > 0.0:
            with_floor, _ = optimize.curve_fit(
                lambda x, e, a, b: numpy.log(e + a * x**b),
                flops,
                numpy.log(losses),
                p0=[floor, scale, exponent],
                xtol=1e-12,
                ftol=1e-12,
            )
            case["with_floor"] = with_floor.tolist()
        cases.append(case)
    return cases


def parabola() -> dict:
    """By numpy.polyfit, of one group."""
    x = numpy.array([0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5])
    y = numpy.array([5.021, 4.998, 4.985, 4.981, 4.987, 4.995, 5.009])
    curvature, slope, level = numpy.polyfit(numpy.log(x), y, 2)
    return {"x": x.tolist(), "y": y.tolist(), "minimum": float(numpy.exp(-slope / (2 * curvature)))}


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    golden = {
        "scipy": scipy.__version__,
        "t_tests": t_tests(),
        "proportions": proportions(),
        "powers": powers(),
        "bootstrap": bootstrap(),
        "fits": fits(),
        "parabola": parabola(),
    }
    FILE.write_text(json.dumps(golden, indent=1, allow_nan=False) + "\n")
    print(f"{FILE.stat().st_size:>9,} bytes  {FILE.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
