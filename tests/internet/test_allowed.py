"""What a person allows beyond the public internet."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from gistchain.errors import SearchError, SettingError
from gistchain.internet import guard
from gistchain.internet.allowed import networks
from gistchain.internet.service import Service


def test_localhost_an_address_and_a_network_are_allowed_and_nothing_beside_them() -> None:
    allowed = networks(["localhost", "10.1.2.3", "192.168.0.0/16", "[fd00::1]"])
    for address in ("127.0.0.1", "::1", "10.1.2.3", "192.168.7.7", "fd00::1"):
        assert any(ip_address(address) in network for network in allowed), address
        assert guard.refusal(address, allowed) is None
    for address in ("10.1.2.4", "169.254.169.254", "fd00::2"):
        assert guard.refusal(address, allowed) is not None


@pytest.mark.parametrize("host", ["evil.example", "", "10.0.0.0/99", "*"])
def test_a_name_that_could_lead_anywhere_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match="can't be allowed"):
        networks([host])


def test_a_key_goes_over_plain_http_to_no_other_machine_though_it_is_allowed() -> None:
    service = Service("it", "http://10.1.2.3/v1", "language_key", "sk-1", allow=networks(["10.0.0.0/8"]))
    with pytest.raises(SearchError, match="shows the key"):
        service.post(b"{}", {"Authorization": "Bearer sk-1"})
