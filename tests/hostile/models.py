"""Hostile models inside a whole archive: JSON, UBJSON, the old binary form."""

from __future__ import annotations

import copy
import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from hostile.case import JOB, Case, table
from hostile.damage import ESCAPES, HUGE, deep, mutants

TREE: dict[str, Any] = {
    "base_weights": [-1.8e-08, -0.11, 0.08],
    "categories": [],
    "categories_nodes": [],
    "categories_segments": [],
    "categories_sizes": [],
    "default_left": [0, 0, 0],
    "id": 0,
    "left_children": [1, -1, -1],
    "loss_changes": [6.7, 0.0, 0.0],
    "parents": [2147483647, 0, 0],
    "right_children": [2, -1, -1],
    "split_conditions": [0.49, -0.11, 0.08],
    "split_indices": [2, 0, 0],
    "split_type": [0, 0, 0],
    "sum_hessian": [64.0, 27.0, 37.0],
    "tree_param": {"num_deleted": "0", "num_feature": "3", "num_nodes": "3", "size_leaf_vector": "1"},
}
FIELDS: dict[str, Any] = {
    "learner": {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {
            "model": {
                "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "2"},
                "iteration_indptr": [0, 1, 2],
                "tree_info": [0, 0],
                "trees": [TREE, {**TREE, "id": 1}],
            },
            "name": "gbtree",
        },
        "learner_model_param": {
            "base_score": "[1.5E0]",
            "boost_from_average": "1",
            "num_class": "0",
            "num_feature": "3",
            "num_target": "1",
        },
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
    },
    "version": [3, 2, 0],
}
"""A model of two trees over three features, as xgboost 3.2 writes it."""
MODEL = json.dumps(FIELDS).encode()

PARAMETERS = "learner.learner_model_param"
BOOSTER = "learner.gradient_booster"
TREES = f"{BOOSTER}.model.trees"
FIRST = f"{TREES}.0"
GONE = object()


