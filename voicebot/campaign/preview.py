"""What the gate would say to a plan: who is contacted when, and who is left out by which rule. Nothing rings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from voicebot.campaign.gate import decide
from voicebot.campaign.profiles import Profile
from voicebot.model.campaign import GateDecision, GateFacts, NewJob


@dataclass(frozen=True, slots=True)
class Looked:
    """A planned contact and what the gate says to it now. `job`: from the first allowed moment on; None: left out."""

    planned: NewJob
    decision: GateDecision
    facts: GateFacts
    job: NewJob | None

    @property
    def moved(self) -> bool:
        """True where it is due later than planned."""
        return self.job is not None and self.job.not_before > self.planned.not_before


def look(
    jobs: Iterable[NewJob], profile: Profile, at: datetime, facts: Callable[[NewJob, datetime], GateFacts]
) -> Iterator[Looked]:
    """Ask the gate for each contact, for the moment it is due (or `at`, where that has passed). `facts`: known about it
    at a moment. A contact that is over before it is allowed is left out; the gate is asked again before each dial."""
    for job in jobs:
        moment = max(job.not_before, at)
        known = facts(job, moment)
        decision = decide(profile, known, moment, job.method)
        when = moment if decision.allowed else decision.retry_at
        late = when is not None and job.not_after is not None and when > job.not_after
        yield Looked(job, decision, known, None if when is None or late else replace(job, not_before=when))
