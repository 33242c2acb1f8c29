"""Who calls, from where, and what the calls must not do. Nothing here changes what is expected of an answer.

The test says in the environment who the caller is (tests/it/schemathesis.rs).
"""

import base64
import itertools
import os

import schemathesis
import urllib3.util.connection
from schemathesis.core.parameters import ParameterLocation

TOKEN = os.environ["BAILIWICK_TOKEN"]  # empty: nobody
API = "Basic " + base64.b64encode(os.environ["BAILIWICK_API"].encode()).decode()
# Somebody and something that exist: ids made up name nobody, and what is behind them would never be reached.
KNOWN = {"/api/v1/users/": ("id", os.environ["BAILIWICK_PERSON"]), "/api/v1/roles/": ("name", "nurse")}
# The caller's own id and session, which an answer may have told: whoever ends themselves asks nothing more.
OWN = set(os.environ["BAILIWICK_OWN"].split(",")) - {""}
NOBODY = "00000000-0000-7000-8000-000000000000"

# Without their token, since they would end the caller's session and all later calls would be 401. Everything but what a success does is still asked.
ENDS_THE_SESSION = {
    "/api/v1/sign-out",
    "/api/v1/sign-out/everywhere",
    "/api/v1/keys/rotate",  # "emergency" refuses every token that was issued before
}

# Each connection comes from another loopback address: an address that guesses wrong waits (docs/throttling.md), and a wait hides what is behind it.
_addresses = (f"127.{a}.{b}.{c}" for a in range(1, 255) for b in range(1, 255) for c in range(1, 255))
_connect = urllib3.util.connection.create_connection


def _from_elsewhere(address, *args, **kwargs):
    kwargs["source_address"] = (next(_addresses), 0)
    return _connect(("127.0.0.1", address[1]), *args, **kwargs)


urllib3.util.connection.create_connection = _from_elsewhere

_turn = itertools.count()


def _is_generated(case, place):
    """Whether this part of a call is there to violate the schema."""
    part = case.meta and case.meta.components.get(place)
    return bool(part) and part.mode.is_negative


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if "authorization" not in {name.lower() for name in case.headers or {}}:
        if path == "/.well-known/bailiwick-roles":
            case.headers["Authorization"] = API
        elif TOKEN and path not in ENDS_THE_SESSION:
            case.headers["Authorization"] = TOKEN
    if path.startswith("/api/v1/sign-in"):
        case.headers["Connection"] = "close"
    for name, value in (case.path_parameters or {}).items():
        if value in OWN:
            case.path_parameters[name] = NOBODY
    for start, (name, value) in KNOWN.items():
        known = path.startswith(start + "{" + name + "}") and case.path_parameters
        if known and next(_turn) % 2 == 0 and not _is_generated(case, ParameterLocation.PATH):
            case.path_parameters[name] = value
