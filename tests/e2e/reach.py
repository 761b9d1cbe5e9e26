"""Whether everything that the template wires is wired."""

import json
import re
from pathlib import Path

from stack import Surprise, client

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"
METHODS = ("get", "put", "post", "patch", "delete", "head")
# What stands for a path's variable: well formed, and of nothing that exists.
PLACEHOLDERS = {
    "provider": "github",
    "slug": "not-found",
    "file": "swagger-ui.css",
}
# What invokes which function, besides the gateway. Written out: a list of the template would not miss what it lost.
MAPPINGS = {"SyncJobsMapping": "Sync", "DispatchMapping": "Dispatch"}
SCHEDULES = {"SyncTick": "Sync", "SyncSweep": "Sync", "DispatchTick": "Dispatch"}
ABSENT = "01k2z6m3v0q9w8e7r6t5y4n3k2"


def _filled(path):
    return re.sub(r"{(\w+)}", lambda found: PLACEHOLDERS.get(found[1], ABSENT), path)


def routes(deployment, ok):
    """Every operation of the document reaches the function that has it.

    The gateway's own answers carry no request id of ours, and a function that is asked for a path of another says that it
    cannot.
    """
    document = json.loads(DOCUMENT.read_text())
    asked = 0
    for path, operations in document["paths"].items():
        for method in sorted(set(METHODS) & set(operations)):
            body = {} if method in ("post", "put", "patch") else None
            answer = deployment.admin.call(method.upper(), _filled(path), body)
            asked += 1
            if not answer.headers.get("x-request-id"):
                raise Surprise(f"{method} {path} does not reach a function: {answer}")
            if answer.status >= 500 or f"Cannot {method.upper()}" in answer.text:
                raise Surprise(f"{method} {path} does not reach the function that has it: {answer}")
    ok(f"{asked} operations on {len(document['paths'])} paths reach their functions")

    unknown = deployment.anonymous.call("GET", "/no/such/path")
    if unknown.status != 404 or unknown.headers.get("content-type") != "application/problem+json":
        raise Surprise(f"an unknown path: {unknown}")
    ok("an unknown path is answered in our words")


def mappings(deployment, ok):
    """Queue, stream and schedules invoke the functions' aliases: each is there and switched on."""
    there = {it["UUID"]: it for it in client("lambda").list_event_source_mappings()["EventSourceMappings"]}
    for name, function in MAPPINGS.items():
        mapping = there.get(deployment.resources.get(name, (None, None))[1], {})
        if mapping.get("State") != "Enabled" or not _is_alias(deployment, function, mapping["FunctionArn"]):
            raise Surprise(f"the mapping {name} is {mapping.get('State')}, to {mapping.get('FunctionArn')}")
    ok(f"{len(MAPPINGS)} event source mappings are enabled")

    scheduler = client("scheduler")
    for name, function in SCHEDULES.items():
        if name not in deployment.resources:
            raise Surprise(f"there is no schedule {name}")
        schedule = scheduler.get_schedule(Name=deployment.resources[name][1].rsplit("/", 1)[-1])
        target = schedule["Target"]
        if schedule["State"] != "ENABLED" or not _is_alias(deployment, function, target["Arn"]):
            raise Surprise(f"the schedule {name} is {schedule['State']}, to {target['Arn']}")
        if target["RetryPolicy"]["MaximumRetryAttempts"] != 0:
            raise Surprise(f"the schedule {name} is repeated: {target['RetryPolicy']}")
    ok(f"{len(SCHEDULES)} schedules are enabled")


def _is_alias(deployment, function, arn):
    return arn.endswith(f":function:{deployment.resources[function][1]}:live")
