"""What became of one call: judged, written to its files, put into a result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sip_sim.caller import Story
from sip_sim.judging import judge
from sip_sim.model import Scenario
from sip_sim.phone import Phone
from sip_sim.report import ScenarioResult


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Recordings and SIP ladders go into `folder`, named after the scenario."""

    folder: Path

    def of_call(self, scenario: Scenario, phone: Phone, story: Story) -> ScenarioResult:
        """Judge a call that is over, leave its evidence."""
        recorder, ladder = phone.line.recorder, phone.ladder
        timing = recorder.timing()
        failures = judge(scenario, story, timing, ladder, recorder.voice(), recorder.tracks()[1])
        base = self.folder / scenario.slug
        if timing.length_s > 0:
            recorder.save(base.with_suffix(".wav"))
            phone.line.capture.save(base.with_suffix(".packets.csv"), phone.line.answered_at)
        ladder.save(base.with_suffix(".sip.txt"))
        ended_by = story.ended_by or ("cancelled" if "CANCEL" in ladder.names() else "")
        return self._result(scenario, tuple(failures), phone, story, ended_by)

    def without_call(self, scenario: Scenario, failure: str) -> ScenarioResult:
        """Of a scenario in which no call came about."""
        return self._result(scenario, (failure,), None, Story(), "")

    def _result(
        self, scenario: Scenario, failures: tuple[str, ...], phone: Phone | None, story: Story, ended_by: str
    ) -> ScenarioResult:
        base = self.folder / scenario.slug
        talked = phone is not None and phone.line.now > 0
        return ScenarioResult(
            scenario=scenario.slug,
            name=scenario.name,
            file=str(scenario.path),
            account=scenario.call.account,
            number=scenario.call.number,
            direction=scenario.call.direction,
            failures=failures,
            sip=phone.ladder.names() if phone else (),
            ended_by=ended_by,
            seed=scenario.call.seed or 0,
            repeats=story.repeats,
            call_id=phone.call_id if phone else "",
            digits=story.digits,
            lines=tuple(story.lines),
            timing=phone.line.recorder.timing() if phone and talked else None,
            packets_lost=(phone.line.out.lost + phone.line.inward.lost) if phone else 0,
            expect=dict(scenario.expect.outcome),
            wav=str(base.with_suffix(".wav")) if talked else "",
            ladder=str(base.with_suffix(".sip.txt")) if phone else "",
        )
