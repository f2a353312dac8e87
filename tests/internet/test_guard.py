"""Addresses of the web: one place has one spelling, and private machines are never asked."""

from __future__ import annotations

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.internet import guard
from gistchain.internet.address import normal
from gistchain.internet.guard import Refused, checked, refusal
from tests.support.localweb import LOOPBACK

# Addresses


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("HTTP://Example.COM:80/a/../b/./c?q=1#top", "http://example.com/b/c?q=1"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443/%7euser/%2f", "https://example.com:8443/~user/%2F"),
        ("http://example.com/a b\u00e9", "http://example.com/a%20b%C3%A9"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
        ("http://example.com/../../x/..", "http://example.com/"),
        ("http://example.com/100%", "http://example.com/100%25"),
        (" http://exa\nmple.com/ ", "http://example.com/"),
    ],
)
def test_one_place_has_one_spelling(url: str, meant: str) -> None:
    assert normal(url) == meant
    assert normal(meant) == meant


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "data:image/png;base64,AA", "javascript:1", "file:///etc/passwd", "http://", "http://a b/",
     "http://user:pass@a.example/", "http://a.example:99999/", "http://a.example\\@b.example/", "x" * 3_000,
     "http://" + "a" * 300 + ".example/", "gopher://a.example/", "//a.example/", "http://[::1/", "http://a\uff0fb/"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normal(url)
    with pytest.raises(Refused):
        checked(url)


@given(st.text(max_size=60), st.text(max_size=30))
def test_an_address_in_normal_form_stays_as_it_is(path: str, query: str) -> None:
    try:
        once = normal(f"http://a.example/{path}?{query}")
    except ValueError:
        return
    assert normal(once) == once
    assert once.isascii()
    assert once.isprintable()
    assert " " not in once


# The guard

PRIVATE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32",
    "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "2001::/32", "100::/64",
    "64:ff9b:1::/48", "2002::/16", "::/96", "5f00::/16", "3fff::/20", "4000::/2",
]  # fmt: skip
"""IANA's special-purpose registries, written down independently of the code."""


@given(
    st.sampled_from(PRIVATE)
    .map(ip_network)
    .flatmap(lambda net: st.integers(int(net[0]), int(net[-1])).map(type(net[0])))
)
def test_no_address_of_a_special_network_is_public(ip: IPv4Address | IPv6Address) -> None:
    assert refusal(str(ip)) is not None


@given(st.ip_addresses(v=4).filter(lambda ip: ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_link_local))
def test_no_private_address_hides_in_an_ipv6_address(ip: IPv4Address) -> None:
    number = int(ip)
    wrapped = [
        (0xFFFF << 32) | number,  # ::ffff:a.b.c.d
        number,  # ::a.b.c.d
        (0x64FF9B << 96) | number,  # 64:ff9b::a.b.c.d
        (0x2002 << 112) | (number << 80) | 1,  # 6to4
        (0x20010000 << 96) | (number ^ 0xFFFFFFFF),  # Teredo
        (0x2A00 << 112) | (0x00005EFE << 32) | number,  # ISATAP in a public network
        (0x2A00 << 112) | (0x02005EFE << 32) | number,
    ]
    assert all(refusal(str(IPv6Address(value))) is not None for value in wrapped)


@given(st.ip_addresses())
def test_what_python_calls_private_is_refused(ip: IPv4Address | IPv6Address) -> None:
    if ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved or not ip.is_global:
        # These two mean an IPv4 address, which may be public: the test above is about them.
        translated = any(ip in ip_network(net) for net in ("::ffff:0:0/96", "64:ff9b::/96"))
        assert refusal(str(ip)) is not None or translated


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses_are_fine(address: str) -> None:
    assert refusal(address) is None


def test_words_that_are_no_address_are_refused() -> None:
    assert refusal("localhost") is not None
    assert refusal("fe80::1%eth0") is not None


def test_an_allowed_network_is_only_that_network() -> None:
    assert refusal("127.0.0.1", LOOPBACK) is None
    assert refusal("10.0.0.1", LOOPBACK) is not None
    assert refusal("::1", LOOPBACK) is not None


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_other_spellings_of_loopback_are_seen_through(host: str) -> None:
    with pytest.raises(Refused):
        checked(f"http://{host}/")


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Refused, match=r"192\.168\.0\.1, which is not public"):
        checked("http://a.example/", resolve=lambda host, port: ["93.184.215.14", "192.168.0.1"])
    target = checked("http://a.example/x?y", resolve=lambda host, port: ["93.184.215.14", "8.8.8.8"])
    assert (target.address, target.host, target.port, target.path) == ("93.184.215.14", "a.example", 80, "/x?y")


def test_only_the_ports_of_the_web_are_asked() -> None:
    with pytest.raises(Refused, match="port 25"):
        checked("http://a.example:25/", resolve=lambda host, port: ["93.184.215.14"])


def test_a_name_without_address_is_refused() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("not known")

    for resolve in (unknown, lambda host, port: []):
        with pytest.raises(Refused, match="has no address"):
            checked("http://a.example/", resolve=resolve)
    assert ip_address(guard.resolved("127.0.0.1", 80)[0]).is_loopback


def test_a_name_server_that_does_not_answer_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    try:
        with pytest.raises(Refused, match=r"did not answer within 0\.05 s"):
            checked("http://a.example/", resolve=lambda host, port: guard.resolved(host, port, 0.05))
    finally:
        answered.set()


def test_an_address_of_the_local_network_keeps_its_interface_and_is_refused() -> None:
    try:
        (address,) = guard.resolved("fe80::1%1", 80)
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert address == "fe80::1%1"
    assert refusal(address) is not None
