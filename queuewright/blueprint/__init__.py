"""What follows from a spec: names, identities, grants, routing, variables, APIs. Pure."""

from queuewright.blueprint.derive import blueprint
from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    AppEngineRoute,
    Blueprint,
    FunctionPlan,
    Grant,
    HandlerPlan,
    HandlerRoute,
    LocalPlan,
    QueuePlan,
    Reason,
    RuntimePlan,
    SecretPlan,
    ServicePlan,
    UrlPlan,
    UrlRoute,
)

__all__ = [
    "AccountPlan",
    "AppEnginePlan",
    "AppEngineRoute",
    "Blueprint",
    "FunctionPlan",
    "Grant",
    "HandlerPlan",
    "HandlerRoute",
    "LocalPlan",
    "QueuePlan",
    "Reason",
    "RuntimePlan",
    "SecretPlan",
    "ServicePlan",
    "UrlPlan",
    "UrlRoute",
    "blueprint",
]
