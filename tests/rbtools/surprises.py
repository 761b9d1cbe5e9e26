"""What a check says: a line that begins with `ok`, or the first surprise."""


class Surprise(Exception):
    """Something is not as it must be."""


def ok(title):
    print(f"ok  {title}", flush=True)


def same(what, found, wanted):
    if found != wanted:
        raise Surprise(f"{what}: {found!r} instead of {wanted!r}")
