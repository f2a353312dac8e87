"""Rareness on the internet: services are asked as documented, searches are compared on evidence."""

from __future__ import annotations

import base64
import io
import json
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gistchain.errors import SearchError
from gistchain.internet.service import MAX_ANSWER_BYTES
from gistchain.rareness.websearch.agreement import agreed
from gistchain.rareness.websearch.api import SIDE, encoded
from gistchain.rareness.websearch.tineye import TinEyeSearch
from gistchain.rareness.websearch.vision import VisionSearch
from gistchain.types import Pixels, ReverseSearch, WebMatch, WebSearch
from tests.support.localweb import LOOPBACK, Reply, Request, Site, served

KEY = "AIza-secret_key.1"
PICTURE: Pixels = np.random.default_rng(4).integers(0, 256, (40, 60, 3), dtype=np.uint8)

VISION_ANSWER = {
    "responses": [
        {
            "webDetection": {
                "webEntities": [{"entityId": "/m/0h8m", "score": 1.1, "description": "Vase"}],
                "fullMatchingImages": [
                    {"url": "https://museum.example/vase.jpg"},
                    {"url": "http://MUSEUM.example:80/vase.jpg"},
                ],
                "partialMatchingImages": [{"url": "https://blog.example/crop.png"}],
                "pagesWithMatchingImages": [
                    {
                        "url": "https://museum.example/vases",
                        "pageTitle": "A <b>vase</b> &amp; its maker",
                        "fullMatchingImages": [{"url": "https://museum.example/vase.jpg"}],
                    },
                    {
                        "url": "https://shop.example/",
                        "pageTitle": "Shop",
                        "partialMatchingImages": [{"url": "https://shop.example/thumb.jpg"}],
                    },
                    {"url": "https://forum.example/topic", "pageTitle": "Topic"},
                ],
                "visuallySimilarImages": [{"url": "https://other.example/another-vase.jpg"}],
                "bestGuessLabels": [{"label": "vase", "languageCode": "en"}],
            }
        }
    ]
}


def backlink(page: str, file: str, date: str) -> dict[str, str]:
    return {"url": page + file, "backlink": page, "crawl_date": date}


TINEYE_ANSWER = {
    "code": 200,
    "messages": [],
    "stats": {"timestamp": "1700000000.1", "query_time": "0.5", "total_results": 23, "total_backlinks": 31},
    "results": {
        "matches": [
            {
                "image_url": "https://img.tineye.example/result/1",
                "domain": "museum.example",
                "score": 97.25,
                "width": 60,
                "height": 40,
                "size": 2400,
                "format": "JPEG",
                "filesize": 3000,
                "overlay": "overlay/1",
                "tags": ["collection"],
                "backlinks": [
                    backlink("https://copy.example/", "b.jpg", "2020-02-02"),
                    backlink("https://museum.example/", "a.jpg", "2009-01-01"),
                ],
            },
            {"image_url": "https://img.tineye.example/result/2", "domain": "x.example", "score": 12, "backlinks": []},
        ]
    },
}  # fmt: skip


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(value).encode(), "application/json; charset=UTF-8", status, headers)


def vision(site: Site, key: str | None = KEY, **more: object) -> VisionSearch:
    return VisionSearch(key, base_url=site.url, allow=LOOPBACK, now=lambda: 1_700_000_000.9, **more)


def tineye(site: Site, key: str | None = KEY, **more: object) -> TinEyeSearch:
    return TinEyeSearch(key, base_url=f"{site.url}/rest", allow=LOOPBACK, now=lambda: 1_700_000_000.9, **more)


PATHS = {vision: "/v1/images:annotate", tineye: "/rest/search/"}


