"""Plays what RBTools does with Review Board's repositories against a server: its library's calls and its commands.

The token of an administrator is taken from the environment, REPOPLANE_TOKEN, so that it stands in no list of processes.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True, help="where the server is, without /api/")
    parser.add_argument("--remotes", nargs=2, required=True, help="two Git remotes that the server reaches and does not know")
    return parser.parse_args()


def main(given, token, scratch):
    # These read where the home directory is when they are imported.
    import calls
    import commands

    plays = calls.Plays(given.base, token, given.remotes, scratch)
    plays.identity()
    plays.writing()
    plays.listing()
    plays.refusals()
    plays.password()
    commands.play(given.base, plays.username, token, plays.repository, scratch)
    plays.deleting()
    plays.leaving()


if __name__ == "__main__":
    began = time.monotonic()
    wanted, secret = arguments(), os.environ.pop("REPOPLANE_TOKEN")
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of the settings, cookies and answers that RBTools keeps for whoever calls this.
        os.environ["HOME"] = folder
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "RBTOOLS_CONFIG_PATH", "APPDATA"):
            os.environ.pop(name, None)
        os.chdir(folder)
        from rbtools.api.errors import APIError
        from surprises import Surprise

        try:
            main(wanted, secret, Path(folder))
        except Surprise as surprise:
            sys.exit(f"surprise: {surprise}")
        except APIError as error:
            traceback.print_exc(limit=3)
            sys.exit(f"surprise: {error.http_status} {error.rsp or error}")
    print(f"RBTools: {time.monotonic() - began:.0f} s")
