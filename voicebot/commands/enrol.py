"""`voicebot enrol`: a customer's voice from recordings, or a whole portfolio's from a CSV file."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from storage.db import SqliteStore
from voicebot.commands.opened import opened
from voicebot.commands.voice_files import CHANNELS, read_recording, samples_of
from voicebot.engines.choose import choose_encoder
from voicebot.engines.silero_vad import SileroActivity
from voicebot.errors import PortfolioError, StorageError, VoicebotError
from voicebot.model.ports import SpeakerEncoder, VoiceActivity
from voicebot.model.records import Consent
from voicebot.settings import Settings, VoiceprintSettings
from voicebot.voiceprint.enrolment import Enrolment
from voicebot.voiceprint.enrolment import enrol as judge

PURPOSE = "voiceprint"
EXIT_REFUSED = 1

Portfolio = dict[str, list[Path]]


def enrol_files(
    paths: Sequence[Path],
    encoder: SpeakerEncoder,
    activity: VoiceActivity,
    settings: VoiceprintSettings,
    *,
    channel: str | None = None,
) -> Enrolment:
    """Judge recordings of one person (WAV or FLAC, any rate). Stores nothing. Raises RecordingError, EngineError."""
    recordings = [read_recording(path, channel) for path in paths]
    return judge(samples_of(recordings, encoder, activity), settings)


def store_enrolment(
    store: SqliteStore, account_id: str, enrolment: Enrolment, *, model_id: str, consent_text: str, files: int
) -> str:
    """Store an accepted enrolment with the consent it rests on (basis "import"); returns the consent's id.

    Raises StorageError where the account is unknown.
    """
    customer_id = store.account(account_id).customer.id
    now = datetime.now(UTC).isoformat(timespec="seconds")
    consent = Consent(customer_id, PURPOSE, "import", consent_text, granted=True, at=now, evidence={"files": files})
    consent_id = store.add_consent(None, consent)
    store.save_voiceprint(enrolment.voiceprint(customer_id, model_id, now, consent_id))
    return consent_id


@click.command()
@click.option("--account", help="The customer's account, e.g. A-1001.")
@click.option("--from", "first", multiple=True, type=click.Path(path_type=Path), help="A recording; more may follow.")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@click.option("--csv", "table", type=click.Path(path_type=Path), help="A CSV file with the columns account,file.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Where the customer is in a recording with two channels.")
@click.option("--consent-text", default="", help='Name of the text the customer agreed to, e.g. "form 7, 2026-01".')
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_obj
def enrol(
    settings: Settings,
    account: str | None,
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    table: Path | None,
    channel: str | None,
    consent_text: str,
    as_json: bool,
) -> None:
    """Enrol a customer's voice from recordings (WAV or FLAC, any rate).

    Wanted are 20 s of speech in 3 utterances of one person, without much noise; a refusal says what is missing, and
    ends with exit status 1. Nothing of the recordings is kept but the voiceprint.

    \b
    Examples:
      voicebot enrol --account A-1001 --from monday.wav tuesday.flac
      voicebot enrol --account A-1001 --from call.wav --channel left --consent-text "form 7, 2026-01"
      voicebot enrol --csv voices.csv --json
    """
    portfolio = _wanted(account, [*first, *more], table)
    results = []
    with opened(settings) as store:
        _check_accounts(store, portfolio, consent_text, str(table) if table else None)
        encoder = choose_encoder(settings)
        activity = SileroActivity()
        for name, paths in portfolio.items():
            results.append(_enrol_one(store, name, paths, encoder, activity, settings, channel, consent_text))
            if not as_json:
                click.echo(_line(results[-1]))
    if as_json:
        click.echo(json.dumps(results if table else results[0], indent=2))
    if not all(r["accepted"] for r in results):
        raise SystemExit(EXIT_REFUSED)


def _enrol_one(
    store: SqliteStore,
    account: str,
    paths: Sequence[Path],
    encoder: SpeakerEncoder,
    activity: VoiceActivity,
    settings: Settings,
    channel: str | None,
    consent_text: str,
) -> dict[str, object]:
    result: dict[str, object] = {"account": account, "files": len(paths)}
    try:
        enrolment = enrol_files(paths, encoder, activity, settings.voiceprint, channel=channel)
    except VoicebotError as error:  # one bad file must not end a portfolio
        return result | {"accepted": False, "missing": [str(error)]}
    result |= {
        "accepted": enrolment.accepted,
        "missing": list(enrolment.missing),
        "net_speech_s": round(enrolment.net_s, 2),
        "utterances": enrolment.utterances,
        "quality": asdict(enrolment.quality),
    }
    if enrolment.accepted:
        result["model_id"] = encoder.model_id
        result["consent_id"] = store_enrolment(
            store,
            account,
            enrolment,
            model_id=encoder.model_id,
            consent_text=consent_text or "import",
            files=len(paths),
        )
    return result


def _line(result: dict[str, object]) -> str:
    if result["accepted"]:
        return f"{result['account']}: enrolled, {result['net_speech_s']} s of speech, {result['utterances']} utterances"
    missing = result["missing"]
    return f"{result['account']}: refused: " + "; ".join(missing if isinstance(missing, list) else [])


def _wanted(account: str | None, recordings: list[Path], table: Path | None) -> Portfolio:
    """What to enrol, from the options. Raises UsageError, PortfolioError."""
    if table is not None:
        if account or recordings:
            raise click.UsageError("give --csv alone, or --account with --from")
        return read_table(table)
    if account is None or not recordings:
        raise click.UsageError("give --account A-1001 --from a.wav b.wav ..., or --csv portfolio.csv")
    return {account: recordings}


def read_table(path: Path) -> Portfolio:
    """Accounts and their recordings from a CSV file; a relative file is below the CSV's folder.

    Raises PortfolioError naming every bad row: then nothing is enrolled.
    """
    hint = "two columns, account and file; one row per recording"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not {"account", "file"} <= set(reader.fieldnames or ()):
                raise PortfolioError(f"{path}:1: the columns account and file are needed", hint=hint)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PortfolioError(f"{path}: cannot be read ({error})", hint=hint) from None
    found: Portfolio = {}
    problems = [] if rows else [f"{path}:2: no rows"]
    for line, row in rows:
        account, file = (row["account"] or "").strip(), (row["file"] or "").strip()
        if not account or not file:
            problems.append(f"{path}:{line}: {'account' if not account else 'file'} is empty")
        elif not (path.parent / file).is_file():
            problems.append(f"{path}:{line}: {file} is not there")
        else:
            found.setdefault(account, []).append(path.parent / file)
    if problems:
        raise PortfolioError("\n".join(problems), hint=hint)
    return found


def _check_accounts(store: SqliteStore, portfolio: Portfolio, consent_text: str, table: str | None) -> None:
    """Before anything is computed: every account is known, and nobody has refused. Raises PortfolioError."""
    problems = []
    for account in portfolio:
        try:
            customer_id = store.account(account).customer.id
        except StorageError:
            problems.append(f"account {account} is unknown")
            continue
        answer = store.consent(customer_id, PURPOSE)
        if answer is not None and answer.granted is False and not consent_text:
            problems.append(f"account {account}: the customer refused a voiceprint on {answer.at[:10]}")
    if problems:
        where = f"{table}: " if table else ""
        raise PortfolioError(
            where + "; ".join(problems),
            hint="import the accounts first (`voicebot portfolio`); after a refusal, name the newer agreement with "
            "--consent-text",
        )
