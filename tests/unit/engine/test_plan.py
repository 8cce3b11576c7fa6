"""Which cases a sample takes."""

from hypothesis import given
from hypothesis import strategies as st

from evals_app.engine.plan import sample_of

IDS = list(range(1, 1_001))


def test_a_sample_has_the_size_that_was_asked_for():
    assert len(sample_of(IDS, size=100, seed=1)) == 100
    assert sample_of(IDS, size=100, seed=1) <= set(IDS)
    assert sample_of([3, 1, 2], size=3, seed=1) == sample_of([3, 1, 2], size=9, seed=1) == {1, 2, 3}
    assert sample_of([], size=5, seed=1) == set()
    assert sample_of(IDS, size=0, seed=1) == set()


def test_the_same_seed_draws_the_same_cases_in_any_order():
    assert sample_of(IDS, size=100, seed=7) == sample_of(IDS[::-1], size=100, seed=7)
    assert sample_of(IDS, size=100, seed=7) != sample_of(IDS, size=100, seed=8)


@given(st.integers(), st.sets(st.integers(1, 10_000), min_size=2, max_size=60), st.data())
def test_one_case_more_or_less_changes_at_most_one_other(seed, ids, data):
    size = data.draw(st.integers(1, len(ids)))
    fewer = ids - {data.draw(st.sampled_from(sorted(ids)))}
    drawn, again = (
        sample_of(sorted(ids), size=size, seed=seed),
        sample_of(sorted(fewer), size=size, seed=seed),
    )
    assert len(drawn - again) <= 1
    assert len(again - drawn) <= 1


def test_each_case_has_the_same_chance():
    """Each of 20 cases is in half of 2,000 samples of 10, give or take six standard deviations."""
    times = dict.fromkeys(range(20), 0)
    for seed in range(2_000):
        for case in sample_of(range(20), size=10, seed=seed):
            times[case] += 1
    assert all(abs(n - 1_000) < 6 * (2_000 * 0.25) ** 0.5 for n in times.values())
