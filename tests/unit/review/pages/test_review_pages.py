"""The pages of a review: the worst at the top, nothing of others obeyed, always short enough, always the same bytes."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import re
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest
from review_templates import pair, review, template
from reviews import config_change, hosting
from sample_bundle import PUBLIC, RENAMED, WIDENED, WORSE, calm, dangerous, headline, model, plots
from sample_trouble import NAMES, first_deployment, hostile, many
from samples import environment

from cli.review import headline_lines
from kickstand.text import plain
from review.bundle import Bundle
from review.infrastructure import infrastructure
from review.pages import review_html, review_markdown
from review.pages.markdown import length
from review.pages.summary import verdict
from review.reports import Infrastructure

REVIEWS = {"calm": calm, "dangerous": dangerous, "hostile": hostile, "first": first_deployment}
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What an HTML page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, found in self.tags if (value := found.get(attribute)) is not None]


def text_of(page: str) -> str:
    """All that a reader reads of a page, without breaks."""
    return " ".join(" ".join(Page(page).texts).split())


@pytest.mark.parametrize("name", REVIEWS)
def test_a_page_is_whole_and_asks_for_nothing(name: str) -> None:
    page = Page(review_html(REVIEWS[name]()))
    assert page.open == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "img",
        "base",
    } == set()
    assert all(one.startswith("#") and one[1:] in ids for one in page.values("href"))
    assert page.values("src") == page.values("style") == []
    assert not [attribute for _, found in page.tags for attribute in found if attribute.startswith("on")]
    assert set(page.values("aria-labelledby")) <= set(ids)
    drawn = [found for tag, found in page.tags if tag == "svg"]
    bundle = REVIEWS[name]()
    assert [found["aria-label"] for found in drawn] == [one.alt for one in (bundle.model.plots if bundle.model else ())]
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def test_the_policy_of_a_page_allows_its_own_sheet_alone() -> None:
    page = review_html(calm())
    sheet = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert sheet is not None
    digest = hashlib.sha256(sheet[1].encode()).digest()
    (policy,) = (found["content"] for tag, found in Page(page).tags if "http-equiv" in found and tag == "meta")
    expected = f"default-src 'none'; style-src 'sha256-{base64.b64encode(digest).decode()}'; "
    assert policy == f"{expected}base-uri 'none'; form-action 'none'"
    assert "url(" not in sheet[1] and "@import" not in sheet[1]


def test_no_address_stands_in_a_page_but_that_of_svg() -> None:
    for name, make in REVIEWS.items():
        found = set(re.findall(r"[a-z]+://[^\s\"'<]*", review_html(make())))
        allowed = {"http://www.w3.org/2000/svg"} | {one for one in found if one.startswith("s3://")}
        # as text, never as a link (no `href` leads out of the page, see above)
        assert found - allowed <= ({"https://example.com/x.png)"} if name == "hostile" else set())


def test_a_dangerous_review_begins_with_its_dangers() -> None:
    bundle = dangerous()
    page, written = text_of(review_html(bundle)), review_markdown(bundle)
    line = "7 dangers, 2 warnings: read them before you approve."
    assert verdict(bundle) == line
    assert f"> [!CAUTION]\n> **{line}**\n\n- 🛑 **DANGER:** " in written
    places = [page.index(f"danger {one}") for one in (PUBLIC, RENAMED, WIDENED, WORSE)]
    assert page.index(line) < places[0] and places == sorted(places)
    assert places[-1] < page.index("warning Costs 83.95 USD a month more") < page.rindex("What changes")
    top = written[: written.index("## What changes")].splitlines()
    levels = [re.match(r"- \S+ (?:\*\*)?(DANGER|Warning)?", one) for one in top if one.startswith("- ")]
    assert [one[1] for one in levels if one] == ["DANGER"] * 7 + ["Warning"] * 2 + [None] * 2


@pytest.mark.parametrize("sentence", [PUBLIC, RENAMED, WIDENED, WORSE], ids=["public", "replaced", "widened", "worse"])
def test_one_danger_is_the_first_that_is_read(sentence: str) -> None:
    nothing = review(lambda r: None)
    infra = Infrastructure(
        stacks=nothing.stacks,
        permissions=(),
        traffic=nothing.traffic,
        headlines=(headline("note", "Nothing changes."), headline("danger", sentence)),
    )
    bundle = calm(infrastructure=infra)
    assert verdict(bundle) == "1 danger: read it before you approve."
    page = text_of(review_html(bundle))
    # the title of the document, the skip link, the heading, the navigation, and then it
    assert page.split("1 danger: read it before you approve. danger ")[1].startswith(sentence)


def test_a_calm_review_says_what_there_is_none_of() -> None:
    bundle = calm(model=model(metrics=(), plots=(), golden=()), versions={})
    page, written = text_of(review_html(bundle)), review_markdown(bundle)
    assert verdict(bundle) == "Nothing dangerous found."
    assert "> [!NOTE]\n> **Nothing dangerous found.**" in written
    for said in (
        "No policy findings.",
        "No change of permissions or network.",
        "No gate was overridden.",
        "No metrics.",
        "No pictures.",
        "No slices are shown.",
        "No golden rows are shown.",
        "No drift.",
        "Everything was shown.",
        "The endpoint is not touched: requests are answered as before.",
    ):
        assert said in page and said in written
    one = calm().drift.model_copy(update={"headlines": (headline("warning", "x"),)})
    assert verdict(calm(drift=one)) == "Nothing dangerous found; 1 warning to read."


def test_a_first_deployment_without_a_release() -> None:
    page, written = text_of(review_html(first_deployment())), review_markdown(first_deployment())
    for said in (
        "There is no release, and so no model.",
        "Drift was not detected: nothing is known about changes outside the stacks.",
        "The model: the environment has no release yet.",
        "Drift: not detected.",
        "9 added",
    ):
        assert said in page and said in written


def test_a_resource_that_moves_because_of_another_says_so() -> None:
    found = calm().infrastructure.model_copy(update={"stacks": (hosting(resources=(config_change(),)),)})
    bundle = calm(infrastructure=found)
    assert "↳ moves because Model is replaced" in text_of(review_html(bundle))
    assert "<br>*moves because Model is replaced*" in review_markdown(bundle)
    row = "| <code>Config</code> | <code>ProductionVariants&#91;AllTraffic&#93;.ModelName</code> | "
    assert row + "<code>the present Model</code> | <code>the new Model</code> | **replaces** |" in review_markdown(
        bundle
    )


def test_metrics_are_told_better_or_worse_by_their_own_direction() -> None:
    written = review_markdown(dangerous())
    assert "| validation:rmse | 0.29 | 0.31 | +6.9 % | **WORSE** |" in written
    assert "| validation:auc | 0.9 | 0.92 | +2.22 % | better |" in written
    assert "| test original:mae | — | 31.25 |  | new |" in written
    assert "| season = 1 | 1,600 | 0.41 | 0.61 | +48.8 % | **WORSE** |" in written
    page = text_of(review_html(dangerous()))
    assert "validation:rmse 0.29 0.31 +6.9 % worse" in page and "validation:auc 0.9 0.92 +2.22 % better" in page


def test_widened_permissions_are_marked_in_words() -> None:
    assert f"widened {WIDENED}" in text_of(review_html(dangerous()))
    assert "| 🛑 **WIDENED** | Everyone on the internet may now read objects" in review_markdown(dangerous())


def test_costs_are_told_before_after_and_by_how_much() -> None:
    assert "**167.90 USD** after, 83.95 USD before: **+83.95 USD**. Prices of 2026-09-28." in review_markdown(
        dangerous()
    )
    assert "| a key | 1 | no price | no price | no price |" in review_markdown(dangerous())
    assert "Before 83.95 USD After 167.90 USD Difference +83.95 USD" in text_of(review_html(dangerous()))


def test_what_is_deployed_is_named_to_the_byte() -> None:
    for page in (text_of(review_html(dangerous())), review_markdown(dangerous())):
        assert "a5" * 32 in page and "5e" * 32 in page
        assert "arn:aws:cloudformation:us-east-1:111122223333:changeSet/kickstand-0123/1" in page


def test_hostile_names_are_shown_and_not_obeyed_in_html() -> None:
    page = text_of(review_html(hostile()))
    for name in NAMES:
        assert " ".join(plain(name).split()) in page
    assert "\u202e" not in page and "\x1b" not in page


def test_hostile_names_are_shown_and_not_obeyed_in_markdown() -> None:
    written = review_markdown(hostile())
    tags = set(re.findall(r"</?([a-z0-9]+)[^>]*>", written))
    assert tags == {"details", "summary", "code", "br"}
    assert written.count("<details>") == written.count("</details>") == written.count("</summary>")
    outside = re.sub(r"&#\d+;", "\0", re.sub(r"<code>.*?</code>", "", written))  # a reference is only ever text
    assert not re.search(r"@\w|#\d", html.unescape(re.sub(r"<code>.*?</code>", "", written)))
    assert not re.search(r"@\w|#\d|`code|\]\(|://|\$x|~~", outside.replace("`kickstand review ENV --prepare`", ""))
    headings = [one for one in written.splitlines() if one.startswith("#")]
    assert [one for one in headings if one.startswith("## ")] == [
        "## What changes",
        "## Traffic",
        "## Permissions and network",
        "## Policy",
        "## The model",
        "## Cost a month",
        "## Drift",
        "## What this review is about",
        "## What could not be shown",
    ]
    assert (
        headings[0]
        == "# Review of &#60;script&#62;alert(1)&#60;/script&#62;, &#64;&#8203;everyone and &#64;&#8203;octo-org/team"
    )
    assert "\\u202egnp.exe" in written.replace("&#92;", "\\") and "\u202e" not in written
    assert "- 🛑 **DANGER:** 1&#46; first" in written and "- 🛑 **DANGER:** &#45; dash" in written


@pytest.mark.parametrize("name", [*REVIEWS, "many"])
def test_tables_in_markdown_have_as_many_cells_in_each_row(name: str) -> None:
    lines = review_markdown(REVIEWS[name]() if name in REVIEWS else many(60)).splitlines()
    places = [place for place, line in enumerate(lines) if re.fullmatch(r"\|( --- \|)+", line)]
    assert len(places) >= 2
    for place in places:
        assert lines[place - 2] == ""
        cells = lines[place].count("|")
        for line in [lines[place - 1], *lines[place + 1 :]]:
            if not line:
                break
            assert line.startswith("| ") and line.endswith(" |") and line.count("|") == cells


def test_markdown_fits_a_comment_whatever_the_size() -> None:
    bundle = many(5_000)
    written = review_markdown(bundle)
    assert length(written) < 65_000
    assert "**5,001 dangers: read them before you approve.**" in written
    assert re.search(r"\*… and 4,\d{3} more, see index\.html\.\*", written)
    assert "\n## What could not be shown\n" in written
    worst = bundle.model_copy(update={"project": "\U000e0001" * 200_000, "versions": {}})
    assert length(review_markdown(worst)) < 65_000


def test_every_character_that_grows_still_fits() -> None:
    name = "@\U000e0001" * 5_000
    stack = hosting(stack=name, outputs=(name,) * 500)
    infra = Infrastructure(
        stacks=(stack,) * 300, permissions=(), traffic=name, headlines=(headline("danger", name),) * 900
    )
    assert length(review_markdown(hostile().model_copy(update={"infrastructure": infra}))) < 65_000


def test_three_hundred_resources_are_drawn_at_once() -> None:
    bundle = many(300)
    began = time.process_time()
    review_html(bundle), review_markdown(bundle)
    assert time.process_time() - began < 10


def test_a_long_value_is_shortened_in_the_middle_and_there_in_full() -> None:
    long = "s3://" + "a" * 300 + "/end"
    assert '<details class="long"><summary><code>s3://aaa' in review_html(_with_value(long))
    page = text_of(review_html(_with_value(long)))
    assert long in page and re.search(r"a … a+/end", page)


def _with_value(value: str) -> Bundle:
    def edit(r: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
        r["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = value

    planned = template()
    edit(planned["Resources"])
    return calm(infrastructure=infrastructure([pair(template(), planned)], environment()))


@pytest.mark.parametrize(
    "svg",
    [
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<svg xmlns='http://www.w3.org/2000/svg'><image href='https://example.com/x.png'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><use href='https://example.com/x.svg#a'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><path style='fill: url(https://example.com/x)'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><path style='background: red'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><rect id='headlines'/></svg>",
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg'/>",
        "<div xmlns='http://www.w3.org/2000/svg'/>",
        "</figure><h1>out</h1>",
    ],
)
def test_a_picture_that_is_none_is_left_out_and_said(svg: str) -> None:
    bad = plots()[0].model_copy(update={"name": "bad", "title": "Bad one", "svg": svg})
    page = review_html(calm(model=model(plots=(bad, plots()[1]))))
    assert "The picture Bad one: it is none that a page may hold." in text_of(page)
    assert page.count("<svg") == 1 and "example.com" not in page and "alert(1)" not in page


def test_the_same_review_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "import sys, hashlib; sys.path[:0] = sys.argv[1:];"
        "from sample_bundle import dangerous; from review.pages import review_html, review_markdown;"
        "print(hashlib.sha256((review_html(dangerous()) + review_markdown(dangerous())).encode()).hexdigest())"
    )
    words = [sys.executable, "-c", program, *sys.path]
    other = subprocess.run(
        words, capture_output=True, text=True, env={"PYTHONHASHSEED": "7"}, check=True
    ).stdout.strip()
    again = Bundle.model_validate_json(dangerous().model_dump_json())
    assert hashlib.sha256((review_html(again) + review_markdown(again)).encode()).hexdigest() == other


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_in_light_and_dark() -> None:
    """WCAG 2.2 AA: 4.5 to 1, https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    sheet = re.search("<style>(.*?)</style>", review_html(calm()), re.DOTALL)
    assert sheet is not None
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in sheet[1].split("@media")[:2]]
    assert [len(one) for one in schemes] == [22, 22] or schemes[0].keys() == schemes[1].keys()
    pairs = [(ink, back) for ink in ("ink", "quiet", "link") for back in ("page", "card", "code")]
    pairs += [(tone, f"{tone}-back") for tone in ("danger", "warning", "note", "good", "calm")]
    pairs += [(ink, f"{tone}-back") for tone in ("danger", "warning", "note") for ink in ("ink", "quiet")]
    pairs += [("warning", "card"), ("danger", "card"), ("calm", "card")]
    for scheme in schemes:
        for ink, back in pairs:
            one, other = sorted((_luminance(scheme[ink]), _luminance(scheme[back])), reverse=True)
            assert (one + 0.05) / (other + 0.05) >= 4.5, (ink, back)


def test_headlines_at_a_terminal_are_broken_below_themselves() -> None:
    assert headline_lines(headline("danger", RENAMED), 60) == (
        "danger   The endpoint bikes-dev is replaced by\n"
        "         bikes-dev-two: bikes-dev-two is made, then\n"
        "         bikes-dev deleted. Callers of bikes-dev get errors\n"
        "         until they call bikes-dev-two."
    )
    assert headline_lines(headline("warning", "Costs more."), None) == "warning  Costs more."
