"""register --web: where the image was found on the internet is part of what is signed (S1.7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gistchain.answers.path import registered_text
from gistchain.errors import SearchError
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.models.packaged.copies import PackagedClassifiers
from gistchain.models.packaged.fingerprint import PackagedFingerprinter
from gistchain.pipeline import Registry
from gistchain.rareness import evidence
from gistchain.rareness.book import Book
from gistchain.rareness.check import Checker
from gistchain.rareness.store.store import Store
from gistchain.rareness.store.trust import Trust
from gistchain.rareness.websearch.vision import VisionSearch
from gistchain.systems import rosis
from tests.support.localweb import LOOPBACK, Reply, Site, served
from tests.support.pictures import picture


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def ledger(home: Path) -> Iterator[EvmLedger]:
    with open_embedded(home) as opened:
        yield opened


def registry(home: Path, ledger: EvmLedger, site: Site) -> Registry:
    networks = PackagedFingerprinter()
    checker = Checker(
        Store(home, version=networks.version),
        networks,
        PackagedClassifiers(),
        searches=[VisionSearch("a key", base_url=site.url, allow=LOOPBACK)],
        trust=Trust(home),
    )
    return Registry(ledger, rosis(), Book(checker, ledger, name=ledger.name, own=True))


def test_what_was_found_on_the_internet_stands_in_the_signed_evidence(home: Path, ledger: EvmLedger) -> None:
    address = "https://shop.example/copy.png"
    answer = {"responses": [{"webDetection": {"fullMatchingImages": [{"url": address}]}}]}
    with served({"/v1/images:annotate": Reply(json.dumps(answer).encode(), "application/json")}) as site:
        done = registry(home, ledger, site).register(picture(1), caption="blobs", web=True)
    assert done.signed is not None
    assert done.evidence is not None
    assert hashlib.sha3_256(done.evidence).digest() == done.signed.ticket.evidence
    (search,) = evidence.read(done.evidence)["web"]
    assert (search["provider"], [match["url"] for match in search["matches"]]) == ("vision", [address])
    assert address in registered_text(done)


def test_a_search_that_fails_ends_it_before_anything_is_registered(home: Path, ledger: EvmLedger) -> None:
    before = ledger.count()
    with served({}) as site, pytest.raises(SearchError, match="Cloud Vision"):
        registry(home, ledger, site).register(picture(2), caption="blobs", web=True)
    assert ledger.count() == before
    assert ledger.find(picture(2).sha3_256) is None
