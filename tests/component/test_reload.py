# SPDX-License-Identifier: BSD-3-Clause
"""The configuration changes at run time: no channel is disconnected, no vote is lost."""

import os
import pwd
import signal
import socket
import re

from tests.harness import frames, paths
from tests.harness.process import run
from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene
from tests.harness.varlink import Watcher
from tests.harness.wait import tail, wait_until

DOMAINS = '[domain "..."]'


def change(stage, sections):
    """Write other sections to the configuration file, without a reload."""
    for section, keys in sections.items():
        stage.sections.setdefault(section, {}).update(keys)
    stage.vmpower.configure(stage.sections)


def reload_with(stage, sections):
    """Change the configuration and reload; return what "vmpowerctl reload" says."""
    change(stage, sections)
    return stage.vmpower.ask("reload")


def settings(stage, domain="vm"):
    """The settings of a domain."""
    return stage.vmpower.show(domain)["settings"]


def still_connected(domain):
    """QEMU has seen no disconnect."""
    assert all(channel.connected() for channel in domain.channels.values())


def asked_at_once(domain, requests):
    """Send so many requests at once, and return the answers."""
    frame = frames.request(0, "min")
    domain.channels[0].send(frame * requests)
    return {domain.channels[0].receive(len(frame)) for _ in range(requests)}


# ---- what changes


def test_limits_move_votes():
    """[limits]: a vote is kept, as it was said: the lowest and the highest move with them."""
    for governors in (None, LIMITS_ONLY):
        with scene("limits", governors=governors) as stage:
            domain = stage.started("vm", {0: "0", 1: "1"})
            assert domain.power(0, "min") == domain.power(1, "max") == "ack"
            stage.expect({0: LOWEST, 1: HIGHEST})
            limits = {"min-frequency": UP[1], "max-frequency": UP[-2]}
            assert reload_with(stage, {"limits": limits}) == {
                "changed": ["[limits] min-frequency", "[limits] max-frequency"],
                "needs_restart": [],
            }
            stage.expect({0: UP[1], 1: UP[-2]})
            still_connected(domain)
            reload_with(stage, {"limits": {"min-frequency": 0, "max-frequency": 0}})
            stage.expect({0: LOWEST, 1: HIGHEST})
            assert domain.power(0, "down") == domain.power(1, "up") == "ack"
            stage.expect({0: LOWEST, 1: HIGHEST})


def test_the_method_changes():
    """setspeed to limits and back: the frequency moves to other files; the baseline is kept."""
    with scene("method") as stage:
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        for method in ("limits", "setspeed", "auto"):
            reload_with(stage, {"cpufreq": {"method": method}})
            wanted = "limits" if method == "limits" else "setspeed"

            def is_so():
                cpu = stage.vmpower.ask("cpu")["cpus"][0]
                return cpu["method"] == wanted and cpu["target_khz"] == LOWEST  # noqa: B023

            wait_until(is_so, 10, f"method {method}")
            governor = (stage.tree.directory(0) / "scaling_governor").read_text().split()[0]
            assert governor == ("schedutil" if method == "limits" else "userspace"), governor
            assert domain.power(0, "up") == "ack"
            stage.expect({0: UP[1]})
            assert domain.power(0, "min") == "ack"
        still_connected(domain)


def test_an_unavailable_method_is_not_taken():
    """The old method goes on, and the log says so."""
    with scene("keeps", governors=LIMITS_ONLY) as stage:
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "min") == "ack"
        reload_with(stage, {"cpufreq": {"method": "setspeed"}})
        stage.expect({0: LOWEST})
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST})
        assert any("keeps method limits" in line for line in tail(stage.log, 50))


def test_rates_change():
    """[channel] rate, burst and total-rate, also for throttled channels."""
    with scene("rates", sections={"channel": {"rate": 1, "burst": 1}}) as stage:
        domain = stage.started("vm", {0: "0"})
        frame = frames.request(0, "min")
        domain.channels[0].send(frame * 30)
        wait_until(lambda: stage.vmpower.channel("vm", 0)["throttled"] > 0, 10, "a throttled one")
        reload_with(stage, {"channel": {"rate": 0}})
        for _frame in range(30):
            domain.channels[0].receive(len(frame))
        before = stage.vmpower.channel("vm", 0)["throttled"]
        assert len(asked_at_once(domain, 50)) == 1
        assert stage.vmpower.channel("vm", 0)["throttled"] == before
        reload_with(stage, {"channel": {"total-rate": 100}})
        asked_at_once(domain, 50)
        assert stage.vmpower.channel("vm", 0)["throttled"] > before


