"""Writes the tables of the pages from benchmarks/results/*.json, between <!-- results:NAME --> and <!-- /results -->.

python -m benchmarks.tables            # rewrite
python -m benchmarks.tables --check    # exit 1 where a page says something else than the results
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import collection_tables, link_multi_tables, link_predict_tables, link_systems_tables, link_text_tables
from benchmarks.markdown import table as _table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    "README.md", "docs/collections.md", "docs/contract.md", "docs/experiments/s2.md", "docs/experiments/s4.md",
    "docs/ldpc.md", "docs/link.md", "docs/models.md", "docs/polar.md", "docs/rareness.md", "docs/reliability.md",
    "docs/results.md",
)  # fmt: skip
_MARKED = re.compile(r"(<!-- results:(\w+) -->\n).*?(<!-- /results -->)", re.S)
Figures = dict[str, Any]


def page(text: str) -> str:
    """The text with every marked table made anew."""
    return _MARKED.sub(lambda m: m[1] + _table_of(m[2]) + m[3], text)


def _table_of(name: str) -> str:
    """The table NAME of NAME.json, or the table RESULTS_PART of RESULTS.json."""
    made = _TABLES[name]
    found = [path for part in (name, name.rpartition("_")[0]) if (path := RESULTS / f"{part}.json").exists()]
    if not found:
        return "*(not run)*\n"
    record = json.loads(found[0].read_text("utf-8"))
    return made(record.get("figures") or record.get("sets") or record)


def _demo(figures: Figures) -> str:
    facts = figures["facts"]
    names = ", ".join(f"{n} {c}" for c, n in facts["collections"].items())
    rows = [
        [
            r["method"], f"{r['stored_bytes']:,}", f"{r['gas'] / 1e6:.1f}m", str(r["blocks"]), f"{r['tpt_s']:.2f}",
            f"{r['mwt_s'] * 1000:.0f} / {r['max_wt_s'] * 1000:.0f}",
            f"{r['dis_mean']:.4f} / {r['dis_min']:.3f} / {r['dis_max']:.3f}", f"{r['dis_second_captioner']:.4f}",
            f"{r['ssim_mean']:.3f}",
            f"{r['tss_s']:.2f} / {r['tsr_s']:.2f}" if r["tss_s"] else "",
        ]
        for r in figures["table"]
    ]  # fmt: skip
    headings = [
        "method", "F.S. B", "gas", "blocks", "TPT s", "mWT / MWT ms", "Dis. mean / min / max", "2nd", "SSIM",
        "TSS / TSR s",
    ]  # fmt: skip
    ablation = [
        [a["choice"], *(f"{a[k]:.4f}" for k in ("dis_mean", "dis_min", "dis_max", "dis_second_captioner", "ssim_mean"))]
        for a in figures["ablation"]
    ]
    return (
        f"N = {facts['images']} ({names}), {facts['seeds']} isotopes.\n\n"
        + _table(headings, rows)
        + "\n"
        + _table(["isotope", "Dis. mean", "min", "max", "2nd captioner", "SSIM"], ablation)
    )


def _demo_headline(figures: Figures) -> str:
    rows = [
        [
            r["method"], f"{r['stored_bytes']:,}", f"{r['gas'] / 1e6:.1f}m", f"{r['dis_mean']:.4f}",
            f"{r['ssim_mean']:.3f}",
        ]
        for r in figures["table"]
        if not r["method"].endswith("q75")
    ]  # fmt: skip
    count = figures["facts"]["images"]
    return _table([f"{count} images", "bytes stored", "gas", "mean distance", "mean SSIM"], rows)


def _captioner(figures: Figures) -> str:
    conditions = ["clean", "JPEG 75", "noise 20", "noise 20 then JPEG 75"]
    rows = [
        [
            c, str(f["clean"]["n"]), *(f"{f[k]['exact_match']:.3f}" for k in conditions),
            f"{f['clean']['wrong_although_confident']:.3f}",
        ]
        for c, f in figures.items()
        if c != "unknown"
    ]  # fmt: skip
    refused = [[what, str(f["n"]), f"{f['refused']:.3f}"] for what, f in figures["unknown"].items()]
    return (
        _table(["collection, 512 px", "N", *conditions, "wrong although confident"], rows)
        + "\n"
        + _table(["images of no known collection", "N", "refused"], refused)
    )


def _painter(figures: Figures) -> str:
    rows = [
        [
            c, str(f["n"]), f"{f['distance']:.4f}", f"{f['distance_random']:.4f}", f"{f['distance_worst']:.4f}",
            f"{f['second']:.4f} / {f['second_random']:.4f} / {f['second_worst']:.4f}", f"{f['same_caption']:.3f}",
            f"{f['ssim']:.3f}", f"{f['ssim_small']:.3f}",
        ]
        for c, f in figures.items()
    ]  # fmt: skip
    headings = [
        "collection", "N", "distance", "random", "worst", "2nd captioner: ROSIS / random / worst", "same caption",
        "SSIM at 512", "SSIM small",
    ]  # fmt: skip
    return _table(headings, rows)


def _captions(figures: Figures) -> str:
    ways = [k for k in next(iter(figures.values())) if k != "captions"]
    rows = [[name, str(f["captions"]), *(f"{f[w]['mean']:.1f}" for w in ways)] for name, f in figures.items()]
    return _table(["mean bytes a caption", "N", *ways], rows)


def _batch_bytes(figures: Figures) -> str:
    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    columns = "table", "dictionary", "batch", "entropy"
    rows = [
        [name, str(f["tokens"]), *(shown(f[column]) for column in columns), f"{1_000 * f['decoding_ms']:.0f}"]
        for name, f in figures.items()
    ]
    return _table(["bytes a token in a batch", "N", *columns, "decoding µs"], rows)


def _batches(figures: Figures) -> str:
    rows = [
        [
            f["chain"], f"{f['tokens']:,}", f"{f['compared_before_kill']:,}", f"{f['images_per_s_before']:.2f}",
            f"{f['images_per_s_after']:.2f}", f"{f['cpu_s_an_image']:.2f}", f"{f['batches']}",
            f"{f['gas_a_token']:,}",
        ]
        for f in figures["chains"]
    ]  # fmt: skip
    headings = [
        "chain", "tokens", "compared when killed", "images/s before", "images/s after", "CPU-s an image", "batches",
        "gas a token",
    ]  # fmt: skip
    return _table(headings, rows)


def _start(figures: Figures) -> str:
    def row(name: str, f: Figures) -> list[str]:
        bar = f"{f['bar_s']:.1f}" if f.get("bar_s") else ""
        return [name, bar, str(f["n"]), *(f"{f[k]:.2f}" for k in ("median_s", "min_s", "max_s", "median_cpu_s"))]

    rows = [row(n, f) for part in ("seconds", "commands") for n, f in figures[part].items()]
    batch, seed = figures["batch"], figures["seed"]
    rates = [
        [
            f"register {batch['n']:,} punks at once: CPU-seconds an image",
            f"{batch['bar_cpu_s']}",
            f"{batch['cpu_s']:.2f}",
        ],
        ["rareness seed: images a second", f"{seed['bar_images_s']:.0f}", f"{seed['images_s']:.1f}"],
    ]
    isotopes = [
        [c, str(f["n"]), *(f"{f[k]:.0f}" for k in ("median_ms", "min_ms", "max_ms"))]
        for c, f in figures["isotope_cpu_ms"].items()
    ]
    tables = [
        _table(["seconds", "bar", "N", "median", "min", "max", "CPU"], rows),
        _table(["at once", "bar", "measured"], rates),
        _start_parts(figures["commands"]),
        _table(["one isotope, CPU ms", "N", "median", "min", "max"], isotopes),
    ]
    return "\n".join(tables)


def _start_parts(commands: Figures) -> str:
    """The floor of each command and the parts of one run."""

    def row(name: str, floor_s: float, p: Figures) -> list[str]:
        files = f"{p['bytes'] / 1e6:.0f} in {p['files']}"
        timed = [f"{p['seconds'][part]:.2f} ({p['count'][part]})" for part in ("sessions", "networks", "kernels")]
        return [name, f"{floor_s:.2f}", files, f"{p['imports_s']:.2f} ({p['modules']})", *timed]

    rows = [row(name, f["floor_s"], f["parts"]) for name, f in commands.items()]
    headings = ["floor and parts, s", "floor", "MB in files", "imports", "sessions", "networks run", "kernels loaded"]
    return _table(headings, rows)


def _install(figures: Figures) -> str:
    large = [p for p in figures["packages"] if p["bytes"] > 4e6]
    rest = figures["bytes"] - sum(p["bytes"] for p in large)
    rows = [[f"{p['name']} {p['version']}", f"{p['bytes'] / 1e6:.0f}"] for p in large]
    count = len(figures["packages"]) - len(large)
    rows += [[f"{count} others", f"{rest / 1e6:.0f}"], ["**all**", f"**{figures['bytes'] / 1e6:.0f}**"]]
    return _table(["package", "MB"], rows)


def _collections(figures: Figures) -> str:
    keys = [
        "exact_match", "exact_match_unmerged", "exact_match_damaged", "confident", "false_though_confident",
        "incomplete", "plain", "distance", "ssim",
    ]  # fmt: skip
    rows = [
        [name, str(f["n"]), *(f"{f[k]:.{4 if k == 'distance' else 3}f}" for k in keys)]
        for name, f in figures["collections"].items()
    ]
    median = figures["median"]
    told = [f"**{median[k]:.{4 if k == 'distance' else 3}f}**" if k in median else "" for k in keys]
    claimed = [[name, f"{share:.3f}"] for name, share in figures["claimed_of_unknown"].items()]
    headings = [
        "collection", "N", "whole caption right", "in unmerged names", "after noise 20, JPEG 75", "confident",
        "false though confident", "true and incomplete", "confident in plain words", "distance", "SSIM",
    ]  # fmt: skip
    return (
        _table(headings, [*rows, ["**median**", "", *told]])
        + "\n"
        + _table(["unknown collection", "taken for a known one, confidently"], claimed)
    )


def _collection_train(figures: Figures) -> str:
    keys = ["ssim", "exact_match", "confident", "wrong_though_confident"]
    minutes = ["wall_minutes", "cpu_minutes"]
    rows = [
        [name, str(f["held_out"]), *(f"{f[k]:.1f}" for k in minutes), *(f"{f[k]:.3f}" for k in keys)]
        for name, f in figures.items()
    ]
    headings = [
        "collection", "N", "minutes", "CPU minutes of the fit", "SSIM", "whole caption right", "confident",
        "wrong though confident",
    ]  # fmt: skip
    return _table(headings, rows)


def _collection_splits(figures: Figures) -> str:
    """How many of the collections that were made of others are in one family with them; then the split's pairs."""
    found = figures["found"]
    rows = [[kind, f"{there} of {of}"] for kind, (there, of) in found["found"].items()]
    rows += [["neutral, under their own names", "{} of {}".format(*found["by_name"])]]
    rows += [["pairs of unrelated collections that were joined", f"{len(found['wrong'])} of {found['pairs']:,}"]]
    parts = [
        [row["part"], f"{row['wanted']:,}", f"{row['obtained']:,}", str(row["collections"])] for row in figures["split"]
    ]
    return (
        _table(["made of another of PFP-30; same: tokens of it", "found"], rows)
        + "\n"
        + _table(["part of PFP-30, 60 tokens each", "pairs wanted", "obtained", "collections"], parts)
    )


