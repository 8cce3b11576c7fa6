import time
import uuid

import pytest

from llmops.ids import uuid7


def test_known_layout() -> None:
    """RFC 9562, 5.7 and its example A.6: 48 bits of milliseconds, version 7, variant 10."""
    made = uuid7(0x017F22E279B0)
    assert str(made).startswith("017f22e2-79b0-7")
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_sort_by_time() -> None:
    made = [uuid7(millis) for millis in (0, 1, 255, 256, 1_790_000_000_000, (1 << 48) - 1)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({uuid7(7) for _ in range(10_000)}) == 10_000


def test_clock_is_used_when_no_time_is_given() -> None:
    before, made, after = time.time_ns() // 1_000_000, uuid7(), time.time_ns() // 1_000_000
    assert before <= made.int >> 80 <= after


@pytest.mark.parametrize("millis", [-1, 1 << 48])
def test_times_that_do_not_fit_are_refused(millis: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        uuid7(millis)