def test_arbitration_changes():
    """silence and allow-unpinned."""
    with scene("arbitration") as stage:
        one, two = stage.started("one", {0: "0"}), stage.started("two", {0: "0"}, vcpus=2)
        assert one.power(0, "min") == "ack"
        stage.expect({})  # domain two is silent
        assert two.power(1, "min") == "nack"
        reload_with(stage, {"arbitration": {"silence": "ignore"}})
        stage.expect({0: LOWEST})
        reload_with(stage, {"arbitration": {"silence": "protect", "allow-unpinned": "yes"}})
        stage.expect({})
        assert two.power(1, "max") == "ack"
        stage.expect(dict.fromkeys(range(1, 8), HIGHEST) | {0: HIGHEST})
        reload_with(stage, {"arbitration": {"allow-unpinned": "no"}})
        stage.expect({})
        assert two.power(1, "max") == "nack"
        for domain in (one, two):
            still_connected(domain)


def test_queries_change():
    """[channel] queries."""
    with scene("queries") as stage:
        domain = stage.started("vm", {0: "0"})
        query = frames.request(command=frames.QUERY_FREQ)
        domain.channels[0].send(query)
        assert domain.channels[0].receive(1)
        reload_with(stage, {"channel": {"queries": "no"}})
        while not domain.channels[0].silent(0.2):
            pass
        domain.channels[0].send(query)
        wait_until(
            lambda: stage.vmpower.channel("vm", 0)["refused"]["denied"] == 1, 10, "a refusal"
        )


def test_an_override_stays():
    """The override, within other limits."""
    with scene("override") as stage:
        stage.started("vm", {0: "0"})
        stage.vmpower.ctl("set", "vm", "0", "max")
        stage.expect({0: HIGHEST})
        reload_with(stage, {"limits": {"max-frequency": UP[2]}})
        stage.expect({0: UP[2]})
        reload_with(stage, {"limits": {"max-frequency": 0}})
        stage.expect({0: HIGHEST})


def test_the_next_monitor_knows():
    """It starts like the first, and gets the current settings."""
    with scene("successor") as stage:
        one, two = stage.started("one", {0: "0"}), stage.started("two", {0: "0"})
        assert one.power(0, "min") == "ack"
        stage.expect({})  # domain two is silent
        reload_with(
            stage,
            {"arbitration": {"silence": "ignore"}, 'domain "one"': {"commands": "turbo"}},
        )
        stage.expect({0: LOWEST})
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("one", 1)
        assert one.power(0, "max") == "nack"
        stage.expect({0: LOWEST})
        assert two.power(0, "max") == "ack"
        stage.expect({0: HIGHEST})


# ---- sections of domains


def test_sections_of_domains():
    """Limits, turbo and commands; only the most specific section counts."""
    sections = {
        'domain "*"': {"max-frequency": UP[3]},
        'domain "vm-?"': {"max-frequency": UP[4], "commands": "scale"},
    }
    with scene("sections", sections=sections) as stage:
        one, two = stage.started("vm-1", {0: "0"}), stage.started("other", {0: "1"})
        assert one.power(0, "max") == two.power(0, "max") == "ack"
        stage.expect({0: UP[4], 1: UP[3]})
        assert one.power(0, "noturbo") == "nack" and two.power(0, "noturbo") == "ack"
        assert settings(stage, "vm-1")["section"] == "vm-?"
        assert settings(stage, "vm-1")["commands"] == ["scale"]
        shown = stage.vmpower.ctl("show", "vm-1").stdout
        assert re.search(r"^commands: +scale$", shown, re.M), shown
        assert re.search(r"^rate: +0 requests/s for each channel, 200 in one go$", shown, re.M)
        assert "commands" not in stage.vmpower.ctl("show", "other").stdout
        assert settings(stage, "other")["max_khz"] == UP[3]
        said = reload_with(stage, {f'domain "{one.uuid}"': {"min-frequency": UP[5]}})
        assert said["changed"] == [DOMAINS], said
        stage.expect({0: HIGHEST, 1: UP[3]})  # it had said "max": that goes up with its limit
        assert one.power(0, "min") == "ack" and one.power(0, "noturbo") == "ack"
        stage.expect({0: UP[5], 1: UP[3]})
        shown = stage.vmpower.ctl("show", "vm-1").stdout
        assert one.uuid in shown and f"at least {UP[5]} kHz" in shown, shown
        assert "vmpower.conf:" in shown, shown


