"""What the emulator does otherwise, made up for in the template before it is deployed there. Listed in docs/deploy.md."""

import os

SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${BootstrapSecret}*"
# The gateway's own address at AWS, where links lead unless a domain is given.
AWS_ADDRESS = {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}


def address(api):
    """Where the emulator has the gateway of an API."""
    return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}/$default"


def adapted(template):
    """Changes what would keep the emulator from making or running the stack; says what."""
    resources = template["Resources"]
    changes = []
    # It has no CodeDeploy: aliases move at once.
    del template["Globals"]["Function"]["DeploymentPreference"]
    changes.append("DeploymentPreference left out")
    for name, resource in list(resources.items()):
        properties = resource.get("Properties", {})
        # Its alarms know no metric mathematics.
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
            del resources[name]
            changes.append(f"{name} left out")
        # It asks for an action of the batch's own; at AWS the batch takes sqs:SendMessage (IAM: actions of Amazon SQS).
        for statement in statements(properties):
            if "sqs:SendMessage" in actions(statement):
                statement["Action"] = [*actions(statement), "sqs:SendMessageBatch"]
                changes.append(f"{name} may sqs:SendMessageBatch")
            # To it, a secret's reference is its name; at AWS it is the ARN.
            if statement["Resource"] == {"Ref": "BootstrapSecret"}:
                statement["Resource"] = {"Fn::Sub": SECRET}
                changes.append(f"{name} names the bootstrap secret by its ARN")
        # Links that clients follow lead to where it has the gateway.
        variables = properties.get("Environment", {}).get("Variables", {})
        for variable, value in variables.items():
            variables[variable] = replaced(value, {"Fn::Sub": address("${Api}")})
            if variables[variable] != value:
                changes.append(f"{name} has the emulator's address as {variable}")
    return changes


def statements(properties):
    """The statements of a role's policies; those that are there under a condition only are left alone."""
    documents = [policy.get("PolicyDocument", {}) for policy in properties.get("Policies", [])]
    return [statement for document in documents for statement in document.get("Statement", [])]


def actions(statement):
    """The actions of a statement, of which one may stand without a list."""
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def replaced(value, address):
    """A value with another address in place of AWS's."""
    if value == AWS_ADDRESS:
        return address
    if isinstance(value, dict) and "Fn::If" in value:
        condition, *picks = value["Fn::If"]
        return {"Fn::If": [condition, *(replaced(pick, address) for pick in picks)]}
    return value
