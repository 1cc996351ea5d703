"""Settings: one TOML file, overridden by environment variables VOICEBOT_<SECTION>__<KEY>. An unknown key is an error.

Every section is a small frozen model, handed to the one part that needs it. Units are in the names (`_s` seconds,
`_ms` milliseconds, `_db` decibels).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from voicebot.errors import SettingsError
from voicebot.settings_campaign import CampaignSettings, EmailSettings, SmsSettings
from voicebot.settings_telephony import Section, TelephonySettings, TrunkSettings

__all__ = [
    "ENV_PREFIX",
    "PROJECT",
    "AgentSettings",
    "AnsweringSettings",
    "AsrSettings",
    "BankSettings",
    "CampaignSettings",
    "EmailSettings",
    "PathSettings",
    "Settings",
    "SmsSettings",
    "TelephonySettings",
    "TrunkSettings",
    "TtsSettings",
    "TurnSettings",
    "VerificationSettings",
    "VoiceprintSettings",
    "WebSettings",
    "load",
]

#: Where callflows/, scripts_templates/, models/ and var/ are looked for: the project's folder.
PROJECT = Path(__file__).resolve().parent.parent
ENV_PREFIX = "VOICEBOT_"


class PathSettings(Section):
    """Folders and files; relative ones are below the folder of the settings file, or the project's folder."""

    #: Models, as `voicebot models` places them.
    models: Path = Path("models")
    #: The SQLite database; made at the first start.
    database: Path = Path("var/voicebot.db")
    #: File of the master key that seals the voiceprints, best on another disk or a token; none: beside the database.
    voice_master_key: Path | None = None
    #: One stereo WAV a call.
    recordings: Path = Path("var/recordings")
    #: Prompts already spoken, by content.
    prompt_cache: Path = Path("var/prompts")
    #: One folder of templates and word tables a language.
    templates: Path = Path("scripts_templates")
    #: Call flows and intents.yaml.
    flows: Path = Path("callflows")
    #: Rules of calling, one file a profile, and the lists of holidays.
    calling_rules: Path = Path("calling_rules")
    #: Definitions of campaigns.
    campaigns: Path = Path("campaigns")


class BankSettings(Section):
    """How the robot names itself."""

    #: Said in the greeting.
    name: str = "Harbour Bank"
    #: The assistant's name, said in the greeting.
    robot: str = "Alma"
    #: Said to who wants to call back.
    callback_number: str = "1 800 555 0100"
    #: What who collects for somebody else must say before the debt is spoken of ("This is an attempt to collect a debt
    #: ..."): to the verified customer, not to be interrupted. Empty: the loans are the bank's own, nothing is said.
    debt_notice: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class AsrSettings(Section):
    """Speech recognition."""

    #: `auto`: Vosk where a model of the language is installed, else Whisper.
    engine: Literal["auto", "vosk", "whisper"] = "auto"
    #: A folder of scripts_templates.
    language: str = "en"
    #: Folder below `paths.models`.
    vosk_model: str = "vosk-model-small-en-us-0.15"
    #: Folder below `paths.models`.
    whisper_model: str = "whisper-tiny-en"
    #: Threads of one recognition.
    threads: int = Field(default=1, ge=1)
    #: Recognitions at a time, of all calls: a core each.
    workers: int = Field(default=2, ge=1)


class TtsSettings(Section):
    """Speech synthesis. `auto`: hibari where it is installed, else pyttsx3."""

    #: hibari is neural and English; espeak-ng speaks many languages; piper is GPL-3 and needs a voice.
    engine: Literal["auto", "hibari", "pyttsx3", "piper"] = "auto"
    #: The engine's own name of a voice; empty: its default.
    voice: str = ""
    #: Share of the normal speed.
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


