import asyncio

import pytest

from rewardsmith.search.slots import Slots


async def _hold(slots: Slots, priority: int, name: str, order: list[str], gate: asyncio.Event) -> None:
    async with slots.take(lambda: (priority,)):
        order.append(name)
        await gate.wait()


def test_the_most_urgent_waiter_is_served_first():
    async def scenario() -> list[str]:
        slots, order, gate = Slots(1), [], asyncio.Event()
        first = asyncio.create_task(_hold(slots, 5, "first", order, gate))
        await asyncio.sleep(0)
        later = [asyncio.create_task(_hold(slots, p, n, order, gate)) for p, n in [(2, "b"), (1, "a"), (2, "c")]]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *later)
        return order

    assert asyncio.run(scenario()) == ["first", "a", "b", "c"]


def test_a_cancelled_waiter_and_a_cancelled_holder_leave_no_slot_taken():
    async def scenario() -> None:
        slots, order, gate = Slots(1), [], asyncio.Event()
        holder = asyncio.create_task(_hold(slots, 0, "holder", order, gate))
        await asyncio.sleep(0)
        waiter = asyncio.create_task(_hold(slots, 0, "waiter", order, gate))
        await asyncio.sleep(0)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        gate.set()
        await asyncio.wait_for(_hold(slots, 0, "last", order, gate), timeout=500)
        assert order == ["holder", "last"]

    asyncio.run(scenario())


def test_a_waiter_cancelled_just_after_it_was_served_hands_its_slot_on():
    async def scenario() -> None:
        slots, order, gate = Slots(1), [], asyncio.Event()
        holder = asyncio.create_task(_hold(slots, 0, "holder", order, gate))
        await asyncio.sleep(0)
        served = asyncio.create_task(_hold(slots, 0, "served", order, gate))
        await asyncio.sleep(0)
        gate.set()
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)
        await asyncio.wait_for(_hold(slots, 0, "last", order, gate), timeout=500)
        assert order[-1] == "last"

    asyncio.run(scenario())
