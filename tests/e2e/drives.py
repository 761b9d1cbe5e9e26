"""What is done with the deployed stack, each ending in a line that begins with `ok`."""

import json
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from http_client import Api, github_webhook
from stack import Surprise, client

# What a drive may take, in seconds.
PATIENCE = 90
# Senders of the storm.
SENDERS = 16


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


def expect(what, answer, *statuses):
    """The answer's JSON, if it has one of the statuses."""
    if answer.status not in statuses:
        raise Surprise(f"{what}: {answer}")
    return answer.json() if answer.text else None


def listed(api, path, key):
    """All rows of a list, page by page."""
    rows, cursor = [], ""
    while cursor is not None:
        page = expect(path, api.call("GET", f"{path}?limit=100{cursor}"), 200)
        rows += page[key]
        cursor = f"&cursor={page['nextCursor']}" if page.get("nextCursor") else None
    return rows


def queue_length(url):
    name = "ApproximateNumberOfMessages"
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    return int(attributes[name])


class Hooked:
    """A repository with a robot and a rule that makes a task of every new issue."""

    def __init__(self, api, double, name):
        self.api, self.name, self.host = api, name, f"{double}/github"
        body = {"provider": "github", "name": name, "externalId": name, "apiBaseUrl": f"{double}/github/api/v3"}
        made = expect("a repository", api.call("POST", "/api/repos", body), 201)
        self.id, self.secret = made["repo"]["id"], made["webhookSecret"]
        self.path = f"/api/repos/{self.id}"
        profiles = {"profiles": [{"id": "bot", "remark": "bot", "token": "demo-admin-token"}], "defaultProfileId": "bot"}
        model = {"id": "team", "remark": "team", "apiKey": "demo-model-key", "apiBaseUrl": f"{double}/openai/v1"}
        models = {"codex": {"profiles": [model], "defaultProfileId": "team"}}
        body = {"repoProviderCredential": profiles, "modelProviderCredential": models}
        expect("credentials", api.call("PATCH", self.path, body), 200)
        robot = {
            "name": "Triage", "promptDefault": "Triage #{{issue.number}}", "repoCredentialSource": "repo",
            "repoCredentialProfileId": "bot",
            "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
        }
        robot = expect("a robot", api.call("POST", f"{self.path}/robots", robot), 201)["robot"]["id"]
        expect("its test", api.call("POST", f"{self.path}/robots/{robot}/test"), 200)
        rule = {"name": "New issues", "actions": [{"robotId": robot}]}
        config = {"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}}
        expect("a rule", api.call("PUT", f"{self.path}/automation", config), 200)

    def post(self, number, secret=None):
        """Posts a webhook, again where it is told to come back later: a function's limits, or the gateway's."""
        anonymous = Api(self.api.base)
        until = time.monotonic() + PATIENCE
        while True:
            answer = github_webhook(anonymous, self.id, secret or self.secret, number, self.name, self.host)
            if answer.status not in (429, 503) or time.monotonic() > until:
                return answer
            time.sleep(float(answer.headers.get("retry-after", "0.5")))


def robots(deployment, worker):
    """Webhook, table, stream, queue, worker, and the task is done."""
    hooked = Hooked(deployment.admin, deployment.double, "acme/robots")
    task = expect("a webhook", hooked.post(1), 202)["tasks"][0]["id"]
    body = {"name": "worker", "scopes": ["tasks:read", "tasks:write"]}
    token = expect("a worker's token", deployment.admin.call("POST", "/api/access-tokens", body), 201)["token"]
    command = [worker, "--once", "--api", deployment.admin.base, "--queue-url", deployment.outputs["RobotTasksUrl"]]
    environment = {**os.environ, "REPOPLANE_TOKEN": token}
    environment.update(AWS_ENDPOINT_URL_SQS=os.environ["AWS_ENDPOINT_URL"], AWS_REGION=os.environ["AWS_DEFAULT_REGION"])
    work = subprocess.run(
        [*command, "--command", "cat"], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    done = expect("the task", deployment.admin.call("GET", f"/api/tasks/{task}"), 200)["task"]
    if work.returncode or done["status"] != "succeeded" or "Triage #1" not in done["result"]["output"]:
        raise Surprise(f"the worker: {work.returncode} {work.stderr} {done}")
    ok("a webhook's task reaches a worker by stream and queue, and is done")


def storm(deployment, webhooks):
    """None is lost and none is counted twice; every tenth is posted twice."""
    hooked = Hooked(deployment.admin, deployment.double, "acme/storm")
    queue = deployment.outputs["RobotTasksUrl"]
    before = queue_length(queue)
    numbers = [*range(1, webhooks + 1), *range(10, webhooks + 1, 10)]
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(hooked.post, numbers))
    for answer in answers:
        expect("a webhook of the storm", answer, 200, 202)
    tasks = listed(deployment.admin, f"{hooked.path}/tasks", "tasks")
    issues = sorted(task["issueId"] for task in tasks)
    if issues != list(range(1, webhooks + 1)):
        raise Surprise(f"{webhooks} webhooks of which every tenth came twice made {len(issues)} tasks")
    eventually("the storm's tasks in the queue", lambda: queue_length(queue) >= before + webhooks)
    ok(f"a storm of {len(numbers)} webhooks makes {webhooks} tasks, and all are handed over")


def rotation(deployment):
    hooked = Hooked(deployment.admin, deployment.double, "acme/rotated")
    old, overlap = hooked.secret, 6
    body = {"overlapSeconds": overlap}
    answer = deployment.admin.call("POST", f"{hooked.path}/webhook-secret/rotate", body)
    new, rotated = expect("a rotation", answer, 200)["webhookSecret"], time.monotonic()
    expect("the old secret during the overlap", hooked.post(1, old), 202)
    expect("the new secret", hooked.post(2, new), 202)
    time.sleep(max(0, rotated + overlap + 1 - time.monotonic()))
    expect("the old secret afterwards", hooked.post(3, old), 401)
    expect("the new secret afterwards", hooked.post(4, new), 202)
    ok("a rotated webhook secret is good beside the new one while they overlap, and no longer")


def poison(deployment):
    """A job that nobody can work on ends among the dead letters."""
    sqs = client("sqs")
    jobs, dead = (deployment.resources[name][1] for name in ("SyncJobs", "SyncDeadLetters"))
    kept = sqs.get_queue_attributes(QueueUrl=jobs, AttributeNames=["VisibilityTimeout"])["Attributes"]
    # It would be given out again after 24 minutes only.
    sqs.set_queue_attributes(QueueUrl=jobs, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=jobs, MessageBody="poison")

    def arrived():
        messages = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", [])
        return [message for message in messages if message["Body"] == "poison"]

    eventually("the poison among the dead letters", arrived)
    sqs.set_queue_attributes(QueueUrl=jobs, Attributes=kept)
    ok("a job that cannot be worked on ends among the dead letters")


def events(deployment):
    """What operators are told: a rule of the bus sends it to a queue."""
    sqs, bus = client("sqs"), client("events")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Name": "told", "EventBusName": deployment.outputs["EventBusName"]}
    bus.put_rule(**rule, EventPattern=json.dumps({"source": ["repoplane"]}))
    bus.put_targets(Rule=rule["Name"], EventBusName=rule["EventBusName"], Targets=[{"Id": "told", "Arn": arn}])
    hooked = Hooked(deployment.admin, deployment.double, "acme/told")
    expect("a forged webhook", hooked.post(1, "forged"), 401)

    def told():
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
        kept = [json.loads(message["Body"]) for message in messages]
        ours = [it["detail-type"] for it in kept if it["detail"].get("repositoryId") == hooked.id]
        return "delivery.rejected" in ours

    eventually("an event of the forgery", told)
    ok("an operational event reaches a subscriber of the bus")


class Schedule:
    """A repository on a real Git server. Its first sync comes with its registration, the second from the schedule."""

    def __init__(self, deployment, git):
        self.api, self.git = deployment.admin, git
        git.make("skills.git")
        first = git.commit("skills.git", "triage")
        body = {"provider": "git", "name": "skills", "remoteUrl": f"http://{git.place}/skills.git"}
        repo = expect("a plain Git repository", self.api.call("POST", "/api/repos", body), 201)["repo"]["id"]
        self.path = f"/api/repos/{repo}"
        eventually("the first sync", lambda: self._synced(first))
        ok("a repository of a plain Git server is synced when it is registered")
        self.second = git.commit("skills.git", "triage", "release")
        # Switched off and on, it is due at once, and nobody else queues it.
        for minutes in (None, 5):
            expect("an interval", self.api.call("PATCH", self.path, {"syncIntervalMinutes": minutes}), 200)

    def _synced(self, commit):
        sync = expect("the repository", self.api.call("GET", self.path), 200)["repo"]["sync"]
        return sync["state"] == "ready" and sync["commit"] == commit

    def wait(self):
        eventually("the second sync", lambda: self._synced(self.second))
        skills = expect("its skills", self.api.call("GET", f"{self.path}/skills"), 200)["skills"]
        if sorted(skill["name"] for skill in skills) != ["release", "triage"]:
            raise Surprise(f"its skills: {skills}")
        ok("the schedule finds what is due: the second sync brings the new skill")


def every_parameter(parameters):
    """What a second stack is made with: all that the emulator takes."""
    ec2 = client("ec2")
    subnets = ec2.describe_subnets()["Subnets"]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    certificate = client("acm").request_certificate(DomainName="plane.example.test")["CertificateArn"]
    return {
        **parameters,
        "Stage": "second",
        "DomainName": "plane.example.test",
        "CertificateArn": certificate,
        "CorsOrigins": "https://console.example.test,https://other.example.test",
        "SubnetIds": subnets[0]["SubnetId"],
        "SecurityGroupIds": groups[0]["GroupId"],
        "KmsKeyArn": client("kms").create_key()["KeyMetadata"]["Arn"],
        "Tracing": "Active",
        "ApiConcurrency": "5",
        "WebhookConcurrency": "5",
        "BackgroundConcurrency": "8",
        "WebhookRate": "700",
    }


def second(first, deployment):
    """A stack of every parameter beside the first one, which it leaves alone."""
    if not deployment.outputs["DomainTarget"] or deployment.outputs["TableName"] == first.outputs["TableName"]:
        raise Surprise(f"the second stack: {deployment.outputs}")
    deployment.bootstrap()
    repos = listed(deployment.admin, "/api/repos", "repos")
    stage = client("apigatewayv2").get_stage(ApiId=deployment.outputs["ApiId"], StageName="$default")
    seen = [repos, sorted(stage["RouteSettings"])]
    if seen != [[], ["ANY /api/webhook", "ANY /api/webhook/{proxy+}"]]:
        raise Surprise(f"the second stack: {seen}")
    deployment.stack.delete()
    ok("a second stack, made with every parameter, stands beside the first and goes without it")


def update(deployment, parameters):
    """Another parameter reaches the functions, nothing is lost, and callers notice nothing."""
    known = len(listed(deployment.admin, "/api/repos", "repos"))
    place = "updated.example.test:8443"
    parameters = {**parameters, "Release": "0000000002", "EgressAllow": f"{parameters['EgressAllow']},{place}"}
    ended, failed = threading.Event(), []

    def watch():
        while not ended.is_set():
            if (answer := deployment.admin.call("GET", "/api/me")).status != 200:
                failed.append(str(answer))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        deployment.stack.update(**parameters)
    finally:
        ended.set()
        watcher.join()
    if failed:
        raise Surprise(f"while the stack was updated: {failed[:3]}")
    function = deployment.resources["Repos"][1]
    updated = client("lambda").get_function_configuration(FunctionName=function)
    if place not in updated["Environment"]["Variables"]["REPOPLANE_EGRESS_ALLOW"]:
        raise Surprise("the function does not have the new parameter")
    if len(listed(deployment.admin, "/api/repos", "repos")) != known:
        raise Surprise("repositories are missing after the update")
    ok("an update reaches the functions; callers see no failure and data stays")


def delete(deployment):
    table, secret = deployment.outputs["TableName"], deployment.outputs["BootstrapSecretArn"]
    vault = client("secretsmanager")
    documents = {it["Name"] for it in vault.list_secrets()["SecretList"]}
    deployment.stack.delete()
    names = [it["FunctionName"] for it in client("lambda").list_functions()["Functions"]]
    if any(name.startswith(f"{deployment.stack.name}-") for name in names):
        raise Surprise("functions are left of the deleted stack")
    count = client("dynamodb").scan(TableName=table, Select="COUNT", Limit=10)["Count"]
    left = {it["Name"] for it in vault.list_secrets()["SecretList"]}
    vault.get_secret_value(SecretId=secret)
    if not count or left != documents:
        raise Surprise(f"of the deleted stack's data there are {count} items and {len(left)} of {len(documents)} secrets")
    ok(f"deleting the stack leaves the table and {len(left)} secrets")


def adopted(deployment, again):
    """A stack on what the deleted one has left: its administrator's token is good, and its secrets are read."""
    api = Api(again.anonymous.base, deployment.admin.token)
    repos = listed(api, "/api/repos", "repos")
    hooked = next(repo for repo in repos if repo["name"] == "acme/robots")
    shown = api.call("GET", f"/api/repos/{hooked['id']}/provider-meta?credentialSource=repo")
    expect("a provider call with a credential of before", shown, 200)
    ok(f"a new stack of the same name takes the table over, with {len(repos)} repositories and their credentials")


def denied():
    """What a function was not allowed to do."""
    logs = client("logs")
    lines = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        if "AccessDenied" in event["message"]
    ]
    if lines:
        raise Surprise(f"a role is too narrow: {lines[0][:1000]}")
    ok("no function was denied anything that it asked of AWS")


def complaints(stream):
    """What the functions have logged of trouble, newest last."""
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        lines = [event["message"] for event in events]
        troubled = [line for line in lines if '"WARN"' in line or '"ERROR"' in line or "errorMessage" in line]
        for line in troubled[-10:]:
            print(f"{group['logGroupName']}: {line[:1000]}", file=stream)
