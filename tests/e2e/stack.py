"""The stack as `sam deploy` would make it: code in a bucket, the template sent to CloudFormation."""

import copy
import io
import json
import subprocess
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import boto3
import yaml
from botocore.config import Config
from samtranslator.translator.transform import transform

# Longest wait, in seconds, for a change of the stack.
PATIENCE = 90
BUCKET = "code"


class Surprise(Exception):
    """Something is not as it must be."""


def client(service):
    """A client for the emulator, which AWS_ENDPOINT_URL names. A call is tried once: what fails shall show."""
    return boto3.client(service, config=Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=60))


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the functions that they stand for."""


def _function(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if name == "Fn::GetAtt" else text}


Template.add_multi_constructor("!", _function)


def read(path):
    """The template as plain data."""
    return yaml.load(Path(path).read_text(), Loader=Template)


def functions(template):
    """The logical ids of the functions, with their resources."""
    resources = template["Resources"].items()
    return {name: it for name, it in resources if it["Type"] == "AWS::Serverless::Function"}


def _archive(binary, folder):
    stripped = folder / binary.name
    # A development binary has 100 MB and more, most of it for debuggers.
    subprocess.run(["strip", "-o", stripped, binary], check=True)
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        entry.compress_type = zipfile.ZIP_STORED
        archive.writestr(entry, stripped.read_bytes())
    return blob.getvalue()


def package(template, binaries, folder):
    """What `sam package` does: each function's code goes to the bucket, and the template names it there."""
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    folder.mkdir()
    for function in functions(template).values():
        name = Path(function["Properties"]["CodeUri"]).name
        s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=_archive(binaries / name, folder))
        function["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": f"{name}.zip"}


def versions(template, release):
    """The versions of functions that the SAM transform has published of a packaged template, for a release."""
    given = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    no_policies = SimpleNamespace(load=dict)
    made = transform(copy.deepcopy(template), {**given, "Release": release}, no_policies)["Resources"]
    return {name for name, it in made.items() if it["Type"] == "AWS::Lambda::Version"}


def sent(name, template):
    """The address of a template that goes by the bucket: a call itself takes 51,200 bytes, the bucket 1 MB (CloudFormation:
    quotas)."""
    key = f"{name}.template"
    s3 = client("s3")
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    return f"{s3.meta.endpoint_url}/{BUCKET}/{key}"


class Stack:
    """A stack of the template."""

    def __init__(self, name, template):
        self.name = name
        self.cloudformation = client("cloudformation")
        self.template = template

    def _arguments(self, parameters):
        return {
            "StackName": self.name,
            "TemplateURL": sent(self.name, self.template),
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }

    def create(self, **parameters):
        self.cloudformation.create_stack(**self._arguments(parameters))
        self._wait("CREATE_COMPLETE")

    def update(self, **parameters):
        self.cloudformation.update_stack(**self._arguments(parameters))
        self._wait("UPDATE_COMPLETE")

    def adopt(self, table, **parameters):
        """Begins the stack on a table that another one has left, as `infra/deploy --adopt` does."""
        whole = self.template
        body = {
            "AWSTemplateFormatVersion": whole["AWSTemplateFormatVersion"],
            "Parameters": {"KmsKeyArn": whole["Parameters"]["KmsKeyArn"]},
            "Conditions": {"HasKmsKey": whole["Conditions"]["HasKmsKey"]},
            "Resources": {"Table": whole["Resources"]["Table"]},
        }
        wanted = {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceId": "Table",
            "ResourceIdentifier": {"TableName": table},
        }
        change = {"StackName": self.name, "ChangeSetName": "adopt-table"}
        self.cloudformation.create_change_set(
            **change, ChangeSetType="IMPORT", TemplateURL=sent(f"{self.name}-table", body), ResourcesToImport=[wanted]
        )
        self.cloudformation.get_waiter("change_set_create_complete").wait(**change, WaiterConfig={"Delay": 1})
        self.cloudformation.execute_change_set(**change)
        self._wait("IMPORT_COMPLETE")
        self.update(**parameters)

    def delete(self):
        self.cloudformation.delete_stack(StackName=self.name)
        self._wait("DELETE_COMPLETE")

    def _describe(self):
        return self.cloudformation.describe_stacks(StackName=self.id)["Stacks"][0]

    @property
    def id(self):
        # A deleted stack is known by its id alone.
        if not hasattr(self, "_id"):
            self._id = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        return self._id

    def _wait(self, wanted):
        until = time.monotonic() + PATIENCE
        while True:
            status = self._describe()["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            if time.monotonic() > until:
                raise Surprise(f"the stack stays {status}")
            time.sleep(0.2)
        if status != wanted:
            events = self.cloudformation.describe_stack_events(StackName=self.id)["StackEvents"]
            failed = [
                f"{event['LogicalResourceId']}: {event['ResourceStatus']} {event.get('ResourceStatusReason', '')}"
                for event in events
                if "FAILED" in event["ResourceStatus"] or "ROLLBACK" in event["ResourceStatus"]
            ]
            raise Surprise("\n  ".join([f"the stack is {status}", *failed]))

    def outputs(self):
        return {output["OutputKey"]: output["OutputValue"] for output in self._describe().get("Outputs", [])}

    def resources(self):
        """What was made, by logical id: type and physical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            it["LogicalResourceId"]: (it["ResourceType"], it["PhysicalResourceId"])
            for page in pages
            for it in page["StackResourceSummaries"]
        }
