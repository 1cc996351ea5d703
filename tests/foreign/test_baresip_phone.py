"""Debian's baresip (1.0, another build than the stack inside the bot) as the customer's telephone: sound both ways."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

from tests.foreign.bot import BOT_TONE
from tests.foreign.process import bot_process
from tests.foreign.sipp import free_port
from tests.foreign.sound import seconds_of, tone, tracks
from voicebot.settings import PROJECT

pytestmark = pytest.mark.timeout(60)
PHONE_HZ = 450
CERTIFICATE = PROJECT / "tests" / "data" / "loopback_key_and_cert.pem"
MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")


@contextmanager
def telephone(
    program: str, folder: Path, codec: str, says: Path | None = None, *, encryption: str = ""
) -> Iterator[int]:
    """It answers each call, sends a tone (or what it `says`) and writes down what it hears; its SIP port. `encryption`:
    srtp-mand or dtls_srtp, and then it takes no call without."""
    modules = next((path for path in MODULES if Path(path, "g711.so").is_file()), None)
    if modules is None:
        pytest.skip("baresip's modules are absent where Debian has them")
    folder.mkdir()
    port = free_port()
    if says is None:
        says = folder / "tone.wav"
        soundfile.write(says, tone(PHONE_HZ, 10.0), 8000, subtype="PCM_16")
    lines = [f"module_path {modules}", f"sip_listen 127.0.0.1:{port}", "net_interface 127.0.0.1"]
    lines += ["rtp_ports 30100-30898", f"audio_source aufile,{says}", "audio_player aubridge,nobody"]
    lines += [f"snd_path {folder}", "module g711.so", "module aufile.so", "module aubridge.so", "module sndfile.so"]
    lines += ["module_app account.so", "module_app menu.so"]
    if encryption:
        lines += ["module srtp.so", "module dtls_srtp.so", f"sip_certificate {CERTIFICATE}"]
    (folder / "config").write_text("\n".join(lines) + "\n")
    secret = f";mediaenc={encryption}" if encryption else ""
    account = f"<sip:15550101001@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs={codec}{secret}\n"
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("")
    with (folder / "baresip.log").open("w") as log:
        process = subprocess.Popen(
            [program, "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            time.sleep(1.0)
            assert process.poll() is None, (folder / "baresip.log").read_text()
            yield port
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize("codec", ["pcma", "pcmu"])
def test_a_call_with_sound_both_ways(baresip: str, folder: Path, codec: str) -> None:
    with (
        telephone(baresip, folder / "phone", codec) as port,
        bot_process(folder / "bot", {"server": f"127.0.0.1:{port}"}, max_call_s=4.5, ring_timeout_s=8.0) as bot,
    ):
        bot.ask("dial", accounts=bot.accounts(1))
        bot.wait_idle()
        (row,) = bot.ask("attempts")
        heard_by_bot, said_by_bot = tracks(bot.settings.paths.recordings / (row["recording"] or "none"))
    assert row["sip_status"] == 200
    assert row["disposition"] is not None
    assert row["hung_up_by"] == "bot"
    assert row["media"]["rx_packets"] > 170
    assert row["media"]["rx_lost"] == 0
    assert seconds_of(PHONE_HZ, heard_by_bot) > 1.0
    said = seconds_of(BOT_TONE, said_by_bot)
    assert said > 1.0
    (heard,) = (folder / "phone").glob("*-dec.wav")
    sound, rate = soundfile.read(heard, dtype="int16", always_2d=True)
    assert rate == 8000
    assert seconds_of(BOT_TONE, sound[:, 0]) > 0.8 * said


@pytest.mark.parametrize(
    ("encryption", "told"), [("srtp-mand", "audio: SRTP is Enabled"), ("dtls_srtp", "DTLS-SRTP complete (audio/RTP)")]
)
def test_a_call_whose_sound_is_encrypted(baresip: str, folder: Path, encryption: str, told: str) -> None:
    with telephone(baresip, folder / "phone", "pcma", encryption=encryption) as port:
        trunk = {"server": f"127.0.0.1:{port}", "media_encryption": encryption}
        # Its tone begins two seconds late, and DTLS may repeat its first message after another one.
        with bot_process(folder / "bot", trunk, max_call_s=6.0, ring_timeout_s=8.0, certificate=CERTIFICATE) as bot:
            bot.ask("dial", accounts=bot.accounts(1))
            bot.wait_idle()
            (row,) = bot.ask("attempts")
            heard_by_bot, said_by_bot = tracks(bot.settings.paths.recordings / (row["recording"] or "none"))
    assert row["sip_status"] == 200
    assert told in (folder / "phone" / "baresip.log").read_text()
    assert row["media"]["rx_lost"] == 0
    assert seconds_of(PHONE_HZ, heard_by_bot) > 1.0
    (heard,) = (folder / "phone").glob("*-dec.wav")
    sound, _ = soundfile.read(heard, dtype="int16", always_2d=True)
    said = seconds_of(BOT_TONE, said_by_bot)
    assert said > 1.0
    assert seconds_of(BOT_TONE, sound[:, 0]) > 0.8 * said
