"""CSV imports of scoring: all or nothing, every bad row named, a lawful basis with each."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from storage.scoring_import import COLUMNS, Origin, import_scoring
from tests.unit.scoring.conftest import NOW, Bank
from voicebot.errors import PortfolioError

ORIGIN = Origin("crm", date(2026, 11, 1), "contract")

GOOD = {
    "collectors": ("id,name,kind,daily_cap", "K-1,Kim,human,5"),
    "contacts": (
        "id,account_id,collector_id,method,at,duration_s,feedback,right_party,answered,feedback_after_s,words",
        "1,A-1,,email,2026-11-20T10:00:00+08:00,,,1,1,60,I will pay",
    ),
    "collection-numbers": ("number,company,latitude,longitude,label", "0215550001,Firm,31.2,121.5,1"),
    "base-stations": ("cell_id,latitude,longitude,radius_m", "460-00-1,31.2,121.5,"),
    "number-calls": (
        "number,other,outgoing,answered,at,duration_s,cell_id",
        "0215550001,13900000001,1,1,2026-11-20T10:00:00,12.5,460-00-1",
    ),
    "applicant-calls": ("applicant_id,number,answered,at,consent", "P-1,0215550001,1,2026-11-20T10:00:00Z,form 3"),
    "devices": ("customer_id,imei", "C-1,123456789012345"),
}
TABLES = {
    "collectors": "collectors",
    "contacts": "contacts",
    "collection-numbers": "collection_numbers",
    "base-stations": "base_stations",
    "number-calls": "number_calls",
    "applicant-calls": "applicant_calls",
    "devices": "devices",
}


@pytest.fixture
def load(bank: Bank, tmp_path: Path):
    def run(kind: str, *lines: str) -> int:
        file = tmp_path / f"{kind}.csv"
        file.write_text("\n".join(lines), encoding="utf-8")
        return import_scoring(bank.store.db, kind, file, ORIGIN, bank.store.number_hash, NOW)

    return run


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_each_kind_is_imported_with_its_origin_and_again_without_harm(bank: Bank, load, kind: str) -> None:
    assert load(kind, *GOOD[kind]) == 1
    load(kind, *GOOD[kind])
    assert len(bank.store.db.rows(f"SELECT * FROM {TABLES[kind]}")) == 1
    origin = bank.store.db.rows("SELECT * FROM data_imports ORDER BY id DESC")[0]
    assert (origin["kind"], origin["source"], origin["lawful_basis"]) == (kind, "crm", "contract")


def test_numbers_of_others_and_devices_are_stored_as_hashes_only(bank: Bank, load) -> None:
    load("number-calls", *GOOD["number-calls"])
    load("devices", *GOOD["devices"])
    stored = str(bank.store.db.rows("SELECT * FROM number_calls")) + str(bank.store.db.rows("SELECT * FROM devices"))
    assert "13900000001" not in stored
    assert "123456789012345" not in stored


def test_times_become_utc(bank: Bank, load) -> None:
    load("contacts", *GOOD["contacts"])
    assert bank.store.db.rows("SELECT at FROM contacts")[0]["at"] == "2026-11-20T02:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("collectors", "K-1,Kim,robot,", "kind is none of human, bot"),
        ("collectors", "K-1,Kim,human,-1", "daily_cap is not a number"),
        ("contacts", "1,A-77,,email,2026-11-20T10:00:00Z,,,,,,", "account_id is not in the database"),
        ("contacts", "1,A-1,K-9,email,2026-11-20T10:00:00Z,,,,,,", "collector_id is not in the database"),
        ("contacts", "1,A-1,,email,2026-11-20T10:00:00,,,,,,", "no offset"),
        ("contacts", "1,A-1,,pigeon,2026-11-20T10:00:00Z,,,,,,", "method is none of"),
        ("contacts", "1,A-1,,phone,2026-11-20T10:00:00Z,-3,,,,,", "duration_s is not a number"),
        ("contacts", "1,A-1,,phone,2026-11-20T10:00:00Z,3,asleep,,,,", "feedback is none of"),
        ("collection-numbers", "0215550001,,31.2,,1", "both or none"),
        ("collection-numbers", "0215550001,,95,121,1", "latitude is not degrees"),
        ("collection-numbers", "0215550001,,,,yes", "label is not 1 or 0"),
        ("base-stations", "1,31,121,0", "must be more than 0"),
        ("applicant-calls", "P-1,0215550001,1,2026-11-20T10:00:00Z,", "consent is empty"),
        ("devices", "C-99,123456789012345", "customer_id is not in the database"),
        ("devices", "C-1,12345", "IMEI"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_imported(bank: Bank, load, kind: str, row: str, said: str) -> None:
    header, good = GOOD[kind]
    with pytest.raises(PortfolioError) as caught:
        load(kind, header, good, row)
    assert f"{kind}.csv:3: " in str(caught.value)
    assert said in str(caught.value)
    assert not bank.store.db.rows(f"SELECT * FROM {TABLES[kind]}")
    assert not bank.store.db.rows("SELECT * FROM data_imports")


def test_a_key_given_twice_is_bad(load) -> None:
    with pytest.raises(PortfolioError, match="id is there twice"):
        load("collectors", "id,name", "K-1,Kim", "K-1,Kim again")


def test_a_file_that_ends_in_the_middle_is_refused(bank: Bank, load) -> None:
    with pytest.raises(PortfolioError, match="has 2 fields, the header 4"):
        load("collectors", "id,name,kind,daily_cap", "K-1,Kim,human,5", "K-2,L")
    assert not bank.store.db.rows("SELECT * FROM collectors")
