"""Trained classifiers -> ONNX graphs, written out node by node, so that nothing but onnx is needed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Columns = dict[str, list[Any]]
Output = tuple[str, int, list[Any]]
_SPLIT = ("featureids", "modes", "values", "truenodeids", "falsenodeids", "missing")


def tree_graph(model: Any, features: int) -> onnx.ModelProto:
    """XGBoost's trees as one TreeEnsembleClassifier: outputs label and chances, (n, classes)."""
    booster = model.get_booster()
    classes = int(model.n_classes_)
    groups = 1 if classes == 2 else classes
    columns: Columns = {key: [] for key in ("treeids", "nodeids", *_SPLIT)}
    leaves: Columns = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for tree, text in enumerate(booster.get_dump(dump_format="json")):
        _walk(json.loads(text), tree, tree % groups, columns, leaves)
    base = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    start = [float(v) for v in str(base).strip("[]").split(",")]
    bases = [float(np.log(v / (1 - v))) for v in start] if groups == 1 else start * (groups if len(start) == 1 else 1)
    node = helper.make_node(
        "TreeEnsembleClassifier", ["rows"], ["label", "chances"], domain="ai.onnx.ml",
        nodes_treeids=columns["treeids"], nodes_nodeids=columns["nodeids"], nodes_featureids=columns["featureids"],
        nodes_modes=columns["modes"], nodes_values=columns["values"], nodes_truenodeids=columns["truenodeids"],
        nodes_falsenodeids=columns["falsenodeids"], nodes_missing_value_tracks_true=columns["missing"],
        class_treeids=leaves["treeids"], class_nodeids=leaves["nodeids"], class_ids=leaves["ids"],
        class_weights=leaves["weights"], base_values=bases, classlabels_int64s=list(range(classes)),
        post_transform="LOGISTIC" if groups == 1 else "SOFTMAX",
    )  # fmt: skip
    outputs = [("label", TensorProto.INT64, [None]), ("chances", TensorProto.FLOAT, [None, classes])]
    return _model([node], features, outputs, [])


def _walk(node: dict[str, Any], tree: int, group: int, columns: Columns, leaves: Columns) -> None:
    columns["treeids"].append(tree)
    columns["nodeids"].append(node["nodeid"])
    if "leaf" in node:
        row = (0, "LEAF", 0.0, 0, 0, 0)
        leaves["treeids"].append(tree)
        leaves["nodeids"].append(node["nodeid"])
        leaves["ids"].append(group)
        leaves["weights"].append(float(node["leaf"]))
    else:
        row = (
            int(str(node["split"]).lstrip("f")), "BRANCH_LT", float(node["split_condition"]), node["yes"], node["no"],
            int(node["missing"] == node["yes"]),
        )  # fmt: skip
    for key, value in zip(_SPLIT, row, strict=True):
        columns[key].append(value)
    for child in node.get("children", ()):
        _walk(child, tree, group, columns, leaves)


def network_graph(model: Any) -> onnx.ModelProto:
    """A Keras stack of dense layers (dropout does nothing when it runs): output chances, (n, 1)."""
    nodes, constants, last = [], [], "rows"
    dense = [layer for layer in model.layers if layer.get_weights()]
    for number, layer in enumerate(dense):
        kernel, bias = layer.get_weights()
        constants.append(numpy_helper.from_array(kernel, f"kernel{number}"))
        constants.append(numpy_helper.from_array(bias, f"bias{number}"))
        nodes.append(helper.make_node("Gemm", [last, f"kernel{number}", f"bias{number}"], [f"dense{number}"]))
        final = number == len(dense) - 1
        last = "chances" if final else f"active{number}"
        nodes.append(helper.make_node("Sigmoid" if final else "Relu", [f"dense{number}"], [last]))
    return _model(nodes, dense[0].get_weights()[0].shape[0], [("chances", TensorProto.FLOAT, [None, 1])], constants)


def _model(nodes: list[Any], features: int, outputs: list[Output], constants: list[Any]) -> onnx.ModelProto:
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features])
    results = [helper.make_tensor_value_info(*output) for output in outputs]
    graph = helper.make_graph(nodes, "rareness", [rows], results, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="gistchain")
    model.ir_version = 9
    return model
