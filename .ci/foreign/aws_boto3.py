"""boto3 reads the fleet, takes servers out of rotation and back, and gets the errors that AWS gives."""

import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from fleet import fails, prove, until


def client(fleet, service, key=None, secret=None, region=None):
    return boto3.client(
        service,
        endpoint_url=fleet["aws"],
        region_name=region or fleet["region"],
        aws_access_key_id=key or fleet["access_key"],
        aws_secret_access_key=secret or fleet["secret_key"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
    )


def port(elb, fleet):
    return elb.describe_target_groups(TargetGroupArns=[fleet["target_group_arn"]])["TargetGroups"][0]["Port"]


def target(elb, fleet, number):
    return {"TargetGroupArn": fleet["target_group_arn"], "Targets": [{"Id": fleet.server(number)["instance_id"], "Port": port(elb, fleet)}]}


def health(elb, asked):
    found = elb.describe_target_health(**asked)["TargetHealthDescriptions"]
    assert len(found) == 1 and found[0]["Target"] == asked["Targets"][0], found
    return found[0]["TargetHealth"]


def listed(elb, fleet):
    found = elb.describe_target_health(TargetGroupArn=fleet["target_group_arn"])["TargetHealthDescriptions"]
    return {d["Target"]["Id"]: d["TargetHealth"]["State"] for d in found}


def code(error):
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def who_am_i(fleet):
    """sts tells the account that the ARNs are of"""
    identity = client(fleet, "sts").get_caller_identity()
    assert identity["Account"] == fleet["target_group_arn"].split(":")[4] and identity["Arn"].startswith("arn:aws:iam::"), identity


def target_group(fleet):
    """the target group: found by name, by ARN and by its load balancer; its settings and attributes"""
    elb = client(fleet, "elbv2")
    arn = fleet["target_group_arn"]
    group = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    for by in ({"Names": [group["TargetGroupName"]]}, {"LoadBalancerArn": fleet["load_balancer_arn"]}, {}):
        assert [g["TargetGroupArn"] for g in elb.describe_target_groups(**by)["TargetGroups"]] == [arn], by
    assert group["Protocol"] == "HTTPS" and group["TargetType"] == "instance" and group["Matcher"] == {"HttpCode": "200"}, group
    assert group["LoadBalancerArns"] == [fleet["load_balancer_arn"]] and group["HealthCheckPort"] == "traffic-port", group
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
    assert int(attributes["deregistration_delay.timeout_seconds"]) > 0, attributes
    assert attributes["load_balancing.algorithm.type"] == "round_robin" and attributes["slow_start.duration_seconds"] == "0", attributes


def load_balancer(fleet):
    """load balancer, listener and rule: the rule forwards to the group, and the listener is where the front listens"""
    elb = client(fleet, "elbv2")
    balancer = elb.describe_load_balancers(LoadBalancerArns=[fleet["load_balancer_arn"]])["LoadBalancers"][0]
    assert balancer["Type"] == "application" and balancer["State"]["Code"] == "active", balancer
    (listener,) = elb.describe_listeners(LoadBalancerArn=fleet["load_balancer_arn"])["Listeners"]
    assert listener["Protocol"] == "HTTPS" and fleet["front"].endswith(f":{listener['Port']}"), listener
    (rule,) = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert rule["IsDefault"] and rule["Priority"] == "default", rule
    (action,) = rule["Actions"]
    assert action["Type"] == "forward" and action["TargetGroupArn"] == fleet["target_group_arn"], action
    assert action["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": fleet["target_group_arn"], "Weight": 1}], action


