"""What the restorer touches when the process that it has noted is another by now."""

import os
from contextlib import closing

from badwire.agent.host import system
from badwire.agent.restorer import Network, Restorer, Service

NO_SUCH_PORT = 0x7FFFFFFF  # the largest index of an interface


def test_another_process_with_the_same_pid_is_left_alone() -> None:
    before = system.offloads("lo")
    service = Service(
        pid=os.getpid(),
        address="127.0.0.1",
        interface="lo",
        port=NO_SUCH_PORT,
        offloads={name: not value for name, value in before.items()},
        namespace=os.stat("/proc/self/ns/net").st_ino + 1,
    )
    network = Network("no-such-bridge", {"web": service})
    assert Network.from_json(network.to_json()) == network
    with closing(Restorer(network)) as restorer:
        restorer.restore()
    assert system.offloads("lo") == before
