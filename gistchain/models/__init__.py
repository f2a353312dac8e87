"""Models behind the Protocols of types/models.py, each of them chosen by kind and name.

    kind and name ──> zoo/table.py, plugins ──> zoo/registry.py ──> the model, ready to run

    without anything else                              with torch (extra hf), from any hub id or folder
      default.py    asks the model that knows best       transformers/   captioners, embedders, segmenters, ...
      traitnet/     networks of punks and Nouns          diffusers/      painters, a latent coder
      layered/      other collections, as layers
      photo/        any image: caption, latent, sketch
      packaged/     networks that come in packages
      thumb8.py     8x8 colours as a latent

    area.py     what small networks see of an image     strength.py     how far a painter goes from a latent

A model sees types, errors, traits and colours, its weights and its own framework: no image file, no setting, no chain.
"""
