"""A card's number leaves neither transcript nor slots, live view nor sound; what is said of it afterwards neither."""

from __future__ import annotations

from pathlib import Path

from voicebot.call.card_guard import AFTER_S, REST_S, CardGuard
from voicebot.model.records import Turn
from voicebot.nlu.card_numbers import MASK
from voicebot.nlu.language import load_language

ROOT = Path(__file__).resolve().parents[3]
WORDS = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en").words


def guard() -> tuple[CardGuard, list[tuple[float, float]]]:
    cut: list[tuple[float, float]] = []
    return CardGuard(WORDS, lambda start, end: cut.append((start, end))), cut


def turn(text: str, t0: float, t1: float, **slots: str) -> Turn:
    return Turn("s", "p", "?", 0.0, 1.0, reply_text=text, reply_t0=t0, reply_t1=t1, slots=slots)


def heard(one: CardGuard, text: str, t0: float, t1: float, **slots: str) -> Turn:
    one.look(text, t0, t1)
    return one.turn(turn(text, t0, t1, **slots))


def test_the_number_its_slots_and_its_sound_go() -> None:
    one, cut = guard()
    kept = heard(one, "it is 4111 1111 1111 1111", 10.0, 16.0, digits="4111111111111111", day="friday")
    assert kept.reply_text == f"it is {MASK}"
    assert kept.slots == {"digits": MASK, "day": "friday"}
    assert cut == [(9.0, 16.0 + REST_S)]


def test_its_code_goes_too_and_later_answers_stay() -> None:
    one, cut = guard()
    heard(one, "4111 1111 1111 1111", 10.0, 16.0)
    assert heard(one, "the code is one two three", 20.0, 22.0).reply_text == f"the code is {MASK}"
    assert heard(one, "12 27", 25.0, 26.0).reply_text == MASK
    late = 26.0 + AFTER_S
    assert heard(one, "450 on the 5th", late, late + 2).reply_text == "450 on the 5th"
    assert cut == [(9.0, 16.0 + REST_S), (19.0, 23.0), (24.0, 27.0)]


def test_a_number_said_in_two_answers() -> None:
    one, cut = guard()
    first = heard(one, "4111 1111", 10.0, 13.0)
    second = heard(one, "1111 1111", 15.0, 18.0)
    assert first.reply_text == "4111 1111"  # PCI DSS 3.4.1: the first eight may be kept, no more
    assert second.reply_text == MASK
    assert cut == [(9.0, 18.0 + REST_S)]


def test_an_answer_that_was_cut_in_the_middle_of_a_number() -> None:
    one, cut = guard()
    assert heard(one, "my card is 4 1 1 1 1 1 1", 10.0, 18.0).reply_text == f"my card is {MASK}"
    assert heard(one, "1 1 1 1", 20.0, 22.0).reply_text == MASK
    assert cut == [(9.0, 18.0 + REST_S), (19.0, 23.0)]
    other, uncut = guard()
    assert heard(other, "call me at 555 010 4477", 10.0, 14.0).reply_text == "call me at 555 010 4477"
    assert uncut == []


def test_a_number_typed_where_one_key_is_an_answer_comes_key_by_key() -> None:
    one, _ = guard()
    kept = []
    for n, key in enumerate("4111"):
        at = 10.0 + 0.3 * n
        one.look(key, at, at, typed=True)
        kept.append(one.turn(turn(key, at, at)).reply_text)
    assert kept == ["4", MASK, MASK, MASK]
    one.look("1", 20.0, 20.0, typed=True)
    assert one.turn(turn("1", 20.0, 20.0)).reply_text == "1"


def test_keys_are_looked_at_and_what_is_no_card_is_left_alone() -> None:
    one, cut = guard()
    assert heard(one, "5500000000000004", 3.0, 9.0).reply_text == MASK
    other, uncut = guard()
    plain = turn("I will pay 450 on the 5th", 3.0, 5.0, amount="450")
    other.look(plain.reply_text or "", 3.0, 5.0)
    assert other.turn(plain) is plain
    assert (len(cut), uncut) == (1, [])


def test_counting_aloud_is_no_card() -> None:
    """The bot asks for it to hear the voice: it takes longer than a number may and holds more digits."""
    one, cut = guard()
    said = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen."
    assert heard(one, said, 10.0, 19.0).reply_text == said
    figures = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15."
    assert heard(one, figures, 20.0, 29.0).reply_text == figures
    assert heard(one, "4 7 1 1", 30.0, 32.0, digits="4711").slots == {"digits": "4711"}
    assert cut == []
