"""What the common path may cost when a program starts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys
from evals_app.choices import ValueType
from evals_app.engine.aggregate import metric_estimate
from llmops.stats.quantiles import quantile_estimate
for value_type in (ValueType.YES_NO, ValueType.NUMBER):
    found = metric_estimate(
        values=[0.0, 1.0] * 20, cases=range(40), groups=[""] * 40,
        value_type=value_type, minimum=0.0, maximum=1.0, seed=1,
    )
    assert found.low < found.value < found.high
assert quantile_estimate([1.0, 2.0] * 50, 0.95).high == 2.0
print([name for name in ("numpy", "scipy", "django") if name in sys.modules])
"""


def test_runs_of_the_usual_size_load_no_heavy_library() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