def test_rate_of_one_domain():
    """One domain is throttled, its neighbour is not."""
    with scene("rate", sections={'domain "slow"': {"rate": 1, "burst": 1}}) as stage:
        slow, fast = stage.started("slow", {0: "0"}), stage.started("fast", {0: "1"})
        frame = frames.request(0, "min")
        slow.channels[0].send(frame * 30)  # all answers fit into the socket, one by one
        wait_until(lambda: stage.vmpower.channel("slow", 0)["throttled"] > 0, 10, "throttling")
        asked_at_once(fast, 50)
        assert stage.vmpower.channel("fast", 0)["throttled"] == 0
        assert stage.vmpower.channel("slow", 0)["requests"] < 30
        reload_with(stage, {'domain "slow"': {"rate": 0}})
        for _frame in range(30):
            slow.channels[0].receive(len(frame))


def test_a_domain_that_is_not_served():
    """It is disconnected, its votes end, it protects; then it is served again."""
    with scene("serve", sections={'domain "un*"': {"serve": "no"}}) as stage:
        unserved = stage.domain("unserved", {0: "0"})
        stage.hook(unserved)
        wait_until(lambda: "unserved" in stage.vmpower.domains(), 10, "the domain")
        assert stage.vmpower.channel("unserved", 0)["state"] == "unserved"
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "min") == "ack"
        stage.expect({})  # "unserved" is silent
        reload_with(stage, {'domain "un*"': {"serve": "yes"}, 'domain "vm"': {"serve": "no"}})
        unserved.accept()
        assert unserved.power(0, "min") == "ack"
        assert domain.channels[0].peer.recv(1) == b""  # disconnected
        assert stage.vmpower.channel("vm", 0)["state"] == "unserved"
        stage.expect({})  # silent again
        # the operator can't override the configuration
        stage.vmpower.ctl("channel", "remove", "vm", "0")
        stage.vmpower.ctl("channel", "add", "vm", "0")
        assert stage.vmpower.channel("vm", 0)["state"] == "unserved"
        reload_with(stage, {'domain "vm"': {"serve": "yes"}})
        domain.accept()
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        still_connected(unserved)


# ---- what is refused, and what can't change


def test_a_bad_configuration_is_refused_whole():
    """By vmpowerctl and by SIGHUP: file, line, key, what is allowed; the old one stays in force."""
    with scene("bad", sections={"limits": {"max-frequency": UP[2]}}) as stage:
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "max") == "ack"
        change(stage, {"limits": {"max-frequency": UP[4]}, "channel": {"burst": "many"}})
        said = stage.vmpower.ctl("reload", check=False)
        assert said.returncode == 1, said
        line = next(
            number
            for number, text in enumerate(stage.vmpower.config.read_text().splitlines(), 1)
            if text.startswith("burst")
        )
        for word in (f"vmpower.conf:{line}:", "burst", "'many'", "1 to 1000000", "stays in force"):
            assert word in said.stderr, said.stderr
        stage.vmpower.process.send(signal.SIGHUP)
        wait_until(
            lambda: sum("the old one stays in force" in text for text in tail(stage.log, 50)) == 2,
            10,
            "the log line of SIGHUP",
        )
        assert settings(stage)["max_khz"] == UP[2]
        assert domain.power(0, "max") == "ack"
        stage.expect({0: UP[2]})
        change(stage, {"channel": {"burst": 10}})
        stage.vmpower.process.send(signal.SIGHUP)
        wait_until(lambda: settings(stage)["max_khz"] == UP[4], 10, "the new limit")
        stage.expect({0: UP[4]})
        assert settings(stage)["burst"] == 10
        still_connected(domain)


