"""G.711 A-law and mu-law (ITU-T G.711) by table.

The simulator keeps its own tables: aiortp 0.8.0 has the sign bit of A-law inverted, which every other phone hears as
a phase-reversed signal (and as noise around zero).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE: Final = 8000
FRAME: Final = 160  # samples of 20 ms
PAYLOAD_TYPES: Final = {"PCMU": 0, "PCMA": 8}


def _mu_level(code: int) -> int:
    inverted = ~code & 0xFF
    exponent, mantissa = (inverted >> 4) & 0x07, inverted & 0x0F
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return -magnitude if inverted & 0x80 else magnitude


def _a_level(code: int) -> int:
    toggled = code ^ 0x55
    exponent, mantissa = (toggled >> 4) & 0x07, toggled & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if toggled & 0x80 else -magnitude  # in A-law a set sign bit means positive


def _encode_table(levels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Nearest level for each of the 65,536 samples, indexed by the sample + 32768."""
    order = np.argsort(levels, kind="stable")
    ordered = levels[order]
    middles = (ordered[1:] + ordered[:-1]) / 2.0
    index = np.searchsorted(middles, np.arange(-32768, 32768, dtype=np.float64))
    return order[index].astype(np.uint8)


_LEVELS: Final = {
    "PCMU": np.array([_mu_level(code) for code in range(256)], dtype=np.int32),
    "PCMA": np.array([_a_level(code) for code in range(256)], dtype=np.int32),
}
_DECODE: Final = {name: levels.astype(np.int16) for name, levels in _LEVELS.items()}
_ENCODE: Final = {name: _encode_table(levels) for name, levels in _LEVELS.items()}


def encode(codec: str, samples: Samples) -> bytes:
    """16-bit samples at 8 kHz -> G.711 bytes; `codec` is PCMA or PCMU."""
    return _ENCODE[codec][samples.astype(np.int32) + 32768].tobytes()


def decode(codec: str, payload: bytes) -> Samples:
    """G.711 bytes -> 16-bit samples at 8 kHz; `codec` is PCMA or PCMU."""
    return _DECODE[codec][np.frombuffer(payload, dtype=np.uint8)]


def through(codec: str, samples: Samples) -> Samples:
    """What is left of the samples after one journey over the telephone."""
    return decode(codec, encode(codec, samples))
