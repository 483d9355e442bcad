"""The servers that the tests run, and the Debian packages that they are in."""

from pathlib import Path

from badwire.pytest_plugin import require

PACKAGES = {
    "/usr/bin/redis-server": "redis-server",
    "/usr/bin/redis-cli": "redis-tools",
    "/usr/bin/memcached": "memcached",
    "/usr/sbin/nginx": "nginx-light",
    "/usr/sbin/lighttpd": "lighttpd",
}


def check_installed() -> None:
    """Skip the current test if a server is missing on this machine; fail it if BADWIRE_REQUIRE names "servers"."""
    missing = [package for program, package in PACKAGES.items() if not Path(program).exists()]
    if missing:
        packages = " ".join(missing)
        require.lacking(f"no {packages} here: apt-get install --no-install-recommends {packages}", {"servers"})