def _own_models(figures: Figures) -> str:
    """Layers beside what they would have to reach to take the place of the models of their own."""
    keys = ["exact_match", "ssim"]
    rows = [
        [name, str(f["n"]), *(f"{f[k]:.3f} ({f['wanted'][k]:.3f})" for k in keys), f"{f['wrong_though_confident']:.3f}",
         f"{f['cpu_minutes']:.1f}", f"{f['bytes']:,}"]
        for name, f in figures.items()
    ]  # fmt: skip
    headings = [
        "layers; in brackets: wanted", "N", "whole caption right", "SSIM", "wrong though confident", "CPU minutes",
        "bytes",
    ]  # fmt: skip
    return _table(headings, rows)


def _photo_latent(figures: Figures) -> str:
    rows = [
        [f"{size} B", codec, *_against_ours(row)]
        for size, codecs in figures["sizes"].items()
        for codec, row in codecs.items()
    ]
    cut = figures["prefixes_of_4096"]
    prefixes = [["PSNR, dB", *(f"{row['psnr'][0]:.2f}" for row in cut.values())]]
    return (
        f"N = {figures['n']} photos of 256 x 256; in brackets: ours minus this.\n\n"
        + _table(["size", "codec", "PSNR, dB", "SSIM", "effnet-distance"], rows)
        + "\nOne stream of 4,096 bytes, cut:\n\n"
        + _table(["bytes", *cut], prefixes)
    )


