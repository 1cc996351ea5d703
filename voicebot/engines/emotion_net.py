"""The network of document C (S12b): BiGRU, label encoder, attention by labels, CNN. See docs/scoring.md.

Attention by labels is that of LEAM (Wang et al. 2018, "Joint Embedding of Words and Labels for Text Classification",
ACL, P18-1216). B: texts, L: tokens of the longest, K: classes, D: embedding, H: width of the context (both ways).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, UNKNOWN = 0, 1
_WIDTHS = (3, 4, 5)


class EmotionNet(nn.Module):
    """`words`: size of the vocabulary with PAD and UNKNOWN; `label_words`: by class, the tokens (int) it starts from.

    A text's scores do not depend on what else is in the batch: what is padding is masked at every step.
    """

    def __init__(
        self,
        words: int,
        label_words: list[list[int]],
        *,
        embedding: int = 128,
        hidden: int = 128,
        filters: int = 100,
        attention_width: int = 5,
        word_dropout: float = 0.3,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0
        self.gru = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.attention_kernel = nn.Parameter(torch.full((1, 1, attention_width), 1 / attention_width))
        self.attention_bias = nn.Parameter(torch.zeros(len(label_words)))
        self.convolutions = nn.ModuleList(nn.Conv1d(2 * hidden, filters, width) for width in _WIDTHS)
        self.word_dropout = nn.Dropout(word_dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(filters * len(_WIDTHS), len(label_words))
        self.labels = nn.Parameter(self._labels(label_words))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """tokens (B, L) int64, PAD behind each text; lengths (B) int64, at least 1 -> logits (B, K)."""
        context = self.context(tokens, lengths)
        beta = self.attention(context, lengths)
        return self.classify(weighted(context, beta, lengths), lengths)

    def context(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Context vectors (B, L, H) of the BiGRU; zero behind a text."""
        vectors = self.word_dropout(self.embedding(tokens))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        unpacked: Tensor = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=tokens.shape[1])[0]
        return unpacked

    def attention(self, context: Tensor, lengths: Tensor) -> Tensor:
        """beta (B, L): sums to 1 over a text, zero behind it. cos(labels, context), a convolution over the tokens,
        ReLU, the largest of the labels, softmax over the tokens."""
        cosine = torch.einsum("kh,blh->bkl", unit(self.labels), unit(context))
        b, k, n = cosine.shape
        half = self.attention_kernel.shape[-1] // 2
        near = nn.functional.conv1d(cosine.reshape(b * k, 1, n), self.attention_kernel, padding=half)
        score = torch.relu(near.reshape(b, k, n) + self.attention_bias[None, :, None]).amax(dim=1)
        return score.masked_fill(~mask(lengths, n), float("-inf")).softmax(dim=1)

    def classify(self, features: Tensor, lengths: Tensor) -> Tensor:
        """CNN and output: features (B, L, H), zero behind a text -> logits (B, K)."""
        turned = features.transpose(1, 2)
        there = mask(lengths, features.shape[1])[:, None, :]
        pooled = []
        for convolution, width in zip(self.convolutions, _WIDTHS, strict=True):
            padded = nn.functional.pad(turned, ((width - 1) // 2, width // 2))
            pooled.append((torch.relu(convolution(padded)) * there).amax(dim=2))  # ReLU: a masked 0 never wins
        logits: Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return logits

    def label_logits(self) -> Tensor:
        """(K, K): each label's own vector as a text of one token; the regulariser wants it told as that label."""
        return self.classify(self.labels[:, None, :], torch.ones(len(self.labels), dtype=torch.int64))

    @torch.no_grad()
    def _labels(self, label_words: list[list[int]]) -> Tensor:
        """(K, H): the mean context vector of the words that name each label."""
        self.eval()
        found = [
            self.context(torch.tensor([words]), torch.tensor([len(words)]))[0].mean(dim=0) for words in label_words
        ]
        self.train()
        return torch.stack(found)


def mask(lengths: Tensor, longest: int) -> Tensor:
    """(B, L): true on a text's own tokens."""
    return torch.arange(longest)[None, :] < lengths[:, None]


def weighted(context: Tensor, beta: Tensor, lengths: Tensor) -> Tensor:
    """Z_t = L beta_t H_t: even attention leaves the context as it is, however long the text."""
    return lengths[:, None, None] * beta[:, :, None] * context


def unit(vectors: Tensor) -> Tensor:
    """Vectors of length one; a zero stays zero."""
    return nn.functional.normalize(vectors, dim=-1)