def instances(fleet):
    """ec2 describes the servers by id and by filter; one unknown id fails the whole call"""
    ec2 = client(fleet, "ec2")
    ids = [s["instance_id"] for s in fleet["servers"]]
    found = [i for r in ec2.describe_instances(InstanceIds=ids)["Reservations"] for i in r["Instances"]]
    assert [(i["InstanceId"], i["PrivateIpAddress"]) for i in found] == [(s["instance_id"], s["address"]) for s in fleet["servers"]], found
    assert all(i["State"] == {"Code": 16, "Name": "running"} and i["Platform"] == "windows" for i in found), found
    name = fleet.server(1)["name"]
    filters = [{"Name": "tag:Name", "Values": [name]}, {"Name": "instance-state-name", "Values": ["running"]}]
    (named,) = [i for r in ec2.describe_instances(Filters=filters)["Reservations"] for i in r["Instances"]]
    assert named["InstanceId"] == ids[1] and {"Key": "Name", "Value": name} in named["Tags"], named
    unknown = fails(ClientError, ec2.describe_instances, InstanceIds=[*ids, "i-0123456789abcdef0"])
    assert code(unknown) == ("InvalidInstanceID.NotFound", 400), unknown
    malformed = fails(ClientError, ec2.describe_instances, InstanceIds=["web-01"])
    assert code(malformed) == ("InvalidInstanceID.Malformed", 400), malformed


def pages(fleet):
    """paginators reach the end; a page of 401 and a marker that nobody gave are refused"""
    elb, ec2 = client(fleet, "elbv2"), client(fleet, "ec2")
    groups = elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 1}).build_full_result()
    assert [g["TargetGroupArn"] for g in groups["TargetGroups"]] == [fleet["target_group_arn"]], groups
    found = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}).build_full_result()
    assert len(found["Reservations"]) == len(fleet["servers"]), found
    for wrong in ({"PageSize": 401}, {"Marker": "nobody-gave-this"}):
        refused = fails(ClientError, elb.describe_target_groups, **wrong)
        assert code(refused) == ("ValidationError", 400), refused


def errors(fleet):
    """typed errors: TargetGroupNotFound, InvalidTarget, LoadBalancerNotFound, ListenerNotFound"""
    elb = client(fleet, "elbv2")
    known = fleet["target_group_arn"]
    gone = known[:-4] + ("0000" if not known.endswith("0000") else "1111")
    assert code(fails(elb.exceptions.TargetGroupNotFoundException, elb.describe_target_health, TargetGroupArn=gone)) == ("TargetGroupNotFound", 400)
    fails(elb.exceptions.TargetGroupNotFoundException, elb.describe_target_groups, Names=["nobody"])
    stranger = {"TargetGroupArn": known, "Targets": [{"Id": "i-0123456789abcdef0"}]}
    assert "i-0123456789abcdef0" in str(fails(elb.exceptions.InvalidTargetException, elb.register_targets, **stranger))
    assert health(elb, {**stranger, "Targets": [{"Id": "i-0123456789abcdef0", "Port": 1}]})["Reason"] == "Target.NotRegistered"
    fails(elb.exceptions.LoadBalancerNotFoundException, elb.describe_load_balancers, Names=["nobody"])
    listener = known.replace(":targetgroup/", ":listener/app/")
    fails(elb.exceptions.ListenerNotFoundException, elb.describe_rules, ListenerArn=listener)


def validation(fleet):
    """an ARN that is none, is of another account or of another kind of resource is a ValidationError"""
    elb = client(fleet, "elbv2")
    arn = fleet["target_group_arn"]
    other = arn.replace(arn.split(":")[4], "210987654321")
    for wrong in ("web-443", other, fleet["load_balancer_arn"]):
        refused = fails(ClientError, elb.describe_target_health, TargetGroupArn=wrong)
        assert code(refused) == ("ValidationError", 400) and f"'{wrong}' is not a valid target group ARN" in str(refused), refused
    refused = fails(ClientError, elb.describe_listeners, LoadBalancerArn=arn)
    assert code(refused) == ("ValidationError", 400) and "is not a valid load balancer ARN" in str(refused), refused


def strangers(fleet):
    """signatures are verified: unknown key, wrong secret and wrong region are refused, by each service in its own way"""
    for service, call, unknown in (
        ("elbv2", "describe_target_groups", ("InvalidClientTokenId", 403)),
        ("sts", "get_caller_identity", ("InvalidClientTokenId", 403)),
        ("ec2", "describe_instances", ("AuthFailure", 401)),
    ):
        assert code(fails(ClientError, getattr(client(fleet, service, key="AKIAIOSFODNN7EXAMPLE"), call))) == unknown, service
        assert code(fails(ClientError, getattr(client(fleet, service, secret="guessed"), call))) == ("SignatureDoesNotMatch", 403), service
        assert code(fails(ClientError, getattr(client(fleet, service, region="us-east-1"), call))) == ("SignatureDoesNotMatch", 403), service


