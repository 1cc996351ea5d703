"""The network of document C: its shapes and properties on small tensors, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.engines.emotion import load_emotion
from voicebot.engines.emotion_net import EmotionNet, mask, weighted
from voicebot.engines.emotion_network import NetworkClassifier, NetworkLearner, batch, restore
from voicebot.errors import ModelError
from voicebot.scoring.emotion.data import CLASSES, Example, load_sources
from voicebot.scoring.emotion.figures import figures, indices, softmax
from voicebot.scoring.emotion.model import save
from voicebot.scoring.emotion.training import train

SMALL = {"embedding": 16, "hidden": 12, "filters": 10}
TEXTS = st.lists(st.lists(st.integers(1, 19), min_size=1, max_size=30), min_size=1, max_size=5)
WORDS = {
    "calm": "account balance number date transfer",
    "positive": "thanks great lovely happy wonderful",
    "anxious": "afraid worried nervous scared fear",
    "sad": "sad lost crying alone tears",
    "angry": "hate terrible ridiculous mad furious",
    "abusive": "idiot moron stupid scum fool",
}
SENTENCES = [
    Example((*("well", "this", word, "is", "it")[n : n + 4], word), label, f"{label} {word} {n}", "t")
    for label in CLASSES
    for word in WORDS[label].split()
    for n in (0, 1)
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def net(seed: int = 1) -> EmotionNet:
    torch.manual_seed(seed)
    return EmotionNet(20, [[2 + k] for k in range(6)], **SMALL).eval()


def test_shapes_at_every_step_as_the_specification_has_them() -> None:
    whole = EmotionNet(50, [[2, 3], [4], [5], [6], [7], [8]]).eval()
    tokens, lengths = batch([[2, 3, 4, 5, 6, 7, 8], [9]])
    context = whole.context(tokens, lengths)
    assert context.shape == (2, 7, 256)
    assert torch.all(context[1, 1:] == 0)
    beta = whole.attention(context, lengths)
    assert beta.shape == (2, 7)
    assert weighted(context, beta, lengths).shape == (2, 7, 256)
    assert whole(tokens, lengths).shape == (2, 6)
    assert whole.labels.shape == (6, 256)
    assert whole.label_logits().shape == (6, 6)
    assert [c.kernel_size[0] for c in whole.convolutions] == [3, 4, 5]
    assert whole.output.in_features == 300


def test_the_label_encoder_starts_from_the_words_of_the_labels() -> None:
    small = net()
    for k in range(6):
        alone = small.context(*batch([[2 + k]]))[0].mean(dim=0)
        assert torch.allclose(small.labels[k], alone, atol=1e-6)


def test_even_attention_leaves_the_context_as_it_is() -> None:
    context = torch.arange(12.0).reshape(1, 4, 3)
    lengths = torch.tensor([4])
    assert torch.equal(weighted(context, torch.full((1, 4), 0.25), lengths), context)


def test_attention_looks_where_a_label_is_met() -> None:
    small = net()
    with torch.no_grad():
        small.attention_kernel.copy_(torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0]]]))
        context = torch.zeros(1, 3, 24)
        context[0, 1] = small.labels[4]
        beta = small.attention(context, torch.tensor([3]))[0]
    e = torch.e
    assert beta.tolist() == pytest.approx([1 / (e + 2), e / (e + 2), 1 / (e + 2)], abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_attention_sums_to_one_over_a_text_and_is_nothing_behind_it(texts: list[list[int]]) -> None:
    small = net()
    tokens, lengths = batch(texts)
    beta = small.attention(small.context(tokens, lengths), lengths)
    assert beta.sum(dim=1).tolist() == pytest.approx([1.0] * len(texts), abs=1e-5)
    assert torch.all(beta[~mask(lengths, tokens.shape[1])] == 0)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_a_text_is_judged_alike_alone_and_beside_longer_ones(texts: list[list[int]]) -> None:
    small = net()
    with torch.no_grad():
        together = small(*batch(texts))
        alone = torch.cat([small(*batch([text])) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)


def test_texts_without_a_known_word_or_any_are_judged_too() -> None:
    found = NetworkClassifier(net(), [f"w{n}" for n in range(18)]).logits([(), ("never", "heard"), ("w1",) * 256])
    assert found.shape == (3, 6)
    assert np.all(np.isfinite(found))


@pytest.fixture(scope="module")
def learned() -> NetworkClassifier:
    learner = NetworkLearner(load_sources().labels, at_least=1, passes=40, patience=40, batch=8, rate=5e-3, sizes=SMALL)
    return learner.fit(SENTENCES, SENTENCES)


def test_sixty_sentences_are_learned(learned: NetworkClassifier) -> None:
    assert len(SENTENCES) == 60
    p = softmax(learned.logits([example.tokens for example in SENTENCES]))
    assert figures(p, indices([example.label for example in SENTENCES])).macro_f1 > 0.95
    unseen = [("that", "is", WORDS[label].split()[0]) for label in CLASSES]
    assert (softmax(learned.logits(unseen)).argmax(axis=1) == np.arange(6)).sum() >= 5


def test_the_same_seed_learns_the_same() -> None:
    learner = NetworkLearner(load_sources().labels, at_least=1, passes=2, sizes=SMALL)
    texts = [example.tokens for example in SENTENCES]
    first, second = (learner.fit(SENTENCES, SENTENCES).logits(texts) for _ in range(2))
    assert np.array_equal(first, second)


def test_it_comes_back_from_its_arrays_and_odd_ones_are_refused(learned: NetworkClassifier) -> None:
    texts = [example.tokens for example in SENTENCES]
    arrays = dict(learned.arrays())
    assert restore(arrays).logits(texts) == pytest.approx(learned.logits(texts), abs=1e-5)
    with pytest.raises(ModelError, match="no array 'words'"):
        restore({})
    with pytest.raises(ModelError, match="do not fit"):
        restore({**arrays, "net.output.bias": np.zeros(5, dtype=np.float32)})
    del arrays["net.labels"]
    with pytest.raises(ModelError, match="do not fit"):
        restore(arrays)


def test_a_network_is_trained_saved_and_loaded_like_the_linear_one(tmp_path: Path) -> None:
    learner = NetworkLearner(load_sources().labels, at_least=1, passes=15, patience=15, batch=8, rate=5e-3, sizes=SMALL)
    talk = [Example((*e.tokens, str(n)), e.label, f"{e.group} {n}", "t") for e in SENTENCES for n in (1, 2)]
    trained = train(talk, [learner], load_sources().source, folds=2, date="2026-11-22")
    save(tmp_path / "net.npz", trained.emotion)
    again = load_emotion(tmp_path / "net.npz")
    texts = [example.tokens for example in talk]
    assert again.description.kind == "network"
    assert again.probabilities(texts) == pytest.approx(trained.emotion.probabilities(texts), abs=0.02)
