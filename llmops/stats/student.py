"""The quantile of Student's t distribution that 95 % intervals need."""

from __future__ import annotations

from llmops.stats.wilson import Z_95

SERIES_FROM_DF = 10
"""From here on the series below is off by less than 0.00001."""


def t_95(df: float) -> float:
    """The 97.5 % quantile for `df` > 0 degrees of freedom, which need not be whole.

    Abramowitz and Stegun (1964), 26.7.5.
    """
    if df < SERIES_FROM_DF:
        # Here and not above: it costs 0.2 s and 30 MB, which most programs never need.
        from scipy.special import stdtrit

        return float(stdtrit(df, 0.975))
    z = Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / df**power for power, term in enumerate(terms, start=1))