def _photo_latent_headline(figures: Figures) -> str:
    codecs = figures["sizes"]["1024"]
    rows = [["gistchain" if codec == "photo" else codec, *_against_ours(row)] for codec, row in codecs.items()]
    return _table([f"{figures['n']} photos; in brackets: ours minus this", "PSNR, dB", "SSIM", "effnet-distance"], rows)


def _against_ours(row: Figures) -> list[str]:
    """PSNR, SSIM and perceptual distance of a codec, and in brackets how ours differ on the photos it could do."""

    def told(measure: str, digits: int) -> str:
        if measure not in row:
            return "can't"
        difference = row.get(f"ours_minus_this_{measure}")
        return f"{row[measure][0]:.{digits}f}" + (f" ({difference[0]:+.{digits}f})" if difference else "")

    return [told("psnr", 2), told("ssim", 3), told("perceptual", 3)]


def _first_use(figures: Figures) -> str:
    def cell(row: Figures, codec: str, measure: str, digits: int) -> str:
        return f"{row[codec][measure][0]:.{digits}f}" if measure in row[codec] else "can't"

    codecs, measures = ("gistchain", "WEBP", "AVIF"), (("ssim", 3), ("perceptual", 3), ("distance", 3))
    rows = [
        [kind, str(row["n"]), f"{row['gist_bytes']:,.0f}"]
        + [" / ".join(cell(row, codec, measure, digits) for codec in codecs) for measure, digits in measures]
        for kind, row in figures["kinds"].items()
    ]
    heads = [f"{name}: gistchain / WebP / AVIF" for name in ("SSIM", "effnet-distance", "distance")]
    missing = [
        f"{codec} can't be made as small for {figures['n'] - figures['kinds']['all'][codec]['reached']}"
        for codec in codecs
        if figures["kinds"]["all"][codec]["reached"] < figures["n"]
    ]
    told = f"N = {figures['n']}; taken for a token: {figures['taken_for_tokens']}."
    return "\n\n".join(
        [" ".join([told, *(f"{words}." for words in missing)]), _table(["", "N", "bytes", *heads], rows)]
    )


