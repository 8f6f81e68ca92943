# SPDX-License-Identifier: BSD-3-Clause
"""Metrics: correct, accepted by the readers of OpenMetrics and Prometheus; dashboard and alerts use
only names that exist.
"""

import json
import os
import re

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import LOWEST, component_main, scene

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
    ends = {"COUNTER": "_total", "GAUGE": "", "INFO": "_info"}
    table = re.findall(r'\{"(\w+)",\s*(COUNTER|GAUGE|INFO)', source)
    assert len(table) > 15, table
    return {f"vmpower_{name}{ends[kind]}" for name, kind in table}


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
    assert "SUCCESS: 7 rules found" in done.stdout, done


if __name__ == "__main__":
    component_main()