def test_a_frequency_that_the_cpus_can_not_do_is_refused():
    """2400 for 2.4 GHz, in [limits] and for a domain; the old configuration stays in force."""
    with scene("range", sections={"limits": {"max-frequency": UP[2]}}) as stage:
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "max") == "ack"
        for section, key, value, khz in (
            ("limits", "max-frequency", "2400", "2400"),
            ("limits", "min-frequency", "3601MHz", "3601000"),
            ('domain "vm"', "max-frequency", "1MHz", "1000"),
        ):
            change(stage, {section: {key: value}})
            said = stage.vmpower.ctl("reload", check=False)
            assert said.returncode == 1, said
            for part in ("vmpower.conf:", f"[{section}] {key} is {khz} kHz", "stays in force",
                         f"{LOWEST} to {HIGHEST} kHz", "2.4GHz", "0 for no limit"):
                assert part in said.stderr, (part, said.stderr)
            assert settings(stage)["max_khz"] == UP[2]
            change(stage, {section: {key: "0"}})
        stage.expect({0: UP[2]})
        reload_with(stage, {"limits": {"max-frequency": "2.4 GHz"}})
        assert domain.power(0, "max") == "ack"
        stage.expect({0: 2400000})
        still_connected(domain)
        assert "is not a step" not in stage.logged()
        reload_with(stage, {"limits": {"min-frequency": "1.3GHz", "max-frequency": "2300 MHz"}})
        for part in ("min-frequency 1300000 kHz is not a step of policy0 (and of 7 others): 1600000",
                     "max-frequency 2300000 kHz is not a step of policy0 (and of 7 others): 2000000"):
            assert part in stage.logged(), part
        stage.expect({0: 2000000})
        reload_with(stage, {'domain "vm"': {"max-frequency": "1.9GHz"}})
        stage.expect({0: 1600000})
        assert 'domain "vm": max-frequency 1900000 kHz is not a step of' in stage.logged()
        assert stage.logged().count("min-frequency 1300000 kHz is not a step") == 2  # [limits]'s


def test_keys_that_need_a_restart_are_reported():
    """[libvirt] uri and [cpufreq] sysfs; the rest of the same reload applies."""
    with scene("restart") as stage:
        domain = stage.started("vm", {0: "0"})
        said = reload_with(
            stage,
            {
                "libvirt": {"uri": "test:///default"},
                "cpufreq": {"sysfs": "/nowhere"},
                "channel": {"rate": 5000},
            },
        )
        assert said == {
            "changed": ["[channel] rate"],
            "needs_restart": ["[libvirt] uri", "[cpufreq] sysfs"],
        }, said
        assert stage.vmpower.status()["libvirt_uri"] == "none"
        assert settings(stage)["rate"] == 5000
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        text = stage.vmpower.ctl("reload").stdout
        assert "nothing has changed" in text and "[cpufreq] sysfs" in text, text
        assert any("restart vmpowerd" in line for line in tail(stage.log, 50))


def test_every_changed_key_is_reported():
    """By the reply, the event and the log: all keys of "vmpowerd --default-config"."""
    other = {
        "libvirt": {"uri": "test:///default"},
        "channel": {"rate": 5000, "burst": 20, "total-rate": 7000, "vote-lifetime": 60,
                    "queries": "no", "peer-user": "root nobody"},
        "cpufreq": {"sysfs": "/nowhere", "method": "limits", "transition-interval": 5,
                    "foreign": "reassert"},
        "arbitration": {"silence": "ignore", "allow-unpinned": "yes"},
        "traffic": {"interval": 50, "vf-interval": 2000},
        "limits": {"min-frequency": UP[1], "max-frequency": UP[-2], "turbo": "no"},
    }
    keys, section = [], None
    for line in run(paths.BIN / "vmpowerd", "--default-config").stdout.splitlines():
        if match := re.fullmatch(r"#?\[(.*)\]", line):
            section = match[1]
        elif match := re.match(r"#([a-z-]+) =", line):
            keys.append((section, match[1]))
    keys = [key for key in keys if not key[0].startswith("domain ")]
    assert sorted(keys) == sorted((s, key) for s in other for key in other[s]), "add what is new"
    fixed = ["[libvirt] uri", "[cpufreq] sysfs"]
    changed = [f"[{s}] {key}" for s, key in keys if f"[{s}] {key}" not in fixed] + [DOMAINS]
    with scene("all") as stage, Watcher(stage.vmpower.runtime / "control.sock") as watcher:
        said = reload_with(stage, {**other, 'domain "vm"': {"serve": "no"}})
        assert said == {"changed": changed, "needs_restart": fixed}, said
        text = ", ".join(changed)
        assert watcher.wait("reload")["text"] == text
        (line,) = [line for line in tail(stage.log, 50) if "reloaded from" in line]
        assert line.endswith(text), line
        file = stage.directory / "vmpower.conf.d" / f"{'n' * 250}.conf"
        file.parent.mkdir()
        file.write_text(f"[channel]\npeer-user = {'x' * 180}\n")
        said = stage.vmpower.ctl("reload", check=False).stderr.strip()
        error = said[said.index(f"{file}:2: "):]
        assert len(error) > 512 and watcher.wait("reload")["text"].endswith(error), said


