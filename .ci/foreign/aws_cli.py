"""The AWS command line, with its waiters as they come, takes one server out of rotation and back."""

import json
import os
import subprocess
import sys
import time

from fleet import prove


def aws(fleet, *words, key=None):
    """Runs `aws elbv2 ...` of the environment that runs this script."""
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": key or fleet["access_key"],
        "AWS_SECRET_ACCESS_KEY": fleet["secret_key"],
        "AWS_MAX_ATTEMPTS": "1",
    }
    command = [program, "--region", fleet["region"], "--endpoint-url", fleet["aws"], "--output", "json", "elbv2", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def ok(fleet, *words):
    code, out, err = aws(fleet, *words)
    assert code == 0, (words, code, err)
    return json.loads(out) if out.strip() else None


def servers(fleet):
    """describe-target-health lists every server, with --query"""
    found = ok(fleet, "describe-target-health", "--target-group-arn", fleet["target_group_arn"], "--query", "TargetHealthDescriptions[].Target.Id")
    assert set(found) <= {s["instance_id"] for s in fleet["servers"]} and fleet.server(2)["instance_id"] in found, found


def errors(fleet):
    """errors: exit code 255 and the service's words"""
    for key, words, said in (
        ("AKIAIOSFODNN7EXAMPLE", ["describe-target-groups"], "(InvalidClientTokenId)"),
        (None, ["describe-target-groups", "--names", "nobody"], "(TargetGroupNotFound)"),
        (None, ["describe-target-health", "--target-group-arn", "web-443"], "'web-443' is not a valid target group ARN"),
    ):
        code, out, err = aws(fleet, *words, key=key)
        assert code == 255 and out == "" and said in err, (words, code, err)


def out_and_back(fleet):
    """aws elbv2 wait target-deregistered, then wait target-in-service"""
    group = ok(fleet, "describe-target-groups", "--target-group-arns", fleet["target_group_arn"])["TargetGroups"][0]
    one = ["--target-group-arn", fleet["target_group_arn"], "--targets", f"Id={fleet.server(2)['instance_id']},Port={group['Port']}"]
    ok(fleet, "deregister-targets", *one)
    ok(fleet, "wait", "target-deregistered", *one)
    (gone,) = ok(fleet, "describe-target-health", *one)["TargetHealthDescriptions"]
    assert gone["TargetHealth"]["State"] == "unused" and gone["TargetHealth"]["Reason"] == "Target.NotRegistered", gone
    ok(fleet, "register-targets", *one)
    time.sleep(2)  # its waiter looks every 15 s
    ok(fleet, "wait", "target-in-service", *one)
    (back,) = ok(fleet, "describe-target-health", *one)["TargetHealthDescriptions"]
    assert back["TargetHealth"] == {"State": "healthy"}, back


prove(servers, errors, out_and_back)
