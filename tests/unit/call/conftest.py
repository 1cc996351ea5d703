"""A call that a machine may answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.machine_call import AtOnce, Call


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """It is over at the end."""
    with AtOnce(1) as pool:
        made = Call(pool)
        yield made
        made.task.cancel()
        await asyncio.gather(made.task, return_exceptions=True)
