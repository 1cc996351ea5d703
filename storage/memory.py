"""The port `Store` in plain Python objects, for unit tests: the same behaviour as SqliteStore, without a file."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from storage.codec import decode_template, encode_template, from_json, iso, now_utc, number_key, to_json, to_utc
from storage.records import CallRecord, CallSummary, StoredWarning
from storage.secret import hash_number
from storage.warning_rules import RULES, VERSION
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, Outcome, WarningRaised
from voicebot.model.portfolio import Account
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Consent, Turn
from voicebot.model.voice import VoiceComparison, VoiceDecision, Voiceprint, VoiceSketch

if TYPE_CHECKING:
    from storage.db import SqliteStore
    from voicebot.model.ports import Store

    def _both_are_stores(memory: MemoryStore, sqlite: SqliteStore) -> tuple[Store, Store]:
        return memory, sqlite


@dataclass(slots=True)
class _Attempt:
    start: AttemptStart
    started_at: str
    progress: AttemptProgress = field(default_factory=AttemptProgress)
    turns: list[Turn] = field(default_factory=list)
    checks: list[CheckRecord] = field(default_factory=list)
    comparisons: list[VoiceComparison] = field(default_factory=list)
    voice: VoiceDecision | None = None
    outcome: Outcome | None = None
    warnings: dict[str, StoredWarning] = field(default_factory=dict)


class MemoryStore:
    """Any thread may call. `accounts`: the portfolio; `clock`: aware times."""

    def __init__(self, accounts: Iterable[Account] = (), *, clock: Callable[[], datetime] = now_utc) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._accounts = {a.id: a for a in accounts}
        self._attempts: dict[int, _Attempt] = {}
        self._campaigns: set[str] = set()
        self._consents: list[Consent] = []
        self._voiceprints: dict[str, Voiceprint] = {}
        self._sketches: list[VoiceSketch] = []
        self._warnings: dict[tuple[str, str, str], StoredWarning] = {}

    # --- portfolio ---------------------------------------------------------------------------------------------

    def put_accounts(self, accounts: Iterable[Account]) -> None:
        """Insert or replace accounts with their customers."""
        for new in accounts:
            self._accounts[new.id] = new
            for other in [a for a in self._accounts.values() if a.customer.id == new.customer.id]:
                self._accounts[other.id] = dataclasses.replace(other, customer=new.customer)

    def account(self, account_id: str) -> Account:
        """Raises StorageError where unknown."""
        if account_id not in self._accounts:
            raise StorageError("there is no such account", hint="give it to MemoryStore")
        return self._accounts[account_id]

    def account_by_number(self, number: str) -> Account | None:
        """The number's account, of several the one due first."""
        key = number_key(number)
        mine = [a for a in self._accounts.values() if number_key(a.customer.number) == key]
        return min(mine, key=lambda a: (a.loan.due_on, a.id), default=None)

    def _known(self, customer_id: str) -> None:
        if not any(a.customer.id == customer_id for a in self._accounts.values()):
            raise StorageError("there is no such customer")

    # --- attempts ----------------------------------------------------------------------------------------------

    def number_hash(self, number: str) -> str:
        """Keyed hash of a number."""
        return hash_number(b"memory", number)

    def add_campaign(self, campaign_id: str, name: str, flow: str) -> None:  # noqa: ARG002
        """Insert a campaign."""
        self._campaigns.add(campaign_id)

    def open_attempt(self, start: AttemptStart) -> int:
        """Insert the attempt. Raises StorageError where the account is unknown or has an open one."""
        with self._lock:
            if start.direction not in ("outbound", "inbound"):
                raise StorageError("direction is outbound or inbound")
            if start.campaign_id is not None and start.campaign_id not in self._campaigns:
                raise StorageError("there is no such campaign")
            if start.account_id is not None:
                owner = self.account(start.account_id).customer.id
                if start.customer_id not in (None, owner):
                    raise StorageError("the attempt's account is another customer's")
                start = dataclasses.replace(start, customer_id=owner)
                if any(a.outcome is None and a.start.account_id == start.account_id for a in self._attempts.values()):
                    raise StorageError("the account has an open attempt already")
            elif start.customer_id is not None:
                self._known(start.customer_id)
            attempt_id = len(self._attempts) + 1
            self._attempts[attempt_id] = _Attempt(start, iso(self._clock()))
            return attempt_id

    def _attempt(self, attempt_id: int) -> _Attempt:
        if attempt_id not in self._attempts:
            raise StorageError(f"there is no attempt {attempt_id}")
        return self._attempts[attempt_id]

    def progress(self, attempt_id: int, progress: AttemptProgress) -> None:
        """Store the fields that are not None."""
        with self._lock:
            attempt = self._attempt(attempt_id)
            names = [f.name for f in dataclasses.fields(progress)]
            new = {name: value for name in names if (value := getattr(progress, name)) is not None}
            if progress.media is not None:
                new["media"] = json.loads(to_json(progress.media))
            attempt.progress = dataclasses.replace(attempt.progress, **new)

    def set_voice(self, attempt_id: int, decision: VoiceDecision) -> None:
        """The decision in force."""
        with self._lock:
            self._attempt(attempt_id).voice = decision

    def add_comparison(self, attempt_id: int, comparison: VoiceComparison) -> None:
        """Append."""
        with self._lock:
            self._attempt(attempt_id).comparisons.append(comparison)

    def add_turn(self, attempt_id: int, turn: Turn) -> None:
        """Append."""
        with self._lock:
            self._attempt(attempt_id).turns.append(turn)

    def add_check(self, attempt_id: int, check: CheckRecord) -> None:
        """Append."""
        with self._lock:
            check = dataclasses.replace(check, detail=from_json(to_json(check.detail)))
            self._attempt(attempt_id).checks.append(check)

    def add_warning(self, attempt_id: int, customer_id: str | None, warning: WarningRaised) -> str:
        """One per (code, customer, UTC day)."""
        with self._lock:
            attempt, now = self._attempt(attempt_id), self._clock()
            if customer_id is not None:
                self._known(customer_id)
            rule, about = RULES[warning.code], customer_id if customer_id is not None else f"attempt {attempt_id}"
            key = (warning.code.value, about, iso(now)[:10])
            evidence = from_json(to_json(warning.evidence))
            if key not in self._warnings:
                self._warnings[key] = StoredWarning(
                    id=f"{warning.code}-{len(self._warnings) + 1}",
                    code=warning.code.value,
                    reason=warning.reason,
                    rule=rule.rule,
                    rule_version=VERSION,
                    severity=rule.severity,
                    owner=rule.owner,
                    raised_at=iso(now),
                    due_at=iso(now + rule.due),
                    state="open",
                    evidence=evidence,
                )
            stored = self._warnings[key]
            mine = dataclasses.replace(stored, reason=warning.reason, evidence=evidence)
            attempt.warnings.setdefault(stored.id, mine)
            return stored.id

    def close_attempt(self, attempt_id: int, outcome: Outcome) -> bool:
        """The one outcome. False where the attempt has one."""
        with self._lock:
            attempt = self._attempt(attempt_id)
            if attempt.outcome is not None:
                return False
            customer_id = attempt.start.customer_id
            attempt.outcome = dataclasses.replace(
                outcome,
                appointment=to_utc(outcome.appointment, self._zone(attempt.start)),
                callback_at=to_utc(outcome.callback_at, self._zone(attempt.start)),
                items=dict(outcome.items),
                warnings=(),
            )
            for warning in outcome.warnings:
                self.add_warning(attempt_id, customer_id, warning)
            return True

    def _zone(self, start: AttemptStart) -> str | None:
        zones = [a.customer.timezone for a in self._accounts.values() if a.customer.id == start.customer_id]
        return start.timezone or (zones[0] if zones else None)

    def recover(self) -> int:
        """Close what is open."""
        with self._lock:
            opened = [(i, a) for i, a in self._attempts.items() if a.outcome is None]
            for attempt_id, a in opened:
                said = a.turns[-1].step if a.turns else None
                step = a.progress.last_step if a.progress.last_step is not None else said
                outcome = Outcome(Disposition.TECHNICAL_FAILURE, last_step=step, error="interrupted")
                self.close_attempt(attempt_id, outcome)
            return len(opened)

    def call(self, attempt_id: int) -> CallRecord:
        """Everything about one attempt."""
        with self._lock:
            a = self._attempt(attempt_id)
            warnings = tuple(sorted(a.warnings.values(), key=lambda w: int(w.id.rsplit("-", 1)[1])))
            return CallRecord(
                summary=self._summary(attempt_id, a),
                start=a.start,
                progress=a.progress,
                turns=tuple(a.turns),
                checks=tuple(a.checks),
                voice=a.voice,
                outcome=a.outcome,
                warnings=warnings,
                comparisons=tuple(a.comparisons),
            )

    def _summary(self, attempt_id: int, a: _Attempt) -> CallSummary:
        names = [x.customer.name for x in self._accounts.values() if x.customer.id == a.start.customer_id]
        promise = a.outcome.promise if a.outcome else None
        account = self._accounts.get(a.start.account_id) if a.start.account_id is not None else None
        gaps = [t.reply_gap_s for t in a.turns if t.reply_gap_s is not None]
        return CallSummary(
            attempt_id=attempt_id,
            account_id=a.start.account_id,
            customer_id=a.start.customer_id,
            customer_name=names[0] if names else None,
            flow=a.start.flow,
            direction=a.start.direction,
            started_at=a.started_at,
            sip_status=a.progress.sip_status,
            answered_by=a.progress.answered_by,
            disposition=a.outcome.disposition if a.outcome else None,
            right_party=a.outcome.right_party if a.outcome else None,
            voice_state=a.voice.state if a.voice else None,
            voice_score=a.voice.score if a.voice else None,
            voice_net_s=a.voice.net_speech_s if a.voice else None,
            promise_amount=promise.amount if promise else None,
            promise_due_on=promise.due_on if promise else None,
            promise_currency=account.loan.currency if promise and account else None,
            talk_s=a.progress.talk_s,
            reply_gap_s=sum(gaps) / len(gaps) if gaps else None,
            turns=len(a.turns),
            warnings=len(a.warnings),
        )

    # --- consents and voiceprints ------------------------------------------------------------------------------

    def add_consent(self, attempt_id: int | None, consent: Consent) -> str:
        """Store the answer; a refusal of the voiceprint revokes it."""
        with self._lock:
            self._known(consent.customer_id)
            if attempt_id is not None:
                self._attempt(attempt_id)
            if consent.basis not in ("spoken", "written", "import"):
                raise StorageError("a consent's basis is spoken, written or import")
            self._consents.append(dataclasses.replace(consent, evidence=from_json(to_json(consent.evidence))))
            if consent.purpose == "voiceprint" and consent.granted is False:
                self._voiceprints.pop(consent.customer_id, None)
                self._sketches = [s for s in self._sketches if s.customer_id != consent.customer_id]
            return f"C-{len(self._consents)}"

    def consent(self, customer_id: str, purpose: str) -> Consent | None:
        """The newest answer."""
        mine = [c for c in self._consents if c.customer_id == customer_id and c.purpose == purpose]
        return mine[-1] if mine else None

    def consent_id(self, customer_id: str, purpose: str) -> str | None:
        """Of the newest answer, where it is an agreement."""
        mine = [n for n, c in enumerate(self._consents) if c.customer_id == customer_id and c.purpose == purpose]
        return f"C-{mine[-1] + 1}" if mine and self._consents[mine[-1]].granted else None

    def save_voiceprint(self, voiceprint: Voiceprint) -> None:
        """Store and make active."""
        with self._lock:
            self._known(voiceprint.customer_id)
            consents = {f"C-{i + 1}" for i in range(len(self._consents))}
            if voiceprint.consent_id is not None and voiceprint.consent_id not in consents:
                raise StorageError("there is no such consent")
            embeddings, calm, added = decode_template(encode_template(voiceprint))
            self._voiceprints[voiceprint.customer_id] = dataclasses.replace(
                voiceprint, embeddings=embeddings, calm=calm, added=added
            )

    def voiceprint(self, customer_id: str) -> Voiceprint | None:
        """The active one."""
        return self._voiceprints.get(customer_id)

    def save_sketch(self, sketch: VoiceSketch, days: int, most: int) -> bool:
        """See Store."""
        with self._lock:
            there = sketch.customer_id in self._voiceprints
            since = iso(self._clock() - timedelta(days=days))
            kept = [s for s in [*self._sketches, *([sketch] if there else [])] if s.made_at >= since]
            mine = self._newest(kept, sketch.customer_id)[:most]
            self._sketches = [s for s in kept if s.customer_id != sketch.customer_id] + mine[::-1]
            return there

    def sketches(self, customer_id: str, days: int) -> tuple[VoiceSketch, ...]:
        """See Store."""
        since = iso(self._clock() - timedelta(days=days))
        there = customer_id in self._voiceprints
        return tuple(s for s in self._newest(self._sketches, customer_id) if there and s.made_at >= since)

    @staticmethod
    def _newest(sketches: list[VoiceSketch], customer_id: str) -> list[VoiceSketch]:
        mine = [s for s in sketches if s.customer_id == customer_id]
        return sorted(mine, key=lambda s: s.made_at)[::-1]

    def last_flow(self, account_id: str) -> str | None:
        """See Store."""
        outbound = [
            a.start.flow
            for a in self._attempts.values()
            if a.start.account_id == account_id and a.start.direction == "outbound"
        ]
        return outbound[-1] if outbound else None