def actions(fleet):
    """an action that is not there is InvalidAction, not a guess"""
    refused = fails(ClientError, client(fleet, "elbv2").describe_ssl_policies)
    assert code(refused) == ("InvalidAction", 400) and "DescribeSSLPolicies" in str(refused), refused


def wrong_port(fleet):
    """a deregistration with another port is a success without effect"""
    elb = client(fleet, "elbv2")
    right = target(elb, fleet, 0)
    elb.deregister_targets(TargetGroupArn=right["TargetGroupArn"], Targets=[{**right["Targets"][0], "Port": 1}])
    time.sleep(1)
    assert health(elb, right) == {"State": "healthy"}, health(elb, right)


def out_and_back(fleet):
    """a server leaves: draining for the whole delay, then out of the list and unused; it returns: initial, then healthy"""
    elb = client(fleet, "elbv2")
    one = target(elb, fleet, 0)
    identity = one["Targets"][0]["Id"]
    (delay,) = [a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=one["TargetGroupArn"])["Attributes"]
                if a["Key"] == "deregistration_delay.timeout_seconds"]
    elb.deregister_targets(**one)
    began = time.monotonic()
    draining = until("draining", lambda: (h := health(elb, one))["State"] == "draining" and h)
    assert draining["Reason"] == "Target.DeregistrationInProgress" and draining["Description"], draining
    assert listed(elb, fleet)[identity] == "draining"
    unused = until("unused", lambda: (h := health(elb, one))["State"] == "unused" and h, seconds=int(delay) + 20)
    assert unused["Reason"] == "Target.NotRegistered", unused
    assert time.monotonic() - began > int(delay) - 2, f"the drain of {delay} s is over after {time.monotonic() - began:.1f} s"
    assert identity not in listed(elb, fleet), listed(elb, fleet)
    elb.deregister_targets(**one)  # once more is no error
    returns(elb, fleet, one)


def returns(elb, fleet, one):
    elb.register_targets(**one)
    states = []

    def healthy():
        h = health(elb, one)
        if (h["State"], h.get("Reason")) not in states:
            states.append((h["State"], h.get("Reason")))
        return h["State"] == "healthy"

    until("healthy", healthy, every=0)
    assert states[-1] == ("healthy", None) and len(states) > 1, states
    assert set(states[:-1]) <= {("unused", "Target.NotRegistered"), ("initial", "Elb.RegistrationInProgress"), ("initial", "Elb.InitialHealthChecking")}, states
    assert any(state == "initial" for state, _ in states), states
    assert listed(elb, fleet)[one["Targets"][0]["Id"]] == "healthy"


def early_return(fleet):
    """an instance may return while it drains"""
    elb = client(fleet, "elbv2")
    one = target(elb, fleet, 1)
    elb.deregister_targets(**one)
    until("draining", lambda: health(elb, one)["State"] == "draining")
    elb.register_targets(**one)
    until("healthy", lambda: health(elb, one)["State"] == "healthy")


def waiters(fleet):
    """boto3's own waiters: target_deregistered ends with the drain, target_in_service with the first good probe"""
    elb = client(fleet, "elbv2")
    one = target(elb, fleet, 1)
    elb.deregister_targets(**one)
    until("draining", lambda: health(elb, one)["State"] == "draining")
    fails(WaiterError, elb.get_waiter("target_in_service").wait, **one, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    elb.get_waiter("target_deregistered").wait(**one, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert health(elb, one)["State"] == "unused"
    elb.register_targets(**one)
    elb.get_waiter("target_in_service").wait(**one, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert health(elb, one) == {"State": "healthy"}
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[fleet["load_balancer_arn"]], WaiterConfig={"Delay": 1, "MaxAttempts": 2})


prove(who_am_i, target_group, load_balancer, instances, pages, errors, validation, strangers, actions, wrong_port, out_and_back, early_return, waiters)
