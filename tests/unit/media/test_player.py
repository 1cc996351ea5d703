"""The player is exact to the sample: what was taken, what was heard, what is left."""

from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.player import Player

ONE_S = bytes(16000)


def test_takes_in_order_to_the_end():
    player = Player()
    player.load(bytes(range(256)) * 10)
    got = b"".join(iter(lambda: player.take(0.02), b""))
    assert got == bytes(range(256)) * 10
    assert player.left_s == 0


def test_pause_gives_back_what_never_left():
    player = Player()
    player.load(ONE_S)
    player.take(0.5)
    player.pause(unsent_s=0.1)
    assert player.take(0.02) == b""
    assert player.heard_s == 0.4
    player.resume()
    assert len(player.take(10)) == 9600  # 0.6 s


def test_cancel_tells_what_was_heard_and_drops_the_rest():
    player = Player()
    player.load(ONE_S)
    player.take(0.25)
    assert player.cancel() == 0.25
    assert player.take(1) == b""


@given(st.lists(st.tuples(st.sampled_from(["take", "pause", "resume"]), st.floats(0, 0.3)), max_size=30))
def test_nothing_is_lost_or_said_twice_but_what_was_unsent(steps):
    player = Player()
    pcm = bytes(i % 251 for i in range(16000))
    player.load(pcm)
    heard = b""
    for what, seconds in steps:
        if what == "take":
            heard += player.take(seconds)
        elif what == "resume":
            player.resume()
        elif not player.paused:
            unsent = min(seconds, len(heard) / 16000)
            player.pause(unsent)
            heard = heard[: max(0, len(heard) - int(unsent * 8000) * 2)]
    player.resume()
    heard += player.take(10)
    assert heard == pcm
