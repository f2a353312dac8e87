"""A kind and a name -> a model that does what its kind must.

table.py ────┐                                  ┌──> inventory.py: what is missing, how large, whether undamaged
plugins.py ──┴──> rows ──> registry.py: load ───┴──> the model ──> conformance.py: is it one of its kind?

weights.py  cards and the weights that ship     onnx.py  weights ──> session
checkpointfiles.py  what is refused of a checkpoint from elsewhere before a framework opens it
"""
