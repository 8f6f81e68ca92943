# SPDX-License-Identifier: BSD-3-Clause
"""Metrics: correct, accepted by the readers of OpenMetrics and Prometheus; dashboard and alerts use
only names that exist.
"""

import json
import os
import re
import time

from tests.component.test_succession import SUCCESSIONS, counters, successions
from tests.component.test_requests import late_monitor
from tests.harness import frames, paths
from tests.harness.hostile import settle
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import LOWEST, component_main, scene
from tests.harness.standin import StandinChannel, call_hook
from tests.harness.wait import wait_until

MONITORING = paths.TREE / "packaging/monitoring"
PROMTOOL = paths.TREE / "build/promtool/promtool"
HARD_NAME = 'a "b" \\c'
NAME = re.compile(r"\bvmpower_[a-z_]+\b")


def need_promtool():
    """Fetch it before the namespaces cut off the network: by make, or if there is a network."""
    if not PROMTOOL.exists():
        assert "CI" not in os.environ, "CI has no build/promtool: was make promtool refused?"
        raise Skip("no build/promtool: make promtool")


# Debian's Python has the package; ours may be another Python
READER = """
import json, sys
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)
print(json.dumps({f.name: {"type": f.type, "unit": f.unit, "samples": [s[:3] for s in f.samples]}
                  for f in text_string_to_metric_families(sys.stdin.read())}))
"""


def families(text):
    """{name: family} as an independent reader understands it."""
    done = run("/usr/bin/python3", "-c", READER, data=text, check=False)
    if done.returncode == 77:
        raise Skip("no python3-prometheus-client")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def value(parsed, family, name=None, **labels):
    """The one sample that has these labels."""
    samples = parsed[family]["samples"]
    found = [
        number
        for sample, known, number in samples
        if sample == (name or family) and labels.items() <= known.items()
    ]
    assert len(found) == 1, (family, labels, samples)
    return found[0]


def played(stage):
    """A domain with one request granted and one refused."""
    domain = stage.started(HARD_NAME, {0: "2"}, vcpus=2)
    assert domain.power(0, "min") == "ack"
    assert domain.power(1, "min") == "nack"
    return domain


def test_values():
    """The counts are right; labels survive any name; units are base units."""
    with scene("values") as stage:
        domain = played(stage)
        parsed = families(stage.vmpower.ctl("metrics").stdout)
        about = {"domain": HARD_NAME, "uuid": domain.uuid}
        of_cpu = {"frequency_domain": "2", "cpus": "2"}
        target = "vmpower_frequency_domain_target_hertz"
        assert value(parsed, target, **of_cpu) == LOWEST * 1000
        assert parsed[target]["unit"] == "hertz" and parsed[target]["type"] == "gauge"
        assert value(parsed, target, frequency_domain="3") == 0
        assert value(parsed, "vmpower_frequency_domain_controlled", **of_cpu) == 1
        assert value(parsed, "vmpower_frequency_domain_voters", **of_cpu) == 1
        for name, wanted in (("acks", 1), ("nacks", 1), ("requests", 4), ("resyncs", 0)):
            family = f"vmpower_domain_{name}"
            assert value(parsed, family, family + "_total", **about) == wanted, name
            assert parsed[family]["type"] == "counter"
        refused = "vmpower_domain_refused_requests"
        assert value(parsed, refused, refused + "_total", reason="unpinned", **about) == 1
        assert value(parsed, "vmpower_domain_connected_channels", **about) == 2
        assert value(parsed, "vmpower_channels", state="connected") == 2
        assert value(parsed, "vmpower_build", "vmpower_build_info") == 1
        assert value(parsed, "vmpower_domains") == 1


def test_counters_do_not_fall():
    """Channels are unplugged and plugged in again; the monitor is replaced."""
    with scene("counters") as stage:
        domain = played(stage)
        about = {"domain": HARD_NAME, "uuid": domain.uuid}

        def counted():
            parsed = families(stage.vmpower.ctl("metrics").stdout)
            found = [value(parsed, name, f"{name}_total", **about)
                     for name in ("vmpower_domain_requests", "vmpower_domain_nacks",
                                  "vmpower_domain_refused_requests")]
            listed = stage.vmpower.domains()[HARD_NAME]
            return [*found, listed["requests"], listed["nacks"]]

        assert counted() == [4, 1, 1, 4, 1], counted()
        whole = domain.xml()
        without = re.sub(r"<channel type='unix'><source mode='bind' path='[^']*run.*?</channel>",
                         "", whole, flags=re.S)
        assert "poweragent" not in without
        call_hook(stage.vmpower.hook_socket, HARD_NAME, "reconnect", without)
        wait_until(lambda: stage.vmpower.show(HARD_NAME)["channels"] == [], 10, "no channel")
        assert counted() == [4, 1, 1, 4, 1], counted()
        call_hook(stage.vmpower.hook_socket, HARD_NAME, "reconnect", whole)
        domain.accept()
        stage.vmpower.wait_connected(HARD_NAME, 2)
        assert domain.power(1, "min") == "nack"
        assert counted() == [7, 2, 2, 7, 2], counted()
        stage.vmpower.kill_monitor()
        assert domain.power(1, "min") == "nack"
        assert counted() == [8, 3, 3, 8, 3], counted()


