"""The store: `open_store(path)` for the one program that writes, `open_reader(path)` for who only looks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from storage import repositories_attempts as attempts
from storage import repositories_people as people
from storage import repositories_read as read
from storage import repositories_sketches as sketches
from storage import repositories_voice as voice
from storage.codec import iso, now_utc
from storage.connection import Connection
from storage.owners import Owner
from storage.records import CallFilter, CallRecord, CallSummary
from storage.secret import fingerprint, hash_number, key_file, load_or_create, secret_path
from storage.vault import Vault, vault_path
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, Outcome, WarningRaised
from voicebot.model.portfolio import Account
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Consent, Turn
from voicebot.model.voice import VoiceComparison, VoiceDecision, Voiceprint, VoiceprintRecord, VoiceSketch

log = logging.getLogger(__name__)

#: Outcome.error of an attempt whose process ended in the middle of it.
INTERRUPTED = "interrupted"


class Reader:
    """Reads only, and never blocks the writer (WAL). Any thread."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def calls(self, limit: int = 50, wanted: CallFilter = read.ANY) -> list[CallSummary]:
        """The newest attempts first."""
        return read.calls(self.db, limit, wanted)

    def call(self, attempt_id: int) -> CallRecord:
        """One attempt with its turns, checks, outcome and warnings. Raises StorageError where unknown."""
        return read.call(self.db, attempt_id)

    def account(self, account_id: str) -> Account:
        """One account with its customer and loan. Raises StorageError where unknown."""
        return people.account(self.db, account_id)

    def accounts(self) -> tuple[Account, ...]:
        """The whole portfolio, by account id."""
        return people.accounts(self.db)

    def voiceprints(self, customer_id: str) -> tuple[VoiceprintRecord, ...]:
        """Every voiceprint a customer ever had, the newest first, without what is in it."""
        return voice.records(self.db, customer_id)

    def comparisons(self, attempt_id: int) -> tuple[VoiceComparison, ...]:
        """Every comparison of a call with the voiceprint, in order."""
        return voice.comparisons(self.db, attempt_id)

    def close(self) -> None:
        """Free the file."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SqliteStore(Reader):
    """The port `Store` on SQLite. Any thread may call; writes come one after the other, each on the disk at return."""

    def __init__(
        self, db: Connection, secret: bytes, owner: Owner, clock: Callable[[], datetime], master_key: Path | None = None
    ) -> None:
        super().__init__(db)
        self._secret = secret
        self._master_key = master_key or vault_path(db.path)
        self._vault: Vault | None = None
        self._owner = owner
        self._clock = clock

    @property
    def owner(self) -> Owner:
        """This store's mark, and who else lives."""
        return self._owner

    def number_hash(self, number: str) -> str:
        """Keyed hash of a telephone number, for AttemptStart.number_hash."""
        return hash_number(self._secret, number)

    def account_by_number(self, number: str) -> Account | None:
        """The account of a caller's number or SIP URI, of several the one due first; None where unknown."""
        return people.account_by_number(self.db, number)

    def put_accounts(self, accounts: Iterable[Account]) -> None:
        """Insert or replace accounts with their customers."""
        with self.db.write():
            people.put_accounts(self.db, accounts, self._clock())

    def add_campaign(self, campaign_id: str, name: str, flow: str) -> None:
        """Insert a campaign; harmless where it is there."""
        with self.db.write():
            row = {"id": campaign_id, "name": name, "flow": flow, "created_at": iso(self._clock())}
            self.db.insert("campaigns", {**row}, "ON CONFLICT (id) DO NOTHING")

    def open_attempt(self, start: AttemptStart) -> int:
        """Insert the attempt and return its id. Raises StorageError where the account has an open one."""
        with self.db.write():
            return attempts.open_attempt(self.db, start, self._owner.id, self._clock())

    def progress(self, attempt_id: int, progress: AttemptProgress) -> None:
        """Store the fields that are not None."""
        with self.db.write():
            attempts.progress(self.db, attempt_id, progress)

    def set_voice(self, attempt_id: int, decision: VoiceDecision) -> None:
        """Store the voiceprint's decision in force; the last one is the outcome's."""
        with self.db.write():
            attempts.set_voice(self.db, attempt_id, decision)

    def add_turn(self, attempt_id: int, turn: Turn) -> None:
        """Append a turn."""
        with self.db.write():
            attempts.add_turn(self.db, attempt_id, turn)

    def add_check(self, attempt_id: int, check: CheckRecord) -> None:
        """Append a check."""
        with self.db.write():
            attempts.add_check(self.db, attempt_id, check)

    def add_warning(self, attempt_id: int, customer_id: str | None, warning: WarningRaised) -> str:
        """Store a warning, deduplicated per (code, customer, UTC day); returns its id."""
        with self.db.write():
            return attempts.add_warning(self.db, attempt_id, customer_id, warning, self._clock())

    def add_consent(self, attempt_id: int | None, consent: Consent) -> str:
        """Store a consent (or its refusal, which destroys a voiceprint); returns its id."""
        with self.db.write():
            consent_id = people.add_consent(self.db, attempt_id, consent, self._clock())
        if consent.purpose == people.VOICEPRINT and consent.granted is False:
            self.db.empty_log()
        return consent_id

    def consent(self, customer_id: str, purpose: str) -> Consent | None:
        """The newest answer to a purpose; None where never asked."""
        return people.consent(self.db, customer_id, purpose)

    def consent_id(self, customer_id: str, purpose: str) -> str | None:
        """The id of the newest answer where it is an agreement; None where it is not, or there is none."""
        return people.consent_id(self.db, customer_id, purpose)

    def close_attempt(self, attempt_id: int, outcome: Outcome) -> bool:
        """Write the attempt's one outcome with its items, promise, warnings and do-not-call row, in one transaction.
        False where it already has one (which stays)."""
        with self.db.write():
            return attempts.close_attempt(self.db, attempt_id, outcome, self._clock())

    def voiceprint(self, customer_id: str) -> Voiceprint | None:
        """The active voiceprint, opened; None where there is none (or it was revoked). Raises StorageError where it is
        spoiled or the master key is another one."""
        return voice.active(self.db, self.vault(), customer_id)

    def save_voiceprint(self, voiceprint: Voiceprint) -> None:
        """Seal, store and make active."""
        vault = self.vault()
        with self.db.write():
            voice.save(self.db, vault, voiceprint, self._clock())

    def save_sketch(self, sketch: VoiceSketch, days: int, most: int) -> bool:
        """Seal and store what a recording of a call would be recognised by, `days` long, at most `most` of a customer.
        False where there is no voiceprint: then it is not kept."""
        vault = self.vault()
        with self.db.write():
            return sketches.save(self.db, vault, sketch, self._clock(), days=days, most=most)

    def sketches(self, customer_id: str, days: int) -> tuple[VoiceSketch, ...]:
        """Of the customer's calls of the last `days`, the newest first. Raises StorageError where one is spoiled."""
        since = self._clock() - timedelta(days=days)
        return sketches.of_customer(self.db, self.vault(), customer_id, since)

    def revoke_voiceprint(self, customer_id: str) -> bool:
        """Destroy the customer's voiceprint and its key; True where there was one."""
        with self.db.write():
            there = voice.revoke(self.db, customer_id, self._clock())
        self.db.empty_log()
        return there

    def add_comparison(self, attempt_id: int, comparison: VoiceComparison) -> None:
        """Append to the record of comparisons."""
        with self.db.write():
            voice.add_comparison(self.db, attempt_id, comparison)

    def vault(self) -> Vault:
        """What seals the voiceprints; its master key is made at the first use. Raises StorageError where the key file
        is not the one that this database's voiceprints were sealed with."""
        if self._vault is None:
            used = self.db.row("SELECT value FROM meta WHERE key = 'voice_master_key'")
            if used and not self._master_key.exists():
                raise StorageError(
                    f"{self._master_key}: the master key of the voiceprints is missing",
                    hint="restore it: without it no voiceprint of this database can be read",
                )
            key = key_file(self._master_key)
            with self.db.write():
                _same_key(self.db, "voice_master_key", key, self._master_key)
            self._vault = Vault(key)
        return self._vault

    def change_master_key(self, new: Path) -> int:
        """Seal every customer's key with the key in file `new` (made where it is not there); returns how many. The old
        file is no longer needed afterwards, except for backups. Raises StorageError; nothing is changed then."""
        vault, key = self.vault(), key_file(new)
        with self.db.write():
            count = voice.reseal_all(self.db, vault, Vault(key))
            self.db.run("UPDATE meta SET value = ? WHERE key = 'voice_master_key'", fingerprint(key))
        self.db.empty_log()
        self._master_key, self._vault = new, Vault(key)
        return count

    def last_flow(self, account_id: str) -> str | None:
        """See Store."""
        return attempts.last_flow(self.db, account_id)

    def recover(self, *, at_start: bool = True) -> int:
        """At start: every open attempt that no other living process runs becomes TECHNICAL_FAILURE ("interrupted")
        with its last step; returns how many. `at_start` False: later, when our own calls run."""
        count = 0
        with self.db.write():
            rows = self.db.rows(
                """SELECT id, owner, coalesce(last_step,
                     (SELECT step FROM turns WHERE attempt_id = id ORDER BY n DESC LIMIT 1)) AS step
                   FROM attempts WHERE state = 'open' ORDER BY id"""
            )
            for row in rows:
                ours = not at_start and row["owner"] == self._owner.id
                if not ours and not self._owner.lives(row["owner"]):
                    outcome = Outcome(Disposition.TECHNICAL_FAILURE, last_step=row["step"], error=INTERRUPTED)
                    count += attempts.close_attempt(self.db, row["id"], outcome, self._clock())
            self._owner.sweep()
        if count:
            log.warning("%d interrupted attempt(s) closed as TECHNICAL_FAILURE", count)
        return count

    def close(self) -> None:
        """Free the file. What is open stays open, for `recover` at the next start."""
        super().close()
        self._owner.release()


