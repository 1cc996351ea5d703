"""The demo's database: the example portfolio imported, the voices of its enrolled customers enrolled from recordings.

Made once and copied for each run, so that a second demo starts to talk at once and every run begins from the same day.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from voicebot.commands.enrol import enrol_files
from voicebot.errors import VoicebotError
from voicebot.model.ports import SpeakerEncoder, VoiceActivity
from voicebot.model.records import Consent
from voicebot.settings import PROJECT, Settings

#: Which example customers are enrolled, and with which of the simulator's voices.
ENROLMENTS = PROJECT / "examples" / "portfolio" / "enrolments.csv"
#: Net speech of an enrolment, seconds: over enrol_min_net_s.
ENROL_S = 20.0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One line of enrolments.csv."""

    customer_id: str
    voice: str


def enrolments(path: Path = ENROLMENTS) -> tuple[Enrolled, ...]:
    """Customers with a voiceprint at the demo's start."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Enrolled(row["customer_id"], row["voice"]) for row in csv.DictReader(file))


def base_path(folder: Path) -> Path:
    """The prepared database for today's portfolio and these enrolments."""
    shipped = ENROLMENTS.read_bytes() + datetime.now(UTC).date().isoformat().encode()
    return folder / f"base-{hashlib.sha256(shipped).hexdigest()[:12]}" / "voicebot.db"


def write_portfolio(folder: Path, today: date, customers: int) -> tuple[Path, Path]:
    """customers.csv and loans.csv with due days around today."""
    people, loans = write_example(folder, today=today, count=customers)
    return people, loans


def make_base(
    base: Path, portfolio: tuple[Path, Path], voices: Path, encoder: SpeakerEncoder, activity: VoiceActivity,
    settings: Settings,
) -> None:  # fmt: skip
    """Import and enrol (blocking, about 2 s a customer); `base` appears only when it is whole."""
    half = base.parent.with_name(base.parent.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    with open_store(half / base.name) as store:
        result = import_portfolio(store.db, *portfolio)
        if result.problems:
            raise VoicebotError("the example portfolio has bad rows: " + "; ".join(map(str, result.problems)))
        for enrolled in enrolments():
            files = sorted((voices / enrolled.voice).glob("*.wav"))
            enrolment = enrol_files(files, encoder, activity, settings.voiceprint)
            if not enrolment.accepted:
                raise VoicebotError(f"the voice {enrolled.voice} could not be enrolled: {enrolment.refusal()}")
            now = datetime.now(UTC).isoformat()
            consent = Consent(enrolled.customer_id, "voiceprint", "import", "example", granted=True, at=now)
            consent_id = store.add_consent(None, consent)
            store.save_voiceprint(enrolment.voiceprint(enrolled.customer_id, encoder.model_id, now, consent_id))
    shutil.rmtree(base.parent, ignore_errors=True)
    half.rename(base.parent)


def copy_base(base: Path, run: Path) -> None:
    """The run's own database (with the key of its number hashes)."""
    run.mkdir(parents=True, exist_ok=True)
    for file in base.parent.iterdir():
        if file.is_file() and not file.name.endswith(".lock"):
            shutil.copy2(file, run / file.name)
