# pragma version 0.4.3
# @license Apache-2.0
"""
@title Pictures of gists
@notice A gist in, the best picture that a contract can show of it out: the image file or exact pixels, the subject and
        the thumbnail, or a card with caption and colours. It has no state: anyone may call it, with any chain's gist.
"""

import base64
import card
import layers

MOST_GIST: constant(uint256) = 24597  # what registry.gistOf returns at most
MOST_TEXT: constant(uint256) = 4096
MOST_FOOT: constant(uint256) = 256
MOST_FILE: constant(uint256) = 32864
MOST_IMAGE: constant(uint256) = 51232
THUMB8: constant(uint256) = 1
WEBP: constant(uint256) = 3


@pure
@external
def layersOf(gist: Bytes[MOST_GIST]) -> layers.Packet:
    """@return The size of the picture and where the layers lie, `start` 0 for none. Reverts for bytes that are no gist."""
    return layers.read(gist)


@view
@external
def imageOf(
    gist: Bytes[MOST_GIST], text: Bytes[MOST_TEXT], foot: Bytes[MOST_FOOT], imageHash: bytes32
) -> (String[9], String[MOST_IMAGE]):
    """
    @param text What a card says, valid UTF-8 without control characters.
    @param foot Its last line, XML.
    @param imageHash Drawn on a card whose text names no colour.
    @return file, exact, subject, thumbnail or card, and the picture as a data URI.
    """
    form: Bytes[9] = b""
    image: Bytes[MOST_IMAGE] = b""
    ok: bool = False
    found: Bytes[704] = b""
    # A call, so that an error in a stranger's bytes ends the reading alone.
    ok, found = raw_call(
        self, abi_encode(gist, method_id=method_id("layersOf(bytes)")), max_outsize=704, is_static_call=True,
        revert_on_failure=False)
    if ok:
        form, image = self._image(gist, abi_decode(found, layers.Packet))
    if len(image) == 0:
        form = b"card"
        image = self._svg(card.card(text, foot, imageHash))
    return convert(form, String[9]), convert(image, String[MOST_IMAGE])


@pure
@internal
def _image(gist: Bytes[MOST_GIST], packet: layers.Packet) -> (Bytes[9], Bytes[MOST_IMAGE]):
    # What it is and its data URI; empty where nothing of the gist can be drawn
    image: Bytes[MOST_IMAGE] = self._file(gist, packet.file)
    if len(image) > 0:
        return b"file", image
    # Exact pixels over black, as a WebP file without loss
    exact: layers.Layer = packet.residual
    if exact.size > 0 and slice(gist, exact.start, 1) == x"01":
        image = self._file(gist, layers.Layer(reader=WEBP, start=exact.start + 1, size=exact.size - 1))
        if len(image) > 0:
            return b"exact", image
    cells: Bytes[192] = b""
    if packet.latent.reader == THUMB8 and packet.latent.size == 192:
        cells = slice(gist, packet.latent.start, 192)
    image = self._file(gist, packet.subject)
    if len(image) + len(cells) == 0:
        return b"", b""
    form: Bytes[9] = b"subject"
    if len(image) == 0:
        form = b"thumbnail"
    return form, self._svg(card.picture(
        packet.width, packet.height, cells, convert(image, Bytes[MOST_FILE]), packet.left, packet.top, packet.across,
        packet.down))


@pure
@internal
def _file(gist: Bytes[MOST_GIST], file: layers.Layer) -> Bytes[MOST_IMAGE]:
    # Its data URI; empty for no file, and for one that is none of its media type
    media: Bytes[4] = layers.media(gist, file)
    if len(media) == 0:
        return b""
    return convert(concat(
        b"data:image/", media, b";base64,", base64.encoded(slice(gist, file.start, file.size))), Bytes[MOST_IMAGE])


@pure
@internal
def _svg(drawn: Bytes[38400]) -> Bytes[MOST_IMAGE]:
    return convert(concat(b"data:image/svg+xml;base64,", base64.encoded(drawn)), Bytes[MOST_IMAGE])
