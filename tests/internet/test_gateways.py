"""Gateways fail, stall and lie; what one of them has is had, and proven where it can be."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from multiformats import CID

from gistchain.errors import SearchError
from gistchain.internet.folders import Folders
from gistchain.internet.gateways import Gateways, NotFetched
from gistchain.internet.ipfs import RAW, Cid
from gistchain.internet.uris import BadUri, place
from tests.support.ipfs import Store, gateway, raw_cid
from tests.support.localweb import LOOPBACK, Reply, served

CONTENT = b'{"name": "one"}'
DEAD = "http://127.0.0.1:9"


def fetching(*urls: str, within_s: float = 20.0, rounds: int = 1, arweave: Sequence[str] = ()) -> Gateways:
    return Gateways(
        ipfs=urls, arweave=arweave, allow=LOOPBACK, per_s=0, within_s=within_s, rounds=rounds, pause=lambda s: None
    )


def test_blocks_are_proven_and_what_a_plain_gateway_says_is_not() -> None:
    store = Store()
    root = store.folder({"1.json": CONTENT})
    with gateway(store) as proving, gateway(store, trustless=False) as plain:
        with fetching(proving.url) as gateways:
            got = gateways.get(f"ipfs://{root}/1.json", most=1000)
        assert (got.content, got.proven, got.cid) == (CONTENT, True, str(root))
        with fetching(plain.url) as gateways:
            got = gateways.get(f"ipfs://{root}/1.json", most=1000)
        assert (got.content, got.proven) == (CONTENT, False)
        # One that proves is taken before one that does not, whatever their order.
        with fetching(plain.url, proving.url) as gateways:
            assert gateways.get(f"ipfs://{root}/1.json", most=1000).proven
        # A raw block proves itself, whoever gives it.
        with fetching(plain.url) as gateways:
            assert gateways.get(f"ipfs://{store.raw(CONTENT)}", most=1000).proven


def test_one_that_lies_is_found_out_named_and_not_asked_again() -> None:
    store = Store()
    root = store.folder({"1.json": CONTENT, "2.json": CONTENT})
    with gateway(store, lies=True) as liar, gateway(store) as honest, fetching(liar.url, honest.url) as gateways:
        got = gateways.get(f"ipfs://{root}/1.json", most=1000)
        assert got.proven
        assert got.source == f"127.0.0.1:{honest.site.port}"
        assert list(gateways.liars()) == [f"127.0.0.1:{liar.site.port}"]
        asked = len(liar.site.requests)
        gateways.get(f"ipfs://{root}/2.json", most=1000)
        assert len(liar.site.requests) == asked


def test_one_that_fails_or_stalls_is_passed_over() -> None:
    store = Store()
    root = store.folder({"1.json": CONTENT})
    path = f"/ipfs/{root}/1.json"
    with gateway(store) as first, gateway(store) as second:
        with fetching(first.url, second.url) as gateways:
            first.wrong[path] = [Reply(b"busy", status=504)]
            assert gateways.get(f"ipfs://{root}/1.json", most=1000).source == f"127.0.0.1:{second.site.port}"
        first.stalls.add(path)
        with fetching(first.url, second.url, within_s=0.5) as gateways:
            assert gateways.get(f"ipfs://{root}/1.json", most=1000).content == CONTENT


def test_all_that_failed_are_named_and_whether_it_may_come_later() -> None:
    store = Store()
    root = store.folder({"1.json": CONTENT})
    with gateway(store) as only, fetching(only.url) as gateways:
        only.wrong[f"/ipfs/{root}/1.json"] = [Reply(b"", status=504)]
        with pytest.raises(NotFetched, match=rf"127.0.0.1:{only.site.port}: status 504") as caught:
            gateways.get(f"ipfs://{root}/1.json", most=1000)
        assert caught.value.again
        with pytest.raises(NotFetched, match="status 404") as caught:
            gateways.get(f"ipfs://{root}/2.json", most=1000)
        assert not caught.value.again


@pytest.mark.parametrize("status", [400, 406, 415, 501])
def test_a_refusal_of_one_token_does_not_make_the_others_unproven(status: int) -> None:
    store = Store()
    bad, root = store.folder({"bad.json": b"{}"}), store.folder({"1.json": CONTENT})
    for before in (False, True):  # whether the gateway has proven something by then
        with gateway(store) as only, fetching(only.url) as gateways:
            if before:
                assert gateways.get(f"ipfs://{store.folder({'0.json': b'[]'})}/0.json", most=1000).proven
            only.wrong[f"/ipfs/{bad}/bad.json"] = [Reply(b"", status=status)]
            with pytest.raises(NotFetched, match=f"{only.site.port}: status {status}"):
                gateways.get(f"ipfs://{bad}/bad.json", most=1000)
            assert gateways.get(f"ipfs://{root}/1.json", most=1000).proven


def test_a_page_in_place_of_one_token_s_blocks_does_not_make_the_others_unproven() -> None:
    store = Store()
    first, root = store.folder({"0.json": b"[]"}), store.folder({"1.json": CONTENT, "2.json": CONTENT + b" "})
    with gateway(store) as only, fetching(only.url) as gateways:
        assert gateways.get(f"ipfs://{first}/0.json", most=1000).proven
        only.wrong[f"/ipfs/{root}/1.json"] = [Reply(b"<html>sign in</html>")]
        with pytest.raises(NotFetched, match="it sends no blocks"):
            gateways.get(f"ipfs://{root}/1.json", most=1000)
        assert gateways.get(f"ipfs://{root}/2.json", most=1000).proven


def test_what_is_busy_is_asked_again() -> None:
    with served() as site, fetching(rounds=3) as gateways:
        replies = [Reply(b"", status=429, headers={"Retry-After": "1"}), Reply(b"", status=503), Reply(CONTENT)]
        site.routes["/1"] = lambda handler, request: replies.pop(0)
        assert gateways.get(f"{site.url}/1", most=1000).content == CONTENT


def test_a_gateway_in_the_uri_is_one_among_others() -> None:
    store = Store()
    root = store.folder({"1.json": CONTENT})
    with gateway(store) as alive, fetching(alive.url) as gateways:
        for uri in (
            f"https://gone.example/ipfs/{root}/1.json",
            f"https://{root}.ipfs.gone.example/1.json",
            f"{root}/1.json",
            f"/ipfs/{root}/1.json",
            f"ipfs://ipfs/{root}/1.json",
        ):
            assert gateways.get(uri, most=1000).proven, uri


def leaf_path(content: bytes) -> str:
    return f"/ipfs/{raw_cid(content)}"


def test_a_folder_is_sent_once_and_then_only_its_files() -> None:
    store = Store()
    long = bytes(range(256)) * 20  # of several blocks
    files = {**{f"{n}.json": b"file %d" % n for n in range(20)}, "long": long}
    root = store._node([("meta", store.folder(files)), ("inline", inline := CID("base32", 1, "raw", b"\x00\x02hi"))], 1)
    with gateway(store) as only, fetching(only.url) as gateways:
        for name, content in files.items():
            got = gateways.get(f"ipfs://{root}/meta/{name}", most=10_000)
            assert (got.content, got.proven, got.cid) == (content, True, str(root))
        assert gateways.get(f"ipfs://{root}/inline", most=10).content == b"hi"
        asked = only.site.asked()
        assert asked[1:21] == [f"{leaf_path(b'file %d' % n)}?format=raw" for n in range(1, 20)] + [asked[20]]
        assert asked[20].startswith(f"/ipfs/{store.file(long)}?format=car")
        assert len(asked) == 21, inline
        with pytest.raises(NotFetched, match="status 404"):
            gateways.get(f"ipfs://{root}/meta/99.json", most=1000)


def test_files_of_a_sharded_folder_are_had_and_proven() -> None:
    store = Store()
    files = {f"{n}.json": b"file %d" % n for n in range(20)}
    root = store._node([("meta", store.sharded(files))], 1)
    with gateway(store) as only, fetching(only.url) as gateways:
        for uri in (f"ipfs://{root}/meta", f"ipfs://{store.sharded(files)}"):
            for name, content in files.items():
                got = gateways.get(f"{uri}/{name}", most=1000)
                assert (got.content, got.proven) == (content, True)


def test_a_file_that_is_found_only_below_its_folder_is_had_there() -> None:
    store = Store()
    root = store.folder({f"{n}.json": b"file %d" % n for n in range(8)})
    with gateway(store) as only, fetching(only.url) as gateways:
        only.only_roots.add(str(root))
        for n in range(8):
            assert gateways.get(f"ipfs://{root}/{n}.json", most=1000).proven
        assert len(only.site.asked()) == 8 + 3, "after three its own CID is no longer asked for"


def test_one_that_lies_about_a_file_of_a_known_folder_is_found_out() -> None:
    store = Store()
    root = store.folder({"0.json": b"[]", "1.json": CONTENT, "2.json": CONTENT * 2})
    with gateway(store) as liar, gateway(store) as honest, fetching(liar.url, honest.url) as gateways:
        for n, content in enumerate((b"[]", CONTENT, CONTENT * 2)):
            assert gateways.get(f"ipfs://{root}/{n}.json", most=1000).content == content
            liar.lies = True
        assert set(gateways.liars()) <= {f"127.0.0.1:{liar.site.port}"}


def test_each_content_begins_with_another_gateway() -> None:
    store = Store()
    cids = [store.raw(b"file %d" % n) for n in range(60)]
    with gateway(store) as one, gateway(store) as two, gateway(store) as three:
        with fetching(one.url, two.url, three.url) as gateways:
            for _ in range(2):  # the same one each time
                for cid in cids:
                    gateways.get(f"ipfs://{cid}", most=1000)
        asked = [gate.site.asked() for gate in (one, two, three)]
    assert all(20 < len(paths) < 60 for paths in asked)
    assert sum(len(set(paths)) for paths in asked) == 60


def test_folders_take_so_much_memory_and_those_used_last_stay() -> None:
    def cid(n: int) -> Cid:
        return Cid("", RAW, bytes([0x12, 0x20, n]) + bytes(31))

    folders = Folders(most=1_500)
    for n in range(3):
        folders.keep(cid(n), [("a", cid(100 + n)), ("b", cid(200 + n))])
        assert folders.walked(cid(n), ["a", "x"]) == (cid(100 + n), ("x",))
    assert [folders.walked(cid(n), ["b"])[1] for n in range(3)] == [("b",), ("b",), ()]
    folders.keep(cid(5), [(str(n), cid(6)) for n in range(100)])
    folders.keep(cid(6), [("a", cid(7)), ("a", cid(8))])
    assert all(folders.walked(cid(n), ["a"]) == (cid(n), ("a",)) for n in (5, 6))
    assert folders.walked(cid(2), ["c"]) == (cid(2), ("c",))


def test_arweave_is_had_from_one_of_its_gateways_and_never_proven() -> None:
    transaction = "a" * 43
    with served({f"/{transaction}/1.json": Reply(CONTENT)}) as site, fetching(arweave=[DEAD, site.url]) as gateways:
        got = gateways.get(f"ar://{transaction}/1.json", most=1000)
    assert (got.content, got.proven) == (CONTENT, False)


def test_a_page_in_place_of_the_file_counts_as_absent() -> None:
    with (
        served({"/1": Reply(b"<html>sign in</html>")}) as site,
        fetching() as gateways,
        pytest.raises(NotFetched, match="it is a page"),
    ):
        gateways.get(f"{site.url}/1", most=1000, usable=lambda c: "it is a page" if c[:1] == b"<" else None)


def test_redirects_end_and_lead_to_no_private_place() -> None:
    with served() as site, fetching() as gateways:
        site.routes["/loop"] = Reply(status=302, headers={"Location": "/loop"})
        with pytest.raises(NotFetched, match="redirects"):
            gateways.get(f"{site.url}/loop", most=1000)
        site.routes["/in"] = Reply(status=302, headers={"Location": "http://10.0.0.1/"})
        with pytest.raises(NotFetched, match="not public") as caught:
            gateways.get(f"{site.url}/in", most=1000)
        assert "--allow-host" not in str(caught.value), "no server says what is to be allowed"
        for nowhere in ("http://[", "//[::1", "http://a\u2100b/", "http://x:y/"):
            site.routes["/nowhere"] = Reply(status=302, headers={"Location": nowhere.encode().decode("latin-1")})
            with pytest.raises(NotFetched, match="not requested"):
                gateways.get(f"{site.url}/nowhere", most=1000)
    with (
        served({"/1": Reply(CONTENT)}) as site,
        Gateways(ipfs=(), arweave=(), rounds=1) as strict,
        # loopback is allowed by name only
        pytest.raises(NotFetched, match=r"where that host is yours, --allow-host 127\.0\.0\.1 lets it be asked"),
    ):
        strict.get(f"{site.url}/1", most=1000)


def test_more_than_the_bound_is_not_read() -> None:
    with (
        served({"/1": Reply(bytes(2000))}) as site,
        fetching() as gateways,
        pytest.raises(NotFetched, match="at most 1,000"),
    ):
        gateways.get(f"{site.url}/1", most=1000)


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("data:application/json,%7B%7D", b"{}"),
        ("data:application/json;base64,e30=", b"{}"),
        ("data:application/json;base64,e30", b"{}"),  # without padding, as some contracts write it
        ("data:image/svg+xml;utf8,<svg fill='#fff'/>", b"<svg fill='#fff'/>"),
        ("DATA:,a%20b", b"a b"),
        ("data:image/png;base64,\ud800", b""),
    ],
)
def test_data_uris_hold_their_content(uri: str, content: bytes) -> None:
    with fetching() as gateways:
        assert gateways.get(uri, most=1000).content == content


_ODD = ["", "ftp://x/y", "ipfs://nope", "ar://short", "file:///etc/passwd", "x" * 3000, "data:x"]
_HALF = [
    "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG/\ud800.png",
    f"ar://{'a' * 43}/\udfff.png",
    "https://localhost/\ud800.png",
    "\ud800",
]


@pytest.mark.parametrize("uri", [*_ODD, *_HALF])
def test_what_leads_nowhere_is_told(uri: str) -> None:
    with fetching() as gateways, pytest.raises(SearchError):
        gateways.get(uri, most=1000)
    if not uri.startswith("data:"):
        with pytest.raises(BadUri):
            place(uri)
