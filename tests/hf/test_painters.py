"""Stable Diffusion's pipeline with tiny random parts: from text, from a latent, with LoRAs, with an image prompt."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from gistchain.errors import ModelError, RebuildError, SettingError
from gistchain.models.diffusers import ImageToImage, IpAdapter, SdVae, TextToImage
from gistchain.types import Gist, Latent, Pixels, Subject
from tests.conformance.checks import check_painter, shapes
from tests.hf import checkpoints

GIST = Gist(("a red ball on a green meadow",), (64, 48))
STEPS = 4


@pytest.fixture(scope="module")
def sd(folder: Callable[[str], Path]) -> str:
    return str(folder("stable-diffusion"))


@pytest.fixture(scope="module")
def unet(sd: str) -> Callable[[], diffusers.UNet2DConditionModel]:
    return lambda: diffusers.UNet2DConditionModel.from_pretrained(sd, subfolder="unet")


@pytest.fixture(scope="module")
def plain(sd: str) -> TextToImage:
    return TextToImage(sd, steps=STEPS)


@pytest.fixture(scope="module")
def img2img(sd: str) -> ImageToImage:
    return ImageToImage(sd, steps=STEPS)


@pytest.fixture(scope="module")
def lora(unet: Callable[[], diffusers.UNet2DConditionModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = checkpoints.lora(tmp_path_factory.mktemp("lora"), unet())
    return file.rename(file.with_name("azuki.safetensors"))


@pytest.fixture(scope="module")
def adapter(unet: Callable[[], diffusers.UNet2DConditionModel], tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(checkpoints.ip_adapter(tmp_path_factory.mktemp("adapter"), unet()))


def test_text_to_image_is_a_painter(plain: TextToImage) -> None:
    check_painter(plain, GIST)


def test_any_pipeline_from_text_to_images_will_do(folder: Callable[[str], Path]) -> None:
    source = str(folder("stable-diffusion-xl"))
    painter = ImageToImage(source, steps=3)
    check_painter(painter, GIST)
    check_painter(painter, replace(GIST, latent=painter.coder.encode(shapes(3, GIST.size), 2048)))
    with pytest.raises(RebuildError, match="StableDiffusionXLPipeline can't"):
        painter.paint(Gist(("a (red:1.2) ball",), GIST.size), [1])


def test_a_pipeline_that_paints_from_no_text_is_refused(sd: str, tmp_path: Path) -> None:
    parts = {"unet": diffusers.UNet2DModel(sample_size=8, block_out_channels=(8, 8), layers_per_block=1,
                                           norm_num_groups=4, down_block_types=("DownBlock2D",) * 2,
                                           up_block_types=("UpBlock2D",) * 2)}  # fmt: skip
    diffusers.DDPMPipeline(**parts, scheduler=diffusers.DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is a DDPMPipeline"):
        TextToImage(str(tmp_path))


def test_the_picture_is_the_pipelines_own(sd: str, plain: TextToImage) -> None:
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(sd, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    own = pipe(GIST.captions[0], num_inference_steps=STEPS, guidance_scale=7.5, width=64, height=64,
               generator=torch.Generator("cpu").manual_seed(5)).images[0]  # fmt: skip
    assert (np.asarray(own) == plain.paint(replace(GIST, size=(64, 64)), [5])[0]).all()


def test_seeds_and_captions_make_different_pictures(plain: TextToImage) -> None:
    first, second = plain.paint(GIST, [1, 2])
    other = plain.paint(Gist(("two ships at sea",), GIST.size), [1])[0]
    assert _apart(first, second) > 1
    assert (first != other).any()


def test_several_captions_are_joined(plain: TextToImage) -> None:
    joined = plain.paint(Gist(("a red ball. a dog",), GIST.size), [1])[0]
    assert (plain.paint(Gist(("a red ball.", "a dog"), GIST.size), [1])[0] == joined).all()
    with pytest.raises(RebuildError, match="no caption"):
        plain.paint(Gist((), GIST.size), [1])


def test_a_batch_of_seeds_paints_what_single_seeds_paint(sd: str, plain: TextToImage) -> None:
    for alone, together in zip(
        plain.paint(GIST, [1, 2, 3]), TextToImage(sd, steps=STEPS, batch=2).paint(GIST, [1, 2, 3]), strict=True
    ):
        assert _apart(alone, together) < 0.1


def test_a_batch_of_seeds_starts_from_the_latent_too(sd: str, img2img: ImageToImage) -> None:
    gist = replace(GIST, latent=img2img.coder.encode(shapes(3, GIST.size), 2048))
    batch = ImageToImage(sd, steps=STEPS, batch=3).paint(gist, [1, 2, 3], 0.5)
    for alone, together in zip(img2img.paint(gist, [1, 2, 3], 0.5), batch, strict=True):
        assert _apart(alone, together) < 0.1


def test_weights_of_words_change_the_picture_and_weight_one_does_not(plain: TextToImage) -> None:
    bare = plain.paint(Gist(("a red ball",), GIST.size), [1])[0]
    assert (plain.paint(Gist(("a (red:1.0) ball",), GIST.size), [1])[0] == bare).all()
    assert (plain.paint(Gist(("a (red:1.6) ball",), GIST.size), [1])[0] != bare).any()


def test_words_beyond_the_77th_token_count_too(plain: TextToImage) -> None:
    long = "ball " * 90
    first, second = (plain.paint(Gist((long + end,), GIST.size), [1])[0] for end in ("dog", "ship"))
    assert (first != second).any()


def test_a_lora_changes_the_picture_and_a_scale_of_zero_does_not(sd: str, plain: TextToImage, lora: Path) -> None:
    bare = plain.paint(GIST, [1])[0]
    full, half, none = (
        TextToImage(sd, steps=STEPS, lora=str(lora), lora_scale=scale).paint(GIST, [1])[0] for scale in (1.0, 0.5, 0.0)
    )
    assert (none == bare).all()
    assert _apart(full, bare) > 0.5
    assert (half != full).any()
    assert (half != bare).any()


def test_a_caption_turns_loras_on_by_name(sd: str, plain: TextToImage, lora: Path) -> None:
    painter = TextToImage(sd, steps=STEPS, lora=str(lora), lora_scale=0.0)
    on = painter.paint(Gist((GIST.captions[0] + ", <lora:azuki:1>",), GIST.size), [1])[0]
    assert (on == TextToImage(sd, steps=STEPS, lora=[str(lora)]).paint(GIST, [1])[0]).all()
    assert (painter.paint(GIST, [1])[0] == plain.paint(GIST, [1])[0]).all(), "it stayed on"
    with pytest.raises(RebuildError, match="asks for the LoRA 'bayc'; given are azuki"):
        painter.paint(Gist(("a dog <lora:bayc:1>",), GIST.size), [1])


def test_what_is_no_lora_of_this_model_is_refused(sd: str, lora: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        TextToImage(sd, lora=str(tmp_path / "nothing" / "here.safetensors"))
    with pytest.raises(ModelError, match=r"no LoRA|can't be loaded"):
        TextToImage(sd, lora=str(Path(sd) / "vae" / "diffusion_pytorch_model.safetensors"))
    pickled = tmp_path / "lora.bin"
    torch.save({"a": torch.zeros(1)}, pickled)
    with pytest.raises(ModelError, match="pickled"):
        TextToImage(sd, lora=str(pickled))
    with pytest.raises(SettingError, match="two LoRAs are called 'azuki'"):
        TextToImage(sd, lora=[str(lora), str(lora)])


def test_image_to_image_is_a_painter(img2img: ImageToImage) -> None:
    check_painter(img2img, replace(GIST, latent=img2img.coder.encode(shapes(3, GIST.size), 2048)))


def test_no_steps_are_the_plain_autoencoder_and_all_steps_are_text_to_image(
    sd: str, plain: TextToImage, img2img: ImageToImage
) -> None:
    latent = SdVae(sd).encode(shapes(3, GIST.size), 2048)
    gist = replace(GIST, latent=latent)
    decoded = SdVae(sd).decode(latent, GIST.size)
    assert (img2img.paint(gist, [1], strength=0.0)[0] == decoded).all()
    assert (img2img.paint(gist, [1], strength=0.1)[0] == decoded).all(), "less than half a step"
    between = [img2img.paint(gist, [1], strength=s)[0] for s in (0.25, 0.5, 0.75)]
    assert (img2img.paint(gist, [1], strength=1.0)[0] == plain.paint(gist, [1])[0]).all()
    assert (img2img.paint(replace(gist, latent=None), [1], strength=0.5)[0] == plain.paint(gist, [1])[0]).all()
    # The further noise is added, the further it is from the latent.
    away = [_apart(image, decoded) for image in between]
    assert 0 < away[0] < away[-1]


def test_a_latent_of_the_painted_size_is_taken_as_it_is_and_a_smaller_one_is_enlarged(img2img: ImageToImage) -> None:
    latent = img2img.coder.encode(shapes(3, (64, 64)), 2048)
    values = img2img.coder.values(latent)
    assert values.shape == (4, 8, 8)
    assert (img2img._on_canvas(values, (64, 64)) == values).all()
    assert img2img._on_canvas(values, (300, 200)).shape == (4, 6, 10)


def test_a_latent_needs_no_caption(img2img: ImageToImage) -> None:
    latent = img2img.coder.encode(shapes(3, GIST.size), 2048)
    assert img2img.paint(Gist((), GIST.size, latent=latent), [1], 0.5)[0].shape == (48, 64, 3)
    with pytest.raises(RebuildError, match="no caption"):
        img2img.paint(Gist((), GIST.size, latent=latent), [1], 1.0)


def test_an_image_without_pixels_is_refused(plain: TextToImage) -> None:
    with pytest.raises(RebuildError, match="0 x 5"):
        plain.paint(Gist(("a dog",), (0, 5)), [1])


def test_the_latent_steers_the_picture(img2img: ImageToImage) -> None:
    one, other = (
        img2img.paint(replace(GIST, latent=img2img.coder.encode(shapes(k, GIST.size), 2048)), [1], 0.5)[0]
        for k in (3, 4)
    )
    assert _apart(one, other) > 0.5


def test_image_to_image_goes_as_many_steps_as_strength_says(img2img: ImageToImage) -> None:
    calls: list[int] = []
    hook = img2img._pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    gist = replace(GIST, latent=img2img.coder.encode(shapes(3, GIST.size), 2048))
    counts = []
    for strength in (0.25, 0.5, 0.75):
        calls.clear()
        img2img.paint(gist, [1], strength)
        counts.append(len(calls))
    hook.remove()
    # PNDM takes its first step twice.
    assert [b - a for a, b in itertools.pairwise(counts)] == [1, 1]


def test_a_latent_of_another_coder_is_refused(img2img: ImageToImage) -> None:
    with pytest.raises(RebuildError, match="'thumb8'"):
        img2img.paint(replace(GIST, latent=Latent("thumb8", bytes(192))), [1], 0.5)


def test_ip_adapter_is_a_painter(sd: str, adapter: str) -> None:
    check_painter(IpAdapter(sd, adapter=adapter, steps=STEPS), replace(GIST, subject=_subject(1)))


def test_ip_adapter_with_lambda_zero_is_plain_text_to_image(sd: str, adapter: str, plain: TextToImage) -> None:
    without = plain.paint(GIST, [1, 2])
    for painter, gist in (
        (IpAdapter(sd, adapter=adapter, steps=STEPS, scale=0.0), replace(GIST, subject=_subject(1))),
        (IpAdapter(sd, adapter=adapter, steps=STEPS, scale=0.8), GIST),
    ):
        assert all((a == b).all() for a, b in zip(painter.paint(gist, [1, 2]), without, strict=True))


def test_ip_adapter_looks_at_the_subject(sd: str, adapter: str, plain: TextToImage) -> None:
    painter = IpAdapter(sd, adapter=adapter, steps=STEPS, scale=0.8)
    one, other = (painter.paint(replace(GIST, subject=_subject(k)), [1])[0] for k in (1, 2))
    assert (one != other).any()
    assert _apart(one, plain.paint(GIST, [1])[0]) > 0.5


@pytest.mark.parametrize("captions", [(), ("",), (" ", "\n")])
def test_ip_adapter_paints_a_gist_without_words_from_its_subject(
    captions: tuple[str, ...], sd: str, adapter: str, plain: TextToImage
) -> None:
    painter = IpAdapter(sd, adapter=adapter, steps=STEPS, scale=0.8)
    one, other = (Gist(captions, (64, 64), subject=_subject(k)) for k in (1, 2))
    painted = painter.paint(one, [1])[0]
    assert (painted != painter.paint(other, [1])[0]).any()
    own = painter._pipe(
        "", ip_adapter_image=Image.fromarray(shapes(1, (40, 30))), num_inference_steps=STEPS, width=64, height=64,
        generator=torch.Generator("cpu").manual_seed(1),
    ).images[0]  # fmt: skip
    assert (np.asarray(own) == painted).all()
    for gist in (Gist(captions, GIST.size), one):
        with pytest.raises(RebuildError, match=r"no caption to paint from, and no subject that counts \(scale 0\)"):
            IpAdapter(sd, adapter=adapter, steps=STEPS, scale=0).paint(gist, [1])
    with pytest.raises(RebuildError, match=r"no subject that counts \(scale 0\.8\): give it either"):
        painter.paint(Gist(captions, GIST.size), [1])
    with pytest.raises(RebuildError, match="no caption"):
        plain.paint(one, [1])


@pytest.mark.parametrize("scale", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_lambda_that_is_no_share_is_refused(scale: float, sd: str, adapter: str) -> None:
    with pytest.raises(SettingError, match=f"scale of painter 'ip-adapter' is {scale}: give a number from 0"):
        IpAdapter(sd, adapter=adapter, scale=scale)


def test_the_ends_of_lambda_are_accepted(sd: str, adapter: str) -> None:
    whole, half = (IpAdapter(sd, adapter=adapter, steps=STEPS, scale=scale) for scale in (1.0, 0.5))
    gist = replace(GIST, subject=_subject(1))
    assert (whole.paint(gist, [1])[0] != half.paint(gist, [1])[0]).any()


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(40), b"RIFF\0\0\0\0WEBPVP8 "])
def test_a_subject_that_is_no_image_is_refused(sd: str, adapter: str, data: bytes) -> None:
    painter = IpAdapter(sd, adapter=adapter, steps=1)
    with pytest.raises(RebuildError, match="subject"):
        painter.paint(replace(GIST, subject=Subject("image/png", data, (0, 0, 8, 8))), [1])


def test_a_subject_that_would_not_fit_the_memory_is_refused(sd: str, adapter: str) -> None:
    painter = IpAdapter(sd, adapter=adapter, steps=1)
    for side in (5_000, 10_000, 14_000):
        bomb = io.BytesIO()
        Image.new("1", (side, side)).save(bomb, "PNG")
        with pytest.raises(RebuildError, match="subject"):
            painter.paint(replace(GIST, subject=Subject("image/png", bomb.getvalue(), (0, 0, 8, 8))), [1])


def test_an_adapter_without_its_parts_is_refused(sd: str, adapter: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"can't be loaded|neither a folder"):
        IpAdapter(sd, adapter=str(tmp_path))
    with pytest.raises(ModelError, match="pickled"):
        IpAdapter(sd, adapter=adapter, weight_name="ip-adapter_sd15.bin")


def _subject(seed: int) -> Subject:
    file = io.BytesIO()
    Image.fromarray(shapes(seed, (40, 30))).save(file, "PNG")
    return Subject("image/png", file.getvalue(), (0, 0, 8, 8))


def _apart(a: Pixels, b: Pixels) -> float:
    """Mean difference of the levels, 0..255."""
    return float(abs(a.astype(float) - b).mean())


def test_numbers_that_arrived_are_decoded_denoised_or_ignored(img2img: ImageToImage, plain: TextToImage) -> None:
    """S2.2: 0 steps are the plain decoder, all steps start from noise, and between them the latent is what is kept."""
    gist = Gist(GIST.captions, (64, 64))
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    count = img2img.count(gist, 4 * 64 * 64)
    numbers = img2img.numbers(image, gist, 4 * 64 * 64)
    assert numbers.shape == (count,)
    side = round((count / 4) ** 0.5)
    values = numbers.reshape(4, side, side)
    assert img2img.count(gist, 3) == 0

    def made(strength: float | None, noise: float = 0.0) -> Pixels:
        return img2img.from_numbers(numbers, noise, gist, 3, strength)

    decoded = np.asarray(Image.fromarray(img2img.space.pixels_of(values)).resize((64, 64), Image.Resampling.LANCZOS))
    assert np.array_equal(made(0.0), decoded)
    assert np.array_equal(made(None), decoded)  # no noise, no step
    assert np.array_equal(made(1.0), plain.paint(gist, [3])[0])
    assert np.array_equal(made(0.5), img2img.from_latent(values, gist, 3, 0.5))
    for strength in (0.5, None):
        first, again = made(strength, 0.8), made(strength, 0.8)
        assert np.array_equal(first, again)
        assert first.shape == (64, 64, 3)
        assert not np.array_equal(first, decoded)


@pytest.mark.parametrize("name", ["img2img_sc", "img2img_sc_analogue", "img2img_sc_literal"])
def test_blip_and_stable_diffusion_send_a_picture(
    name: str, sd: str, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """S2.1 with BLIP and a diffusion pipeline: real code, on tiny random weights."""
    from gistchain.image import png_bytes, read_image
    from gistchain.link.channel import Awgn
    from gistchain.senders import sender
    from gistchain.settings import Settings
    from gistchain.types import Conditions

    pixels = np.random.default_rng(6).integers(0, 256, (64, 64, 3), np.uint8)
    picture = read_image(png_bytes(pixels), "noise.png")
    settings = Settings(home=tmp_path, captioner=f"blip={folder('blip')}", painter=f"img2img={sd}")
    made = sender(name, settings, caption=GIST.caption)
    conditions = Conditions("awgn", 18.0, 262_298)
    first, again = (made.prepare(picture).send(Awgn(18.0), conditions, seed=(1,)) for _ in range(2))
    assert first.picture is not None
    assert first.picture.shape == pixels.shape
    assert np.array_equal(first.picture, again.picture)  # type: ignore[arg-type]
    assert first.uses <= 262_298
