"""Functions run in a child of their own, with AWS's answers to every way of ending."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from tests.unit.gatehouse_local.lambda_.conftest import Cloud


def payload(answer: dict[str, Any]) -> Any:
    return json.loads(answer["Payload"])


def invoke(cloud: Cloud, name: str, event: object = None, **more: Any) -> Any:
    return cloud("Invoke", FunctionName=name, Payload=json.dumps(event).encode(), **more)


def test_function_gets_its_event_context_and_environment(cloud: Cloud) -> None:
    source = """
    import os
    def handler(event, context):
        seen = {k: os.environ.get(k) for k in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "COLOUR", "HOME")}
        return {"event": event, "name": context.function_name, "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(), "cwd": os.listdir("."), **seen}
    """
    cloud.create("greet", source, Environment={"Variables": {"COLOUR": "green"}})
    answer = invoke(cloud, "greet", {"a": 1})
    seen = payload(answer)
    assert "FunctionError" not in answer
    assert seen["event"] == {"a": 1}
    assert seen["arn"] == "arn:aws:lambda:eu-central-1:123456789012:function:greet"
    assert (seen["name"], seen["COLOUR"], seen["AWS_REGION"]) == ("greet", "green", "eu-central-1")
    assert seen["AWS_ACCESS_KEY_ID"] == "123456789012"
    assert seen["HOME"] is None
    assert "app.py" in seen["cwd"]
    assert 0 < seen["left"] <= 5000


def test_only_the_zip_and_the_standard_library_can_be_imported(cloud: Cloud) -> None:
    cloud.create("lean", "import boto3\ndef handler(e, c): ...")
    answer = invoke(cloud, "lean")
    assert answer["FunctionError"] == "Unhandled"
    assert payload(answer)["errorType"] == "Runtime.ImportModuleError"
    assert payload(answer)["errorMessage"] == "Unable to import module 'app': No module named 'boto3'"


def test_a_warm_child_serves_the_next_event(cloud: Cloud) -> None:
    cloud.create("count", "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n")
    assert [payload(invoke(cloud, "count")) for _ in range(3)] == [1, 2, 3]


def test_new_code_runs_in_a_new_child(cloud: Cloud) -> None:
    from tests.unit.gatehouse_local.lambda_.conftest import zipped

    cloud.create("swap", "def handler(e, c): return 'old'")
    assert payload(invoke(cloud, "swap")) == "old"
    cloud("UpdateFunctionCode", FunctionName="swap", ZipFile=zipped("def handler(e, c): return 'new'"))
    assert payload(invoke(cloud, "swap")) == "new"


def test_an_exception_is_the_functions_error_and_the_child_lives_on(cloud: Cloud) -> None:
    cloud.create("fussy", "def handler(e, c):\n    if e: raise ValueError('no ' + e)\n    return 'fine'")
    answer = invoke(cloud, "fussy", "tea")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    problem = payload(answer)
    assert (problem["errorType"], problem["errorMessage"]) == ("ValueError", "no tea")
    assert any("handler" in line for line in problem["stackTrace"])
    assert "requestId" in problem
    assert payload(invoke(cloud, "fussy")) == "fine"


def test_a_function_is_killed_at_its_timeout(cloud: Cloud) -> None:
    cloud.create("slow", "import time\ndef handler(e, c): time.sleep(60)", Timeout=1)
    started = time.monotonic()
    answer = invoke(cloud, "slow")
    assert time.monotonic() - started < 5
    assert answer["FunctionError"] == "Unhandled"
    assert payload(answer)["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in payload(answer)["errorMessage"]


@pytest.mark.parametrize(
    ("death", "said"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("raise SystemExit", "Runtime exited without providing a reason"),
    ],
)
def test_a_crash_is_an_exit_error_and_the_next_event_gets_a_new_child(
    cloud: Cloud, death: str, said: str
) -> None:
    cloud.create("crash", f"import os\ndef handler(e, c):\n    if e: {death}\n    return 'alive'")
    answer = invoke(cloud, "crash", True)
    assert payload(answer)["errorType"] == "Runtime.ExitError"
    assert said in payload(answer)["errorMessage"]
    assert payload(invoke(cloud, "crash", False)) == "alive"


def test_an_answer_that_is_no_json_is_a_marshal_error(cloud: Cloud) -> None:
    cloud.create("odd", "def handler(e, c): return {1, 2}")
    assert payload(invoke(cloud, "odd"))["errorType"] == "Runtime.MarshalError"


def test_output_goes_to_the_log_file_and_its_tail_to_the_caller(cloud: Cloud, tmp_path: Path) -> None:
    source = (
        "import sys\ndef handler(e, c):\n    print('x' * 9000 + 'end')\n    print('oops', file=sys.stderr)"
    )
    cloud.create("chatty", source)
    answer = invoke(cloud, "chatty", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert len(tail) == 4096
    assert "end\noops" in tail
    log = (tmp_path / "lambda" / "logs" / "chatty.log").read_text()
    assert "START RequestId: " in log
    assert "REPORT RequestId: " in log
    assert "oops" in log


def test_large_events_and_answers_pass(cloud: Cloud) -> None:
    cloud.create("echo", "def handler(e, c): return e")
    text = "x" * 6_000_000
    assert payload(invoke(cloud, "echo", text)) == text


def test_dry_run_and_event_answer_without_waiting(cloud: Cloud, tmp_path: Path) -> None:
    from tests.unit.gatehouse_local.lambda_.conftest import eventually

    mark = tmp_path / "mark"
    cloud.create("later", f"def handler(e, c): open({str(mark)!r}, 'a').write(e)")
    assert invoke(cloud, "later", "dry", InvocationType="DryRun")["StatusCode"] == 204
    assert invoke(cloud, "later", "event", InvocationType="Event")["StatusCode"] == 202
    eventually(lambda: mark.exists() and mark.read_text() == "event")


def test_a_bad_event_is_refused(cloud: Cloud) -> None:
    cloud.create("echo", "def handler(e, c): return e")
    with pytest.raises(AwsError) as refused:
        cloud("Invoke", FunctionName="echo", Payload=b"{nope")
    assert refused.value.code == "InvalidRequestContentException"


def test_an_unknown_function_is_not_found(cloud: Cloud) -> None:
    with pytest.raises(AwsError) as refused:
        invoke(cloud, "nobody")
    assert (refused.value.code, refused.value.status) == ("ResourceNotFoundException", 404)
