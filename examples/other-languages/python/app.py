"""A resource server that trusts a Bailiwick. The middleware is Authlib's (RFC 9068), for Flask."""

import json
import os
import time
import urllib.request

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc6750 import InsufficientScopeError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, jsonify
from werkzeug.serving import make_server

KEYS_SECONDS = 300  # A new key is published long before it signs, so this may be as long as the answer's max-age.


class Bailiwick(JWTBearerTokenValidator):
    """Signature, `typ`, issuer, audience and times are Authlib's; what one may do are our `permissions`."""

    keys, fetched = None, 0.0

    def get_jwks(self):
        if self.keys is None or time.monotonic() - self.fetched > KEYS_SECONDS:
            with urllib.request.urlopen(f"{self.issuer}/.well-known/jwks.json", timeout=5) as answer:
                self.keys, self.fetched = json.load(answer), time.monotonic()
        return self.keys

    def validate_token(self, token, scopes, request, **others):
        super().validate_token(token, None, request, **others)
        if self.scope_insufficient(token.get("permissions", []), scopes):
            raise InsufficientScopeError()


app = Flask(__name__)
needs = ResourceProtector()
needs.register_token_validator(Bailiwick(os.environ["ISSUER"], os.environ["AUDIENCE"]))


@app.get("/charts/<chart>")
@needs("charts:read")
def read_chart(chart):
    return jsonify(chart=chart, read_by=current_token["sub"])


@app.post("/prescriptions")
@needs("prescriptions:create")
def prescribe():
    return jsonify(prescribed_by=current_token["sub"]), 201


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "0")), app)
    print(json.dumps({"base_url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()
