"""Any image <-> 64 B to 8 KB, in order of importance: the default LatentCoder, and its format.

    pixels ──> Y, Cb, Cr ──> wavelet coefficients ──> bits, the most important first ──> range coder ──> bytes
    (coder)      (wavelet)        (pyramid)            (scan, contexts)                  (rangecoder)

and back; at the end a small network corrects what coarse coefficients do to pictures. Read the modules in the order
wavelet, pyramid, scan, contexts, rangecoder, coder.

Version 1, big-endian:

    bits  what
    3     version, 1
    1     grey: Cb and Cr are zero and not coded
    4     P, planes of bits: every magnitude is below 2**P
    5     0, reserved
    1     the network's correction is closer to the original than the picture without
    9     width - 1 and
    9     height - 1 of the grid that is coded; `decode` scales it to the size that is asked for
    rest  the range coder's bytes, which may be cut anywhere

Coefficients: CDF 9/7, nearly orthonormal, of Y - 128 and of Cb and Cr times CHROMA_GAIN; levels until no side is longer
than 4. Groups: low band of Y, of Cb and Cr; then from coarse to fine the three details of Y, those of Cb and Cr.
For each plane from P - 1 down to 0, for each group: if it was silent so far, one bit that says whether it stays silent;
if it does not,

    for each of four lattices: for each zero, whether its magnitude is >= 2**plane; then the signs of those that are
    for each coefficient that was not zero before this plane: the next bit of its magnitude

A lattice holds every second coefficient of every second row, (even, even), (odd, odd), (even, odd), (odd, even) in the
first band of a group; in each further band the order starts one later. The chance of each bit comes from its neighbours
in place, scale, direction and colour through the networks of `latent-photo.npz`, in integers: a decoder on another
machine sees the same chances.
Where the bytes end, each coefficient is known to lie in an interval; the decoder takes a point a little below its
middle. Pictures of more than 256 x 256 pixels (512 x 512 from 2 KB on) are scaled down first.
"""

from gistchain.models.photo.latent.coder import PhotoLatent

__all__ = ["PhotoLatent"]
