"""What the gate would say to a plan: who is contacted when, and who is left out by which rule. Nothing rings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from voicebot.campaign.gate import decide
from voicebot.campaign.profiles import Profile
from voicebot.model.campaign import GateDecision, GateFacts, NewJob

#: Why a contact is left out that is over before the moment of the plan.
OVER = "over"


@dataclass(frozen=True, slots=True)
class Looked:
    """A planned contact and what the gate says to it. `job`: from the first allowed moment on; None: left out.
    `decision` None: it is over, and the gate was not asked."""

    planned: NewJob
    job: NewJob | None
    decision: GateDecision | None
    facts: GateFacts | None

    @property
    def moved(self) -> bool:
        """True where the rules of calling make it wait."""
        return self.job is not None and self.decision is not None and not self.decision.allowed

    @property
    def reason(self) -> str:
        """Why it is left out: `over`, or `gate: RULE`."""
        return OVER if self.decision is None else f"gate: {self.decision.rule}"

    def light(self) -> Looked:
        """Without what it was decided from: a plan may have very many."""
        decision = self.decision and replace(self.decision, inputs={})
        return replace(self, decision=decision, facts=None)


def look(
    jobs: Iterable[NewJob], profile: Profile, at: datetime, facts: Callable[[NewJob, datetime], GateFacts]
) -> Iterator[Looked]:
    """Ask the gate for each contact, for the moment it is due (or `at`, where that has passed). `facts`: known about it
    at a moment. A contact that is over before it is allowed is left out; the gate is asked again before each dial."""
    for job in jobs:
        moment = max(job.not_before, at)
        if job.not_after is not None and moment > job.not_after:
            yield Looked(job, None, None, None)
            continue
        known = facts(job, moment)
        decision = decide(profile, known, moment, job.method)
        when = moment if decision.allowed else decision.retry_at
        late = when is None or (job.not_after is not None and when > job.not_after)
        yield Looked(job, None if late or when is None else replace(job, not_before=when), decision, known)
