"""Each run of scenarios has a folder, and so a database, of its own."""

from datetime import UTC, datetime
from pathlib import Path

from voicebot.demo.run import own_folder


def test_two_runs_in_the_same_millisecond_do_not_share_a_folder(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 13, 23, 21, 783_400, tzinfo=UTC)
    first, second = own_folder(tmp_path / "runs", now), own_folder(tmp_path / "runs", now)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
