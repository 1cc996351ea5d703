"""The parts of a scenario file about the call itself: number, codec, network, how it is answered, the agent's phone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

from sip_sim.model import Agent, Answers, CallSpec
from sip_sim.network import EchoSpec, NetworkSpec, NoiseSpec, OneWaySpec
from sip_sim.reading import Fields, Reader
from sip_sim.reading_steps import Prompts, phrases

CALL_KEYS: Final = ("flow", "account", "number", "direction", "codec", "network", "seed", "max_s")
NETWORK_KEYS: Final = (
    "loss", "jitter_ms", "reorder", "duplicate", "delay_ms", "drift_ppm", "one_way", "noise", "echo",
)  # fmt: skip
LOSS_KEYS: Final = ("share", "burst")
ONE_WAY_KEYS: Final = ("loses", "from_s", "to_s")
NOISE_KEYS: Final = ("kind", "file", "snr_db")
ECHO_KEYS: Final = ("gain_db", "delay_ms")
ANSWER_KEYS: Final = ("after_s", "with", "no_answer", "provisional", "early_media", "forks")
AGENT_KEYS: Final = ("number", "answers", "after_s", "hears", "accepts", "says", "voice")
_KEYS_PRESSED: Final = r"[0-9*#A-Da-d]*"


def read_call(reader: Reader, node: yaml.Node, numbers: Mapping[str, str]) -> CallSpec:
    """`call:`; the number from the portfolio where only an account is given."""
    got = reader.fields(node, CALL_KEYS, "call")
    account = reader.text(got["account"], "account") if "account" in got else ""
    number = _number(reader, got["number"]) if "number" in got else numbers.get(account, "")
    direction = (
        reader.choice(got["direction"], "direction", ("outbound", "inbound")) if "direction" in got else "outbound"
    )
    if not number and isinstance(node, yaml.MappingNode):
        reason = f"account {account!r} is not in the portfolio" if account and numbers else "no number"
        reader.problem(node, f"call: {reason}: give `number`, or `account` together with --portfolio FOLDER")
    return CallSpec(
        flow=reader.text(got["flow"], "flow") if "flow" in got else "",
        account=account,
        number=number,
        direction=direction,
        codec=reader.choice(got["codec"], "codec", ("PCMA", "PCMU")) if "codec" in got else "PCMA",
        network=read_network(reader, got["network"]) if "network" in got else NetworkSpec(),
        seed=int(reader.number(got["seed"], "seed", 0, 2**31)) if "seed" in got else None,
        max_s=reader.number(got["max_s"], "max_s", 1, 3600) if "max_s" in got else CallSpec().max_s,
    )


def _number(reader: Reader, node: yaml.Node) -> str:
    raw = reader.text(node, "number")
    if raw and not re.fullmatch(r"\+?[0-9]{3,15}", raw):
        reader.problem(node, "number must be 3 to 15 digits, with or without a leading +")
    return raw.lstrip("+")


def read_network(reader: Reader, node: yaml.Node) -> NetworkSpec:
    """`network:`, each key on its own."""
    got = reader.fields(node, NETWORK_KEYS, "network")
    loss, burst = _loss(reader, got["loss"]) if "loss" in got else (0.0, 1.0)
    return NetworkSpec(
        loss=loss,
        burst=burst,
        jitter_ms=_given(reader, got, "jitter_ms", 0, 1000, 0.0),
        reorder=reader.share(got["reorder"], "reorder") if "reorder" in got else 0.0,
        duplicate=reader.share(got["duplicate"], "duplicate") if "duplicate" in got else 0.0,
        delay_ms=_given(reader, got, "delay_ms", 0, 2000, 0.0),
        drift_ppm=_given(reader, got, "drift_ppm", -5000, 5000, 0.0),
        one_way=_one_way(reader, got["one_way"]) if "one_way" in got else None,
        noise=_noise(reader, got["noise"]) if "noise" in got else None,
        echo=_echo(reader, got["echo"]) if "echo" in got else None,
    )


def _given(reader: Reader, got: Fields, key: str, low: float, high: float, otherwise: float) -> float:
    return reader.number(got[key], key, low, high) if key in got else otherwise


def _loss(reader: Reader, node: yaml.Node) -> tuple[float, float]:
    """`2%`, or `{share: "5%", burst: 3}`."""
    if isinstance(node, yaml.ScalarNode):
        return reader.share(node, "loss"), 1.0
    got = reader.fields(node, LOSS_KEYS, "loss")
    if "share" not in got and isinstance(node, yaml.MappingNode):
        reader.problem(node, 'loss: `share` is missing, for example {share: "5%", burst: 3}')
    share = reader.share(got["share"], "share") if "share" in got else 0.0
    return share, _given(reader, got, "burst", 1, 100, 1.0)


def _one_way(reader: Reader, node: yaml.Node) -> OneWaySpec:
    got = reader.fields(node, ONE_WAY_KEYS, "one_way")
    loses = reader.choice(got["loses"], "loses", ("caller", "bot")) if "loses" in got else "bot"
    return OneWaySpec(loses, _given(reader, got, "from_s", 0, 3600, 0.0), _given(reader, got, "to_s", 0, 3600, 3600.0))


def _noise(reader: Reader, node: yaml.Node) -> NoiseSpec:
    got = reader.fields(node, NOISE_KEYS, "noise")
    snr = _given(reader, got, "snr_db", -10, 60, NoiseSpec().snr_db)
    if "file" in got:
        path = reader.path.parent / reader.text(got["file"], "file")
        if not path.is_file():
            reader.problem(got["file"], "noise: there is no such file beside the scenario")
        if "kind" in got:
            reader.problem(got["kind"], "noise: either `kind` or `file`, not both")
        return NoiseSpec("file", snr, path)
    kind = reader.choice(got["kind"], "kind", ("white", "babble")) if "kind" in got else "white"
    return NoiseSpec("babble" if kind == "babble" else "white", snr)


def _echo(reader: Reader, node: yaml.Node) -> EchoSpec:
    got = reader.fields(node, ECHO_KEYS, "echo")
    base = EchoSpec()
    gain = _given(reader, got, "gain_db", -80, 0, base.gain_db)
    return EchoSpec(gain, _given(reader, got, "delay_ms", 0, 900, base.delay_ms))


def read_answers(reader: Reader, node: yaml.Node) -> Answers:
    """`answers:`; ringing, announcements and the final answer."""
    got = reader.fields(node, ANSWER_KEYS, "answers")
    status = int(reader.number(got["with"], "with", 300, 699)) if "with" in got else 200
    never = reader.flag(got["no_answer"], "no_answer") if "no_answer" in got else False
    if never and "with" in got:
        reader.problem(got["with"], "answers: either `with` or `no_answer`, not both")
    provisional: tuple[int, ...] | None = None
    if "provisional" in got:
        provisional = reader.items(
            got["provisional"], "provisional", lambda n: int(reader.number(n, "provisional", 101, 199))
        )
    return Answers(
        after_s=_given(reader, got, "after_s", 0, 120, Answers().after_s),
        status=status,
        never=never,
        provisional=provisional,
        early_media=reader.text(got["early_media"], "early_media") if "early_media" in got else "",
        forks=int(_given(reader, got, "forks", 1, 5, 1)),
    )


def read_agent(reader: Reader, node: yaml.Node, prompts: Prompts) -> Agent:
    """`agent:`; the desk phone a call is transferred to."""
    got = reader.fields(node, AGENT_KEYS, "agent")
    base = Agent("")
    if "number" not in got and isinstance(node, yaml.MappingNode):
        reader.problem(node, "agent: `number` is missing")
    accepts = reader.text(got["accepts"], "accepts") if "accepts" in got else ""
    if not re.fullmatch(_KEYS_PRESSED, accepts):
        reader.problem(got["accepts"], "accepts: keys are 0-9 * # A-D")
    return Agent(
        number=_number(reader, got["number"]) if "number" in got else "",
        answers=reader.choice(got["answers"], "answers", ("yes", "no", "busy")) if "answers" in got else "yes",
        after_s=_given(reader, got, "after_s", 0, 120, base.after_s),
        hears=phrases(reader, got, "hears", prompts),
        accepts=accepts,
        says=reader.text(got["says"], "says") if "says" in got else "",
        voice=reader.text(got["voice"], "voice") if "voice" in got else base.voice,
    )
