"""The gate as the product asks it: the right rules, the decision kept, and one place is taken by one call."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.campaign.gate_facts import NEW_YORK, PROFILES, contact, facts
from voicebot.campaign.gatekeeper import Gatekeeper, chosen_profile
from voicebot.errors import CampaignError, DialForbidden
from voicebot.model.campaign import CampaignKind, CampaignRow, GateDecision, GateFacts, Method
from voicebot.settings import Settings

NOON = datetime(2026, 11, 18, 17, tzinfo=UTC)


class Store:
    """What the gatekeeper asks of a CampaignStore; `contacts` grow as attempts are opened."""

    def __init__(self, profile: str = "us") -> None:
        self.known = facts()
        self.kept: list[tuple[int | None, GateDecision, GateFacts]] = []
        self.linked: list[tuple[int, int]] = []
        self.rules: dict[tuple[str, str], str] = {}
        self.profile = profile

    def gate_facts(self, account_id: str, purpose: str, at: datetime) -> GateFacts:
        return replace(self.known, account_id=account_id, purpose=purpose)

    def add_decision(self, job_id: int | None, decision: GateDecision, known: GateFacts) -> int:
        self.kept.append((job_id, decision, known))
        return len(self.kept)

    def link_decision(self, decision_id: int, attempt_id: int) -> None:
        self.linked.append((decision_id, attempt_id))

    def keep_rules(self, profile: str, version: str, text: str) -> None:
        assert (profile, version) not in self.rules  # once is enough
        self.rules[profile, version] = text

    def campaign(self, campaign_id: str) -> CampaignRow:
        kind = CampaignKind.REMINDER
        return CampaignRow(campaign_id, "T", kind, "reminder", self.profile, "", "", NOON)

    def opened(self) -> int:
        self.known = replace(self.known, contacts=(*self.known.contacts, contact(NOON)))
        return len(self.known.contacts)


def keeper(store: Store, profile: str | None = "us", lock_file: Path | None = None) -> Gatekeeper:
    return Gatekeeper(store, PROFILES, profile, ("invitation",), lock_file=lock_file, now=lambda: NOON)  # type: ignore[arg-type]


def test_the_decision_is_kept_with_its_facts_once_and_its_rules():
    store = Store()
    gate = keeper(store)
    assert gate.ask("A-1", "reminder", job_id=7).allowed
    assert not gate.ask("A-1", "invitation", method=Method.SMS).allowed
    (job, decision, known), (_, second, offered) = store.kept
    assert (job, known.purpose, offered.purpose, second.rule) == (7, "service", "marketing", "consent_marketing")
    assert "facts" not in decision.inputs
    assert store.rules == {("us", decision.version): PROFILES["us"].as_json()}


def test_nobody_is_called_where_a_rule_says_no():
    store = Store()
    store.known = replace(store.known, contacts=tuple(contact(NOON - timedelta(days=2)) for _ in range(7)))
    with pytest.raises(DialForbidden) as caught:
        keeper(store).admitted("A-1", "reminder", pytest.fail)
    assert (caught.value.rule, caught.value.retry_at) == ("seven_in_seven", NOON + timedelta(days=5))
    assert "2026-11-23 17:00:00 UTC" in caught.value.hint
    assert not store.kept[0][1].allowed


def test_a_decision_knows_its_attempt():
    store = Store()
    gate = keeper(store)
    gate.ask("A-1", "reminder")
    assert gate.admitted("A-1", "reminder", lambda: 77) == 77
    assert store.linked == [(2, 77)]


def test_a_campaign_has_its_own_rules():
    store = Store("cn")
    gate = keeper(store)
    assert gate.ask("A-1", "reminder", campaign_id="c").profile == "cn"
    assert gate.ask("A-1", "reminder").profile == "us"
    with pytest.raises(CampaignError, match="named `moon`"):
        keeper(Store("moon")).ask("A-1", "reminder", campaign_id="c")


def test_without_rules_nobody_is_called():
    store = Store()
    with pytest.raises(CampaignError, match="no rules of calling are chosen"):
        keeper(store, None).admitted("A-1", "reminder", pytest.fail)
    assert keeper(store, None).ask("A-1", "reminder", campaign_id="c").allowed


def test_a_person_may_send_the_robot_to_a_case_of_a_person_but_not_into_a_dispute():
    store = Store()
    gate = keeper(store)
    store.known = replace(store.known, stopped_by="human")
    assert not gate.ask("A-1", "reminder").allowed
    assert gate.ask("A-1", "reminder", by_person=True).allowed
    store.known = replace(store.known, stopped_by="dispute")
    assert not gate.ask("A-1", "reminder", by_person=True).allowed


@pytest.mark.parametrize("processes", [False, True])
def test_the_last_place_within_a_cap_is_taken_once(tmp_path, processes):
    """Twenty at once, by one gatekeeper or by one each (as processes would): seven get through."""
    store, started = Store(), threading.Barrier(20)
    one = keeper(store, lock_file=tmp_path / "gate")
    got: list[int] = []

    def call() -> None:
        gate = keeper(store, lock_file=tmp_path / "gate") if processes else one
        started.wait()
        with suppress(DialForbidden):
            got.append(gate.admitted("A-1", "reminder", store.opened))

    store.keep_rules = lambda *given: None  # type: ignore[method-assign]
    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 8))


@pytest.mark.parametrize(
    ("server", "profile", "chosen"),
    [
        ("127.0.0.1:5070", "auto", "none"),
        ("localhost:5070", "auto", "none"),
        ("[::1]:5070", "auto", "none"),
        ("sip.bank.example:5060", "auto", None),
        ("192.0.2.7:5060", "auto", None),
        ("192.0.2.7:5060", "cn", "cn"),
        ("127.0.0.1:5070", "us", "us"),
    ],
)
def test_without_a_choice_only_a_simulator_is_called(server, profile, chosen):
    settings = Settings.model_validate({"trunk": {"server": server}, "campaign": {"profile": profile}})
    assert chosen_profile(settings) == chosen


def test_one_trunk_elsewhere_is_enough_to_want_rules():
    trunks = {"trunk": {"server": "127.0.0.1:5070"}, "fallback_trunks": [{"server": "198.51.100.1:5060"}]}
    assert chosen_profile(Settings.model_validate(trunks)) is None


def test_zones_are_the_facts():
    assert keeper(Store()).ask("A-1", "reminder").inputs["zones"] == list(NEW_YORK)
