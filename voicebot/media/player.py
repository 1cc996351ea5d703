"""What the bot is saying: a queue of sound that can be paused, resumed and cancelled. Pure: the pump asks for sound.

The player never runs ahead of the line: `take` gives what is due, so "how much was heard" is exact to the packets that
still wait in the stack (the pump tells how many when it cancels).
"""

from __future__ import annotations

from voicebot.model.audio import MEDIA_RATE

_BYTES_PER_S = MEDIA_RATE * 2


class Player:
    """One prompt at a time. Times in seconds of prompt sound."""

    def __init__(self) -> None:
        self._pcm = b""
        self._position = 0
        self._paused = False

    def load(self, pcm16: bytes) -> None:
        """Begin a prompt (16-bit mono at MEDIA_RATE); what was left of the last one is dropped."""
        self._pcm = pcm16
        self._position = 0
        self._paused = False

    def take(self, seconds: float) -> bytes:
        """The next `seconds` of sound, or less at the end; b"" while paused or done."""
        if self._paused or seconds <= 0:
            return b""
        size = int(seconds * MEDIA_RATE) * 2
        piece = self._pcm[self._position : self._position + size]
        self._position += len(piece)
        return piece

    def pause(self, unsent_s: float) -> None:
        """Stop at once; `unsent_s` of what was taken never left and will be taken again on resume."""
        self._position = max(0, self._position - int(unsent_s * MEDIA_RATE) * 2)
        self._paused = True

    def resume(self) -> None:
        """Go on where it stopped."""
        self._paused = False

    def cancel(self) -> float:
        """Drop the rest; returns the seconds that were heard."""
        heard = self.heard_s
        self._pcm = b""
        self._position = 0
        self._paused = False
        return heard

    @property
    def heard_s(self) -> float:
        """Seconds taken so far."""
        return self._position / _BYTES_PER_S

    @property
    def left_s(self) -> float:
        """Seconds not taken yet."""
        return (len(self._pcm) - self._position) / _BYTES_PER_S

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._paused
