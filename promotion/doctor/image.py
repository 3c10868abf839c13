"""The training and serving image of the environment's region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotion.doctor.finding import Finding

if TYPE_CHECKING:
    from kickstand.config.model import Environment


def image_finding(environment: Environment) -> Finding:
    """Look the image up in the table; InputError where AWS has none.

    The registry itself is not asked: it belongs to AWS, and grants a pull to execution roles but no description.
    """
    from infra.images import image_uri

    uri = image_uri(environment.region, environment.algorithm.version)
    return Finding("image", "ok", f"{uri}, by the repository's table; AWS's registry itself cannot be asked.")
