"""What a call is judged by besides the script: forbidden words, reply gaps, stops, SIP, the transfer. Pure."""

from __future__ import annotations

from typing import Final

from sip_sim.caller import Cut, Story
from sip_sim.g711 import Samples
from sip_sim.hearing import speech_spans
from sip_sim.ladder import Ladder
from sip_sim.model import Expect, Scenario
from sip_sim.recorder import Timing, percentile, stop_after
from sip_sim.wording import forbidden_heard

_NEAR_S: Final = 0.3


def judge(
    scenario: Scenario, story: Story, timing: Timing, ladder: Ladder, voice: Samples, heard: Samples
) -> list[str]:
    """Everything that failed, a line each. `voice`: the caller's own; `heard`: the bot's, 8 kHz on one timeline."""
    failures = list(story.failures)
    failures += forbidden(scenario, story)
    failures += slow_stops(story.cuts, voice, heard)
    failures += slow_replies(scenario.expect, timing)
    if not ladder.holds(scenario.expect.sip):
        failures.append(f"SIP was {' '.join(ladder.names())}, expected in order {' '.join(scenario.expect.sip)}")
    wanted = scenario.expect.agent
    if wanted and story.agent != wanted:
        failures.append(f"the agent was {story.agent or 'never asked for'}, expected {wanted}")
    return failures


def forbidden(scenario: Scenario, story: Story) -> list[str]:
    """Words of `not_hears` in what the bot said in the whole call."""
    return [
        f"the bot said {word!r} at {line.t0:.1f} s: {line.text!r}"
        for line in story.lines
        if line.who == "bot"
        for word in forbidden_heard(scenario.not_hears, line.text)
    ]


def slow_replies(expect: Expect, timing: Timing) -> list[str]:
    """Is the 95th percentile of the reply gaps over its limit?"""
    slowest, limit = percentile(timing.reply_gaps_s, 0.95), expect.reply_within_ms
    if limit is None or slowest is None or slowest * 1000 <= limit:
        return []
    return [f"reply after {slowest * 1000:.0f} ms (p95), expected within {limit:g} ms"]


def slow_stops(cuts: list[Cut], voice: Samples, heard: Samples) -> list[str]:
    """Interruptions after which the bot kept talking too long, or which interrupted nobody."""
    caller, bot = speech_spans(voice, join_s=0.3), speech_spans(heard, join_s=0.3)
    failures: list[str] = []
    for cut in cuts:
        began = next((start for start, _ in caller if start >= cut.t - _NEAR_S), cut.t)
        stop = stop_after(bot, began)
        if stop is None:
            failures.append(f"line {cut.line}: the bot was silent already when the caller cut in at {began:.2f} s")
        elif stop * 1000 > cut.limit_ms:
            failures.append(
                f"line {cut.line}: the bot went on for {stop * 1000:.0f} ms after the caller cut in at {began:.2f} s, "
                f"expected at most {cut.limit_ms:g} ms"
            )
    return failures
