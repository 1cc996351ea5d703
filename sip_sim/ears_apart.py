"""The ears in a process of their own, which gives way to all others: hearing never takes the phones' clock or the
bot's share of the machine. Real customers' ears are not on the bot's machine either.

Protocol over the pipes: 4 bytes length (network order), then 16-bit samples in, UTF-8 text out.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from threadpoolctl import threadpool_limits

from sip_sim.ears import Ears
from sip_sim.errors import EarsError, SimError
from sip_sim.g711 import RATE, Samples
from sip_sim.known import Known, load_known

_LENGTH: Final = struct.Struct("!I")
#: Added to the child's niceness.
_GIVES_WAY: Final = 10


@dataclass(slots=True)
class EarsApart(Ears):
    """Same as Ears; the model is loaded in a child process, which ends with this one. `known`: a folder of prompts
    known by their sound (sip_sim.known); it may be filled until the first utterance."""

    known: Path | None = None
    _child: subprocess.Popen[bytes] | None = None

    def _load(self) -> None:
        if self._child is not None:
            return
        if not (self.model_folder / "model.bin").is_file():
            raise EarsError(f"no Whisper model in {self.model_folder}", hint="run `voicebot models`, or give --ears")
        command = [sys.executable, "-m", "sip_sim.ears_apart", str(self.model_folder), str(self.threads)]
        command += [str(self.known)] if self.known is not None else []
        # In a session of its own: Ctrl-C is for the phones, which still want to know what was said.
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._ask(np.zeros(1, dtype=np.int16))

    def transcribe(self, samples: Samples) -> str:
        """See Ears."""
        with self._lock:
            self._load()
            return self._ask(samples)

    def _ask(self, samples: Samples) -> str:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            write(child.stdin, samples.astype("<i2").tobytes())
            answer = read(child.stdout)
        except OSError:
            answer = None
        if answer is None:
            raise EarsError("the ears' own process has ended", hint="its message is above")
        return answer.decode("utf-8")


def write(pipe: IO[bytes], content: bytes) -> None:
    """One message."""
    pipe.write(_LENGTH.pack(len(content)) + content)
    pipe.flush()


def read(pipe: IO[bytes]) -> bytes | None:
    """The next message; None at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = pipe.read(length)
    return content if len(content) == length else None


def serve(ears: Ears, known_folder: Path | None, source: IO[bytes], out: IO[bytes]) -> None:
    """Recognise until the other side closes the pipe."""
    known: Known | None = None
    while (message := read(source)) is not None:
        sound = np.frombuffer(message, dtype="<i2").astype(np.int16)
        if known is None and known_folder is not None and sound.size > RATE // 10:
            known = load_known(known_folder)
        text = known.text_of(sound) if known is not None else None
        write(out, (ears.transcribe(sound) if text is None else text).encode("utf-8"))


def main() -> None:
    """`python -m sip_sim.ears_apart FOLDER THREADS [KNOWN]`."""
    os.nice(_GIVES_WAY)
    try:
        ears = Ears(Path(sys.argv[1]), int(sys.argv[2]))
        ears.load()
        threadpool_limits(1, user_api="blas")  # helpers that spin give way to nobody
        known = Path(sys.argv[3]) if len(sys.argv) > 3 else None
        serve(ears, known, sys.stdin.buffer, sys.stdout.buffer)
    except SimError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    except (KeyboardInterrupt, BrokenPipeError):
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
