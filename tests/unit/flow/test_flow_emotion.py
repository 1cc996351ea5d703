"""The notice before customers' words are judged for emotion: said at the first use, once, and nothing rests on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.flow.helpers import BORN_RIGHT, NONSENSE, SILENCE, Call, book
from voicebot.flow.checks import CheckInput, EmotionUse, Told, registered, run_checks

ASKED = {EmotionUse.NOTICE: "consent_emotion.tell", EmotionUse.CONSENT: "consent_emotion.ask"}
FLOWS = ("reminder", "invitation", "follow_up", "verification")


def verified(flow: str, use: EmotionUse, stored: Told = Told.NOT) -> Call:
    return Call(flow, emotion=use, told=stored).hears("affirm", BORN_RIGHT)


@pytest.mark.parametrize("flow", FLOWS)
def test_off_nobody_hears_of_it(flow: str) -> None:
    assert not [name for name in verified(flow, EmotionUse.OFF).prompts_said if "emotion" in name]


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("use", ASKED)
def test_where_it_is_on_every_script_says_so_once(flow: str, use: EmotionUse) -> None:
    call = verified(flow, use)
    assert call.prompt == ASKED[use]
    said = len(call.said)
    assert "consent_emotion" not in call.hears("affirm").prompt
    assert [name for name in call.prompts_said[said:] if name.startswith("consent_emotion")] == [
        "consent_emotion.agreed"
    ]


@pytest.mark.parametrize("stored", [Told.GRANTED, Told.REFUSED])
@pytest.mark.parametrize("use", ASKED)
def test_who_answered_before_is_not_asked_again(use: EmotionUse, stored: Told) -> None:
    assert verified("reminder", use, stored).prompt == "reminder.ask_pay"


def test_who_was_only_told_is_asked_where_consent_is_wanted() -> None:
    assert verified("reminder", EmotionUse.CONSENT, Told.TOLD).prompt == "consent_emotion.ask"
    assert verified("reminder", EmotionUse.NOTICE, Told.TOLD).prompt == "reminder.ask_pay"


@pytest.mark.parametrize(
    ("use", "answers", "answer"),
    [
        (EmotionUse.CONSENT, ["affirm"], True),
        (EmotionUse.CONSENT, ["deny"], False),
        (EmotionUse.CONSENT, ["refuse"], False),
        (EmotionUse.CONSENT, [NONSENSE, SILENCE], None),
        (EmotionUse.NOTICE, ["deny"], False),
        (EmotionUse.NOTICE, [SILENCE], None),
        (EmotionUse.NOTICE, [NONSENSE], None),
    ],
)
def test_the_answer_is_kept_and_the_call_goes_on_the_same_way(
    use: EmotionUse, answers: list[str], answer: bool | None
) -> None:
    call = verified("reminder", use).hears(*answers)
    assert call.state.facts.get("consent_emotion") is answer
    assert call.state.facts["emotion_told"] is True
    assert call.prompt == "reminder.ask_pay"


def test_no_check_but_the_notice_knows_of_emotion_and_its_flow_has_one_way_out() -> None:
    """No auto-refusal in the state graph: whatever is answered, the result is the same one."""
    given = Call("reminder", emotion=EmotionUse.CONSENT).given()
    for name in registered().keys() - {"emotion_notice", "challenge_code"}:
        for told in Told:
            with_emotion = replace(given, consent_emotion=told, facts={**given.facts, "consent_emotion": False})
            assert run_checks((name,), with_emotion) == run_checks((name,), given), name
    assert book().flows["consent_emotion"].results == ("done",)
    assert CheckInput.__dataclass_fields__["emotion"].default is EmotionUse.OFF
