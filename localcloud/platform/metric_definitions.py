"""The metric definitions of the built-in XGBoost, and what they find in a log line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
_METRICS = """
    accuracy auc aucpr balanced_accuracy error f1 f1_binary f1_macro logloss mae map mape merror mlogloss mse ndcg
    poisson-nloglik gamma-nloglik gamma-deviance tweedie-nloglik aft-nloglik cox-nloglik mphe precision
    precision_macro precision_micro r2 recall recall_macro recall_micro rmse rmsle
""".split()  # noqa: SIM905  a word list


def built_in_metric_definitions() -> list[dict[str, str]]:
    """`[{"Name": "train:rmse", "Regex": …}, …]`, as DescribeTrainingJob shows them for the built-in XGBoost."""
    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:{_NUMBER}.*"}
        for channel in ("train", "validation")
        for metric in _METRICS
    ]


class MetricReader:
    """Applies metric definitions to log lines.

    definitions: the job's own MetricDefinitions, besides the built-in ones. Raises ValueError for a broken Regex.
    """

    def __init__(self, definitions: Sequence[Mapping[str, str]] = ()) -> None:
        own = {definition["Name"]: definition["Regex"] for definition in definitions}
        try:
            self._own = {name: re.compile(regex) for name, regex in own.items()}
        except re.error as error:
            raise ValueError(f"A metric definition has a broken Regex: {error}") from None
        self._built_in = {
            definition["Name"].replace(":", "-", 1): (definition["Name"], re.compile(definition["Regex"]))
            for definition in built_in_metric_definitions()
            if definition["Name"] not in own
        }

    def read(self, line: str) -> list[tuple[str, float]]:
        """Names and values that the definitions find in one line, which shows a tab as `#011`."""
        found: list[tuple[str, float]] = []
        # Every definition begins with a "#011" and a name: only those whose name stands there are worth a search.
        for field in line.split("#011")[1:]:
            name, pattern = self._built_in.get(field.partition(":")[0], (None, None))
            if name and pattern and (match := pattern.search(line)):
                found.append((name, float(match[1])))
        for name, pattern in self._own.items():
            if (match := pattern.search(line)) and match.groups():
                try:
                    found.append((name, float(match[1])))
                except (TypeError, ValueError):
                    continue  # a group that is no number is no metric
        return found
