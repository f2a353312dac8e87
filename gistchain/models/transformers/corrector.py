"""Text that a channel has damaged -> the text that was meant, by a BART that training/text tunes (S4.3)."""

from __future__ import annotations

from gistchain.models.transformers.loading import Checkpoint
from gistchain.models.transformers.running import positive

_WINDOW = 256  # tokens: captions are far shorter; positions of BART end at 1,024


class BartCorrector:
    """Fulfils TextCorrector by BART (Lewis et al. 2020): reads a damaged text and writes a whole one, best of `beams`.

    Texts with more tokens than the network has positions are corrected window by window. A checkpoint that was not
    fine-tuned on damaged captions repeats what it reads.
    """

    def __init__(
        self,
        source: str,
        *,
        beams: int = 4,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._checkpoint = Checkpoint("corrector 'bart'", source, device, dtype, allow_download, allow_pickle)
        self._beams = positive(beams, "beams")
        self._model = self._checkpoint.model("BartForConditionalGeneration", ("bart",))
        self._tokenizer = self._checkpoint.part("AutoTokenizer")
        positions = int(self._model.config.max_position_embeddings)
        self._window = max(1, min(_WINDOW, positions // 2))  # the output may be longer than the input

    def correct(self, text: str) -> str:
        tokens = self._tokenizer(text, add_special_tokens=False).input_ids
        windows = [tokens[k : k + self._window] for k in range(0, len(tokens), self._window)]
        return "".join(self._corrected(window) for window in windows)

    def _corrected(self, window: list[int]) -> str:
        import torch

        start, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        with self._checkpoint.running("a smaller dtype, fewer beams or a shorter text"):
            read = torch.tensor([[start, *window[: self._window], end]], device=self._checkpoint.device)
            positions = int(self._model.config.max_position_embeddings)
            written = self._model.generate(
                input_ids=read, attention_mask=torch.ones_like(read), num_beams=self._beams, do_sample=False,
                max_length=min(2 * read.shape[1] + 8, positions), min_length=0, early_stopping=True
            )  # fmt: skip
            text: str = self._tokenizer.decode(written[0], skip_special_tokens=True)
            return text