def test_vision_is_asked_as_documented_and_its_matches_are_read() -> None:
    with served({PATHS[vision]: as_json(VISION_ANSWER)}) as site:
        provider = vision(site)
        assert isinstance(provider, ReverseSearch)
        found = provider.search(PICTURE)
    (request,) = site.requests
    assert request.method == "POST"
    assert request.headers["x-goog-api-key"] == KEY
    assert request.headers["content-type"].startswith("application/json")
    (asked,) = json.loads(request.body)["requests"]
    assert asked["features"] == [{"type": "WEB_DETECTION", "maxResults": 50}]
    sent = Image.open(io.BytesIO(base64.b64decode(asked["image"]["content"], validate=True)))
    assert np.array_equal(np.asarray(sent), PICTURE)
    assert found == WebSearch(
        "vision",
        1_700_000_000,
        (
            WebMatch("https://museum.example/vase.jpg", "https://museum.example/vases", "A vase & its maker"),
            WebMatch("https://blog.example/crop.png"),
            WebMatch("https://shop.example/thumb.jpg", "https://shop.example/", "Shop"),
            WebMatch("https://forum.example/topic", "https://forum.example/topic", "Topic"),
        ),
        1,
    )


def test_tineye_is_asked_as_documented_and_its_matches_are_read() -> None:
    with served({PATHS[tineye]: as_json(TINEYE_ANSWER)}) as site:
        provider = tineye(site)
        assert isinstance(provider, ReverseSearch)
        found = provider.search(PICTURE)
    (request,) = site.requests
    assert request.method == "POST"
    assert request.headers["x-api-key"] == KEY
    fields = form(request)
    sent = fields.pop("image_upload")
    assert {name: value.decode() for name, value in fields.items()} == {
        "offset": "0",
        "limit": "10",
        "sort": "score",
        "order": "desc",
    }
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(sent))), PICTURE)
    assert found == WebSearch(
        "tineye",
        1_700_000_000,
        (
            WebMatch("https://museum.example/a.jpg", "https://museum.example/", "museum.example", 0.9725),
            WebMatch("https://img.tineye.example/result/2", None, "x.example", 0.12),
        ),
        3,
    )


def form(request: Request) -> dict[str, bytes]:
    """The fields of a form, read by the standard library's mail parser."""
    import email.parser
    import email.policy

    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    parts = list(message.iter_parts())
    return {str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts}


@pytest.mark.parametrize("provider", [vision, tineye])
def test_nothing_found_is_an_empty_search(provider: type) -> None:
    empty = {"responses": [{}], "code": 200, "messages": [], "stats": {"total_results": 0}, "results": {"matches": []}}
    with served({PATHS[provider]: as_json(empty)}) as site:
        found = provider(site).search(PICTURE)
    assert (found.matches, found.pages) == ((), 0)
    assert agreed({"": [found]}).is_rare_on_internet