def test_turns_of_the_loops_and_waiting_hooks():
    """Each is counted; what a monitor has published, its successor goes on with."""
    with scene("turns") as stage:
        domain = played(stage)
        stage.hook(domain, "reconnect")

        def counted(family, **labels):
            parsed = families(stage.vmpower.ctl("metrics").stdout)
            assert parsed[family]["type"] == "histogram" and parsed[family]["unit"] == "seconds"
            n = value(parsed, family, f"{family}_count", **labels)
            assert n == value(parsed, family, f"{family}_bucket", le="+Inf", **labels)
            assert value(parsed, family, f"{family}_sum", **labels) > 0
            return n

        turns = "vmpower_loop_turn_seconds"
        # those for the command alone: to accept it, to answer it
        before = counted(turns, process="manager")
        assert counted(turns, process="manager") > before > 2
        wait_until(lambda: counted("vmpower_hook_wait_seconds") >= 2, 10, "two hooks")
        before = counted(turns, process="monitor")
        assert before >= 2, before
        stage.vmpower.kill_monitor()
        assert domain.power(0, "max") == "ack"
        assert counted(turns, process="monitor") > before
        status = stage.vmpower.status()
        ours, monitors = status["longest_turn"], status["monitor_longest_turn"]
        assert ours["what"] and ours["cpu_us"] > 0 and ours["wall_us"] > 0, status
        assert monitors["wall_us"] > 0 and monitors["cpu_us"] is None, status
        assert 0 <= time.time() - ours["time"] < 300, status
        lines = stage.vmpower.ctl("status").stdout
        assert re.search(r"longest turn: +[0-9.]+ ms of CPU time, [0-9.]+ ms in all, .*, \w", lines)
        assert re.search(r"monitor's longest turn: +[0-9.]+ ms in all, ", lines), lines


# metrics of a domain, and the same of a channel in "vmpowerctl show": what became of requests
KINDS = {
    "acks": "acks",
    "nacks": "nacks",
    "unanswered_requests": "unanswered",
    "dropped_replies": "dropped_replies",
    "late_replies": "late_replies",
}


def wrong_sums(stage):
    """What does not add up; None: nothing."""
    samples = {name: value for (name, labels), value in stage.vmpower.metrics().items()
               if ("domain", "vm") in labels and "reason" not in dict(labels)}
    found = {kind: samples[f"vmpower_domain_{kind}_total"] for kind in ("requests", *KINDS)}
    channels = stage.vmpower.show("vm")["channels"]
    for channel in channels:
        if channel["requests"] != sum(channel[kind] for kind in KINDS.values()):
            return channel
    if found["requests"] != sum(found[kind] for kind in KINDS):
        return found
    return None


def expect_sums(stage):
    """Each request is one of five things, per channel and per domain; it is counted a moment later
    than answered.
    """
    wait_until(lambda: not wrong_sums(stage), 20, "the counters to add up",
               state=lambda: wrong_sums(stage))


def mixed(stage, channel, vcpu):
    """Requests of each kind, and bytes that are none. No reply is left unread."""
    assert channel.power(vcpu, "min") == channel.power(vcpu, "up") == "ack"
    assert channel.power(99, "min") == "nack"
    channel.send(frames.connect())
    channel.send(b"\xff" * 100)
    settle([channel])
    for _request in range(400):
        channel.send(frames.request(vcpu, "max"))
    wait_until(lambda: stage.vmpower.channel("vm", vcpu)["dropped_replies"], 20, "unread replies")
    settle([channel])

    def replied_late():
        # not if the monitor was stopped in the moment in which it woke up
        with late_monitor(stage):
            channel.send(frames.request(vcpu, "max", name=b"stock guest"))
        settle([channel])
        return stage.vmpower.channel("vm", vcpu)["late_replies"]

    wait_until(replied_late, 60, "a reply to be late")
    assert channel.power(vcpu, "min") == "ack"


def test_each_request_is_counted_once():
    """requests = acks + nacks + those that need no answer + replies that were not read or late."""
    with scene("sums") as stage:
        domain = stage.started("vm", {0: "2", 1: "3"})
        for vcpu, channel in domain.channels.items():
            mixed(stage, channel, vcpu)
            shown = stage.vmpower.channel("vm", vcpu)
            assert all(shown[kind] for kind in (*KINDS.values(), "resyncs")), shown
            expect_sums(stage)
        domain.channels[0].send(b"".join(frames.request(0, "min", size=16) for _ in range(50)))
        settle([domain.channels[0]])
        expect_sums(stage)


