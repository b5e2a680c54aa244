"""The RPCs on locations and their CMEK configuration."""

from __future__ import annotations

import re
from typing import Final

from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.messages import (
    CmekConfig,
    GetCmekConfigRequest,
    GetLocationRequest,
    ListLocationsRequest,
    ListLocationsResponse,
    Location,
    UpdateCmekConfigRequest,
)
from queuewright.engine.service.calls import Caller, Calls
from queuewright.engine.service.pages import page_size

REGIONS: Final = (
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
)
"""The regions that ListLocations lists. The engine itself accepts any location."""

_MOST: Final = 300
_is_cmek_config = re.compile(r"(projects/[^/]+/locations/[^/]+)/cmekConfig").fullmatch


class LocationCalls(Calls):
    """ListLocations, GetLocation, GetCmekConfig and UpdateCmekConfig."""

    async def list_locations(
        self, request: ListLocationsRequest, caller: Caller
    ) -> ListLocationsResponse:
        """Return Google Cloud's regions and any other location that has queues here."""
        project = names.check_project(request.name)
        self._allow(caller, "cloudtasks.locations.list", project)
        size = page_size(request.page_size, _MOST)
        query = f"locations {project}"
        now_us = self._clock.now_us()
        after = str(self._parts.pages.after(request.page_token, query, now_us) or "")
        in_use = {
            names.short(names.location_of(queue.name))
            for queue in self._registry
            if names.project_of(queue.name) == project
        }
        locations = [name for name in sorted(in_use.union(REGIONS)) if name > after]
        response = ListLocationsResponse(
            locations=[_location(project, name) for name in locations[:size]]
        )
        if len(locations) > size:
            response.next_page_token = self._parts.pages.token(query, locations[size - 1], now_us)
        return response

    async def get_location(self, request: GetLocationRequest, caller: Caller) -> Location:
        """Return a location. Every well-formed name is a location."""
        name = names.check_location(request.name)
        self._allow(caller, "cloudtasks.locations.get", name)
        return _location(names.project_of(name), names.short(name))

    async def get_cmek_config(self, request: GetCmekConfigRequest, caller: Caller) -> CmekConfig:
        """Return a configuration without a key."""
        self._allow(caller, "cloudtasks.cmekConfig.get", _cmek_location(request.name))
        return CmekConfig(name=request.name)

    async def update_cmek_config(
        self, request: UpdateCmekConfigRequest, caller: Caller
    ) -> CmekConfig:
        """Refuse: customer-managed keys are not emulated."""
        location = _cmek_location(request.cmek_config.name)
        self._allow(caller, "cloudtasks.cmekConfig.update", location)
        raise refusals.unimplemented("Customer-managed encryption keys are not emulated.")


def _location(project: str, location_id: str) -> Location:
    return Location(name=f"{project}/locations/{location_id}", location_id=location_id)


def _cmek_location(name: str) -> str:
    match = _is_cmek_config(name)
    if not match:
        raise refusals.invalid(
            'CMEK config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
            '/cmekConfig".'
        )
    return names.check_location(match[1])
