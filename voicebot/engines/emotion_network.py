"""Training the network of document C, and judging with it. Deterministic for a seed; one thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from voicebot.engines.emotion_net import PAD, UNKNOWN, EmotionNet
from voicebot.errors import ModelError
from voicebot.scoring.emotion.data import CLASSES, Example
from voicebot.scoring.emotion.figures import Floats, figures, indices, softmax
from voicebot.scoring.emotion.model import Arrays, words_array, words_of

KIND = "network"
_AT_ONCE = 256
_AGAIN = "make it again: voicebot score train-emotion"


class NetworkClassifier:
    """See voicebot.scoring.emotion.model.Classifier. `words`: the vocabulary, the first has number 2."""

    kind = KIND

    def __init__(self, net: EmotionNet, words: Sequence[str]) -> None:
        self._net = net.eval()
        self._words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(words, UNKNOWN + 1)}

    def logits(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """See Classifier."""
        found = np.zeros((len(texts), len(CLASSES)))
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        with torch.no_grad():
            for start in range(0, len(order), _AT_ONCE):
                places = order[start : start + _AT_ONCE]
                found[places] = self._net(*batch([numbers(texts[i], self._numbers) for i in places])).double().numpy()
        return found

    def arrays(self) -> Arrays:
        """See Classifier."""
        weights = {f"net.{name}": value.detach().numpy() for name, value in self._net.state_dict().items()}
        return {"words": words_array(self._words), **weights}


@dataclass(frozen=True, slots=True)
class NetworkLearner:
    """`labels`: by class, the words the label encoder starts from. The rest as the specification has it; `patience`:
    passes without a better macro-F1 that it forgives."""

    labels: Mapping[str, Sequence[str]]
    vocabulary: int = 20_000
    at_least: int = 2
    passes: int = 6
    patience: int = 1
    batch: int = 64
    rate: float = 1e-3
    regulariser: float = 0.1
    seed: int = 1
    sizes: Mapping[str, int] = field(default_factory=dict)
    kind: str = KIND

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> NetworkClassifier:
        """See Learner. Rare classes weigh more, by the square root of their rarity."""
        torch.manual_seed(self.seed)
        words = self._vocabulary(train)
        known = {word: number for number, word in enumerate(words, UNKNOWN + 1)}
        labels = [[known[word] for word in self.labels[name] if word in known] or [UNKNOWN] for name in CLASSES]
        net = EmotionNet(len(words) + UNKNOWN + 1, labels, **self.sizes)
        optimizer = torch.optim.Adam(net.parameters(), lr=self.rate)
        texts = [numbers(example.tokens, known) for example in train]
        truth = torch.from_numpy(indices([example.label for example in train]))
        weights = _balance(truth)
        best, kept, since = -1.0, net.state_dict(), 0
        for number in range(self.passes):
            self._pass(net, optimizer, texts, truth, weights, number)
            value = _macro_f1(NetworkClassifier(net, words), dev)
            if value > best:
                best, since = value, 0
                kept = {name: tensor.clone() for name, tensor in net.state_dict().items()}
            else:
                since += 1
                if since > self.patience:
                    break
        net.load_state_dict(kept)
        return NetworkClassifier(net, words)

    def _vocabulary(self, train: Sequence[Example]) -> list[str]:
        counts = Counter(word for example in train for word in example.tokens)
        return [word for word, n in counts.most_common(self.vocabulary) if n >= self.at_least]

    def _pass(
        self,
        net: EmotionNet,
        optimizer: torch.optim.Optimizer,
        texts: list[list[int]],
        truth: Tensor,
        weights: Tensor,
        number: int,
    ) -> None:
        """Once over the examples; batches of texts alike in length, in a random order."""
        net.train()
        chance = torch.Generator().manual_seed(self.seed * 1000 + number)
        blur = torch.rand(len(texts), generator=chance)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]) + 3 * float(blur[i]))
        batches = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        own = torch.arange(len(CLASSES))
        for place in torch.randperm(len(batches), generator=chance).tolist():
            places = batches[place]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(*batch([texts[i] for i in places])), truth[places], weights)
            loss = loss + self.regulariser * nn.functional.cross_entropy(net.label_logits(), own)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def restore(arrays: Arrays) -> NetworkClassifier:
    """From a model file's arrays. Raises ModelError where they do not fit together."""
    if "words" not in arrays:
        raise ModelError("model of emotion: no array 'words'", hint=_AGAIN)
    words = words_of(arrays["words"])
    state = {n.removeprefix("net."): torch.from_numpy(a.copy()) for n, a in arrays.items() if n.startswith("net.")}
    try:
        sizes = {
            "embedding": state["embedding.weight"].shape[1],
            "hidden": state["gru.weight_hh_l0"].shape[1],
            "filters": state["convolutions.0.weight"].shape[0],
            "attention_width": state["attention_kernel"].shape[2],
        }
        net = EmotionNet(len(words) + UNKNOWN + 1, [[UNKNOWN]] * len(CLASSES), **sizes)
        net.load_state_dict(state)
    except (KeyError, IndexError, RuntimeError) as error:
        raise ModelError(f"model of emotion: its arrays do not fit ({error})", hint=_AGAIN) from None
    return NetworkClassifier(net, words)


def numbers(text: Sequence[str], known: Mapping[str, int]) -> list[int]:
    """A text as numbers; a text without a word is one unknown word."""
    return [known.get(word, UNKNOWN) for word in text] or [UNKNOWN]


def batch(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(tokens (B, L), lengths (B))."""
    lengths = torch.tensor([len(text) for text in texts])
    tokens = torch.full((len(texts), int(lengths.max())), PAD)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = torch.tensor(text)
    return tokens, lengths


def _balance(truth: Tensor) -> Tensor:
    counts = torch.bincount(truth, minlength=len(CLASSES)).clamp(min=1)
    weights = (len(truth) / (len(CLASSES) * counts.float())).sqrt()
    return weights * len(truth) / weights[truth].sum()


def _macro_f1(classifier: NetworkClassifier, dev: Sequence[Example]) -> float:
    p = softmax(classifier.logits([example.tokens for example in dev]))
    return figures(p, indices([example.label for example in dev])).macro_f1