def put(fields: Any, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        fields = fields[int(step) if isinstance(fields, list) else step]
    key: Any = int(last) if isinstance(fields, list) else last
    if value is GONE:
        del fields[key]
    else:
        fields[key] = value


def at(path: str, value: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        fields = copy.deepcopy(FIELDS)
        put(fields, path, value)
        return json.dumps(fields).encode()

    return make


def with_text(path: str, text: str) -> Callable[[], bytes]:
    """A literal that json.dumps would not write."""
    return lambda: at(path, "@@")().replace(b'"@@"', text.encode("utf-8", "surrogatepass"))


def large_tree(children: Callable[[int], tuple[list[int], list[int]]], nodes: int = 50_001) -> Callable[[], bytes]:
    def make() -> bytes:
        left, right = children(nodes)
        tree = {
            **TREE,
            **{name: [0] * nodes for name in ("default_left", "split_indices", "split_type", "parents")},
            **{name: [0.5] * nodes for name in ("base_weights", "loss_changes", "split_conditions", "sum_hessian")},
            "left_children": left,
            "right_children": right,
            "tree_param": {**TREE["tree_param"], "num_nodes": str(nodes)},
        }
        return at(TREES, [tree, {**TREE, "id": 1}])()

    return make


def chain(nodes: int) -> tuple[list[int], list[int]]:
    """As deep as it can be: one child is a leaf, the other goes on."""
    left = [node + 1 if node % 2 == 0 and node + 2 < nodes else -1 for node in range(nodes)]
    right = [node + 2 if node % 2 == 0 and node + 2 < nodes else -1 for node in range(nodes)]
    return left, right


def ubj() -> bytes:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(MODEL))
    return bytes(booster.save_raw("ubj"))


INPUTS: dict[str, bytes | Callable[[], bytes]] = {
    "empty object": b"{}",
    "null": b"null",
    "text": b"hello",
    "old binary": b"binf" + struct.pack("<fIIiii", 0.5, 3, 0, 0, 0, 0) + bytes(200),
    "old binary, huge": b"binf" + struct.pack("<fIIiii", 0.5, 2**31, 2**31 - 1, 1, 1, 0) + b"\xff" * 200,
    "old binary, no magic": struct.pack("<fIIiii", 0.5, 3, 0, 0, 0, 0) + bytes(200),
    "zero bytes": bytes(100),
    "UTF-16": MODEL.decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + MODEL,
    "cut": MODEL[:-100],
    "cut early": MODEL[:50],
    "garbage behind": MODEL + b"}}}}",
    "two models": MODEL + MODEL,
    "lists 1,500 deep": deep("[", "]").encode(),
    "objects 1,500 deep": deep('{"learner":', "}", "1").encode(),
    "lists a million deep": b"[" * 1_000_000,
    "lists deep in a field": with_text(f"{FIRST}.id", deep("[", "]", depth=100_000)),
    "no learner": at("learner", GONE),
    "learner a list": at("learner", []),
    "no version": at("version", GONE),
    "version a text": at("version", "3.2.0"),
    "version far": at("version", [99, 0, 0]),
    "version negative": at("version", [-1, -1, -1]),
    "version huge": with_text("version", f"[{HUGE},0,0]"),
    "booster unknown": at(f"{BOOSTER}.name", "gbevil"),
    "booster with an escape": at(f"{BOOSTER}.name", ESCAPES["escape"]),
    "booster of a megabyte": at(f"{BOOSTER}.name", ESCAPES["megabyte"]),
    "booster linear": at(f"{BOOSTER}.name", "gblinear"),
    "objective unknown": at("learner.objective.name", "reg:evil"),
    "objective with an escape": at("learner.objective.name", ESCAPES["escape"]),
    "objective with bidi": at("learner.objective.name", ESCAPES["bidi"]),
    "objective of a megabyte": at("learner.objective.name", ESCAPES["megabyte"]),
    "objective gone": at("learner.objective", GONE),
    "another width": at(f"{PARAMETERS}.num_feature", "7"),
    "num_feature zero": at(f"{PARAMETERS}.num_feature", "0"),
    "num_feature negative": at(f"{PARAMETERS}.num_feature", "-3"),
    "num_feature 2^31": at(f"{PARAMETERS}.num_feature", "2147483648"),
    "num_feature 4 billion": at(f"{PARAMETERS}.num_feature", "4294967295"),
    "num_feature 5,000 digits": at(f"{PARAMETERS}.num_feature", HUGE),
    "num_feature a text": at(f"{PARAMETERS}.num_feature", "three"),
    "num_feature a number": at(f"{PARAMETERS}.num_feature", 3.5),
    "num_feature a list": at(f"{PARAMETERS}.num_feature", [3]),
    "num_feature with an escape": at(f"{PARAMETERS}.num_feature", ESCAPES["escape"]),
    "num_class huge": at(f"{PARAMETERS}.num_class", "2000000000"),
    "num_class a billion": at(f"{PARAMETERS}.num_class", "1000000000"),
    "num_class negative": at(f"{PARAMETERS}.num_class", "-1"),
    "num_class a text": at(f"{PARAMETERS}.num_class", "x"),
    "num_class 5,000 digits": at(f"{PARAMETERS}.num_class", HUGE),
    "num_target huge": at(f"{PARAMETERS}.num_target", "2000000000"),
    "num_target zero": at(f"{PARAMETERS}.num_target", "0"),
    "base_score NaN": at(f"{PARAMETERS}.base_score", "[NaN]"),
    "base_score infinite": at(f"{PARAMETERS}.base_score", "[inf]"),
    "base_score a text": at(f"{PARAMETERS}.base_score", "half"),
    "base_score many": at(f"{PARAMETERS}.base_score", "[" + ",".join(["1"] * 100_000) + "]"),
    "num_trees 2 billion": at(f"{BOOSTER}.model.gbtree_model_param.num_trees", "2000000000"),
    "num_trees negative": at(f"{BOOSTER}.model.gbtree_model_param.num_trees", "-5"),
    "num_trees one too few": at(f"{BOOSTER}.model.gbtree_model_param.num_trees", "1"),
    "num_parallel_tree huge": at(f"{BOOSTER}.model.gbtree_model_param.num_parallel_tree", "2000000000"),
    "iteration_indptr out of range": at(f"{BOOSTER}.model.iteration_indptr", [0, 1, 2_000_000]),
    "iteration_indptr negative": at(f"{BOOSTER}.model.iteration_indptr", [0, -1, 2]),
    "tree_info out of range": at(f"{BOOSTER}.model.tree_info", [0, 2_000_000_000]),
    "tree_info negative": at(f"{BOOSTER}.model.tree_info", [0, -7]),
    "tree_info short": at(f"{BOOSTER}.model.tree_info", [0]),
    "no trees": at(TREES, []),
    "trees a text": at(TREES, "trees"),
    "tree a text": at(FIRST, "tree"),
    "tree empty": at(FIRST, {}),
    "tree that is its own child": at(f"{FIRST}.left_children", [0, -1, -1]),
    "tree with a cycle": at(f"{FIRST}.left_children", [1, 0, -1]),
    "tree with a shared child": at(f"{FIRST}.right_children", [1, -1, -1]),
    "child out of range": at(f"{FIRST}.left_children", [70_000, -1, -1]),
    "child at 2 billion": at(f"{FIRST}.right_children", [2_000_000_000, -1, -1]),
    "child negative": at(f"{FIRST}.left_children", [-7, -1, -1]),
    "child huge": with_text(f"{FIRST}.left_children", f"[{HUGE},-1,-1]"),
    "children short": at(f"{FIRST}.left_children", [1]),
    "children of text": at(f"{FIRST}.left_children", ["1", "x", None]),
    "children of lists": at(f"{FIRST}.left_children", [[1], [-1], [-1]]),
    "parents out of range": at(f"{FIRST}.parents", [2147483647, 9_999_999, 0]),
    "split_indices out of range": at(f"{FIRST}.split_indices", [1_000_000, 0, 0]),
    "split_indices negative": at(f"{FIRST}.split_indices", [-1, 0, 0]),
    "split_conditions NaN": with_text(f"{FIRST}.split_conditions", "[NaN,NaN,NaN]"),
    "split_conditions 1e400": with_text(f"{FIRST}.split_conditions", "[1e400,-1e400,0]"),
    "split_conditions short": at(f"{FIRST}.split_conditions", [0.5]),
    "leaf NaN": with_text(f"{FIRST}.split_conditions", "[0.5,NaN,NaN]"),
    "leaf infinite": with_text(f"{FIRST}.split_conditions", "[0.5,Infinity,-Infinity]"),
    "num_nodes 2 billion": at(f"{FIRST}.tree_param.num_nodes", "2000000000"),
    "num_nodes negative": at(f"{FIRST}.tree_param.num_nodes", "-1"),
    "num_nodes zero": at(f"{FIRST}.tree_param.num_nodes", "0"),
    "num_nodes one more": at(f"{FIRST}.tree_param.num_nodes", "4"),
    "size_leaf_vector huge": at(f"{FIRST}.tree_param.size_leaf_vector", "2000000000"),
    "tree of 50,000 levels halved": large_tree(chain),
    "tree of a cycle over 50,000": large_tree(lambda n: ([*range(1, n), 0], [*range(1, n), 0])),
    "categories out of range": at(f"{FIRST}.categories_nodes", [5_000]),
    "categories huge": at(
        FIRST,
        {
            **TREE,
            "categories": [2**30],
            "categories_nodes": [0],
            "categories_segments": [0],
            "categories_sizes": [1],
            "split_type": [1, 0, 0],
        },
    ),
    "categories negative": at(
        FIRST,
        {
            **TREE,
            "categories": [-1],
            "categories_nodes": [0],
            "categories_segments": [0],
            "categories_sizes": [1],
            "split_type": [1, 0, 0],
        },
    ),
    "categories sizes lie": at(
        FIRST,
        {
            **TREE,
            "categories": [1],
            "categories_nodes": [0],
            "categories_segments": [0],
            "categories_sizes": [10**9],
            "split_type": [1, 0, 0],
        },
    ),
    "feature_names with escapes": at("learner.feature_names", ["\x1b[2J", "\u202e", "\0"]),
    "feature_names too many": at("learner.feature_names", [f"f{n}" for n in range(100_000)]),
    "feature_types evil": at("learner.feature_types", ["c", "\x1b[2Jq", "evil"]),
    "attributes of a megabyte": at("learner.attributes", {"a": ESCAPES["megabyte"]}),
    "best_iteration huge": at("learner.attributes", {"best_iteration": HUGE}),
    "best_iteration a text": at("learner.attributes", {"best_iteration": ESCAPES["escape"]}),
    "duplicate learner": MODEL[:-1] + b',"learner":{}}',
    "ubj cut": lambda: ubj()[:-50],
    "ubj of a cut length": lambda: ubj()[:40] + b"\xff" * 20 + ubj()[60:],
    "ubj lists a million deep": b"{L" + struct.pack(">q", 1) + b"a" + b"[" * 1_000_000,
    "ubj length negative": b"{L" + struct.pack(">q", -1) + b"a",
    "ubj length of a terabyte": b"{L" + struct.pack(">q", 1 << 40) + b"a",
    "ubj array of a terabyte": b"{L" + struct.pack(">q", 1) + b"a[$d#L" + struct.pack(">q", 1 << 40),
    "ubj array of 900 million": b"{L" + struct.pack(">q", 1) + b"a[$d#L" + struct.pack(">q", 900_000_000),
    "ubj unknown marker": b"{L" + struct.pack(">q", 1) + b"aQ",
    "ubj with garbage behind": lambda: ubj() + b"\x1b[2J" * 100,
}
RIGHT = (
    "garbage behind", "feature_types evil", "parents out of range", "attributes of a megabyte", "best_iteration huge",
    "best_iteration a text", "base_score many", "feature_names with escapes", "ubj with garbage behind",
    "tree of 50,000 levels halved", "version a text", "no version", "version negative", "version far",
    "num_class negative", "categories out of range", "duplicate learner",
    "two models", "byte order mark",
)  # fmt: skip


def whole(body: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as made:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(body)
        made.addfile(member, io.BytesIO(body))
    return gzip.compress(packed.getvalue(), 1, mtime=0)


def cases(seed: int, count: int) -> Iterator[Case]:
    damaged = {
        f"{name} of {form}": made
        for form, good in (("JSON", MODEL), ("UBJSON", ubj()))
        for name, made in mutants(good, (count + 1) // 2, seed).items()
    }
    found = table(
        "model", ("adopt", JOB, "dev"), {**INPUTS, **damaged}, lambda stage, body: stage.artifact(whole(body))
    )
    for case in found:
        yield Case(case.kind, case.name, case.words, case.put, case.name in RIGHT or case.name.startswith("mutant"))