REFUSALS = [
    (401, {"code": 401, "messages": ["Please provide a valid API key."]}, "refused the key.*valid API key.*setting"),
    (403, {"error": {"code": 403, "message": f"Key {KEY} is blocked"}}, "refused the key"),
    (402, {"code": 402, "messages": ["You have no more searches available."]}, "nothing left"),
    (400, {"code": 400, "messages": ["The image is too small or too simple."]}, "status 400.*too simple"),
    (
        400,
        {"error": {"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}},
        "refused the key",
    ),
    (200, [1, 2], "not a JSON object"),
    (200, {}, "without a result|unknown form"),
    (302, {}, "status 302"),
]


@pytest.mark.parametrize("provider", [vision, tineye])
@pytest.mark.parametrize(("status", "said", "message"), REFUSALS)
def test_a_refusal_says_what_to_do_and_never_the_key(provider: type, status: int, said: object, message: str) -> None:
    with served({PATHS[provider]: as_json(said, status, Location="http://127.0.0.1:9/")}) as site:
        with pytest.raises(SearchError, match=message) as caught:
            provider(site).search(PICTURE)
        assert len(site.requests) == 1
    assert KEY not in str(caught.value)
    assert KEY not in repr(provider(site)._service)


@pytest.mark.parametrize("provider", [vision, tineye])
def test_a_busy_service_is_asked_again_later_and_later_but_not_for_ever(provider: type) -> None:
    pauses: list[float] = []
    with served({PATHS[provider]: as_json({"messages": ["Too many requests."]}, 429)}) as site:
        with pytest.raises(SearchError, match=r"quota is used up .Too many requests"):
            provider(site, pause=pauses.append).search(PICTURE)
        assert len(site.requests) == 3
        assert pauses == [1.0, 2.0]
        site.routes[PATHS[provider]] = as_json({}, 503, **{"Retry-After": "7200"})
        pauses.clear()
        with pytest.raises(SearchError, match="status 503"):
            provider(site, pause=pauses.append).search(PICTURE)
        assert pauses == [30.0, 30.0]


def test_a_service_that_recovers_is_searched() -> None:
    answers = [as_json({}, 500), as_json(TINEYE_ANSWER)]
    with served({PATHS[tineye]: lambda handler, request: answers.pop(0)}) as site:
        assert len(tineye(site, pause=lambda s: None).search(PICTURE).matches) == 2


@pytest.mark.parametrize("provider", [vision, tineye])
def test_a_service_that_hangs_dribbles_or_is_not_there_is_given_up(provider: type) -> None:
    def dribble(handler: object, request: Request) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10_000:
            handler.wfile.write(bytes([letter]))  # type: ignore[attr-defined]
            time.sleep(0.02)

    with served({PATHS[provider]: dribble}) as site:
        began = time.monotonic()
        with pytest.raises(SearchError, match=r"took more than.*tried 3 times"):
            provider(site, timeout_s=0.3, pause=lambda s: None).search(PICTURE)
        assert time.monotonic() - began < 60, "a dribbled answer would take longer"
    with pytest.raises(SearchError, match=r"can't be reached.*tried 3 times"):
        provider(site, pause=lambda s: None).search(PICTURE)


@pytest.mark.parametrize("provider", [vision, tineye])
def test_an_answer_that_is_too_large_or_no_json_is_refused(provider: type) -> None:
    with served({PATHS[provider]: Reply(b"[" * (MAX_ANSWER_BYTES + 1), "application/json")}) as site:
        with pytest.raises(SearchError, match="at most 8,388,608 are read"):
            provider(site, pause=lambda s: None).search(PICTURE)
        for body in (b"<html>", b"[" * 100_000, b"", b"\xff\xfe"):
            site.routes[PATHS[provider]] = Reply(body, "application/json")
            with pytest.raises(SearchError, match="not a JSON object"):
                provider(site).search(PICTURE)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["responses", "webDetection", "fullMatchingImages", "pagesWithMatchingImages", "url", "pageTitle", "results", "matches", "backlinks", "stats", "total_results", "score", "code", "messages", "error"]), inner), max_leaves=20))  # fmt: skip # noqa: E501
def test_an_answer_of_any_form_is_read_or_refused(value: object) -> None:
    from gistchain.rareness.websearch import tineye as tineye_module
    from gistchain.rareness.websearch import vision as vision_module

    answer = {"responses": [{"webDetection": value}]}
    if isinstance(value, dict):
        assert all(match.url for match in vision_module._matches(vision_module._detection(answer)))
        tineye_module._match(value)
    else:
        with pytest.raises(SearchError):
            vision_module._detection(answer)


@pytest.mark.parametrize(("provider", "setting"), [(VisionSearch, "vision_key"), (TinEyeSearch, "tineye_key")])
def test_a_missing_or_mangled_key_is_said_before_anything_is_sent(provider: type, setting: str) -> None:
    for absent in (None, "", "  "):
        with pytest.raises(SearchError, match=f"needs a key.*{setting}"):
            provider(absent)
    with pytest.raises(SearchError, match=f"characters that a key can't have.*{setting}") as caught:
        provider("abc\r\nHost: evil")
    assert "abc" not in str(caught.value)


def test_a_key_is_not_sent_unencrypted_nor_to_a_private_machine() -> None:
    public = VisionSearch(KEY, base_url="http://93.184.215.14")
    with pytest.raises(SearchError, match="shows the key"):
        public.search(PICTURE)
    with pytest.raises(SearchError, match="not public"):
        VisionSearch(KEY, base_url="https://10.0.0.1").search(PICTURE)


