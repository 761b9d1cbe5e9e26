"""What people do with `rbt` in a clone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from surprises import Surprise, ok, same

# Longest time of one command, in seconds: without an answer some ask for ever.
PATIENCE = 60


class Shell:
    """A clone, in which commands run with a home directory of their own."""

    def __init__(self, base, folder):
        self.base, self.home, self.clone = base, folder / "home", folder / "clone"
        self.home.mkdir()
        wide = {"COLUMNS": "400", "NO_COLOR": "1", "PYTHONUTF8": "1"}
        # Nothing of the machine's own settings.
        git = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        self.environment = {**os.environ, **wide, **git, "HOME": str(self.home)}

    def run(self, *command, where=None, answers="", status=0):
        done = subprocess.run(
            command, cwd=where or self.clone, env=self.environment, input=answers, capture_output=True, text=True,
            timeout=PATIENCE,
        )
        if done.returncode != status:
            raise Surprise(f"{command[1]}: {done.returncode} {done.stdout[-1500:]} {done.stderr[-1500:]}")
        return done.stdout

    def rbt(self, command, *arguments, **how):
        return self.run(str(Path(sys.executable).with_name("rbt")), command, *arguments, **how)


def expect(what, text, part):
    if part not in text:
        raise Surprise(f"{what} says {text!r} and not {part!r}")


def play(base, username, token, repository, scratch):
    shell = Shell(base, scratch)
    shell.run("git", "clone", "--quiet", repository.path, str(shell.clone), where=scratch)
    server = ("--server", base)

    said = shell.rbt("login", *server, "--username", username, "--password", token)
    expect("rbt login", said, "Successfully logged in")
    cookies = shell.home / ".rbtools-cookies"
    expect("the cookies", cookies.read_text(), "rbsessionid")
    expect("rbt login again", shell.rbt("login", *server), "already logged in")
    ok("rbt login keeps a session for the commands that follow")

    listed = json.loads(shell.rbt("api-get", *server, "repositories/"))
    same("rbt api-get", (listed["stat"], listed["total_results"]), ("ok", len(listed["repositories"])))
    if repository.id not in [it["id"] for it in listed["repositories"]]:
        raise Surprise(f"rbt api-get does not list the repository: {listed}")
    paged = json.loads(shell.rbt("api-get", *server, "repositories/", "--max-results=1"))
    same("a page", (len(paged["repositories"]), paged["total_results"]), (1, listed["total_results"]))
    same("its next page", paged["links"]["next"]["href"].split("?")[0], f"{base}/api/repositories/")
    error = json.loads(shell.rbt("api-get", *server, "repositories/2147483647/", status=1))
    same("an unknown repository", (error["stat"], error["err"]["code"]), ("fail", 100))
    ok("rbt api-get prints lists, pages and errors")

    # It asks which of the repositories that look like the clone's, and whether to write what it shows.
    said = shell.rbt("setup-repo", *server, answers="1\nyes\n")
    expect("rbt setup-repo", said, f'Selecting "{repository.name}" ({repository.path})')
    settings = (shell.clone / ".reviewboardrc").read_text().splitlines()
    wanted = {f'REVIEWBOARD_URL = "{base}"', f'REPOSITORY = "{repository.name}"', 'REPOSITORY_TYPE = "git"'}
    if not wanted <= set(settings):
        raise Surprise(f"rbt setup-repo writes {settings}")
    ok("rbt setup-repo finds the repository of a clone")

    # The server and the repository are told by the file that was written.
    expect("rbt status", shell.rbt("status"), "No review requests found.")
    (shell.clone / ".reviewboardrc").unlink()
    expect("rbt status without settings", shell.rbt("status", *server), "No review requests found.")
    ok("rbt status ends well, with the settings and without")

    expect("rbt logout", shell.rbt("logout", *server), "You are now logged out")
    if "rbsessionid" in cookies.read_text():
        raise Surprise("the cookie is kept after rbt logout")
    expect("rbt logout again", shell.rbt("logout", *server), "already logged out")
    ok("rbt logout ends the session")
