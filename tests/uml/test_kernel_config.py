"""The kernel's options: each has its reason, and one that a kernel lacks is named."""

from badwire.uml import kernel_config

FRAGMENT = """\
# a heading
CONFIG_NET=y          # sockets
CONFIG_NAME="a name"  # with a space
CONFIG_OLD=y          # if known: older ones have it
"""


def test_an_option_that_a_kernel_lacks_is_named() -> None:
    assert kernel_config.lacking(FRAGMENT, 'CONFIG_NET=y\nCONFIG_NAME="a name"\n') == []
    assert kernel_config.lacking(FRAGMENT, "# CONFIG_NET is not set\nCONFIG_NAME=y\n") == ["CONFIG_NET", "CONFIG_NAME"]
    assert kernel_config.lacking(FRAGMENT, 'CONFIG_NET=m\nCONFIG_NAME="a name"\n') == ["CONFIG_NET"]


def test_what_only_some_versions_know_is_asked_for_and_not_demanded() -> None:
    assert kernel_config.options(FRAGMENT)["CONFIG_OLD"] == "y"
    assert "CONFIG_OLD" not in kernel_config.demanded(FRAGMENT)


def test_every_option_of_ours_has_its_reason_beside_it() -> None:
    text = kernel_config.fragment(docker=True)
    lines = text.splitlines()
    found = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in found if not line.startswith("CONFIG_") or not line.partition("# ")[2].strip()] == []
    assert len(found) == len(kernel_config.options(text))  # none twice


def test_our_ticks_come_before_those_of_the_architecture() -> None:
    ours = kernel_config.with_hz('# Linux\nmainmenu "Linux"\n\nsource "arch/um/Kconfig"\n')
    assert ours == '# Linux\nmainmenu "Linux"\nconfig HZ\n\tint\n\tdefault 250\n\nsource "arch/um/Kconfig"\n'
