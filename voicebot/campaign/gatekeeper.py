"""The gate as the product asks it: facts from the store, the rules that hold, and the decision kept."""

from __future__ import annotations

import fcntl
import ipaddress
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from voicebot.campaign.abandoned import AbandonMeter
from voicebot.campaign.gate import decide
from voicebot.campaign.profiles import Profile, load_profiles
from voicebot.errors import CampaignError, DialForbidden
from voicebot.model.campaign import GateDecision, GateFacts, Method
from voicebot.model.ports_campaign import CampaignStore
from voicebot.settings import Settings

logger = logging.getLogger(__name__)

#: The setting's value that goes by the trunk: see `chosen_profile`.
AUTO = "auto"
NONE = "none"


class Gatekeeper:
    """Decides before every contact, and keeps each decision. Any thread; blocking."""

    def __init__(
        self,
        store: CampaignStore,
        profiles: Mapping[str, Profile],
        profile: str | None,
        marketing_flows: tuple[str, ...],
        *,
        lock_file: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`profile`: for calls that belong to no campaign; None: no such call is made. `lock_file`: shared by the
        processes of a database, so that two of them never decide at once."""
        self._store, self._profiles, self._profile = store, profiles, profile
        self._marketing = marketing_flows
        self._lock_file, self._lock = lock_file, threading.Lock()
        self._now = now
        self._kept: set[str] = set()
        self._meter = AbandonMeter(store)

    def ask(
        self,
        account_id: str,
        flow: str,
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        method: Method = Method.PHONE,
        by_person: bool = False,
    ) -> GateDecision:
        """Decide now, and keep the decision. `by_person`: see call.kit.DialGate. Raises CampaignError where there are
        no rules, StorageError."""
        return self._decided(account_id, flow, campaign_id, job_id, method, by_person)[1]

    def _decided(
        self, account_id: str, flow: str, campaign_id: str | None, job_id: int | None, method: Method, by_person: bool
    ) -> tuple[int, GateDecision]:
        profile = self._rules(campaign_id)
        at = self._now()
        purpose = "marketing" if flow in self._marketing else "service"
        facts = self._store.gate_facts(account_id, purpose, at)
        if by_person and facts.stopped_by == "human":
            facts = replace(facts, stopped_by=None)
        decision = decide(profile, facts, at, method)
        return keep_decision(self._store, profile, decision, facts, self._kept, job_id), decision

    def admitted(
        self,
        account_id: str,
        flow: str,
        open_attempt: Callable[[], int],
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> int:
        """Decide, and where it is allowed open the attempt, before anybody else decides: two calls never both take the
        last place within a cap. Raises DialForbidden where a rule says no, CampaignError and StorageError as `ask`."""
        if campaign_id is not None and not by_person:
            self._meter.check(campaign_id, self._rules(campaign_id), self._now())
        with self._alone():
            number, decision = self._decided(account_id, flow, campaign_id, job_id, Method.PHONE, by_person)
            if decision.allowed:
                attempt_id = open_attempt()
                if job_id is None:  # a job's is linked in the transaction that opens its attempt
                    self._store.link_decision(number, attempt_id)
                return attempt_id
        when = decision.retry_at
        hint = f"nobody was called; allowed again {when:%Y-%m-%d %H:%M:%S} UTC" if when else "nobody was called"
        message = f"{account_id}: {decision.reason} (rule {decision.rule} of {decision.profile})"
        raise DialForbidden(message, hint=hint, rule=decision.rule, retry_at=when)

    def message_detail(self, campaign_id: str) -> bool:
        """May emails and SMS of this campaign name the loan? Raises CampaignError where there are no rules."""
        return self._rules(campaign_id).message_detail

    def _rules(self, campaign_id: str | None) -> Profile:
        name = self._profile if campaign_id is None else self._store.campaign(campaign_id).profile
        if name is None:
            raise CampaignError(
                "no rules of calling are chosen: nobody is called",
                hint="set campaign.profile (voicebot campaign check lists them), docs/campaigns.md",
            )
        if name not in self._profiles:
            raise CampaignError(f"there are no rules of calling named `{name}`", hint="set paths.calling_rules")
        return self._profiles[name]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            if self._lock_file is None:
                yield
                return
            with self._lock_file.open("a") as file:  # closing it gives the lock back, a killed process too
                fcntl.flock(file, fcntl.LOCK_EX)
                yield


def keep_decision(
    store: CampaignStore,
    profile: Profile,
    decision: GateDecision,
    facts: GateFacts,
    known: set[str],
    job_id: int | None = None,
) -> int:
    """Store a decision, its facts, and the rules it was made with, so that it can be made again. `known`: versions of
    rules that are stored already. Returns its id."""
    if (key := f"{profile.profile} {decision.version}") not in known:
        store.keep_rules(profile.profile, decision.version, profile.as_json())
        known.add(key)
    # The facts are stored beside it; once is enough.
    inputs = {name: value for name, value in decision.inputs.items() if name != "facts"}
    return store.add_decision(job_id, replace(decision, inputs=inputs), facts)


def gatekeeper(settings: Settings, store: CampaignStore) -> Gatekeeper:
    """The gate of a process. Raises CampaignError where the rules have a mistake: then nobody is called at all."""
    profiles = load_profiles(settings.paths.calling_rules)
    return Gatekeeper(
        store,
        profiles,
        chosen_profile(settings),
        settings.campaign.marketing_flows,
        lock_file=settings.paths.database.with_name(settings.paths.database.name + ".gate"),
    )


def chosen_profile(settings: Settings) -> str | None:
    """The rules for calls outside campaigns. `auto`: none while every trunk is on this machine (a simulator: nobody
    can be reached), else not chosen, and nobody is called until the bank has said which rules hold."""
    if settings.campaign.profile != AUTO:
        return settings.campaign.profile
    trunks = (settings.trunk, *settings.fallback_trunks)
    return NONE if all(_on_this_machine(trunk.server) for trunk in trunks) else None


def _on_this_machine(server: str) -> bool:
    host = server.rpartition(":")[0].strip("[]") or server
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
