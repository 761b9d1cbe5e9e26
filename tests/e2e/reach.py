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


def mappings(deployment, template, ok):
    """Queues, streams and schedules invoke the functions: each is there and switched on."""
    declared = {
        kind: [name for name, resource in template["Resources"].items() if resource["Type"] == kind]
        for kind in ("AWS::Lambda::EventSourceMapping",)
    }
    lambda_ = client("lambda")
    there = lambda_.list_event_source_mappings()["EventSourceMappings"]
    by_id = {mapping["UUID"]: mapping for mapping in there}
    for name in declared["AWS::Lambda::EventSourceMapping"]:
        physical = deployment.resources.get(name, (None, None))[1]
        state = by_id.get(physical, {}).get("State")
        if state != "Enabled":
            raise Surprise(f"the mapping {name} is {state}")
    ok(f"{len(declared['AWS::Lambda::EventSourceMapping'])} event source mappings are enabled")

    events = {
        f"{name}{event}"
        for name, resource in template["Resources"].items()
        for event, it in resource.get("Properties", {}).get("Events", {}).items()
        if it["Type"] == "ScheduleV2"
    }
    scheduler = client("scheduler")
    schedules = {
        name: physical
        for name, (kind, physical) in deployment.resources.items()
        if kind == "AWS::Scheduler::Schedule"
    }
    if set(schedules) != events:
        raise Surprise(f"schedules: {sorted(schedules)} instead of {sorted(events)}")
    for name, physical in schedules.items():
        schedule = scheduler.get_schedule(Name=physical.rsplit("/", 1)[-1])
        if schedule["State"] != "ENABLED":
            raise Surprise(f"the schedule {name} is {schedule['State']}")
    ok(f"{len(schedules)} schedules are enabled")
