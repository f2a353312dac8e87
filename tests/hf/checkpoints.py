"""Tiny checkpoints with random weights, made by the real classes and saved to disk as their authors would.

`MAKERS`: name -> what writes it into an empty folder. Weights are drawn wide, so that outputs depend on inputs.
"""

from __future__ import annotations

import json
from pathlib import Path

import diffusers as df
import torch
import transformers as hf
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from tokenizers.pre_tokenizers import ByteLevel

WORDS = (Path(__file__).parents[2] / "benchmarks" / "english_captions.txt").read_text("utf-8").lower().splitlines()

IMAGES_FIRST = """
{%- for said in messages -%}
{{ '<|im_start|>' + said.role + '\\n' }}
{%- for part in said.content if part.type == 'image' -%}{{ '<image>' }}{%- endfor -%}
{%- for part in said.content if part.type == 'text' -%}
{%- if said.role == 'assistant' -%}{%- generation -%}{{ '\\n' + part.text }}{%- endgeneration -%}
{%- else -%}{{ '\\n' + part.text }}{%- endif -%}
{%- endfor -%}
{{ '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
"""
"""A chat template that writes what LLaVA-Interleave's writes."""


def wordpiece() -> hf.BertTokenizer:
    """A tokenizer of BERT's kind over the words of some captions."""
    words = sorted({word for line in WORDS for word in line.split() if word.isalpha()})
    letters = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "##")]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(w for w in words if len(w) > 1)]
    return hf.BertTokenizer(vocab={name: k for k, name in enumerate(names)}, model_max_length=64)


def blip(folder: Path) -> Path:
    torch.manual_seed(0)
    tokenizer = wordpiece()
    text = {"vocab_size": len(tokenizer) + 2, "hidden_size": 32, "encoder_hidden_size": 32, "intermediate_size": 64,
            "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64, "projection_dim": 16,
            "bos_token_id": len(tokenizer), "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}  # fmt: skip
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8, "projection_dim": 16, "initializer_range": 0.02}  # fmt: skip
    model = hf.BlipForConditionalGeneration(hf.BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    images = pil("BlipImageProcessor")(size={"height": 32, "width": 32})
    return saved(folder, lively(model), hf.BlipProcessor(images, tokenizer))


def clip_tokenizer() -> hf.CLIPTokenizer:
    """A tokenizer of CLIP's kind: bytes, and the pairs of letters that some captions have most of."""
    letters = sorted(ByteLevel.alphabet())
    start, end = "<|startoftext|>", "<|endoftext|>"
    pairs = sorted({(word[0], word[1] + "</w>") for line in WORDS for word in line.split() if len(word) == 2})
    names = [*letters, *(letter + "</w>" for letter in letters), *dict.fromkeys(a + b for a, b in pairs), start, end]
    return hf.CLIPTokenizer(
        vocab={name: k for k, name in enumerate(names)}, merges=pairs, model_max_length=77, pad_token=end
    )


def clip_text(tokenizer: hf.CLIPTokenizer, **more: object) -> dict[str, object]:
    return {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "max_position_embeddings": 77, "projection_dim": 24,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id, **more}  # fmt: skip


def stable_diffusion(folder: Path) -> Path:
    torch.manual_seed(1)
    tokenizer = clip_tokenizer()
    unet = df.UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=4, cross_attention_dim=32,
        attention_head_dim=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    pipeline = df.StableDiffusionPipeline(
        vae=vae(), text_encoder=hf.CLIPTextModel(hf.CLIPTextConfig(**clip_text(tokenizer))), tokenizer=tokenizer,
        unet=unet, scheduler=df.PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False,
    )  # fmt: skip
    return saved(folder, pipeline)


def stable_diffusion_xl(folder: Path) -> Path:
    """Two text encoders, sizes as a condition: another pipeline than Stable Diffusion's first."""
    torch.manual_seed(9)
    tokenizer = clip_tokenizer()
    first, second = (hf.CLIPTextConfig(**clip_text(tokenizer, projection_dim=32)) for _ in range(2))
    unet = df.UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=4, cross_attention_dim=64,
        attention_head_dim=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32,
    )  # fmt: skip
    pipeline = df.StableDiffusionXLPipeline(
        vae=vae(), text_encoder=hf.CLIPTextModel(first), text_encoder_2=hf.CLIPTextModelWithProjection(second),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet, image_encoder=None, feature_extractor=None,
        scheduler=df.EulerDiscreteScheduler(beta_schedule="scaled_linear"), add_watermarker=False,
    )  # fmt: skip
    return saved(folder, pipeline)


