"""A real Git server on loopback: `git http-backend` behind Python's own HTTP server."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SKILL = "---\nname: {name}\ndescription: What {name} does\n---\n\nDo it.\n"
# Nothing of the machine's own settings.
SETTINGS = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "a@x.example" for who in ("AUTHOR", "COMMITTER")},
}


class GitServer:
    """Serves a folder of repositories until the process ends."""

    def __init__(self, root):
        root.mkdir()
        self.root = root
        handler = type("Handler", (_Handler,), {"root": root})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.place = f"127.0.0.1:{server.server_address[1]}"

    def _git(self, name, *arguments, text=None):
        done = subprocess.run(
            ["git", *arguments], cwd=self.root / name, env={**os.environ, **SETTINGS}, input=text,
            capture_output=True, text=True, check=True,
        )
        return done.stdout.strip()

    def make(self, name):
        (self.root / name).mkdir()
        self._git(name, "init", "--quiet", "--bare", "--initial-branch=main")

    def commit(self, name, *skills):
        """A commit with these skills; its hash."""
        parent = self._git(name, "for-each-ref", "--format=%(objectname)", "refs/heads/main")
        lines = ["commit refs/heads/main", "committer A <a@x.example> 1700000000 +0000", "data 0"]
        lines += [f"from {parent}"] if parent else []
        lines += ["deleteall"]
        for skill in skills:
            content = SKILL.format(name=skill)
            lines += [f"M 100644 inline skills/{skill}/SKILL.md", f"data {len(content)}", content]
        self._git(name, "fast-import", "--quiet", "--force", text="\n".join(lines) + "\n")
        return self._git(name, "rev-parse", "refs/heads/main")


class _Handler(BaseHTTPRequestHandler):
    def _answer(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("content-length") or 0)
        environment = {
            **os.environ, **SETTINGS, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("content-type", ""), "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=self.rfile.read(length), capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_):
        pass


def alone(root, names):
    """Serves a commit in each repository of a folder, and says where, until the process is ended."""
    server = GitServer(Path(root))
    for name in names:
        server.make(name)
        server.commit(name, "triage")
    print(f"git server: {server.place}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    alone(sys.argv[1], sys.argv[2:])