def test_trusted_users_change():
    """[channel] peer-user, for connections from now on."""
    user = "nobody" if os.geteuid() == 0 else "root"
    with scene("users", sections={"channel": {"peer-user": user}}) as stage:
        domain = stage.domain("vm", {0: "0"})
        stage.hook(domain)
        wait_until(lambda: "vm" in stage.vmpower.domains(), 10, "the domain")
        wait_until(lambda: stage.vmpower.channel("vm", 0)["error"], 10, "an untrusted peer")
        trusted = pwd.getpwuid(os.geteuid()).pw_name
        reload_with(stage, {"channel": {"peer-user": trusted}})

        def accepted():
            """Earlier attempts were given up; the last one was not."""
            try:
                return domain.channels[0].accept().silent(0.1)
            except AssertionError:
                return False

        wait_until(accepted, 20, "the connection that is kept")
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})


def test_users_by_number_and_users_that_do_not_exist():
    """Numbers need no name service. A wrong name is logged once, not at each reload."""
    users = f"{os.geteuid()} root nobodyhere"
    with scene("numbers", sections={"channel": {"peer-user": users}}) as stage:
        assert stage.started("vm", {0: "0"}).power(0, "min") == "ack"
        for rate in (10, 20):
            reload_with(stage, {"channel": {"rate": rate}})
        reload_with(stage, {"channel": {"peer-user": f"{users} elsewhere"}})
        wait_until(lambda: '"elsewhere"' in stage.logged(), 20, "the other one")
        said = [line for line in stage.logged().splitlines() if "has no user" in line]
        assert len(said) == 2 and '"nobodyhere": ignored' in said[0], said


def test_systemd_is_notified():
    """RELOADING=1 with the time, then READY=1, whether it succeeds or fails."""
    with scene("notify", start=False) as stage:
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(stage.directory / "notify"))
        notify.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = str(stage.directory / "notify")
        try:
            stage.vmpower.start()
        finally:
            del os.environ["NOTIFY_SOCKET"]

        def next_about(word):
            while True:
                lines = notify.recv(4096).decode().split("\n")
                if any(line.startswith(word) for line in lines):
                    return lines

        next_about("READY=1")
        for burst in (5, "bad"):
            change(stage, {"channel": {"burst": burst}})
            stage.vmpower.ctl("reload", check=False)
            lines = next_about("RELOADING=1")
            assert any(line.startswith("MONOTONIC_USEC=") for line in lines), lines
            next_about("READY=1")
        change(stage, {"channel": {"burst": 5}})
        stage.vmpower.stop()
        next_about("STOPPING=1")
        notify.close()


# ---- vmpowerd's own options


def test_the_shipped_file_and_check_config():
    """--default-config prints the shipped file; --check-config names file and line."""
    with scene("check", start=False) as stage:
        program = paths.BIN / "vmpowerd"
        made = run(program, "--default-config").stdout
        assert made == (paths.TREE / "packaging/vmpower.conf").read_text(), "they differ"
        for text, status, word in (
            (made, 0, ""),
            ('[domain "a"]\nrate = 1\n', 0, ""),
            ('[domain "a"]\nrat = 1\n', 78, "x.conf:2: unknown key 'rat'"),
        ):
            path = stage.directory / "x.conf"
            path.write_text(text)
            done = run(program, "--check-config", path, check=False)
            assert done.returncode == status and word in done.stderr, done
        done = run(program, "--check-config", stage.directory / "none.conf", check=False)
        assert done.returncode == 78 and "No such file" in done.stderr, done


if __name__ == "__main__":
    component_main()
