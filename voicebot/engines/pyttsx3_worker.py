"""A process of its own that speaks with pyttsx3 and espeak-ng: a JSON request per line in, a JSON answer per line out.

espeak-ng is one per process, not thread-safe and GPL-3: here it can neither stall nor crash a call. Run by file name
by pyttsx3_tts; imports nothing of the product. Request: {"text", "voice", "rate" (words a minute), "path"}; answer:
{"error": null or text}.
"""

from __future__ import annotations

import contextlib
import json
import sys

import pyttsx3
from pyttsx3.drivers import _espeak


def speak_at_once(engine: pyttsx3.engine.Engine) -> None:
    """Make the driver speak a text before its call returns, in this thread.

    The driver's own mode calls back from a thread of espeak-ng's; on a busy machine that lost one text in a hundred.
    The synchronous mode does everything but report the end of the text, so that is done here.
    """
    synth = _espeak.Synth
    driver = engine.proxy._driver
    end = (_espeak.EVENT * 2)()
    end[0].type, end[1].type = _espeak.EVENT_MSG_TERMINATED, _espeak.EVENT_LIST_TERMINATED

    def synth_to_the_end(text: bytes, flags: int) -> None:
        synth(text, flags=flags)
        driver._onSynth(None, 0, end)

    _espeak.Synth = synth_to_the_end


def main() -> None:
    """Serve until the input ends."""
    answers = sys.stdout
    # the driver reports each file on stdout, which is ours for answers
    with contextlib.redirect_stdout(sys.stderr):
        _espeak.AUDIO_OUTPUT_RETRIEVAL = _espeak.AUDIO_OUTPUT_SYNCHRONOUS
        engine = pyttsx3.init("espeak")
        speak_at_once(engine)
        problems: list[Exception] = []
        engine.connect("error", lambda exception, **_: problems.append(exception))
        for line in sys.stdin:
            request = json.loads(line)
            problems.clear()
            try:
                engine.setProperty("voice", request["voice"])
                engine.setProperty("rate", int(request["rate"]))
                engine.save_to_file(request["text"], request["path"])
                engine.runAndWait()
            except Exception as problem:  # noqa: BLE001 (whatever it is, the parent is told and decides)
                problems.append(problem)
            error = f"{type(problems[0]).__name__}: {problems[0]}" if problems else None
            answers.write(json.dumps({"error": error}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