def vae() -> df.AutoencoderKL:
    """As Stable Diffusion's: an eighth of the side, four channels."""
    return df.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=64,
    )  # fmt: skip


def llava(folder: Path, language: str = "qwen2", template: str | None = None) -> Path:
    torch.manual_seed(2)
    tokenizer = spoken("<image>")
    kind = {"qwen2": hf.Qwen2Config, "llama": hf.LlamaConfig}[language]
    text = kind(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
                bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    vision = hf.CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                                 image_size=32, patch_size=16, projection_dim=24)  # fmt: skip
    config = hf.LlavaConfig(vision_config=vision, text_config=text, vision_feature_layer=-1,
                            image_token_index=tokenizer.convert_tokens_to_ids("<image>"))  # fmt: skip
    images = pil("CLIPImageProcessor")(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = hf.LlavaProcessor(
        images, tokenizer, patch_size=16, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template,
    )  # fmt: skip
    return saved(folder, lively(hf.LlavaForConditionalGeneration(config)), processor)


def llava_qwen(folder: Path) -> Path:
    """As llava-hf/llava-interleave-qwen-0.5b-hf: SigLIP without its head, whose patches all count; Qwen1.5, tied.

    As there, the embedding has more rows than the tokenizer has tokens, and the side is no multiple of a patch's.
    """
    torch.manual_seed(10)
    tokenizer = qwen_tokenizer()
    text = hf.Qwen2Config(vocab_size=len(tokenizer) + 12, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                          num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
                          tie_word_embeddings=True, bos_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
                          eos_token_id=tokenizer.eos_token_id)  # fmt: skip
    vision = hf.SiglipVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                                   image_size=48, patch_size=14, vision_use_head=False)  # fmt: skip
    config = hf.LlavaConfig(vision_config=vision, text_config=text, vision_feature_layer=-1,
                            vision_feature_select_strategy="full",
                            image_token_index=tokenizer.convert_tokens_to_ids("<image>"))  # fmt: skip
    images = pil("SiglipImageProcessor")(size={"height": 48, "width": 48})
    processor = hf.LlavaProcessor(
        images, tokenizer, patch_size=14, vision_feature_select_strategy="full", num_additional_image_tokens=0,
        chat_template=IMAGES_FIRST,
    )  # fmt: skip
    return saved(folder, lively(hf.LlavaForConditionalGeneration(config)), processor)


def minilm(folder: Path) -> Path:
    torch.manual_seed(3)
    tokenizer = wordpiece()
    config = hf.BertConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                           num_attention_heads=2, max_position_embeddings=64)  # fmt: skip
    saved(folder, lively(hf.BertModel(config)), tokenizer)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48, "do_lower_case": false}')
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def clip(folder: Path) -> Path:
    torch.manual_seed(4)
    tokenizer = clip_tokenizer()
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8, "projection_dim": 24}  # fmt: skip
    model = hf.CLIPModel(hf.CLIPConfig(text_config=clip_text(tokenizer), vision_config=vision, projection_dim=24))
    images = pil("CLIPImageProcessor")(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return saved(folder, lively(model), hf.CLIPProcessor(images, tokenizer))


def bart(folder: Path) -> Path:
    torch.manual_seed(5)
    tokenizer = letters()
    config = hf.BartConfig(
        vocab_size=len(tokenizer), d_model=48, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=96, decoder_ffn_dim=96, max_position_embeddings=192, dropout=0.0,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id, forced_eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return saved(folder, hf.BartForConditionalGeneration(config), tokenizer)


def segformer(folder: Path, names: tuple[str, ...] = ("background", "ball", "dog")) -> Path:
    torch.manual_seed(6)
    config = hf.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16], patch_sizes=[7, 3], strides=[4, 2],
        num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=16, id2label=dict(enumerate(names)),
        label2id={name: k for k, name in enumerate(names)},
    )  # fmt: skip
    images = pil("SegformerImageProcessor")(size={"height": 64, "width": 64})
    return saved(folder, lively(hf.SegformerForSemanticSegmentation(config)), images)


