"""moto_server killed in mid-demo: the demo fails and names it, and nothing mixes old state with new.

Last in this folder, since the stack has to be started again afterwards.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(900)]


def test_a_killed_moto_is_named_by_the_demo_and_by_every_call(stack: RunningStack, demo: Demo) -> None:
    stack.kill("moto")
    wait_until(lambda: stack.status().nodes["moto"].restarts > 0, 60, "moto was restarted")
    wait_until(lambda: stack.status().nodes["moto"].phase == "ready", 60, "moto is ready")
    with pytest.raises(ClientError, match="moto_server"):
        stack.client("s3", "eu-central-1").list_buckets()
    done = stack.run("demo", "--offices", "berlin")
    assert done.returncode == 1
    assert "moto_server" in done.stdout
    assert "make down" in done.stdout


@pytest.mark.full
def test_down_leaves_no_process_and_a_new_start_begins_empty(stack: RunningStack) -> None:
    assert stack.run("down").returncode == 0
    assert stack.processes() == []
    again = stack.run("up")
    assert again.returncode == 0
    assert "Begins empty: moto_server lost its state during the last run." in again.stdout
    buckets = stack.client("s3", "eu-central-1").list_buckets()["Buckets"]
    assert len(buckets) == 3
    assert stack.client("rekognition", "eu-central-1").list_collections()["CollectionIds"] == []
