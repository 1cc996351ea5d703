"""The network CAM++ (Wang, Zheng, Chen, Cheng, Chen: "CAM++", Interspeech 2023), for use, not for training.

A small residual network over (time, frequency) sees the features first, then three blocks of densely joined time-delay
layers, each with a mask made of the segment's and the whole utterance's mean ("context-aware masking"), then mean and
standard deviation over time. Parts are named as in the published checkpoint, so that it loads strictly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MELS = 80
DIMENSION = 192
_CHANNELS = 32  # of the residual network; also what each dense layer adds
_BOTTLENECK = 128
#: layers and dilation of each dense block
_BLOCKS = ((12, 1), (24, 2), (16, 2))
#: Steps (20 ms each) of a segment that the mask looks at.
_SEGMENT = 100


def _norm(channels: int, *, affine: bool = True, relu: bool = True) -> nn.Sequential:
    steps = nn.Sequential()
    steps.add_module("batchnorm", nn.BatchNorm1d(channels, affine=affine))
    if relu:
        steps.add_module("relu", nn.ReLU())
    return steps


class _Residual(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_CHANNELS, _CHANNELS, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_CHANNELS)
        self.conv2 = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(_CHANNELS)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(_CHANNELS, _CHANNELS, 1, stride=(stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(_CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class _Head(nn.Module):
    """(batch, mels, time) to (batch, channels * mels / 8, time)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _CHANNELS, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_CHANNELS)
        self.layer1 = nn.Sequential(_Residual(2), _Residual(1))
        self.layer2 = nn.Sequential(_Residual(2), _Residual(1))
        self.conv2 = nn.Conv2d(_CHANNELS, _CHANNELS, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x.unsqueeze(1))))
        y = self.layer2(self.layer1(y))
        return functional.relu(self.bn2(self.conv2(y))).flatten(1, 2)


class _First(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, _BOTTLENECK, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _norm(_BOTTLENECK)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinear(self.linear(x))
        return y


class _Masked(nn.Module):
    """A time-delay layer whose channels are weighed by the context: segment mean plus utterance mean."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_BOTTLENECK, _CHANNELS, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        # The mask is the same within a segment: computed once per segment, then repeated.
        segments = functional.avg_pool1d(x, _SEGMENT, _SEGMENT, ceil_mode=True)
        context = functional.relu(self.linear1(x.mean(-1, keepdim=True) + segments))
        mask = torch.sigmoid(self.linear2(context))
        y: Tensor = self.linear_local(x)
        return y * mask.repeat_interleave(_SEGMENT, dim=-1)[..., : x.shape[-1]]


class _Dense(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _norm(channels)
        self.linear1 = nn.Conv1d(channels, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _norm(_BOTTLENECK)
        self.cam_layer = _Masked(dilation)

    def forward(self, x: Tensor) -> Tensor:
        added = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return torch.cat((x, added), dim=1)


class _Halve(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = _norm(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(self.nonlinear(x))
        return y


class _Last(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, DIMENSION, 1, bias=False)
        self.nonlinear = _norm(DIMENSION, affine=False, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = x.mean(-1), x.std(-1, unbiased=True)
        y: Tensor = self.nonlinear(self.linear(torch.cat((mean, deviation), dim=-1).unsqueeze(-1)).squeeze(-1))
        return y


class CampPlus(nn.Module):
    """Features (batch, time, 80), each utterance's mean taken off, to embeddings (batch, 192), not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Head()
        self.xvector = nn.Sequential()
        self.xvector.add_module("tdnn", _First(_CHANNELS * MELS // 8))
        channels = _BOTTLENECK
        for number, (layers, dilation) in enumerate(_BLOCKS, 1):
            self.xvector.add_module(f"block{number}", _block(channels, layers, dilation))
            channels += layers * _CHANNELS
            self.xvector.add_module(f"transit{number}", _Halve(channels))
            channels //= 2
        self.xvector.add_module("out_nonlinear", _norm(channels))
        self.xvector.add_module("dense", _Last(2 * channels))

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        y: Tensor = self.xvector(self.head(features.transpose(1, 2)))
        return y


def _block(channels: int, layers: int, dilation: int) -> nn.Sequential:
    steps = nn.Sequential()
    for number in range(layers):
        steps.add_module(f"tdnnd{number + 1}", _Dense(channels + number * _CHANNELS, dilation))
    return steps
