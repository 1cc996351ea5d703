"""What is promised of `voicebot bench --json`."""

from __future__ import annotations

from pathlib import Path

#: The keys of a run, as issue 4 names them.
KEYS = [
    *["calls", "reply_gap_closed_s", "reply_gap_open_s", "first_audio_s", "barge_in_stop_s", "cut_off_share"],
    *["false_stop_share", "clipped_words", "wer", "rtp_send_jitter_ms", "lost_frames", "failed_calls", "refused_calls"],
    *["cpu_core_s_per_call_s", "rss_mb", "full_calls_per_core"],
]


def files_in(folder: Path) -> list[str]:
    """Names of what is there."""
    return sorted(path.name for path in folder.iterdir())


def ours(folder: Path) -> list[str]:
    """Temporary folders of the benchmark that were left (some library leaves one of its own)."""
    return [name for name in files_in(folder) if name.startswith("voicebot")]