def _caption_alone(figures: Figures) -> str:
    enough = [
        [
            name,
            str(row["n"]),
            str(row["enough"]),
            str(row.get("enough_and_right", "")),
            f"{row['bytes']:,}" if "bytes" in row else "",
        ]
        for name, row in figures["enough"].items()
    ]
    isotopes = [
        [collection, str(row["n"]), f"{row['first'][0]:.4f}", f"{row['nearest'][0]:.4f}", _signed(row["difference"])]
        for collection, row in figures["isotopes"].items()
    ]
    headings = ["tokens of", "N", "caption alone", "of these right", "bytes of all gists"]
    return (
        _table(headings, enough)
        + "\n"
        + _table(["isotopes of", "N", "SSIM: first", "nearest to the mean", "difference"], isotopes)
    )


def _signed(found: list[float]) -> str:
    value, low, high = found
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def _retrieval(figures: Figures) -> str:
    tokens, photos = figures["tokens"], figures["photos"]
    sets = {f"{tokens['n']:,} tokens of 5 unseen collections": tokens["together"]}
    sets |= {f"{name}, {f['n']} among themselves": f for name, f in tokens["within"].items()}
    sets[f"{photos['n']} held-out photos and cut-outs"] = photos
    rows = [
        [what, model, *(f"{f[model][f'recall@{k}']:.3f}" for k in (1, 5, 10))]
        for what, f in sets.items()
        for model in ("joint-default", "conse", "chance")
    ]
    return _table(["text to image", "embedder", "recall@1", "recall@5", "recall@10"], rows)


def _photo_captioner(figures: Figures) -> str:
    rows = [
        [what, str(f["n"]), *(f"{f[k]:.3f}" for k in ("named", "right_of_named", "top_1_right", "all_right"))]
        for what, f in figures.items()
        if what in ("photos", "stamps")
    ]
    bins = [
        [b["confidence"], str(b["n"]), f"{b['mean_confidence']:.2f}", f"{b['right']:.2f}"]
        for b in figures["reliability"]
    ]
    headings = ["held out", "N", "a thing is named", "right, where named", "the network's first class", "all right"]
    return _table(headings, rows) + "\n" + _table(["confidence", "N", "mean", "right"], bins)


def _segmenter(figures: Figures) -> str:
    rows = [
        [what, str(f["n"]), f"{f['iou_mean']:.3f}", f"{f['iou_baseline']:.3f}", f"{f['iou_whole']:.3f}"]
        for what, f in figures["sets"].items()
    ]
    headings = ["cut-outs over photos", "N", "IoU", "border colour and centre", "everything"]
    return _table(headings, rows)


