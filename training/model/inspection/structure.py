"""Whether a model is what its own figures say: dimensions, and trees that every walk through them ends in a leaf of.

xgboost believes a file. A tree whose child is its own parent never ends a prediction, a child beyond the last node
reads other memory, and a `num_class` of two thousand million takes 16 GB before the first row. All of that is seen
here, in one pass, before xgboost opens the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.model.inspection.archive import is_old_binary
from training.model.inspection.document import DocumentError, form_of, read_document

_MOST = 2**31 - 1
_MOST_CLASSES_OF_NO_TREES = 65_536
_PER_NODE = ("left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left")
_PER_NODE_IF_THERE = ("base_weights", "loss_changes", "sum_hessian", "split_type")
_MOST_CATEGORIES = 2**24
"""Of a feature (`OutOfRangeCat` of xgboost's `common/categorical.h`): a node has a bit for each up to its largest."""


class StructureError(ValueError):
    """A model that contradicts itself; the message says where."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What a model says of itself. groups: predictions of a row, 1 or the number of classes."""

    features: int
    groups: int
    trees: int


def check_model(model: Path) -> Dimensions | None:
    """Read a model file and check it; None for a format that only xgboost reads (the binary one before 3.1).

    Raises StructureError, also for a file in no format of xgboost's: xgboost would read all of it to say so.
    """
    if not form_of(model):
        if is_old_binary(model):
            return None
        raise StructureError(f"{model.name} is no model: it begins with neither JSON nor UBJSON")
    try:
        return _check(read_document(model))
    except DocumentError as error:
        raise StructureError(f"{model.name} is damaged: {error}") from None
    except _FaultError as fault:
        raise StructureError(f"{model.name} is no sound model: {fault}") from None


class _FaultError(Exception):
    """What is wrong, and where."""


def _check(document: Mapping[str, Any]) -> Dimensions:
    learner = _object(document, "learner")
    parameters = _object(learner, "learner_model_param")
    features = _whole(parameters, "num_feature", 0)
    groups = max(_whole(parameters, "num_class", 0), _whole(parameters, "num_target", 0, 1), 1)
    for name in ("feature_names", "feature_types"):
        if (count := len(_array(learner, name, ()))) not in (0, features):
            raise _FaultError(f"{name} has {count:,} entries, num_feature is {features:,}")
    for name, settings in _object(learner, "objective").items():
        if isinstance(settings, dict) and "num_class" in settings and _whole(settings, "num_class", 0) > groups:
            raise _FaultError(f"objective.{name}.num_class is {settings['num_class']}, of the learner {groups:,}")
    scores = str(parameters.get("base_score", "")).count(",") + 1
    if scores not in (1, groups):
        raise _FaultError(f"base_score has {scores:,} values for {groups:,} predictions a row")
    booster = _object(learner, "gradient_booster")
    kind = booster.get("name")
    if kind == "gblinear":
        weights = len(_array(_object(booster, "model"), "weights"))
        if weights != (features + 1) * groups:
            raise _FaultError(
                f"gblinear has {weights:,} weights, {features:,} features make {(features + 1) * groups:,}"
            )
        return Dimensions(features, groups, 0)
    if kind == "dart":
        trees = _check_trees(_object(_object(booster, "gbtree"), "model"), features, groups)
        if (drops := len(_array(booster, "weight_drop"))) != trees:
            raise _FaultError(f"weight_drop has {drops:,} entries for {trees:,} trees")
    elif kind == "gbtree":
        trees = _check_trees(_object(booster, "model"), features, groups)
    else:
        raise _FaultError(f"gradient_booster.name is {str(kind)[:40]!a}; expected gbtree, dart or gblinear")
    return Dimensions(features, groups, trees)


def _check_trees(model: Mapping[str, Any], features: int, groups: int) -> int:
    """The number of a model's trees, each of which is sound. Raises _FaultError."""
    trees, owners = _array(model, "trees"), _numbers(model, "tree_info", whole=True)
    parameters = _object(model, "gbtree_model_param")
    said, each = _whole(parameters, "num_trees", 0), _whole(parameters, "num_parallel_tree", 0, 1)
    if not len(trees) == len(owners) == said:
        raise _FaultError(
            f"num_trees is {said:,}, there are {len(trees):,} trees and {len(owners):,} entries of tree_info"
        )
    if owners and not 0 <= min(owners) <= max(owners) < groups:
        raise _FaultError(f"tree_info names the group {max(owners):,} of {groups:,}")
    rounds = _numbers(model, "iteration_indptr", (0, len(trees)), whole=True)
    if not rounds or rounds[0] != 0 or rounds[-1] != len(trees) or any(map(int.__gt__, rounds, rounds[1:])):
        raise _FaultError(f"iteration_indptr does not rise from 0 to {len(trees):,}")
    numbers = [tree.get("id", number) if isinstance(tree, dict) else -1 for number, tree in enumerate(trees)]
    if set(map(type, numbers)) - {int} or set(numbers) != set(range(len(trees))):
        raise _FaultError("the trees' ids are not each number from 0 once")  # xgboost puts each at its id
    for number, tree in enumerate(trees):
        try:
            _check_tree(tree, features)
        except _FaultError as fault:
            raise _FaultError(f"tree {number:,}: {fault}") from None
    if groups > (len(trees) or _MOST_CLASSES_OF_NO_TREES):
        raise _FaultError(f"num_class is {groups:,}, for which {len(trees):,} trees are too few")
    if each * groups > (said or _MOST_CLASSES_OF_NO_TREES):
        raise _FaultError(f"num_parallel_tree is {each:,} for {groups:,} predictions a row, num_trees is {said:,}")
    return len(trees)


def _check_tree(tree: Mapping[str, Any], features: int) -> None:
    parameters = _object(tree, "tree_param")
    nodes = _whole(parameters, "num_nodes", 1)
    if (width := _whole(parameters, "size_leaf_vector", 0, 1)) > 1:
        raise _FaultError(
            f"its leaves have {width:,} values (multi_strategy), which the built-in XGBoost does not train"
        )
    columns = {name: _numbers(tree, name, whole=number < 4) for number, name in enumerate(_PER_NODE)}
    columns |= {name: _numbers(tree, name) for name in _PER_NODE_IF_THERE if name in tree}
    for name, values in columns.items():
        if len(values) != nodes:
            raise _FaultError(f"{name} has {len(values):,} entries for {nodes:,} nodes")
    lefts, rights, parents, indices = (columns[name] for name in _PER_NODE[:4])
    for node, (left, right) in enumerate(zip(lefts, rights, strict=True)):
        if left == -1:
            continue  # a leaf
        # Each child names this node as its only parent, and none is the root: no walk comes to a node twice.
        if not (0 < left < nodes and 0 < right < nodes and left != right):
            raise _FaultError(f"node {node:,} has the children {left:,} and {right:,} among {nodes:,} nodes")
        if not parents[left] == node == parents[right]:
            raise _FaultError(f"the children of node {node:,} have another parent: its branches meet, or form a circle")
        if not 0 <= indices[node] < features:
            raise _FaultError(f"node {node:,} asks for feature {indices[node]:,} of {features:,}")
    _check_categories(tree, nodes)


def _check_categories(tree: Mapping[str, Any], nodes: int) -> None:
    names = ("categories_nodes", "categories_segments", "categories_sizes")
    owners, begins, sizes = (_numbers(tree, name, (), whole=True) for name in names)
    categories = _numbers(tree, "categories", (), whole=True)
    most = len(categories)
    if most and not 0 <= min(categories) <= max(categories) < _MOST_CATEGORIES:
        raise _FaultError(f"a category is not between 0 and {_MOST_CATEGORIES:,}")
    if not len(owners) == len(begins) == len(sizes):
        raise _FaultError("categories_nodes, categories_segments and categories_sizes differ in length")
    for owner, begin, size in zip(owners, begins, sizes, strict=True):
        if not (0 <= owner < nodes and begin >= 0 and size >= 0 and begin + size <= most):
            raise _FaultError(f"the categories of node {owner:,} are not among {most:,}")


def _object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise _FaultError(f"{name} is not there, or no object")
    return value


def _array(holder: Mapping[str, Any], name: str, default: Sequence[Any] | None = None) -> Any:
    value = holder.get(name, default)
    if not isinstance(value, list | tuple | array):
        raise _FaultError(f"{name} is not there, or no array")
    return value


def _numbers(holder: Mapping[str, Any], name: str, default: Sequence[int] | None = None, *, whole: bool = False) -> Any:
    values = _array(holder, name, default)
    if isinstance(values, array):
        sound = not whole or values.typecode not in "fd"
    else:
        sound = set(map(type, values)) <= ({int} if whole else {int, float, bool})
    if not sound:
        raise _FaultError(f"{name} holds something other than {'whole ' if whole else ''}numbers")
    return values


def _whole(holder: Mapping[str, Any], name: str, least: int, default: int | None = None) -> int:
    """A whole number, which xgboost writes as text."""
    given = holder.get(name, default)
    text = str(given) if isinstance(given, int | str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= _MOST):
        raise _FaultError(f"{name} must be a whole number from {least} to {_MOST}, found {ascii(given)[:40]}")
    return int(text)
