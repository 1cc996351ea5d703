"""What the store gives back about campaigns beside the types of voicebot/model/campaign.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Something a person has to do. `owner_id` None: nobody has it yet."""

    id: int
    kind: str
    account_id: str | None
    customer_id: str | None
    attempt_id: int | None
    reason: str
    owner_id: str | None
    due_at: datetime | None
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AgentLoad:
    """One of the bank's people. `open`: tasks and jobs that this person has and that are not done."""

    id: str
    name: str
    role: str
    supervisor_id: str | None
    in_service: bool
    open: int


@dataclass(frozen=True, slots=True)
class Given:
    """How much was given to whom: tasks, and planned contacts."""

    tasks: int
    jobs: int
    by_agent: tuple[tuple[str, int], ...]
