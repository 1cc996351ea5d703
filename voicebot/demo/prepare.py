"""The demo's database: the example portfolio imported, the voices of its enrolled customers enrolled from recordings.

Made once and copied for each run, so that a second demo starts to talk at once and every run begins from the same day.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from voicebot.voiceprint.enrolment import Enrolment

#: Which example customers are enrolled, and with which of the simulator's voices.
ENROLMENTS = PROJECT / "examples" / "portfolio" / "enrolments.csv"
#: Sound of an enrolment, seconds: its net speech is over enrol_min_net_s.
ENROL_S = 32.0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One line of enrolments.csv."""

    customer_id: str
    voice: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Who can be called: the first `customers` of the example portfolio, some of them with a voiceprint."""

    customers: int
    enrolled: tuple[Enrolled, ...]

    @property
    def voices(self) -> list[str]:
        """The simulator's voices that are enrolled."""
        return sorted({e.voice for e in self.enrolled})


def example_cast(customers: int = 16) -> Cast:
    """The customers of the demo."""
    with ENROLMENTS.open(newline="", encoding="utf-8") as file:
        rows = tuple(Enrolled(row["customer_id"], row["voice"]) for row in csv.DictReader(file))
    return Cast(customers, rows)


def base_path(folder: Path, cast: Cast, settings: Settings) -> Path:
    """The prepared database for today's portfolio, this cast, and voiceprints made by these settings."""
    made_by = settings.voiceprint.model_dump_json(exclude={"enabled"})
    made_of = f"{datetime.now(UTC).date()} {cast} {made_by}"
    return folder / f"base-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}" / "voicebot.db"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other process prepares in this folder meanwhile (waits for the one that does)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "preparing.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_portfolio(folder: Path, today: date, customers: int) -> tuple[Path, Path]:
    """customers.csv and loans.csv with due days around today."""
    people, loans = write_example(folder, today=today, count=customers)
    return people, loans


def enrol_voices(
    cast: Cast, voices: Path, encoder: SpeakerEncoder, activity: VoiceActivity, settings: Settings
) -> Mapping[str, Enrolment]:
    """Each voice's recordings to an enrolment (blocking, about 2 s a voice)."""
    made = {}
    for voice in cast.voices:
        files = sorted((voices / voice).glob("*.wav"))
        made[voice] = enrol_files(files, encoder, activity, settings.voiceprint)
        if not made[voice].accepted:
            raise VoicebotError(f"the voice {voice} could not be enrolled: {made[voice].refusal()}")
    return made


def make_base(
    base: Path, portfolio: tuple[Path, Path], cast: Cast, made: Mapping[str, Enrolment], model_id: str
) -> None:
    """Import and store (blocking); `base` appears only when it is whole."""
    half = base.parent.with_name(base.parent.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    with open_store(half / base.name) as store:
        result = import_portfolio(store.db, *portfolio)
        if result.problems:
            raise VoicebotError("the example portfolio has bad rows: " + "; ".join(map(str, result.problems)))
        now = datetime.now(UTC).isoformat()
        for enrolled in cast.enrolled:
            consent = Consent(enrolled.customer_id, "voiceprint", "import", "example", granted=True, at=now)
            consent_id = store.add_consent(None, consent)
            store.save_voiceprint(made[enrolled.voice].voiceprint(enrolled.customer_id, model_id, now, consent_id))
    shutil.rmtree(base.parent, ignore_errors=True)
    half.rename(base.parent)


def copy_base(base: Path, run: Path) -> None:
    """The run's own database (with the key of its number hashes)."""
    run.mkdir(parents=True, exist_ok=True)
    for file in base.parent.iterdir():
        if file.is_file() and not file.name.endswith(".lock"):
            shutil.copy2(file, run / file.name)