def unplug(stage, domain):
    """Its first channel, and plug it in again under another number."""
    channel = domain.channels.pop(0)
    stage.hook(domain, "reconnect")
    stage.vmpower.wait_connected("vm", 1)
    channel.close()
    domain.channels[2] = StandinChannel(domain.directory / "2")
    stage.hook(domain, "reconnect")
    domain.channels[2].accept()
    stage.vmpower.wait_connected("vm", 2)


def test_they_are_counted_once_whatever_dies():
    """A monitor's and a manager's death, an unplugged channel, and both of them after it: the sums
    are right, and nothing that was counted is lost.
    """
    with successions("dies") as (stage, _):
        domain = stage.started("vm", {0: "2", 1: "3"})
        for vcpu, channel in domain.channels.items():
            mixed(stage, channel, vcpu)
        deaths = {**SUCCESSIONS, "monitor": lambda stage: stage.vmpower.kill_monitor()}
        events = [*deaths.items(), ("unplug", lambda stage: unplug(stage, domain)), *deaths.items()]
        expect_sums(stage)
        before = counters(stage)
        for name, event in events:
            event(stage)
            assert domain.channels[1].power(1, "max") == "ack"
            expect_sums(stage)
            now = counters(stage)
            fell = {series: (n, now.get(series)) for series, n in before.items()
                    if now.get(series, 0) < n}
            assert not fell, (name, fell)
            before = now


def test_metrics_as_json():
    """The same text as a reply of the daemon."""
    with scene("json") as stage:
        assert stage.vmpower.ask("metrics")["text"].endswith("# EOF\n")


def test_promtool_finds_no_fault():
    """For node_exporter's textfile collector."""
    need_promtool()
    with scene("promtool") as stage:
        played(stage)
        target = stage.directory / "vmpower.prom"
        stage.vmpower.ctl("metrics", "--output", target)
        done = run(PROMTOOL, "check", "metrics", data=target.read_text())
        assert not done.stdout.strip() and not done.stderr.strip(), done


def test_file_is_replaced_whole_or_not_at_all():
    """By rename: a new file, readable by all, no leftovers; errors keep the old one."""
    with scene("file") as stage:
        directory = stage.directory / "textfile"
        directory.mkdir()
        target = directory / "vmpower.prom"
        target.write_text("old\n")
        with target.open(encoding="utf-8") as old:
            assert stage.vmpower.ctl("metrics", "--output", target).stdout == ""
            assert old.read() == "old\n", "it was written over, not replaced"
        assert target.stat().st_mode & 0o777 == 0o644
        assert "vmpower_uptime_seconds " in target.read_text()
        assert [path.name for path in directory.iterdir()] == ["vmpower.prom"]
        wrong = stage.vmpower.ctl("metrics", "--output", "/nowhere/x.prom", check=False)
        assert wrong.returncode == 1 and "can't write /nowhere/x.prom" in wrong.stderr, wrong
        stage.vmpower.stop()
        gone = stage.vmpower.ctl("metrics", "--output", target, check=False)
        assert gone.returncode == 3 and "vmpower_uptime" in target.read_text(), gone
        stage.vmpower.start()


def exported():
    """All sample names in the code."""
    source = (paths.TREE / "helper/manager/report/metrics.c").read_text()
    ends = {"COUNTER": ["_total"], "GAUGE": [""], "INFO": ["_info"],
            "HISTOGRAM": ["_bucket", "_count", "_sum"]}
    table = re.findall(r'\{"(\w+)",\s*(COUNTER|GAUGE|HISTOGRAM|INFO)', source)
    assert len(table) > 15, table
    return {f"vmpower_{name}{end}" for name, kind in table for end in ends[kind]}


def test_dashboard_and_alerts_use_existing_names():
    """Each name in an expression is exported."""
    dashboard = json.loads((MONITORING / "vmpower-dashboard.json").read_text())
    used = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    rules = (MONITORING / "vmpower.rules.yml").read_text()
    used |= {n for n in NAME.findall(rules)}
    assert len(used) > 10 and used <= exported(), used - exported()
    variables = {v["name"] for v in dashboard["templating"]["list"]}
    named = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"])))
    assert named <= variables, named - variables


def test_alert_rules_are_valid():
    """promtool reads each of them."""
    need_promtool()
    done = run(PROMTOOL, "check", "rules", MONITORING / "vmpower.rules.yml")
    assert "SUCCESS: 9 rules found" in done.stdout, done


if __name__ == "__main__":
    component_main()
