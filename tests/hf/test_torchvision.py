"""FCN, LPIPS and FID's Inception: torchvision's networks with random weights, where torchvision is installed.

Its wheel on the package index is built for CUDA: beside the CPU build of torch its compiled operators don't load, and
`import torchvision` stops at those that it describes. The networks here are plain torch and use none of them, so the
two are declared, without a body, and the rest is torchvision as it is.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gistchain.errors import ModelError, SettingError
from gistchain.models.transformers import FcnSegmenter, InceptionFeatures, Lpips
from tests.conformance.checks import check_features, check_perceptual, check_segmenter, shapes

MISSING = [name for name in ("torchvision", "lpips", "pytorch_fid") if importlib.util.find_spec(name) is None]
needs_torchvision = pytest.mark.skipif(bool(MISSING), reason=f"not installed in this environment: {MISSING}")
EVERY = [FcnSegmenter, Lpips, InceptionFeatures]


@pytest.fixture(scope="module")
def operators() -> torch.library.Library | None:
    """Declares what `import torchvision` looks for where its compiled half doesn't fit this torch."""
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None


@pytest.fixture(scope="module")
def fcn(operators: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision.models.segmentation import fcn_resnet50

    torch.manual_seed(0)
    network = fcn_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    with torch.no_grad():  # with logits of a few units the mask is neither all subject nor all background
        network.classifier[4].weight.mul_(2 / network.eval()(torch.rand(1, 3, 64, 64))["out"].std())
    return _saved(network.state_dict(), tmp_path_factory.mktemp("fcn") / "fcn_resnet50.safetensors")


@pytest.fixture(scope="module")
def alexnet(operators: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision.models import alexnet

    torch.manual_seed(0)
    state = {name: t for name, t in alexnet(weights=None).state_dict().items() if name.startswith("features.")}
    state["classifier.1.weight"] = torch.zeros(1)  # the real file has these too
    return _saved(state, tmp_path_factory.mktemp("alexnet") / "alexnet.safetensors")


@pytest.fixture(scope="module")
def inception(operators: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gistchain.models.transformers.evaluators import _inception

    fid = pytest.importorskip("pytorch_fid.inception")
    torch.manual_seed(0)
    network = _inception(fid)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return _saved(network.state_dict(), tmp_path_factory.mktemp("inception") / "inception.safetensors")


@pytest.mark.skipif("torchvision" not in MISSING, reason="torchvision is installed in this environment")
@pytest.mark.parametrize("made", EVERY)
def test_without_torchvision_the_error_says_so(made: Callable[[str], object], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="needs torchvision: pip install torchvision"):
        made(str(tmp_path))


@needs_torchvision
def test_a_torchvision_that_does_not_fit_is_told(operators: torch.library.Library | None) -> None:
    if operators is None:
        pytest.skip("this torchvision fits this torch")
    code = "from gistchain.models.transformers import FcnSegmenter; FcnSegmenter('fcn_resnet50')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModelError: segmenter 'fcn' needs torchvision.models.segmentation, which can't be loaded" in done.stderr


@needs_torchvision
def test_fcn_is_a_segmenter(fcn: Path) -> None:
    segmenter = FcnSegmenter(str(fcn), side=64)
    check_segmenter(segmenter)
    assert segmenter.mask(shapes(1)).std() > 0.001
    check = FcnSegmenter(str(fcn.parent), side=64)  # the folder
    np.testing.assert_array_equal(check.mask(shapes(1)), segmenter.mask(shapes(1)))


@needs_torchvision
def test_lpips_is_a_perceptual_distance(alexnet: Path) -> None:
    check_perceptual(Lpips(str(alexnet)))


@needs_torchvision
def test_lpips_is_what_the_package_says(alexnet: Path) -> None:
    import lpips
    from safetensors.torch import load_file

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls torchvision by its old arguments
        own = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    tensors = load_file(alexnet)
    with torch.no_grad():
        for name, weights in own.net.named_parameters():
            weights.copy_(tensors["features." + name.split(".", 1)[1]])
        a, b = (torch.from_numpy(shapes(k).transpose(2, 0, 1)[None] / 127.5 - 1).float() for k in (1, 2))
        expected = float(own(a, b))
    assert Lpips(str(alexnet)).distance(shapes(1), shapes(2)) == pytest.approx(expected, rel=1e-4)
    assert expected > 0.01


@needs_torchvision
def test_lpips_has_two_trunks(alexnet: Path) -> None:
    with pytest.raises(SettingError, match="no net 'resnet'"):
        Lpips(str(alexnet), net="resnet")
    with pytest.raises(ModelError, match="another network"):
        Lpips(str(alexnet), net="vgg")


@needs_torchvision
def test_inception_extracts_features(inception: Path) -> None:
    extractor = InceptionFeatures(str(inception), batch=3)
    check_features(extractor)
    assert extractor.features([shapes(1)]).shape == (1, 2048)


@needs_torchvision
def test_features_are_those_of_pytorch_fid(inception: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own class, which would download the weights, is given ours."""
    from pytorch_fid import inception as fid
    from safetensors.torch import load_file

    monkeypatch.setattr(fid, "load_state_dict_from_url", lambda *_, **__: load_file(inception))
    own = fid.InceptionV3([fid.InceptionV3.BLOCK_INDEX_BY_DIM[2048]]).eval()
    seen = torch.from_numpy(shapes(1).transpose(2, 0, 1)[None] / np.float32(255))
    with torch.no_grad():
        expected = own(seen)[0][0, :, 0, 0].numpy()
    np.testing.assert_allclose(
        InceptionFeatures(str(inception)).features([shapes(1)])[0], expected, rtol=2e-3, atol=2e-3
    )


@needs_torchvision
def test_weights_of_another_network_are_refused(fcn: Path, alexnet: Path, inception: Path) -> None:
    with pytest.raises(ModelError, match="no FCN"):
        FcnSegmenter(str(alexnet))
    with pytest.raises(ModelError, match="another network"):
        Lpips(str(fcn))
    with pytest.raises(ModelError, match="another network"):
        InceptionFeatures(str(alexnet))


@needs_torchvision
@pytest.mark.parametrize("made", EVERY)
def test_missing_and_pickled_weights_are_refused(
    operators: object, made: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    with pytest.raises(ModelError, match="0 files of weights"):
        made(str(tmp_path))
    with pytest.raises(ModelError, match="there is no file"):
        made(str(tmp_path / "weights.safetensors"))
    with pytest.raises(ModelError, match=r"not fetched before.*--allow-download"):
        made("a-name")
    pickled = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, pickled)
    with pytest.raises(ModelError, match="pickled"):
        made(str(pickled))
    cut = tmp_path / "cut.safetensors"
    save_file({"a": torch.zeros(10)}, cut)
    cut.write_bytes(cut.read_bytes()[:-4])
    with pytest.raises(ModelError, match="fetch it again"):
        made(str(cut))


@needs_torchvision
@pytest.mark.parametrize("made", EVERY)
def test_dtypes_and_devices_that_cannot_be_are_refused(operators: object, made: Callable[..., object]) -> None:
    with pytest.raises(SettingError, match="float16 is for GPUs"):
        made("a-name", dtype="float16")
    with pytest.raises(SettingError, match="choose cpu"):
        made("a-name", device="toaster")


@needs_torchvision
def test_pickled_weights_are_read_as_tensors_only_where_allowed(alexnet: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    pickled = tmp_path / "alexnet.pth"
    torch.save(load_file(alexnet), pickled)
    allowed = Lpips(str(pickled), allow_pickle=True).distance(shapes(1), shapes(2))
    assert allowed == Lpips(str(alexnet)).distance(shapes(1), shapes(2))
    torch.save({"features.0.weight": Path}, pickled)  # a class is code, not a tensor
    with pytest.raises(ModelError, match="can't be loaded"):
        Lpips(str(pickled), allow_pickle=True)


def _saved(state: dict[str, torch.Tensor], path: Path) -> Path:
    save_file({name: t.contiguous() for name, t in state.items()}, path)
    return path
