"""Hyperparameters and tags: the texts that AWS is given for what the user wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project


def hyperparameters(folder: Path, lines: str) -> dict[str, str]:
    text = f"{SMALLEST}[hyperparameters]\n{lines}\n"
    return dict(load_project(write(folder, text)).environments["dev"].hyperparameters)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("eta = 0.1", "0.1"),
        ("eta = 0.30000000000000004", "0.30000000000000004"),
        ("eta = 1e-7", "1e-07"),
        ("eta = 1.0", "1.0"),
        ('eta = "0.10"', "0.10"),
        ("num_round = 1_000", "1000"),
        ("seed = -5", "-5"),
        ("save_model_on_termination = true", "true"),
        ("deterministic_histogram = false", "false"),
        ('eval_metric = ["rmse", "mae"]', "rmse,mae"),
        ('eval_metric = "rmse,mae"', "rmse,mae"),
        ('updater = ["refresh", "prune"]', "refresh,prune"),
        ("monotone_constraints = [1, 0, -1]", "(1,0,-1)"),
        ("monotone_constraints = [1]", "(1,)"),
        ("interaction_constraints = [[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
    ],
)
def test_hyperparameters_as_sagemaker_takes_them(tmp_path: Path, written: str, sent: str) -> None:
    assert hyperparameters(tmp_path, written) == {written.partition(" ")[0]: sent}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("eta = nan", "9: eta must be text, a number, true or false, not the number nan."),
        ("eta = inf", "9: eta must be text, a number, true or false, not the number inf."),
        ('eta = ""', "9: eta is empty. Leave it out to get XGBoost's own default."),
        ("seed = 2026-01-01", "9: seed must be text, a number, true or false, not a date or time."),
        ('"" = 1', '9: "" has no name.'),
        (
            'monotone_constraints = ["1"]',
            "9: monotone_constraints must be text, a number, true or false, not a list; "
            "lists are for eval_metric, updater and constraints.",
        ),
        (
            f'note = "{"x" * 2501}"',
            "9: note is longer than SageMaker takes (256 characters for a name, 2500 for a value).",
        ),
    ],
)
def test_hyperparameters_that_have_no_text(tmp_path: Path, written: str, message: str) -> None:
    assert problems(tmp_path, f"{SMALLEST}[hyperparameters]\n{written}\n") == [message]


def test_sagemaker_takes_a_hundred_hyperparameters(tmp_path: Path) -> None:
    many = "\n".join(f"p{i} = {i}" for i in range(101))
    assert problems(tmp_path, f"{SMALLEST}[hyperparameters]\n{many}\n") == [
        "8: [hyperparameters] has 101 hyperparameters; SageMaker takes 100."
    ]
    assert len(hyperparameters(tmp_path, many.rpartition("\n")[0])) == 100


def test_tags_are_kept_as_they_are(tmp_path: Path) -> None:
    text = f'{SMALLEST}[tags]\n"cost:centre" = "a b/c=1+2-3@x"\n"Ümlaut" = "ä"\nempty = ""\n'
    environment = load_project(write(tmp_path, text)).environments["dev"]
    assert environment.tags == {"cost:centre": "a b/c=1+2-3@x", "Ümlaut": "ä", "empty": ""}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            '"aws:x" = "y"',
            "9: aws:x has a name that begins with aws:, which AWS keeps for itself. Choose another name.",
        ),
        (
            'a = "b,c"',
            "9: a holds characters that AWS refuses in tags. Use letters, digits, spaces and _ . : / = + - @",
        ),
        (
            f'a = "{"x" * 257}"',
            "9: a is longer than AWS takes (1 to 128 characters for a name, up to 256 for a value).",
        ),
        (
            'team = "a"\nTeam = "b"',
            '8: [tags] has "team" and "Team", which IAM takes for the same tag. Keep one of them.',
        ),
        (
            "\n".join(f'k{i} = "v"' for i in range(50)),
            "8: [tags] has 50 tags; 49 are taken: AWS takes 50, and training jobs get one of Step Functions.",
        ),
    ],
)
def test_tags_that_aws_refuses(tmp_path: Path, written: str, message: str) -> None:
    assert problems(tmp_path, f"{SMALLEST}[tags]\n{written}\n") == [message]