def _rareness(figures: Figures) -> str:
    data = figures["data"]
    names = list(figures["methods"]["gistchain"])
    sizes = figures["methods"]["gistchain"]
    rows = [
        [method, *(f"{r[n]['auc']:.3f} / {r[n]['recall_at_1']:.2f}" for n in names)]
        for method, r in figures["methods"].items()
    ]
    ours = figures["methods"]["gistchain"]
    span = ["95% interval of gistchain", *(_interval(ours[n]) for n in names)]
    counts = ["N copies / negatives", *(f"{sizes[n]['copies']} / {sizes[n]['negatives']}" for n in names)]
    named = figures["source_named_of_detections"]
    return (
        f"{data['registered']:,} registered images of {data['collections']} collections and kinds of picture; "
        f"{data['copies']:,} copies by {data['families']} families of transforms; {data['negatives']:,} negatives, of "
        f"which {data['twins_of_negatives']:.0%} are one-trait twins and {data['transformed_of_negatives']:.0%} are "
        "transformed. AUC / recall at 1% false positives.\n\n"
        + _table(["method", *names], [counts, rows[0], span, *rows[1:]])
        + f"\nThe true source is named in {named['all']:.1%} of {named['n']:,} detections "
        f"({named['unseen collections']:.1%} in unseen collections).\n"
    )


def _rareness_headline(figures: Figures) -> str:
    columns = {
        "unseen collections, known families": "known kinds of transform",
        "unseen collections, unseen families": "unseen kinds of transform",
    }
    methods = {m: r for m, r in figures["methods"].items() if m == "gistchain" or not m.startswith("cosine of ")}
    ours = methods["gistchain"]
    counts = [f"{ours[c]['copies']} / {ours[c]['negatives']}" for c in columns]
    rows = [[m, *(f"{r[c]['auc']:.3f} / {r[c]['recall_at_1']:.2f}" for c in columns)] for m, r in methods.items()]
    between = ["95% interval of gistchain", *(_interval(ours[c]) for c in columns)]
    return _table(["AUC / recall", *columns.values()], [["N copies / others", *counts], rows[0], between, *rows[1:]])


def _interval(found: Figures) -> str:
    auc, recall = found["auc_95"], found["recall_at_1_95"]
    return f"{auc[0]:.3f}-{auc[1]:.3f} / {recall[0]:.2f}-{recall[1]:.2f}"


def _rareness_verdicts(figures: Figures) -> str:
    kinds = ("copy", "unsure", "derivative", "sibling", "original")
    rows = [[name, str(r["n"]), *(f"{r[k]:.3f}" for k in kinds)] for name, r in figures["verdicts"].items()]
    return _table(["said to be", "N", "copy", "cannot tell", *kinds[2:]], rows)


_SHORT = {
    "Pearson of the fingerprints": "Pearson", "PDQ, best of 8 turns": "PDQ", "pHash, best of 8 turns": "pHash",
    "Sense's recipe": "Sense",
}  # fmt: skip


def _rareness_transforms(figures: Figures) -> str:
    unseen = figures["data"]["unseen_transforms"]
    rows = figures["unseen_collections_at_1_percent"]["transforms"]
    return _recalls("transform", {name + " *" * (name in unseen): r for name, r in rows.items()})


def _rareness_collections(figures: Figures) -> str:
    unseen = figures["data"]["unseen_collections"]
    rows = figures["all_at_1_percent"]["collections"]
    return _recalls("collection", {name + " *" * (name in unseen): r for name, r in rows.items()})


def _recalls(what: str, rows: Figures) -> str:
    methods = [key for key in next(iter(rows.values())) if key != "n"]
    names = [_SHORT.get(m, m.removeprefix("cosine of ")) for m in methods]
    return _table([what, "N", *names], [[n, str(r["n"]), *(f"{r[m]:.2f}" for m in methods)] for n, r in rows.items()])


def _rareness_check(figures: Figures) -> str:
    rows = [["a whole check", *_seconds(figures["seconds"])], ["CPU of it", *_seconds(figures["cpu_seconds"])]]
    rows += [[name, *_seconds(s)] for name, s in figures["stages_seconds"].items()]
    rows.append(["floor: reading the matrix", *_seconds(figures["floor_read_seconds"])])
    table = _table(["ms", "median", "5%", "95%"], rows)
    return f"{figures['data']}; peak memory {figures['peak_memory_gb']:.2f} GB.\n\n" + table


def _seconds(spread: dict[str, float]) -> list[str]:
    return [f"{1000 * spread[key]:,.1f}" for key in ("median", "p05", "p95")]


