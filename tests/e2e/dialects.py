"""One operation and more of each dialect on the deployed stack, in its own manner."""

import base64
import os
import subprocess
from pathlib import Path

from drives import PATIENCE, expect, ok
from http_client import Api
from stack import Surprise


def nautes(deployment):
    """What `nautes apply` of a Product, a Project and a CodeRepo file sends."""
    api = deployment.admin
    product, code = "/api/v1/products/demo", "/api/v1/products/demo/coderepos/web"
    git = {"gitlab": {"name": "demo", "path": "demo", "visibility": "private", "description": ""}}
    expect("a product", api.call("POST", product, {"git": git}), 200)
    expect("a project", api.call("POST", f"{product}/projects/shop", {"language": "golang"}), 200)
    git = {"gitlab": {"name": "web", "path": "web", "visibility": "private", "description": "shop front end"}}
    body = {"project": "shop", "webhook": {"events": ["push_events"]}, "pipeline_runtime": True, "git": git}
    expect("a code repository", api.call("POST", code, body), 200)
    # The command line asks with a slash at the end and a body.
    listed = expect("the list", api.call("GET", f"{product}/coderepos/", {"name": ""}), 200)["items"]
    if [(it["name"], it["project"], it["pipeline_runtime"]) for it in listed] != [("web", "shop", True)]:
        raise Surprise(f"the list of code repositories: {listed}")
    seen = expect("the native view", api.call("GET", "/api/repos"), 200)["repos"]
    if [it["name"] for it in seen if it["namespace"] == "product/demo"] != ["product/demo/web"]:
        raise Surprise(f"the native view of a product: {seen}")
    expect("no token", Api(api.base).call("GET", code), 401)
    for _ in range(2):
        expect("its end", api.call("DELETE", code), 200)
    expect("nothing", api.call("GET", code), 404)
    ok("a code repository is saved, listed and deleted as the Nautes command line does it")


def abf(deployment):
    """What `abf add` sends, and the list of packages."""
    admin = deployment.admin
    pair = base64.b64encode(f"admin:{admin.token}".encode()).decode()
    api, signed = Api(admin.base), {"authorization": f"Basic {pair}"}

    def call(method, path, body=None):
        answer = api.call(method, path, body, signed)
        if answer.status == 200 and not answer.headers.get("etag"):
            raise Surprise(f"{method} {path} has no entity tag")
        return expect(f"{method} {path}", answer, 200)

    platform = expect("a platform", admin.call("POST", "/api/platforms", {"name": "cooker"}), 201)
    platform = platform["platform"]["number"]
    body = {"repository": {"platform_id": platform, "name": "contrib", "description": "Contributed packages"}}
    repository = call("POST", "/api/v1/repositories.json", body)["repository"]["id"]
    project = expect("a project", admin.call("POST", "/api/projects", {"name": "hello"}), 201)["project"]["number"]
    found = call("GET", "/api/v1/search.json?type=platforms&query=cooker&per_page=100")["results"]["platforms"]
    if [it["id"] for it in found] != [platform]:
        raise Surprise(f"the search for a platform: {found}")
    call("PUT", f"/api/v1/repositories/{repository}/add_project.json", {"project_id": project})
    shown = call("GET", f"/api/v1/repositories/{repository}/projects.json?page=1&per_page=100")["repository"]
    if [it["name"] for it in shown["projects"]] != ["hello"]:
        raise Surprise(f"the projects of a repository: {shown}")
    packages = api.call("GET", f"/api/v1/repositories/{repository}/packages.csv", None, signed)
    if packages.status != 200 or not packages.text.startswith("Project owner,Project name,Package name,Epoch,"):
        raise Surprise(f"the list of packages: {packages}")
    again = api.call("GET", f"/api/v1/repositories/{repository}/packages.csv", None, signed)
    if (again.status, again.text) != (403, "Access violation to this page!"):
        raise Surprise(f"the next list within the window: {again}")
    call("DELETE", f"/api/v1/repositories/{repository}/remove_project.json", {"project_id": project})
    ok("a project is added to a platform's repository as the ABF console client does it")


def reviewboard(deployment, git, python):
    """What RBTools, Review Board's own client, does: the program says so itself."""
    api = deployment.admin
    names = ("demo.git", "other.git")
    for name in names:
        git.make(name)
        git.commit(name, "triage")
    play = Path(__file__).parents[1] / "rbtools/play.py"
    command = [python, play, "--base", api.base, "--remotes", *(f"http://{git.place}/{name}" for name in names)]
    played = subprocess.run(
        command, env={**os.environ, "REPOPLANE_TOKEN": api.token}, capture_output=True, text=True, timeout=PATIENCE * 3
    )
    if played.returncode:
        raise Surprise(f"RBTools: {played.stdout[-3000:]}{played.stderr[-3000:]}")
    for line in played.stdout.splitlines():
        if line.startswith("ok  "):
            ok(f"RBTools: {line.removeprefix('ok  ')}")
