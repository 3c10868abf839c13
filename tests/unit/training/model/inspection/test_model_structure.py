"""Models that contradict themselves are refused before xgboost opens them; real ones of every kind are not."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from kickstand.errors import KickstandError
from localcloud.container.contract import UserError
from localcloud.container.hosting.served_model import ServedModel
from training.model.inspection import run
from training.model.inspection.document import DEEPEST, DocumentError, read_document
from training.model.inspection.model_run import run_model
from training.model.inspection.structure import Dimensions, StructureError, check_model

ROWS = np.random.default_rng(3).normal(size=(400, 4)).round(3)
ROWS[::9, 2] = np.nan
CLASSES = np.random.default_rng(4).integers(0, 3, 400)


def trained(rounds: int = 3, **settings: Any) -> xgboost.Booster:
    data = xgboost.DMatrix(ROWS, CLASSES)
    return xgboost.train({"max_depth": 3, "nthread": 1, "verbosity": 0, **settings}, data, rounds)


SOFT: dict[str, Any] = {"objective": "multi:softprob", "num_class": 3}
REAL = {
    "regression": (trained(), Dimensions(4, 1, 3)),
    "classes": (trained(num_parallel_tree=2, **SOFT), Dimensions(4, 3, 18)),
    "linear": (trained(booster="gblinear", **SOFT), Dimensions(4, 3, 0)),
    "dart": (trained(booster="dart", rate_drop=0.5), Dimensions(4, 1, 3)),
    "pruned": (trained(tree_method="exact", gamma=3.0, max_depth=6), Dimensions(4, 1, 3)),
    "by loss": (trained(tree_method="hist", grow_policy="lossguide", max_leaves=9), Dimensions(4, 1, 3)),
    "cut": (trained(5)[:2], Dimensions(4, 1, 2)),
}
PLAIN = json.loads(bytes(REAL["classes"][0].save_raw("json")))


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("form", ["ubj", "json"])
def test_what_xgboost_saves_is_sound(kind: str, form: str, tmp_path: Path) -> None:
    booster, dimensions = REAL[kind]
    file = tmp_path / "xgboost-model"
    file.write_bytes(bytes(booster.save_raw(form)))
    assert check_model(file) == dimensions


def changed(path: str, value: Any) -> bytes:
    """The model of classes with one value exchanged; `trees.0.parents.1` names it."""
    model = copy.deepcopy(PLAIN)
    holder: Any = model["learner"]
    *way, last = path.replace("MODEL", "gradient_booster.model").split(".")
    for name in way:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    old = holder[int(last)] if isinstance(holder, list) else holder[last]
    holder[int(last) if isinstance(holder, list) else last] = value(old) if callable(value) else value
    return json.dumps(model).encode()


HUGE = "2000000000"
DROP: Callable[[list[Any]], list[Any]] = lambda values: values[:-1]  # noqa: E731
WRONG = {
    "a child is its own parent": ("MODEL.trees.0.left_children.1", 1, "tree 0: the children of node 1 have another pa"),
    "a child is the root": ("MODEL.trees.0.left_children.1", 0, "tree 0: node 1 has the children 0 and 4 among "),
    "branches meet": ("MODEL.trees.1.right_children.1", 5, "tree 1: the children of node 1 have another parent: its "),
    "one child twice": ("MODEL.trees.0.right_children.0", 1, "tree 0: node 0 has the children 1 and 1 among "),
    "a child beyond the end": ("MODEL.trees.0.left_children.1", 99999, "tree 0: node 1 has the children 99,999 and "),
    "a child below 0": ("MODEL.trees.0.left_children.1", -7, "tree 0: node 1 has the children -7 and 4 among "),
    "a child that is text": ("MODEL.trees.0.left_children.1", "1", "left_children holds something other than whole n"),
    "a feature beyond the end": ("MODEL.trees.0.split_indices.0", 4, "tree 0: node 0 asks for feature 4 of 4"),
    "a short column": ("MODEL.trees.2.sum_hessian", DROP, "tree 2: sum_hessian has "),
    "an id twice": ("MODEL.trees.3.id", 2, "the trees' ids are not each number from 0 once"),
    "an id beyond the end": ("MODEL.trees.3.id", 18, "the trees' ids are not each number from 0 once"),
    "a tree that is none": ("MODEL.trees.3", 18, "the trees' ids are not each number from 0 once"),
    "no nodes": ("MODEL.trees.0.tree_param.num_nodes", "0", "num_nodes must be a whole number from 1 to 2147483647, f"),
    "nodes beyond memory": ("MODEL.trees.0.tree_param.num_nodes", HUGE, " entries for 2,000,000,000 nodes"),
    "vector leaves": ("MODEL.trees.0.tree_param.size_leaf_vector", "3", "its leaves have 3 values (multi_strategy)"),
    "a tree too many": ("MODEL.gbtree_model_param.num_trees", "19", "num_trees is 19, there are 18 trees and 18 entri"),
    "a class of none": ("MODEL.tree_info.3", 3, "tree_info names the group 3 of 3"),
    "rounds that fall": ("MODEL.iteration_indptr.1", 99, "iteration_indptr does not rise from 0 to 18"),
    "classes beyond memory": (
        "learner_model_param.num_class",
        HUGE,
        "base_score has 3 values for 2,000,000,000 predict",
    ),
    "an objective's own": ("objective.softmax_multiclass_param.num_class", HUGE, "is 2000000000, of the learner 3"),
    "features that are no number": (
        "learner_model_param.num_feature",
        "1e9",
        "num_feature must be a whole number from",
    ),
    "features below 0": ("learner_model_param.num_feature", "-1", "num_feature must be a whole number from 0 to"),
    "names of others": ("feature_names", ["a"], "feature_names has 1 entries, num_feature is 4"),
    "another booster": ("gradient_booster.name", "gbforest", "gradient_booster.name is 'gbforest'; expected gbtree, "),
    "no booster": ("gradient_booster", [], "gradient_booster is not there, or no object"),
    "a forest beyond its trees": (
        "MODEL.gbtree_model_param.num_parallel_tree",
        "7",
        "num_parallel_tree is 7 for 3 predictions a row, num_trees is 18",
    ),
    "a category beyond memory": ("MODEL.trees.0.categories", [2**24], "a category is not between 0 and 16,777,216"),
    "a category below 0": ("MODEL.trees.0.categories", [-1], "a category is not between 0 and 16,777,216"),
    "categories of none": ("MODEL.trees.0.categories_nodes", [1], "categories_sizes differ in length"),
}


@pytest.mark.contract("H78")
@pytest.mark.parametrize("case", WRONG)
def test_a_model_that_contradicts_itself_says_where(case: str, tmp_path: Path) -> None:
    path, value, said = WRONG[case]
    file = tmp_path / "xgboost-model"
    file.write_bytes(changed(path, value))
    with pytest.raises(StructureError) as error:
        check_model(file)
    assert str(error.value).startswith("xgboost-model is no sound model: ")
    assert said in str(error.value)


def test_classes_without_trees_for_them_are_refused(tmp_path: Path) -> None:
    model = json.loads(changed("learner_model_param.num_class", HUGE))
    model["learner"]["learner_model_param"]["base_score"] = "5E-1"
    (tmp_path / "m").write_text(json.dumps(model))
    with pytest.raises(StructureError, match="num_class is 2,000,000,000, for which 18 trees are too few"):
        check_model(tmp_path / "m")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"[1, 2]", b"#!/bin/sh\n"])
def test_a_file_in_no_format_of_xgboosts_is_refused_before_it_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(StructureError, match=r"^m is no model: it begins with neither JSON nor UBJSON$"):
        check_model(tmp_path / "m")


def test_the_binary_format_is_left_to_xgboost(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"binf" + bytes(64))
    assert check_model(tmp_path / "m") is None


UBJ = bytes(REAL["regression"][0].save_raw("ubj"))
DAMAGED = {
    "cut off": (UBJ[:-1], "it is cut off: it ends in the middle of a value"),
    "cut off in a text": (UBJ[:-100], "is 16, more than the file holds"),
    "an array beyond the end": (
        UBJ.replace(b"[$l#L" + bytes(7), b"[$l#L" + b"\x7f" * 7, 1),
        "more than the file holds",
    ),
    "more behind it": (UBJ + b"}", f"it goes on after its end, at byte {len(UBJ)}"),
    "deep UBJSON": (b"{L" + bytes(7) + b"\x01a" + b"[" * 5000, f"it is nested deeper than {DEEPEST} levels"),
    "deep JSON": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", f"it is nested deeper than {DEEPEST} levels"),
    "a member twice in JSON": (b'{"a":1,"a":2}', "an object in it has a member twice"),
    "a member twice in UBJSON": (b"{U\x01ai\x01U\x01ai\x02}", "an object in it has a member twice"),
    "a number of 5,000 digits": (b'{"a":' + b"9" * 5000 + b"}", "it is no JSON that can be read"),
    "half of JSON": (b'{"a":', "it is no whole JSON: Expecting value at byte 5"),
    "an unknown type": (b"{U\x01a?}", "byte 4 should be a type of UBJSON, found '?'"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_says_how(case: str, tmp_path: Path) -> None:
    content, said = DAMAGED[case]
    file = tmp_path / "xgboost-model"
    file.write_bytes(content)
    with pytest.raises(DocumentError) as error:
        read_document(file)
    assert said in str(error.value)
    with pytest.raises(StructureError, match="xgboost-model is damaged: "):
        check_model(file)


def test_the_probe_and_the_server_ask_first(tmp_path: Path) -> None:
    file = tmp_path / "xgboost-model"
    file.write_bytes(changed("MODEL.trees.0.left_children.1", 1))
    with pytest.raises(KickstandError) as error:
        run_model([file], ("1,2,3,4",), where="s3://m")
    said = (
        "xgboost-model cannot be loaded: xgboost-model is no sound model: tree 0: the children of node 1 have another"
    )
    assert error.value.problems[0].message.startswith(said)
    with pytest.raises(UserError, match="cannot be loaded:\nxgboost-model is no sound model: tree 0: the children of"):
        ServedModel(file, threads=1)


def test_xgboost_does_not_open_a_model_of_another_width_than_the_rows(tmp_path: Path) -> None:
    file = tmp_path / "xgboost-model"
    file.write_bytes(changed("learner_model_param.num_feature", HUGE))
    assert run_model([file], ("1,2,3,4",), where="s3://m").features == 2_000_000_000


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [("MODEL.trees.0.left_children.1", 1, "damaged"), ("learner_model_param.num_feature", HUGE, "features")],
)
def test_xgboost_is_not_imported_for_a_model_that_it_does_not_open(
    path: str, value: Any, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(changed(path, value))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert key in run.answer([tmp_path / "m"], ("1,2,3,4",))