def _rareness_scan(figures: Figures) -> str:
    scan, bound, store = figures["scan"], figures["bound"], figures["store"]
    ratio, low, high = scan["scan_over_read"]
    rows = [
        ["scan of 100,000 rows, CPU-seconds", f"{scan['core_seconds_per_100000']:.3f}"],
        ["beside reading them once", f"{ratio:.2f} ({low:.2f}-{high:.2f})"],
        ["first scan of a process, which checks every row, CPU-seconds", f"{scan['first_look_cpu']:.2f}"],
        ["hashes within reach among 100,000, seconds", f"{figures['near_wall']:.3f}"],
        ["exact fingerprint of a row, ms", f"{1000 * store['exact_row']:.2f}"],
        ["adding a row, ms", f"{1000 * store['add']:.2f}"],
        ["bytes a row: scanned / kept", f"{scan['bytes'] / 100_000:,.0f} / {store['record_bytes']:,.0f}"],
        [f"largest error of {bound['pairs']:,} correlations / largest bound",
         f"{bound['largest_error']:.5f} / {bound['largest_bound']:.5f}"],
    ]  # fmt: skip
    return _table(["comparing with 100,000 rows", ""], rows)


def _fingerprint(figures: Figures) -> str:
    one, two = figures["images_per_s_on_1_and_2_threads"]
    rows = [["images a second, 1 thread / 2 threads", f"{one:.1f} / {two:.1f}"]]
    rows += [[f"CPU-ms: {name}", f"{ms:.1f}"] for name, ms in figures["cpu_ms"].items()]
    rows += [
        [f"{name}: largest difference (bound {figures['bound']})", f"{found['largest_difference']:.1e}"]
        for name, found in figures["machines"].items()
    ]
    rows += [
        [f"{name}: quantised forms that agree within the bound", f"{found['agree']} of {figures['n']}"]
        for name, found in figures["machines"].items()
    ]
    return _table(["fingerprint", ""], rows)


def _measures(figures: Figures) -> str:
    rows = [
        [name, f"{t['median_ms']:.3f}", f"{t['p05_ms']:.3f}-{t['p95_ms']:.3f}"] for name, t in figures["times"].items()
    ]
    return _table(["ms a pair", "median", "5-95%"], rows)


def _reliability(figures: Figures) -> str:
    rows = []
    for name, f in figures.items():
        failures = ", ".join(f"{times} {kind}" for kind, times in f["failures"].items()) or "none"
        time_s, memory = f"{f['worst_s']:.2f} / {f['limit_s']:g}", f"{f['worst_mb']:,.0f} / {f['limit_mb']:,}"
        refused = f"{f['refused'] / max(f['inputs'], 1):.0%}"
        rows.append([name, f"{f['inputs']:,}", refused, time_s, memory, failures])
    inputs = sum(f["inputs"] for f in figures.values())
    minutes = sum(f["cpu_s"] for f in figures.values()) / 60
    headings = ["reader", "inputs", "refused", "worst CPU s / limit", "worst MB / limit", "failures"]
    return f"{inputs:,} inputs in {minutes:.0f} CPU-minutes.\n\n" + _table(headings, rows)


def _gas(figures: Figures) -> str:
    rows = [
        [f"{r['bytes']:,}", *(f"{r[k]:,}" for k in ("registry", "rated", "event", "code", "words"))]
        for r in figures["singles"]
    ]
    batches = [[str(r["tokens"]), f"{r['state']:,}", f"{r['proofs']:,}"] for r in figures["batches"]]
    headings = ["bytes", "registry", "with a ticket", "event alone", "data contract alone", "words alone"]
    tables = _table(headings, rows), _table(["tokens of a batch", "gas a token, in the state", "as proofs"], batches)
    return "\n".join((*tables, _minted(figures)))


def _gas_repriced(figures: Figures) -> str:
    rows = [
        [r["form"], f"{r['now']:,}", f"{r['announced']:,}", f"{r['announced'] / r['now']:.1f}"]
        for r in figures["repriced"]
    ]
    return _table(["gas a token", "now", "as announced", "times"], rows)


def _minted(figures: Figures) -> str:
    """Ways to have many tokens of one collection: what is paid once, and what for each token."""
    counts = [r["tokens"] for r in figures["minted"]]
    batches = {r["tokens"]: r for r in figures["batches"]}
    first = figures["singles"][0]["rated"]
    state = [first, *(batches[n]["state"] for n in counts[1:])]
    proofs = [None, *(batches[n]["proofs"] for n in counts[1:])]
    seeds, alone = ([r[kind] for r in figures["minted"]] for kind in ("seeds", "erc721a"))
    once = figures["once"]
    rows = [
        ["registry, in the state, with tickets; a trait table", once["table"], *state],
        ["registry, as proofs", once["table"], *proofs],
        ["layers once and a seed a token, as Nouns", once["layers"], *seeds],
        ["ERC-721A, no picture on the chain", None, *alone],
    ]
    shown = [[name, *("-" if number is None else f"{number:,}" for number in numbers)] for name, *numbers in rows]
    return _table(["Nouns", "once", *(f"{n} at once" for n in counts)], shown)


