"""`voicebot score train-emotion` and `check-talk`: the emotion of a text, and what it is worth (docs/scoring.md)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click

from voicebot.commands.score_shown import as_json, plain, thresholds_file
from voicebot.errors import ScoringError
from voicebot.nlu.language import load_language
from voicebot.scoring.config import ScoringSettings, load
from voicebot.scoring.emotion.data import CLASSES, SOURCES, load_sources, read
from voicebot.scoring.emotion.figures import Figures
from voicebot.scoring.lexicon import SHIPPED, languages, load_lexicon
from voicebot.settings import Settings


@click.command("train-emotion")
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the winner to this file (.npz).")
@click.option(
    "--sources",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=SOURCES,
    help="What is in DATA and how its labels become ours (default: the shipped sources.toml).",
)
@click.option("--folds", type=click.IntRange(2, 20), default=3, show_default=True, help="Folds that share no dialogue.")
@click.option("--compare", type=click.IntRange(min=100), help="Compare on so many texts; the winner learns from all.")
@click.option("--only", type=click.Choice(["linear", "network"]), help="Only this one (default: both are compared).")
@click.option("--language", default="en", show_default=True, help="Of the data, stored with the model.")
@as_json
def train_emotion(
    data: Path,
    out: Path | None,
    sources: Path,
    folds: int,
    compare: int | None,
    only: str | None,
    language: str,
    json_: bool,
) -> None:
    """Train the network of document C and TF-IDF with logistic regression on DATA; the better one is kept.

    DATA is a folder of labelled texts; docs/scoring.md says which, and what the figures are worth. The network wins
    only where its macro-F1 is better by more than the folds' noise. One thread; some minutes a fold.

    \b
    Examples:
      voicebot score train-emotion text --out emotion.npz
      voicebot score train-emotion text --compare 3000 --only linear --json
    """
    import torch

    from voicebot.engines.emotion_network import NetworkLearner
    from voicebot.scoring.emotion.linear import LinearLearner
    from voicebot.scoring.emotion.model import Learner, save
    from voicebot.scoring.emotion.training import train

    if out is not None and not out.parent.is_dir():
        raise ScoringError(f"{out.parent}: no such folder", hint="make it, or give another --out")
    torch.set_num_threads(1)
    known = load_sources(sources)
    examples = read(data, known)
    learners: list[Learner] = [LinearLearner(), NetworkLearner(known.labels)]
    learners = [learner for learner in learners if only in (None, learner.kind)]
    report = lambda line: click.echo(line, err=True)  # noqa: E731
    today = _today().isoformat()
    trained = train(
        examples, learners, known.source, folds=folds, date=today, compare=compare, language=language, report=report
    )
    if out is not None:
        save(out, trained.emotion)
    about = trained.emotion.description
    if json_:
        found = {"id": about.id, "examples": about.examples, "data": about.data, "why": trained.why}
        click.echo(json.dumps({**found, "temperature": about.temperature, "figures": about.figures}, indent=2))
        return
    for judged in trained.judged:
        by_fold = ", ".join(f"{value:.3f}" for value in judged.by_fold)
        click.echo(f"\n{judged.kind}, out of fold ({by_fold})")
        _show(judged.whole)
    click.echo(f"\n{trained.why}\n{about.id}: {about.examples} texts" + (f", written to {out}" if out else ""))


@click.command("check-talk")
@click.argument("talk", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--model", type=click.Path(path_type=Path), help="Model file of the emotion (default: the shipped one).")
@click.option("--language", default="en", show_default=True, help="Of the keywords and of the understanding.")
@thresholds_file
@as_json
@click.pass_obj
def check_talk(
    settings: Settings, talk: Path, model: Path | None, language: str, thresholds: Path | None, json_: bool
) -> None:
    """Measure keywords, understanding and emotion on TALK, utterances that a person labelled.

    TALK is a TSV with the columns signals, emotion, label, text. Also fits the cooperation degree c to it: log-odds to
    put into scoring.toml, with their figures out of fold.

    \b
    Examples:
      voicebot score check-talk examples/collection-talk/en.tsv
      voicebot score check-talk our-own-talk.tsv --model emotion.npz --json
    """
    found = _checked(settings, talk, model, language, load(thresholds))
    if json_:
        click.echo(json.dumps(found, indent=2))
        return
    for name, figures in found.items():
        shown = figures
        if isinstance(figures, dict):
            shown = ", ".join(f"{k} {plain(v)}" for k, v in figures.items() if k not in ("confusion", "labels"))
        click.echo(f"{name}: {shown}")


def _checked(
    settings: Settings, talk: Path, model: Path | None, language: str, used: ScoringSettings
) -> dict[str, object]:
    from voicebot.engines.emotion import load_emotion
    from voicebot.scoring.emotion.degree import fit_degree
    from voicebot.scoring.emotion.judge import TextJudge
    from voicebot.scoring.emotion.talk import compare, emotion_figures, facts_of, heard, labels, read_talk

    folder = Path(used.cooperation.lexicons) if used.cooperation.lexicons else SHIPPED
    if language not in languages(folder):
        raise ScoringError(f"no keywords of the language {language!r}", hint=f"one of {', '.join(languages(folder))}")
    said, emotion, lexicon = read_talk(talk), load_emotion(model), load_lexicon(language, folder)
    judge = TextJudge(emotion)
    facts = facts_of(said, load_language(settings.paths.templates, settings.paths.flows, language), _today())
    found: dict[str, object] = {"utterances": len(said), "model": judge.version, "lexicon": lexicon.version}
    found["emotion"] = emotion_figures(said, emotion).as_json()
    window, cooperation = used.cooperation.negation_window, used.cooperation
    alone, beside = heard(said, lexicon, window), heard(said, lexicon, window, facts)
    for name, given in (("keywords", alone), ("keywords and understanding", beside)):
        found[name] = compare(said, labels(said, given, cooperation)).as_json()
        found[f"{name} and emotion"] = compare(said, labels(said, given, cooperation, judge)).as_json()
    truth = [each.label for each in said]
    found["cooperation degree"] = fit_degree([each.signals for each in beside], truth, cooperation).as_json()
    return found


def _today() -> date:
    return datetime.now(UTC).date()


def _show(figures: Figures) -> None:
    click.echo(
        f"  macro-F1 {figures.macro_f1:.3f}, accuracy {figures.accuracy:.3f}, ECE {figures.ece:.3f}; "
        f"any negative: F1 {figures.negative_f1:.3f}, ECE {figures.ece_negative:.3f}"
    )
    click.echo(f"  {'':<9} {'texts':>6} {'recall':>7} {'prec.':>6}   told as {' '.join(f'{c:>8}' for c in CLASSES)}")
    for name, row in zip(CLASSES, figures.confusion, strict=True):
        told = " ".join(f"{n:>8}" for n in row)
        start = f"  {name:<9} {figures.n[name]:>6} {figures.recall[name]:>7.3f} {figures.precision[name]:>6.3f}"
        click.echo(f"{start}           {told}")
