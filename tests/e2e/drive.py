"""Deploys the template to the emulator of `run.sh` and drives the stack. Fails at the first surprise."""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import emulator
import reach
import stack as stacks
from http_client import Api
from stack import Surprise, client

ROOT = Path(__file__).parents[2]
# What a drive may take, in seconds.
PATIENCE = 90


def ok(title):
    print(f"ok  {title}", flush=True)


def eventually(what, check, patience=PATIENCE):
    """What the check answers, once it answers something."""
    until = time.monotonic() + patience
    while not (found := check()):
        if time.monotonic() > until:
            raise Surprise(f"{what}: not within {patience} s")
        time.sleep(0.3)
    return found


def complaints():
    """What the functions have logged of trouble, newest last."""
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        lines = [event["message"] for event in events if re.search(r'"level":"(WARN|ERROR)"|errorMessage', event["message"])]
        for line in lines[-10:]:
            print(f"{group['logGroupName']}: {line[:1000]}", file=sys.stderr)


class Deployment:
    """The stack with what its drives need."""

    def __init__(self, stack, double):
        self.stack, self.double = stack, double
        self.outputs = stack.outputs()
        self.resources = stack.resources()
        base = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{self.outputs['ApiId']}/$default"
        self.anonymous = Api(base)
        self.admin = None

    def bootstrap(self):
        """The very first call, with the token that the stack made."""
        secret = client("secretsmanager").get_secret_value(SecretId=self.outputs["BootstrapSecretArn"])
        first = Api(self.anonymous.base, secret["SecretString"])
        body = {"tenant": "acme", "username": "ann", "email": "ann@example.com"}
        answer = first.call("POST", "/api/bootstrap", body)
        if answer.status != 201:
            raise Surprise(f"the first call: {answer}")
        self.admin = Api(self.anonymous.base, answer.json()["token"])
        if (again := first.call("POST", "/api/bootstrap", body)).status < 400:
            raise Surprise(f"a second first call: {again}")
        ok("the bootstrap token makes the first tenant, once")

    def tour(self):
        environment = {**os.environ, "BASE": self.admin.base, "TOKEN": self.admin.token, "DOUBLE": self.double}
        tour = subprocess.run(
            ["bash", ROOT / "local/tour/tour.sh"], env=environment, capture_output=True, text=True, timeout=PATIENCE * 2
        )
        if tour.returncode:
            raise Surprise(f"the tour: {tour.stderr}{tour.stdout[-3000:]}")
        ok("the tour of the main job passes")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--template", type=Path, required=True)
    arguments.add_argument("--binaries", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--double", required=True)
    arguments.add_argument("--storm", type=int, default=300)
    given = arguments.parse_args()

    template = stacks.read(given.template)
    changes = emulator.adapted(template)
    print(f"for the emulator: {'; '.join(changes)}", flush=True)
    stacks.package(template, given.binaries, given.work / "package")
    stack = stacks.Stack("repoplane", template)
    parameters = {"Architecture": "x86_64", "EgressAllow": given.double.removeprefix("http://")}
    stack.create(**parameters)
    ok("the stack is green")

    deployment = Deployment(stack, given.double)
    reach.mappings(deployment, template, ok)
    deployment.bootstrap()
    reach.routes(deployment, ok)
    deployment.tour()


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main()
    except Surprise as surprise:
        complaints()
        sys.exit(f"surprise: {surprise}")
    print(f"all drives: {time.monotonic() - began:.0f} s")
