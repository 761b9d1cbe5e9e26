"""What the emulator does otherwise, made up for in the template before it is deployed there. Listed in docs/deploy.md."""


def adapted(template):
    """Changes what would keep the emulator from making or running the stack; says what."""
    resources = template["Resources"]
    changes = []
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
    return changes


def statements(properties):
    """The statements of a function's policies; those that are there under a condition only are left alone."""
    policies = [policy for policy in properties.get("Policies", []) if isinstance(policy, dict)]
    return [statement for policy in policies for statement in policy.get("Statement", [])]


def actions(statement):
    """The actions of a statement, of which one may stand without a list."""
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
