"""The demo's driver: who is dialled when, and when a prepared database may be used again."""

import asyncio
import fcntl
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from voicebot.demo.prepare import alone, base_path, example_cast
from voicebot.demo.run import _call_all
from voicebot.demo.simulator import PORTS, Listed, free_port
from voicebot.settings import load


@dataclass
class Supervisor:
    """Every call takes a moment; notes which run together."""

    going: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    most: int = 0

    async def dial(self, account: str, flow: str) -> None:
        assert account not in self.going
        self.going.append(account)
        self.order.append(f"{account} {flow}")
        self.most = max(self.most, len(self.going))
        await asyncio.sleep(0)
        self.going.remove(account)

    async def drain(self, _seconds: float) -> None:
        assert not self.going


async def test_one_account_is_called_by_one_scenario_at_a_time_in_their_order() -> None:
    listed = tuple(
        Listed(f"s{i}", "", f"flow{i}", account, "1", "outbound") for i, account in enumerate(["A", "A", "B", "A", "C"])
    )
    supervisor = Supervisor()

    async def until_all_are_called() -> dict[str, Any]:
        while len(supervisor.order) < len(listed) or supervisor.going:
            await asyncio.sleep(0)
        return {"event": "done"}

    simulator: Any = SimpleNamespace(scenarios=listed, next=until_all_are_called)
    screen: Any = SimpleNamespace(simulator=lambda _event: None)
    await _call_all(SimpleNamespace(supervisor=supervisor), simulator, screen, parallel=2)  # type: ignore[arg-type]
    assert [call for call in supervisor.order if call.startswith("A")] == ["A flow0", "A flow1", "A flow3"]
    assert sorted(supervisor.order) == ["A flow0", "A flow1", "A flow3", "B flow2", "C flow4"]
    assert supervisor.most == 2


def test_a_prepared_database_is_for_these_voiceprint_settings(tmp_path: Path) -> None:
    settings, cast = load(environ={}), example_cast()
    other = settings.voiceprint.model_copy(update={"enrol_min_net_s": 30.0})
    off = settings.voiceprint.model_copy(update={"enabled": False})
    base = base_path(tmp_path, cast, settings)
    assert base == base_path(tmp_path, cast, settings.model_copy(update={"voiceprint": off}))
    assert base != base_path(tmp_path, cast, settings.model_copy(update={"voiceprint": other}))
    assert base != base_path(tmp_path, example_cast(17), settings)


def test_only_one_prepares_at_a_time(tmp_path: Path) -> None:
    def try_it() -> None:
        with (tmp_path / "preparing.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    with alone(tmp_path), pytest.raises(BlockingIOError):
        try_it()
    try_it()


def test_ports_of_test_runs_are_not_those_the_system_gives_out() -> None:
    ports = {free_port() for _ in range(50)}
    assert all(PORTS[0] <= port < PORTS[1] for port in ports)
    assert len(ports) > 40
