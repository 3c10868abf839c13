"""Production variants as an endpoint describes them, and which of them a request goes to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_RETAINED = {"DesiredInstanceCount": "DesiredInstanceCount", "DesiredWeight": "DesiredWeight"}


def summaries(
    variants: Sequence[Mapping[str, Any]],
    images: Mapping[str, str],
    now: float,
    *,
    before: Sequence[Mapping[str, Any]] = (),
    retained: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """ProductionVariants of DescribeEndpoint for the variants of an endpoint configuration.

    images:   the image of each variant, by its name.
    before:   the summaries before an update; retained: the properties to keep of variants that go on
              (`DesiredInstanceCount`, `DesiredWeight`), as RetainAllVariantProperties asks.
    """
    kept = {summary["VariantName"]: summary for summary in before}
    retained = set(retained)
    shown = []
    for variant in variants:
        name = variant["VariantName"]
        old = kept.get(name, {})
        weight = float(variant["InitialVariantWeight"])
        count = variant["InitialInstanceCount"]
        if "DesiredWeight" in retained:
            weight = old.get("DesiredWeight", weight)
        if "DesiredInstanceCount" in retained:
            count = old.get("DesiredInstanceCount", count)
        image = images[name]
        shown.append(
            {
                "VariantName": name,
                "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}],
                "CurrentWeight": weight,
                "DesiredWeight": weight,
                "CurrentInstanceCount": count,
                "DesiredInstanceCount": count,
            }
        )
    return shown


def retained_properties(request: Mapping[str, Any]) -> set[str]:
    """Which properties an UpdateEndpoint request keeps."""
    if not request.get("RetainAllVariantProperties"):
        return set()
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or ()}
    return set(_RETAINED) - excluded


class Traffic:
    """Shares requests among variants by weight, evenly: of 10 requests at weights 9 and 1, exactly one is the second's.

    Smooth weighted round-robin rather than chance, so that small numbers of requests already show the weights.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0} or dict(weights)
        self._current = dict.fromkeys(self._weights, 0.0)
        self._lock = threading.Lock()

    def choose(self) -> str:
        """The variant that the next request goes to."""
        with self._lock:
            for name, weight in self._weights.items():
                self._current[name] += weight
            chosen = max(self._current, key=lambda name: self._current[name])
            self._current[chosen] -= sum(self._weights.values())
            return chosen
