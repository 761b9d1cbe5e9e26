"""What a program does with RBTools' library."""

import time
import urllib.request

from rbtools.api.client import RBClient
from rbtools.api.errors import APIError, AuthorizationError, BadRequestError
from surprises import Surprise, ok, same

# Which of RBTools' headers say who asks.
IDENTITY = ("Authorization", "Cookie")
# An id that no repository has.
ABSENT = 2147483647
# How long a list that is not filtered by names or paths may lack what was written, and an instance that has just seen a session
# may believe it after its end, in seconds.
PATIENCE = 40


class Wire(urllib.request.BaseHandler):
    """Notes what goes over the wire, after RBTools has put its headers on it."""

    handler_order = 900

    def __init__(self):
        self.calls = []

    def http_request(self, request):
        headers = {name: request.get_header(name) for name in (*IDENTITY, "If-none-match")}
        self.calls.append({"method": request.get_method(), "url": request.full_url, **headers})
        return request

    def http_response(self, _, response):
        self.calls[-1]["status"] = response.status
        return response

    https_request, https_response = http_request, http_response

    def identities(self):
        """By which headers each call said who asks."""
        return [[name for name in IDENTITY if call[name]] for call in self.calls]


def eventually(what, check):
    """Waits until the check holds."""
    until = time.monotonic() + PATIENCE
    while not check():
        if time.monotonic() > until:
            raise Surprise(f"{what}: not within {PATIENCE} s")
        time.sleep(1)


def noted(repository):
    """What is noted on a repository, as plain data."""
    return repository.rsp["repository"]["extra_data"]


