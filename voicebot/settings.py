"""Settings: one TOML file, overridden by environment variables VOICEBOT_<SECTION>__<KEY>. An unknown key is an error.

Every section is a small frozen model, handed to the one part that needs it. Units are in the names (`_s` seconds,
`_ms` milliseconds, `_db` decibels).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.errors import SettingsError

#: Where callflows/, scripts_templates/, models/ and var/ are looked for: the project's folder.
PROJECT = Path(__file__).resolve().parent.parent
ENV_PREFIX = "VOICEBOT_"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PathSettings(_Section):
    """Folders and files; relative ones are below the folder of the settings file, or the project's folder."""

    #: Models, as `voicebot models` places them.
    models: Path = Path("models")
    #: The SQLite database; made at the first start.
    database: Path = Path("var/voicebot.db")
    #: One stereo WAV a call.
    recordings: Path = Path("var/recordings")
    #: Prompts already spoken, by content.
    prompt_cache: Path = Path("var/prompts")
    #: One folder of templates and word tables a language.
    templates: Path = Path("scripts_templates")
    #: Call flows and intents.yaml.
    flows: Path = Path("callflows")


class BankSettings(_Section):
    """How the robot names itself."""

    #: Said in the greeting.
    name: str = "Harbour Bank"
    #: The assistant's name, said in the greeting.
    robot: str = "Alma"
    #: Said to who wants to call back.
    callback_number: str = "1 800 555 0100"


class TelephonySettings(_Section):
    """The SIP user agent."""

    #: The SIP stack.
    driver: Literal["baresip", "pyvoip"] = "baresip"
    #: Where SIP and RTP are received.
    address: str = "127.0.0.1"
    #: SIP port; 0 = any free one.
    port: int = Field(default=5060, ge=0, le=65535)
    #: Offered in this order (G.711 A-law and mu-law).
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = ("PCMA", "PCMU")
    #: Lowest and highest RTP port; two a call.
    rtp_ports: tuple[int, int] = (10000, 20000)
    #: Take RTP only from the port that the far end's SDP names, from its address (any port), or from anywhere.
    rtp_source: Literal["port", "address", "any"] = "port"
    #: Calls at a time, in and out; more are refused.
    max_calls: int = Field(default=8, ge=1)
    #: Seconds of ringing before CANCEL.
    ring_timeout_s: float = Field(default=30.0, gt=0)
    #: Seconds after which a call is ended.
    max_call_s: float = Field(default=600.0, gt=0)
    #: PEM file with our key and certificate, for TLS.
    certificate: Path | None = None
    #: End a call when no RTP at all has come for so long (0 = never).
    rtp_timeout_s: int = Field(default=30, ge=0)
    #: Receive jitter buffer, least and most.
    jitter_buffer_ms: tuple[int, int] = (40, 120)
    #: Record calls (the greeting says so).
    recording: bool = True
    #: Write SIP messages to the stack's log; they hold numbers.
    sip_trace: bool = False


class TrunkSettings(_Section):
    """The SIP server calls go through. `register` false: a trunk without registration (known by address)."""

    #: HOST:PORT calls are sent to.
    server: str = "127.0.0.1:5070"
    #: Our user name there.
    user: str = "voicebot"
    #: For digest authentication; better given in the environment.
    password: str = ""
    #: Where it differs from `user`.
    auth_user: str = ""
    #: Of our address; empty: the server.
    domain: str = ""
    #: To the server. tls: its certificate is checked against `ca_file`.
    transport: Literal["udp", "tcp", "tls"] = "udp"
    #: PEM file with the certificates the server's may be signed by.
    ca_file: Path | None = None
    #: Sound on the line. srtp: keys in the SDP (RFC 4568), wanted but not demanded; srtp-mand: no call without;
    #: dtls_srtp: keys by DTLS (RFC 5763).
    media_encryption: Literal["none", "srtp", "srtp-mand", "dtls_srtp"] = "none"
    #: Send REGISTER at start.
    register_trunk: bool = Field(default=False, alias="register")
    #: Seconds a registration is asked for.
    register_interval_s: int = Field(default=300, ge=10)