def _token_uri(figures: Figures) -> str:
    def row(name: str, found: Figures) -> list[str]:
        numbers = (found[key] for key in ("n", "shown", "mean_gas", "max_gas", "max_uri_bytes"))
        return [name, *(f"{number:,}" for number in numbers)]

    rows = [row(name, found) for name, found in figures["forms"].items()]
    whole = [f"**{cell}**" for cell in row("all", figures["all"])]
    return _table(["tokens", "N", "shown", "mean gas", "most gas", "most bytes"], [*rows, whole])


def _link_modem(figures: Figures) -> str:
    jobs = "map", "exact", "max-log"
    rows = [
        [
            name,
            *(f"{row['mbit_a_cpu_s'][f'ours: {j}']:,.0f} / {row['mbit_a_cpu_s'][f'sionna: {j}']:,.3g}" for j in jobs),
            f"{row['times_sionna']:.0f} x",
        ]
        for name, row in figures["speed"].items()
    ]
    return _table(["ours / Sionna", "map", "exact soft values", "max-log", "modem"], rows)


def _link_modem_rates(figures: Figures) -> str:
    rows = [
        [
            row["modulation"], row["channel"], f"{row['snr_db']:.1f}", f"{row['bits']:,}", f"{row['wrong']:,}",
            f"{row['rate']:.3e}", f"{row['theory']:.3e}", f"{row['sigmas']:+.1f}",
        ]
        for row in figures["rates"]
    ]  # fmt: skip
    return _table(["modulation", "channel", "SNR, dB", "N bits", "wrong", "rate", "theory", "off"], rows)


def _link_modem_published(figures: Figures) -> str:
    rows = [
        [
            str(row["eb_n0_db"]), f"{row['snr_db']:.1f}", f"{row['flipped']:.3e}", f"{row['theory']:.3e}",
            f"{row['rate']:.3e}", f"{row['sigmas']:+.1f}",
        ]
        for row in figures["published"]
    ]  # fmt: skip
    headings = ["16-QAM at Eb/N0, dB", "Es/N0, dB", "its code flips", "theory", "our modem", "off"]
    return f"N = {figures['symbols'] * 4:,} bits.\n\n" + _table(headings, rows)


def _link_modem_outage(figures: Figures) -> str:
    rows = [
        [
            f"{row['snr_db']}",
            f"{row['bits_per_use']:g}",
            *(f"{row[k]:.3e}" for k in ("rate", "theory")),
            f"{row['sigmas']:+.1f}",
        ]
        for row in figures["outage"]
    ]
    headings = ["mean SNR, dB", "bits a use", "lost", "theory", "off"]
    return f"N = {figures['symbols']:,} blocks.\n\n" + _table(headings, rows)


def _link_polar_promised(figures: Figures) -> str:
    rows = [
        [_polar_block(f), f["code"], f"{f['n']:,}", *(_lost(r) for r in lists), f"{f['bound']:.1g}"]
        for f, lists in _by_list(figures["promised"])
    ]
    return _table(["block", "code", "N", *_LOST_WITH, "bound"], rows)


def _link_polar_needed(figures: Figures) -> str:
    rows = [
        [
            f"{f['bits']} bits, {f['snr_db']:g} dB", f["code"], f"{f['n']:,}",
            *(str(r["uses"]) for r in lists), str(f["bound"]),
        ]
        for f, lists in _by_list(figures["uses_at_1_percent"])
    ]  # fmt: skip
    return _table(["uses", "code", "N a step", *(f"list {size}" for size in (8, 32, 128)), "bound"], rows)


def _link_polar_curves(figures: Figures) -> str:
    rows = [
        [_polar_block(f), f["code"], f"{f['n']:,}", *(_lost(r) for r in lists), f"{f['bound']:.1e}"]
        for f, lists in _by_list(figures["curves"])
    ]
    return _table(["block", "code", "N", *_LOST_WITH, "bound"], rows)


def _link_polar_checks(figures: Figures) -> str:
    rows = [
        [f["check"], f"{f['n']:,}", *(f"{_lost(r)}, {r['wrongly_accepted']}" for r in lists)]
        for f, lists in _by_list(figures["checks"])
    ]
    return _table(["check", "N", *(f"{heading}, wrong ones accepted" for heading in _LOST_WITH)], rows)