class TurnSettings(Section):
    """Turn-taking: silence that ends an answer (seconds), by how complete the answer is, and barge-in."""

    #: Silence after a complete answer that seldom goes on (all the digits, a full date, "yes, I can").
    final_s: float = Field(default=0.28, gt=0)
    #: Silence after another complete answer (a bare yes, an answer to "is that you?").
    complete_s: float = Field(default=0.45, gt=0)
    #: Silence after one that goes on ("the eighth of July ...").
    incomplete_s: float = Field(default=1.6, gt=0)
    #: Silence after an open answer.
    open_s: float = Field(default=1.5, gt=0)
    #: Silence after one that is not recognised yet: a busy machine cuts nobody off.
    undecided_s: float = Field(default=3.0, gt=0)
    #: Longest answer.
    max_answer_s: float = Field(default=20.0, gt=1)
    #: Longest answer to a yes/no question; where the noise never ends, what was heard so far is taken.
    closed_answer_s: float = Field(default=8.0, gt=1)
    #: Probability from which a sound is speech.
    speech_threshold: float = Field(default=0.5, gt=0, lt=1)
    #: Speech that pauses the bot.
    barge_in_min_s: float = Field(default=0.12, gt=0)
    #: Speech after which it is decided by what was said so far whether the bot stops or goes on.
    barge_in_decide_s: float = Field(default=1.0, gt=0)
    #: Less than 0.8 s of speech recognised less surely does not stop the bot ("mm-hm": 0.2 to 0.5, "yes": from 0.6).
    barge_in_confidence: float = Field(default=0.48, ge=0, le=1)
    #: Take the echo of the bot's own voice out of what is heard.
    cancel_echo: bool = True
    #: Pause after which keys are an answer.
    interdigit_s: float = Field(default=2.5, gt=0)


class AnsweringSettings(Section):
    """Who answered an outbound call, a person or a machine ([how](answering_machines.md)). Seconds of sound."""

    #: Off: whoever answers is talked to as a person.
    enabled: bool = True
    #: Points of evidence more than a person has that make a machine.
    machine_points: int = Field(default=3, ge=1)
    #: Points that make a person for good.
    person_points: int = Field(default=3, ge=1)
    #: Speech that begins before so long is a greeting, later it may be a reply.
    early_s: float = Field(default=3.0, gt=0)
    #: Longest "hello?".
    short_s: float = Field(default=1.6, gt=0)
    #: Silence after a greeting that waits for an answer.
    waits_s: float = Field(default=1.2, gt=0)
    #: Greeting that is long: with a machine's words one point more.
    long_s: float = Field(default=3.0, gt=0)
    #: Greeting that is very long: one more still.
    very_long_s: float = Field(default=7.0, gt=0)
    #: Least greeting before a beep that makes it a mailbox's.
    greeting_s: float = Field(default=1.8, gt=0)
    #: Longest time between that greeting and the beep.
    beep_after_s: float = Field(default=4.0, gt=0)
    #: Least greeting that, with no word to the bot's questions after it, is a mailbox's.
    silent_s: float = Field(default=2.5, gt=0)
    #: Speech that begins later is not recognised for this.
    words_until_s: float = Field(default=15.0, gt=0)
    #: Beeps after so long are not looked for.
    beep_until_s: float = Field(default=45.0, gt=0)
    #: A beep's lowest and highest frequency, Hz.
    beep_hz: tuple[float, float] = (400.0, 2000.0)
    #: A beep's shortest and longest duration.
    beep_s: tuple[float, float] = (0.15, 2.0)
    #: Longest wait for a mailbox's beep.
    beep_wait_s: float = Field(default=30.0, gt=0)
    #: Silence after which a mailbox without a beep is spoken to.
    silence_s: float = Field(default=2.0, gt=0)
    #: Pause between the beep and the message.
    after_beep_s: float = Field(default=0.4, ge=0)
    #: Longest wait for a person when a screening telephone was told who calls.
    person_wait_s: float = Field(default=30.0, gt=0)
    #: How often it is told.
    screening_answers: int = Field(default=2, ge=1)


