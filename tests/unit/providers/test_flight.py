import asyncio

import pytest

from llmops.providers.flight import FlightWindow


async def entered(window: FlightWindow, n: int) -> list[int]:
    return [await window.enter(0.0) for _ in range(n)]


async def test_nothing_is_held_back_until_the_vendor_says_so() -> None:
    window = FlightWindow()
    await entered(window, 500)
    assert (window.in_flight, window.limit) == (500, None)


async def test_refusal_halves_what_is_in_flight_once_per_burst() -> None:
    window = FlightWindow()
    burst = await entered(window, 40)
    for place in burst[:12]:
        window.refused(place)
        window.leave()
    assert window.limit == 20.0
    assert window.in_flight == 28
    with pytest.raises(TimeoutError):
        await window.enter(0.0)


async def test_later_refusals_halve_again_down_to_one() -> None:
    window = FlightWindow()
    for expected in (4.0, 2.0, 1.0, 1.0):
        free = 8 if window.limit is None else int(window.limit) - window.in_flight
        for place in await entered(window, free):
            window.refused(place)
        assert window.limit == expected
        while window.in_flight:
            window.leave()
    await entered(window, 1)
    with pytest.raises(TimeoutError):
        await window.enter(0.0)


async def test_answers_grow_it_by_one_a_round_until_recovered() -> None:
    window = FlightWindow()
    burst = await entered(window, 8)
    window.refused(burst[0])
    for _ in burst:
        window.leave()
    assert window.limit == 4.0
    for _ in range(4):
        window.answered()
    assert window.limit is not None and 4.8 < window.limit <= 5.0
    for _ in range(40):
        window.answered()
    assert window.limit is None


async def test_those_who_wait_are_let_in_first_come_first_served() -> None:
    window = FlightWindow()
    for place in await entered(window, 2):
        window.refused(place)
    order: list[str] = []

    async def caller(name: str) -> None:
        await window.enter(5.0)
        order.append(name)

    tasks = []
    for name in "abc":
        tasks.append(asyncio.create_task(caller(name)))
        await asyncio.sleep(0)
    window.leave()
    await asyncio.sleep(0)
    assert order == []
    for expected in ("a", "ab", "abc"):
        window.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert "".join(order) == expected
    await asyncio.gather(*tasks)
    assert window.in_flight == 1


async def test_a_caller_that_gives_up_leaves_no_trace() -> None:
    window = FlightWindow()
    (place,) = await entered(window, 1)
    window.refused(place)
    waiting = asyncio.create_task(window.enter(5.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    window.leave()
    await entered(window, 1)
    assert window.in_flight == 1


async def test_a_caller_cancelled_at_the_moment_of_its_turn_gives_the_place_back() -> None:
    window = FlightWindow()
    (place,) = await entered(window, 1)
    window.refused(place)
    waiting = asyncio.create_task(window.enter(5.0))
    await asyncio.sleep(0)
    window.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert window.in_flight == 0