class Plays:
    """An administrator's program, with what it has made."""

    def __init__(self, base, token, remotes, scratch):
        self.base, self.token, self.remotes, self.scratch = base.rstrip("/"), token, remotes, scratch
        self.made = 0
        self.client, self.wire = self.connect(api_token=token)
        self.username = self.repository = self.other = None

    def connect(self, **identity):
        """A client that knows nothing of the others, and its wire: the opener is one for the whole process."""
        self.made += 1
        cookies = self.scratch / f"cookies-{self.made}"
        client = RBClient(self.base, cookie_file=str(cookies), in_memory_cache=True, **identity)
        wire = Wire()
        urllib.request._opener.add_handler(wire)
        return client, wire

    def url(self, path):
        return f"{self.base}/api/{path}"

    def identity(self):
        """What the server is, and who asks."""
        root = self.client.get_root()
        same("the level of the API", root.product.package_version, "8.1")
        session = root.get_session(expand="user")
        same("the session", session.authenticated, True)
        self.username = session.user.username
        link = root.get_session().links.user
        same("the session's user", link.title, self.username)
        info = root.get_info()
        same("the tools", list(info.capabilities.scmtools.supported_tools), ["git"])
        same("the product", info.product.name, root.product.name)
        same("who asks", self.wire.identities(), [["Authorization"], ["Cookie"], ["Cookie"], ["Cookie"]])
        same("how", self.wire.calls[0]["Authorization"].split()[0], "token")
        same("the cookie's name", self.wire.calls[1]["Cookie"].split("=")[0], "rbsessionid")
        ok("a token is sent once, and the cookie is enough afterwards")
        # The first answer was one to nobody's cookie, which answers vary by.
        for _ in range(2):
            self.client.get_root()
        last = self.wire.calls[-1]
        same("the root again", (last["status"], bool(last["If-none-match"])), (304, True))
        ok("what has not changed is answered from RBTools' cache")

    def writing(self):
        """Repositories are registered and changed, by the cookie alone."""
        repositories = self.client.get_root().get_repositories()
        fields = {"tool": "Git", "public": True}
        made = repositories.create(name="RBTools Démo", path=self.remotes[0], **fields)
        self.other = repositories.create(name="Other", path=self.remotes[1], bug_tracker="https://bugs.example/%s", **fields)
        seen = [made.name, made.path, made.mirror_path, made.tool, made.bug_tracker, made.visible, noted(made)]
        same("a registered repository", seen, ["RBTools Démo", self.remotes[0], "", "Git", "", True, {}])
        same("its abilities", [made.requires_basedir, made.requires_change_number, made.supports_post_commit], [False] * 3)
        same("the other's bug tracker", self.other.bug_tracker, "https://bugs.example/%s")
        ok("repositories are registered after the server has looked at their remotes")
        hidden = made.update(name="Demo", visible=False)
        same("a changed repository", (hidden.id, hidden.name, hidden.visible), (made.id, "Demo", False))
        same("what is hidden", [*self.named("Demo")], [])
        same("what is hidden, when asked for", [it.name for it in self.named("Demo", show_invisible=True)], ["Demo"])
        teamed = hidden.update(extra_data__team="core")
        same("its free data", noted(teamed), {"team": "core"})
        self.repository = teamed.update(visible=True, extra_data__team="web", extra_data__floor="2")
        same("its free data later", noted(self.repository), {"team": "web", "floor": 2})
        same("its name later", self.repository.name, "Demo")
        same("who asks", set(map(tuple, self.wire.identities()[1:])), {("Cookie",)})
        ok("a repository is renamed, hidden, noted on and shown again")

    def named(self, name, **query):
        return self.client.get_root().get_repositories(name=name, **query)

    def listing(self):
        """The list in every form that RBTools asks for."""
        root = self.client.get_root()
        mine = {self.repository.id, self.other.id}
        eventually("the whole list", lambda: mine <= {it.id for it in root.get_repositories().all_items})
        whole = root.get_repositories()
        ids = [it.id for it in whole.all_items]
        same("the whole list", (whole.total_results, ids == sorted(ids)), (len(ids), True))
        same("those of a name and tool", [it.id for it in self.named("Demo", tool="Git")], [self.repository.id])
        same("those of another tool", [*self.named("Demo", tool="Subversion")], [])
        same("a counted list", root.get_repositories(counts_only=True).count, len(ids))
        slim = root.get_repositories(only_fields="id,name", only_links="", name="Demo")
        same("a slim item", slim.rsp["repositories"], [{"id": self.repository.id, "name": "Demo"}])
        pages = root.get_repositories(max_results=1)
        same("a page", (len(pages), pages.total_results), (1, len(ids)))
        begun = len(self.wire.calls)
        same("all pages", [it.id for it in pages.all_items], ids)
        same("how often the next page is asked for", len(self.wire.calls) - begun, len(ids) - 1)
        ok(f"{len(ids)} repositories are listed: whole, filtered, counted, slim and page by page")

        item = root.get_repository(repository_id=self.repository.id)
        same("a repository", item.rsp, self.repository.rsp)
        same("the same by its own link", item.get_self().rsp, item.rsp)
        self.refused("information that Git does not have", (501, 209), item.get_info)
        branches = [(it.name, it.default, it.commit) for it in item.get_branches()]
        commits = [(it.id, it.author_name) for it in item.get_commits(branch="main")]
        same("its branch and commit", [(name, default) for name, default, _ in branches], [("main", True)])
        same("its commits", commits, [(branches[0][2], "A")])
        empty = [item.get_repository_users(), item.get_repository_groups(), item.get_diff_file_attachments()]
        same("what a repository has below it", [len(it) for it in empty], [0, 0, 0])
        ok("a repository is read, and so is what is below it")

    def refused(self, what, wanted, call, *arguments, kind=APIError, **fields):
        """What RBTools raises for a call that is refused."""
        try:
            answer = call(*arguments, **fields)
        except kind as error:
            same(what, (error.http_status, error.error_code), wanted)
            return error
        raise Surprise(f"{what} is answered: {answer!r}")

    def refusals(self):
        root = self.client.get_root()
        create = root.get_repositories().create
        wrong = {"name": "x" * 256, "tool": "Nope", "path": "/srv/git/demo.git"}
        error = self.refused("bad fields", (400, 105), create, kind=BadRequestError, **wrong)
        same("the bad fields", sorted(error.rsp["fields"]), ["name", "path", "tool"])
        gone = f"{self.remotes[0]}-absent"
        self.refused("no repository there", (400, 205), create, name="Gone", tool="Git", path=gone)
        self.refused("a name that is taken", (409, 229), self.other.update, name="Demo")
        self.refused("a remote that is taken", (409, 229), create, name="Twice", tool="Git", path=self.remotes[0])
        self.refused("an unknown id", (404, 100), root.get_repository, repository_id=ABSENT)
        self.refused("an unknown path", (404, 100), self.client.get_path, "repositories/1/nothing/")
        same("the other's name", self.client.get_root().get_repository(repository_id=self.other.id).name, "Other")
        stranger, _ = self.connect()
        self.refused("nobody", (401, 103), stranger.get_root, kind=AuthorizationError)
        stranger, wire = self.connect(api_token=f"{self.token}x")
        self.refused("a wrong token", (401, 104), stranger.get_root, kind=AuthorizationError)
        same("how often a wrong token is sent", len(wire.calls), 1)
        self.client, self.wire = self.connect(api_token=self.token)
        ok("what is refused raises what RBTools knows: fields, conflicts, unknown ids, nobody and wrong tokens")

    def password(self):
        """A user name with a token as its password, given after the client was made."""
        client, wire = self.connect()
        client.login(self.username, self.token)
        root = client.get_root()
        same("the session", root.get_session().authenticated, True)
        same("a repository", root.get_repository(repository_id=self.repository.id).update(name="Demo").name, "Demo")
        same("who asks", wire.identities(), [["Authorization"], *[["Cookie"]] * 3])
        same("how", wire.calls[0]["Authorization"].split()[0], "Basic")
        cookie = wire.calls[1]["Cookie"].split("=", 1)[1]
        other, wire = self.connect(session=cookie)
        same("the same session elsewhere", other.get_root().get_session().authenticated, True)
        same("who asks there", wire.identities(), [["Cookie"]] * 2)
        again, wire = self.connect(username=self.username, password=self.token)
        again.get_root().get_session()
        beside = wire.calls[1]["Cookie"].split("=", 1)[1]
        client, wire = self.connect(session=cookie)
        client.logout()
        same("the end", (wire.calls[-1]["method"], wire.calls[-1]["url"]), ("DELETE", self.url("session/")))
        eventually("the end of a session", lambda: self.is_over(cookie))
        same("a session beside the ended one", self.is_over(beside), False)
        ok("a user name and a token log in once; the logout ends that session alone, wherever it is used")
        self.client, self.wire = self.connect(api_token=self.token)

    def is_over(self, cookie):
        """Whether who has nothing but this cookie is nobody."""
        client, _ = self.connect(session=cookie)
        try:
            return not client.get_root().get_session().authenticated
        except AuthorizationError as error:
            same("why a session is over", error.error_code, 103)
            return True

    def deleting(self):
        root = self.client.get_root()
        for repository in (root.get_repository(repository_id=it.id) for it in (self.repository, self.other)):
            same("what deleting answers", repository.delete(), None)
            self.refused("a deleted repository", (404, 100), root.get_repository, repository_id=repository.id)
            self.refused("deleting it again", (404, 100), repository.delete)
        again = root.get_repositories().create(name="Demo", tool="Git", path=self.remotes[0])
        again.delete()
        ok("a repository is deleted, and its name and remote are free again")

    def leaving(self):
        self.client.logout()
        same("the end", (self.wire.calls[-1]["method"], self.wire.calls[-1]["status"]), ("DELETE", 204))
        self.refused("afterwards", (401, 103), self.client.get_root, kind=AuthorizationError)
        same("who asks afterwards", self.wire.identities()[-1], [])
        ok("after the logout the program is nobody")