class VoiceprintSettings(Section):
    """The check of the speaker."""

    #: Off: knowledge questions decide alone.
    enabled: bool = True
    #: Which speaker models are heard together; voiceprints made with others must be enrolled anew.
    models: tuple[Literal["ecapa", "campplus"], ...] = Field(default=("ecapa", "campplus"), min_length=1)
    #: `default` (one is shipped for each choice of models), or the file that `voicebot voiceprint calibrate` made.
    calibration: str = "default"
    #: Share of impostors let in that the limit is set for (Wald 1945).
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    #: Share of customers turned away that the limit is set for.
    beta: float = Field(default=0.01, gt=0, lt=0.5)
    #: No decision on less of the customer's speech.
    min_net_s: float = Field(default=1.5, ge=1.5)
    #: Below: inconclusive.
    min_snr_db: float = 8.0
    #: Below: a match can still be found, but no mismatch (noise lowers everybody's score).
    mismatch_min_snr_db: float = 14.0
    #: Speech embedded at a time.
    window_s: float = Field(default=2.0, gt=0.5)
    #: Least net speech of an enrolment.
    enrol_min_net_s: float = Field(default=20.0, gt=0)
    #: Least utterances of one.
    enrol_min_utterances: int = Field(default=3, ge=1)
    #: Largest share of clipped samples.
    enrol_max_clipping: float = 0.01
    #: Least signal-to-noise ratio of one.
    enrol_min_snr_db: float = 10.0
    #: Least share of speech in the sound.
    enrol_min_speech_share: float = 0.5
    #: Times more speech is asked for before knowledge questions or a person decide.
    max_extra_prompts: int = 2
    #: Days after which a voiceprint is not compared with any more (voices age); knowledge questions decide then.
    expires_after_d: int = Field(default=730, ge=1)
    #: Random digits to be repeated before an accepted voice counts: `risk` where a recording or a synthetic voice is
    #: suspected, or the loan is over `challenge_amount`. A flow may say otherwise.
    challenge: Literal["never", "risk", "always"] = "risk"
    #: Outstanding amount from which they are asked for, in the loan's currency; 0: no amount is a risk.
    challenge_amount: float = Field(default=0.0, ge=0)
    #: A recording of an earlier call, played again: `risk` asks for the digits and raises W-V5; `note` only writes its
    #: value into the record. Never a gate.
    replay: Literal["off", "note", "risk"] = "risk"
    #: Share of what is heard that falls in line with an earlier call (people who say the same again: 0.09 at most).
    replay_limit: float = Field(default=0.12, gt=0, le=1)
    #: Days the sketch of a call is kept to recognise a recording of it by; it goes with the voiceprint.
    replay_days: int = Field(default=90, ge=1)
    #: Calls of a customer of which sketches are kept, the newest.
    replay_calls: int = Field(default=10, ge=1, le=50)
    #: A voice that sounds made by a machine: as `replay`. Measure it on your own line before it is a `risk`.
    synthetic: Literal["off", "note", "risk"] = "note"
    #: `default`, or the file that `voicebot voiceprint spoof --fit` made.
    synthetic_detector: str = "default"
    #: Score from which it counts; none: the detector's own (1 % of people reach it).
    synthetic_limit: float | None = None
    #: Add what was heard in a call that matched beyond doubt to the customer's voiceprint.
    adapt: bool = False
    #: Share of impostors that the limit of such a call is set for; stricter than any decision's.
    adapt_alpha: float = Field(default=0.0001, gt=0, lt=0.01)
    #: Most vectors kept of a customer; the oldest that a call added goes first.
    adapt_max_vectors: int = Field(default=6, ge=2)


class VerificationSettings(Section):
    """Tolerances of the comparison with the loan record (document V)."""

    #: Days a date may differ.
    date_tol_d: int = Field(default=3, ge=0)
    #: Share an amount may differ.
    amount_tol: float = Field(default=0.01, ge=0)


class AgentSettings(Section):
    """Where a call is handed to a human; empty uri: no agent is there, a callback ticket is written instead."""

    #: SIP URI (or number at the trunk) of the agent.
    uri: str = ""
    #: attended: the agent hears what it is about and takes the call with the key 1; blind: the customer is sent there.
    mode: Literal["attended", "blind"] = "attended"
    #: How long the agent's telephone rings.
    ring_s: float = Field(default=20.0, gt=0)
    #: How long the agent may think after the summary.
    accept_s: float = Field(default=10.0, gt=0)
    #: The waiting customer hears a word so often.
    company_s: float = Field(default=7.0, gt=1)
    #: Where the trunk cannot hand the call over (no REFER or Replaces), the bot connects both itself and stays between.
    bridge: bool = True
    #: Longest talk of customer and agent through the bot.
    bridge_s: float = Field(default=3600.0, gt=0)