class AsrSettings(_Section):
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


class TtsSettings(_Section):
    """Speech synthesis. `auto`: hibari where it is installed, else pyttsx3."""

    #: hibari is neural and English; espeak-ng speaks many languages; piper is GPL-3 and needs a voice.
    engine: Literal["auto", "hibari", "pyttsx3", "piper"] = "auto"
    #: The engine's own name of a voice; empty: its default.
    voice: str = ""
    #: Share of the normal speed.
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


class TurnSettings(_Section):
    """Turn-taking: silence that ends an answer (seconds), by how complete the answer is, and barge-in."""

    #: Silence after a complete answer (a yes, all the digits).
    complete_s: float = Field(default=0.4, gt=0)
    #: Silence after one that goes on.
    incomplete_s: float = Field(default=1.1, gt=0)
    #: Silence after an open answer.
    open_s: float = Field(default=1.5, gt=0)
    #: Longest answer.
    max_answer_s: float = Field(default=20.0, gt=1)
    #: Probability from which a sound is speech.
    speech_threshold: float = Field(default=0.5, gt=0, lt=1)
    #: Speech that pauses the bot.
    barge_in_min_s: float = Field(default=0.25, gt=0)
    #: Speech that stops it; less, and it goes on.
    barge_in_decide_s: float = Field(default=1.0, gt=0)
    #: Pause after which keys are an answer.
    interdigit_s: float = Field(default=2.5, gt=0)


class VoiceprintSettings(_Section):
    """The check of the speaker."""

    #: Off: knowledge questions decide alone.
    enabled: bool = True
    #: Folder below `paths.models`.
    model: str = "ecapa-voxceleb"
    #: `default`, or the file that `voicebot voiceprint calibrate` made.
    calibration: str = "default"
    #: Share of impostors let in that the limit is set for (Wald 1945).
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    #: Share of customers turned away that the limit is set for.
    beta: float = Field(default=0.01, gt=0, lt=0.5)
    #: No decision on less of the customer's speech.
    min_net_s: float = Field(default=1.5, ge=1.5)
    #: Below: inconclusive.
    min_snr_db: float = 8.0
    #: Speech embedded at a time.
    window_s: float = Field(default=2.0, gt=0.5)
    #: Least net speech of an enrolment.
    enrol_min_net_s: float = Field(default=10.0, gt=0)
    #: Least utterances of one.
    enrol_min_utterances: int = Field(default=3, ge=1)
    #: Largest share of clipped samples.
    enrol_max_clipping: float = 0.01
    #: Least signal-to-noise ratio of one.
    enrol_min_snr_db: float = 10.0
    #: Least share of speech in the sound.
    enrol_min_speech_share: float = 0.5
    #: Times more speech is asked for before a person decides.
    max_extra_prompts: int = 2


class VerificationSettings(_Section):
    """Tolerances of the comparison with the loan record (document V)."""

    #: Days a date may differ.
    date_tol_d: int = Field(default=3, ge=0)
    #: Share an amount may differ.
    amount_tol: float = Field(default=0.01, ge=0)


class AgentSettings(_Section):
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


class WebSettings(_Section):
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


class Settings(_Section):
    """All of it."""

    paths: PathSettings = PathSettings()
    bank: BankSettings = BankSettings()
    telephony: TelephonySettings = TelephonySettings()
    trunk: TrunkSettings = TrunkSettings()
    asr: AsrSettings = AsrSettings()
    tts: TtsSettings = TtsSettings()
    turn: TurnSettings = TurnSettings()
    voiceprint: VoiceprintSettings = VoiceprintSettings()
    verification: VerificationSettings = VerificationSettings()
    agent: AgentSettings = AgentSettings()
    web: WebSettings = WebSettings()


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
            table = data.setdefault(section, {})
            if isinstance(table, dict):
                table[key] = _typed(value)
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
        shipped = name in ("templates", "flows", "models")
        return PROJECT / value if shipped and not (base / value).exists() else base / value

    return PathSettings(**{name: resolve(name, getattr(paths, name)) for name in PathSettings.model_fields})