def _link_polar_sionna(figures: Figures) -> str:
    rows = [
        [
            f"{f['link']} {f['bits']} in {f['coded_bits']}", f"{f['snr_db']:g}", f"{f['n']:,}", str(f["lost_ours"]),
            str(f["lost_sionna"]), f"{f['cpu_ms_ours']:.3f}", f"{f['cpu_ms_sionna']:.2f}",
            f"{f['cpu_ms_sionna'] / f['cpu_ms_ours']:.0f}",
        ]
        for f in figures["sionna"]
    ]  # fmt: skip
    headings = ["block", "SNR, dB", "N", "lost", "lost by Sionna", "CPU ms a block", "Sionna's", "times as fast"]
    return _table(headings, rows)


_LOST_WITH = [f"lost, list {size}" for size in (8, 32, 128)]


def _by_list(rows: list[Figures]) -> list[tuple[Figures, list[Figures]]]:
    """(the first, all) of each three rows, which differ in the size of the list."""
    return [(rows[i], rows[i : i + 3]) for i in range(0, len(rows), 3)]


def _polar_block(row: Figures) -> str:
    return f"{row['bits']} bits in {row['uses']} uses, {row['snr_db']:g} dB"


def _lost(row: Figures) -> str:
    share, low, high = row["rate"]
    return f"{share:.2%} ({low:.2%} to {high:.2%})"


def _link_ldpc(figures: Figures) -> str:
    def errors(point: Figures, who: str) -> str:
        return f"{point['rate'][who]:.2e} ({point['wrong'][who]:,} of {point['blocks'][who]:,})"

    rows, speeds = [], []
    for case in figures["cases"]:
        name = f"{case['bits']:,} in {case['coded_bits']:,}, {case['schedule']}"
        rows += [[name, f"{p['snr_db']:.2f}", errors(p, "ours"), errors(p, "sionna")] for p in case["rates"]]
        speed = case["speed"]
        told = [f"{speed['mbit_a_cpu_s'][who]:.2f} ({speed['batch'][who]:,})" for who in ("ours", "sionna")]
        speeds.append([name, f"{speed['snr_db']:.2f}", *told, f"{speed['times_sionna']:.0f} x"])
    return (
        _table(["bits, schedule of Sionna", "Es/N0, dB", "ours: block errors", "Sionna"], rows)
        + "\n"
        + _table(["bits, schedule of Sionna", "Es/N0, dB", "ours: Mbit/s (batch)", "Sionna", "ratio"], speeds)
    )


_TABLES: dict[str, Callable[[Figures], str]] = {
    "link_ldpc": _link_ldpc,
    "demo": _demo,
    "demo_headline": _demo_headline,
    "captioner": _captioner,
    "painter": _painter,
    "captions_in_bytes": _captions,
    "batch_bytes": _batch_bytes,
    "batches": _batches,
    "start_to_end": _start,
    "install_size": _install,
    "collections": _collections,
    "collection_train": _collection_train,
    "own_models": _own_models,
    "collection_splits": _collection_splits,
    "photo_latent": _photo_latent,
    "photo_latent_headline": _photo_latent_headline,
    "first_use": _first_use,
    "caption_alone": _caption_alone,
    "retrieval": _retrieval,
    "photo_captioner": _photo_captioner,
    "segmenter": _segmenter,
    "rareness": _rareness,
    "rareness_headline": _rareness_headline,
    "rareness_verdicts": _rareness_verdicts,
    "rareness_transforms": _rareness_transforms,
    "rareness_collections": _rareness_collections,
    "rareness_check": _rareness_check,
    "rareness_scan": _rareness_scan,
    "fingerprint": _fingerprint,
    "measures": _measures,
    "reliability": _reliability,
    "gas": _gas,
    "token_uri": _token_uri,
    "gas_repriced": _gas_repriced,
    "link_modem": _link_modem,
    "link_modem_rates": _link_modem_rates,
    "link_modem_published": _link_modem_published,
    "link_modem_outage": _link_modem_outage,
    **collection_tables.TABLES,
    **link_text_tables.TABLES,
    **link_predict_tables.TABLES,
    **link_systems_tables.TABLES,
    **link_multi_tables.TABLES,
    "link_polar_promised": _link_polar_promised,
    "link_polar_needed": _link_polar_needed,
    "link_polar_curves": _link_polar_curves,
    "link_polar_checks": _link_polar_checks,
    "link_polar_sionna": _link_polar_sionna,
}

if __name__ == "__main__":
    for name in PAGES:
        path = ROOT / name
        old = path.read_text("utf-8")
        if "--check" not in sys.argv:
            path.write_text(page(old), "utf-8")
        elif page(old) != old:
            sys.exit(f"{name} is not what the results say: python -m benchmarks.tables")
