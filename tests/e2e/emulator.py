"""What the emulator does otherwise, made up for in the template before it is deployed there. Listed in docs/deploy.md."""

SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${BootstrapSecret}*"


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
    return changes


def statements(properties):
    """The statements of a role's policies; those that are there under a condition only are left alone."""
    documents = [policy.get("PolicyDocument", {}) for policy in properties.get("Policies", [])]
    return [statement for document in documents for statement in document.get("Statement", [])]


def actions(statement):
    """The actions of a statement, of which one may stand without a list."""
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
