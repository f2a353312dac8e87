"""One collection as layers: a caption's traits -> a picture (paint.py), a picture -> its traits (read.py).

Profile-picture collections are layers that are permuted and combined (S3.2), so the model is just that. At every pixel
each trait's value lays a claim and brings a colour; the strongest claim shows, near ties blend:

    picture(p) = sum_t w_t(p) (colour[v_t](p) + sum_k tint[v_t, k](p) hue[v_k]),    w(p) = softmax_t claim[v_t](p)

claim: which trait is on top at this pixel, edges and veils included. hue: what a value of one type ("red hair color")
does to the colours of other types' layers, as much as tint says. Fitted from a few hundred tokens in a CPU-minute
(fit.py, numpy alone); reading is the same model run backwards, so nothing else has to be trained.
"""
