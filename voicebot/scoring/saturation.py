"""S13 (document C): how busy a collector is, from 0 (free) to 100."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_cases import SaturationSettings
from voicebot.scoring.result import Result, Value

VERSION = "S13/1"

STEPS = {
    "m_D_p": "min(1, D_p/D_p_ref)",
    "m_N_p": "min(1, N_p/N_p_ref)",
    "m_D_o": "min(1, D_o/D_o_ref)",
    "m_N_o": "min(1, N_o/N_o_ref)",
    "a_t": "t_ref/(t_ref + t_fb); 0 without feedback",
    "S": "100*(w_d_p*m_D_p + w_n_p*m_N_p + w_d_o*m_D_o + w_n_o*m_N_o + w_t*a_t); without other contacts their weights"
    " go to the rest in proportion",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """A collector's window: minutes and number of telephone calls, minutes and number of other contacts, and the mean
    minutes until debtors gave feedback (None: nobody did)."""

    d_p: float = 0.0
    n_p: float = 0.0
    d_o: float = 0.0
    n_o: float = 0.0
    t_fb: float | None = None


@dataclass(frozen=True, slots=True)
class References:
    """What counts as full: minutes, calls, minutes, contacts."""

    d_p: float
    n_p: float
    d_o: float
    n_o: float


def references(peers: Sequence[Activity], settings: SaturationSettings) -> References:
    """The peers' quantile; the fixed targets while the peers are few, and where the quantile is 0."""
    fixed = References(settings.ref_d_p, settings.ref_n_p, settings.ref_d_o, settings.ref_n_o)
    if len(peers) < settings.min_peers:
        return fixed
    return References(
        _quantile([p.d_p for p in peers], settings.quantile) or fixed.d_p,
        _quantile([p.n_p for p in peers], settings.quantile) or fixed.n_p,
        _quantile([p.d_o for p in peers], settings.quantile) or fixed.d_o,
        _quantile([p.n_o for p in peers], settings.quantile) or fixed.n_o,
    )


def _quantile(values: Sequence[float], share: float) -> float:
    """Linear between the two nearest values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def saturation(activity: Activity, refs: References, settings: SaturationSettings) -> Result:
    """S of one collector. Raises ScoringError for what is negative, or a reference that is not positive."""
    measured = {"D_p": activity.d_p, "N_p": activity.n_p, "D_o": activity.d_o, "N_o": activity.n_o}
    full = {"D_p_ref": refs.d_p, "N_p_ref": refs.n_p, "D_o_ref": refs.d_o, "N_o_ref": refs.n_o}
    _check(measured, activity.t_fb, full)
    m = {name: min(1.0, value / full[f"{name}_ref"]) for name, value in measured.items()}
    t_ref = settings.t_ref
    a_t = 0.0 if activity.t_fb is None else t_ref / (t_ref + activity.t_fb)
    weights = {"D_p": settings.w_d_p, "N_p": settings.w_n_p, "D_o": settings.w_d_o, "N_o": settings.w_n_o}
    w_t, scale = settings.w_t, 1.0
    phone_only = activity.d_o == 0 and activity.n_o == 0
    if phone_only:
        scale = 1 / (1 - settings.w_d_o - settings.w_n_o)
        weights |= {"D_o": 0.0, "N_o": 0.0}
    s = 100 * scale * (math.fsum(weights[name] * value for name, value in m.items()) + w_t * a_t)
    inputs: dict[str, Value] = {**measured, "t_fb": activity.t_fb, **full, "t_ref": t_ref}
    values: dict[str, Value] = {f"m_{name}": value for name, value in m.items()}
    values |= {"a_t": a_t, "S": min(100.0, s)}
    reasons = ["no other method used: its weights go to the rest"] if phone_only else []
    if activity.t_fb is None:
        reasons.append("no feedback in the window")
    strongest = max(m, key=lambda name: (weights[name] * m[name], name))
    if m[strongest]:
        reasons.append(f"most from {strongest} ({m[strongest]:.0%} of its reference)")
    return Result("saturation", version(VERSION, settings), inputs, values, tuple(reasons))


def _check(measured: dict[str, float], t_fb: float | None, full: dict[str, float]) -> None:
    faults = [f"{name} is negative" for name, value in measured.items() if value < 0]
    faults += [f"{name} must be more than 0" for name, value in full.items() if value <= 0]
    if t_fb is not None and t_fb < 0:
        faults.append("t_fb is negative")
    if faults:
        raise ScoringError(
            "saturation: " + "; ".join(faults), hint="minutes and counts of the window, references over 0"
        )
