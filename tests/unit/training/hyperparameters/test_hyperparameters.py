"""The hyperparameter check: every rule of the container, every problem at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstand.errors import Problem
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters
from training.hyperparameters.table import ALIASES, TABLE
from training.hyperparameters.values import Choice, Integer, Interval, Real

TUTORIAL = {"num_round": "150", "max_depth": "5", "eta": "0.1", "objective": "reg:squarederror"}


def messages(values: dict[str, str], **more: object) -> list[str]:
    return [problem.message for problem in check_hyperparameters(values, **more)]  # type: ignore[arg-type]


def test_the_tutorials_hyperparameters_have_no_problem() -> None:
    assert check_hyperparameters(TUTORIAL) == []
    assert container_error(TUTORIAL) is None


def test_all_problems_are_reported_at_once_each_with_its_place() -> None:
    values = {"max_dept": "5", "eta": "3", "objective": "reg:squareerror"}
    assert check_hyperparameters(values, where=lambda name: f"kickstand.toml:{name}") == [
        Problem(
            "num_round, the number of boosting rounds, is required.",
            "kickstand.toml:num_round",
            "Set num_round, for example to 100.",
        ),
        Problem(
            "max_dept is not a hyperparameter of SageMaker's XGBoost.",
            "kickstand.toml:max_dept",
            "Did you mean max_depth?",
        ),
        Problem("eta is 3; it must be a number in [0, 1].", "kickstand.toml:eta", ""),
        Problem(
            "objective is reg:squareerror, which the algorithm does not know.",
            "kickstand.toml:objective",
            "Did you mean reg:squarederror?",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("max_dept", "Did you mean max_depth?"),
        ("Eta", "Did you mean eta?"),
        ("learning-rate", "Did you mean learning_rate?"),
        ("n_estimators", "Did you mean num_round?"),
        ("random_state", "Did you mean seed?"),
        ("zzzz", ""),
    ],
)
def test_a_misspelt_name_gets_the_near_one(name: str, suggestion: str) -> None:
    assert [p.fix for p in check_hyperparameters({**TUTORIAL, name: "1"})] == [suggestion]


@pytest.mark.parametrize(
    ("name", "inside", "outside", "expected"),
    [
        ("num_round", ["1", "4000"], ["0", "-1", "1.5", "many", ""], "a whole number at least 1"),
        ("csv_weights", ["0", "1"], ["2", "true"], "a whole number in [0, 1]"),
        ("verbosity", ["0", "3"], ["4", "-1"], "a whole number in [0, 3]"),
        ("max_depth", ["0", "9"], ["-1", "5.0"], "a whole number at least 0"),
        ("num_parallel_tree", ["1"], ["0"], "a whole number at least 1"),
        ("prob_buffer_row", ["2"], ["1"], "a whole number greater than 1"),
        ("seed", ["-2147483647", "2147483646"], ["2147483647"], "a whole number in (-2147483648, 2147483647)"),
        ("eta", ["0", "1", "1e-3"], ["3", "-0.1", "fast"], "a number in [0, 1]"),
        ("gamma", ["0", "50"], ["-1"], "a number at least 0"),
        ("subsample", ["0.1", "1"], ["0", "1.01"], "a number in (0, 1]"),
        ("sketch_eps", ["0.5"], ["0", "1"], "a number in (0, 1)"),
        ("scale_pos_weight", ["0.1", "9"], ["0"], "a number greater than 0"),
        ("tweedie_variance_power", ["1.5"], ["1", "2"], "a number in (1, 2)"),
        ("booster", ["gbtree", "dart"], ["gbtre", "tree"], "one of gbtree, gblinear, dart"),
        ("save_model_on_termination", ["true", "false"], ["yes", "True"], "one of true, false"),
    ],
)
def test_ranges_and_enumerations_are_the_containers(
    name: str, inside: list[str], outside: list[str], expected: str
) -> None:
    for text in inside:
        assert messages({**TUTORIAL, name: text}) == [], text
    for text in outside:
        (message,) = messages({**TUTORIAL, name: text})
        assert message.startswith(f"{name} is ")
        assert message.endswith(f"it must be {expected}."), message


@pytest.mark.contract("T26")
def test_infinity_and_nan_are_refused_though_the_container_lets_them_pass() -> None:
    assert messages({**TUTORIAL, "gamma": "inf"}) == ["gamma is inf; it must be a number at least 0, and finite."]
    assert messages({**TUTORIAL, "eta": "nan"}) == ["eta is nan; it must be a number in [0, 1], and finite."]
    assert container_error({**TUTORIAL, "eta": "nan"}) is None


def test_an_alias_is_the_hyperparameter_and_not_both() -> None:
    assert messages({"num_round": "1", "learning_rate": "2"}) == ["learning_rate is 2; it must be a number in [0, 1]."]
    assert messages({"num_round": "1", "reg_lambda": "2", "lambda": "1"}) == [
        "reg_lambda and lambda are two names of the same hyperparameter."
    ]


@pytest.mark.contract("T18", "T19", "T25")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"eval_metric": "rmse,mae"}, []),
        ({"eval_metric": "rmse,rsme"}, ["eval_metric holds 'rsme', which is not a metric of the algorithm."]),
        ({"eval_metric": "rmse, mae"}, ["eval_metric holds ' mae', which is not a metric of the algorithm."]),
        ({"objective": "binary:logistic", "eval_metric": "error@0.3,auc"}, []),
        (
            {"eval_metric": "rmse@2"},
            ["eval_metric holds 'rmse@2'; a threshold goes with error@t, ndcg@t, map@t only."],
        ),
        ({"eval_metric": "error@x"}, ["eval_metric holds 'error@x'; behind the @ it must be a number."]),
        (
            {"eval_metric": "auc"},
            ["eval_metric auc needs a binary: or rank: objective; objective is reg:squarederror."],
        ),
        (
            {"eval_metric": "aft-nloglik"},
            ["eval_metric aft-nloglik needs objective survival:aft; objective is reg:squarederror."],
        ),
        ({"objective": "multi:softmax"}, ["objective multi:softmax needs num_class, the number of classes."]),
        ({"objective": "multi:softmax", "num_class": "x"}, ["num_class is 'x'; it must be a whole number at least 2."]),
        ({"objective": "multi:softprob", "num_class": "3"}, []),
        ({"monotone_constraints": "(1,0,-1)", "tree_method": "hist"}, []),
        (
            {"monotone_constraints": "(1,0,-1)"},
            ["monotone_constraints needs tree_method exact or hist; tree_method is not set."],
        ),
        (
            {"monotone_constraints": "(1,2)", "tree_method": "hist"},
            [
                "monotone_constraints is (1,2); it must be a tuple of -1, 0 and 1, one for each feature, "
                "such as (1,0,-1)."
            ],
        ),
        (
            {"interaction_constraints": "[[1,2],[3]]", "tree_method": "approx"},
            ["interaction_constraints passes the container's check, which hands xgboost numbers for feature names."],
        ),
        (
            {"interaction_constraints": "[[0,2]]", "tree_method": "approx"},
            [
                "interaction_constraints is [[0,2]]; it must be a list of lists of feature numbers from 1 on, "
                "such as [[1,2],[3,4,5]]."
            ],
        ),
        ({"booster": "gblinear", "updater": "shotgun"}, []),
        (
            {"booster": "gblinear", "updater": "shotgun,coord_descent"},
            ["booster gblinear takes exactly one updater, shotgun or coord_descent; found shotgun,coord_descent."],
        ),
        ({"updater": "shotgun"}, ["updater shotgun goes with booster gblinear only; booster is not set."]),
        (
            {"updater": "grow_colmaker,grow_histmaker"},
            [
                "at most one updater may grow trees (grow_colmaker, distcol, grow_histmaker); "
                "found grow_colmaker,grow_histmaker."
            ],
        ),
        ({"_tuning_objective_metric": "validation:rmse"}, []),
    ],
)
def test_structured_values_and_dependencies(values: dict[str, str], expected: list[str]) -> None:
    assert messages({**TUTORIAL, **values}) == expected


def test_a_metric_needs_an_objective() -> None:
    (message,) = messages({"num_round": "1", "eval_metric": "rmse"})
    assert message == "eval_metric needs an objective beside it: without one the container cannot check the metric."


def test_a_rule_says_nothing_about_a_value_that_is_already_wrong() -> None:
    assert len(messages({"num_round": "1", "objective": "bogus", "eval_metric": "auc"})) == 1
    assert len(messages({**TUTORIAL, "tree_method": "bogus", "monotone_constraints": "(1,)"})) == 1


def test_tuning_metric_is_of_the_validation_channel() -> None:
    (problem,) = check_hyperparameters({**TUTORIAL, "_tuning_objective_metric": "train:rmse"})
    assert problem.fix == "Did you mean validation:rmse?"


def test_early_stopping_needs_a_validation_channel_and_a_metric() -> None:
    values = {**TUTORIAL, "early_stopping_rounds": "5"}
    assert messages({**values, "eval_metric": "rmse"}) == []
    assert messages(values) == ["early_stopping_rounds needs a metric to watch; without one the container ignores it."]
    assert messages({**values, "eval_metric": "rmse"}, channels=["train"]) == [
        "early_stopping_rounds needs a validation channel; without one the container ignores it."
    ]


def test_limits_of_create_training_job() -> None:
    long = {**TUTORIAL, "tree_method": "hist", "monotone_constraints": f"({'1,' * 1300})"}
    assert messages(long) == ["monotone_constraints has 2602 characters; SageMaker takes 2500 at most."]


def test_a_hostile_literal_is_a_plain_fault() -> None:
    for text in ("__import__('os').system('true')", "(" * 5000, "1", "[1,0]", ""):
        assert len(messages({**TUTORIAL, "tree_method": "hist", "monotone_constraints": text})) >= 1


@pytest.mark.contract("T10")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_dept": "5"}, "Missing required hyperparameter: num_round"),
        ({"num_round": "5", "eta": "3", "max_dept": "5"}, "Extraneous hyperparameter found: max_dept"),
        ({"num_round": "x"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
        ({"num_round": "5", "learning_rate": "3"}, "Hyperparameter eta: 3.0 is not in [0, 1]"),
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"num_round": "5", "subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        (
            {"num_round": "5", "booster": "x"},
            "Hyperparameter booster: x is not in ['gbtree', 'gblinear', 'dart']",
        ),
        (
            {"num_round": "5", "objective": "multi:softmax"},
            "Require input for parameter 'num_class' for multi-classification",
        ),
    ],
)
def test_the_containers_words_for_its_first_error(values: dict[str, str], words: str) -> None:
    assert container_error(values) == words


@pytest.mark.contract("T18", "T19")
def test_values_are_read_as_the_container_reads_them() -> None:
    assert parse_hyperparameters(
        {
            "num_round": "150",
            "learning_rate": "0.1",
            "eval_metric": "rmse,mae",
            "updater": "grow_histmaker,prune",
            "monotone_constraints": "(1, 0,-1)",
            "interaction_constraints": "[[1, 2], [3]]",
            "booster": "dart",
        }
    ) == {
        "num_round": 150,
        "eta": 0.1,
        "eval_metric": ["rmse", "mae"],
        "updater": "grow_histmaker,prune",
        "monotone_constraints": (1, 0, -1),
        "interaction_constraints": [[1, 2], [3]],
        "booster": "dart",
    }


@pytest.mark.contract("T29")
@settings(max_examples=75, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*TABLE, *ALIASES]) | st.text(max_size=12),
        st.text(max_size=12)
        | st.integers().map(str)
        | st.floats().map(str)
        | st.sampled_from(["rmse", "(1,)", "[[1]]"]),
        max_size=8,
    )
)
def test_whatever_is_given_is_answered_and_what_passes_can_be_read(values: dict[str, str]) -> None:
    problems = check_hyperparameters(values)
    assert all(problem.message for problem in problems)
    if not problems:
        assert set(parse_hyperparameters(values)) == {ALIASES.get(name, name) for name in values}
        assert container_error(values) is None
    if container_error(values):
        assert problems


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_number_passes_exactly_when_it_is_in_its_interval(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from([rule for rule in TABLE.values() if isinstance(rule, Integer | Real)]))
    number = data.draw(st.integers(-5, 5) if isinstance(rule, Integer) else st.floats(-5, 5))
    faults = rule.faults(rule.name, str(number), rule.parse(str(number)))
    low, high = rule.range.low, rule.range.high
    inside = (low is None or number > low or (number == low and not rule.range.low_open)) and (
        high is None or number < high or (number == high and not rule.range.high_open)
    )
    assert (faults == []) == inside


def test_the_table_has_each_name_of_the_contract_once() -> None:
    assert len(TABLE) == 53
    assert [name for name, rule in TABLE.items() if rule.required] == ["num_round"]
    assert all(isinstance(TABLE[name], Choice) for name in ("booster", "tree_method", "objective"))
    assert str(Interval(0, low_open=True)) == "(0, +inf)"
