"""Calls of the deployed API."""

import hashlib
import hmac
import json
import urllib.error
import urllib.request
import zlib

# Longest wait for an answer, in seconds: a little more than the gateway's.
TIMEOUT = 35
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text)

    def __str__(self):
        return f"{self.status} {self.text[:600]}"


class Api:
    """The API at an address, called with a token or without."""

    def __init__(self, base, token=None):
        self.base, self.token = base, token

    def call(self, method, path, body=None, headers=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers or {})
        if data is not None and "content-type" not in {name.lower() for name in request.headers}:
            request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            answer = _opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Answer(answer.status, answer.headers, answer.read())


def github_webhook(api, repository, secret, number, name, host):
    """Posts an opened issue of a repository of that name at that host, signed as GitHub does."""
    event = {
        "action": "opened",
        "issue": {"number": number, "title": f"Issue {number}", "body": "It crashes."},
        "repository": {
            "id": zlib.crc32(name.encode()), "full_name": name, "html_url": f"{host}/{name}", "default_branch": "main",
        },
        "sender": {"login": "octocat", "id": 1, "type": "User"},
    }
    body = json.dumps(event).encode()
    headers = {
        "x-github-event": "issues",
        "x-github-delivery": f"e2e-{repository}-{number}",
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return api.call("POST", f"/api/webhook/github/{repository}", body, headers)
