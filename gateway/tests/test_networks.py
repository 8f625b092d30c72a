from ipaddress import ip_address

from gateway.networks import is_allowed, is_public, networks

INSIDE = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 192.0.0.192
    192.0.2.1 192.168.0.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    168.63.129.16 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
    100::1 2001::1 2001:2::1 2001:10::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
    fe80::1%eth0 fec0::1 ff02::1
"""
OUTSIDE = """
    1.1.1.1 8.8.8.8 93.184.216.34 172.15.0.1 172.32.0.1 ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::1111 2a00:1450::1
    2001:4860:4860::8888
"""


def test_what_is_only_reached_from_inside_is_not_public():
    assert [address for address in INSIDE.split() if is_public(ip_address(address))] == []


def test_what_anybody_reaches_is_public():
    assert [address for address in OUTSIDE.split() if not is_public(ip_address(address))] == []


def test_the_environment_may_allow_networks():
    allowed = networks("127.0.0.0/8, ::1/128,10.1.0.0/16")
    for address in ("127.0.0.1", "::1", "10.1.2.3", "::ffff:127.0.0.1"):
        assert is_allowed(ip_address(address), allowed)
    for address in ("10.2.0.1", "192.168.0.1", "8.8.8.8", "::ffff:10.2.0.1", "::2"):
        assert not is_allowed(ip_address(address), allowed)
    assert not is_allowed(ip_address("127.0.0.1"), networks(""))
