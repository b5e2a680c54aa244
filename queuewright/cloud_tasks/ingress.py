"""Which requests may reach a function: the API's names for the words of Cloud Run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FUNCTION_INGRESS: Final[Mapping[str, str]] = {
    "all": "ALLOW_ALL",
    "internal": "ALLOW_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "ALLOW_INTERNAL_AND_GCLB",
}
"""https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#ingresssettings"""
