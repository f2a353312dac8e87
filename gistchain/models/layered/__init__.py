"""Collections as layers: a caption's traits -> a picture, a picture -> its traits.

    tokens ──> learn.py, fit.py ──> Layers ──> model.py: file ──> shelf.py
    image ───> captioner.py ──> read.py: which values would paint these pixels? ──> caption
    caption ─> painter.py ──> Layers.picture ──> picture

Profile-picture collections are layers that are permuted and combined (S3.2), so the model is just that. At every pixel
each trait's value makes a claim and brings a colour; the strongest claim shows, near ties blend:

    picture(p) = sum_t w_t(p) (colour[v_t](p) + sum_k tint[v_t, k](p) hue[v_k]),    w(p) = softmax_t claim[v_t](p)

claim: which trait is on top at this pixel, edges and veils included. hue: what a value of one type ("red hair color")
does to the colours of other types' layers, by as much as tint says. Fitted from a few hundred tokens in a CPU-minute,
by numpy alone; reading runs the same model backwards, so nothing else has to be trained.
"""