class WebSettings(Section):
    """The console and API of the bank's staff. An empty token: a new one is made at each start and printed. Plain HTTP:
    another address than a loopback one needs a TLS proxy before it."""

    #: Serve the console with `voicebot serve`.
    enabled: bool = True
    #: Where it listens.
    address: str = "127.0.0.1"
    #: 0 = any free one.
    port: int = Field(default=8080, ge=0, le=65535)
    #: At least 16 characters; empty: made at start.
    token: str = Field(default="", pattern=r"^(\S{16,})?$")


class Settings(Section):
    """All of it."""

    paths: PathSettings = PathSettings()
    bank: BankSettings = BankSettings()
    telephony: TelephonySettings = TelephonySettings()
    trunk: TrunkSettings = TrunkSettings()
    fallback_trunks: tuple[TrunkSettings, ...] = ()
    asr: AsrSettings = AsrSettings()
    tts: TtsSettings = TtsSettings()
    turn: TurnSettings = TurnSettings()
    answering: AnsweringSettings = AnsweringSettings()
    voiceprint: VoiceprintSettings = VoiceprintSettings()
    verification: VerificationSettings = VerificationSettings()
    agent: AgentSettings = AgentSettings()
    web: WebSettings = WebSettings()
    campaign: CampaignSettings = CampaignSettings()
    email: EmailSettings = EmailSettings()
    sms: SmsSettings = SmsSettings()


def load(path: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Read the TOML at `path` (None: defaults, or voicebot.toml in the working folder) and the environment.

    Raises SettingsError naming every wrong key at once.
    """
    environ = dict(os.environ) if environ is None else environ
    if path is None and Path("voicebot.toml").is_file():
        path = Path("voicebot.toml")
    data = _read(path) if path else {}
    for name, value in environ.items():
        if name.startswith(ENV_PREFIX) and "__" in name:
            section, key = name.removeprefix(ENV_PREFIX).lower().split("__", 1)
            _set(data, section, key, _typed(value))
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        where = str(path) if path else "environment"
        raise SettingsError(
            f"{where}: {len(lines)} wrong setting(s)\n" + "\n".join(lines),
            hint="docs/settings.md lists every setting",
        ) from None
    base = path.resolve().parent if path else PROJECT
    return settings.model_copy(update={"paths": _absolute(settings.paths, base)})


def _set(data: dict[str, object], section: str, key: str, value: object) -> None:
    """One value from the environment. `1__password` is the password of the first of a list of tables."""
    table = data.setdefault(section, {})
    place, _, inside = key.partition("__")
    if isinstance(table, list):
        if not (place.isdigit() and 1 <= int(place) <= len(table) and inside):
            raise SettingsError(
                f"environment: {ENV_PREFIX}{section.upper()}__{key.upper()} names none of the {len(table)} in the file",
                hint=f"the first one's user is {ENV_PREFIX}{section.upper()}__1__USER",
            )
        table, key = table[int(place) - 1], inside
    if isinstance(table, dict):
        table[key] = value


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})", hint="give --settings FILE") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}", hint="see docs/settings.md for an example") from None


def _typed(value: str) -> object:
    """An environment variable's value, typed as TOML would (so `8`, `true` and lists work); else the text itself."""
    try:
        return tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return value


def _absolute(paths: PathSettings, base: Path) -> PathSettings:
    """Relative paths resolved: below `base` if they are there, else in the project's folder for shipped data."""

    def resolve(name: str, value: Path) -> Path:
        if value.is_absolute():
            return value
        shipped = name in ("templates", "flows", "models", "calling_rules", "campaigns")
        return PROJECT / value if shipped and not (base / value).exists() else base / value

    given = {name: getattr(paths, name) for name in PathSettings.model_fields}
    return PathSettings(**{name: resolve(name, path) for name, path in given.items() if path is not None})
