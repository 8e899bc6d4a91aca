"""Where a connection may go."""

from __future__ import annotations

import pytest

from supervisor.notifiers.addresses import ADDRESSES_MAX, look_up, permitted
from supervisor.notifiers.secrets import target_of
from supervisor.notifiers.sink import NotSent

HTTPS, HTTP = target_of("https://hooks.example.org/x"), target_of("http://hooks.example.org/x")
PRIVATE = [
    "169.254.169.254",  # metadata of most clouds
    "fd00:ec2::254",
    "100.100.100.200",
    "fe80::1",
    "fe80::1%eth0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "192.0.2.1",
    "240.0.0.1",
]
NOWHERE = ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0", "not an address", ""]
PUBLIC = ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
HERE = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PUBLIC + HERE)
def test_the_internet_and_this_machine_may_be_told(address: str) -> None:
    assert permitted(HTTPS, [address], allow_private=False) == [address]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_may_be_told_only_where_the_profile_says_so(address: str) -> None:
    with pytest.raises(NotSent, match="allow_private"):
        permitted(HTTPS, [address], allow_private=False)
    assert permitted(HTTPS, [address], allow_private=True) == [address]


@pytest.mark.parametrize("address", NOWHERE)
def test_what_is_no_single_machine_is_never_told(address: str) -> None:
    with pytest.raises(NotSent):
        permitted(HTTPS, [address], allow_private=True)


@pytest.mark.parametrize("address", PUBLIC + PRIVATE + NOWHERE)
def test_plain_http_is_for_this_machine_alone(address: str) -> None:
    with pytest.raises(NotSent, match="https"):
        permitted(HTTP, [address], allow_private=True)


@pytest.mark.parametrize("address", HERE)
def test_this_machine_may_be_told_by_plain_http(address: str) -> None:
    assert permitted(HTTP, [address], allow_private=False) == [address]


def test_of_mixed_addresses_only_the_permitted_ones_are_used_and_few() -> None:
    assert permitted(HTTPS, ["10.0.0.1", "1.1.1.1"], allow_private=False) == ["1.1.1.1"]
    assert permitted(HTTP, ["1.1.1.1", "127.0.0.1"], allow_private=False) == ["127.0.0.1"]
    many = [f"1.1.1.{number}" for number in range(1, 20)]
    assert len(permitted(HTTPS, many, allow_private=False)) == ADDRESSES_MAX


@pytest.mark.parametrize(
    "spelled", ["127.1", "2130706433", "0x7f000001", "017700000001"], ids=["short", "number", "hex", "octal"]
)
def test_odd_spellings_are_judged_by_what_they_lead_to(spelled: str) -> None:
    assert look_up(spelled, 80) == ["127.0.0.1"]