def test_what_is_sent_is_bounded_and_the_same_for_the_same_image() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2_000, 3_000, 3), dtype=np.uint8)
    data, kind = encoded(noise)
    assert encoded(noise) == (data, kind)
    assert kind == "image/jpeg"
    assert max(Image.open(io.BytesIO(data)).size) == SIDE
    assert len(data) < 6_000_000


# Agreement

SEEN = st.builds(
    WebMatch,
    url=st.sampled_from(
        ["http://a.example/1.png", "https://A.example:443/1.png", "http://b.example/", "http://c.example/"]
    ),
    page=st.none() | st.text(max_size=5),
    title=st.none() | st.text(max_size=5),
    similarity=st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000),
)
SEARCH = st.builds(
    WebSearch,
    provider=st.sampled_from(["vision", "tineye", "crawl"]),
    time=st.integers(0, 2**40),
    matches=st.lists(SEEN, max_size=4).map(tuple),
    pages=st.integers(0, 9),
)  # fmt: skip


def found(provider: str, *urls: str, pages: int = 1, at: int = 100) -> WebSearch:
    return WebSearch(provider, at, tuple(map(WebMatch, urls)), pages if urls else 0)


def test_nodes_agree_on_places_though_their_ranks_and_spellings_differ() -> None:
    nodes = {
        "a": [found("vision", "http://x.example/1", "http://y.example/2", at=100)],
        "b": [found("vision", "http://z.example/", "https://X.example:443/1#top", at=160)],
        "c": [found("vision", "http://w.example/", at=130)],
    }
    agreement = agreed(nodes)
    assert [(match.place, match.found, match.asked) for match in agreement.matches] == [("x.example/1", 2, 3)]
    assert not agreement.is_rare_on_internet
    assert (agreement.earliest, agreement.latest) == (100, 160)


def test_a_single_node_can_not_outvote_the_others() -> None:
    nodes = {name: [found("vision")] for name in "abc"} | {"liar": [found("vision", "http://x.example/")] * 9}
    agreement = agreed(nodes)
    assert agreement.is_rare_on_internet
    assert agreement.matches == ()


def test_an_image_that_most_nodes_found_somewhere_is_not_rare() -> None:
    nodes = {name: [found("vision", f"http://{name}.example/")] for name in "abc"}
    agreement = agreed(nodes)
    assert not agreement.is_rare_on_internet
    assert agreement.matches == ()


def test_half_of_the_nodes_is_no_majority() -> None:
    assert agreed({"a": [found("tineye")], "b": [found("tineye", "http://x.example/")]}).is_rare_on_internet


def test_providers_are_not_mixed() -> None:
    nodes = {
        "a": [found("vision", "http://x.example/"), found("crawl")],
        "b": [found("vision", "http://x.example/"), found("crawl")],
        "c": [found("crawl")],
    }
    agreement = agreed(nodes)
    assert not agreement.is_rare_on_internet
    assert [(match.provider, match.found, match.asked) for match in agreement.matches] == [("vision", 2, 2)]


def test_copies_of_one_file_at_two_addresses_are_one_place_where_that_is_known() -> None:
    nodes = {"a": [found("vision", "http://x.example/")], "b": [found("vision", "http://y.example/")]}
    assert agreed(nodes).matches == ()
    (match,) = agreed(nodes, {"http://x.example/": "ab12", "https://y.example": "ab12"}).matches
    assert (match.place, match.found) == ("ab12", 2)


@settings(max_examples=40)
@given(
    st.dictionaries(st.text(max_size=3), st.lists(SEARCH, min_size=1, max_size=3), min_size=1, max_size=4), st.randoms()
)
def test_agreement_is_the_same_in_any_order(nodes: dict[str, list[WebSearch]], rng: random.Random) -> None:
    shuffled = [(name, rng.sample(searches, len(searches))) for name, searches in nodes.items()]
    rng.shuffle(shuffled)
    assert agreed(dict(shuffled)) == agreed(nodes)
    agreement = agreed(nodes)
    assert not (agreement.matches and agreement.is_rare_on_internet)


def test_nothing_is_said_where_nobody_searched() -> None:
    for nodes in ({}, {"a": []}):
        with pytest.raises(SearchError, match="no node has searched"):
            agreed(nodes)
