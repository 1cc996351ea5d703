"""Did the bot say this?"""

import pytest

from sip_sim.wording import forbidden_heard, heard_all, said_twice, share_heard, tokens


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("date of birth", "Please say your date of birth."),
        ("am I speaking with", "This call is recorded. Am I speaking with Joe Miller?"),
        ("last four digits", "Please say the last 4 digits of your identity card."),
        ("second of May", "the 2nd of May 1990"),
        ("goodbye | good bye", "Thank you for your time. Good bye."),
        ("keep paying your instalments", "Will you keep paying your installments as agreed?"),
        ("voiceprint is ready", "Your voice print is ready | voiceprint is ready"),
        ("interested", "Are you intrested?"),
    ],
)
def test_heard(phrase: str, text: str) -> None:
    assert heard_all([phrase], text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("date of birth", "Please say the last four digits of your identity card."),
        ("am I speaking with", "Say agent at any time to speak with a person."),
        ("goodbye", ""),
        ("goodbye", "Good morning."),
    ],
)
def test_not_heard(phrase: str, text: str) -> None:
    assert not heard_all([phrase], text)


def test_every_phrase_of_a_list_must_be_heard() -> None:
    assert heard_all(["date", "birth"], "your date of birth")
    assert not heard_all(["date", "loan"], "your date of birth")
    assert share_heard("one two three four", "one two") == 0.5


@pytest.mark.parametrize("text", ["Your loan is due.", "your loans, sir", "The LOAN"])
def test_forbidden_words_are_found_whole(text: str) -> None:
    assert forbidden_heard(["loan"], text) == ["loan"]


def test_forbidden_words_do_not_match_inside_others_or_by_sound() -> None:
    assert forbidden_heard(["loan", "due", "owe"], "I am alone, do you know? Oh well, the lone rider.") == []
    assert forbidden_heard(["interest rate"], "Are you interested in that? We rate it.") == []
    assert forbidden_heard(["instalment", "interest rate"], "An installment at an interest rate of six") == [
        "instalment",
        "interest rate",
    ]


def test_tokens_are_made_alike() -> None:
    assert tokens("The SECOND of May, don't!") == ["the", "2nd", "of", "may", "dont"]


def test_a_prompt_begun_again_is_found_across_utterances_only() -> None:
    assert said_twice(["Please tell me on", "Please tell me on which day."]) == "please tell me on"
    assert said_twice(["Can you hear me? Can you hear me?", "Yes."]) == ""
    assert said_twice(["Please tell me", "please tell him"]) == ""
