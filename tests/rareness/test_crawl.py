"""Our own reverse search: real sites and archives are indexed, hostile ones are survived, copies are found."""

from __future__ import annotations

import gzip
import io
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gistchain.errors import FileBusy, FileDamaged, FileError, OtherFingerprint, SearchError
from gistchain.internet.fetch import Unreachable, exchange
from gistchain.internet.guard import checked
from gistchain.internet.page import read_page
from gistchain.internet.robots import rules
from gistchain.rareness.hashes import turn
from gistchain.rareness.websearch.crawl import Crawled, Limits, crawl
from gistchain.rareness.websearch.index import CrawlSearch, Index
from gistchain.rareness.websearch.warc import ArchiveLimits, index_warc
from gistchain.types import Pixels, ReverseSearch
from tests.support.clock import costs_at_most
from tests.support.localweb import LOOPBACK, Handler, Reply, Request, Site, served

FAST = Limits(delay_s=0.0, response_s=2.0, total_s=60.0)


def scene(seed: int, size: tuple[int, int] = (240, 180)) -> Pixels:
    """A random picture with coarse and finer shapes, as photos have: hashes of noise alone would say little."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
        )
        for n in (5, 13, 30)
    ]
    return np.mean(layers, axis=0).astype(np.uint8)


def as_file(image: Pixels, kind: str = "PNG", **how: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, **how)
    return stream.getvalue()


def picture(seed: int) -> Reply:
    return Reply(as_file(scene(seed)), "image/png")


def html(body: str, **headers: str) -> Reply:
    return Reply(f"<!doctype html><title>A page</title>{body}".encode(), headers=headers)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "home" / "crawl.sqlite")


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as one:
        yield one


def read(site: Site, index: Index, *paths: str, limits: Limits = FAST, **more: object) -> Crawled:
    more = {"allow": LOOPBACK, "ports": {site.port}, **more}
    return crawl([site.url + path for path in paths or ("/",)], index, limits=limits, now=lambda: 1_000, **more)


# A site


def test_a_site_is_indexed_and_its_images_are_found_again(site: Site, index: Index) -> None:
    site.routes |= {
        "/": html('<a href="/two">next</a> <img src="/a.png" alt="A &amp; B"><img src="a.png">'),
        "/two": html('<a href="/">back</a><picture><source srcset="s.png 1x, b.png 2x"><img src="s.png"></picture>'),
        "/a.png": picture(1),
        "/b.png": picture(2),
        "/s.png": picture(3),
    }
    result = read(site, index)
    assert (result.pages, result.images, result.new, result.notes) == (2, 3, 3, [])
    provider = CrawlSearch(index, now=lambda: 2_000.5)
    assert isinstance(provider, ReverseSearch)
    found = provider.search(scene(1))
    assert (found.provider, found.time, found.pages) == ("crawl", 2_000, 1)
    (match,) = found.matches
    assert (match.url, match.page, match.title, match.similarity) == (
        f"{site.url}/a.png", f"{site.url}/", "A & B", 1.0,
    )  # fmt: skip
    (match,) = provider.search(scene(2)).matches
    assert (match.page, match.title) == (f"{site.url}/two", "A page")
    nothing = provider.search(scene(99))
    assert (nothing.matches, nothing.pages) == ((), 0)
    again = read(site, index)
    assert (again.images, again.new, len(index)) == (3, 0, 3)


def test_robots_txt_is_obeyed_wildcards_and_all(site: Site, index: Index) -> None:
    site.routes |= {
        "/robots.txt": Reply(
            b"User-agent: other\nDisallow: /\n\nUser-agent: gistchain\nDisallow: /no/\nDisallow: /*.gif$\n"
        ),
        "/": html('<a href="/no/page">x</a><img src="/no/a.png"><img src="/b.gif"><img src="/c.png"><img src="/go">'),
        "/go": Reply(status=302, headers={"Location": "/no/a.png"}),
        "/c.png": picture(1),
        "/no/a.png": picture(2),
        "/b.gif": picture(3),
    }  # fmt: skip
    result = read(site, index)
    assert site.asked() == ["/robots.txt", "/", "/c.png", "/go"] or set(site.asked()) == {
        "/robots.txt",
        "/",
        "/c.png",
        "/go",
    }
    assert result.left_out == 4
    assert all("robots.txt" in note for note in result.notes)


@pytest.mark.parametrize(
    ("reply", "allowed"),
    [
        (Reply(status=404), True),
        (Reply(status=403), True),
        (Reply(status=500), False),
        (Reply(status=429), False),
        (Reply(b"x" * 5_000_000), False),
        (Reply(status=301, headers={"Location": "/robots.txt"}), False),
        (Reply(b"User-agent: *\nDisallow:"), True),
        (Reply(b"\xff\xfe\x00 no text"), True),
    ],
)
def test_a_site_whose_robots_txt_fails_is_left_alone(site: Site, index: Index, reply: Reply, allowed: bool) -> None:
    site.routes |= {"/robots.txt": reply, "/": html("hello")}
    assert read(site, index).pages == int(allowed)


def test_a_hostile_robots_txt_costs_no_time() -> None:
    many = "".join(f"User-agent: a{n}\n" for n in range(20_000)) + "Disallow: /x\n" * 20_000
    with costs_at_most(cpu_s=5):
        assert not rules(many).can_fetch("/", "a1")
        long = "http://x/" + "a" * 2_000
        assert rules("User-agent: *\nDisallow: /" + "*a" * 5_000 + "b").can_fetch(long, "gistchain")


def test_crawl_delay_and_the_own_pause_are_kept(site: Site, index: Index) -> None:
    site.routes |= {"/": html('<img src="/a.png">'), "/a.png": picture(1)}
    pauses: list[float] = []
    read(site, index, limits=Limits(delay_s=0.5), pause=pauses.append)
    assert len(pauses) >= 2
    assert all(0.3 < pause <= 0.5 for pause in pauses)
    site.routes["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 20")
    pauses.clear()
    read(site, index, limits=Limits(delay_s=0.5), pause=pauses.append)
    assert max(pauses) > 19
    site.routes["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 0.8")
    slow = read(site, index, limits=Limits(delay_s=0.0, response_s=0.5))
    assert (slow.images, slow.notes) == (1, []), "waiting for its turn is no delay of the server"
    site.routes["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 20")
    result = read(site, index, limits=Limits(delay_s=0.0, total_s=5))
    assert any("its turn comes after the end" in note for note in result.notes)


def test_robots_tags_are_obeyed(site: Site, index: Index) -> None:
    site.routes |= {
        "/": html('<meta name="robots" content="noimageindex"><a href="/b">x</a><img src="/a.png">'),
        "/b": html('<meta name=ROBOTS content=nofollow><a href="/c">x</a><img src="/b.png"><img src="/n.png">'),
        "/b.png": picture(1),
        "/n.png": Reply(as_file(scene(2)), "image/png", headers={"X-Robots-Tag": "noindex"}),
    }
    result = read(site, index)
    assert "/c" not in site.asked()
    assert "/a.png" not in site.asked()
    assert (result.pages, result.images) == (2, 1)


def test_other_sites_are_not_crawled_but_their_images_are_shown_here(site: Site, index: Index) -> None:
    with served({"/x.png": picture(5), "/page": html("other")}) as other:
        site.routes |= {
            "/": html(f'<a href="{other.url}/page">x</a><a href="/away">y</a><img src="{other.url}/x.png">'),
            "/away": Reply(status=302, headers={"Location": f"{other.url}/page"}),
        }
        result = read(site, index, ports={site.port, other.port})
        assert result.images == 1
        assert any("leads to another site" in note for note in result.notes)
        assert other.asked().count("/page") == 1


def test_limits_end_a_crawl_and_are_noted(site: Site, index: Index) -> None:
    """An endless site: each page links to two new ones."""

    class Endless(dict[str, object]):
        def get(self, path: str, default: object = None) -> object:
            if path == "/robots.txt":
                return default
            return picture(hash(path) % 1_000) if path.endswith(".png") else html(
                f'<a href="{path}a">x</a><a href="{path}b">x</a><img src="{path}.png">'
            )  # fmt: skip

    site.routes = Endless()  # type: ignore[assignment]
    result = read(site, index, limits=Limits(delay_s=0, pages=7))
    assert result.pages == 7
    assert "ended after 7 pages" in result.notes[-1]
    result = read(site, index, limits=Limits(delay_s=0, images=3))
    assert result.images == 3
    assert "ended after 3 images" in result.notes[-1]
    result = read(site, index, limits=Limits(delay_s=0, total_s=0.5))
    assert "ended after 0 s" in result.notes[-1]


def test_a_crawl_without_a_site_says_so(index: Index) -> None:
    with pytest.raises(SearchError, match="no site"):
        crawl([], index)
    with pytest.raises(SearchError, match=r"can't be crawled.*http"):
        crawl(["ftp://a.example/"], index)


# Server-side request forgery


@pytest.mark.parametrize(
    "where",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "file:///etc/passwd", "http://0x7f.1:81/",
     "http://user:pass@example.com/", "gopher://127.0.0.1/"],
)  # fmt: skip
def test_neither_links_nor_redirects_lead_to_private_addresses(site: Site, index: Index, where: str) -> None:
    site.routes |= {
        "/": html(f'<img src="{where}"><img src="/go.png"><a href="/go">x</a>'),
        "/go": Reply(status=301, headers={"Location": where}),
        "/go.png": Reply(status=307, headers={"Location": where}),
    }
    connected: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        connected.append(host)
        return [{"0x7f.1": "127.0.0.1"}.get(host, host)]

    result = read(site, index, resolve=resolve)
    assert result.images == 0
    assert sum("is not requested" in note for note in result.notes) >= 2


def test_a_name_that_turns_private_is_refused_and_the_checked_address_is_the_one_used(index: Index) -> None:
    """DNS rebinding: the first answer is fine, the next would be another machine. One is asked for, once a request."""
    with served({"/": html("mine"), "/robots.txt": Reply(status=404)}) as mine:
        answers = ["127.0.0.1", "127.0.0.1", "10.1.2.3", "10.1.2.3"]
        asked: list[str] = []

        def resolve(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return [answers[min(len(asked), len(answers)) - 1]]

        start = f"http://rebind.example:{mine.port}/"
        mine.routes["/"] = html('<a href="/secret">x</a>')
        result = crawl([start], index, limits=FAST, allow=LOOPBACK, ports={mine.port}, resolve=resolve)
        assert result.pages == 1
        assert mine.asked() == ["/robots.txt", "/"]
        assert all(request.headers["host"] == f"rebind.example:{mine.port}" for request in mine.requests)
        assert any("10.1.2.3" in note for note in result.notes)
        assert len(asked) == 3


def test_redirects_in_a_circle_end(site: Site, index: Index) -> None:
    site.routes |= {
        "/": Reply(status=302, headers={"Location": "/2"}),
        "/2": Reply(status=302, headers={"Location": "/"}),
    }
    result = read(site, index)
    assert "more than 5 redirects" in result.notes[0]
    assert len(site.asked()) == 7


# Hostile answers


def bomb(size: int) -> bytes:
    return gzip.compress(b"\0" * size, 9)


def endless(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    while True:
        handler.wfile.write(b"\0" * 65_536)


def dribble(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n")
    for _ in range(5_000):
        handler.wfile.write(b"\0")
        time.sleep(0.02)


def dribbled_headers(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(5_000):
        handler.wfile.write(f"X-{number % 50}: 1\r\n".encode())
        time.sleep(0.05)


def short(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\nabc")


def nonsense(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"\xff" * 100 + b"\r\n\r\n")


def chunks(handler: Handler, request: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")


SMALL = Limits(delay_s=0, response_s=2, image_bytes=1_000_000, page_bytes=1_000_000)
HOSTILE: dict[str, tuple[Reply | Callable[[Handler, Request], None], str]] = {
    "endless": (endless, "more than 1,000,000 bytes"),
    "announced": (Reply(b"", "image/png", headers={"Content-Length": "99999999999"}), "at most 1,000,000"),
    "dribble": (dribble, "took more than"),
    "dribbled headers": (dribbled_headers, "took more than|broke off"),
    "short": (short, "broke off"),
    "nonsense": (nonsense, "broke off"),
    "bad chunks": (chunks, "broke off"),
    "gzip bomb": (Reply(bomb(50_000_000), "image/png", headers={"Content-Encoding": "gzip"}), "grows to more than"),
    "cut gzip": (Reply(bomb(5_000)[:-9], "image/png", headers={"Content-Encoding": "gzip"}), "cut short"),
    "no gzip": (Reply(b"plain", "image/png", headers={"Content-Encoding": "gzip"}), "gzip can't be read"),
    "brotli": (Reply(b"plain", "image/png", headers={"Content-Encoding": "br"}), "only gzip"),
    "no image": (Reply(b"%PDF-1.7", "image/png"), "not an image that is read here"),
    "empty": (Reply(b"", "image/png"), "is empty"),
    "text": (Reply(b"hello", "text/plain"), "its type is text/plain"),
    "error": (Reply(b"hello", "image/png", status=500), "status 500"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_noted_and_the_crawl_goes_on(site: Site, index: Index, name: str) -> None:
    reply, message = HOSTILE[name]
    site.routes |= {
        "/": html('<img src="/evil.png"><img src="/good.png">'),
        "/evil.png": reply,
        "/good.png": picture(1),
    }
    began = time.monotonic()
    result = read(site, index, limits=SMALL)
    assert time.monotonic() - began < 60, "what dribbles would take longer"
    (note,) = result.notes
    assert any(part in note for part in message.split("|")), note
    assert result.images == 1


def test_gzip_pages_and_images_of_no_named_type_are_read(site: Site, index: Index) -> None:
    page = gzip.compress(b'<img src="/a">')
    site.routes |= {
        "/": Reply(page, headers={"Content-Encoding": "gzip"}),
        "/a": Reply(as_file(scene(1)), "application/octet-stream"),
    }
    assert read(site, index).images == 1


def test_a_server_that_is_not_there_is_unreachable(site: Site) -> None:
    target = checked("http://127.0.0.1:1/", allow=LOOPBACK, ports={1})
    with pytest.raises(Unreachable, match="can't be reached"):
        exchange(target, kinds={"": 10}, headers={}, within_s=1)


# Pages


@pytest.mark.parametrize(
    "part",
    ["<", "<!", "<!--", "<a ", "<img src='", "<img " + "x" * 50, "</", "&#", "<script>", "<title>", '<a href="b>c" '],
)
def test_a_hostile_page_costs_no_time(part: str) -> None:
    data = (part * (2_000_000 // len(part))).encode()
    with costs_at_most(cpu_s=10):
        read_page(data, "http://a.example/")


PARTS = [
    "<img src=",
    "<a href='",
    "<base href=//x.y>",
    'srcset="a 2x,, b',
    "'",
    '"',
    ">",
    "<title>",
    "</title>",
    "<!--",
    "-->",
]
PARTS += ["\u0130", "&amp;"]


@given(st.text(max_size=300) | st.lists(st.sampled_from(PARTS)).map("".join))
def test_any_page_is_read(text: str) -> None:
    page = read_page(text.encode("utf-8", "surrogatepass"), "http://a.example/x/")
    assert all(link.startswith(("http://", "https://")) for link in (*page.links, *page.images))


def test_what_a_page_shows_is_read() -> None:
    page = read_page(
        b"""<TITLE> My
        page </TITLE><base href="/sub/"><!-- <img src="hidden.png"> --><script>"<img src='no.png'>"</script>
        <img alt='"1>0"' src=one.png><IMG SRC="data:image/png;base64,AA" data-src="two.png">
        <img srcset="s.png 300w, l.png 1200w" src="s.png"><meta property="og:image" content="/og.jpg">
        <a href="next#part">x</a><a href="mailto:me">x</a><a href=" ">x</a>""",
        "http://a.example/x/y",
    )
    assert page.title == "My page"
    assert page.images == {
        "http://a.example/sub/one.png": '"1>0"',
        "http://a.example/sub/two.png": "",
        "http://a.example/sub/l.png": "",
        "http://a.example/og.jpg": "",
    }
    assert page.links == ("http://a.example/sub/next",)


def test_a_page_is_read_in_its_own_encoding() -> None:
    assert read_page("<title>\u00e9</title>".encode("latin-1"), "http://a.example/", "iso-8859-1").title == "\u00e9"
    assert (
        read_page('<meta charset="latin-1"><title>\u00e9'.encode("latin-1") + b"</title>", "http://a.example/").title
        == "\u00e9"
    )
    assert read_page(b"<title>a</title>", "http://a.example/", "no-such-code").title == "a"


# The index


def fill(index: Index, count: int = 12) -> None:
    for seed in range(count):
        index.add(f"http://a.example/{seed}.png", as_file(scene(seed)), seen_at=seed)


def changed(how: str, image: Pixels) -> Pixels:
    picture = Image.fromarray(image)
    if how == "jpeg":
        return np.asarray(Image.open(io.BytesIO(as_file(image, "JPEG", quality=30))))
    if how == "smaller":
        return np.asarray(picture.resize((120, 90)))
    if how == "brighter":
        return np.clip(image * 1.15, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(turn(image, int(how)))


@pytest.mark.parametrize("how", ["jpeg", "smaller", "brighter", *map(str, range(8))])
def test_copies_are_found_turned_and_mirrored_too_and_nothing_else(index: Index, how: str) -> None:
    fill(index)
    matches = index.search(changed(how, scene(3)))
    assert [match.url for match in matches] == ["http://a.example/3.png"]
    assert 0.85 < (matches[0].similarity or 0) <= 1


def test_every_address_of_an_image_is_a_match_in_order_and_in_pages(index: Index) -> None:
    for number in range(23):
        index.add(f"http://a.example/{number:02}.png", as_file(scene(1)), seen_at=number)
    index.link("http://b.example/", {"http://a.example/07.png": "seven"})
    index.link("http://a.example/", {"http://a.example/07.png": "more"})
    search = CrawlSearch(index).search(scene(1))
    assert [match.url for match in search.matches] == [f"http://a.example/{number:02}.png" for number in range(10)]
    assert search.pages == 3
    assert search.matches[7].page == "http://a.example/"
    assert len(index) == 1
    assert CrawlSearch(index, now=lambda: 1).search(scene(1)) == CrawlSearch(index, now=lambda: 1).search(scene(1))


def test_flat_pictures_match_only_when_they_are_the_same(index: Index) -> None:
    def drawing(x: int) -> Pixels:
        image = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(image).rectangle((x, 20, x + 40, 76), fill="navy")
        return np.asarray(image)

    index.add("http://a.example/flat.png", as_file(drawing(10)), seen_at=1)
    assert [match.similarity for match in index.search(drawing(10))] == [1.0]
    assert [match.similarity for match in index.search(drawing(45))] == [1.0], "that is its mirror image"
    assert index.search(drawing(28)) == []


def test_dots_and_blank_pictures_are_not_kept(index: Index) -> None:
    assert not index.add("http://a.example/dot.png", as_file(scene(1, (8, 8))), seen_at=1)
    assert not index.add("http://a.example/blank.png", as_file(np.full((50, 50, 3), 7, np.uint8)), seen_at=1)
    assert len(index) == 0
    with pytest.raises(SearchError, match="empty: crawl"):
        CrawlSearch(index).search(scene(1))


class Means:
    """A real, if simple, fingerprint: mean colours of 16 x 16 tiles, spread over the length that is wanted."""

    def __init__(self, version: str = "1") -> None:
        self.version = version

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        rows = []
        for image in images:
            small = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BOX), np.float32)
            row = np.zeros(10_048, np.float32)
            row[: small.size] = (small - small.mean()).ravel()
            rows.append(row)
        return np.array(rows)


def test_a_fingerprint_finds_what_hashes_miss_and_versions_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "crawl.sqlite"
    index = Index(path, Means())
    fill(index)
    hidden = scene(3).copy()
    hidden[60:120, 80:160] = scene(3)[60:120, 80:160] // 2 + 60
    hidden[::3] = np.roll(hidden[::3], 1, axis=1)
    assert [match.url for match in index.search(hidden)] == ["http://a.example/3.png"]
    with pytest.raises(OtherFingerprint, match=r"version 1.*this is 2.*crawl again"):
        Index(path, Means("2"))
    assert len(Index(path)) == 12


def test_the_index_of_two_processes_is_one(tmp_path: Path) -> None:
    one, two = Index(tmp_path / "i.sqlite"), Index(tmp_path / "i.sqlite", busy_timeout_s=0.1)
    one.add("http://a.example/", as_file(scene(1)), seen_at=1)
    assert len(two) == 1
    assert two.search(scene(1)) == one.search(scene(1))
    with sqlite3.connect(tmp_path / "i.sqlite") as writer:
        writer.execute("begin immediate")
        with pytest.raises(FileBusy, match="another process"):
            two.add("http://a.example/2", as_file(scene(2)), seen_at=1)
    writer.close()


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(FileDamaged, match=r"i.sqlite is damaged.*crawl again"):
        Index(path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="can't make the folder"):
        Index(tmp_path / "file" / "i.sqlite")


# Archives


def record(
    writer: WARCWriter, url: str, body: bytes, kind: str, *more: tuple[str, str], status: str = "200 OK"
) -> None:
    headers = StatusAndHeaders(status, [("Content-Type", kind), *more], protocol="HTTP/1.1")
    date = {"WARC-Date": "2024-05-06T07:08:09Z"}
    made = writer.create_warc_record(url, "response", io.BytesIO(body), http_headers=headers, warc_headers_dict=date)
    write(writer, made)


def write(writer: WARCWriter, made: ArcWarcRecord) -> None:
    writer.write_record(made)
    made.raw_stream.close()  # the temporary file in which warcio took its digest


def archive(packed: bool = True) -> bytes:
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=packed)
    write(writer, writer.create_warcinfo_record("a.warc", {"software": "test"}))
    record(writer, "http://a.example/", b'<title>T</title><img src="1.png" alt="one"><img src="2.png">', "text/html")
    record(writer, "http://a.example/1.png", as_file(scene(1)), "image/png")
    squeezed = gzip.compress(as_file(scene(2)))
    record(writer, "http://a.example/2.png", squeezed, "image/png", ("Content-Encoding", "gzip"))
    half = as_file(scene(3))
    body = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (100, half[:100], len(half) - 100, half[100:])
    record(writer, "http://a.example/3.png", body, "image/png", ("Transfer-Encoding", "chunked"))
    record(writer, "http://a.example/gone.png", as_file(scene(4)), "image/png", status="404 Not Found")
    record(writer, "http://a.example/no.png", as_file(scene(5)), "image/png", ("X-Robots-Tag", "noindex"))
    resource = writer.create_warc_record(
        "http://a.example/6.png", "resource", io.BytesIO(as_file(scene(6))), warc_content_type="image/png"
    )
    write(writer, resource)
    return stream.getvalue()


@pytest.mark.parametrize("packed", [True, False])
def test_an_archive_is_indexed_without_asking_anyone(tmp_path: Path, index: Index, packed: bool) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(archive(packed))
    result = index_warc(path, index)
    assert (result.pages, result.images, result.new, result.notes) == (1, 4, 4, [])
    matches = {seed: index.search(scene(seed)) for seed in range(1, 7)}
    assert [seed for seed, found in matches.items() if found] == [1, 2, 3, 6]
    (match,) = matches[1]
    assert (match.url, match.page, match.title) == ("http://a.example/1.png", "http://a.example/", "one")
    assert matches[2][0].title == "T"
    with sqlite3.connect(tmp_path / "home" / "crawl.sqlite") as database:
        assert database.execute("select time from seen where url like '%/1.png'").fetchone() == (1_714_979_289,)
    database.close()


def test_an_archive_in_one_piece_of_gzip_is_read_too(tmp_path: Path, index: Index) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(archive(packed=False)))
    assert index_warc(path, index).images == 4


def members(data: bytes) -> list[bytes]:
    """The gzip members of an archive."""
    import zlib

    found = []
    while data:
        stream = zlib.decompressobj(31)
        stream.decompress(data)
        found.append(data[: len(data) - len(stream.unused_data)])
        data = stream.unused_data
    return found


def test_broken_members_are_noted_and_the_next_ones_read(tmp_path: Path, index: Index) -> None:
    parts = members(archive())
    parts[2] = parts[2][:40] + b"\xff" * 60 + parts[2][100:]
    parts[4] = parts[4][: len(parts[4]) // 2]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(parts) + b"\x1f\x8b\x08 broken")
    result = index_warc(path, index)
    assert result.images == 2
    assert any("gzip is broken" in note for note in result.notes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"WARC-Type: warcinfo\r\n", b"WARC-Type warcinfo \xff\r\n", None),
        (b"WARC/1.0\r\n", b"WARC/9.9\r\n", "header is broken"),
        (b"Content-Length: ", b"Content-Length: 99999999", "bytes"),
        (b"Content-Length: ", b"Content-Length: -", "header is broken"),
        (b"Content-Length: ", b"Content-Length: 1", "length is wrong|ends too early"),
        (b"Content-Length: ", b"X: ", "header is broken"),
        (b"\r\n\r\n", b"\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", "header is broken"),
    ],
)
def test_a_broken_record_does_not_end_the_archive(
    tmp_path: Path, index: Index, old: bytes, new: bytes, message: str | None
) -> None:
    whole = archive(packed=False)
    path = tmp_path / "a.warc"
    path.write_bytes(whole.replace(old, new, 1))
    result = index_warc(path, index)
    assert result.images >= 3
    assert message is None or any(part in note for note in result.notes for part in message.split("|")), result.notes


def test_bombs_in_an_archive_are_bounded(tmp_path: Path, index: Index) -> None:
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=True)
    record(writer, "http://a.example/bomb.png", bomb(60_000_000), "image/png", ("Content-Encoding", "gzip"))
    record(writer, "http://a.example/large.png", b"\0" * 30_000_000, "image/png")
    record(writer, "http://a.example/1.png", as_file(scene(1)), "image/png")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(stream.getvalue())
    with costs_at_most(cpu_s=10):
        result = index_warc(path, index)
    assert result.images == 1
    assert [part in " ".join(result.notes) for part in ("grows to more than", "bytes")] == [True, True]
    path.write_bytes(bomb(150_000_000))
    with_bomb = index_warc(path, index, limits=ArchiveLimits(total_bytes=50_000_000))
    assert any("unpacks to more than" in note for note in with_bomb.notes)


def test_limits_end_an_archive(tmp_path: Path, index: Index) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(archive())
    result = index_warc(path, index, limits=ArchiveLimits(images=2))
    assert result.images == 2
    assert "read only in part" in result.notes[-1]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 zip", b"filedesc://a.arc 0.0.0.0", bytes(range(128, 228))])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, index: Index, data: bytes) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(data)
    with pytest.raises(SearchError, match="not a WARC file"):
        index_warc(path, index)
    with pytest.raises(SearchError, match="can't read"):
        index_warc(tmp_path / "none", index)
    with pytest.raises(SearchError, match="can't read"):
        index_warc(tmp_path, index)


@pytest.mark.parametrize("packed", [True, False])
def test_a_damaged_archive_never_raises(tmp_path: Path, packed: bool) -> None:
    rng = np.random.default_rng(7)
    whole = archive(packed)
    index = Index(tmp_path / "i.sqlite")
    path = tmp_path / "a.warc"
    for _ in range(25):
        data = bytearray(whole)
        for place in rng.integers(len(b"WARC/1"), len(data), 12):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(100, len(data))]))
        result = index_warc(path, index)
        assert result.images <= 4


def test_an_index_that_can_not_be_written_ends_an_archive(tmp_path: Path) -> None:
    index = Index(tmp_path / "i.sqlite", busy_timeout_s=0.1)
    path = tmp_path / "a.warc"
    path.write_bytes(archive())
    with sqlite3.connect(tmp_path / "i.sqlite") as writer:
        writer.execute("begin immediate")
        with pytest.raises(FileBusy, match="another process"):
            index_warc(path, index)
    writer.close()
