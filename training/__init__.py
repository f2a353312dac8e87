"""How every shipped weight file was made: a folder for each room of gistchain.models, and what they share.

data/        what is trained on, and what is held out of it
traitnet/    captioner-*, painter-*, traits.json
layered/     collection-*
photo/       photo-captioner, latent-photo
packaged/    efficientnet-*, nsfwjs-*, fingerprint, joint-default, segmenter-default
text/        the dictionaries of gistchain.gist; captions of pieces and a corrector tuned on them, not shipped
rareness/    rareness, rareness-xgboost, rareness-keras, rareness-kin
"""