def ip_adapter(folder: Path, unet: df.UNet2DConditionModel) -> Path:
    """As h94/IP-Adapter lays it out; random weights for the cross attentions of this UNet."""
    torch.manual_seed(7)
    config = hf.CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                                 image_size=32, patch_size=8, projection_dim=24)  # fmt: skip
    lively(hf.CLIPVisionModelWithProjection(config)).save_pretrained(folder / "models" / "image_encoder")
    width, tensors = unet.config.cross_attention_dim, {}
    tensors["image_proj.proj.weight"] = torch.randn(4 * width, 24)
    tensors["image_proj.proj.bias"] = torch.zeros(4 * width)
    tensors["image_proj.norm.weight"], tensors["image_proj.norm.bias"] = torch.ones(width), torch.zeros(width)
    cross = [name for name in unet.attn_processors if "attn2" in name]
    for k, name in enumerate(cross):
        value = unet.get_submodule(name.removesuffix(".processor")).to_v.weight
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * k + 1}.{part}.weight"] = 0.3 * torch.randn_like(value)
    save_file(tensors, folder / "models" / "ip-adapter_sd15.safetensors")
    return folder


def lora(folder: Path, unet: df.UNet2DConditionModel, seed: int = 8) -> Path:
    """A LoRA for the attentions of this UNet, as peft makes it and diffusers saves it."""
    torch.manual_seed(seed)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=16, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    layers = df.utils.convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    df.StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers)
    return folder / "pytorch_lora_weights.safetensors"


def spoken(*special: str) -> hf.PreTrainedTokenizerFast:
    """Byte pairs of the captions, as language models have them."""
    return _byte_pairs(hf.PreTrainedTokenizerFast, 400, list(special), bos_token="<s>", eos_token="</s>",
                       pad_token="<pad>", unk_token="<unk>", model_max_length=256)  # fmt: skip


def qwen_tokenizer() -> hf.Qwen2Tokenizer:
    """Single bytes, as Qwen's tokenizer would be without its merges, with the tokens of a chat and of an image."""
    names = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return hf.Qwen2Tokenizer(
        vocab={name: k for k, name in enumerate(names)}, merges=[], eos_token="<|im_end|>", model_max_length=256,
        extra_special_tokens=["<|im_start|>", "<image>"],
    )  # fmt: skip


def letters() -> hf.PreTrainedTokenizerFast:
    """Single bytes between <s> and </s>, as BART's tokenizer would be without its merges."""
    made = _byte_pairs(hf.PreTrainedTokenizerFast, 0, [], bos_token="<s>", eos_token="</s>", pad_token="<pad>",
                       unk_token="<unk>", model_max_length=192)  # fmt: skip
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", special_tokens=[("<s>", made.bos_token_id), ("</s>", made.eos_token_id)]
    )
    return made


def lively(model: torch.nn.Module, gain: float = 6.0) -> torch.nn.Module:
    """The model with wider weights in its layers: with those of training's start all inputs look alike."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "embed" not in name:
                weights.mul_(gain)
    return model


def pil(name: str) -> type:
    """The image processor that needs no torchvision."""
    return getattr(hf, name + "Pil")


def _byte_pairs(kind: type, merges: int, special: list[str], **names: object) -> hf.PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    reserved = [str(names[key]) for key in ("bos_token", "pad_token", "eos_token", "unk_token")] + special
    alphabet = ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(reserved) + len(alphabet) + merges, special_tokens=reserved, initial_alphabet=alphabet,
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(WORDS, trainer)
    return kind(tokenizer_object=made, extra_special_tokens=special, **names)


def saved(folder: Path, *parts: object) -> Path:
    for part in parts:
        part.save_pretrained(folder)
    return folder


MAKERS = {
    "blip": blip,
    "llava": llava,
    "llava-qwen": llava_qwen,
    "minilm": minilm,
    "clip": clip,
    "bart": bart,
    "segformer": segformer,
    "stable-diffusion": stable_diffusion,
    "stable-diffusion-xl": stable_diffusion_xl,
    "vae": lambda folder: saved(folder, vae()),
}
