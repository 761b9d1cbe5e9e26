"""Deploys the template to the emulator of `run.sh` and drives the stack. Fails at the first surprise."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import botocore.exceptions
import dialects
import drives
import emulator
import reach
import stack as stacks
from drives import PATIENCE, ok
from git_server import GitServer
from http_client import Api
from stack import Surprise, client

ROOT = Path(__file__).parents[2]


class Deployment:
    """The stack with what its drives need."""

    def __init__(self, stack, double):
        self.stack, self.double = stack, double
        self.outputs = stack.outputs()
        self.resources = stack.resources()
        self.anonymous = Api(emulator.address(self.outputs["ApiId"]))
        self.admin = None

    def bootstrap(self):
        """The very first call, with the token that the stack made."""
        secret = client("secretsmanager").get_secret_value(SecretId=self.outputs["BootstrapSecretArn"])
        first = Api(self.anonymous.base, secret["SecretString"])
        body = {"tenant": "acme", "username": "ann", "email": "ann@example.com"}
        answer = drives.expect("the first call", first.call("POST", "/api/bootstrap", body), 201)
        self.admin = Api(self.anonymous.base, answer["token"])
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


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--double", required=True)
    parser.add_argument("--rbtools", type=Path, required=True, help="the Python that has RBTools")
    parser.add_argument("--storm", type=int, default=300)
    return parser.parse_args()


def main(given):
    template = stacks.read(given.template)
    print(f"for the emulator: {'; '.join(emulator.adapted(template))}", flush=True)
    stacks.package(template, given.binaries, given.work / "package")
    first, second = (stacks.versions(template, release) for release in ("0000000001", "0000000002"))
    if len(first) != len(stacks.functions(template)) or first & second:
        raise Surprise(f"another release keeps versions: {first}, {second}")
    ok("another release publishes a version of every function")
    git = GitServer(given.work / "git")
    stack = stacks.Stack("repoplane", template)
    parameters = {"Release": "0000000001", "Architecture": "x86_64", "EgressAllow": f"{given.double.removeprefix('http://')},{git.place}"}
    stack.create(**parameters)
    ok("the stack is green")

    deployment = Deployment(stack, given.double)
    reach.mappings(deployment, ok)
    deployment.bootstrap()
    reach.routes(deployment, ok)
    deployment.tour()
    # The schedule comes once a minute: it is waited for at the end.
    schedule = drives.Schedule(deployment, git)
    drives.robots(deployment, given.binaries / "robot-worker")
    drives.storm(deployment, given.storm)
    dialects.nautes(deployment)
    dialects.abf(deployment)
    dialects.reviewboard(deployment, git, given.rbtools)
    drives.rotation(deployment)
    drives.events(deployment)
    drives.poison(deployment)
    beside = stacks.Stack("beside", template)
    beside.create(**drives.every_parameter(parameters))
    drives.second(deployment, Deployment(beside, given.double))
    schedule.wait()
    drives.update(deployment, parameters)
    drives.denied()
    drives.delete(deployment)
    again = stacks.Stack("repoplane", template)
    again.adopt(deployment.outputs["TableName"], **parameters)
    drives.adopted(deployment, Deployment(again, given.double))


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main(arguments())
    except (Surprise, botocore.exceptions.ClientError) as surprise:
        drives.complaints(sys.stderr)
        sys.exit(f"surprise: {surprise}")
    print(f"all drives: {time.monotonic() - began:.0f} s")
