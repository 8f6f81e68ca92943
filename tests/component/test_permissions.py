# SPDX-License-Identifier: BSD-3-Clause
"""Access to the control socket: members of group vmpower may read, root may change."""

import contextlib
import json
import os
import re
import traceback
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import LOWEST, component_main, scene
from tests.harness.varlink import Varlink, VarlinkError, Watcher

INTERFACE = "org.vmpower.Manager"
UID, GROUP, OTHER_GROUP = 61998, 61999, 62000  # of nobody on this host
CHANGES = {"SetChannels", "AddDomain", "RemoveDomain", "AddChannels", "RemoveChannels", "Reload",
           "SetLogLevel", "SetOverride", "SetPolicy", "ClearPolicy"}
LOOKS = {"GetStatus", "ListDomains", "GetDomain", "ListCpus", "ExplainCpu", "Verify", "Monitor",
         "Metrics"}


@contextlib.contextmanager
def group_scene(name):
    """A scene on a host that has the group; every user can reach the socket."""
    if os.geteuid():
        raise Skip("needs root, to be somebody else")
    etc = Path("/run/group")
    others = [line for line in Path("/etc/group").read_text(encoding="utf-8").splitlines()
              if not line.startswith("vmpower:")]
    etc.write_text("\n".join([*others, f"vmpower:x:{GROUP}:", ""]), encoding="utf-8")
    run("mount", "--bind", etc, "/etc/group")  # of this mount namespace
    try:
        with scene(name) as stage:
            stage.directory.chmod(0o711)
            yield stage, stage.vmpower.runtime / "control.sock"
    finally:
        run("umount", "/etc/group")


class Somebody:
    """Run function(say) in a process with another user and other groups."""

    def __init__(self, function, gid, groups=()):
        ours, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(ours)
                os.setgroups(list(groups))
                os.setresgid(gid, gid, gid)
                os.setresuid(UID, UID, UID)
                function(lambda what: os.write(theirs, json.dumps(what).encode() + b"\n"))
                status = 0
            except BaseException:  # pylint: disable=broad-exception-caught
                traceback.print_exc()
            finally:
                os._exit(status)  # pylint: disable=protected-access
        os.close(theirs)
        self.pipe = os.fdopen(ours, encoding="utf-8")

    def says(self):
        """The next thing that it says."""
        line = self.pipe.readline()
        assert line, "it has ended"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.pipe.close()
        _pid, status = os.waitpid(self.pid, 0)
        if not kind:
            assert status == 0, f"it ended with {status}"


def call_all(socket, say):
    """Call each method without parameters; return the replies by name, of Monitor the first."""
    replies = {}
    for method in sorted(CHANGES | LOOKS):
        with Varlink(socket) as client:
            client.send(f"{INTERFACE}.{method}", more=method == "Monitor")
            try:
                client.reply()
                replies[method] = "done"
            except VarlinkError as error:
                replies[method] = error.name
    say(replies)


def test_each_method_is_in_one_of_the_lists():
    """A new method must be added to one."""
    text = (paths.TREE / "helper/manager/control/org.vmpower.Manager.varlink").read_text(encoding="utf-8")
    assert set(re.findall(r"^method (\w+)\(", text, re.M)) == CHANGES | LOOKS


def test_members_may_read_but_not_change():
    """By primary or supplementary group; each method."""
    with group_scene("members") as (_stage, socket):
        for gid, groups in ((GROUP, ()), (OTHER_GROUP, (5, GROUP))):
            with Somebody(lambda say: call_all(socket, say), gid, groups) as member:
                replies = member.says()
            for method in CHANGES:
                assert replies[method] == f"{INTERFACE}.PermissionDenied", (method, replies)
            for method in LOOKS:
                assert replies[method] in ("done", "org.varlink.service.InvalidParameter"), (
                    method,
                    replies,
                )
            assert replies["Monitor"] == "done", replies


def test_strangers_get_no_further_than_the_socket():
    """They may not even read if the socket is open to all."""
    with group_scene("strangers") as (_stage, socket):

        def connect(say):
            try:
                Varlink(socket).close()
                say("connected")
            except PermissionError:
                say("refused")

        with Somebody(connect, OTHER_GROUP) as stranger:
            assert stranger.says() == "refused"
        socket.chmod(0o666)
        with Somebody(lambda say: call_all(socket, say), OTHER_GROUP) as stranger:
            replies = stranger.says()
        assert set(replies.values()) == {f"{INTERFACE}.PermissionDenied"}, replies


def test_a_member_watches():
    """Monitor's stream, from the first event to the daemon's end, with requests if wanted."""

    def follow(socket, say):
        with Watcher(socket, requests=True) as watcher:
            say("watching")
            say(watcher.wait("domain-registered")["domain"])
            say(watcher.wait("target", khz=LOWEST)["decides"]["kind"])
            say(watcher.wait("requests", domain="vm")["requests"])
            try:
                while True:
                    watcher.take()
            except EOFError:
                say("over")

    with group_scene("watches") as (stage, socket):
        with Somebody(lambda say: follow(socket, say), OTHER_GROUP, (GROUP,)) as member:
            assert member.says() == "watching"
            domain = stage.started("vm", {0: "3"})
            assert member.says() == "vm"
            assert domain.power(0, "min") == "ack"
            assert member.says() == "vote"
            assert domain.power(0, "min") == "ack"
            assert member.says() >= 1
            stage.hook(domain, "stopped")
            stage.vmpower.wait_forgotten("vm")
            stage.vmpower.stop()
            assert member.says() == "over"
        stage.vmpower.start()


def test_vmpowerctl_of_a_member():
    """A change is refused with advice, and exit status 1."""
    with group_scene("ctl") as (stage, _socket):
        command = ["setpriv", "--reuid", str(UID), "--regid", str(OTHER_GROUP), "--groups",
                   str(GROUP), paths.BIN / "vmpowerctl", "--runtime-dir",
                   stage.vmpower.runtime]
        assert run(*command, "list").returncode == 0
        answer = run(*command, "log-level", "debug", check=False)
        assert answer.returncode == 1 and "use sudo" in answer.stderr, answer


if __name__ == "__main__":
    component_main()
