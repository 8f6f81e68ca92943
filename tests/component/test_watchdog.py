# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's notifications to systemd's watchdog, and a monitor that hangs meanwhile."""

import os
import signal

from tests.harness.scene import LOWEST, component_main, service
from tests.harness.wait import wait_until

ALONE = True  # a busy host would look like a daemon that hangs


def test_status_follows():
    with service("status") as (stage, manager):
        wait_until(lambda: manager.values("READY") == ["1"], 20, "READY=1")
        manager.wait_status("0 domains, 0 channels, 8 CPUs")
        one = stage.started("one", {0: "1"})
        manager.wait_status("1 domain, 1 channel, 8 CPUs")
        two = stage.started("two", {0: "2", 1: "3"})
        manager.wait_status("2 domains, 3 channels, 8 CPUs")
        two.channels[1].close()
        manager.wait_status("2 domains, 2 channels, 8 CPUs")
        stage.hook(one, "stopped")
        stage.hook(two, "stopped")
        manager.wait_status("0 domains, 0 channels, 8 CPUs")
        assert manager.values("WATCHDOG") == [], "nobody has asked for it"
        stage.vmpower.stop()
        wait_until(lambda: manager.values("STOPPING") == ["1"], 20, "STOPPING=1")


def test_watchdog_while_the_loop_turns():
    with service("watchdog", watchdog_s=0.4) as (stage, manager):
        wait_until(lambda: len(manager.values("WATCHDOG")) >= 4, 20, "WATCHDOG=1, again and again")
        stage.vmpower.process.send(signal.SIGSTOP)
        before = len(manager.values("WATCHDOG"))
        assert before, "there were some"
        stage.vmpower.process.send(signal.SIGCONT)
        wait_until(lambda: len(manager.values("WATCHDOG")) > before + 1, 20, "more of them")


def test_monitor_that_hangs_is_replaced():
    with service("hangs", watchdog_s=1) as (stage, _manager):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        before = stage.vmpower.status()["monitor_pid"]
        os.kill(before, signal.SIGSTOP)
        domain.channels[0].peer.settimeout(40)
        # only this request happens, and the hung monitor does not read it
        assert domain.power(0, "down") == "ack"
        stage.expect({1: LOWEST})
        assert stage.vmpower.status()["monitor_pid"] not in (None, before)
        assert f"monitor (pid {before}): it hangs" in stage.logged()


if __name__ == "__main__":
    component_main()
