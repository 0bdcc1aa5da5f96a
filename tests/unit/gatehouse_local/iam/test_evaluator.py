"""The evaluator reads IAM's answers, remembers them briefly and says when it couldn't ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote

import pytest

from gatehouse_local.iam.evaluator import RoleEvaluator, RoleUnreadableError

ROLE = "arn:aws:iam::222222222222:role/service/processor"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "rekognition.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}
INLINE = {"Statement": [{"Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": "arn:one"}]}
ATTACHED = {"Statement": [{"Effect": "Deny", "Action": "kinesisvideo:*", "Resource": "arn:two"}]}


class Iam(BaseHTTPRequestHandler):
    """An IAM that knows one role with an inline, a customer's and AWS's managed policy."""

    asked: list[tuple[str, str]]

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        action = form["Action"][0]
        self.asked.append((action, self.headers["x-moto-account-id"]))
        known = form.get("RoleName", ["processor"])[0] == "processor"
        body = _xml(action, _ANSWERS[action]) if known else _NO_SUCH
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


_NO_SUCH = b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no</Message></Error></ErrorResponse>"
_MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonRekognitionServiceRole"
_OWN = "arn:aws:iam::222222222222:policy/own"
_ANSWERS = {
    "GetRole": "<Role><AssumeRolePolicyDocument>"
    f"{quote(json.dumps(TRUST))}</AssumeRolePolicyDocument></Role>",
    "ListRolePolicies": "<PolicyNames><member>inline</member></PolicyNames>",
    "GetRolePolicy": f"<PolicyDocument>{quote(json.dumps(INLINE))}</PolicyDocument>",
    "ListAttachedRolePolicies": "<AttachedPolicies>"
    f"<member><PolicyArn>{_MANAGED}</PolicyArn></member><member><PolicyArn>{_OWN}</PolicyArn></member>"
    "</AttachedPolicies>",
    "GetPolicy": "<Policy><DefaultVersionId>v1</DefaultVersionId></Policy>",
    "GetPolicyVersion": f"<PolicyVersion><Document>{quote(json.dumps(ATTACHED))}</Document></PolicyVersion>",
}


def _xml(action: str, result: str) -> bytes:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>".encode()


@pytest.fixture
def iam() -> Iterator[str]:
    Iam.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Iam)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_trust_inline_attached_and_managed_policies_decide_together(iam: str) -> None:
    roles = RoleEvaluator(iam)
    assert roles.assume(ROLE, "rekognition.amazonaws.com", {})
    assert not roles.assume(ROLE, "lambda.amazonaws.com", {})
    assert roles.allows(ROLE, "kinesis:PutRecord", "arn:one")
    assert not roles.allows(ROLE, "kinesis:PutRecord", "arn:two")
    assert roles.allows(ROLE, "kinesisvideo:GetMedia", "arn:one")
    assert not roles.allows(ROLE, "kinesisvideo:GetMedia", "arn:two")
    assert {account for _, account in Iam.asked} == {"222222222222"}


def test_a_role_that_is_missing_may_do_nothing(iam: str) -> None:
    roles = RoleEvaluator(iam)
    assert not roles.assume("arn:aws:iam::1:role/other", "rekognition.amazonaws.com", {})
    assert not roles.allows("arn:aws:iam::1:role/other", "kinesis:PutRecord", "arn:one")
    assert not roles.allows("no arn", "kinesis:PutRecord", "arn:one")


def test_answers_are_kept_for_the_time_to_live(iam: str) -> None:
    now = [0.0]
    roles = RoleEvaluator(iam, ttl=3, clock=lambda: now[0])
    for now[0] in (0.0, 2.9, 3.1):
        roles.allows(ROLE, "kinesis:PutRecord", "arn:one")
    assert [action for action, _ in Iam.asked].count("GetRole") == 2


def test_an_iam_that_does_not_answer_is_no_decision() -> None:
    with pytest.raises(RoleUnreadableError, match="didn't tell"):
        RoleEvaluator("http://127.0.0.1:9").allows(ROLE, "kinesis:PutRecord", "arn:one")
