"""What the benchmark's customers do follows from their place and the seed, and the simulator understands it."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import yaml

from sip_sim.scenario import Surroundings, load_all, load_numbers
from voicebot.demo.bench_figures import CLOSED, OPEN
from voicebot.demo.bench_scenarios import bench_cast, conversation, people, sounds, write_scenarios
from voicebot.demo.prepare import write_portfolio


def written(folder: Path, seed: int = 1, which: str = "standard") -> dict[str, str]:
    portfolio = write_portfolio(folder / "portfolio", date(2026, 11, 22), 20)
    write_scenarios(folder / "scenarios", people(portfolio)[:8], seed, which)
    return {path.name: path.read_text() for path in (folder / "scenarios").glob("*.yaml")}


def test_the_same_seed_makes_the_same_customers(tmp_path: Path) -> None:
    assert written(tmp_path / "a") == written(tmp_path / "b")
    assert written(tmp_path / "a") != written(tmp_path / "c", seed=2)


def test_the_simulator_reads_them(tmp_path: Path) -> None:
    files = written(tmp_path)
    around = Surroundings({}, load_numbers(tmp_path / "portfolio"))
    got = load_all([tmp_path / "scenarios"], around)
    assert len(got) == len(files) == 8
    assert {scenario.call.codec for scenario in got} == {"PCMA", "PCMU"}


def test_every_sentence_has_its_kind_and_everybody_interrupts_once(tmp_path: Path) -> None:
    portfolio = write_portfolio(tmp_path / "portfolio", date(2026, 11, 22), 20)
    scripts = write_scenarios(tmp_path / "scenarios", people(portfolio)[:8])
    for slug, script in scripts.items():
        steps = yaml.safe_load((tmp_path / "scenarios" / f"{slug}.yaml").read_text())["caller"]
        sounds_made = [s.get("says") or s.get("backchannel") or f"({s['plays']})" for s in steps[:-1]]
        assert set(sounds_made) == set(script)
        kinds = {spoken.kind for spoken in script.values()}
        assert kinds <= {*CLOSED, OPEN, "other", ""}
        assert {"", OPEN, "date", "yes/no"} <= kinds
        interrupts = [step for step in steps if "barge_in_ms" in step]
        assert len([step for step in interrupts if "says" in step]) == 1
        assert len([step for step in interrupts if "says" not in step]) == 1


def test_nobody_interrupts_after_an_optional_step(tmp_path: Path) -> None:
    # the simulator would wait for the end of the prompt (sip_sim.caller)
    for text in written(tmp_path).values():
        steps = yaml.safe_load(text)["caller"]
        follows = [after for before, after in pairwise(steps) if before.get("optional")]
        assert not [step for step in follows if "barge_in_ms" in step]


def test_plain_customers_wait_on_a_clean_line(tmp_path: Path) -> None:
    text = "".join(written(tmp_path, which="plain").values())
    assert not [word for word in ("barge_in_ms", "noise", "plays", "backchannel") if word in text]


def test_digits_are_asked_of_every_fourth(tmp_path: Path) -> None:
    portfolio = write_portfolio(tmp_path / "portfolio", date(2026, 11, 22), 20)
    everybody = people(portfolio)
    for index, person in enumerate(everybody[:8]):
        script = conversation(person, index, lively=True).script
        assert any(one.kind == "digits" for one in script.values()) == (index % 4 == 3)
    cast = bench_cast(20)
    assert cast.customers == 20
    assert [e.customer_id for e in cast.enrolled][:4] == ["C-1001", "C-1002", "C-1003", "C-1005"]
    assert bench_cast(1) == bench_cast(16)


def test_sounds_are_loud_short_and_the_same_for_a_seed() -> None:
    made = sounds(1)
    assert set(made) == {"cough.wav", "door.wav"}
    for name, sound in made.items():
        assert abs(sound).max() == 20000
        assert 0.1 < sound.size / 8000 < 0.8
        assert (sound == sounds(1)[name]).all()
