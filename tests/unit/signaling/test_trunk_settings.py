"""`[trunk]` and `[[fallback_trunks]]`."""

from __future__ import annotations

import pytest

from voicebot.app import make_signaling
from voicebot.errors import SettingsError
from voicebot.settings import load

FILE = """
[trunk]
server = "a.example:5060"
[[fallback_trunks]]
server = "b.example:5060"
transport = "tcp"
register = true
[[fallback_trunks]]
name = "last"
server = "c.example:5061"
media_encryption = "srtp"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "voicebot.toml"
    path.write_text(FILE)
    return path


def test_the_trunks_in_their_order_each_with_its_own_settings(file):
    settings = load(file, {"VOICEBOT_FALLBACK_TRUNKS__1__PASSWORD": "secret", "VOICEBOT_TRUNK__USER": "bank"})
    first, second = settings.fallback_trunks
    assert (settings.trunk.server, settings.trunk.user) == ("a.example:5060", "bank")
    assert (first.server, first.transport, first.register_trunk, first.password) == (
        "b.example:5060",
        "tcp",
        True,
        "secret",
    )
    assert (second.name, second.media_encryption, second.password) == ("last", "srtp", "")


@pytest.mark.parametrize("name", ["3__PASSWORD", "0__PASSWORD", "PASSWORD", "1"])
def test_a_place_that_is_not_there_is_an_error(file, name):
    with pytest.raises(SettingsError, match="FALLBACK_TRUNKS") as error:
        load(file, {f"VOICEBOT_FALLBACK_TRUNKS__{name}": "x"})
    assert "FALLBACK_TRUNKS__1__USER" in error.value.hint


def test_an_unknown_key_is_named_with_its_place(tmp_path):
    path = tmp_path / "v.toml"
    path.write_text('[[fallback_trunks]]\nserverr = "x"\n[[fallback_trunks]]\nname = "a b"\n')
    with pytest.raises(SettingsError) as error:
        load(path, {})
    assert "fallback_trunks.0.serverr" in error.value.message
    assert "fallback_trunks.1.name" in error.value.message


def test_pyvoip_has_one_trunk(file):
    settings = load(file, {"VOICEBOT_TELEPHONY__DRIVER": "pyvoip"})
    with pytest.raises(SettingsError, match="one trunk") as error:
        make_signaling(settings)
    assert "baresip" in error.value.hint