def open_store(
    path: Path,
    *,
    secret: bytes | None = None,
    clock: Callable[[], datetime] = now_utc,
    master_key: Path | None = None,
) -> SqliteStore:
    """Open (or create) the database and bring it to this version. `secret`: key of the numbers' hash; None: the key
    file beside the database, made at the first open. `master_key`: the file with the voiceprints' master key; None:
    beside the database too. Raises StorageError."""
    db = Connection(path)
    try:
        key = secret if secret is not None else _file_secret(db)
        _check_key(db, key)
        return SqliteStore(db, key, Owner(path), clock, master_key)
    except BaseException:
        db.close()
        raise


def open_reader(path: Path) -> Reader:
    """Open for reading only. Raises StorageError where there is no database (or one of another version)."""
    db = Connection(path, read_only=True)
    return Reader(db)


def _file_secret(db: Connection) -> bytes:
    used = db.row("SELECT value FROM meta WHERE key = 'number_key'")
    path = secret_path(db.path)
    if used and not path.exists():
        raise StorageError(
            f"{path}: the key file of this database is missing", hint="restore it: without it no number can be matched"
        )
    return load_or_create(db.path)


def _check_key(db: Connection, key: bytes) -> None:
    with db.write():
        _same_key(db, "number_key", key, secret_path(db.path))


def _same_key(db: Connection, name: str, key: bytes, path: Path) -> None:
    """The key's fingerprint is the one the database was made with (or the first). Raises StorageError."""
    db.insert("meta", {"key": name, "value": fingerprint(key)}, "ON CONFLICT (key) DO NOTHING")
    row = db.row("SELECT value FROM meta WHERE key = ?", name)
    if row is None or row["value"] != fingerprint(key):
        raise StorageError(
            f"{db.path}: this is another key than the one its rows were made with", hint=f"restore {path.name}"
        )
